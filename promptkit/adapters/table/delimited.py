"""CSV and TSV, in the dialect of Python's csv module, read strictly."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from promptkit.adapters.table import Row, check_names
from promptkit.adapters.table.text import BOM, check_encoding, has_bom, open_text
from promptkit.errors import OptionError, TableError

_LONGEST_FIELD: Final = 1 << 24
"""Characters in one field. A longer one is a quote that was never closed."""


class DelimitedTable:
    """A table whose fields stand between delimiters, its first row naming the columns.

    Fields may hold delimiters, quotes and line ends inside quotes. Blank lines are passed over.
    It is written back in UTF-8 with the byte order mark and the line ends it was read with.
    """

    def __init__(self, path: Path, encoding: str = "utf-8", delimiter: str = ",") -> None:
        """Read the header."""
        if len(delimiter) != 1 or delimiter in '\r\n"':
            raise OptionError(f"delimiter={delimiter!r}", hint="one character, such as ; or |")
        self.path = path
        self.encoding = check_encoding(encoding)
        self.delimiter = delimiter
        header = next(self._records(), None)
        if header is None:
            raise TableError(f"{path} has no header", hint="its first line names the columns")
        check_names(path, header)
        self._columns = tuple(header)
        with open_text(path, encoding) as file:
            self._line_end = "\r\n" if file.readline().endswith("\r\n") else "\n"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the header."""
        return self._columns

    def _records(self) -> Iterator[list[str]]:
        """Yield the fields of each line, the header's too, blank lines left out."""
        csv.field_size_limit(_LONGEST_FIELD)
        with open_text(self.path, self.encoding) as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            width = 0
            while True:
                start = reader.line_num + 1
                try:
                    fields = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    raise self._unreadable(start, error) from None
                if not fields:
                    continue
                if width and len(fields) != width:
                    msg = f"{self.path}, line {start} has {len(fields)} fields, the header {width}"
                    hint = "fields that hold the delimiter or a line end stand in quotes"
                    raise TableError(msg, hint=hint)
                width = len(fields)
                yield fields

    def _unreadable(self, line: int, error: csv.Error) -> TableError:
        reason = str(error)
        if "field limit" in reason or "unexpected end of data" in reason:
            msg = f"{self.path}, line {line}: a quote is opened and never closed"
            return TableError(msg, hint='inside quotes, a quote is written twice: ""')
        msg = f"{self.path}, line {line} cannot be read as CSV ({reason})"
        return TableError(msg, hint='inside quotes, a quote is written twice: ""')

    def rows(self, names: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows as mappings from column to text."""
        del names  # a line is read whole or not at all
        records = self._records()
        next(records)
        for fields in records:
            yield dict(zip(self._columns, fields, strict=True))

    def write(self, path: Path, added: Mapping[str, type], values: Iterable[Row]) -> None:
        """Write the rows that have values, with these in further fields; None is left empty."""
        records = self._records()
        next(records)
        with path.open("w", encoding="utf-8", newline="") as file:
            if has_bom(self.path, self.encoding):
                file.write(BOM)
            writer = csv.writer(_Lines(file, self._line_end), delimiter=self.delimiter)
            writer.writerow([*self._columns, *added])
            for row, fields in zip(values, records, strict=False):
                writer.writerow([*fields, *(_field(row[name]) for name in added)])


class _Lines:
    """Ends lines as asked.

    The csv module quotes a field with a lone CR or LF only if its own line end holds that
    character. So it is left to write CR LF, and the end of each line is replaced here.
    """

    def __init__(self, file: TextIO, line_end: str) -> None:
        self._file = file
        self._line_end = line_end

    def write(self, line: str) -> None:
        self._file.write(line.removesuffix("\r\n") + self._line_end)


def _field(value: Any) -> str:
    """Write a number in full, so that a cost of $0.0000012 is no «1.2e-06»."""
    if value is None:
        return ""
    if isinstance(value, float):
        text = f"{value:.10f}".rstrip("0")
        return text + "0" if text.endswith(".") else text
    return str(value)
