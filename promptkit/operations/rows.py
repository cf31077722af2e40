"""From a table's rows to what is asked about them, and a look at all of them before any is asked.

The look comes first because it is cheap and calls are not: a byte that cannot be read in row
900,000 is found before the first row is paid for.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from promptkit.errors import TableError
from promptkit.operations.entry import Entry, digest_of
from promptkit.prompt import Prompt

if TYPE_CHECKING:
    from promptkit.adapters.table import Row, Table
    from promptkit.operations.journal import Journal

Task = Prompt | Callable[..., Awaitable[Any]]
"""What is done with a row: a template whose slots are columns, or a function of (session, row)."""

_PRINTED: Final = (date, time, Decimal, UUID)
"""Types of Parquet values that go into a prompt as Python prints them."""


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of a table as a task sees them.

    Attributes:
        table: Where they come from.
        task: A prompt sees its slots' columns, a function the whole row.
        limit: How many rows, from the first; None for all.
    """

    table: Table
    task: Task
    limit: int | None = None

    @property
    def slots(self) -> tuple[str, ...] | None:
        """The columns that a prompt takes; None for a function."""
        return self.task.slots if isinstance(self.task, Prompt) else None

    def __iter__(self) -> Iterator[Row]:
        """Yield what is asked about each row. A slot that a row lacks is left out."""
        for row in islice(self.table.rows(self.slots), self.limit):
            yield self.values(row)

    def values(self, row: Row) -> Row:
        """Return what the task takes from a row."""
        if self.slots is None:
            return row
        return {name: _printed(row[name]) for name in self.slots if name in row}


def _printed(value: Any) -> Any:
    """Bring what is neither text nor number into the form that it has in text."""
    if isinstance(value, _PRINTED):
        return str(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


@dataclass(frozen=True, slots=True)
class Survey:
    """What a look at all rows found.

    Attributes:
        rows: How many there are.
        pending: How many of them are to be asked.
        names: The columns that may collide with those to be added.
    """

    rows: int
    pending: int
    names: frozenset[str]


def survey(
    source: Source, journal: Journal, added: Sequence[str], *, retry_errors: bool = False
) -> Survey:
    """Read all rows once: count them, and compare them with what was answered before.

    Args:
        source: The rows.
        journal: Of this run, and of the runs that it goes on from.
        added: The columns to be added.
        retry_errors: Count rows that failed among those to be asked.

    Raises:
        TableError: When the table cannot be read, lacks a column that the template uses, or has
            changed since its rows were answered.
    """
    columns = source.table.columns
    if columns is not None:
        _check_slots(source, columns)
    names = set(columns or ())
    lacking = set(source.slots or ()) if columns is None else set()
    first: Row = {}
    rows = pending = 0
    limited = islice(source.table.rows(source.slots), source.limit)
    for number, row, entry in journal.beside(limited):
        if entry is not None and entry.digest != digest_of(source.values(row)):
            raise _changed(source.table, f"row {number + 1:,} is not the one that was answered")
        if columns is None:
            names.update(name for name in row if name.startswith(tuple(added)))
            lacking.difference_update(row)
            first = first or row
        pending += is_pending(entry, retry_errors=retry_errors)
        rows += 1
    if lacking and rows:
        raise _no_column(source.table, min(lacking), tuple(first))
    *_, end = journal.count()
    if source.limit is None and end > rows:
        raise _changed(source.table, f"it has {rows:,} rows, and row {end:,} was answered")
    return Survey(rows, pending, frozenset(names))


def is_pending(entry: Entry | None, *, retry_errors: bool) -> bool:
    """Whether a row is to be asked."""
    return entry is None or (retry_errors and entry.error is not None)


def _check_slots(source: Source, columns: Sequence[str]) -> None:
    for slot in source.slots or ():
        if slot not in columns:
            raise _no_column(source.table, slot, columns)


def _no_column(table: Table, slot: str, columns: Sequence[str]) -> TableError:
    msg = f"{table.path} has no column {slot!r}, which the template uses"
    if len(columns) == 1 and (found := [d for d in ";\t|," if d in columns[0]]):
        hint = f"its header is one column, {columns[0]!r}: try --delimiter {found[0]!r}"
        return TableError(msg, hint=hint)
    close = difflib.get_close_matches(slot, columns, n=3)
    if close:
        return TableError(msg, hint=f"did you mean {' or '.join(map(repr, close))}?")
    return TableError(msg, hint=f"its columns are {', '.join(columns[:20]) or 'none'}")


def _changed(table: Table, what: str) -> TableError:
    hint = "put it back as it was to go on, or pass --restart to ask every row anew"
    return TableError(f"{table.path} has changed since the run was begun: {what}", hint=hint)


def plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Make values fit for CSV and Parquet: what has parts becomes JSON text.

    Half a surrogate pair, which models do answer and UTF-8 has no bytes for, is escaped.

    >>> plain_values({"answer": ["a", "b"], "error": None})
    {'answer': '["a", "b"]', 'error': None}
    """
    return {name: _writable(_printed(value)) for name, value in values.items()}


def _writable(value: Any) -> Any:
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-8", "backslashreplace").decode()
