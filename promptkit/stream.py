"""The text of one answer, piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from promptkit.response import Response
from promptkit.transport import OnText


class TextStream:
    """The pieces of one answer, in order: `async for piece in stream`.

    Leaving the loop early cancels the call. `response` is set after the last piece.
    """

    def __init__(self, call: Callable[[OnText], Awaitable[Response]]) -> None:
        """Prepare the call; it starts with the first piece asked for."""
        self._call = call
        self.response: Response | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        """Make the call and yield its text."""
        pieces: asyncio.Queue[str | None] = asyncio.Queue()

        async def run() -> Response:
            return await self._call(pieces.put_nowait)

        task = asyncio.create_task(run())
        task.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            self.response = await task
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
