"""Texts made fit to be shown: without control characters, measured and wrapped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

LONGEST: Final = 20_000
"""Characters of one text that are shown; what is longer is cut, and the cut is told."""

_BIDI: Final = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]
"""Marks that reorder what stands around them: a text could show as another than it is."""

_TABLE: Final = (
    {code: chr(0x2400 + code) for code in range(0x20)}
    | {0x7F: "\u2421", 0x09: "    ", 0x0A: "\n", 0xFFFE: "\ufffd", 0xFFFF: "\ufffd"}
    | dict.fromkeys(range(0x80, 0xA0), "\ufffd")
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
    | dict.fromkeys(_BIDI, "")
    | {0x0D: "", 0x2028: "\n", 0x2029: "\n", 0x85: "\n"}
)


def clean(text: str, longest: int = LONGEST) -> str:
    r"""Return `text` so that no character of it steers a terminal, breaks XML or moves others.

    >>> clean("a\x1b[2Jb\x00"), clean("long text", longest=4)
    ('a␛[2Jb␀', 'long… (5 more characters)')
    """
    more = len(text) - longest
    kept = text[:longest] if more > 0 else text
    kept = kept.translate(_TABLE)
    return f"{kept.rstrip()}… ({more:,} more characters)" if more > 0 else kept


def one_line(text: str, longest: int = LONGEST) -> str:
    """Return `text` clean and on one line."""
    return " ".join(clean(text, longest).split())


def shortened(text: str, longest: int) -> str:
    """Return the beginning of a text that is longer than this.

    >>> shortened("The cat sat down.", 8)
    'The cat…'
    """
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def is_number(cell: str) -> bool:
    """Whether a cell of a table stands best at its right edge.

    >>> is_number("$1,234"), is_number("12 of 20"), is_number("twelve")
    (True, True, False)
    """
    cell = cell.strip()
    return cell in ("", "unknown cost") or cell.lstrip("-+<$€£").replace(",", "")[:1].isdigit()


@lru_cache(maxsize=4096)
def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    >>> columns("cat"), columns("猫"), columns("é")
    (3, 2, 1)
    """
    return len(text) if text.isascii() else sum(map(_width, text))


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text at most `width` columns wide; the indents of its lines are kept.

    >>> wrap("The cat sat down.", 8)
    ['The cat', 'sat', 'down.']
    """
    return [line for each in text.split("\n") for line in _wrapped(each, max(width, 4))]


def _wrapped(line: str, width: int) -> Iterator[str]:
    words = line.split()
    if not words:
        yield ""
        return
    indent = line[: len(line) - len(line.lstrip())][: width // 2]
    now: list[str] = []
    used = columns(indent)
    left = used
    for word in words:
        for piece in _pieces(word, width - left):
            size = columns(piece)
            if now and used + 1 + size > width:
                yield indent + " ".join(now)
                now, used = [], left
            used += size + bool(now)
            now.append(piece)
    yield indent + " ".join(now)


def _pieces(word: str, width: int) -> Iterator[str]:
    """A word, cut where it is wider than a line."""
    if columns(word) <= width:
        yield word
        return
    now: list[str] = []
    used = 0
    for char in word:
        size = _width(char)
        if now and used + size > width:
            yield "".join(now)
            now, used = [], 0
        now.append(char)
        used += size
    yield "".join(now)


def isolated(text: str) -> str:
    """Return a text set apart from its line where it runs from right to left."""
    if any(unicodedata.bidirectional(char) in ("R", "AL") for char in text):
        return f"\u2068{text}\u2069"
    return text
