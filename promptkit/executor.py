"""A window of workers over any iterable: what `map` and `imap` run on.

The workers pull from one iterator and put results into an outbox no longer than the window. So
memory does not grow with the number of items, and a slow reader slows the workers down.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sized,
)
from typing import Any, Generic, Literal, TypeVar

from promptkit.errors import DeadlineError, OptionError
from promptkit.heartbeat import Heartbeat
from promptkit.trace import Progress

Item = TypeVar("Item")
OnError = Literal["raise", "keep"]
Work = Callable[[int, Item], Awaitable[Any]]


async def run_window(
    work: Work[Item],
    items: Iterable[Item] | AsyncIterable[Item],
    *,
    concurrency: int,
    on_error: OnError,
    progress: Progress,
    deadline_s: float | None = None,
) -> AsyncGenerator[tuple[int, Any]]:
    """Yield (index, result) as items finish, with at most `concurrency` of them under way.

    Args:
        work: Called with an item's index and the item.
        items: Read no faster than the workers need.
        concurrency: The size of the window.
        on_error: With "keep" an item's exception is its result; with "raise" the first one
            ends the run. Either way a note on it says which item it was.
        progress: Kept up to date.
        deadline_s: Seconds for the whole run. Each item that has not ended by then ends in a
            DeadlineError; those not begun are not tried. Of an iterable without a length they
            are not even read: there a DeadlineError ends the run.
    """
    window = _Window(work, items, concurrency, progress, deadline_s)
    progress.begin()
    try:
        window.start(concurrency)
        with Heartbeat():
            while True:
                while window.outbox:
                    index, result = window.take()
                    if isinstance(result, _Failed):
                        if on_error == "raise":
                            raise result.error
                        result = result.error
                    yield index, result
                if window.is_over:
                    break
                await window.change()
            if window.error is not None:
                raise window.error
    finally:
        await window.close()
        progress.end()


class _Window(Generic[Item]):
    """The workers of one run, what they read from and what they write to."""

    def __init__(
        self,
        work: Work[Item],
        items: Iterable[Item] | AsyncIterable[Item],
        size: int,
        progress: Progress,
        deadline_s: float | None,
    ) -> None:
        self.outbox: deque[tuple[int, Any]] = deque()
        self.error: BaseException | None = None
        self._work = work
        self._progress = progress
        self._size = size
        self._sized = isinstance(items, Sized)
        self._numbered: Iterator[tuple[int, Item]] = iter(())
        self._slow_source: _AsyncSource[Item] | None = None
        if isinstance(items, AsyncIterable):
            self._slow_source = _AsyncSource(items)
        else:
            self._numbered = enumerate(items)
        self._count = len(items) if isinstance(items, Sized) else size
        self._deadline_s = deadline_s
        self._late: DeadlineError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._reader: asyncio.Future[None] | None = None
        self._blocked: deque[asyncio.Future[None]] = deque()

    # -- the reader's side ----------------------------------------------------------------

    def start(self, concurrency: int) -> None:
        """Set the workers to work."""
        loop = asyncio.get_running_loop()
        for _ in range(min(concurrency, self._count)):
            task = loop.create_task(self._worker())
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        if self._deadline_s is not None:
            self._timer = loop.call_later(self._deadline_s, self._expire)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come, or an error of the source ends it."""
        return not self._tasks or self.error is not None

    def take(self) -> tuple[int, Any]:
        """Take a result out of the outbox and let a worker that waits for room go on."""
        while self._blocked:
            waiting = self._blocked.popleft()
            if not waiting.done():
                waiting.set_result(None)
                break
        return self.outbox.popleft()

    async def change(self) -> None:
        """Wait until there is a result, or a worker has ended."""
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    async def close(self) -> None:
        """Cancel what is under way and wait for its end."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    # -- the workers' side ----------------------------------------------------------------

    async def _worker(self) -> None:
        """Take an item, work on it, hand on the result."""
        progress, numbered, work, source = (
            self._progress,
            self._numbered,
            self._work,
            self._slow_source,
        )
        me = asyncio.current_task()
        assert me is not None  # noqa: S101 -- for the type checker: a worker is a task
        while True:
            entry = next(numbered, None) if source is None else await source.take()
            if entry is None:
                return
            progress.in_flight += 1
            self._busy.add(me)
            try:
                if self._late is None:
                    result = await work(*entry)
                    progress.done += 1
                else:
                    result = self._failed(entry[0], self._late_error())
            except Exception as error:  # noqa: BLE001 -- kept, or raised by the reader
                result = self._failed(entry[0], error)
            except asyncio.CancelledError:
                if self._late is None or self._closing or me.uncancel() > 0:
                    raise
                result = self._failed(entry[0], self._late_error())
            finally:
                progress.in_flight -= 1
                self._busy.discard(me)
            while len(self.outbox) >= self._size:
                await self._room()
            self.outbox.append((entry[0], result))
            self._wake_reader()

    def _failed(self, index: int, error: Exception) -> _Failed:
        error.add_note(f"in item {index} of the map")
        self._progress.failed += 1
        return _Failed(error)

    async def _room(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._blocked.append(waiting)
        await waiting

    def _wake_reader(self) -> None:
        reader = self._reader
        if reader is not None and not reader.done():
            reader.set_result(None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._closing and self.error is None:
            if task.cancelled():
                self.error = asyncio.CancelledError()
            elif task.exception() is not None:
                self.error = task.exception()
        elif not task.cancelled():
            task.exception()  # looked at, so that nobody complains of it
        self._wake_reader()

    # -- the deadline ---------------------------------------------------------------------

    def _expire(self) -> None:
        self._late = self._late_error()
        if not self._sized and self.error is None:
            self.error = self._late
            self._wake_reader()
        for task in self._busy:
            task.cancel()

    def _late_error(self) -> DeadlineError:
        hint = "raise deadline_s, or run again: with a cache nothing is paid twice"
        return DeadlineError(f"the map did not end within {self._deadline_s:g} s", hint=hint)


class _AsyncSource(Generic[Item]):
    """Numbers the items of an async iterable; the workers take turns at it."""

    def __init__(self, items: AsyncIterable[Item]) -> None:
        self._items = aiter(items)
        self._turn = asyncio.Lock()
        self._index = -1

    async def take(self) -> tuple[int, Item] | None:
        """Return the next item with its number; None at the end."""
        async with self._turn:
            try:
                item = await anext(self._items)
            except StopAsyncIteration:
                return None
            self._index += 1
            return self._index, item


class _Failed:
    """Tells an item's error from a result that happens to be an exception object."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


def check_window(concurrency: int, on_error: str, deadline_s: float | None = None) -> None:
    """Refuse a window that cannot run.

    Raises:
        OptionError: For a concurrency below 1, an unknown `on_error`, a deadline that is none.
    """
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or concurrency < 1:
        raise OptionError(f"concurrency={concurrency!r}", hint="it is a whole number from 1 on")
    if on_error not in ("raise", "keep"):
        raise OptionError(f"on_error={on_error!r}", hint='it is "raise" or "keep"')
    is_number = isinstance(deadline_s, (int, float)) and not isinstance(deadline_s, bool)
    if deadline_s is not None and not (is_number and 0 < deadline_s < float("inf")):
        raise OptionError(f"deadline_s={deadline_s!r}", hint="it is a number of seconds above 0")
