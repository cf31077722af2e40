"""Addresses of cryptocurrencies.

Base58Check (Bitcoin, Litecoin, Dogecoin, Dash, Zcash, XRP, Tron: version byte and double SHA-256)
and Bech32 and Bech32m (BIP 173, 350; Cardano's longer ones too) are verified. An Ethereum address
is told by its form, 0x and 40 hexadecimal digits: its mixed-case checksum (EIP-55) needs Keccak,
which the standard library lacks, and an address with a slip of the pen is as personal as another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from promptkit.safety.finding import Finding
from promptkit.safety.personal.scanned import Scanned

KINDS: Final = frozenset({"crypto_address"})

_ETHEREUM: Final = re.compile(r"(?<![0-9A-Za-z])0[xX][0-9a-fA-F]{40}(?![0-9A-Za-z])")
_BASE58: Final = re.compile(r"(?<![0-9A-Za-z])[1-9A-HJ-NP-Za-km-z]{25,36}(?![0-9A-Za-z])")
_BECH32: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:(?:bc|tb|ltc|addr|stake|cosmos|bnb|osmo)1[02-9ac-hj-np-z]{30,110}"
    r"|(?:BC|TB|LTC)1[02-9AC-HJ-NP-Z]{30,110})(?![0-9A-Za-z])"
)
_MONERO: Final = re.compile(
    r"(?<![0-9A-Za-z])[48][1-9A-HJ-NP-Za-km-z]{94}(?:[1-9A-HJ-NP-Za-km-z]{11})?(?![0-9A-Za-z])"
)

_BITCOIN: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_VERSIONS: Final = {
    0x00: "bitcoin", 0x05: "bitcoin", 0x6F: "bitcoin", 0xC4: "bitcoin", 0x30: "litecoin",
    0x32: "litecoin", 0x1E: "dogecoin", 0x16: "dogecoin", 0x4C: "dash", 0x10: "dash",
    0x41: "tron", 0x1C: "zcash",
}  # fmt: skip
_CHARSET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_SUMS: Final = (1, 0x2BC830A3)
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def find(scanned: Scanned) -> Iterator[Finding]:
    """Yield addresses."""
    text = scanned.text
    if "0x" in text or "0X" in text:
        yield from (_finding(match, "ethereum") for match in _ETHEREUM.finditer(text))
    if len(text) < 25:  # noqa: PLR2004 -- the shortest address
        return
    for match in _BASE58.finditer(text):
        coin = base58_coin(match[0])
        if coin:
            yield _finding(match, coin)
    if "1" in text:
        for match in _BECH32.finditer(text):
            if is_bech32(match[0]):
                yield _finding(match, match[0].partition("1")[0].lower())
    yield from (_finding(match, "monero") for match in _MONERO.finditer(text))


def base58_coin(address: str) -> str:
    """Return whose Base58Check address this is; empty for nobody's.

    >>> (
    ...     base58_coin("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    ...     base58_coin("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3"),
    ... )
    ('bitcoin', '')
    """
    is_ripple = address[0] == "r"
    alphabet = _RIPPLE if is_ripple else _BITCOIN
    if address.isalpha() and (address.islower() or address.isupper()):
        return ""
    number = 0
    for character in address:
        number = number * 58 + alphabet.index(character)
    zeros = len(address) - len(address.lstrip(alphabet[0]))
    raw = b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
    if len(raw) not in (25, 26) or sha256(sha256(raw[:-4]).digest()).digest()[:4] != raw[-4:]:
        return ""
    return "xrp" if is_ripple else _VERSIONS.get(raw[0], "")


def is_bech32(address: str) -> bool:
    """Whether a Bech32 or Bech32m checksum fits.

    >>> is_bech32("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")
    True
    """
    prefix, _, data = address.lower().rpartition("1")
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    values += [_CHARSET.index(character) for character in data]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate(_GENERATOR):
            if top >> place & 1:
                check ^= term
    return check in _BECH32_SUMS


def _finding(match: re.Match[str], coin: str) -> Finding:
    return Finding(
        kind="crypto_address", span=match.span(), confidence=0.95, action="redact", detail=coin
    )
