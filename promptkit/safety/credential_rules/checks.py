"""What a credential says about itself: checksums, and parts that must decode.

A check returns how sure a match is now, from 0 to 1; 0 refuses it. A checksum that fails lowers
rather than refuses: test keys and keys with a digit blacked out are found too.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any, Final
from zlib import crc32

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM: Final = 6
_FAILED: Final = 0.6
"""What a match is worth whose checksum is wrong."""


def base62_crc32(text: str) -> str:
    """Return the CRC-32 of a text as GitHub and npm write it: six digits of base 62.

    The digits are 0-9, A-Z, a-z ("Behind GitHub's new authentication token formats", 2021).

    >>> base62_crc32("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ")
    '0mLq17'
    """
    value, digits = crc32(text.encode("utf-8", "surrogatepass")), ""
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, len(_BASE62))
        digits = _BASE62[digit] + digits
    return digits


def decoded(text: str) -> bytes | None:
    """Return what a base64 text stands for, in either alphabet and with or without padding.

    >>> decoded("aGk"), decoded("a"), decoded("é")
    (b'hi', None, None)
    """
    plain = text.rstrip("=")
    try:
        return base64.b64decode(
            plain.replace("-", "+").replace("_", "/") + "=" * (-len(plain) % 4), validate=True
        )
    except (ValueError, binascii.Error):
        return None


def decoded_json(text: str) -> Any:
    """Return the JSON value behind a base64 text, or None."""
    data = decoded(text)
    if data is None:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def jwt_header(token: str) -> dict[str, Any] | None:
    """Return the header of a JSON web token (RFC 7519), or None where it is none.

    >>> jwt_header("eyJhbGciOiJub25lIn0.e30.")
    {'alg': 'none'}
    """
    header = decoded_json(token.partition(".")[0])
    is_header = isinstance(header, dict) and not header.keys().isdisjoint(("alg", "typ", "enc"))
    return header if is_header else None


def _github(token: str) -> float:
    body = token[4:]
    return 1.0 if base62_crc32(body[:-_CHECKSUM]) == body[-_CHECKSUM:] else _FAILED


def _grafana(token: str) -> float:
    name, _, digits = token.rpartition("_")
    return 1.0 if f"{crc32(name.encode()):08x}" == digits.lower() else 0.9


def _openai(token: str) -> float:
    left, _, right = token.partition("T3BlbkFJ")
    return 1.0 if len(right) in (20, 58, 74) and len(left) > len(right) else 0.9


def _bedrock(token: str) -> float:
    data = decoded(token[4:])
    return 1.0 if data is not None and data.lower().startswith(b"bedrockapikey-") else 0.0


def _azure_secret(token: str) -> float:
    return 0.0 if token.count("~") > 3 or token[:3] == "~~~" else 0.95  # noqa: PLR2004 -- one is the mark's


def _azure_sas(secret: str) -> float:
    return 0.9 if any(char.isupper() for char in secret) else 0.0


def _mixed(token: str) -> float:
    """An old Vault token has both cases and a digit; a call such as `s.makeSomething` has none."""
    kinds = (str.isupper, str.islower, str.isdigit)
    return 0.8 if all(any(map(kind, token[2:])) for kind in kinds) else 0.0


def _both_cases(token: str) -> float:
    """A hexadecimal digest behind the same letters has one case."""
    body = token[4:]
    return 0.8 if any(map(str.isupper, body)) and any(map(str.islower, body)) else 0.0


def _slack(token: str) -> float:
    return 0.95 if any(char.isdigit() for char in token[5:]) else 0.0


def _discord(token: str) -> float:
    owner = decoded(token.partition(".")[0])
    return 0.95 if owner is not None and owner.isdigit() else 0.0


def _asana(secret: str) -> float:
    return 0.5 if any(char.isalpha() for char in secret) else 0.0


def _facebook(token: str) -> float:
    tail = re.split(r"\||%7C", token)[-1]
    return 0.9 if any(map(str.isupper, tail)) and any(map(str.islower, tail)) else 0.0


CHECKS: Final[dict[str, Callable[[str], float]]] = {
    "asana": _asana,
    "azure_sas": _azure_sas,
    "azure_secret": _azure_secret,
    "bedrock": _bedrock,
    "both_cases": _both_cases,
    "discord": _discord,
    "facebook": _facebook,
    "github": _github,
    "grafana": _grafana,
    "mixed": _mixed,
    "npm": _github,
    "openai": _openai,
    "slack": _slack,
}
"""By the name that a format gives. GitHub and npm compute their checksums the same way."""
