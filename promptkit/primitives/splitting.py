"""Splits a long text into overlapping spans, at the end of a paragraph or sentence where it can.

The spans' own parts follow one another without a gap: put together they are the text. What a span
repeats of the one before stands ahead of its own part.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, get_args

from promptkit.errors import OptionError
from promptkit.primitives.asking.arguments import counted, one_of

Unit = Literal["tokens", "characters"]
"""What sizes are counted in. A token is estimated as four bytes, as in `promptkit.tokens`."""

_BYTES_PER_TOKEN: Final = 4

_ENDS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"\n[ \t\r]*\n",
        r"\n",
        r"[.!?…][\"'”’»)\]]{0,3}\s|[。！？][」』”’）]{0,3}",  # noqa: RUF001 -- marks of Chinese
        r"\s|[，、；]",  # noqa: RUF001 -- the same
    )
)
"""Where a text is best cut, the best first: behind paragraphs, lines, sentences, words."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text.

    Attributes:
        text: The piece.
        start: Where it begins in the whole, in characters.
        own: Where its own part begins; what stands before it repeats the span before.
        end: Where it ends, itself excluded.
    """

    text: str
    start: int
    own: int
    end: int


def split(text: str, *, size: int, overlap: int = 0, unit: Unit = "tokens") -> tuple[Span, ...]:
    """Split a text into spans of at most `size`.

    >>> [span.text for span in split("One. Two is 2. Three!", size=10, unit="characters")]
    ['One. ', 'Two is 2. ', 'Three!']
    >>> [span.text for span in split("一二三四五六", size=4, overlap=1, unit="characters")]
    ['一二三四', '四五六']

    Args:
        text: Any text.
        size: The most that a span holds, what it repeats included.
        overlap: The most that a span repeats of what stands before its own part. It is less where
            that lets it begin with a whole word.
        unit: What both are counted in.

    Raises:
        OptionError: For a size below 1, or an overlap that leaves no room.
    """
    size, overlap = counted("size", size), counted("overlap", overlap, least=0)
    one_of("unit", unit, get_args(Unit))
    if overlap >= size:
        raise OptionError(f"size={size}, overlap={overlap}", hint="overlap is below size")
    spans: list[Span] = []
    own = 0
    while own < len(text):
        start = _word_from(text, reach(text, own, -overlap, unit), own) if own else 0
        end = reach(text, start, size, unit)
        if end < len(text):
            end = _cut(text, own, end)
        spans.append(Span(text[start:end], start, own, end))
        own = end
    return tuple(spans)


def reach(text: str, start: int, amount: int, unit: Unit) -> int:
    """Return the place up to which `amount` of a text reaches; backwards for a negative one.

    >>> reach("aaaaaaaaaa", 0, 2, "tokens"), reach("日本語です", 5, -3, "tokens")
    (8, 1)
    """
    if unit == "characters":
        return min(max(0, start + amount), len(text))
    most = abs(amount) * _BYTES_PER_TOKEN
    window = text[start : start + most] if amount > 0 else text[max(0, start - most) : start][::-1]
    if window.isascii():
        return start + len(window) if amount > 0 else start - len(window)
    taken = 0
    for character in window:
        most -= _bytes_of(character)
        if most < 0:
            break
        taken += 1
    return start + taken if amount > 0 else start - taken


def _bytes_of(character: str) -> int:
    """Bytes of a character in UTF-8; half a surrogate pair has as many as it would have."""
    code = ord(character)
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4  # noqa: PLR2004


def _word_from(text: str, start: int, own: int) -> int:
    """Where the first whole word of a repeated part begins; `start` where that is far."""
    if start in (0, own) or text[start - 1].isspace():
        return start
    half = start + (own - start + 1) // 2
    return next((place + 1 for place in range(start, half) if text[place].isspace()), start)


def _cut(text: str, own: int, limit: int) -> int:
    """The best place to end a span before `limit`, in the latter two thirds of its own part."""
    low = own + (limit - own) // 3
    for end in _ENDS:
        places = [match.end() for match in end.finditer(text, low, limit)]
        if places:
            return places[-1]
    cut = limit
    while cut > low + 1 and _joins(text[cut - 1], text[cut]):
        cut -= 1
    return cut


def _joins(before: str, after: str) -> bool:
    """Whether two characters are seen as one: an accent, or an emoji of several."""
    joiners = "\u200d\ufe0f"
    return bool(unicodedata.combining(after)) or after in joiners or before == "\u200d"
