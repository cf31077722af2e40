"""Responses in an SQLite file: the store behind `connect(cache=…)`.

The file holds answers under digests of their requests; no prompt is written to it. It is in WAL
mode, so that several processes read and write it at once, and answers that come in the same turn
of the event loop are committed together, before anyone is told of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from promptkit.codec import response_from_json, response_to_json
from promptkit.errors import StoreError
from promptkit.response import Response

APPLICATION_ID: Final = 0x706B6368
"""Marks a cache file («pkch»), as sqlite3's documentation proposes for file formats."""

SCHEMA_VERSION: Final = 1

_BUSY_MS: Final = 10_000
"""How long one process waits for another's commit, in milliseconds."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS answers (
    key BLOB PRIMARY KEY, response TEXT NOT NULL, created_at REAL NOT NULL
) WITHOUT ROWID
"""


def open_database(path: Path, application_id: int, version: int, schema: str) -> sqlite3.Connection:
    """Open a file of ours, or make it, readable by its owner only.

    Raises:
        StoreError: When the file is damaged, belongs to another program, is of a later version,
            or cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(f"{path} cannot be opened ({reason})", hint="pass another path") from None
    try:
        _check(database, path, application_id, version, schema)
    except sqlite3.OperationalError as error:
        database.close()
        raise StoreError(f"{path} cannot be used ({error})", hint="pass another path") from None
    except sqlite3.DatabaseError as error:
        database.close()
        hint = "move it away and run again, or pass another path"
        raise StoreError(f"{path} is damaged or no database ({error})", hint=hint) from None
    except StoreError:
        database.close()
        raise
    return database


def _check(
    database: sqlite3.Connection, path: Path, application_id: int, version: int, schema: str
) -> None:
    database.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    (found,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (found_version,) = database.execute("PRAGMA user_version").fetchone()
    if tables and found != application_id:
        raise StoreError(f"{path} belongs to another program", hint="pass another path")
    if found_version > version:
        msg = f"{path} has version {found_version}, this promptkit reads up to {version}"
        raise StoreError(msg, hint="upgrade promptkit, or pass another path")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    if not tables:
        database.execute("BEGIN IMMEDIATE")
        database.execute(schema)
        database.execute(f"PRAGMA application_id = {application_id}")
        database.execute(f"PRAGMA user_version = {version}")
        database.execute("COMMIT")


class SqliteStore:
    """A Store in one file. It reopens itself in a forked child."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open or make the file at `path`."""
        self.path = Path(path)
        self._lock = threading.RLock()
        self._pending: list[tuple[bytes, str, float, asyncio.Future[None]]] = []
        self._open()

    def _open(self) -> None:
        self._database = open_database(self.path, APPLICATION_ID, SCHEMA_VERSION, _SCHEMA)
        self._process = os.getpid()
        self._closed = False

    def _connection(self) -> sqlite3.Connection:
        if self._closed or self._process != os.getpid():
            self._open()
        return self._database

    def get(self, key: bytes) -> Response | None:
        """Return the answer kept under `key`.

        Raises:
            StoreError: When the file turns out to be damaged.
        """
        with self._lock:
            try:
                row = (
                    self._connection()
                    .execute("SELECT response FROM answers WHERE key = ?", (key,))
                    .fetchone()
                )
                return response_from_json(json.loads(row[0])) if row else None
            except (sqlite3.DatabaseError, ValueError, KeyError, TypeError) as error:
                hint = "move it away and run again, or pass another path"
                msg = f"the cache {self.path} cannot be read ({error})"
                raise StoreError(msg, hint=hint) from None

    async def put(self, key: bytes, response: Response) -> None:
        """Keep an answer; return when it is on disk.

        Raises:
            StoreError: When the disk is full or the file cannot be written.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        text = json.dumps(response_to_json(response), ensure_ascii=True)
        with self._lock:
            if all(entry[-1].get_loop() is not loop for entry in self._pending):
                loop.call_soon(self._commit)  # one commit for all that comes in this turn
            self._pending.append((key, text, time.time(), done))
        await done

    def _commit(self) -> None:
        """Write all that waits, in one transaction, and tell those who wait for it."""
        with self._lock:
            pending, self._pending = self._pending, []
            error: StoreError | None = None
            try:
                self._write([entry[:3] for entry in pending])
            except (sqlite3.Error, StoreError, OSError) as failure:
                error = StoreError(f"{self.path} cannot be written ({failure})")
        for *_, done in pending:
            with suppress(RuntimeError):  # that loop is closed, nobody waits there any more
                done.get_loop().call_soon_threadsafe(_tell, done, error)

    def _write(self, rows: list[tuple[bytes, str, float]]) -> None:
        database = self._connection()
        database.execute("BEGIN IMMEDIATE")
        try:
            database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)
            database.execute("COMMIT")
        except sqlite3.Error:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise

    async def aclose(self) -> None:
        """Write what waits and close the file; it opens again if used again."""
        with self._lock:
            if self._pending:
                self._commit()
            if not self._closed and self._process == os.getpid():
                self._database.close()
            self._closed = True


def _tell(done: asyncio.Future[None], error: StoreError | None) -> None:
    if done.done():
        return
    if error:
        done.set_exception(error)
    else:
        done.set_result(None)
