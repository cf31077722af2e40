"""The journal of a run over a table: which row was answered, with what.

A row counts as answered when its entry is committed here, and not before. So a run that is
killed at any moment can be taken up again: rows that have an entry are not asked again. The file
also says what was asked of whom; a run with another prompt or model is refused. One process at a
time holds it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from promptkit.adapters.database import open_database
from promptkit.errors import StoreError, TableError
from promptkit.operations.entry import Entry

T = TypeVar("T")

APPLICATION_ID: Final = 0x706B6A6C
"""Marks a journal file («pkjl»)."""

SCHEMA_VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entries (
    row INTEGER PRIMARY KEY, digest BLOB NOT NULL, answer TEXT, confidence REAL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost_usd REAL, error TEXT
)
"""
_NOTES: Final = "CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL)"

_BLOCK: Final = 512
"""Entries read at a time."""

_RESERVE: Final = 8 << 20
"""Bytes kept free beside the journal, so that a disk which fills up while calls are under way
still has room for the answers that were paid for: 128 KiB for each of 64."""


_MAKE_ROOM: Final = "make room on the disk"


class Journal:
    """An open journal. `close` it at the end; the file stays."""

    def __init__(self, path: Path, settings: Mapping[str, str], *, restart: bool = False) -> None:
        """Open the journal at `path` for a run with these settings, or make it.

        Args:
            path: The file.
            settings: What the answers depend on, by the name of the option.
            restart: Forget what an earlier run left.

        Raises:
            TableError: When another run holds it, or it was begun with other settings.
            StoreError: When the file is damaged or not a journal.
        """
        self.path = path
        self._reserve = path.with_name(path.name + "-reserve")
        self._unwritten: list[Entry] = []
        _refuse_if_held(path)
        try:
            self._database = _open(path)
        except StoreError as error:
            if not restart or "another program" in str(error):
                raise
            _remove(path)
            self._database = _open(path)
        try:
            self._hold(restart)
            self._compare(settings)
        except BaseException:
            self._database.close()
            raise
        self._make_reserve()

    def _hold(self, restart: bool) -> None:  # noqa: FBT001 -- private
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        try:
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            raise _held(self.path) from None
        if restart:
            self._database.execute("DELETE FROM entries")
            self._database.execute("DELETE FROM notes")
        self._database.execute("COMMIT")

    def _compare(self, settings: Mapping[str, str]) -> None:
        before = self.note("settings")
        if before is None or not self.has_entries:
            self.set_note("settings", json.dumps(dict(settings)))
            return
        known: dict[str, str] = json.loads(before)
        for name in dict.fromkeys([*known, *settings]):
            was, now = known.get(name), settings.get(name)
            if was != now:
                done = f"{self.count()[0]:,} rows are answered already"
                begun = f"when {self.path.name} was begun"
                msg = f"{name} was {_short(was)} {begun} and is now {_short(now)}"
                hint = f"{done}: run as before to go on, or pass --restart to ask every row anew"
                raise TableError(msg, hint=hint)

    # -- entries --------------------------------------------------------------------------

    def put(self, entry: Entry) -> None:
        """Commit an entry.

        Raises:
            StoreError: When it cannot be written. It is kept in memory then, and written by the
                next `put` or by `close`, for which room is made.
        """
        self._unwritten.append(entry)
        try:
            self._write()
        except sqlite3.Error as error:
            self._drop_reserve()
            with suppress(sqlite3.Error):
                self._write()
            raise StoreError(f"{self.path} cannot be written ({error})", hint=_MAKE_ROOM) from None

    def _write(self) -> None:
        rows = [
            (
                *(e.row, e.digest, None if e.answer is None else json.dumps(e.answer)),
                *(e.confidence, e.input_tokens, e.output_tokens, e.cost_usd, e.error),
            )
            for e in self._unwritten
        ]
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
            )
            self._database.execute("COMMIT")
        except sqlite3.Error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        self._unwritten.clear()

    def beside(self, rows: Iterable[T]) -> Iterator[tuple[int, T, Entry | None]]:
        """Yield the rows of the table, each with its number and its entry if it has one."""
        source, start = iter(rows), 0
        while block := list(islice(source, _BLOCK)):
            entries = self._block(start, start + len(block))
            for number, row in enumerate(block, start):
                yield number, row, entries.get(number)
            start += len(block)

    def entries(self, total: int) -> Iterator[Entry | None]:
        """Yield the entries of the first `total` rows, None for rows without one."""
        return (entry for _, _, entry in self.beside(range(total)))

    def _block(self, start: int, end: int) -> dict[int, Entry]:
        found = self._database.execute(
            "SELECT * FROM entries WHERE row >= ? AND row < ?", (start, end)
        )
        return {
            row: Entry(row, digest, None if answer is None else json.loads(answer), *others)
            for row, digest, answer, *others in found
        }

    def count(self, total: int = sys.maxsize) -> tuple[int, int, int]:
        """Return how many rows are answered, how many failed, and one more than the last one.

        Args:
            total: Count among the first `total` rows only.
        """
        sql = (
            "SELECT count(*) - count(error), count(error), max(row) + 1 FROM entries WHERE row < ?"
        )
        answered, failed, end = self._database.execute(sql, (total,)).fetchone()
        return answered, failed, end or 0

    @property
    def has_entries(self) -> bool:
        """Whether any row was asked so far."""
        return bool(self._database.execute("SELECT EXISTS (SELECT 1 FROM entries)").fetchone()[0])

    @property
    def has_confidence(self) -> bool:
        """Whether any answer came with a confidence."""
        sql = "SELECT EXISTS (SELECT 1 FROM entries WHERE confidence IS NOT NULL)"
        return bool(self._database.execute(sql).fetchone()[0])

    # -- notes ----------------------------------------------------------------------------

    def note(self, name: str) -> str | None:
        """Return what was noted under `name`."""
        found = self._database.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def set_note(self, name: str, value: str) -> None:
        """Note something about the run as a whole.

        Raises:
            StoreError: When it cannot be written.
        """
        try:
            self._database.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be written ({error})", hint=_MAKE_ROOM) from None

    # -- the file -------------------------------------------------------------------------

    def _make_reserve(self) -> None:
        try:
            self._reserve.write_bytes(bytes(_RESERVE))
        except OSError:
            self._drop_reserve()

    def _drop_reserve(self) -> None:
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)

    def close(self) -> None:
        """Write what could not be written before, and let go of the file.

        A journal that nothing came of is removed.

        Raises:
            StoreError: When answers are lost because there is still no room for them.
        """
        try:
            self._drop_reserve()
            if self._unwritten:
                self._write()
            elif not self.has_entries and self.note("written") is None:
                _remove(self.path)
        except sqlite3.Error as error:
            msg = f"{self.path} cannot be written ({error})"
            hint = f"make room; {len(self._unwritten)} answers are lost and will be asked again"
            raise StoreError(msg, hint=hint) from None
        finally:
            self._database.close()


def _open(path: Path) -> sqlite3.Connection:
    database = open_database(path, APPLICATION_ID, SCHEMA_VERSION, _SCHEMA)
    database.execute(_NOTES)
    return database


def _refuse_if_held(path: Path) -> None:
    """Ask at once, where opening it would wait for the other run to let go."""
    if not path.exists():
        return
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise _held(path) from None
        except sqlite3.DatabaseError:
            return  # no journal at all: opening it says so


def _held(path: Path) -> TableError:
    out = path.name.removesuffix(".journal")
    hint = "wait for it to end, or name another --out"
    return TableError(f"another run is writing {out} now", hint=hint)


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        with suppress(OSError):
            os.unlink(f"{path}{ending}")  # noqa: PTH108 -- three names, one way to write them


def _short(text: str | None, longest: int = 60) -> str:
    if text is None:
        return "not given"
    text = " ".join(text.split())
    return f"«{text if len(text) <= longest else text[: longest - 1] + '…'}»"
