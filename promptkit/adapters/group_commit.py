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

APART_S: Final = (0.001, 0.05)
"""The bounds of the time between two commits, in seconds, while rows come faster than that."""

SHARE: Final = 0.005
"""That time as a share of what a row took to come: on average it is made later by half of it."""

MOST_WAITING: Final = 256
"""So many rows are committed without waiting for more."""

BUSY_MS: Final = 5
"""How long the loop stands still for another process's commit, in milliseconds."""

PATIENCE_S: Final = 30.0
"""How long a commit is tried again while another process holds the file, in seconds."""

Row = tuple[Any, ...]
Told = Callable[[StoreError | None], None]
_OF_THE_FILE: Final = (sqlite3.OperationalError, StoreError, OSError)
"""What is wrong with the file, not with a value in one of the rows."""


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
        self._waiting: list[tuple[Row, asyncio.AbstractEventLoop, Told]] = []
        self._scheduled: set[asyncio.AbstractEventLoop] = set()
        self._busy_since: float | None = None
        self._last_commit = 0.0

    def add(self, row: Row, told: Told, took_s: float = 0.0) -> None:
        """Write `row` soon, then call `told`: with None once this process's death cannot undo it.

        `took_s` is how many seconds the row took to come: the slower rows are, the more of them
        may wait for one commit. `told` is called on the running loop, with a StoreError when the
        row could not be written. A function and not a future: each future that is waited for is
        another turn of the loop.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            self._waiting.append((row, loop, told))
            if len(self._waiting) >= MOST_WAITING and self._busy_since is None:
                self._commit()
            elif loop not in self._scheduled:
                apart_s = min(max(SHARE * took_s, APART_S[0]), APART_S[1])
                self._schedule(loop, self._last_commit + apart_s - time.monotonic())

    @property
    def is_waiting(self) -> bool:
        """Whether rows wait to be written."""
        return bool(self._waiting)

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
            is_done = not self._waiting
            try:
                is_done = is_done or self._commit()
            finally:  # also when an interrupt comes in between
                if not is_done:
                    self._schedule(loop, BUSY_MS / 1000)

    def _commit(self) -> bool:
        """Write all that waits and tell those who wait for it; False when another is writing."""
        waiting = self._waiting
        error: Exception | None = None
        try:
            self._write([row for row, *_ in waiting])
        except Exception as failure:  # noqa: BLE001 -- whatever it is, those who wait must hear of it
            if self._is_to_be_tried_again(failure):
                return False
            error = failure
        self._waiting = []
        self._busy_since = None
        self._last_commit = time.monotonic()
        if _is_of_one_row(error):  # it must not sink its neighbours
            for row, loop, told in waiting:
                self._tell([(loop, told)], self._write_alone(row))
        else:
            self._tell([(loop, told) for _, loop, told in waiting], error)
        return True

    def _is_to_be_tried_again(self, failure: Exception) -> bool:
        if getattr(failure, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
            return False
        if self._busy_since is None:
            self._busy_since = time.monotonic()
        return time.monotonic() - self._busy_since < PATIENCE_S

    def _write_alone(self, row: Row) -> Exception | None:
        try:
            self._write([row])
        except Exception as failure:  # noqa: BLE001 -- as above
            return failure
        return None

    def _tell(
        self, those: list[tuple[asyncio.AbstractEventLoop, Told]], failure: Exception | None
    ) -> None:
        error = StoreError(f"{self._path} cannot be written ({failure})") if failure else None
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        for loop, told in those:
            if loop is here:
                told(error)
            else:
                with suppress(RuntimeError):  # that loop is closed, nobody waits there any more
                    loop.call_soon_threadsafe(told, error)


def _is_of_one_row(error: Exception | None) -> bool:
    """Whether each row is to be tried by itself: a value, and not the file, was refused."""
    is_damage = type(error) is sqlite3.DatabaseError
    return error is not None and not is_damage and not isinstance(error, _OF_THE_FILE)
