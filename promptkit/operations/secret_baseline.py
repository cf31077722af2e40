"""Credentials that are known and let pass: a file to commit beside the code.

It holds no credential, and is slow to guess from: each is kept as a digest of scrypt (RFC 7914)
with the file's own salt, bound to its path and kind.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from hashlib import scrypt
from pathlib import Path
from typing import Final

from promptkit.errors import StoreError
from promptkit.operations.secret_scan import Leak

FORMAT: Final = "promptkit-secret-baseline"
VERSION: Final = 1
_COST: Final = 2**14
"""scrypt's N; with r = 8 one guess takes 16 MiB and about a twentieth of a second."""


class Baseline:
    """The known credentials of one file."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            StoreError: When it cannot be read or is no baseline.
        """
        self._folder = path.resolve().parent
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            is_one = content["format"] == FORMAT and content["version"] == VERSION
            self._salt = bytes.fromhex(content["salt"])
            self._known = {(e["path"], e["kind"], e["digest"]) for e in content["secrets"]}
        except OSError as error:
            msg = f"the baseline {path} cannot be read ({error.strerror})"
            raise StoreError(msg, hint="make it with --write-baseline") from None
        except (ValueError, KeyError, TypeError):
            is_one = False
        if not is_one:
            raise StoreError(f"{path} is no baseline", hint="make it with --write-baseline")
        self._paths = {(known[0], known[1]) for known in self._known}

    def __contains__(self, leak: Leak) -> bool:
        """Whether this very credential is known in this file."""
        path, kind = _name(leak.path, self._folder), leak.finding.kind
        if (path, kind) not in self._paths:
            return False
        return (path, kind, _digest(leak, path, self._salt)) in self._known


def write_baseline(path: Path, leaks: Iterable[Leak]) -> None:
    """Write a baseline of these credentials.

    Raises:
        StoreError: When the file cannot be written.
    """
    salt, folder = os.urandom(16), path.resolve().parent
    secrets = []
    for leak in leaks:
        name = _name(leak.path, folder)
        secrets.append(
            {"path": name, "kind": leak.finding.kind, "digest": _digest(leak, name, salt)}
        )
    content = {"format": FORMAT, "version": VERSION, "salt": salt.hex(), "secrets": secrets}
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        msg = f"the baseline {path} cannot be written ({error.strerror})"
        raise StoreError(msg, hint="name another file") from None


def _name(path: Path, folder: Path) -> str:
    found = path.resolve()
    return (found.relative_to(folder) if found.is_relative_to(folder) else found).as_posix()


def _digest(leak: Leak, name: str, salt: bytes) -> str:
    value = f"{name}\0{leak.finding.kind}\0{leak.secret.reveal()}"
    plain = value.encode("utf-8", "surrogatepass")
    return scrypt(plain, salt=salt, n=_COST, r=8, p=1, maxmem=1 << 26, dklen=12).hex()
