"""A text, read once for what many recognisers look at: its groups of digits, its words.

Groups of digits that stand in a line with nothing but spaces, hyphens, dots, slashes or brackets
between them form a run. A phone number, a card or a national number is some neighbouring groups of
one run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

_GROUP: Final = re.compile(r"[0-9]+")
_SPACE: Final = " \u00a0\u2007\u2009\u202f"
_HYPHEN: Final = "\\-\u2010-\u2015\u2212"
_GAP: Final = re.compile(
    rf"[{_SPACE}]{{1,2}}"  # 12 34
    rf"|[.{_HYPHEN}]"  # 12-34
    rf"|/[{_SPACE}]?"  # 06/ 834
    rf"|[{_SPACE}]?[-.]?\([{_SPACE}]?"  # 44 (0
    rf"|[{_SPACE}]?\)[{_SPACE}]?[{_HYPHEN}./]?[{_SPACE}]?"  # 0)-20
    r"|\) ?\("
)
_WORD: Final = re.compile(r"[^\W\d_]{2,40}")
_DIGITS: Final = {
    zero + value: ord("0") + value
    for zero in (
        0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50,
        0xED0, 0xF20, 0x1040, 0x17E0, 0xFF10, *range(0x1D7CE, 0x1D800, 10),
    )
    for value in range(10)
}  # fmt: skip
"""Decimal digits of scripts in which phone numbers are written (Unicode category Nd)."""

_IDEOGRAPHS: Final = "\u2e80"
"""From here on scripts set no spaces, and letters of Latin are not found but full-width ones."""

BEFORE: Final = 60
"""How far before a value words tell what it is, in characters."""

AFTER: Final = 25
"""How far behind it."""


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is written with spaces.

    >>> sorted(words("phone mobile"))
    ['mobile', 'phone']
    """
    return frozenset(text.split())


def is_of_word(character: str) -> bool:
    """Whether a character next to digits makes a word of them: letters do, ideographs do not.

    >>> is_of_word("x"), is_of_word("é"), is_of_word("号"), is_of_word("-")
    (True, True, False, False)
    """
    return (character.isalnum() and character < _IDEOGRAPHS) or character == "_"


class Group(NamedTuple):
    """Some digits side by side."""

    start: int
    end: int
    digits: str

    @property
    def size(self) -> int:
        """How many digits."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Run:
    """Groups of digits in a line, and what stands between them."""

    groups: tuple[Group, ...]
    gaps: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many digits it has at least, gaps counted as digits: an upper bound, and quick."""
        return self.groups[-1].end - self.groups[0].start


class Scanned:
    """A text and what was read in it so far."""

    def __init__(self, text: str) -> None:
        r"""Read nothing yet. Digits of all scripts become 0 to 9, each at its place.

        A line end that JSON or code writes as \n becomes one: its n belongs to no word.
        """
        if not text.isascii():
            text = text.translate(_DIGITS)
        if "\\" in text:
            text = text.replace("\\n", " \n").replace("\\t", " \t").replace("\\r", "  ")
        self.text = text

    @cached_property
    def folded(self) -> str:
        """The text in lower case, each character at its place."""
        lower = self.text.lower()
        if len(lower) == len(self.text):
            return lower
        # One capital, the dotted İ, becomes two characters.
        return "".join([c.lower() if len(c.lower()) == 1 else c for c in self.text])

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The runs of digit groups, in order."""
        text = self.text
        runs: list[Run] = []
        groups: list[Group] = []
        gaps: list[str] = []
        end = -9
        for match in _GROUP.finditer(text):
            start, stop = match.span()
            gap = text[end:start]
            if groups:
                if start - end <= 4 and _GAP.fullmatch(gap):  # noqa: PLR2004 -- longest gap
                    gaps.append(gap)
                else:
                    runs.append(Run(tuple(groups), tuple(gaps)))
                    groups, gaps = [], []
            groups.append(Group(start, stop, match[0]))
            end = stop
        if groups:
            runs.append(Run(tuple(groups), tuple(gaps)))
        return tuple(runs)

    def before(self, start: int, reach: int = BEFORE) -> list[str]:
        """The words before a place, in lower case, the nearest last."""
        return _WORD.findall(self.folded, max(0, start - reach), start)

    def after(self, end: int, reach: int = AFTER) -> list[str]:
        """The words behind a place, in lower case."""
        return _WORD.findall(self.folded, end, end + reach)

    def says(self, wanted: frozenset[str], start: int, reach: int = BEFORE) -> bool:
        """Whether one of some words stands before a place.

        Chinese, Japanese, Korean and Thai set no spaces, so there a word may be part of a longer
        row of letters.
        """
        if not wanted.isdisjoint(self.before(start, reach)):
            return True
        if self.text.isascii():
            return False
        window = self.text[max(0, start - reach) : start]
        return any(word in window for word in wanted if not is_of_word(word[0]) or word[0] == "โ")

    def stands_alone(self, start: int, end: int) -> bool:
        """Whether no letter, digit or underscore touches a span."""
        text = self.text
        is_led = start > 0 and is_of_word(text[start - 1])
        return not is_led and not (end < len(text) and is_of_word(text[end]))
