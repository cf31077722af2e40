"""Encryption of what a store keeps, with a key derived from the user's secret.

scrypt (RFC 7914) makes two keys of the secret and the file's salt. One encrypts each value with
AES-256-GCM (NIST SP 800-38D), a fresh nonce each time, bound to the place where it stands, so that
nobody can alter values or swap them. The other turns the digests of requests into keyed ones:
without the secret nobody can find out by guessing whether a prompt is in the file.
"""

from __future__ import annotations

import os
from hashlib import blake2b, scrypt
from typing import Final

from promptkit.errors import MissingExtraError, OptionError
from promptkit.secret import Secret

SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_COST: Final = 2**15
"""scrypt's N; with r = 8 one guess takes 32 MiB and about a tenth of a second."""

_BLOCK: Final = 8
_MOST_MEMORY: Final = 2 * 128 * _BLOCK * _COST


class Sealer:
    """Encrypts and decrypts with one secret and salt."""

    def __init__(self, secret: Secret, salt: bytes) -> None:
        """Derive the keys.

        Raises:
            MissingExtraError: When the package cryptography is not installed.
            OptionError: When the secret is empty.
        """
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError:
            msg = "an encrypted cache needs the package cryptography"
            raise MissingExtraError(msg, hint="pip install 'promptkit[encryption]'") from None
        if not secret.reveal():
            raise OptionError("the cache's secret is empty", hint="make it long and random")
        keys = scrypt(
            secret.reveal().encode("utf-8", "surrogatepass"),
            salt=salt,
            n=_COST,
            r=_BLOCK,
            p=1,
            maxmem=_MOST_MEMORY,
            dklen=2 * _KEY_BYTES,
        )
        self._cipher = AESGCM(keys[:_KEY_BYTES])
        self._digest_key = keys[_KEY_BYTES:]

    def digest(self, key: bytes) -> bytes:
        """Return a keyed digest of `key`, of the same size."""
        return blake2b(key, key=self._digest_key, digest_size=len(key)).digest()

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Encrypt `plain` so that it can be decrypted for the same `place` only."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, place)

    def unseal(self, sealed: bytes, place: bytes) -> bytes:
        """Decrypt what `seal` returned.

        Raises:
            ValueError: When the secret is another one, or a byte has changed.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
        except InvalidTag:
            raise ValueError("it does not decrypt") from None

    def __repr__(self) -> str:
        """Show no key."""
        return "Sealer()"
