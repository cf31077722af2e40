"""A run over a table: each row is asked once, whatever happens.

While it runs, answers go into a journal beside the output (see `journal`); the output itself is
written at the end (see `table_out`). Why so and not otherwise is told in
`docs/decisions/a-run-over-a-table.md`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from promptkit.errors import (
    AuthenticationError,
    BudgetError,
    MissingExtraError,
    ModelFileError,
    OptionError,
    ProfileError,
    QuotaError,
    StoreError,
    UnknownModelError,
)
from promptkit.operations.entry import Entry, digest_of
from promptkit.operations.rows import Source, Survey, is_pending
from promptkit.prompt import Prompt
from promptkit.response import Response
from promptkit.result import Result, Verdict

if TYPE_CHECKING:
    from promptkit.operations.journal import Journal
    from promptkit.session import Session
    from promptkit.totals import Totals

FATAL: Final = (
    AuthenticationError,
    BudgetError,
    MissingExtraError,
    ModelFileError,
    OptionError,
    ProfileError,
    QuotaError,
    StoreError,
    UnknownModelError,
)
"""Errors that the next row would meet as well: they stop a run and are no row's fault."""

_LONGEST_ERROR: Final = 500
_TURN: Final = 256
"""Rows passed over before the event loop gets its turn again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRun:
    """What to do.

    Attributes:
        source: The rows and what is asked about them.
        out: The file to write.
        column: The name of the column of answers; None takes «answer», numbered if taken.
        concurrency: How many rows are under way at once; None as the session says.
        on_error: "keep" puts a row's error into its error column, "stop" ends the run.
        retry_errors: Ask rows again that failed in an earlier run.
    """

    source: Source
    out: Path
    column: str | None = None
    concurrency: int | None = None
    on_error: Literal["keep", "stop"] = "keep"
    retry_errors: bool = False

    @property
    def journal_path(self) -> Path:
        """Where its journal stands."""
        return journal_of(self.out)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        rows: In the table.
        answered: With an answer, from this run and the ones before.
        failed: With an error.
        before: Rows that had their answer or error when this run began.
        totals: Of this run's calls.
        elapsed_s: How long it took, in seconds.
        stopped: Why it did not ask all rows; None if it did.
    """

    rows: int
    answered: int
    failed: int
    before: int
    totals: Totals
    elapsed_s: float
    stopped: BaseException | None = None


def journal_of(out: Path) -> Path:
    """Return where the journal of a run that writes `out` stands: beside it.

    >>> journal_of(Path("answers.csv")).name
    'answers.csv.journal'
    """
    return out.with_name(out.name + ".journal")


async def ask_all(run: TableRun, journal: Journal, found: Survey, session: Session) -> Outcome:
    """Ask all rows that have no entry in the journal; each gets one before the next is read.

    An error that every row would meet, a full disk or, with `on_error="stop"`, a row's error
    ends the run: rows under way are waited for, as they are paid for, and no more are begun.
    """
    started = time.monotonic()
    before = found.rows - found.pending
    asker = _Asker(run, journal, found.pending)
    if found.pending:
        stream: Any = session.imap(
            asker.answer_rows, asker, concurrency=run.concurrency, on_error="keep"
        )
        async with contextlib.aclosing(stream):
            async for _ in stream:
                pass
    answered, failed, _ = journal.count(found.rows)
    elapsed = time.monotonic() - started
    return Outcome(
        found.rows, answered, failed, before, session.usage, elapsed, stopped=asker.stopped
    )


class _Asker:
    """Hands out the rows that are to be asked, asks them, and journals what came of it."""

    def __init__(self, run: TableRun, journal: Journal, pending: int) -> None:
        self.stopped: BaseException | None = None
        self._run = run
        self._journal = journal
        self._pending = pending

    def __len__(self) -> int:
        return self._pending

    async def __aiter__(self) -> AsyncIterator[tuple[int, Any]]:
        for number, values, entry in self._journal.beside(self._run.source):
            if number % _TURN == 0:
                await asyncio.sleep(0)
            if self.stopped is not None:
                return
            if is_pending(entry, retry_errors=self._run.retry_errors):
                yield number, values

    async def answer_rows(self, session: Session, item: tuple[int, Any]) -> None:
        """Ask about one row. The name is what the progress display shows."""
        number, values = item
        task = self._run.source.task
        entry = Entry(number, digest_of(values))
        try:
            if isinstance(task, Prompt):
                result: Any = await session.ask(task.for_item(values))
            else:
                result = await task(session, values)
            entry = replace(entry, **_answer(result))
        except FATAL as error:
            self._stop(error)
            raise
        except Exception as error:
            if self._run.on_error == "stop":
                error.add_note(f"in row {number + 1:,} of {self._run.source.table.path}")
                self._stop(error)
                raise
            self._put(replace(entry, error=error_text(error)), session)
            raise
        self._put(entry, session)

    def _put(self, entry: Entry, session: Session) -> None:
        try:
            self._journal.put(replace(entry, **_spent(session)))
        except StoreError as error:
            self._stop(error)

    def _stop(self, error: BaseException) -> None:
        self.stopped = self.stopped or error


def _answer(result: Any) -> dict[str, Any]:
    """Return the answer of a row, and its confidence, from what its task returned."""
    if isinstance(result, Response):
        return {"answer": result.text}
    if isinstance(result, Result):
        return {"answer": _storable(result.value), "confidence": result.confidence}
    if isinstance(result, Verdict):
        return {"answer": result.outcome, "confidence": result.score}
    return {"answer": _storable(result)}


def _storable(value: Any) -> Any:
    """Return a value that JSON has, the text of any other."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, dict):
        return {str(name): _storable(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(part) for part in value]
    return str(value)


def _spent(session: Session) -> dict[str, Any]:
    """Sum up what a row took: tokens of all its answers, and what was paid for them."""
    calls = [call for _, step in session.trace.walk() for call in step.calls]
    usages = [call.response.usage for call in calls if call.response is not None]
    totals = session.usage
    return {
        "input_tokens": sum(usage.input_tokens for usage in usages),
        "output_tokens": sum(usage.output_tokens for usage in usages),
        "cost_usd": None if totals.unpriced else totals.spent_usd,
    }


def error_text(error: BaseException) -> str:
    """Write an error for a table's cell: its class and message, on one line.

    >>> error_text(ValueError("no   number"))
    'ValueError: no number'
    """
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return text[:_LONGEST_ERROR].encode("utf-8", "backslashreplace").decode()
