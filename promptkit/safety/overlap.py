"""What two texts have in common, whatever stands between their letters: runs of equal letters.

Both texts are squeezed first: look-alikes become the letters they look like, and only letters and
digits are left. So a copy is found whose case, spacing, punctuation or markup was changed. Runs are
found by looking up every eighth gram of one text in an index of the other (as rsync finds equal
blocks), which is linear in the length of both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from promptkit.safety.lookalikes import places_in, view_of

_GRAM: Final = 16
_STRIDE: Final = 8
SHORTEST: Final = _GRAM + _STRIDE - 1
"""Letters that a run has at least to be surely found: four or five English words."""

LONGEST: Final = 200_000
"""Characters of the indexed text that are looked at."""

_SIGNS: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Squeezed:
    """A text without what is neither letter nor digit.

    Attributes:
        letters: What is left.
        text: The text that it is made of.
    """

    letters: str
    text: str

    @classmethod
    def of(cls, text: str) -> Squeezed:
        """Squeeze a text.

        >>> Squeezed.of("You *are* a bot.").letters
        'youareabot'
        """
        return cls(_SIGNS.sub("", view_of(text)), text)

    def places(self) -> Sequence[int]:
        """Return where each letter stands in the text."""
        view = view_of(self.text)
        inner = places_in(self.text, view)
        return [inner[i] for i, sign in enumerate(view) if sign.isalnum()]


@dataclass(frozen=True, slots=True)
class Run:
    """Letters that two texts share.

    Attributes:
        start: Where it begins in the letters of the text that was looked through.
        end: Where it ends there.
        at: Where it begins in the letters of the indexed one.
    """

    start: int
    end: int
    at: int


@lru_cache(maxsize=8)
def _index(letters: str) -> dict[str, int]:
    last = len(letters) - _GRAM
    return {letters[i : i + _GRAM]: i for i in range(last, -1, -1)}


def shared_runs(letters: str, known: str) -> Iterator[Run]:
    """Yield the runs of `known` that stand in `letters`, each as long as it goes.

    >>> known = "younevertellanyoneaboutthediscount"
    >>> [(run.start, run.end) for run in shared_runs("imay" + known[:30] + "say", known)]
    [(4, 34)]
    """
    index = _index(known[:LONGEST])
    place, floor = 0, 0
    while place + _GRAM <= len(letters):
        at = index.get(letters[place : place + _GRAM])
        if at is None:
            place += _STRIDE
            continue
        start, end, other = place, place + _GRAM, at + _GRAM
        while start > floor and at > 0 and letters[start - 1] == known[at - 1]:
            start, at = start - 1, at - 1
        end += _common(letters, end, known, other)
        if end - start >= SHORTEST:
            yield Run(start, end, at)
        floor = place = end


def _common(letters: str, start: int, known: str, at: int) -> int:
    """Return how many letters are equal from two places on; blocks are compared at once."""
    length, block = 0, 64
    while True:
        one = letters[start + length : start + length + block]
        other = known[at + length : at + length + block]
        if one != other or not one:
            break
        length += len(one)
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length
