"""Keeps the event loop waking up while promptkit waits, so that the Stop button works.

ipykernel handles an interrupt only when its loop wakes. A loop that waits for a slow server
wakes seconds later, with money still being spent; with a timer of 0.1 s it does so at once.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final
from weakref import WeakKeyDictionary

PERIOD_S: Final = 0.1

_waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()
"""How many heartbeats are open on each loop whose timer runs; they share it."""


class Heartbeat:
    """`with Heartbeat():` around an await keeps the running loop's timer alive meanwhile."""

    __slots__ = ("_loop",)

    def __enter__(self) -> None:
        """Start the timer if nobody has."""
        self._loop = asyncio.get_running_loop()
        waiting = _waiting.get(self._loop)
        _waiting[self._loop] = (waiting or 0) + 1
        if waiting is None:
            self._loop.call_later(PERIOD_S, _beat, self._loop)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the timer end with the last one that waits."""
        _waiting[self._loop] -= 1


def _beat(loop: asyncio.AbstractEventLoop) -> None:
    if _waiting.get(loop, 0) > 0:
        loop.call_later(PERIOD_S, _beat, loop)
    else:
        _waiting.pop(loop, None)
