"""Rows that come within a few milliseconds, committed together before anyone is told of them.

A commit costs about as much as writing ten rows, so one for each row would double the price of
each. A row that comes alone is committed in the loop's next turn. While another process holds the
file the loop goes on, and the commit is tried again.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from promptkit.errors import StoreError

APART_S: Final = 0.004
"""The least time between two commits, in seconds, while rows come faster than that."""

MOST_WAITING: Final = 256
"""So many rows are committed without waiting for more."""

BUSY_MS: Final = 5
"""How long the loop stands still for another process's commit, in milliseconds."""

PATIENCE_S: Final = 30.0
"""How long a commit is tried again while another process holds the file, in seconds."""

Row = tuple[Any, ...]
Failure = sqlite3.Error | OverflowError | StoreError | OSError
_FAILURES: Final = (sqlite3.Error, OverflowError, StoreError, OSError)
_OF_ONE_ROW: Final = (sqlite3.ProgrammingError, sqlite3.InterfaceError, OverflowError)
"""What is wrong with a value, not with the file."""


class GroupCommit:
    """Collects rows of any number of tasks, loops and threads, and writes them in groups."""

    def __init__(
        self, path: Path, write: Callable[[list[Row]], None], lock: threading.RLock
    ) -> None:
        """Collect rows for `write`, which writes a list of them in one transaction.

        Args:
            path: Named in errors.
            write: Called with the lock held.
            lock: Guards the database.
        """
        self._path = path
        self._write = write
        self._lock = lock
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._scheduled: set[asyncio.AbstractEventLoop] = set()
        self._busy_since: float | None = None
        self._last_commit = 0.0

    def add(self, row: Row) -> asyncio.Future[None]:
        """Write `row` soon; the future is done when the death of this process cannot undo it.

        The future raises StoreError when the disk is full or the file cannot be written.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        with self._lock:
            self._waiting.append((row, done))
            if len(self._waiting) >= MOST_WAITING and self._busy_since is None:
                self._commit()
            elif loop not in self._scheduled:
                self._schedule(loop, self._last_commit + APART_S - time.monotonic())
        return done

    def flush(self) -> None:
        """Write all that waits, now."""
        with self._lock:
            if self._waiting:
                self._busy_since = float("-inf")  # there is no later try
                self._commit()

    def _schedule(self, loop: asyncio.AbstractEventLoop, delay_s: float) -> None:
        self._scheduled.add(loop)
        if delay_s > 0:
            loop.call_later(delay_s, self._commit_scheduled, loop)
        else:
            loop.call_soon(self._commit_scheduled, loop)

    def _commit_scheduled(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._scheduled.discard(loop)
            if self._waiting and not self._commit():
                self._schedule(loop, BUSY_MS / 1000)

    def _commit(self) -> bool:
        """Write all that waits and tell those who wait for it; False when another is writing."""
        waiting = self._waiting
        error: Failure | None = None
        try:
            self._write([row for row, _ in waiting])
        except _FAILURES as failure:
            if self._is_to_be_tried_again(failure):
                return False
            error = failure
        self._waiting = []
        self._busy_since = None
        self._last_commit = time.monotonic()
        if isinstance(error, _OF_ONE_ROW):  # it must not sink its neighbours
            self._tell([(done, self._write_alone(row)) for row, done in waiting])
        else:
            self._tell([(done, error) for _, done in waiting])
        return True

    def _is_to_be_tried_again(self, failure: Failure) -> bool:
        if getattr(failure, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
            return False
        if self._busy_since is None:
            self._busy_since = time.monotonic()
        return time.monotonic() - self._busy_since < PATIENCE_S

    def _write_alone(self, row: Row) -> Failure | None:
        try:
            self._write([row])
        except _FAILURES as failure:
            return failure
        return None

    def _tell(self, outcomes: list[tuple[asyncio.Future[None], Failure | None]]) -> None:
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        for done, failure in outcomes:
            error = StoreError(f"{self._path} cannot be written ({failure})") if failure else None
            loop = done.get_loop()
            if loop is here:
                _settle(done, error)
            else:
                with suppress(RuntimeError):  # that loop is closed, nobody waits there any more
                    loop.call_soon_threadsafe(_settle, done, error)


def _settle(done: asyncio.Future[None], error: StoreError | None) -> None:
    if done.done():
        return
    if error:
        done.set_exception(error)
    else:
        done.set_result(None)
