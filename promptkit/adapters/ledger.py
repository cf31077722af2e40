"""The ledger: one record for every call, in an SQLite file, for bills and audits.

Three rules hold:

1. The ledger never costs an answer. Records are written by a thread of its own; a disk that is
   full or a file that was taken away warns once, and the records wait in memory meanwhile.
2. No prompt and no answer is written unless `keep_text` asks for it, and never a key.
3. Any number of processes may write to one file at once.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sqlite3
import threading
import warnings
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from promptkit.adapters.database import open_database

if TYPE_CHECKING:
    from promptkit.totals import Call
    from promptkit.trace import Progress, Step

APPLICATION_ID: Final = 0x706B6C67
"""Marks a ledger file («pklg»)."""

SCHEMA_VERSION: Final = 1

_BATCH: Final = 256
"""Records that wait are written when there are this many,"""

_FIRST: Final = 2
"""The thread is told of the first records; of two, because two may be added at once."""

_OLDEST_S: Final = 0.1
"""or when the first of them is this old, in seconds."""

_RETRY_S: Final = 5.0
"""How long to leave a file alone that could not be written, in seconds."""

_KEPT: Final = 10_000
"""Records kept in memory while the file cannot be written; the oldest go first."""

_PATIENCE_S: Final = 5.0
"""How long the end of the interpreter may wait for the last batch, in seconds."""

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

Record = tuple[str | float | None, ...]


class LedgerWarning(UserWarning):
    """The ledger cannot be written for now. Shown once per ledger."""


def open_ledger(path: Path) -> sqlite3.Connection:
    """Open a ledger file, or make it.

    Raises:
        StoreError: When the file is damaged, belongs to another program, or is of a later
            version.
    """
    return open_database(path, APPLICATION_ID, SCHEMA_VERSION, SCHEMA)


class Ledger:
    """An Observer that writes every call of a trace to an SQLite file.

    `session.trace.observers.append(Ledger(path, profile="staging"))` is all it takes; `connect`
    does so for each profile, in that profile's own folder.
    """

    def __init__(
        self, path: str | os.PathLike[str], profile: str = "", *, keep_text: bool = False
    ) -> None:
        """Open the file, or make it, readable by its owner only.

        Args:
            path: The SQLite file.
            profile: Written into each record.
            keep_text: Also write what was asked and answered.

        Raises:
            StoreError: When the file is damaged or not a ledger.
        """
        self.path = Path(path)
        self.profile = profile
        self.keep_text = keep_text
        self._waiting: deque[Record] = deque(maxlen=_KEPT)
        self._begin()
        open_ledger(self.path).close()
        _open_ledgers.add(self)

    def _begin(self) -> None:
        """Set up what belongs to one process: a forked child has none of its parent's threads."""
        self._process = os.getpid()
        self._condition = threading.Condition()
        self._writer: threading.Thread | None = None
        self._database: sqlite3.Connection | None = None
        self._closing = False
        self._warned = False
        self._waiting.clear()

    # -- the Observer ---------------------------------------------------------------------

    def on_call(self, step: Step, call: Call) -> None:
        """Put the call's record among those that wait; this takes microseconds."""
        if self._process != os.getpid():
            self._begin()
        waiting = self._waiting
        waiting.append(self._record(step, call))  # atomic: no lock is needed to add one
        count = len(waiting)
        if count <= _FIRST or count == _BATCH or self._writer is None:
            self._wake()

    def _wake(self) -> None:
        with self._condition:
            if self._writer is None:
                self._closing = False
                self._writer = threading.Thread(target=self._write_on, name="ledger", daemon=True)
                self._writer.start()
            else:
                self._condition.notify()

    def on_progress(self, progress: Progress) -> None:
        """Do nothing: a map is in the ledger through its calls."""

    def _record(self, step: Step, call: Call) -> Record:
        request, response = call.request, call.response
        cell = next((label for of in cell_labels if (label := of())), "") if cell_labels else ""
        head = (call.finished_at, self.profile, request.model, request.endpoint, request.api)
        tail = (call.elapsed_s, call.attempts, call.unsettled_usd)
        asked = request.text if self.keep_text else None
        if response is None:
            error = type(call.error).__name__
            return (*head, 0, 0, 0, None, 0, "", 0.0, *tail, error, step.path, cell, asked, None)
        usage, log = response.usage, response.log
        answered = response.text if self.keep_text else None
        return (
            *head,
            *(usage.input_tokens, usage.output_tokens, usage.cached_tokens, response.cost_usd),
            *(int(log.source != "endpoint"), log.source, log.latency_s, *tail),
            *("", step.path, cell, asked, answered),
        )

    # -- the thread -----------------------------------------------------------------------

    def _write_on(self) -> None:
        """Write batches until the ledger is closed and nothing waits."""
        while True:
            batch, closing = self._next_batch()
            written = self._write(batch)
            with self._condition:
                room = _KEPT - len(self._waiting)
                if not written and room:
                    self._waiting.extendleft(reversed(batch[-room:]))
                if closing and not (written and self._waiting):
                    self._close_file()
                    self._writer = None
                    return
                if not written:  # a disk does not become less full by asking it often
                    self._condition.wait_for(self._is_closing, timeout=_RETRY_S)

    def _next_batch(self) -> tuple[list[Record], bool]:
        """Wait for a batch that is large or old enough; also tell whether it is to be the last."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._closing)
            self._condition.wait_for(
                lambda: self._closing or len(self._waiting) >= _BATCH, timeout=_OLDEST_S
            )
            batch = []
            while self._waiting:  # one by one: another thread may add one at any moment
                batch.append(self._waiting.popleft())
            return batch, self._closing

    def _is_closing(self) -> bool:
        return self._closing

    def _write(self, batch: list[Record]) -> bool:
        """Commit a batch; warn at the first failure and report False."""
        try:
            if self._database is not None and not self.path.exists():
                self._close_file()
            if self._database is None:
                self._database = open_ledger(self.path)
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(_INSERT, batch)
            self._database.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 -- whatever it is, answers must not suffer
            self._close_file()
            self._warn(error)
            return False
        return True

    def _close_file(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.close()

    def _warn(self, error: Exception) -> None:
        if self._warned:
            return
        self._warned = True
        text = (
            f"promptkit: the ledger {self.path} cannot be written ({error}). Calls go on; "
            f"up to {_KEPT:,} records wait in memory until it can"
        )
        try:
            warnings.warn(text, LedgerWarning, stacklevel=2)
        except LedgerWarning:
            return  # warnings are errors here, and this thread has nobody to raise one to

    # -- the end --------------------------------------------------------------------------

    def flush(self) -> None:
        """Write all that waits and return when it is on disk; the next call opens it again."""
        if self._process != os.getpid():
            return
        with self._condition:
            writer = self._writer
            self._closing = True
            self._condition.notify()
        if writer is not None:
            writer.join(_PATIENCE_S)

    async def aclose(self) -> None:
        """Write all that waits. A call made later opens the ledger again."""
        await asyncio.to_thread(self.flush)


_open_ledgers: weakref.WeakSet[Ledger] = weakref.WeakSet()


@atexit.register
def _flush_all() -> None:
    for ledger in list(_open_ledgers):
        ledger.flush()
