"""A text as a row of words that can be compared exactly, each with its place.

Two texts have the same wording if their words and inner punctuation are the same once typography
is set aside: letter case, compatibility forms and ligatures, kinds of quotation marks and dashes,
white space, emphasis, soft hyphens, bracketed reference numbers, commas in thousands. Nothing is
stemmed, left out or compared by degree.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

_SIGNS: Final = (
    "\\x00-/:-@\\[-`{-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    "\u02b9-\u02bf\u037e\u0387\u055a-\u055f\u0589\u05be\u05c0\u05c3\u05f3\u05f4\u0600-\u060f\u061b-\u061f"
    "\u066a-\u066d\u06d4\u0964\u0965\u0e2f\u0e5a\u0e5b\u104a-\u104f\u1360-\u1368\u166e\u17d4-\u17da\u1800-\u180a"
    "\u1680\u2000-\u200b\u200e-\u203e\u2041-\u205f\u20a0-\u20cf\u2190-\u245f\u2500-\u2bff\u2e00-\u2e7f"
    "\u3000-\u3004\u3008-\u3020\u3030\u303d\ufe10-\ufe1f\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20"
    "\uff3b-\uff40\uff5b-\uff65\ufff9-\uffff"
)
"""What is no letter, mark or digit, as the inside of a class: ASCII signs, then blocks of signs."""

_SINGLE: Final = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0edf\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3021-\u302f"
    "\u3040-\u30ff\u3100-\u312f\u3190-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
"""Scripts without spaces between words: each character is compared as a word."""

_WORD: Final = rf"[^\s{_SIGNS}{_SINGLE}]"
_TOKEN: Final = re.compile(
    rf"(?P<number>(?:(?<![^\s(\[=/])[-\u2212+])?\d++(?:[.,]\d++)*+(?:{_WORD}++)?+)"
    rf"|(?P<word>{_WORD}++(?:['\u2019\u02bc](?!s(?!{_WORD})){_WORD}++)*+)"
    rf"|(?P<single>[{_SINGLE}])"
    r"|(?P<reference>\[\d{1,3}\])"
    rf"|(?P<genitive>['\u2019\u02bc]s(?!{_WORD}))"
    r"|(?P<ellipsis>\[(?:\u2026|\.{3}|\. \. \.)\]|\((?:\u2026|\.{3})\)"
    r"|\u2026\.?|\.{3,}+|\. \. \.(?: \.)?|\u22ef)"
    r"|(?P<dash>[\-\u2010-\u2015\u2212\ufe58\ufe63\uff0d\u2e3a\u2e3b]++)"
    r"|(?P<sign>[^\s])",
    re.IGNORECASE,
)
_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)
_RAISED: Final = str.maketrans({c: f"^{i}" for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")})
"""NFKC would make 10² a hundred and two."""

_THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DROPPED: Final = frozenset(
    "\"'`´*_~\\^\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a«»「」『』〝〞〟﹁﹂﹃﹄＂＇\u2032\u2033"
    "\u00ad\u034f\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\ufeff"
)
"""Signs that say how text is set, not what it says."""

ELLIPSIS: Final = "…"
_ONE: Final = {"genitive": "'s", "ellipsis": ELLIPSIS, "dash": "-", "reference": ""}
"""What all of a kind are compared as."""

_EDGES: Final = frozenset((*",.;:!?-()[]，。；：！？、（）؟،।|>#•", ELLIPSIS))
"""Punctuation that who quotes may change before the first and after the last word."""

BROKEN: Final = re.compile(rf"(?<={_WORD})[-\u2010\u00ad][ \t]*\r?\n[ \t>]*(?={_WORD})")
"""A word broken at the end of a line."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Words in a row, and where each stands in the text.

    Attributes:
        words: As they are compared.
        starts: Where each begins in the text.
        ends: Where each ends.
    """

    words: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def trimmed(self) -> Wording:
        """Return it without the punctuation at both ends."""
        first, last = 0, len(self.words)
        while first < last and self.words[first] in _EDGES:
            first += 1
        while last > first and self.words[last - 1] in _EDGES:
            last -= 1
        return self.part(first, last)

    def part(self, first: int, last: int) -> Wording:
        """Return the words from `first` up to `last`."""
        return Wording(self.words[first:last], self.starts[first:last], self.ends[first:last])

    def without(self, signs: str) -> Wording:
        """Return it without single signs."""
        kept = [i for i, word in enumerate(self.words) if word not in signs]
        return Wording(
            tuple(self.words[i] for i in kept),
            tuple(self.starts[i] for i in kept),
            tuple(self.ends[i] for i in kept),
        )


def wording(text: str, *, joins_broken: bool = False) -> Wording:
    r"""Return the words of a text as they are compared.

    Args:
        text: Any text.
        joins_broken: Whether a word with a hyphen at the end of a line is one without it.

    >>> wording("The “cat’s”  ﬁrst 1,000 days…").words
    ('the', 'cat', "'s", 'first', '1000', 'days', '…')
    """
    words, starts, ends = [], [], []
    if joins_broken:
        return _joined(text)
    for match in _TOKEN.finditer(text):
        word = _folded(match)
        if word:
            words.append(word)
            starts.append(match.start())
            ends.append(match.end())
    return Wording(tuple(words), tuple(starts), tuple(ends))


def _folded(match: re.Match[str]) -> str:
    group, text = match.lastgroup or "", match.group()
    if group in _ONE:
        return _ONE[group]
    if text in _DROPPED:
        return ""
    text = text.lower() if text.isascii() else _letters(text)
    if group == "number":
        text = text.replace("\u2212", "-").removeprefix("+")
        return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
    return text


def _letters(text: str) -> str:
    text = _UNSEEN.sub("", text).translate(_RAISED)
    text = text.replace("\u2019", "'").replace("\u02bc", "'")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.replace(" ", "")


def _joined(text: str) -> Wording:
    """The words, with those broken at line ends put together again."""
    pieces: list[str] = []
    places, origins = [0], [0]
    length = end = 0
    for match in BROKEN.finditer(text):
        pieces.append(text[end : match.start()])
        length += match.start() - end
        end = match.end()
        places.append(length)
        origins.append(end)
    pieces.append(text[end:])
    joined = wording("".join(pieces))

    def origin(place: int) -> int:
        index = bisect_right(places, place) - 1
        return origins[index] + place - places[index]

    starts = tuple(map(origin, joined.starts))
    return Wording(joined.words, starts, tuple(origin(place - 1) + 1 for place in joined.ends))


class Searched:
    """A text in which rows of words are looked up."""

    def __init__(self, text: str, words: Wording) -> None:
        """Join the words, so that a row is found at the speed of `str.find`."""
        self.text = text
        self.wording = words
        self.known = frozenset(words.words)
        self._row = "\n" + "\n".join(words.words) + "\n"
        place, places = 1, []
        for word in words.words:
            places.append(place)
            place += len(word) + 1
        self._places = places

    def find(self, words: tuple[str, ...], first: int = 0) -> int:
        """Return the index of the word where a row begins, at `first` or later; -1 for none."""
        if not words or first >= len(self._places) or not self.known.issuperset(words):
            return -1
        start = self._places[first] - 1
        place = self._row.find("\n" + "\n".join(words) + "\n", start)
        return bisect_right(self._places, place + 1) - 1 if place >= 0 else -1
