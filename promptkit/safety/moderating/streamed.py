"""Moderation of a stream: text is let out sentence by sentence, each only after it passed.

The sentences, what each is judged with, and so the verdict and the text that is let out depend on
the whole text alone, never on the pieces it came in. No character of a sentence that is refused is
let out; what was let out before stays out, so each sentence is judged together with the ones
before it. A sentence without an end is cut after a fixed number of characters; then no part of it
is let out before the next part has passed too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from dataclasses import replace
from typing import Any, Literal

from promptkit.errors import BlockedError, OptionError
from promptkit.result import Verdict
from promptkit.safety.finding import Finding
from promptkit.safety.moderating.check_results import Check, kinds_of, run_check
from promptkit.safety.sentences import LONGEST_WAIT, Sentences, is_whole

OnTrip = Literal["raise", "stop"]


class Moderated:
    """The text of a stream, sentence by sentence, as far as it passed: `async for text in …`.

    Attributes:
        verdict: "pass" when all of it has passed, "fail" when a sentence was refused, "unsure"
            until then.
        findings: Why a sentence was refused; their spans are offsets in the whole text.
        released: How many characters were let out.
    """

    def __init__(
        self, stream: AsyncIterable[str], check: Check, *, context: int, on_trip: OnTrip
    ) -> None:
        """See `moderated`."""
        self._stream = stream
        self._check = check
        self._before: deque[str] = deque(maxlen=context)
        self._on_trip = on_trip
        self._held = ""
        self.findings: tuple[Finding, ...] = ()
        self.verdict = Verdict("unsure", "the stream has not ended")
        self.released = 0

    @property
    def response(self) -> Any:
        """The whole response of a session's stream; None until it ended, and where it was cut."""
        return None if self.findings else getattr(self._stream, "response", None)

    async def __aiter__(self) -> AsyncGenerator[str]:
        """Read the stream, and yield what passed.

        Raises:
            BlockedError: When a sentence is refused, unless it is to stop without a word.
        """
        arriving = Sentences()
        pieces = aiter(self._stream)
        try:
            async for piece in pieces:
                for sentence in arriving.hear(piece):
                    async for text in self._judged(sentence):
                        yield text
                    if self.findings:
                        return
            for sentence in arriving.end():
                async for text in self._judged(sentence):
                    yield text
                if self.findings:
                    return
            if self._held:
                yield self._let_out("")
            self.verdict = Verdict("pass")
        finally:
            await _close(pieces)
            await _close(self._stream)

    async def _judged(self, sentence: str) -> AsyncIterator[str]:
        """Yield what may be let out now that a sentence has come."""
        offset = self.released + len(self._held)
        if sentence.strip():
            before = "".join(self._before) or self._held
            found = await run_check(self._check, before + sentence)
            if found:
                self._trip(found, offset - len(before), offset + len(sentence))
                return
            self._before.append(sentence)
        elif self._before and len(self._before[-1]) < LONGEST_WAIT:
            self._before[-1] += sentence  # a blank line is no sentence of its own
        if not is_whole(sentence):
            if self._held:
                yield self._let_out("")
            self._held = sentence
        else:
            yield self._let_out(sentence)

    def _let_out(self, sentence: str) -> str:
        text = self._held + sentence
        self._held = ""
        self.released += len(text)
        return text

    def _trip(self, found: tuple[Finding, ...], start: int, end: int) -> None:
        self.findings = tuple(
            replace(each, span=(start + each.span[0], min(start + each.span[1], end)))
            for each in found
        )
        kinds = kinds_of(self.findings)
        self.verdict = Verdict("fail", f"{kinds} after {self.released:,} characters")
        if self._on_trip == "raise":
            msg = f"the answer was stopped after {self.released:,} characters ({kinds})"
            raise BlockedError(msg, stage="output", findings=self.findings)

    def __repr__(self) -> str:
        """Say how far it is; the text may be personal."""
        return f"Moderated({self.verdict.outcome}, {self.released:,} characters let out)"


def moderated(
    stream: AsyncIterable[str], check: Check, *, context: int = 1, on_trip: OnTrip = "raise"
) -> Moderated:
    """Let the text of a stream out sentence by sentence, each only after it passed a check.

    When a sentence is refused the call under way is cancelled and closed.

    >>> import asyncio
    >>> from promptkit.safety.abuse import abuse_scores
    >>> async def answer():
    ...     for piece in ("Hello th", "ere. You are an idi", "ot. Bye."):
    ...         yield piece
    >>> async def shown():
    ...     stream = moderated(answer(), abuse_scores, on_trip="stop")
    ...     return [text async for text in stream], stream.verdict.outcome
    >>> asyncio.run(shown())
    (['Hello there.'], 'fail')

    Args:
        stream: `session.stream(…)`, or any async iterable of texts.
        check: A function of a text, async or not, which returns what `check_results` lists: such
            as `abuse_scores`, `partial(moderate, session)`, or one that returns whether it may
            pass. What it is unsure of does not pass.
        context: Sentences before a sentence that are judged with it.
        on_trip: "raise" raises a BlockedError at a refused sentence; "stop" ends the loop, and
            `verdict` and `findings` tell why.

    Raises:
        OptionError: For a context or `on_trip` that is none.
    """
    if not isinstance(context, int) or isinstance(context, bool) or context < 0:
        raise OptionError(f"context={context!r}", hint="it is a whole number from 0 on")
    if on_trip not in ("raise", "stop"):
        raise OptionError(f"on_trip={on_trip!r}", hint="raise or stop")
    return Moderated(stream, check, context=context, on_trip=on_trip)


async def _close(stream: Any) -> None:
    """End a stream, so that a call under way is cancelled; nothing where it has no way to end."""
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
