"""Where an address leads, and whether data may go there.

Browsers, mail programs and Markdown renderers read addresses leniently: they drop tabs and line
ends, take a backslash for a slash, decode entities and forgive missing slashes. So an address is
let through only if its start is spelt in the one strict way and its host is on the list; or if no
lenient reading of it has a scheme or a host at all, which makes it relative to the page it is on.

Source of the lenient readings: WHATWG URL Standard, «URL parsing»; CommonMark 0.31.2, 2.4, 2.5.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import unquote

from promptkit.errors import OptionError

Leads = Literal["allowed", "relative", "blocked"]
"""To a host on the list, to the page's own host, or anywhere else."""

UNSEEN: Final = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff"
)
"""Characters that show nothing, as the inside of a class: they may hide in a scheme."""

_HOST: Final = r"(?:[A-Za-z0-9_-]{1,63}\.){0,20}[A-Za-z0-9_-]{1,63}"
_STRICT: Final = re.compile(
    rf"(?:https?:)?//(?P<host>{_HOST}|[^\W_][\w.-]{{0,250}}[^\W_])\.?(?::\d{{1,5}})?(?=[/?#]|$)",
    re.IGNORECASE,
)
"""The one spelling of an absolute address that is compared with the list."""

_MAIL: Final = re.compile(
    rf"mailto:(?P<local>[\w.+-]{{1,64}})@(?P<host>{_HOST})", re.IGNORECASE | re.ASCII
)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.\-]*:", re.IGNORECASE)
_DANGEROUS: Final = re.compile(
    r"(?:https?|ftps?|javascript|vbscript|livescript|data|file|blob|mailto|wss?|jar|view-source):"
    r"|[/\\]{2}",
    re.IGNORECASE,
)
"""Starts that matter even where a strict reader would see no address."""

_ABSOLUTE_SIGN: Final = re.compile(r"[:/\\&%]|[^\x00-\x7f]")
"""Without one of these no reading of an address has a scheme or a host."""

_BLANK: Final = re.compile(rf"[\s{UNSEEN}]+")
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_ALIKE: Final = str.maketrans(
    {"∕": "/", "⁄": "/", "⧸": "/", "꞉": ":", "∶": ":", "。": ".", "｡": "."}
)
"""Signs that are no compatibility forms, but are read as parts of addresses."""

_DEVIATING: Final = frozenset("ßς\u200c\u200d")
"""Characters that IDNA 2003 maps and browsers do not (UTS 46, 7): they stand for themselves."""

_LONGEST_HOST: Final = 254
"""Characters of a host with its dots (RFC 1035, 2.3.4)."""

LONGEST_LABEL: Final = 24
LONGEST_NAME: Final = 48
LONGEST_LOCAL: Final = 32
"""Characters of a label, a host and what stands before an @ sign: longer ones carry data."""

_LONGEST_START: Final = 4_096
"""Characters of an address that are read leniently: its start decides where it leads."""


class Allowed(NamedTuple):
    """Hosts that data may go to: each with its subdomains, but for single labels and numbers."""

    hosts: frozenset[str]

    def holds(self, host: str) -> bool:
        """Tell whether a host, or a domain it belongs to, is on the list."""
        if not self.hosts:
            return False
        if len(host) > _LONGEST_HOST:
            return False
        key = _host_key(host)
        labels = key.split(".")
        return key in self.hosts or any(
            ".".join(labels[i:]) in self.hosts for i in range(1, len(labels) - 1)
        )


def allowed_hosts(allow: Iterable[str]) -> Allowed:
    """Return the list to compare with, from names such as "example.com" or "*.example.com".

    Raises:
        TypeError: For a single str, whose letters would each be taken for a host.
        OptionError: For an entry that names no host.

    >>> allowed_hosts(["example.com"]).holds("docs.Example.com")
    True
    >>> allowed_hosts(["example.com"]).holds("example.com.evil.test")
    False
    """
    return _allowed(_entries(allow))


def _entries(allow: Any) -> tuple[str, ...]:
    if isinstance(allow, str):
        raise TypeError("allow is a str: give a sequence of hosts, such as ('example.com',)")
    entries = tuple(allow)
    for entry in entries:
        if not isinstance(entry, str):
            raise TypeError(f"allow holds a {type(entry).__name__}: hosts are given as str")
    return entries


@lru_cache(maxsize=64)
def _allowed(entries: tuple[str, ...]) -> Allowed:
    hosts = set()
    for entry in entries:
        host = re.sub(r"^[a-z]+://", "", entry.strip(), flags=re.IGNORECASE)
        host = re.split(r"[/?#]", host.removeprefix("*"))[0].strip(".")
        host = re.sub(r":\d+$", "", host)
        if not host or re.search(r"[\s@\\%:*]", host):
            raise OptionError(
                f"{entry!r} in allow names no host", hint="give names such as 'example.com'"
            )
        hosts.add(_host_key(host))
    return Allowed(frozenset(hosts))


def _host_key(host: str) -> str:
    """A host in lower case and in the form that DNS is asked for."""
    host = host.strip(".").lower()
    if host.isascii() or not _DEVIATING.isdisjoint(host):
        return host
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return host


