"""Keeps the event loop waking up while promptkit waits, so that the Stop button works.

ipykernel handles an interrupt only when its loop wakes. A loop that waits for a slow server
wakes seconds later, with money still being spent; with a timer of 0.1 s it does so at once.
"""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Final

PERIOD_S: Final = 0.1


class _Beat(threading.local):
    """The timer of the loop that last waited in this thread, and how many wait on it."""

    loop: asyncio.AbstractEventLoop | None = None
    pulse: _Pulse | None = None


class _Pulse:
    """One loop's timer; it runs on for as long as somebody waits."""

    __slots__ = ("ticking", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        self.ticking = False

    def tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ticking = self.waiting > 0
        if self.ticking:
            loop.call_later(PERIOD_S, self.tick, loop)
        elif _here.pulse is self:
            _here.loop = _here.pulse = None  # keeps no loop alive that may be over


_here = _Beat()


class Heartbeat:
    """`with Heartbeat():` around an await keeps the running loop's timer alive meanwhile."""

    __slots__ = ("_pulse",)

    _pulse: _Pulse

    def __enter__(self) -> None:
        """Start the timer if nobody has."""
        loop = asyncio.get_running_loop()
        pulse = _here.pulse
        if pulse is None or _here.loop is not loop:
            pulse, _here.loop = _Pulse(), loop
            _here.pulse = pulse
        self._pulse = pulse
        pulse.waiting += 1
        if not pulse.ticking:
            pulse.ticking = True
            loop.call_later(PERIOD_S, pulse.tick, loop)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the timer end with the last one that waits."""
        self._pulse.waiting -= 1
