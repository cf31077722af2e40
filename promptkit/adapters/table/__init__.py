"""Tables in files: CSV, JSON Lines and Parquet, read and written a piece at a time.

Three rules hold for each format, so that a run over a table can be trusted with it:

1. Values come through as they were: CSV fields as their text, JSON lines byte for byte up to
   what is added, Parquet columns with their types.
2. Memory does not grow with the number of rows.
3. What cannot be read without guessing is a TableError that says where it stands.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from promptkit.errors import OptionError, TableError

Row = Mapping[str, Any]


class Table(Protocol):
    """A table in a file.

    Attributes:
        path: The file.
    """

    path: Path

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of all columns; None where each row names its own."""
        ...

    def rows(self, names: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows in order; with `names`, those columns are all that is needed."""
        ...

    def write(self, path: Path, added: Mapping[str, type], values: Iterable[Row]) -> None:
        """Write rows to `path` with columns added, as many rows as there are `values`.

        Args:
            path: The file to write.
            added: The names of the columns to add, with str, int or float as their type.
            values: One mapping of these names a row, in the order of the rows.
        """
        ...


def open_table(path: Path, *, encoding: str = "utf-8", delimiter: str | None = None) -> Table:
    """Open a table by the ending of its name; its header is read and checked.

    Args:
        path: A file named .csv, .tsv, .jsonl, .ndjson or .parquet.
        encoding: Of the text formats; a byte order mark is passed over.
        delimiter: Between the fields of CSV; by default a comma, in .tsv a tab.

    Raises:
        TableError: When the file is missing, empty, of an unknown kind, or its header cannot
            be used.
        MissingExtraError: For Parquet without pyarrow.
    """
    make = _MAKERS[kind_of(path)]
    if not path.exists():
        raise TableError(f"there is no file {path}", hint=_near_file(path))
    if not path.is_file():
        raise TableError(f"{path} is no file", hint="name the table itself")
    if path.stat().st_size == 0:
        raise TableError(f"{path} is empty", hint="a table has at least a header or one row")
    try:
        with path.open("rb"):
            return make(path, encoding, delimiter)
    except OSError as error:
        raise TableError(f"{path} cannot be read ({error.strerror})") from None


def kind_of(path: Path) -> str:
    """Return the format that a file's name stands for.

    Raises:
        TableError: When it stands for none.

    >>> kind_of(Path("answers.TSV"))
    'csv'
    """
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(_KINDS)
        msg = f"{path.name}: the ending {path.suffix or '(none)'} is not one that promptkit reads"
        if path.suffix == ".json":
            raise TableError(msg, hint="make it .jsonl, with one object a line")
        raise TableError(msg, hint=f"name it with one of {known}")
    return kind


def free_names(wanted: Sequence[str], taken: Iterable[str]) -> dict[str, str]:
    """Give each wanted name, numbered where it is taken.

    >>> free_names(["answer", "error"], ["id", "answer", "answer_2"])
    {'answer': 'answer_3', 'error': 'error'}
    """
    used = set(taken)
    names = {}
    for name in wanted:
        free, number = name, 2
        while free in used:
            free, number = f"{name}_{number}", number + 1
        used.add(free)
        names[name] = free
    return names


def check_names(path: Path, names: Sequence[str]) -> None:
    """Refuse a header that names two columns alike.

    Raises:
        TableError: Naming the column.
    """
    places: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        if name in places:
            msg = f"{path}: columns {places[name]} and {place} are both named {name!r}"
            raise TableError(msg, hint="rename one of them")
        places[name] = place


def _near_file(path: Path) -> str:
    try:
        beside = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:
        return f"nor is there a folder {path.parent}"
    close = difflib.get_close_matches(path.name, beside, n=1)
    return f"did you mean {path.with_name(close[0])}?" if close else "check the path"


def _csv(path: Path, encoding: str, delimiter: str | None) -> Table:
    from promptkit.adapters.table.delimited import DelimitedTable

    return DelimitedTable(path, encoding, delimiter or ("\t" if _is_tsv(path) else ","))


def _jsonl(path: Path, encoding: str, delimiter: str | None) -> Table:
    from promptkit.adapters.table.jsonl import JsonLinesTable

    _no_delimiter(path, delimiter)
    return JsonLinesTable(path, encoding)


def _parquet(path: Path, encoding: str, delimiter: str | None) -> Table:
    from promptkit.adapters.table.parquet import ParquetTable

    _no_delimiter(path, delimiter)
    if encoding != "utf-8":
        raise OptionError(f"an encoding for {path}", hint="Parquet knows its own")
    return ParquetTable(path)


def _is_tsv(path: Path) -> bool:
    return path.suffix.lower() == ".tsv"


def _no_delimiter(path: Path, delimiter: str | None) -> None:
    if delimiter is not None:
        raise OptionError(f"a delimiter for {path}", hint="only CSV has one")


_KINDS: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}

_MAKERS: Final[dict[str, Callable[[Path, str, str | None], Table]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
}
