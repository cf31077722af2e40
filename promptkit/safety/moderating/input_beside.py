"""An input judged beside its answer: the check costs no time, and a bad input gets no answer.

Both run at once. The answer is handed out only when the input has passed, and its call is
cancelled when it has not; what a cancelled call may have cost counts as spent.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any

from promptkit.errors import BlockedError
from promptkit.prompt import Message, Prompt
from promptkit.request import Request
from promptkit.safety.finding import Finding
from promptkit.safety.moderating.check_results import Check, kinds_of, refusals

if TYPE_CHECKING:
    from promptkit.response import Response
    from promptkit.session import Session

Question = str | Prompt | Sequence[Message] | Request
"""What `Session.ask` takes."""


async def beside(session: Session, question: Question, /, check: Check, **how: Any) -> Response:
    """Ask a question while a check judges it; return the answer only if it passed.

    A check that is no coroutine has its say before the call is made: then a refused question costs
    nothing.

    >>> import promptkit as pk
    >>> from promptkit.safety.abuse import abuse_scores
    >>> session = pk.connect(transport=pk.testing.Scripted(lambda _: "Blue."), model="scripted")
    >>> pk.run(beside(session, "What colour is the sky?", abuse_scores)).text
    'Blue.'

    Args:
        session: Who asks.
        question: As for `Session.ask`.
        check: As for `moderated`; it gets what the user's messages say.
        how: As for `Session.ask`.

    Raises:
        BlockedError: When the check refuses the question; the call was cancelled.
        PromptkitError: What the call or the check raises; whichever fails first ends the other.
    """
    request = session.request(question, how.get("model"), how.get("api"))
    text = request.said
    said = check(text)
    if not inspect.isawaitable(said):
        _raise_for(refusals(said, len(text)))
        return await session.ask(question, **how)
    judging = asyncio.ensure_future(said)
    asking = asyncio.ensure_future(session.ask(question, **how))
    try:
        done, _ = await asyncio.wait({judging, asking}, return_when=asyncio.FIRST_COMPLETED)
        if asking in done and asking.exception() is not None:
            return asking.result()
        _raise_for(refusals(await judging, len(text)))
        return await asking
    finally:
        await _end(judging, asking)


class BesideStream:
    """The pieces of an answer, none of which is handed out before the question has passed.

    Attributes:
        findings: Why the question was refused; empty where it was not.
    """

    def __init__(self, session: Session, question: Question, check: Check, how: Any) -> None:
        """See `stream_beside`."""
        self._stream = session.stream(question, **how)
        self._text = session.request(question, how.get("model"), how.get("api")).said
        self._check = check
        self.findings: tuple[Finding, ...] = ()

    @property
    def response(self) -> Response | None:
        """The whole answer, after the last piece."""
        return self._stream.response

    async def __aiter__(self) -> AsyncGenerator[str]:
        """Ask and judge at once; yield from when the question has passed.

        Raises:
            BlockedError: When the check refuses the question; the call was cancelled.
        """
        said = self._check(self._text)
        if not inspect.isawaitable(said):
            self._refuse(said)
            said = None
        pieces: asyncio.Queue[str | None] = asyncio.Queue()

        async def pump() -> None:
            try:
                async for piece in self._stream:
                    pieces.put_nowait(piece)
            finally:
                pieces.put_nowait(None)

        pumping = asyncio.ensure_future(pump())
        judging = asyncio.ensure_future(said) if said is not None else None
        try:
            if judging is not None:
                await asyncio.wait({judging, pumping}, return_when=asyncio.FIRST_COMPLETED)
                if pumping.done() and pumping.exception() is not None:
                    await pumping
                self._refuse(await judging)
            while (piece := await pieces.get()) is not None:
                yield piece
            await pumping
        finally:
            await _end(*([pumping] if judging is None else [judging, pumping]))
            await self._stream.aclose()

    def _refuse(self, said: Any) -> None:
        self.findings = refusals(said, len(self._text))
        _raise_for(self.findings)

    async def aclose(self) -> None:
        """Cancel the call if it is under way."""
        await self._stream.aclose()

    def __repr__(self) -> str:
        """Say how far the answer is; the text may be personal."""
        return f"BesideStream({self._stream!r})"


def stream_beside(
    session: Session, question: Question, /, check: Check, **how: Any
) -> BesideStream:
    """Stream an answer while a check judges the question; no piece comes before it has passed.

    >>> import promptkit as pk
    >>> from promptkit.safety.abuse import abuse_scores
    >>> session = pk.connect(transport=pk.testing.Scripted("It is blue."), model="scripted")
    >>> async def shown():
    ...     stream = stream_beside(session, "What colour is the sky?", abuse_scores)
    ...     return [piece async for piece in stream]
    >>> pk.run(shown())
    ['It ', 'is ', 'blue.']

    Args:
        session: Who asks.
        question: As for `Session.stream`.
        check: As for `moderated`; it gets what the user's messages say.
        how: As for `Session.stream`.
    """
    return BesideStream(session, question, check, how)


def _raise_for(found: tuple[Finding, ...]) -> None:
    if found:
        msg = f"the question was refused ({kinds_of(found)})"
        raise BlockedError(msg, stage="input", findings=found)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what is not done, and wait for its end; an error that nobody asked for is dropped."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
