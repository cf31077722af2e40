"""A vault in a file, in the clear or encrypted.

The file holds personal data: only its owner can read it, and with a secret nobody can without it.
It is written whole beside its place and then moved there, so that a crash leaves the old one.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Final

from promptkit.adapters.encryption import SALT_BYTES, Sealer
from promptkit.errors import StoreError
from promptkit.safety.vault import Vault
from promptkit.secret import Secret

_PLACE: Final = b"promptkit vault 1"


def save_vault(vault: Vault, path: str | os.PathLike[str], *, secret: str | None = None) -> None:
    """Write a vault to a file that its owner alone may read.

    Args:
        vault: The vault.
        path: The file; one that is there is replaced.
        secret: What encrypts it (AES-256-GCM, the key by scrypt); in the clear where none is given.

    Raises:
        MissingExtraError: When a secret is given and the package cryptography is not installed.
        OptionError: When the secret is empty.
        OSError: When the file cannot be written.
    """
    written = vault.to_json()
    if secret is not None:
        salt = secrets.token_bytes(SALT_BYTES)
        sealed = Sealer(Secret(secret), salt).seal(written.encode(), _PLACE)
        written = json.dumps(
            {"salt": salt.hex(), "sealed": base64.b64encode(sealed).decode("ascii")}
        )
    target = Path(path)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    # Its mode is set as it is made: a moment of being readable is enough to be read.
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(written)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def load_vault(path: str | os.PathLike[str], *, secret: str | None = None) -> Vault:
    """Read a vault that `save_vault` wrote.

    Raises:
        StoreError: When the file is encrypted and no secret is given, or another one.
        OptionError: When the file holds no vault.
        OSError: When the file cannot be read.
    """
    written = Path(path).read_text(encoding="utf-8", errors="replace")
    try:
        outer = json.loads(written)
        salt, sealed = bytes.fromhex(outer["salt"]), base64.b64decode(outer["sealed"])
    except (ValueError, KeyError, TypeError):
        return Vault.from_json(written)
    if secret is None:
        raise StoreError("the vault's file is encrypted", hint="give load_vault the secret")
    try:
        plain = Sealer(Secret(secret), salt).unseal(sealed, _PLACE)
    except ValueError:
        msg = "the vault's file does not decrypt"
        raise StoreError(msg, hint="the secret is another one, or the file was changed") from None
    return Vault.from_json(plain.decode())
