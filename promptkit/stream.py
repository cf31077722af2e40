"""One call with its place in the trace, and the text of its answer piece by piece."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from promptkit.heartbeat import Heartbeat
from promptkit.request import Request
from promptkit.response import Response
from promptkit.totals import Call
from promptkit.trace import Step
from promptkit.transport import OnText, Transport


async def traced_call(
    transport: Transport, trace: Step, request: Request, on_text: OnText | None = None
) -> Response:
    """Ask, and write into the trace what became of it.

    The response is told its constraint, so that whoever reads it can check it.
    """
    started = time.monotonic()
    try:
        with Heartbeat():
            response = await transport(request, on_text)
    except BaseException as error:
        attempts = getattr(error, "attempts", 0)
        unsettled = getattr(error, "unsettled_usd", 0.0)
        elapsed = time.monotonic() - started
        trace.record(Call(request, None, error, time.time(), elapsed, attempts, unsettled))
        raise
    if request.options.constraint is not None:
        response = replace(response, constraint=request.options.constraint)
    log = response.log
    elapsed = time.monotonic() - started
    trace.record(
        Call(request, response, None, time.time(), elapsed, log.attempts, log.unsettled_usd)
    )
    return response


class TextStream:
    """The pieces of one answer, in order: `async for piece in stream`.

    Leaving the loop early cancels the call, a moment later. Who wants to know that it has ended
    writes `async with contextlib.aclosing(stream)` around the loop.

    Attributes:
        response: The whole answer with its usage, after the last piece; None until then.
    """

    def __init__(self, call: Callable[[OnText], Awaitable[Response]]) -> None:
        """Prepare the call; it starts with the first piece asked for."""
        self._call = call
        self._task: asyncio.Task[Response] | None = None
        self._closed = False
        self.response: Response | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        """Make the call and yield its text."""
        if self._closed:
            return
        pieces: asyncio.Queue[str | None] = asyncio.Queue()

        async def run() -> Response:
            return await self._call(pieces.put_nowait)

        task = self._task = asyncio.create_task(run())
        task.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            if not (self._closed and task.cancelled()):
                self.response = await task
        finally:
            await _end(task)

    async def aclose(self) -> None:
        """Cancel the call if it is under way, and wait for its end; no piece comes any more."""
        self._closed = True
        if self._task is not None:
            await _end(self._task)

    def __repr__(self) -> str:
        """Say how far it is; the text may be personal."""
        if self.response is not None:
            return "TextStream(ended)"
        if self._closed:
            return "TextStream(closed)"
        return f"TextStream({'not begun' if self._task is None else 'begun'})"


async def _end(task: asyncio.Task[Response]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
