"""Deadlines that cost next to nothing while they are kept.

`asyncio.timeout` sets and cancels a timer of the event loop for each call. Here one timer per
loop stands for all calls under way: it is set for the earliest of them, and moved only when a
still earlier one comes.
"""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Final

_NEVER: Final = float("inf")


class Deadline:
    """`with Deadline(seconds):` around awaits cancels them when the time is over.

    Raises:
        TimeoutError: On leaving, when the deadline and nobody else cancelled the task.
    """

    __slots__ = ("_before", "_expired", "_task", "_watch", "at", "seconds")

    _task: asyncio.Task[object]
    _watch: _Watch

    def __init__(self, seconds: float) -> None:
        """Allow `seconds` from entering on."""
        self.seconds = seconds

    def __enter__(self) -> None:
        """Start the clock for the running task."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a Deadline needs a task to cancel")
        self._task = task
        self._before = task.cancelling()
        self._expired = False
        self.at = loop.time() + self.seconds
        watch = _here.watch
        if watch is None or watch.loop is not loop:
            watch = _here.watch = _Watch(loop)
        self._watch = watch
        watch.add(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the clock; a cancellation that was the deadline's becomes a TimeoutError."""
        self._watch.kept.pop(self, None)
        if (
            self._expired
            and self._task.uncancel() <= self._before
            and isinstance(error, asyncio.CancelledError)
        ):
            raise TimeoutError from error

    def expire(self) -> None:
        """Cancel the task."""
        self._expired = True
        self._task.cancel()


class _Watch:
    """The deadlines under way on one loop, and its one timer."""

    __slots__ = ("_alarm", "_alarm_at", "kept", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.kept: dict[Deadline, None] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = _NEVER

    def add(self, deadline: Deadline) -> None:
        self.kept[deadline] = None
        if deadline.at < self._alarm_at:
            self._set(deadline.at)

    def _set(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = self.loop.call_at(at, self._ring) if at < _NEVER else None

    def _ring(self) -> None:
        now = self.loop.time()
        self._alarm = None
        for deadline in [each for each in self.kept if each.at <= now]:
            del self.kept[deadline]
            deadline.expire()
        self._set(min((each.at for each in self.kept), default=_NEVER))


class _Here(threading.local):
    """The watch of the loop that last had a deadline in this thread."""

    watch: _Watch | None = None


_here: Final = _Here()
