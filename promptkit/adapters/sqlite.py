"""Responses in an SQLite file: the store behind `connect(cache=…)`.

Look-ups of one turn of the event loop share one read transaction: a prepared SELECT inside of one
takes 3 µs, alone it takes 6. Answers that come within a few milliseconds are committed together,
before anyone is told of them; an answer that comes alone is committed at once.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from warnings import warn

from promptkit.adapters.cache_file import ADD, INSERT, open_cache, open_sealer, row_of
from promptkit.adapters.cache_rows import COLUMNS, Row, from_row, unseal_row
from promptkit.adapters.database import MOVE_AWAY
from promptkit.adapters.group_commit import BUSY_MS, PATIENCE_S, GroupCommit
from promptkit.errors import StoreError
from promptkit.request import Request
from promptkit.response import Response
from promptkit.transports.store import Cache, CacheWarning

_READS: Final = 256
"""The most look-ups that share a read transaction: what others wrote is seen after it."""

_COUNTED: Final = 1_000
"""So many hits are written down together."""

_DAY_S: Final = 86_400

_AGE: Final = len(Row._fields)
_SELECT: Final = f"SELECT {COLUMNS}, expires_at FROM answers WHERE key = ?"  # noqa: S608 -- names of our own
_SELECT_WITH_AGE: Final = _SELECT.replace("expires_at", "expires_at, created_at, used_at, id")
_EVICT: Final = (
    "DELETE FROM answers WHERE id IN (SELECT id FROM answers ORDER BY used_at, id LIMIT ?)"
)
_EXPIRE: Final = (
    "DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE expires_at <= ? LIMIT 1000)"
)

_stores: weakref.WeakSet[SqliteStore] = weakref.WeakSet()
_inherited: Final[list[sqlite3.Connection]] = []
"""A parent's connections: closing one in a forked child would disturb the parent's file."""


class SqliteStore:
    """A Store in one file. It reopens itself after `aclose`, and in a forked child."""

    def __init__(self, path: str | os.PathLike[str], settings: Cache | None = None) -> None:
        """Open or make the file at `path`.

        Raises:
            StoreError: When it is damaged, foreign, of a later version, or its secret is wrong.
        """
        self.path = Path(path)
        settings = settings or Cache()
        self._secret = settings.fetch_secret()
        self.settings = replace(settings, path=self.path, secret=None)
        self._has_bounds = settings.ttl_s is not None or settings.max_bytes is not None
        self._select = _SELECT_WITH_AGE if self._has_bounds else _SELECT
        self._begin()
        self._open()
        _stores.add(self)

    def _begin(self) -> None:
        """Set up what belongs to one process."""
        self._lock = threading.RLock()
        self._commits = GroupCommit(self.path, self._write, self._lock)
        self._hits, self._unpriced, self._saved_usd = 0, 0, 0.0
        self._used: list[int] = []
        self._reads = 0
        self._closed = True

    def _open(self) -> None:
        database = open_cache(self.path)
        try:
            self._sealer = open_sealer(database, self.path, self._secret)
        except sqlite3.Error as error:
            database.close()
            msg = f"{self.path} is damaged ({error})"
            raise StoreError(msg, hint=MOVE_AWAY) from None
        except BaseException:
            database.close()
            raise
        database.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._database = database
        self._cursor = database.cursor()
        self._reads = 0
        self._closed = False

    # -- look-ups -------------------------------------------------------------------------

    def get(self, request: Request, /) -> Response | None:
        """Return the answer kept for `request`; an unreadable one is dropped, with a warning.

        Raises:
            StoreError: When the file turns out to be damaged.
        """
        key = request.key
        with self._lock:
            if not self._reads:
                self._begin_reading()
            self._reads -= 1
            if self._sealer is not None:
                key = self._sealer.digest(key)
            try:
                row = self._cursor.execute(self._select, (key,)).fetchone()
                if row is None or ((row[_AGE] or self._has_bounds) and self._is_over(*row[_AGE:])):
                    return None
                if self._sealer is not None:
                    row = unseal_row(row[_AGE - 1], self._sealer, key)
                response = from_row(row)
            except (ValueError, TypeError, sqlite3.DatabaseError) as error:
                is_files = isinstance(error, sqlite3.DatabaseError)
                if is_files and "decode to UTF-8" not in str(error):
                    msg = f"the cache {self.path} cannot be read ({error})"
                    raise StoreError(msg, hint=MOVE_AWAY) from None
                self._drop(key, error)
                return None
            self._hits += 1
            self._unpriced += response.cost_usd is None
            self._saved_usd += response.cost_usd or 0.0
            return response

    def holds(self, request: Request, /) -> bool:
        """Whether there is an answer for `request`; nothing counts as served."""
        with self._lock:
            counts = self._hits, self._unpriced, self._saved_usd
            found = self.get(request)
            self._hits, self._unpriced, self._saved_usd = counts
        return found is not None

    def _is_over(
        self, ends_at: int | None, created_at: int = 0, used_at: int = 0, place: int = 0
    ) -> bool:
        """Whether an answer is too old to be served; else note that it is being used."""
        now = time.time()
        ttl_s = self.settings.ttl_s
        if (ends_at is not None and ends_at <= now) or (
            ttl_s is not None and created_at + ttl_s <= now
        ):
            return True
        if self.settings.max_bytes is not None and used_at + _DAY_S < now:
            self._used.append(place)
        return False

    def _begin_reading(self) -> None:
        """Start a read transaction that lasts until the loop's next turn."""
        if self._closed:
            self._open()
        if self._database.in_transaction:
            self._database.execute("COMMIT")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._reads = 1  # nobody would end a transaction here: this look-up is one by itself
            return
        self._reads = _READS
        self._database.execute("BEGIN")
        loop.call_soon(self._end_reading)

    def _end_reading(self) -> None:
        with self._lock:
            self._reads = 0
            if not self._closed and self._database.in_transaction:
                self._database.execute("COMMIT")
            if len(self._used) >= _READS or self._hits >= _COUNTED:
                with suppress(sqlite3.Error):  # noted again at the next use
                    self._write([])

    def _drop(self, key: bytes, error: Exception) -> None:
        """Forget one damaged row: the question is asked again."""
        with suppress(sqlite3.Error):
            self._end_reading()
            self._database.execute("DELETE FROM answers WHERE key = ?", (key,))
        text = f"promptkit: a damaged answer in {self.path} is asked for again ({error})"
        warn(text, CacheWarning, stacklevel=2)

    # -- writing --------------------------------------------------------------------------

    def put(self, request: Request, response: Response, /) -> asyncio.Future[None]:
        """Keep an answer; the future is done when the death of this process cannot undo it.

        The future raises StoreError when the disk is full or the file cannot be written.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def settle(error: StoreError | None) -> None:
            if not done.done():
                done.set_result(None) if error is None else done.set_exception(error)

        self.keep(request, response, settle)
        return done

    def keep(
        self, request: Request, response: Response, told: Callable[[StoreError | None], None], /
    ) -> None:
        """Do as `put` does, and call `told` on this loop instead of settling a future."""
        if self._closed:
            with self._lock:
                self._open()
        try:
            row = row_of(request, response, self._sealer, self.settings)
        except (AttributeError, TypeError, ValueError, RecursionError) as error:
            # A transport of one's own may return anything, and this was paid for all the same.
            told(StoreError(f"this answer cannot be written to {self.path} ({error})"))
        else:
            self._commits.add(row, told, response.log.latency_s)

    def _write(self, rows: list[tuple[Any, ...]]) -> None:
        if self._closed:
            self._open()
        self._reads = 0
        database = self._database
        if database.in_transaction:
            database.execute("COMMIT")
        now = int(time.time())
        used, hits = self._used, self._hits
        database.execute("BEGIN IMMEDIATE")
        try:
            if rows:
                database.executemany(INSERT, rows)
            if used:
                update = "UPDATE answers SET used_at = ? WHERE id = ?"
                database.executemany(update, [(now, place) for place in used])
            if hits:
                counts = {"hits": hits, "unpriced": self._unpriced, "saved_usd": self._saved_usd}
                database.executemany(ADD, counts.items())
            if rows:
                self._make_room(now, len(rows))
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self._used, self._hits, self._unpriced, self._saved_usd = [], 0, 0, 0.0

    def _make_room(self, now: int, added: int) -> None:
        """Delete what is over, and beyond the bound what was not used for longest."""
        execute = self._database.execute
        if self.settings.ttl_s is not None:
            execute(_EXPIRE, (now,))
        if self.settings.max_bytes is None:
            return
        (page_bytes,) = execute("PRAGMA page_size").fetchone()
        for _ in range(8):  # the rest goes with the next commits: none may take long
            (pages,) = execute("PRAGMA page_count").fetchone()
            (free,) = execute("PRAGMA freelist_count").fetchone()
            if (pages - free) * page_bytes <= self.settings.max_bytes:
                return
            if not execute(_EVICT, (added + 16,)).rowcount:
                return

    async def aclose(self) -> None:
        """Write what waits and close the file; it opens again if used again."""
        self.close()

    def close(self) -> None:
        """Do as `aclose` does, without a loop."""
        with self._lock:
            if self._commits.is_waiting:
                if not self._closed:
                    self._database.execute(f"PRAGMA busy_timeout = {int(PATIENCE_S * 1000)}")
                self._commits.flush()
            if not self._closed:
                if self._hits or self._used:
                    with suppress(sqlite3.Error):  # a count, not an answer: nobody waits for it
                        self._database.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
                        self._write([])
                self._database.close()
            self._closed, self._reads = True, 0


@atexit.register
def _close_all() -> None:
    """Notebooks seldom close their sessions."""
    for store in list(_stores):
        with suppress(sqlite3.Error, StoreError, OSError):
            store.close()


def _forget_parent() -> None:
    for store in _stores:
        if not store._closed:  # noqa: SLF001 -- this module's own
            _inherited.append(store._database)  # noqa: SLF001 -- this module's own
        store._begin()  # noqa: SLF001 -- this module's own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
