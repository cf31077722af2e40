"""A clock that need not be waited for."""

from __future__ import annotations

import asyncio
import heapq


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
