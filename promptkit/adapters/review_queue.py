"""People in the loop: texts that wait for a decision, reports from users, and vetted answers.

One SQLite file that its owner alone can read: it has to hold the texts, for somebody must read
them. What was decided stays until `forget`; a rejected text stays rejected. Any number of processes
use the file at once, and each decision is made once: who comes second is told.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from promptkit.adapters.database import open_database
from promptkit.errors import OptionError, StoreError
from promptkit.safety.finding import Finding
from promptkit.safety.policy.reviews import Decision, Status
from promptkit.safety.policy.rules import Stage

APPLICATION_ID: Final = 0x706B7271
"""Marks a review queue («pkrq»)."""

SCHEMA_VERSION: Final = 1

_SCHEMA: Final = (
    """CREATE TABLE held (
        ticket INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, stage TEXT NOT NULL,
        question TEXT NOT NULL, text TEXT NOT NULL, found TEXT NOT NULL, status TEXT NOT NULL,
        edited TEXT, reason TEXT NOT NULL DEFAULT '', decided_by TEXT NOT NULL DEFAULT '',
        held_at REAL NOT NULL, decided_at REAL, UNIQUE (key, stage))""",
    """CREATE TABLE reports (
        number INTEGER PRIMARY KEY AUTOINCREMENT, question TEXT NOT NULL, answer TEXT NOT NULL,
        complaint TEXT NOT NULL, reported_by TEXT NOT NULL, is_open INTEGER NOT NULL,
        reported_at REAL NOT NULL)""",
    """CREATE TABLE vetted (
        asked TEXT PRIMARY KEY, question TEXT NOT NULL, answer TEXT NOT NULL,
        vetted_by TEXT NOT NULL, vetted_at REAL NOT NULL)""",
)
_HELD: Final = (
    "ticket, stage, question, text, found, status, edited, reason, decided_by, held_at, decided_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A text in the queue.

    Attributes:
        ticket: Its number.
        stage: Where the policy stopped it.
        question: What was asked, for a held answer.
        text: What was held.
        found: The kinds of what was found, each with how often.
        status: "waiting", "approved" or "rejected".
        edited: What a person made of it; None where it was approved as it was.
        reason: What was said when it was decided.
        decided_by: Who decided.
        held_at: Unix seconds.
        decided_at: Likewise; None while it waits.
    """

    ticket: int
    stage: Stage
    question: str = field(repr=False)
    text: str = field(repr=False)
    found: dict[str, int]
    status: Status
    edited: str | None = field(repr=False)
    reason: str
    decided_by: str
    held_at: float
    decided_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a user of the finished product complained of."""

    number: int
    question: str = field(repr=False)
    answer: str = field(repr=False)
    complaint: str = field(repr=False)
    reported_by: str
    is_open: bool
    reported_at: float


class ReviewQueue:
    """Held texts, reports and vetted answers in one file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open or make the file at `path`.

        Raises:
            StoreError: When it is damaged, foreign or of a later version.
        """
        self.path = Path(path)
        self._lock = threading.RLock()
        self._database = open_database(self.path, APPLICATION_ID, SCHEMA_VERSION, _SCHEMA)
        self._database.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten

    # -- what a policy asks ---------------------------------------------------------------

    def look(self, key: bytes, stage: Stage) -> Decision | None:
        """Return what has become of the text held under this key; None where none is."""
        rows = self._ask(f"SELECT {_HELD} FROM held WHERE key = ? AND stage = ?", (key, stage))  # noqa: S608 -- names of our own
        if not rows:
            return None
        held = _held(rows[0])
        approved = held.text if held.edited is None else held.edited
        return Decision(
            ticket=held.ticket,
            status=held.status,
            text=approved if held.status == "approved" else None,
            reason=held.reason,
        )

    def hold(
        self, key: bytes, stage: Stage, text: str, findings: Iterable[Finding], *, question: str
    ) -> int:
        """Queue a text and return its ticket; a text that is there already keeps its own."""
        found: dict[str, int] = {}
        for finding in findings:
            found[finding.kind] = found.get(finding.kind, 0) + 1
        self._ask(
            "INSERT INTO held (key, stage, question, text, found, status, held_at) "
            "VALUES (?, ?, ?, ?, ?, 'waiting', ?) ON CONFLICT (key, stage) DO NOTHING",
            (key, stage, _plain(question), _plain(text), json.dumps(found), time.time()),
        )
        [(ticket,)] = self._ask("SELECT ticket FROM held WHERE key = ? AND stage = ?", (key, stage))
        return int(ticket)

    def vetted(self, question: str) -> str | None:
        """Return the vetted answer to a question, compared without case and outer space."""
        rows = self._ask("SELECT answer FROM vetted WHERE asked = ?", (_asked(question),))
        return str(rows[0][0]) if rows else None

    # -- what a person does ---------------------------------------------------------------

    def waiting(self) -> list[Held]:
        """Return what waits, the oldest first."""
        query = f"SELECT {_HELD} FROM held WHERE status = 'waiting' ORDER BY ticket"  # noqa: S608
        return [_held(row) for row in self._ask(query)]

    def get(self, ticket: int) -> Held:
        """Return a text by its ticket.

        Raises:
            OptionError: When there is none.
        """
        rows = self._ask(f"SELECT {_HELD} FROM held WHERE ticket = ?", (ticket,))  # noqa: S608
        if not rows:
            raise OptionError(f"there is no ticket {ticket}", hint="promptkit review list")
        return _held(rows[0])

    def approve(self, ticket: int, *, by: str = "", reason: str = "") -> Held:
        """Let a text through as it is."""
        return self._decide(ticket, "approved", None, by, reason)

    def edit(self, ticket: int, text: str, *, by: str = "", reason: str = "") -> Held:
        """Let another text through in its place."""
        if not isinstance(text, str) or not text.strip():
            raise OptionError("an empty text in place of the held one", hint="or reject it")
        return self._decide(ticket, "approved", text, by, reason)

    def reject(self, ticket: int, *, by: str = "", reason: str = "") -> Held:
        """Refuse a text; whoever asks the same again is refused at once."""
        return self._decide(ticket, "rejected", None, by, reason)

    def _decide(
        self, ticket: int, status: Status, edited: str | None, by: str, reason: str
    ) -> Held:
        with self._lock:
            held = self.get(ticket)
            changed = self._ask(
                "UPDATE held SET status = ?, edited = ?, decided_by = ?, reason = ?, "
                "decided_at = ? WHERE ticket = ? AND status = 'waiting' RETURNING ticket",
                (status, edited and _plain(edited), by, reason, time.time(), ticket),
            )
            if not changed:
                who = f" by {held.decided_by}" if held.decided_by else ""
                msg = f"ticket {ticket} was {held.status} already{who}"
                raise OptionError(msg, hint="a decision is made once")
            return self.get(ticket)

    # -- reports and vetted answers -------------------------------------------------------

    def report(self, question: str, answer: str, complaint: str, *, by: str = "") -> int:
        """Keep what a user complains of; return the report's number."""
        [(number,)] = self._ask(
            "INSERT INTO reports (question, answer, complaint, reported_by, is_open, reported_at) "
            "VALUES (?, ?, ?, ?, 1, ?) RETURNING number",
            (_plain(question), _plain(answer), _plain(complaint), by, time.time()),
        )
        return int(number)

    def reports(self, *, closed: bool = False) -> list[Report]:
        """Return the open reports, or those that were closed."""
        names = "number, question, answer, complaint, reported_by, is_open, reported_at"
        query = f"SELECT {names} FROM reports WHERE is_open = ? ORDER BY number"  # noqa: S608
        return [
            Report(
                number=row[0],
                question=row[1],
                answer=row[2],
                complaint=row[3],
                reported_by=row[4],
                is_open=bool(row[5]),
                reported_at=row[6],
            )
            for row in self._ask(query, (int(not closed),))
        ]

    def close_report(self, number: int) -> None:
        """Mark a report as dealt with.

        Raises:
            OptionError: When there is none that is open.
        """
        query = "UPDATE reports SET is_open = 0 WHERE number = ? AND is_open RETURNING number"
        if not self._ask(query, (number,)):
            raise OptionError(f"there is no open report {number}", hint="promptkit review reports")

    def vet(self, question: str, answer: str, *, by: str = "") -> None:
        """Give a question this answer from now on, before any model is asked."""
        if not _asked(question) or not answer.strip():
            raise OptionError("an empty question or answer", hint="give both")
        self._ask(
            "INSERT OR REPLACE INTO vetted VALUES (?, ?, ?, ?, ?)",
            (_asked(question), _plain(question), _plain(answer), by, time.time()),
        )

    def unvet(self, question: str) -> None:
        """Have the model answer a question again.

        Raises:
            OptionError: When it has no vetted answer.
        """
        query = "DELETE FROM vetted WHERE asked = ? RETURNING asked"
        if not self._ask(query, (_asked(question),)):
            raise OptionError("this question has no vetted answer", hint="promptkit review vetted")

    def vetted_answers(self) -> list[tuple[str, str]]:
        """Return all vetted (question, answer) pairs."""
        rows = self._ask("SELECT question, answer FROM vetted ORDER BY asked")
        return [(str(question), str(answer)) for question, answer in rows]

    def forget(self, *, days: float) -> int:
        """Delete decided texts and closed reports older than so many days; return how many."""
        oldest = time.time() - days * 86_400
        gone = self._ask(
            "DELETE FROM held WHERE status <> 'waiting' AND decided_at < ? RETURNING 1", (oldest,)
        )
        gone += self._ask(
            "DELETE FROM reports WHERE NOT is_open AND reported_at < ? RETURNING 1", (oldest,)
        )
        return len(gone)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _ask(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            hint = "free the disk, or name another queue"
            raise StoreError(f"{self.path} cannot be used ({error})", hint=hint) from None


def _held(row: tuple[Any, ...]) -> Held:
    values = dict(zip(_HELD.split(", "), row, strict=True))
    values["found"] = json.loads(values["found"])
    return Held(**values)


def _asked(question: str) -> str:
    """A question as vetted answers know it: without case, with single spaces."""
    return _plain(" ".join(question.split()).casefold())


def _plain(text: str) -> str:
    """A text that a file can hold: half of a surrogate pair has no UTF-8."""
    return text.encode("utf-8", "replace").decode()
