"""Profiles: who answers, who pays and within what limits, in `promptkit.toml`.

    default = "staging"

    [profiles.staging]
    base_url = "https://api.openai.com/v1"
    organization = "org-…"
    project = "proj-…"
    model = "gpt-5.4-mini"
    key = { env = "OPENAI_STAGING_KEY" }
    budget = { soft = 1.00, hard = 5.00 }
    limits = { requests_per_minute = 500, concurrency = 64 }
    cache = true

    [profiles.staging.prices."my-fine-tune"]
    input = 0.30
    output = 1.20

The same tables may stand in `pyproject.toml` under `[tool.promptkit]`. A profile says where its
key comes from (an environment variable, the system's keyring, or a command's output) and never
holds the key. When a profile is used, nothing else is taken from the environment: what is meant
for staging cannot be paid by production.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

from promptkit.errors import MissingExtraError, OptionError, ProfileError
from promptkit.pricing import Price, parse_price
from promptkit.secret import Secret
from promptkit.transports.budget import Budget
from promptkit.transports.limit import Limits

DEFAULT_NAME: Final = "default"
"""The name under which calls without a profile are kept."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEX_KEY: Final = re.compile(r"[0-9a-fA-F]{32,}")
_COMMAND_S: Final = 30.0
_TEXTS: Final = (
    "base_url",
    "organization",
    "project",
    "model",
    "api",
    "api_version",
    "constraints",
)


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where a key comes from: exactly one of the three is set.

    Attributes:
        env: The name of an environment variable.
        keyring: «service/user» in the system's keyring.
        command: A program and its arguments; it prints the key.
    """

    env: str | None = None
    keyring: str | None = None
    command: tuple[str, ...] | None = None

    def resolve(self) -> Secret:
        """Fetch the key.

        Raises:
            ProfileError: When it is not there. What a command printed is never shown.
        """
        if self.env:
            value = os.environ.get(self.env, "")
            if not value.strip():
                hint = f"export {self.env}=…, or change the profile's key"
                raise ProfileError(f"the environment variable {self.env} is not set", hint=hint)
            return Secret(value)
        if self.keyring:
            return Secret(_from_keyring(self.keyring))
        return _from_command(self.command or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One table of `[profiles.…]`; see the module's head.

    Attributes:
        constraints: What the endpoint can be made to obey: "json_schema", "grammar" or "none";
            None takes what is known of its address.
        ledger: True keeps a record of each call, False none, "text" one with its texts.
    """

    name: str = DEFAULT_NAME
    base_url: str | None = None
    organization: str | None = None
    project: str | None = None
    model: str | None = None
    api: str | None = None
    api_version: str | None = None
    constraints: Literal["json_schema", "grammar", "none"] | None = None
    key: KeySource | None = None
    budget: Budget = field(default_factory=Budget)
    limits: Limits = field(default_factory=Limits)
    cache: bool | str | None = None
    ledger: bool | str = True
    prices: Mapping[str, Price] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the name: it becomes a folder's."""
        if not _NAME.fullmatch(self.name):
            hint = "letters, digits, «.», «_» and «-», for it names a folder"
            raise ProfileError(f"a profile is called {self.name!r}", hint=hint)


def load_profile(name: str | None = None, start: Path | None = None) -> Profile | None:
    """Find the profile called `name`, or the default one; None where there is no default.

    Args:
        name: As in `[profiles.name]`. None takes PROMPTKIT_PROFILE, then the file's `default`.
        start: The folder to look in first, then its parents; the working directory by default.

    Raises:
        ProfileError: When it is not there, or holds what it may not.
    """
    wanted = name or os.environ.get("PROMPTKIT_PROFILE") or None
    path, tables = _find(start or Path.cwd())
    if path is None:
        if wanted is None:
            return None
        hint = f"make promptkit.toml with a table [profiles.{wanted}]"
        raise ProfileError(f"there is no profile {wanted!r}, and no promptkit.toml", hint=hint)
    unknown = set(tables) - {"default", "profiles"}
    if unknown:
        raise ProfileError(
            f"{path}: unknown field {min(unknown)!r}",
            hint="it holds `default` and `profiles`",
        )
    wanted = wanted or tables.get("default")
    if wanted is None:
        return None
    profiles = tables.get("profiles")
    if not isinstance(profiles, dict) or wanted not in profiles:
        known = ", ".join(profiles) if isinstance(profiles, dict) else "none"
        raise ProfileError(f"{path} has no profile {wanted!r}", hint=f"it has {known}")
    return _read(str(wanted), profiles[wanted], path)


def _find(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    for place in (folder, *folder.parents):
        own, project = place / "promptkit.toml", place / "pyproject.toml"
        if own.is_file():
            return own, _toml(own)
        if project.is_file() and "promptkit" in (tool := _toml(project).get("tool", {})):
            if not isinstance(tool["promptkit"], dict):
                raise ProfileError(f"{project}: tool.promptkit is no table")
            return project, tool["promptkit"]
    return None, {}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"{path} cannot be read ({error})") from None


