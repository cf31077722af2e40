"""Changes to a text that leave a way back: what stands where, before and after."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple


class Edit(NamedTuple):
    """A stretch of the text, what it becomes, and why."""

    start: int
    end: int
    text: str
    kind: str
    address: str
    place: tuple[int, int]


class Round:
    """Edits of one text, and the way back from places in what it became."""

    def __init__(self, edits: list[Edit]) -> None:
        """Take edits in order, not overlapping."""
        self._edits = edits
        self._starts = []
        shift = 0
        for edit in edits:
            self._starts.append(edit.start + shift)
            shift += len(edit.text) - (edit.end - edit.start)

    def applied(self, text: str) -> str:
        """Return the text with the edits made."""
        pieces, place = [], 0
        for edit in self._edits:
            pieces += [text[place : edit.start], edit.text]
            place = edit.end
        return "".join([*pieces, text[place:]])

    def before(self, place: int, *, is_end: bool = False) -> int:
        """Return where a place of the edited text was in the text before."""
        index = (bisect_left if is_end else bisect_right)(self._starts, place) - 1
        if index < 0:
            return place
        edit, inside = self._edits[index], place - self._starts[index]
        if inside < len(edit.text):
            return edit.end if is_end else edit.start
        return edit.end + inside - len(edit.text)
