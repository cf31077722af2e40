"""A window of workers over any iterable: what `map` and `imap` run on.

The workers pull from one iterator and put results into a queue no longer than the window. So
memory does not grow with the number of items, and a slow reader slows the workers down.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Sized,
)
from typing import Any, Literal, TypeVar

from promptkit.errors import OptionError
from promptkit.heartbeat import Heartbeat
from promptkit.trace import Progress

Item = TypeVar("Item")
OnError = Literal["raise", "keep"]


async def run_window(
    work: Callable[[int, Item], Awaitable[Any]],
    items: Iterable[Item] | AsyncIterable[Item],
    *,
    concurrency: int,
    on_error: OnError,
    progress: Progress,
) -> AsyncGenerator[tuple[int, Any]]:
    """Yield (index, result) as items finish, with at most `concurrency` of them under way.

    Args:
        work: Called with an item's index and the item.
        items: Read no faster than the workers need.
        concurrency: The size of the window.
        on_error: With "keep" an item's exception is its result; with "raise" the first one
            ends the run. Either way a note on it says which item it was.
        progress: Kept up to date.
    """
    finished: asyncio.Queue[tuple[int, Any]] = asyncio.Queue(maxsize=concurrency)
    worker = _worker(work, _numbered(items), finished, progress)
    size = min(concurrency, len(items)) if isinstance(items, Sized) else concurrency
    workers = [asyncio.create_task(worker()) for _ in range(size)]
    ended = asyncio.create_task(_all(workers))
    ended.add_done_callback(lambda _: finished.put_nowait(_END) if not finished.full() else None)
    try:
        with Heartbeat():
            while not (ended.done() and finished.empty()):
                index, result = entry = await finished.get()
                if entry is _END:
                    continue
                if isinstance(result, _Failed):
                    if on_error == "raise":
                        raise result.error
                    result = result.error
                yield index, result
            ended.result()
    finally:
        for task in (ended, *workers):
            task.cancel()
        await asyncio.gather(ended, *workers, return_exceptions=True)
        progress.ended_at = time.monotonic()


def _worker(
    work: Callable[[int, Item], Awaitable[Any]],
    source: AsyncIterator[tuple[int, Item]],
    finished: asyncio.Queue[tuple[int, Any]],
    progress: Progress,
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return what each worker does: take an item, work on it, hand on the result."""
    turn = asyncio.Lock()

    async def worker() -> None:
        while True:
            async with turn:
                entry = await anext(source, None)
            if entry is None:
                return
            progress.in_flight += 1
            try:
                result = await work(*entry)
                progress.done += 1
            except Exception as error:  # noqa: BLE001 -- kept, or raised by the reader
                error.add_note(f"in item {entry[0]} of the map")
                result = _Failed(error)
                progress.failed += 1
            finally:
                progress.in_flight -= 1
            await finished.put((entry[0], result))

    return worker


async def _all(tasks: Iterable[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks)


class _Failed:
    """Tells an item's error from a result that happens to be an exception object."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


_END: tuple[int, Any] = (-1, None)


async def _numbered(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[tuple[int, Item]]:
    index = 0
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield index, item
            index += 1
    else:
        for item in items:
            yield index, item
            index += 1


def check_window(concurrency: int, on_error: str) -> None:
    """Refuse a window that cannot run.

    Raises:
        OptionError: For a concurrency below 1 or an unknown `on_error`.
    """
    if not isinstance(concurrency, int) or concurrency < 1:
        raise OptionError(f"concurrency={concurrency!r}", hint="it is a whole number from 1 on")
    if on_error not in ("raise", "keep"):
        raise OptionError(f"on_error={on_error!r}", hint='it is "raise" or "keep"')
