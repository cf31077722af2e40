"""The journal of batches: which requests are under way in which batch, in an SQLite file.

It is why no line is paid for twice, whenever a process dies. Its rules:

1. Lines are claimed in one transaction before anything is sent, so that of two processes one
   submits and the other waits. A claim is a lease: it ends when its holder no longer renews it.
2. The token of a batch is written before the batch is made and travels in the batch's metadata.
   A claim without a batch's number is given up only after the endpoint has said, once the lease
   has run out, that no batch carries its token.
3. A line stays open until its answer is kept. An open line is never sent again.

No prompt and no answer stands in it: keys are digests, the rest are the endpoint's own numbers.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from promptkit.adapters.database import open_database

APPLICATION_ID: Final = 0x706B6274
"""Marks a journal of batches («pkbt»)."""

SCHEMA_VERSION: Final = 1

_BATCHES: Final = """
CREATE TABLE batches (
    token TEXT PRIMARY KEY, owner TEXT NOT NULL, endpoint TEXT NOT NULL, model TEXT NOT NULL,
    size INTEGER NOT NULL, created_at REAL NOT NULL, holder TEXT NOT NULL,
    lease_until REAL NOT NULL, file_id TEXT, batch_id TEXT
) WITHOUT ROWID
"""
_LINES: Final = """
CREATE TABLE lines (
    key BLOB NOT NULL, token TEXT NOT NULL, place INTEGER NOT NULL,
    is_open INTEGER NOT NULL DEFAULT 1, is_reported INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (key, token)
) WITHOUT ROWID
"""
_OPEN_LINES: Final = """
CREATE INDEX open_lines ON lines (token) WHERE is_open
"""
_AT_ONCE: Final = 500
"""Keys looked up by one statement."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch as the journal knows it.

    Attributes:
        token: What the batch's metadata holds.
        owner: Whose key made it.
        endpoint: Who runs it.
        model: What it asks.
        size: How many lines it has.
        created_at: When it was claimed, in Unix seconds.
        holder: Who claimed it.
        lease_until: Until when its holder may still be making it, in Unix seconds.
        file_id: The uploaded file.
        batch_id: The endpoint's number for it; None until it is known.
    """

    token: str
    owner: str
    endpoint: str
    model: str
    size: int
    created_at: float
    holder: str
    lease_until: float
    file_id: str | None = None
    batch_id: str | None = None


_COLUMNS: Final = ", ".join(Entry.__slots__)


class Journal:
    """One file, shared by any number of processes."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is opened when first needed."""
        self.path = path
        self._lock = threading.RLock()
        self._database: sqlite3.Connection | None = None
        self._process = 0
        self._users = 0

    def __enter__(self) -> Self:
        """Keep the file open meanwhile."""
        with self._lock:
            self._users += 1
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file when nobody else uses it."""
        with self._lock:
            self._users -= 1
            if not self._users and self._database is not None:
                if self._process == os.getpid():
                    self._database.close()
                self._database = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that nobody else writes beside; roll it back on an error."""
        with self._lock, self:
            if self._database is None or self._process != os.getpid():
                self._database = _open(self.path)
                self._process = os.getpid()
            database = self._database
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    # -- claims ---------------------------------------------------------------------------

    def claim(self, entry: Entry, keys: Collection[bytes]) -> set[bytes]:
        """Claim lines for a batch to be made, unless some are under way.

        Args:
            entry: The batch.
            keys: Its lines, in the order of the file.

        Returns:
            The keys that are open in another batch of this owner; then nothing was claimed.
        """
        with self._transaction() as database:
            taken = set(_open_tokens(database, keys, entry.owner))
            if not taken:
                marks = ", ".join("?" * len(Entry.__slots__))
                values = tuple(getattr(entry, name) for name in Entry.__slots__)
                database.execute(f"INSERT INTO batches ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608
                database.executemany(
                    "INSERT INTO lines (key, token, place) VALUES (?, ?, ?)",
                    [(key, entry.token, place) for place, key in enumerate(keys)],
                )
        return taken

    def renew(self, token: str, holder: str, lease_s: float) -> bool:
        """Prolong a claim; False when it is no longer this holder's."""
        return self._change(
            "UPDATE batches SET lease_until = ? WHERE token = ? AND holder = ?",
            (time.time() + lease_s, token, holder),
        )

    def take_over(self, token: str, holder: str, lease_s: float) -> bool:
        """Become the holder of a claim whose lease has run out; False when it has not."""
        now = time.time()
        return self._change(
            "UPDATE batches SET holder = ?, lease_until = ? "
            "WHERE token = ? AND batch_id IS NULL AND lease_until < ?",
            (holder, now + lease_s, token, now),
        )

    def note_file(self, token: str, file_id: str) -> None:
        """Write down the uploaded file of a claim."""
        self._change("UPDATE batches SET file_id = ? WHERE token = ?", (file_id, token))

    def note_batch(self, token: str, holder: str, batch_id: str) -> bool:
        """Write down the number of a batch; False when the claim is another's by now."""
        return self._change(
            "UPDATE batches SET batch_id = ?, lease_until = 0 "
            "WHERE token = ? AND holder = ? AND batch_id IS NULL",
            (batch_id, token, holder),
        )

    def hold(self, token: str, holder: str, lease_s: float) -> bool:
        """Begin to bill a batch's answers; False while another call does."""
        return self._change(
            "UPDATE batches SET holder = ?, lease_until = ? WHERE token = ? "
            "AND batch_id IS NOT NULL AND (lease_until < ? OR holder = ?)",
            (holder, time.time() + lease_s, token, time.time(), holder),
        )

    def let_go(self, token: str, holder: str) -> None:
        """End what `hold` began."""
        self._change(
            "UPDATE batches SET lease_until = 0 WHERE token = ? AND holder = ?", (token, holder)
        )

    def drop(self, token: str, holder: str | None = None) -> bool:
        """Forget a batch and its lines; with `holder` only if the claim is that one's."""
        with self._transaction() as database:
            gone = database.execute(
                "DELETE FROM batches WHERE token = ? AND (? IS NULL OR holder = ?)",
                (token, holder, holder),
            ).rowcount
            if gone:
                database.execute("DELETE FROM lines WHERE token = ?", (token,))
        return gone > 0

    def _change(self, statement: str, values: tuple[object, ...]) -> bool:
        with self._transaction() as database:
            return bool(database.execute(statement, values).rowcount)

    # -- what is under way ----------------------------------------------------------------

    def under_way(self, keys: Collection[bytes]) -> dict[str, set[bytes]]:
        """Return which of these requests are open, by the token of their batch."""
        if not self.path.exists():
            return {}
        tokens: dict[str, set[bytes]] = {}
        with self._transaction() as database:
            for key, token in _open_tokens(database, keys, None).items():
                tokens.setdefault(token, set()).add(key)
        return tokens

    def entry(self, token: str) -> Entry | None:
        """Return a batch by its token."""
        return next(iter(self._entries("WHERE token = ?", (token,))), None)

    def open_entries(self) -> list[Entry]:
        """Return the batches with open lines, the oldest first."""
        if not self.path.exists():
            return []
        where = (
            "WHERE EXISTS (SELECT 1 FROM lines WHERE lines.token = batches.token AND is_open) "
            "ORDER BY created_at"
        )
        return self._entries(where, ())

    def _entries(self, where: str, values: tuple[object, ...]) -> list[Entry]:
        with self._transaction() as database:
            rows = database.execute(f"SELECT {_COLUMNS} FROM batches {where}", values).fetchall()  # noqa: S608
        return [Entry(*row) for row in rows]

    def keys(self, token: str) -> list[bytes]:
        """Return the lines of a batch in the order of its file."""
        with self._transaction() as database:
            rows = database.execute(
                "SELECT key FROM lines WHERE token = ? ORDER BY place", (token,)
            ).fetchall()
        return [row[0] for row in rows]

    # -- the end --------------------------------------------------------------------------

    def unbilled(self, token: str) -> set[bytes]:
        """Return the lines of a batch that nobody has put on a bill yet."""
        with self._transaction() as database:
            rows = database.execute(
                "SELECT key FROM lines WHERE token = ? AND NOT is_reported", (token,)
            ).fetchall()
        return {row[0] for row in rows}

    def bill(self, token: str, keys: Collection[bytes], *, close: bool) -> None:
        """Say that these lines are on a bill; with `close`, that their answers are kept too."""
        with self._transaction() as database:
            database.executemany(
                "UPDATE lines SET is_reported = 1, is_open = is_open AND ? "
                "WHERE key = ? AND token = ?",
                [(not close, key, token) for key in keys],
            )

    def close_lines(self, token: str, keys: Collection[bytes]) -> None:
        """Say that the answers to these lines are kept, or that they have none."""
        with self._transaction() as database:
            database.executemany(
                "UPDATE lines SET is_open = 0 WHERE key = ? AND token = ?",
                [(key, token) for key in keys],
            )


def _open(path: Path) -> sqlite3.Connection:
    schema = (_BATCHES, _LINES, _OPEN_LINES)
    database = open_database(path, APPLICATION_ID, SCHEMA_VERSION, schema)
    # Each commit stands between a request and paying for it again: it must survive the machine.
    database.execute("PRAGMA synchronous = FULL")
    return database


def _open_tokens(
    database: sqlite3.Connection, keys: Collection[bytes], owner: str | None
) -> dict[bytes, str]:
    """Return the batch in which each of the keys is open, where one is."""
    found: dict[bytes, str] = {}
    wanted = list(keys)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        statement = (
            "SELECT key, lines.token FROM lines JOIN batches USING (token) "  # noqa: S608
            f"WHERE is_open AND (? IS NULL OR owner = ?) AND key IN ({marks})"
        )
        with closing(database.execute(statement, (owner, owner, *some))) as cursor:
            found.update(cursor)
    return found
