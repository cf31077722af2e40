"""For tests and examples: models that answer as told, a clock that need not be waited for."""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from promptkit.request import Request
from promptkit.response import Response
from promptkit.transport import FunctionTransport, OnText
from promptkit.transports.recording import Recorder, Replay

Answer = Callable[[Request], "str | Response | Awaitable[str | Response]"]


class Scripted:
    """A Transport that answers with a function, and remembers what it was asked.

    >>> import promptkit as pk
    >>> model = Scripted(lambda request: "4" if "2 + 2" in request.text else "?")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> pk.run(session.ask("What is 2 + 2?")).text
    '4'
    >>> len(model.requests)
    1

    An answer given as a text gets a usage estimated from its length, marked as estimated, so
    that budgets and readouts have something to count.
    """

    model = "scripted"
    """Its name in sessions that name no model."""

    def __init__(self, answer: Answer | str | Response) -> None:
        """Take the function; a text or Response is the answer to everything."""
        self._answer = FunctionTransport(answer if callable(answer) else lambda _: answer)
        self.requests: list[Request] = []

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Answer; a stream gets the text word by word."""
        self.requests.append(request)
        response = await self._answer(request)
        if response.usage.estimated and not response.model:
            response = replace(response, model=request.model)
        if on_text:
            for word in re.findall(r"\S+\s*|\s+", response.text):
                on_text(word)
        return response

    def __repr__(self) -> str:
        """Say how often it was asked, not what."""
        return f"Scripted(requests={len(self.requests)})"


class FakeClock:
    """A Clock that jumps: whoever sleeps is woken as soon as nothing else can run.

    `advance` moves it by hand; with `autojump` (the default) it moves by itself to the next
    sleeper, so that a test of an hour's waiting takes a millisecond.
    """

    def __init__(self, start: float = 0.0, *, autojump: bool = True) -> None:
        """Begin at `start` seconds."""
        self._now = start
        self._autojump = autojump
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0
        self._jumping = False

    def now(self) -> float:
        """Return the fake time, in seconds."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the fake time is `seconds` later."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + seconds, self._count, future))
        if self._autojump and not self._jumping:
            self._jumping = True
            loop.call_soon(self._jump_when_idle, loop, 0)
        await future

    def advance(self, seconds: float) -> None:
        """Move the time forward and wake whoever's time has come."""
        until = self._now + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            self._now = self._sleepers[0][0]
            self._wake_next()
        self._now = until

    def _wake_next(self) -> None:
        _, _, future = heapq.heappop(self._sleepers)
        if not future.done():
            future.set_result(None)

    def _jump_when_idle(self, loop: asyncio.AbstractEventLoop, turns: int) -> None:
        """After some turns in which other tasks may run, jump to the next sleeper."""
        if turns < _IDLE_TURNS:
            loop.call_soon(self._jump_when_idle, loop, turns + 1)
            return
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        if not self._sleepers:
            self._jumping = False
            return
        self._now = max(self._now, self._sleepers[0][0])
        self._wake_next()
        loop.call_soon(self._jump_when_idle, loop, 0)


_IDLE_TURNS = 20
"""Turns of the loop without a jump: enough for a chain of tasks to hand on what woke them."""

__all__ = ["FakeClock", "Recorder", "Replay", "Scripted"]
