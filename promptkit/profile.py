"""Profiles: who answers, who pays and within what limits, in `promptkit.toml`.

    default = "staging"

    [profiles.staging]
    base_url = "https://api.openai.com/v1"
    organization = "org-…"
    project = "proj-…"
    model = "gpt-5.4-mini"
    key = { env = "OPENAI_STAGING_KEY" }
    budget = { soft = 1.00, hard = 5.00, day = 0.50 }
    limits = { requests_per_minute = 500, concurrency = 64 }
    cache = true               # or a path, or a table: { ttl_s = 86400, max_bytes = 2_000_000_000 }

    [profiles.prod]
    routes = ["prod-east", { profile = "prod-west", weight = 2 }]   # other profiles' names
    strategy = "weighted"      # or least_in_flight, round_robin, priority
    hedge = true               # or seconds, or a table; see `transports.hedge`
    pack = { completions = 8 } # or false; see `transports.pack`
    policy = "policy.yaml"     # or "default"; see `promptkit.safety.policy`

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
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, cast

from promptkit.errors import OptionError, ProfileError
from promptkit.key_source import KeySource, parse_key_source
from promptkit.pricing import Price, parse_price
from promptkit.transports.budget import Budget
from promptkit.transports.hedge import Hedge
from promptkit.transports.limit import Limits
from promptkit.transports.pack import Packing
from promptkit.transports.routes import Routes
from promptkit.transports.store import Cache

DEFAULT_NAME: Final = "default"
"""The name under which calls without a profile are kept."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TEXTS: Final = (
    "base_url",
    "organization",
    "project",
    "model",
    "api",
    "api_version",
    "constraints",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One table of `[profiles.…]`; see the module's head.

    Attributes:
        constraints: How the endpoint can be made to obey: "json_schema", "grammar", "vllm",
            "vllm_guided" or "none", see `promptkit.adapters.dialect`; None takes what is known
            of its address.
        ledger: True keeps a record of each call, False none, "text" one with its texts.
        routes: Other profiles that answer in this one's place.
        hedge: When a late call gets a second copy; None for never.
        pack: How requests share a call; None for not at all.
        policy: The file of a policy, beside the profile's file, or "default"; None for none.
    """

    name: str = DEFAULT_NAME
    base_url: str | None = None
    organization: str | None = None
    project: str | None = None
    model: str | None = None
    api: str | None = None
    api_version: str | None = None
    constraints: Literal["json_schema", "grammar", "vllm", "vllm_guided", "none"] | None = None
    key: KeySource | None = None
    budget: Budget = field(default_factory=Budget)
    limits: Limits = field(default_factory=Limits)
    cache: bool | str | Cache | None = None
    ledger: bool | str = True
    prices: Mapping[str, Price] = field(default_factory=dict)
    routes: Routes | None = None
    hedge: Hedge | None = None
    pack: Packing | None = field(default_factory=Packing)
    policy: str | None = None

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
    import tomllib

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
    known = [*(f.name for f in fields(Profile) if f.name != "name"), "strategy"]
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
            **{entry: table[entry] for entry in (*_TEXTS, "ledger") if entry in table},
            key=parse_key_source(table["key"], f"{where}: key") if "key" in table else None,
            cache=_cache(table.get("cache"), where),
            budget=Budget.coerce(table.get("budget")),
            limits=Limits.coerce(table.get("limits")),
            prices={model: parse_price(model, p) for model, p in prices.items()},
            routes=Routes.coerce(table.get("routes"), table.get("strategy")),
            hedge=Hedge.coerce(table.get("hedge")),
            pack=Packing.coerce(table.get("pack")),
            policy=_policy(table.get("policy"), path, where),
        )
    except OptionError as error:
        raise ProfileError(f"{where}: {error.message}", hint=error.hint) from None


def _check_types(table: dict[str, Any], where: str) -> None:
    for entry in _TEXTS:
        if not isinstance(table.get(entry, ""), str):
            raise ProfileError(f"{where}: {entry} is not a text")
    for entry, other in (("cache", dict), ("ledger", str)):
        if not isinstance(table.get(entry, True), (bool, str, other)):
            raise ProfileError(f"{where}: {entry} is neither true, false nor a text")
    prices = table.get("prices", {})
    if not isinstance(prices, dict) or not all(isinstance(p, dict) for p in prices.values()):
        raise ProfileError(f"{where}: prices are no tables", hint="[profiles.NAME.prices.MODEL]")
    kinds = ("json_schema", "grammar", "vllm", "vllm_guided", "none")
    if table.get("constraints", "none") not in kinds:
        hint = f"it is one of {', '.join(kinds)}"
        raise ProfileError(f"{where}: constraints={table['constraints']!r}", hint=hint)


def _policy(value: Any, path: Path, where: str) -> str | None:
    """Read `policy`: the path of a file, from the folder of the profile's file, or "default"."""
    if value is None or value == "default":
        return cast("str | None", value)
    if not isinstance(value, str):
        raise ProfileError(f"{where}: policy is no text", hint='a path, or "default"')
    return str(path.parent / value)


def _cache(value: Any, where: str) -> bool | str | Cache | None:
    """Read `cache`: true, false, a path, or a table of the fields of `Cache`."""
    if not isinstance(value, dict):
        return cast("bool | str | None", value)
    known = [f.name for f in fields(Cache)]
    unknown = [entry for entry in value if entry not in known]
    if unknown:
        hint = f"it may have {', '.join(known)}"
        raise ProfileError(f"{where}: cache has an unknown field {unknown[0]!r}", hint=hint)
    settings = dict(value)
    if "secret" in settings:
        settings["secret"] = parse_key_source(settings["secret"], f"{where}: cache.secret")
    return Cache(**settings)