def _read(name: str, table: Any, path: Path) -> Profile:
    where = f"{path}, profile {name!r}"
    if not isinstance(table, dict):
        raise ProfileError(f"{where} is no table", hint=f"write [profiles.{name}]")
    if "api_key" in table or isinstance(table.get("key"), str):
        hint = 'say where it comes from: key = { env = "NAME" }'
        raise ProfileError(f"{where} holds a key itself", hint=hint)
    known = [f.name for f in fields(Profile) if f.name != "name"]
    for entry in table:
        if entry not in known:
            close = difflib.get_close_matches(entry, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it may have {', '.join(known)}"
            raise ProfileError(f"{where} has an unknown field {entry!r}", hint=hint)
    _check_types(table, where)
    prices = table.get("prices", {})
    try:
        return Profile(
            name=name,
            **{entry: table[entry] for entry in (*_TEXTS, "cache", "ledger") if entry in table},
            key=_key_source(table["key"], where) if "key" in table else None,
            budget=_budget(table.get("budget")),
            limits=Limits.coerce(table.get("limits")),
            prices={model: parse_price(model, p) for model, p in prices.items()},
        )
    except OptionError as error:
        raise ProfileError(f"{where}: {error.message}", hint=error.hint) from None


def _check_types(table: dict[str, Any], where: str) -> None:
    for entry in _TEXTS:
        if not isinstance(table.get(entry, ""), str):
            raise ProfileError(f"{where}: {entry} is not a text")
    for entry in ("cache", "ledger"):
        if not isinstance(table.get(entry, True), (bool, str)):
            raise ProfileError(f"{where}: {entry} is neither true, false nor a text")
    prices = table.get("prices", {})
    if not isinstance(prices, dict) or not all(isinstance(p, dict) for p in prices.values()):
        raise ProfileError(f"{where}: prices are no tables", hint="[profiles.NAME.prices.MODEL]")
    if table.get("constraints", "none") not in ("json_schema", "grammar", "none"):
        hint = "it is json_schema, grammar or none"
        raise ProfileError(f"{where}: constraints={table['constraints']!r}", hint=hint)


def _budget(value: Any) -> Budget:
    if isinstance(value, dict):
        if not set(value) <= {"hard", "soft"}:
            raise OptionError(f"budget={value!r}", hint="it may have hard and soft")
        return Budget(**value)
    return Budget.coerce(value)


def _key_source(value: Any, where: str) -> KeySource:
    hint = 'one of key = { env = "NAME" }, { keyring = "service/user" }, { command = ["…"] }'
    if (
        not isinstance(value, dict)
        or len(value) != 1
        or next(iter(value)) not in KeySource.__slots__
    ):
        raise ProfileError(f"{where}: the key's source is not understood", hint=hint)
    ((kind, source),) = value.items()
    if kind == "command":
        if (
            not isinstance(source, list)
            or not source
            or not all(isinstance(s, str) for s in source)
        ):
            raise ProfileError(f"{where}: command is not a list of texts", hint=hint)
        return KeySource(command=tuple(source))
    if not isinstance(source, str) or not source:
        raise ProfileError(f"{where}: {kind} is not a text", hint=hint)
    if kind == "env" and (not _VARIABLE.fullmatch(source) or _HEX_KEY.fullmatch(source)):
        raise ProfileError(f"{where} holds a key where a variable's name is meant", hint=hint)
    return KeySource(env=source) if kind == "env" else KeySource(keyring=source)


def _from_keyring(place: str) -> str:
    service, _, user = place.partition("/")
    try:
        import keyring
    except ImportError:
        hint = "pip install 'promptkit[keyring]'"
        raise MissingExtraError(
            "a key in the keyring needs the package keyring", hint=hint
        ) from None
    value = keyring.get_password(service, user)
    if not value:
        hint = f"keyring set {service} {user}"
        raise ProfileError(f"the keyring has no key for {place!r}", hint=hint)
    return value


def _run_command(command: tuple[str, ...]) -> tuple[int, Secret | None]:
    done = subprocess.run(  # noqa: S603 -- the user's own configuration names the program
        command, capture_output=True, timeout=_COMMAND_S, check=False, stdin=subprocess.DEVNULL
    )
    printed = done.stdout.decode("utf-8", "replace").strip()
    return done.returncode, Secret(printed) if printed else None


def _from_command(command: tuple[str, ...]) -> Secret:
    name = command[0] if command else ""
    try:
        code, key = _run_command(command)
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or f"no end within {_COMMAND_S:g} s"
        raise ProfileError(f"the key's command {name!r} failed ({reason})") from None
    if code or not key:
        reason = f"exit code {code}" if code else "it printed nothing"
        raise ProfileError(f"the key's command {name!r} failed ({reason})", hint="run it by hand")
    return key
