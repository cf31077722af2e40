"""Lets the text of a stream through part by part, each only after it was checked.

A part is a sentence. Where a rule changes texts it is what is sure to be shown as it stands there,
mostly a paragraph, see `Settling`. Parts end at the same places however the text arrives in pieces,
so the verdict and what was shown are the same for any chunking. A sentence that had to be cut
because no end came is shown only when the next one has passed, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from promptkit.errors import BlockedError
from promptkit.safety.policy.settling import Settling
from promptkit.safety.sentences import Sentences, is_whole
from promptkit.transport import OnText

Part: TypeAlias = tuple[str, str]
"""A part of an answer as it came, and as it may be shown."""


class Withheld(Exception):  # noqa: N818 -- no error: it says that no more is shown
    """Raised by a check: nothing more is shown, and the answer goes on to its end unseen."""


class Gate:
    """Stands between a stream and whoever reads it.

    Attributes:
        refusal: What a check raised; nothing is let through after it.
    """

    def __init__(
        self,
        on_text: OnText | None,
        check: Callable[[str], object],
        clean: Callable[[str], str],
        settling: Settling | None = None,
    ) -> None:
        """Begin open, with nothing heard.

        Args:
            on_text: Who is told of each part; None for nobody.
            check: Takes the parts in their order, and raises a BlockedError, or Withheld.
            clean: Returns a text as it may be shown.
            settling: What finds the parts where rules change texts; None for sentences.
        """
        self.refusal: BlockedError | None = None
        self._on_text = on_text
        self._check = check
        self._clean = clean
        self._settling = settling
        self._sentences = Sentences()
        self._is_open = True
        self._waiting: list[str] = []  # what came while it was closed
        self._held = ""  # what passed, of a sentence whose end has not passed yet
        self._cancel: Callable[[], object] = lambda: None

    def on_refusal(self, cancel: Callable[[], object]) -> None:
        """Say what is to be called when a part is refused."""
        self._cancel = cancel

    def close(self) -> None:
        """Keep everything back until `open`."""
        self._is_open = False

    def open(self) -> None:
        """Let through what has been checked and may be shown."""
        self._is_open = True
        waiting, self._waiting = "".join(self._waiting), []
        self.hear(waiting)

    def hear(self, piece: str) -> None:
        """Take a piece of the stream."""
        if self._on_text is None or self.refusal is not None:
            return
        if not self._is_open:
            self._waiting.append(piece)
        elif self._settling is not None:
            self._release(self._settling.hear(piece))
        else:
            self._release(self._cleaned(self._sentences.hear(piece)))

    def end(self) -> None:
        """Let the rest through.

        Raises:
            BlockedError: When a part was refused.
        """
        if self._on_text is not None and self._is_open and self.refusal is None:
            if self._settling is not None:
                self._release(self._settling.end())
            else:
                self._release(self._cleaned(self._sentences.end()))
            if self.refusal is None:
                self._show(self._held)
                self._held = ""
        if self.refusal is not None:
            raise self.refusal

    def _cleaned(self, sentences: Iterable[str]) -> list[Part]:
        return [(sentence, self._clean(sentence)) for sentence in sentences]

    def _release(self, parts: Iterable[Part]) -> None:
        for part, shown in parts:
            try:
                self._check(part)
            except Withheld:
                self._on_text = None
                return
            except BlockedError as refusal:
                self.refusal = refusal
                self._cancel()
                return
            if self._settling is not None or is_whole(part):
                self._show(self._held + shown)
                self._held = ""
            else:
                self._show(self._held)
                self._held = shown

    def _show(self, text: str) -> None:
        if text and self._on_text is not None:
            self._on_text(text)
