"""SQLite files of promptkit's own: opened, checked, and brought to the present version.

A file is known by its application id, so that no other program's file is ever written to. It is
in WAL mode with `synchronous = NORMAL`: several processes read and write it at once, and what is
committed survives the death of the process; a power cut may take the latest commits, never the
file.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from promptkit.errors import StoreError

_BUSY_MS: Final = 10_000
"""How long one process waits for another's commit, in milliseconds."""

_LOCKED_S: Final = 0.005
"""How often to try again what SQLite does not wait for, in seconds."""

Migration = Callable[[sqlite3.Connection], None]
"""Turns a file of one version into the next; runs inside a transaction."""

MOVE_AWAY: Final = "move it away and run again, or pass another path"


def open_database(
    path: Path,
    application_id: int,
    version: int,
    schema: str | tuple[str, ...],
    migrations: Mapping[int, Migration] | None = None,
) -> sqlite3.Connection:
    """Open a file of ours, or make it, readable by its owner only.

    Args:
        path: The file; missing folders are made.
        application_id: Marks the kind of file, as sqlite3's documentation proposes.
        version: The schema's version, kept in the file.
        schema: The statements that make a new file.
        migrations: By the version they start from; a file of an earlier version than `version`
            goes through them one after the other, all in one transaction.

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
        _check(database, path, application_id, version)
        _switch_to_wal(database)
        database.execute("PRAGMA synchronous = NORMAL")
        statements = (schema,) if isinstance(schema, str) else schema
        _bring_up(database, application_id, version, statements, migrations or {})
    except sqlite3.OperationalError as error:
        database.close()
        raise StoreError(f"{path} cannot be used ({error})", hint="pass another path") from None
    except sqlite3.DatabaseError as error:
        database.close()
        msg = f"{path} is damaged or no database ({error})"
        raise StoreError(msg, hint=MOVE_AWAY) from None
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection, path: Path, application_id: int, version: int) -> None:
    """Refuse files of other programs and of later versions before anything is written."""
    database.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    found, tables, found_version = _head(database)
    if tables and found != application_id:
        raise StoreError(f"{path} belongs to another program", hint="pass another path")
    if found_version > version:
        msg = f"{path} has version {found_version}, this promptkit reads up to {version}"
        raise StoreError(msg, hint="upgrade promptkit, or pass another path")


def _switch_to_wal(database: sqlite3.Connection) -> None:
    """Set the journal mode; where another process is doing so, SQLite does not wait by itself."""
    until = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_LOCKED_S)
        else:
            return


def _head(database: sqlite3.Connection) -> tuple[int, int, int]:
    """Return the application id, the number of tables and the version."""
    # One statement sees one moment: another process may be making the file just now.
    head: tuple[int, int, int] = database.execute(
        "SELECT (SELECT application_id FROM pragma_application_id), "
        "(SELECT count(*) FROM sqlite_master), (SELECT user_version FROM pragma_user_version)"
    ).fetchone()
    return head


def _bring_up(
    database: sqlite3.Connection,
    application_id: int,
    version: int,
    schema: tuple[str, ...],
    migrations: Mapping[int, Migration],
) -> None:
    _, tables, found_version = _head(database)
    if tables and found_version == version:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been here between the look and the lock.
        _, tables, found_version = _head(database)
        if not tables:
            for statement in schema:
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {application_id}")
        else:
            for step in range(found_version, version):
                migrations[step](database)
        database.execute(f"PRAGMA user_version = {version}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
