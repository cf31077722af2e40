"""What a profile has spent, in an SQLite file that several processes share.

A process takes blocks of what is left, so that a call costs no transaction (see `book_meter`).
Each block is written down before any of it is spent.

A process that dies cannot give anything back. The number it left behind (see `holder`) tells what
it had spent and what was under way; both stay spent, since nobody knows what the provider billed
for calls under way. Where that number cannot be trusted the whole block stays spent.

Days are UTC days, as providers bill them. The file remembers the latest day it has seen: a clock
that is set back frees no money.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from promptkit.adapters import holder
from promptkit.adapters.database import open_database
from promptkit.errors import StoreError

APPLICATION_ID: Final = 0x706B7362
"""Marks a spending book («pksb»)."""

SCHEMA_VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS amounts (
    meter TEXT NOT NULL, day TEXT NOT NULL, holder TEXT NOT NULL, usd REAL NOT NULL,
    PRIMARY KEY (meter, day, holder)
) WITHOUT ROWID
"""

_SPENT: Final = ""
"""The holder of what is spent for good."""

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


@dataclass(frozen=True, slots=True)
class Standing:
    """How a meter stands after a look at the file, in US dollars.

    Attributes:
        day: The day that is counted; empty for a meter without days.
        spent: Spent for good, by all processes.
        elsewhere: In the blocks of other processes.
        granted: The block this process has now, reservations included.
    """

    day: str
    spent: float
    elsewhere: float
    granted: float


class SpendingBook:
    """The SQLite file; one for each profile."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        """Name the file; it is opened, or made, when it is first needed."""
        self.path = path
        self.holders = path.parent / f"{path.stem}.holders"
        self.now = now
        self._database: sqlite3.Connection | None = None

    def exchange(
        self,
        meter: str,
        name: str,
        *,
        day: str | None,
        spent: float,
        reserved: float,
        worst: float,
        limit: float,
    ) -> Standing:
        """Write down what was spent and take a block with room for `worst` if there is one.

        Args:
            meter: Which meter.
            name: The holder's; empty when nothing is to be held.
            day: The day on which `spent` was spent; None for a meter without days.
            spent: Since the last exchange.
            reserved: For calls under way.
            worst: Room that is needed; 0 gives back all that is not reserved.
            limit: The meter's.

        Raises:
            StoreError: When the file cannot be written.
        """
        with self._transaction() as database:
            today = "" if day is None else self._today(database, meter)
            if spent:
                database.execute(_ADD, (meter, day or today, _SPENT, spent))
            if name and day and day != today:
                database.execute(_REMOVE, (meter, day, name))
            total, elsewhere = self._sums(database, meter, today, name)
            room = limit - total - elsewhere - reserved
            if worst > room and elsewhere:
                self._bury(database)
                total, elsewhere = self._sums(database, meter, today, name)
                room = limit - total - elsewhere - reserved
            grant = min(room, max(worst, room * _SHARE)) if 0 < worst <= room else 0.0
            if name:
                held = reserved + grant
                row = (meter, today, name)
                database.execute(_PUT, (*row, held)) if held else database.execute(_REMOVE, row)
        return Standing(today, total, elsewhere, reserved + grant)

    def _today(self, database: sqlite3.Connection, meter: str) -> str:
        """The present day in UTC, or a later one that the file has seen already."""
        (latest,) = database.execute(
            "SELECT max(day) FROM amounts WHERE meter = ?", (meter,)
        ).fetchone()
        return max(latest or "", datetime.fromtimestamp(self.now(), UTC).date().isoformat())

    def _sums(
        self, database: sqlite3.Connection, meter: str, day: str, name: str
    ) -> tuple[float, float]:
        rows = database.execute(
            "SELECT holder, usd FROM amounts WHERE meter = ? AND day = ?", (meter, day)
        ).fetchall()
        spent = sum(usd for who, usd in rows if who == _SPENT)
        return spent, sum(usd for who, usd in rows if who not in (_SPENT, name))

    def _bury(self, database: sqlite3.Connection) -> None:
        """Count as spent what dead processes held, and free what they surely did not spend."""
        rows = database.execute("SELECT * FROM amounts WHERE holder != ?", (_SPENT,)).fetchall()
        for meter, day, who, usd in rows:
            if holder.is_alive(self.holders, who):
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
                self._database = open_database(self.path, APPLICATION_ID, SCHEMA_VERSION, _SCHEMA)
                # What is written down must outlast even a power cut: it is money.
                self._database.execute("PRAGMA synchronous = FULL")
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
