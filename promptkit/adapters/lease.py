"""One rate limit, divided among the processes of this machine.

Each process that uses a limit writes a few times a second into one SQLite file how much it uses
and whether it has more to send, and reads from the others' rows which part is its own. Those who
have more to send get equal parts; one that uses little is left a little more than that. A row
that was not renewed for two seconds belongs to a process that is done, idle or dead.

The file holds digests of endpoint, owner and model. When it cannot be used, each process keeps to
the whole limit by itself, and one warning says so.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
import time
import warnings
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Final
from weakref import WeakSet

from promptkit.adapters.database import open_database
from promptkit.errors import StoreError

APPLICATION_ID: Final = 0x706B6C73
"""Marks a lease file («pkls»)."""

SCHEMA_VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS users (
    place BLOB, process TEXT, joined REAL, seen REAL, used REAL, waiting INTEGER,
    PRIMARY KEY (place, process)
) WITHOUT ROWID
"""

_FRESH_S: Final = 2.0
"""A row older than this is nobody's any more."""

_SETTLING_S: Final = 0.6
"""So long a process that joins others keeps to the least part: until then they have all looked,
and have let go of what is its own."""

_LEAST: Final = 0.02
_HEADROOM: Final = 1.5
"""What one that uses little may use at once more than before, as a factor."""

_BUSY_MS: Final = 200
"""How long a request may be kept from going by another process's commit, in milliseconds."""


class LeaseWarning(UserWarning):
    """Rate limits cannot be shared with other processes for now. Shown once."""


class SqliteLease:
    """Divides limits through one file. Safe to use from several threads, and after a fork."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Prepare; the file is opened by the first call."""
        self.path = Path(path)
        self._warned = False
        self._database: sqlite3.Connection | None = None
        self.begin()
        atexit.register(self.close)
        _leases.add(self)

    def begin(self) -> None:
        """Set up what belongs to one process; a parent's connection is left to it, open."""
        self._lock = threading.Lock()
        self._process = os.urandom(8).hex()
        if self._database is not None:
            _inherited.append(self._database)
            self._database = None

    def share(self, place: str, user: str, used: float, *, is_waiting: bool) -> float:
        """Say how much one user of a limit uses, and learn its part.

        Args:
            place: What the limit is of.
            user: Tells several users in one process apart.
            used: Requests per second.
            is_waiting: Whether it has more to send than it may.

        Returns:
            Its part of the limit, from 0.02 to 1.
        """
        with self._lock:
            try:
                return self._share(place, user, used, is_waiting=is_waiting)
            except (sqlite3.Error, StoreError, OSError) as error:
                self._drop()
                self._warn(error)
                return 1.0

    def _share(self, place: str, user: str, used: float, *, is_waiting: bool) -> float:
        if self._database is None:
            self._database = open_database(self.path, APPLICATION_ID, SCHEMA_VERSION, _SCHEMA)
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        now = time.time()
        digest = blake2b(place.encode(), digest_size=16).digest()
        name = f"{self._process}-{user}"
        mine = (digest, name, now, now, used, is_waiting)
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            stale = (now - _FRESH_S, now + _FRESH_S)
            database.execute("DELETE FROM users WHERE seen < ? OR seen > ?", stale)
            database.execute(
                "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "seen = excluded.seen, used = excluded.used, waiting = excluded.waiting",
                mine,
            )
            rows = database.execute(
                "SELECT process, joined, used, waiting FROM users WHERE place = ?", (digest,)
            ).fetchall()
            database.execute("COMMIT")
        except sqlite3.Error:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        joined = {process: at for process, at, _, _ in rows}
        if now - joined[name] < _SETTLING_S and any(at < joined[name] for at in joined.values()):
            return _LEAST
        return part_of(name, {process: (use, bool(wait)) for process, _, use, wait in rows})

    def close(self) -> None:
        """Leave all limits to the others."""
        with self._lock:
            if self._database is not None:
                with suppress(sqlite3.Error):
                    mine = (f"{self._process}-%",)
                    self._database.execute("DELETE FROM users WHERE process LIKE ?", mine)
            self._drop()

    def _drop(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.close()

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            text = f"promptkit: rate limits are not shared with other processes ({error})"
            warnings.warn(text, LeaseWarning, stacklevel=2)


_leases: WeakSet[SqliteLease] = WeakSet()
_inherited: Final[list[sqlite3.Connection]] = []
"""A parent's connections: closing one in a forked child would disturb the parent's file."""


def _begin_in_child() -> None:
    """Another thread may have held a lock at the fork: in the child nobody would ever open it."""
    for lease in list(_leases):
        lease.begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


@lru_cache(maxsize=16)
def shared_lease(folder: Path) -> SqliteLease:
    """Return this process's lease in a folder of promptkit's data."""
    return SqliteLease(folder / "limits.sqlite")


def part_of(name: str, users: dict[str, tuple[float, bool]]) -> float:
    """Return one user's part of a limit.

    Args:
        name: Which user.
        users: By name, requests per second and whether there is more to send.

    >>> part_of("a", {"a": (5.0, True), "b": (5.0, True)})
    0.5
    >>> part_of("a", {"a": (9.0, True), "b": (1.5, False)})
    0.8
    """
    heaviest = max(used for used, _ in users.values())
    weights = {
        each: 1.0 if waits or not heaviest else max(_LEAST, min(1.0, _HEADROOM * used / heaviest))
        for each, (used, waits) in users.items()
    }
    if weights[name] < 1.0 and not any(waits for _, waits in users.values()):
        return 1.0  # nobody wants more: nothing has to be divided
    return max(_LEAST, weights[name] / sum(weights.values()))
