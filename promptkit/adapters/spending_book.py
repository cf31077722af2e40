"""What a profile has spent, in an SQLite file that several processes share.

A process takes blocks of what is left, so that a call costs no transaction (see `book_meter`).
Each block is written down before any of it is spent.

A process that dies cannot give anything back. The number it left behind (see `holder`) tells what
it had spent and what was under way; both stay spent, since nobody knows what the provider billed
for calls under way. Where that number cannot be trusted the whole block stays spent.

What a batch at the endpoint may cost is no process's. It is promised to the batch, line by line,
and stands until whoever collects a line puts its true cost in its place, in one transaction and
once, on the day on which it was sent.

Days are UTC days, as providers bill them. The file remembers the latest day it has seen: a clock
that is set back frees no money.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from promptkit.adapters import holder
from promptkit.adapters.database import open_database
from promptkit.adapters.standing import Standing, Want
from promptkit.errors import StoreError

APPLICATION_ID: Final = 0x706B7362
"""Marks a spending book («pksb»)."""

SCHEMA_VERSION: Final = 2

_AMOUNTS: Final = """
CREATE TABLE IF NOT EXISTS amounts (
    meter TEXT NOT NULL, day TEXT NOT NULL, holder TEXT NOT NULL, usd REAL NOT NULL,
    PRIMARY KEY (meter, day, holder)
) WITHOUT ROWID
"""
_PROMISED: Final = """
CREATE TABLE IF NOT EXISTS promised (
    batch TEXT NOT NULL, line BLOB NOT NULL, usd REAL NOT NULL, is_settled INTEGER NOT NULL,
    PRIMARY KEY (batch, line)
) WITHOUT ROWID
"""

_SPENT: Final = ""
"""The holder of what is spent for good."""

_BATCH: Final = "batch "
"""What the name of a holder begins with that is a batch and no process."""

_ADD: Final = (
    "INSERT INTO amounts VALUES (?, ?, ?, ?) "
    "ON CONFLICT (meter, day, holder) DO UPDATE SET usd = usd + excluded.usd"
)
_PUT: Final = "INSERT OR REPLACE INTO amounts VALUES (?, ?, ?, ?)"
_REMOVE: Final = "DELETE FROM amounts WHERE meter = ? AND day = ? AND holder = ?"

_SHARE: Final = 1 / 16
"""How much of what is left one block takes."""

_inherited: Final[list[sqlite3.Connection]] = []
"""Connections of a parent process: closing one here would disturb it."""


class SpendingBook:
    """The SQLite file; one for each profile."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        """Name the file; it is opened, or made, when it is first needed."""
        self.path = path
        self.holders = path.parent / f"{path.stem}.holders"
        self.now = now
        self._database: sqlite3.Connection | None = None

    def exchange(self, want: Want) -> Standing:
        """Write down what was spent and take a block with room for `worst` if there is one.

        Raises:
            StoreError: When the file cannot be written.
        """
        with self._transaction() as database:
            return self._exchange(database, want)

    def promise(
        self, batch: str, lines: Mapping[bytes, float], wants: Sequence[Want]
    ) -> list[Standing]:
        """Set aside what a batch's lines may cost, for whoever collects them.

        Args:
            batch: Its token.
            lines: What each of them may cost at most.
            wants: The meters it counts against, their `reserved` without these lines.

        Raises:
            StoreError: When the file cannot be written; nothing is promised then.
        """
        with self._transaction() as database:
            database.executemany(
                "INSERT INTO promised VALUES (?, ?, ?, 0)",
                [(batch, line, usd) for line, usd in lines.items()],
            )
            # Room for it was reserved: to be the batch's it must be the process's no longer.
            standings = [self._exchange(database, want) for want in wants]
            for want, standing in zip(wants, standings, strict=True):
                row = (want.meter, standing.day, _BATCH + batch)
                database.execute(_PUT, (*row, sum(lines.values())))
            return [self._exchange(database, replace(want, spent=0.0)) for want in wants]

    def settle(
        self, batch: str, costs: Mapping[bytes, float], wants: Sequence[Want] = ()
    ) -> list[Standing]:
        """Put what lines truly cost in the place of what was promised for them, once for each.

        Args:
            batch: Their token.
            costs: What each of them cost.
            wants: The meters that count lines for which nothing was promised.

        Raises:
            StoreError: When the file cannot be written; nothing is settled then.
        """
        with self._transaction() as database:
            rows = database.execute(
                "SELECT line, is_settled FROM promised WHERE batch = ?", (batch,)
            )
            lines: dict[bytes, int] = dict(rows.fetchall())
            due = [line for line in costs if lines.get(line) == 0]
            new = [line for line in costs if line not in lines and costs[line]]
            database.executemany(
                "INSERT OR REPLACE INTO promised VALUES (?, ?, 0, 1)",
                [(batch, line) for line in (*due, *new)],
            )
            self._redeem(database, batch, sum(costs[line] for line in due))
            extra = sum(costs[line] for line in new)
            return [
                self._exchange(database, replace(want, spent=want.spent + extra)) for want in wants
            ]

    def forget_lines(self, batch: str, lines: Iterable[bytes]) -> None:
        """Forget that these lines are settled: nobody will settle them again."""
        with self._transaction() as database:
            database.executemany(
                "DELETE FROM promised WHERE batch = ? AND line = ? AND is_settled",
                [(batch, line) for line in lines],
            )

    def withdraw(self, batch: str) -> None:
        """Free what is still promised to a batch that was never made, or is gone."""
        with self._transaction() as database:
            database.execute("DELETE FROM promised WHERE batch = ?", (batch,))
            self._redeem(database, batch, 0.0)

    def _redeem(self, database: sqlite3.Connection, batch: str, spent: float) -> None:
        """Count what a batch's lines cost, and leave promised what is open of the others."""
        who = _BATCH + batch
        count, promised = database.execute(
            "SELECT count(*), sum(usd) FROM promised WHERE batch = ? AND NOT is_settled", (batch,)
        ).fetchone()
        rows = database.execute("SELECT meter, day FROM amounts WHERE holder = ?", (who,))
        for row in rows.fetchall():
            database.execute(_ADD, (*row, _SPENT, spent))
            if count:
                database.execute(_PUT, (*row, who, promised))
            else:
                database.execute(_REMOVE, (*row, who))

    def _exchange(self, database: sqlite3.Connection, want: Want) -> Standing:
        meter, name, day, reserved = want.meter, want.name, want.day, want.reserved
        today = "" if day is None else self._today(database, meter)
        if want.spent:
            database.execute(_ADD, (meter, day or today, _SPENT, want.spent))
        if name and day and day != today:
            database.execute(_REMOVE, (meter, day, name))
        total, promised, elsewhere = self._sums(database, meter, today, name)
        room = want.limit - total - promised - elsewhere - reserved
        if want.worst > room and elsewhere:
            self._bury(database)
            total, promised, elsewhere = self._sums(database, meter, today, name)
            room = want.limit - total - promised - elsewhere - reserved
        grant = min(room, max(want.worst, room * _SHARE)) if 0 < want.worst <= room else 0.0
        if name:
            held = reserved + grant
            row = (meter, today, name)
            database.execute(_PUT, (*row, held)) if held else database.execute(_REMOVE, row)
        return Standing(today, total, promised, elsewhere, reserved + grant)

    def _today(self, database: sqlite3.Connection, meter: str) -> str:
        """The present day in UTC, or a later one that the file has seen already."""
        (latest,) = database.execute(
            "SELECT max(day) FROM amounts WHERE meter = ?", (meter,)
        ).fetchone()
        return max(latest or "", datetime.fromtimestamp(self.now(), UTC).date().isoformat())

    def _sums(
        self, database: sqlite3.Connection, meter: str, day: str, name: str
    ) -> tuple[float, float, float]:
        """What is spent, what is promised to batches, and what other processes hold."""
        rows = database.execute(
            "SELECT holder, usd FROM amounts WHERE meter = ? AND day = ?", (meter, day)
        ).fetchall()
        spent = sum(usd for who, usd in rows if who == _SPENT)
        promised = sum(usd for who, usd in rows if who.startswith(_BATCH))
        held = sum(usd for who, usd in rows if who not in (_SPENT, name))
        return spent, promised, held - promised

    def _bury(self, database: sqlite3.Connection) -> None:
        """Count as spent what dead processes held, and free what they surely did not spend."""
        rows = database.execute("SELECT * FROM amounts WHERE holder != ?", (_SPENT,)).fetchall()
        for meter, day, who, usd in rows:
            if who.startswith(_BATCH) or holder.is_alive(self.holders, who):
                continue
            known = holder.last_number(self.holders, who)
            # Not a number, or one below 0, is no account of anything.
            lost = usd if known is None or not known >= 0 else min(usd, known)
            database.execute(_ADD, (meter, day, _SPENT, lost))
            database.execute(_REMOVE, (meter, day, who))
            holder.remove(self.holders, who)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._database is None:
                self._database = _open(self.path)
            database = self._database
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError) as error:
            hint = "free the disk or the file; until then nothing can be promised, or sent"
            msg = f"the spending book {self.path} cannot be written ({error})"
            raise StoreError(msg, hint=hint) from None

    def forget(self) -> None:
        """Leave the connection to the parent process, without closing it."""
        if self._database is not None:
            _inherited.append(self._database)
            self._database = None

    def close(self) -> None:
        """Close the file; it opens again if used again."""
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.close()


def _open(path: Path) -> sqlite3.Connection:
    schema, migrations = (_AMOUNTS, _PROMISED), {1: _to_version_2}
    database = open_database(path, APPLICATION_ID, SCHEMA_VERSION, schema, migrations)
    # What is written down must outlast even a power cut: it is money.
    database.execute("PRAGMA synchronous = FULL")
    return database


def _to_version_2(database: sqlite3.Connection) -> None:
    database.execute(_PROMISED)
