"""Addresses in networks: IPv4 and IPv6 (RFC 4291, 5952), MAC (IEEE 802).

Loopback and the unspecified address are everybody's, so they are left. An address of four numbers
behind a word such as «version» is taken for one of a program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from promptkit.safety.finding import Finding
from promptkit.safety.personal.scanned import Scanned, words

KINDS: Final = frozenset({"ip_address", "mac_address"})

_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4: Final = re.compile(
    rf"(?<![0-9A-Za-z_])(?<![0-9]\.)(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z_]|\.[0-9])"
)
_V6: Final = re.compile(
    rf"(?<![0-9A-Za-z_:.])(?:[0-9A-Fa-f:]{{2,30}}:(?:{_OCTET}\.){{3}}{_OCTET}|[0-9A-Fa-f:]{{3,39}}+)"
    r"(?![0-9A-Za-z_])"
)
_MAC: Final = re.compile(
    r"(?<![0-9A-Za-z_:-])(?:[0-9A-Fa-f]{2}(?P<gap>[:-])(?:[0-9A-Fa-f]{2}(?P=gap)){4}[0-9A-Fa-f]{2}"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![0-9A-Za-z_:-])"
)
_VERSION: Final = words(
    "version versions release build v ver firmware chapter section sections paragraph figure"
    " table upgrade upgraded"
)
_PROGRAMS: Final = words(
    "python java jdk jre ruby php perl golang rust gcc clang dotnet kotlin scala windows macos"
    " android ios chrome chromium firefox safari edge opera django flask rails numpy pandas torch"
    " tensorflow cuda openssl"
)
"""Right before four numbers, the program whose version they are. Servers have addresses, too."""

_PRIVATE: Final = ("10.", "192.168.", "172.")
"""How addresses within a house begin, and few versions (RFC 1918)."""

_EVERYBODYS: Final = frozenset({"127.0.0.1", "0.0.0.0", "255.255.255.255"})  # noqa: S104
_V6_GROUPS: Final = 8


def find(scanned: Scanned) -> Iterator[Finding]:
    """Yield IP and MAC addresses."""
    text = scanned.text
    colons = text.count(":")
    if text.count(".") > 2:  # noqa: PLR2004 -- three in an address
        yield from _v4(scanned)
    if colons > 4 or text.count("-") > 4 or "." in text:  # noqa: PLR2004 -- five in an address
        for match in _MAC.finditer(text):
            yield _finding("mac_address", match.span(), "")
    if colons > 1:
        for match in _V6.finditer(text):
            address = match[0]
            if ":" not in address:
                continue
            if address.endswith(":") and not address.endswith("::"):
                address = address[:-1]  # the colon belongs to the sentence
            if is_v6(address):
                start = match.start()
                yield _finding("ip_address", (start, start + len(address)), "v6")


def _v4(scanned: Scanned) -> Iterator[Finding]:
    for match in _V4.finditer(scanned.text):
        start = match.start()
        before = scanned.before(start, 14)
        is_version = not _VERSION.isdisjoint(before) or (
            not _PROGRAMS.isdisjoint(before[-1:])
            and scanned.text[start - 1] in " /-"
            and not match[0].startswith(_PRIVATE)
        )
        is_money = scanned.text[start - 1 : start] in ("$", "€", "£")
        if match[0] not in _EVERYBODYS and not is_version and not is_money:
            yield _finding("ip_address", match.span(), "v4")


def is_v6(address: str) -> bool:
    """Whether a text of hexadecimal digits and colons is an address that is somebody's.

    >>> is_v6("2001:db8::8a2e:370:7334"), is_v6("12:30:45"), is_v6("::1"), is_v6("a::b")
    (True, False, False, False)
    """
    head, _, tail = address.rpartition(":")
    if "." in tail:
        address = f"{head}:0:0"
    left, double, right = address.partition("::")
    if ":::" in address or "::" in right:
        return False
    groups = [group for side in (left, right) if side for group in side.split(":")]
    if any(not 1 <= len(group) <= 4 for group in groups):  # noqa: PLR2004 -- 16 bits
        return False
    if double:
        # «a::b» is a name in C++ far more often than an address.
        return len(groups) < _V6_GROUPS and sum(map(len, groups)) > 4  # noqa: PLR2004
    return len(groups) == _V6_GROUPS


def _finding(kind: str, span: tuple[int, int], detail: str) -> Finding:
    return Finding(kind=kind, span=span, confidence=0.95, action="redact", detail=detail)
