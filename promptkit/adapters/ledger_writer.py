"""The thread that writes a ledger's records, apart from the ledger itself.

It ends, and closes the file, when nothing has come for a second, and starts again when something
does. It does not know the Ledger: a session that nobody closes would otherwise keep a thread and
three open files for as long as the process lives.
"""

from __future__ import annotations

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
from typing import Final

BATCH: Final = 256
"""Records that wait are written when there are this many,"""

_OLDEST_S: Final = 0.1
"""or when the first of them is this old, in seconds."""

_IDLE_S: Final = 1.0
"""After so many seconds without a record the thread ends and the file is closed."""

_RETRY_S: Final = 5.0
"""How long to leave a file alone that could not be written, in seconds."""

_KEPT: Final = 10_000
"""Records kept in memory while the file cannot be written; the oldest go first."""

_PATIENCE_S: Final = 5.0
"""How long the end of the interpreter may wait for the last batch, in seconds."""

_LARGEST: Final = 2**63 - 1
"""The largest whole number that SQLite can hold."""

Record = tuple[str | float | None, ...]

_inherited: Final[list[sqlite3.Connection]] = []
"""A parent's connections: closing one in a forked child would disturb the parent's file."""


class LedgerWarning(UserWarning):
    """The ledger cannot be written for now. Shown once per ledger."""


class LedgerWriter:
    """Records that wait for a file, and the thread that writes them; it belongs to one process.

    Attributes:
        waiting: The records; adding one is atomic and needs no lock.
        thread: The thread; None while nothing is to be written.
        process: The process it belongs to.
    """

    def __init__(
        self, path: Path, insert: str, open_file: Callable[[Path], sqlite3.Connection]
    ) -> None:
        """Prepare; the thread starts with the first record.

        Args:
            path: The file.
            insert: The statement that takes a record.
            open_file: Opens the file.
        """
        self.waiting: deque[Record] = deque(maxlen=_KEPT)
        self.thread: threading.Thread | None = None
        self.process = os.getpid()
        self._path = path
        self._insert = insert
        self._open = open_file
        self._condition = threading.Condition()
        self._database: sqlite3.Connection | None = None
        self._closing = False
        self._warned = False
        _writers.add(self)

    def wake(self) -> None:
        """Tell the thread that records wait; start it when there is none."""
        with self._condition:
            if self.thread is None:
                self._closing = False
                self.thread = threading.Thread(target=self._write_on, name="ledger", daemon=True)
                self.thread.start()
            else:
                self._condition.notify()

    def end(self) -> None:
        """Have the thread write what waits and end, without waiting for it."""
        if self.process != os.getpid():
            return  # in a forked child there is no such thread, and the lock may be held for ever
        with self._condition:
            self._closing = True
            self._condition.notify()

    def flush(self) -> None:
        """Write all that waits and return when it is on disk."""
        thread = self.thread
        self.end()
        if thread is not None and self.process == os.getpid():
            thread.join(_PATIENCE_S)

    def forget(self) -> None:
        """Leave the connection to the parent process, without closing it."""
        if self._database is not None:
            _inherited.append(self._database)
            self._database = None

    # -- the thread -----------------------------------------------------------------------

    def _write_on(self) -> None:
        """Write batches until nothing comes any more, or until told to end."""
        while True:
            batch, closing = self._next_batch()
            written = self._write(batch)
            with self._condition:
                room = _KEPT - len(self.waiting)
                if not written and room:
                    self.waiting.extendleft(reversed(batch[-room:]))
                is_over = closing or not batch
                if is_over and not (written and self.waiting):
                    self._close_file()
                    self.thread = None
                    return
                if not written:  # a disk does not become less full by asking it often
                    self._condition.wait_for(self._is_closing, timeout=_RETRY_S)

    def _next_batch(self) -> tuple[list[Record], bool]:
        """Wait for a batch that is large or old enough; also tell whether it is to be the last.

        The batch is empty when none came for a while.
        """
        with self._condition:
            self._condition.wait_for(lambda: self.waiting or self._closing, timeout=_IDLE_S)
            if self.waiting:
                self._condition.wait_for(
                    lambda: self._closing or len(self.waiting) >= BATCH, timeout=_OLDEST_S
                )
            batch = []
            while self.waiting:  # one by one: another thread may add one at any moment
                batch.append(self.waiting.popleft())
            return batch, self._closing

    def _is_closing(self) -> bool:
        return self._closing

    def _write(self, batch: list[Record]) -> bool:
        """Commit a batch; warn at the first failure and report False."""
        if not batch:
            return True
        try:
            if self._database is not None and not self._path.exists():
                self._close_file()
            if self._database is None:
                self._database = self._open(self._path)
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany(self._insert, batch)
            except _OF_A_VALUE:
                self._database.execute("ROLLBACK")
                self._database.execute("BEGIN IMMEDIATE")
                self._write_each(self._database, batch)
            self._database.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 -- whatever it is, answers must not suffer
            self._close_file()
            self._warn(
                f"the ledger {self._path} cannot be written ({error}). Calls go on; "
                f"up to {_KEPT:,} records wait in memory until it can"
            )
            return False
        return True

    def _write_each(self, database: sqlite3.Connection, batch: list[Record]) -> None:
        """Write record by record, each as SQLite can hold it; leave out what it still refuses."""
        for record in batch:
            try:
                database.execute(self._insert, tuple(map(_storable, record)))
            except _OF_A_VALUE as error:
                self._warn(f"a call is left out of the ledger {self._path} ({error})")

    def _close_file(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.close()

    def _warn(self, text: str) -> None:
        if self._warned:
            return
        self._warned = True
        try:
            warnings.warn(f"promptkit: {text}", LedgerWarning, stacklevel=2)
        except LedgerWarning:
            return  # warnings are errors here, and this thread has nobody to raise one to


_OF_A_VALUE: Final = (
    ValueError,  # half of a surrogate pair, for one
    TypeError,
    OverflowError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
)
"""What is wrong with a value in a record, not with the file."""


def _storable(value: str | float | None) -> str | float | None:
    r"""Return a value as SQLite can hold it, as close to it as can be.

    >>> _storable("half \ud800"), _storable(10**30) == _LARGEST
    ('half ?', True)
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return max(-_LARGEST, min(value, _LARGEST))
    return value


_writers: weakref.WeakSet[LedgerWriter] = weakref.WeakSet()
"""Those of this process; a thread at work keeps its own alive."""


@atexit.register
def _flush_all() -> None:
    for writer in list(_writers):
        writer.flush()


def _forget_parent() -> None:
    for writer in list(_writers):
        writer.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
