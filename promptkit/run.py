"""The one door from synchronous code: `run(awaitable)`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Final, TypeVar

from promptkit.adapters.loops import fastest_loop
from promptkit.errors import OptionError

T = TypeVar("T")

_CLEAN_UP_S: Final = 2.0
"""How long an interrupted call may take to close its connections."""

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None


def run(awaitable: Awaitable[T]) -> T:
    """Run an awaitable to its end from code that is not async, and return its result.

    It runs on an event loop of promptkit's own, in a thread of its own: so it also works in a
    notebook or a server whose loop is running already, and one Session keeps its connections
    from call to call. An interrupt cancels the awaitable and waits for its clean-up.

    Raises:
        OptionError: When called from that very thread, where it would wait for itself.
    """
    loop = _own_loop()
    if threading.current_thread() is _thread:
        close = getattr(awaitable, "close", None)
        if close:
            close()
        hint = "use await there"
        raise OptionError("promptkit.run was called from code that it is running", hint=hint)
    future: Future[T] = asyncio.run_coroutine_threadsafe(_as_coroutine(awaitable), loop)
    try:
        while True:
            try:
                return future.result(timeout=0.1)
            except FutureTimeoutError:
                if future.done():  # it ended just now, or with a TimeoutError of its own
                    return future.result()
    except KeyboardInterrupt:
        future.cancel()
        _wait_for_clean_up(loop)
        raise


async def _as_coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _wait_for_clean_up(loop: asyncio.AbstractEventLoop) -> None:
    """Wait until the cancelled task has run its `finally` blocks, not only been told to."""

    async def settle() -> None:
        current = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not current and task.cancelling()]
        if tasks:
            await asyncio.wait(tasks, timeout=_CLEAN_UP_S)

    try:
        asyncio.run_coroutine_threadsafe(settle(), loop).result(timeout=_CLEAN_UP_S + 1)
    except (CancelledError, FutureTimeoutError):
        return


def _own_loop() -> asyncio.AbstractEventLoop:
    global _loop, _thread  # noqa: PLW0603 -- one loop per process, made when first needed
    with _lock:
        if _loop is None or _thread is None or not _thread.is_alive():
            _loop = fastest_loop()
            _thread = threading.Thread(target=_loop.run_forever, name="promptkit", daemon=True)
            _thread.start()
        return _loop
