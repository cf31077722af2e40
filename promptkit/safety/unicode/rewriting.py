"""Edits of a text, and the way back from a place in the edited text to the one that came in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from promptkit.safety.finding import Action


@dataclass(frozen=True, slots=True)
class Edit:
    """What a pass over a text found at one place, and what shall stand there.

    Attributes:
        start: First character, in the text that the pass was given.
        end: One past the last.
        new: What replaces it; None to leave the text and report only.
        kind: The finding's kind.
        payload: What was hidden there, decoded; or the plain word that is meant.
        action: What to do about it.
        detail: Why, in a few words.
        confidence: From 0 to 1.
    """

    start: int
    end: int
    new: str | None
    kind: str
    payload: str = ""
    action: Action = "rewrite"
    detail: str = ""
    confidence: float = 1.0


class Trail:
    """Remembers edits, so that places in the text of now can be told in the text of then.

    >>> trail = Trail()
    >>> trail.apply("a--b", [Edit(1, 3, "", "dashes")])
    'ab'
    >>> trail.back(1, 2)
    (3, 4)
    """

    def __init__(self) -> None:
        """Begin with no edits."""
        self._rounds: Final[list[_Round]] = []

    def apply(self, text: str, edits: Sequence[Edit]) -> str:
        """Return the text with the edits made; they are sorted and do not overlap."""
        pieces: list[str] = []
        step = _Round([0], [0], [0])
        read = written = 0
        for edit in edits:
            if edit.new is None:
                continue
            pieces += (text[read : edit.start], edit.new)
            written += edit.start - read
            if edit.new:
                step.add(written, edit.start, edit.end - edit.start)
            written += len(edit.new)
            read = edit.end
            step.add(written, read, 0)
        if read == 0 and not pieces:
            return text
        pieces.append(text[read:])
        self._rounds.append(step)
        return "".join(pieces)

    def back(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the first text that became `start` to `end` of the last one."""
        for step in reversed(self._rounds):
            start, end = step.back(start, end)
        return start, end


@dataclass(slots=True)
class _Round:
    """One round of edits: stretches of the new text, and the old text each came from.

    Attributes:
        new: Where a stretch begins in the new text.
        old: Where it began in the old one.
        width: How much old text a replacement stands for; 0 where the text was kept.
    """

    new: list[int]
    old: list[int]
    width: list[int]

    def add(self, new: int, old: int, width: int) -> None:
        if self.new[-1] == new:
            # Nothing is left of the stretch before: this one takes its place.
            self.old[-1], self.width[-1] = old, width
            return
        self.new.append(new)
        self.old.append(old)
        self.width.append(width)

    def back(self, start: int, end: int) -> tuple[int, int]:
        at = bisect_right(self.new, start) - 1
        first = self.old[at] if self.width[at] else self.old[at] + start - self.new[at]
        if end <= start:
            return first, first
        at = bisect_right(self.new, end - 1) - 1
        if self.width[at]:
            return first, self.old[at] + self.width[at]
        return first, self.old[at] + end - self.new[at]