def leads(address: str, allowed: Allowed) -> Leads:
    r"""Tell where an address leads that stands in a link, an image or an attribute.

    >>> hosts = allowed_hosts(["example.com"])
    >>> leads("https://docs.example.com/a?b=c", hosts), leads("docs/start.md#top", hosts)
    ('allowed', 'relative')
    >>> leads("https://example.com@evil.test", hosts), leads("java\tscript:alert(1)", hosts)
    ('blocked', 'blocked')
    """
    address = address.strip(" \t\r\n")
    if not _ABSOLUTE_SIGN.search(address):
        return "relative"
    strict = _STRICT.match(address)
    if strict:
        ends = strict.end() == len(address) or address[strict.end()] in "/?#"
        is_on_list = ends and allowed.holds(strict["host"])
        return "allowed" if is_on_list and not re.search(r"[\r\n\t]", address) else "blocked"
    mail = _MAIL.fullmatch(address)
    if mail and (allowed.holds(mail["host"]) or not _carries_by_mail(mail)):
        return "allowed"
    start = address[:_LONGEST_START]
    return "blocked" if any(map(_is_absolute, _readings(start))) else "relative"


def _carries_by_mail(mail: re.Match[str]) -> bool:
    return len(mail["local"]) > LONGEST_LOCAL or carries(mail["host"]) or "." not in mail["host"]


def carries(host: str) -> bool:
    """Tell whether a host is long enough to carry data in its name: it is looked up in the DNS.

    >>> carries("docs.example.com"), carries("c2VjcmV0IGRhdGEgb2YgdGhlIHVzZXI.evil.test")
    (False, True)
    """
    return len(host) > LONGEST_NAME or max(map(len, host.split("."))) > LONGEST_LABEL


def looks_dangerous(address: str) -> bool:
    """Tell whether text that is no strict address could be one to a lenient reader.

    >>> looks_dangerous("java script:alert(1)"), looks_dangerous("see note: here")
    (True, False)
    """
    start = address[:_LONGEST_START]
    return bool(_ABSOLUTE_SIGN.search(start)) and any(
        _DANGEROUS.match(reading) for reading in _readings(start)
    )


def decoded(address: str) -> str:
    """Return an address as a reader of entities, escapes and percent signs would see it.

    >>> decoded("&#104;ttps&colon;//evil.test")
    'https://evil.test'
    """
    text = address
    for _ in range(4):
        before = text
        text = unquote(html.unescape(text), errors="replace")
        if text == before:
            break
    return _plain(text)


def _plain(text: str) -> str:
    """Without white space and what shows nothing, full-width forms as ASCII."""
    text = _BLANK.sub("", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_ALIKE))
    return text


def _readings(address: str) -> tuple[str, ...]:
    """How lenient readers may see the start of an address."""
    if "&" not in address and "%" not in address and "\\" not in address:
        return (_plain(address),)
    once = _plain(html.unescape(address))
    twice = decoded(address)
    plain = (_plain(address), once, twice)
    return (
        *plain,
        *(_ESCAPED.sub(r"\1", text) for text in plain),
        *(text.replace("\\", "") for text in plain),
        *(text.replace("\\", "/") for text in plain),
    )


def _is_absolute(reading: str) -> bool:
    return bool(_SCHEME.match(reading)) or reading[:2] in ("//", "\\\\", "/\\", "\\/")


@dataclass(frozen=True, slots=True)
class View:
    """A text as readers decode it, with the way back to the characters it came from.

    Attributes:
        text: With entities, escapes and percent signs decoded, without what shows nothing.
        starts: Where in `text` each piece begins.
        origins: Where in the source it begins.
        literal: Whether the piece stands there as it was.
        length: Of the source.
    """

    text: str
    starts: tuple[int, ...]
    origins: tuple[int, ...]
    literal: tuple[bool, ...]
    length: int

    def origin(self, place: int) -> int:
        """Return where in the source the character at a place of `text` begins."""
        index = bisect_right(self.starts, place) - 1
        if index < 0:
            return place
        shift = place - self.starts[index]
        return self.origins[index] + (shift if self.literal[index] else 0)

    def origin_end(self, place: int) -> int:
        """Return where in the source the character before a place of `text` ends."""
        return self.length if place >= len(self.text) else self.origin(place)


_CODED: Final = re.compile(
    r"&(?:amp;){0,9}(?:#[xX][0-9a-fA-F]{1,6};?|#[0-9]{1,7};?|[A-Za-z][A-Za-z0-9]{1,31};)"
    r"|\\[!-/:-@\[-`{-~]"
    r"|%[2-7][0-9A-Fa-f]"
    rf"|[{UNSEEN}]+"
    "|[\u2024\u2044\u2215\u2236\u29f8\u3002\ua789\ufe13\ufe30-\ufe6f\uff01-\uff61"
    "\u2100-\u214f\u24b6-\u24e9\U0001d400-\U0001d7ff]"
)


def view(text: str) -> View:
    """Decode a text once, piece by piece.

    >>> view("a https&#58;//x").text
    'a https://x'
    """
    pieces: list[str] = []
    starts, origins, literal = [0], [0], [True]
    length = end = 0
    for match in _CODED.finditer(text):
        shown = _shown(match.group())
        if shown == match.group():
            continue
        pieces.append(text[end : match.start()])
        length += match.start() - end
        if shown:
            starts.append(length)
            origins.append(match.start())
            literal.append(False)
            pieces.append(shown)
            length += len(shown)
        end = match.end()
        starts.append(length)
        origins.append(end)
        literal.append(True)
    pieces.append(text[end:])
    return View("".join(pieces), tuple(starts), tuple(origins), tuple(literal), len(text))


def _shown(piece: str) -> str:
    first = piece[0]
    if first == "\\":
        return piece[1]
    if first == "%":
        return chr(int(piece[1:], 16))
    if first == "&":
        text = re.sub(r"^&(?:amp;)+", "&", piece) if piece.startswith("&amp;") else piece
        shown = "&" if text == "&" else html.unescape(text)
        return _plain(shown) if not shown.isascii() else re.sub(rf"[{UNSEEN}\t\r\n]", "", shown)
    return _plain(piece)
