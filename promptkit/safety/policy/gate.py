"""Lets the text of a stream through unit by unit, each only after it was checked.

A unit is a sentence; where a rule rewrites texts it is a paragraph, because a link can run over the
end of a sentence. Units end at the same places however the text arrives in pieces, so the verdict
and what was shown are the same for any chunking. A unit that had to be cut because no end came is
shown only when the next one has passed, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from promptkit.errors import BlockedError
from promptkit.safety.policy import Policy
from promptkit.safety.sentences import is_whole, sentence_ends
from promptkit.transport import OnText

LONGEST: Final = 4_000
"""Characters of the longest paragraph that is waited for."""

_CHANGING: Final = ("redact", "rewrite")


class Withheld(Exception):  # noqa: N818 -- no error: it says that no more is shown
    """Raised by a check: nothing more is shown, and the answer goes on to its end unseen."""


class Gate:
    """Stands between a stream and whoever reads it.

    Attributes:
        refusal: What a check raised; nothing is let through after it.
    """

    def __init__(
        self, on_text: OnText | None, check: Callable[[str, str], str], policy: Policy
    ) -> None:
        """Begin open, with nothing heard.

        Args:
            on_text: Who is told of each unit; None for nobody.
            check: Takes the unit before and a unit, and returns the unit as it may be shown, or
                raises a BlockedError, or Withheld.
            policy: Says whether units are sentences or paragraphs.
        """
        self.refusal: BlockedError | None = None
        self._on_text = on_text
        self._check = check
        changes = any(rule.action in _CHANGING for rule in policy.output)
        self._ends = _paragraph_ends if changes else _sentence_ends
        self._is_open = True
        self._heard = ""
        self._before = ""
        self._held = ""  # what passed, of a sentence whose end has not passed yet
        self._cancel: Callable[[], object] = lambda: None

    def on_refusal(self, cancel: Callable[[], object]) -> None:
        """Say what is to be called when a unit is refused."""
        self._cancel = cancel

    def close(self) -> None:
        """Keep everything back until `open`."""
        self._is_open = False

    def open(self) -> None:
        """Let through what has been checked and may be shown."""
        self._is_open = True
        self._release(is_complete=False)

    def hear(self, piece: str) -> None:
        """Take a piece of the stream."""
        if self.refusal is None:
            self._heard += piece
            self._release(is_complete=False)

    def end(self) -> None:
        """Let the rest through.

        Raises:
            BlockedError: When a unit was refused.
        """
        self._release(is_complete=True)
        if self.refusal is not None:
            raise self.refusal

    def _release(self, *, is_complete: bool) -> None:
        if self._on_text is None or not self._is_open or self.refusal is not None:
            return
        start = 0
        for end in self._ends(self._heard, is_complete):
            unit = self._heard[start:end]
            try:
                shown = self._check(self._before, unit)
            except Withheld:
                self._on_text = None
                return
            except BlockedError as refusal:
                self.refusal = refusal
                self._heard = ""
                self._cancel()
                return
            self._before, start = unit, end
            if is_whole(unit):
                self._show(self._held + shown)
                self._held = ""
            else:
                self._show(self._held)
                self._held = shown
        self._heard = self._heard[start:]
        if is_complete:
            self._show(self._held)
            self._held = ""

    def _show(self, text: str) -> None:
        if text and self._on_text is not None:
            self._on_text(text)


def _sentence_ends(text: str, is_complete: bool) -> list[int]:  # noqa: FBT001 -- one of two alike
    ends = sentence_ends(text, is_complete=is_complete)
    # An end at the very edge may move when more text comes.
    return ends if is_complete else [end for end in ends if end < len(text)]


def _paragraph_ends(text: str, is_complete: bool) -> list[int]:  # noqa: FBT001
    r"""Return the offset after each blank line; where none comes for long, after a space.

    >>> _paragraph_ends("One.\n\nTwo.", False), _paragraph_ends("One.\n\nTwo.", True)
    ([6], [6, 10])
    """
    ends: list[int] = []
    last = 0
    while True:
        found = text.find("\n\n", last)
        end = found + 2 if found >= 0 else len(text)
        while end - last > LONGEST:
            space = text.rfind(" ", last, last + LONGEST)
            last = space + 1 if space > last else last + LONGEST
            ends.append(last)
        if found < 0:
            break
        ends.append(end)
        last = end
    if is_complete and last < len(text):
        ends.append(len(text))
    return ends
