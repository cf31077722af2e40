"""Where a secret comes from: an environment variable, the system's keyring, a command's output.

A configuration file names the place and never holds the secret.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import Any, Final

from promptkit.errors import MissingExtraError, ProfileError
from promptkit.secret import Secret

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEX_KEY: Final = re.compile(r"[0-9a-fA-F]{32,}")
_COMMAND_S: Final = 30.0


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


def parse_key_source(value: Any, where: str) -> KeySource:
    """Read a key's source from a profile.

    Args:
        value: As it stands in the file.
        where: Names the place in errors.

    Raises:
        ProfileError: When it is not understood, or holds a key itself.

    >>> parse_key_source({"env": "OPENAI_API_KEY"}, "promptkit.toml")
    KeySource(env='OPENAI_API_KEY', keyring=None, command=None)
    """
    hint = 'one of { env = "NAME" }, { keyring = "service/user" }, { command = ["…"] }'
    if (
        not isinstance(value, dict)
        or len(value) != 1
        or next(iter(value)) not in KeySource.__slots__
    ):
        raise ProfileError(f"{where}: the source is not understood", hint=hint)
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
