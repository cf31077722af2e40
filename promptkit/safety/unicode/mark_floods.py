"""Finds combining marks piled up or drawn through every letter, and keeps those that spell.

Vietnamese, Hebrew with points and accents, phonetics and Tibetan stack marks honestly: the limits
are above what they need. Where a word is flooded, all its marks that belong to no composed letter
go.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Final

from promptkit.safety.unicode.rewriting import Edit

_GENERIC: Final = (
    "\u0300-\u034e\u0350-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
"""Marks that can stand on letters of any script."""

_FLOOD: Final = re.compile(f"[{_GENERIC}]{{5,}}")
_MARK: Final = re.compile(f"[{_GENERIC}]")
_REPEATED: Final = re.compile(r"([^\x00-\x7f])\1{3,}")
_LONG: Final = re.compile(r"[^\w\s\x00-\x7f]{10,}")
_THROUGH: Final = frozenset(
    "\u0305\u0330\u0331\u0332\u0333\u0334\u0335\u0336\u0337\u0338\u033e\u033f\u0346\u034a\u034b\u034e\u0353"
    "\u0359\u035a\u0360\u0361\u0362\u035c\u035d\u035e\u035f\u0489\u0488\u20d2\u20d3\u20d8\u20dd\u20de\u20df\u20e0\u20e3\u20e4\u20e5\u20e6\u20ea\u20eb"
)
"""Lines, rings and strokes that text effects put on each letter."""

_STRUCK: Final = frozenset(
    "\u0334\u0335\u0336\u0337\u0338\u0489\u20d2\u20d3\u20e5\u20e6\u20ea\u20eb"
)
"""Of these, strokes through the letter itself, which no spelling has."""

_MOST_OF_ONE: Final = 9
"""Marks on one letter of any script; the deepest honest stacks, in Tibetan, have fewer."""


def find(text: str) -> list[Edit]:
    r"""Return the floods, each with what is left.

    >>> [e.new for e in find("Z\u0335\u0321\u0322\u0323\u0324\u0325a\u0336lgo, Vie\u0323\u0302t")]
    ['Zalgo,']
    """
    edits = []
    if _MARK.search(text):
        marked = [m for m in re.finditer(r"\S+", text) if _MARK.search(m.group())]
        flooded = [_is_flooded(m.group()) for m in marked]
        any_flooded = any(flooded)
        for match, is_flooded in zip(marked, flooded, strict=True):
            word = match.group()
            if is_flooded or (any_flooded and _is_flooded(word, beside=True)):
                new = _stripped(word)
                edits.append(Edit(match.start(), match.end(), new, "combining_flood", new))
        edits += _lonely(text)
    edits += _script_floods(text)
    edits.sort(key=lambda e: (e.start, -e.end))
    result: list[Edit] = []
    for edit in edits:
        if not result or edit.start >= result[-1].end:
            result.append(edit)
    return result


def _is_flooded(word: str, *, beside: bool = False) -> bool:
    """Tell whether a word's marks are no spelling; beside flooded words, fewer are enough."""
    if _FLOOD.search(word):
        return True
    extra = drawn = bases = 0
    same: Counter[str] = Counter()
    last = ""
    for c in word:
        if not _MARK.match(c):
            if c.isalnum():
                bases += 1
            last = c
            continue
        if c == "\u20e3" and last in "0123456789#*\ufe0f":
            continue  # a keycap
        if c in _THROUGH:
            drawn += 1
            same[c] += 1
        composed = unicodedata.normalize("NFC", last + c) if last else last + c
        if len(composed) == 1:
            last = composed
            continue
        extra += 1
    if beside:
        return extra >= max(bases, 1)
    if bases < 3:
        return False
    most = max(same.values(), default=0)
    struck = sum(n for c, n in same.items() if c in _STRUCK)
    return extra >= 1.5 * bases or (max(most, struck) >= 3 and max(most, struck) >= 0.7 * bases)


def _stripped(word: str) -> str:
    """The word without marks that could stand anywhere."""
    return _MARK.sub("", word)


def _lonely(text: str) -> list[Edit]:
    """Piles of marks on nothing: behind a space or at the beginning of a line."""
    return [
        Edit(m.start(1), m.end(1), "", "combining_flood", "")
        for m in re.finditer(f"(?:^|(?<=\\s))([{_GENERIC}]{{3,}})", text, re.MULTILINE)
    ]


def _script_floods(text: str) -> list[Edit]:
    """Marks of one script heaped up: the same over and over, or too many on one letter."""
    edits = []
    for match in _REPEATED.finditer(text):
        c = match.group(1)
        if unicodedata.category(c) in ("Mn", "Me"):
            edits.append(Edit(match.start(), match.end(), c, "combining_flood", ""))
    for match in _LONG.finditer(text):
        run = match.group()
        start = 0
        while start < len(run):
            end = start
            while end < len(run) and unicodedata.category(run[end]) in ("Mn", "Me"):
                end += 1
            if end - start > _MOST_OF_ONE:
                at = match.start() + start
                kept = "".join(dict.fromkeys(run[start:end]))[:2]
                edits.append(Edit(at, at + end - start, kept, "combining_flood", ""))
            start = end + 1
    return edits
