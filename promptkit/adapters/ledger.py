"""The ledger: one record for every call, in an SQLite file, for bills and audits.

Three rules hold:

1. The ledger never costs an answer. Records are written by a thread of its own; a disk that is
   full or a file that was taken away warns once, and the records wait in memory meanwhile.
2. No prompt and no answer is written unless `keep_text` asks for it, and then without the secrets
   that `find_secrets` knows.
3. Any number of processes may write to one file at once.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from promptkit.adapters.database import open_database
from promptkit.adapters.ledger_writer import BATCH, LedgerWarning, LedgerWriter, Record

__all__ = ["COLUMNS", "Ledger", "LedgerWarning", "cell_labels", "open_ledger"]

if TYPE_CHECKING:
    from promptkit.totals import Call
    from promptkit.trace import Progress, Step

APPLICATION_ID: Final = 0x706B6C67
"""Marks a ledger file («pklg»)."""

SCHEMA_VERSION: Final = 1

_FIRST: Final = 2
"""The thread is told of the first records; of two, because two may be added at once."""

COLUMNS: Final = {
    "time": "REAL NOT NULL",
    "profile": "TEXT NOT NULL",
    "model": "TEXT NOT NULL",
    "endpoint": "TEXT NOT NULL",
    "api": "TEXT NOT NULL",
    "input_tokens": "INTEGER NOT NULL",
    "output_tokens": "INTEGER NOT NULL",
    "cached_tokens": "INTEGER NOT NULL",
    "cost_usd": "REAL",
    "cached": "INTEGER NOT NULL",
    "source": "TEXT NOT NULL",
    "latency_s": "REAL NOT NULL",
    "elapsed_s": "REAL NOT NULL",
    "attempts": "INTEGER NOT NULL",
    "unsettled_usd": "REAL NOT NULL",
    "error": "TEXT NOT NULL",
    "step": "TEXT NOT NULL",
    "cell": "TEXT NOT NULL",
    "question": "TEXT",
    "answer": "TEXT",
}
"""The columns of the table `calls`, each with its SQL type.

`time` is the end of the call in Unix seconds; `cost_usd` the answer's list price, NULL where it
is unknown; `cached` 1 when nothing was sent for it, and `source` says where it came from; `error`
is the name of the error's class, empty for an answer; `unsettled_usd` what unanswered attempts
may still cost; `step` the path in the trace; `cell` the notebook cell; `question` and `answer`
are NULL unless the ledger keeps text.
"""

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, "
    + ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    + ")"
)
_INSERT: Final = (
    f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
)

cell_labels: Final[list[Callable[[], str | None]]] = []
"""Asked in turn which notebook cell is running; `notebook` adds the one that knows."""


def open_ledger(path: Path) -> sqlite3.Connection:
    """Open a ledger file, or make it.

    Raises:
        StoreError: When the file is damaged, belongs to another program, or is of a later
            version.
    """
    return open_database(path, APPLICATION_ID, SCHEMA_VERSION, SCHEMA)


def _without_secrets(text: str) -> str:
    from promptkit.safety.credentials import redact_secrets

    return redact_secrets(text).text


class Ledger:
    """An Observer that writes every call of a trace to an SQLite file.

    `session.trace.observers.append(Ledger(path, profile="staging"))` is all it takes; `connect`
    does so for each profile, in that profile's own folder.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        profile: str = "",
        *,
        keep_text: bool = False,
        cleaned: Callable[[str], str] | None = None,
    ) -> None:
        """Open the file, or make it, readable by its owner only.

        Args:
            path: The SQLite file.
            profile: Written into each record.
            keep_text: Also write what was asked and answered.
            cleaned: Makes of a text what may be written down; left alone it masks secrets.

        Raises:
            StoreError: When the file is damaged or not a ledger.
        """
        self.path = Path(path)
        self.profile = profile
        self.keep_text = keep_text
        self.cleaned = _without_secrets if cleaned is None else cleaned
        open_ledger(self.path).close()
        self._begin()

    def _begin(self) -> None:
        """Set up what belongs to one process: a forked child has none of its parent's threads."""
        self._process = os.getpid()
        self._writer = LedgerWriter(self.path, _INSERT, open_ledger)
        self._waiting = self._writer.waiting
        # When nobody has this ledger any more, what waits is written and the thread ends.
        weakref.finalize(self, self._writer.end).atexit = False

    # -- the Observer ---------------------------------------------------------------------

    def on_call(self, step: Step, call: Call) -> None:
        """Put the call's record among those that wait; this takes microseconds."""
        if self._process != os.getpid():
            self._begin()
        waiting = self._waiting
        waiting.append(self._record(step, call))  # atomic: no lock is needed to add one
        count = len(waiting)
        if count <= _FIRST or count == BATCH or self._writer.thread is None:
            self._writer.wake()

    def on_progress(self, progress: Progress) -> None:
        """Do nothing: a map is in the ledger through its calls."""

    def _record(self, step: Step, call: Call) -> Record:
        request, response = call.request, call.response
        cell = next((label for of in cell_labels if (label := of())), "") if cell_labels else ""
        head = (call.finished_at, self.profile, request.model, request.endpoint, request.api)
        tail = (call.elapsed_s, call.attempts, call.unsettled_usd)
        asked = self.cleaned(request.text) if self.keep_text else None
        if response is None:
            error = type(call.error).__name__
            return (*head, 0, 0, 0, None, 0, "", 0.0, *tail, error, step.path, cell, asked, None)
        usage, log = response.usage, response.log
        answered = self.cleaned(response.text) if self.keep_text else None
        return (
            *head,
            *(usage.input_tokens, usage.output_tokens, usage.cached_tokens, response.cost_usd),
            *(int(log.source != "endpoint"), log.source, log.latency_s, *tail),
            *("", step.path, cell, asked, answered),
        )

    # -- the end --------------------------------------------------------------------------

    def flush(self) -> None:
        """Write all that waits and return when it is on disk; the next call opens it again."""
        self._writer.flush()

    async def aclose(self) -> None:
        """Write all that waits. A call made later opens the ledger again."""
        await asyncio.to_thread(self.flush)
