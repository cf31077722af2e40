"""The output of a run over a table: the input's rows, each with what came of it, in order.

It is written at the end, from the input and the journal side by side, under another name that is
then replaced: so it is there whole or not at all. A file that was not written by the run, or was
changed since, is not replaced.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from promptkit.adapters.table import free_names, kind_of
from promptkit.errors import StoreError, TableError
from promptkit.operations.entry import Entry
from promptkit.operations.rows import Survey, plain_values, survey
from promptkit.operations.table_run import journal_of

if TYPE_CHECKING:
    from promptkit.operations.journal import Journal
    from promptkit.operations.table_run import TableRun

ADDED: Final[dict[str, type]] = {
    "answer": str,
    "input_tokens": int,
    "output_tokens": int,
    "cost_usd": float,
    "error": str,
}
"""The columns that a run adds, and `confidence` where answers have one."""

NOT_ASKED: Final = "not asked yet"


def columns_of(run: TableRun) -> dict[str, type]:
    """Return the columns to add, before they are numbered apart from the table's own."""
    return {run.column or "answer": str, **dict(list(ADDED.items())[1:])}


def check_out(out: Path, source: Path, *, restart: bool) -> None:
    """Refuse an output that cannot be written, or would take the place of something else.

    Raises:
        TableError: Saying what is in the way.
    """
    kind = kind_of(source)
    if kind_of(out) != kind:
        hint = f"the output has the input's format: name it {out.with_suffix(source.suffix).name}"
        raise TableError(f"--out {out.name} for a table named {source.name}", hint=hint)
    if not out.parent.is_dir():
        raise TableError(f"there is no folder {out.parent}", hint="make it, or name another --out")
    if out.exists() and source.exists() and out.samefile(source):
        raise TableError(f"--out {out} is the input itself", hint="name another file")
    if out.exists() and not journal_of(out).exists() and not restart:
        raise _in_the_way(out)


def _in_the_way(out: Path) -> TableError:
    hint = "name another --out, or pass --restart to replace it"
    return TableError(f"{out} exists and is not as this run wrote it", hint=hint)


def look(run: TableRun, journal: Journal, *, restart: bool = False) -> Survey:
    """Read all rows once, and check that the output may be written.

    Args:
        run: What is to be done.
        journal: Of the run.
        restart: The output may be replaced as it stands now, by this run and whoever goes on
            with it.

    Raises:
        TableError: As `survey`; also when the output was changed since it was written.
    """
    if run.out.exists():
        if restart:
            journal.set_note("written", _stamp(run.out))
        elif _stamp(run.out) not in (journal.note("written") or "").split(","):
            raise _in_the_way(run.out)
    names = (*columns_of(run), "confidence")
    if len(set(names)) < len(ADDED) + 1:
        msg = f"--column {run.column} is the name of another column to be added"
        raise TableError(msg, hint="name another one")
    found = survey(run.source, journal, names, retry_errors=run.retry_errors)
    if run.column is not None and run.column in found.names:
        msg = f"the table has a column {run.column!r} already"
        raise TableError(msg, hint="name another --column")
    return found


def write_out(run: TableRun, journal: Journal, found: Survey) -> None:
    """Write the table with its answers, whole or not at all.

    Raises:
        StoreError: When it cannot be written; the journal keeps the answers.
    """
    wanted = columns_of(run)
    if journal.has_confidence:
        wanted = {"confidence": float, **wanted}
    names = free_names(tuple(wanted), found.names)
    added = {names[name]: kind for name, kind in wanted.items()}
    part = run.out.with_name(f".{run.out.name}.part")
    try:
        try:
            run.source.table.write(part, added, _cells(run, journal, found, names))
            with part.open("rb") as written:
                os.fsync(written.fileno())
            # Both are noted before the one takes the place of the other: whichever a kill leaves
            # here is known to be ours.
            stamps = [_stamp(file) for file in (part, run.out) if file.exists()]
            journal.set_note("written", ",".join(stamps))
            part.replace(run.out)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        hint = f"the answers are kept in {run.journal_path}: make room and run the command again"
        reason = error.strerror or error
        raise StoreError(f"{run.out} cannot be written ({reason})", hint=hint) from None


def _cells(
    run: TableRun, journal: Journal, found: Survey, names: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield the cells to add, row by row."""
    is_json = kind_of(run.out) == "jsonl"
    answer = run.column or "answer"
    missing = Entry(0, b"", error=NOT_ASKED)
    for entry in journal.entries(found.rows):
        kept = entry or missing
        cells = {
            answer: kept.answer,
            "confidence": kept.confidence,
            "input_tokens": kept.input_tokens,
            "output_tokens": kept.output_tokens,
            "cost_usd": kept.cost_usd,
            "error": kept.error,
        }
        cells = {names[name]: value for name, value in cells.items() if name in names}
        yield cells if is_json else plain_values(cells)


def _stamp(path: Path) -> str:
    """Tell a file's state: its size and when it was last written. A renamed file keeps it."""
    state = path.stat()
    return f"{state.st_size}:{state.st_mtime_ns}"
