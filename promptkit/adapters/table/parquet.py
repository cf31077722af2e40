"""Parquet, read and written a batch at a time through pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from promptkit.adapters.table import Row, check_names
from promptkit.errors import MissingExtraError, TableError

_BATCH: Final = 4_096
"""Rows in memory at once."""


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        hint = "pip install 'promptkit[parquet]', or use CSV or JSON Lines"
        raise MissingExtraError("Parquet needs the package pyarrow", hint=hint) from None
    return pa, parquet


class ParquetTable:
    """A Parquet file. Columns keep their types and the schema its metadata."""

    def __init__(self, path: Path) -> None:
        """Read the schema."""
        self._pa, self._parquet = _pyarrow()
        self.path = path
        try:
            with self._parquet.ParquetFile(path) as file:
                self._schema = file.schema_arrow
        except (self._pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None
        check_names(path, self._schema.names)

    def _unreadable(self, error: Exception) -> TableError:
        reason = str(error).splitlines()[0].rstrip(".")
        return TableError(f"{self.path} cannot be read as Parquet ({reason})")

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the schema."""
        return tuple(self._schema.names)

    def _batches(self, names: Sequence[str] | None = None) -> Iterator[Any]:
        try:
            with self._parquet.ParquetFile(self.path) as file:
                yield from file.iter_batches(_BATCH, columns=None if names is None else list(names))
        except (self._pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None

    def rows(self, names: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows, with the named columns alone if names are given."""
        for batch in self._batches(names):
            if batch.num_columns:
                yield from batch.to_pylist()
            else:
                yield from ({} for _ in range(batch.num_rows))

    def write(self, path: Path, added: Mapping[str, type], values: Iterable[Row]) -> None:
        """Write the rows that have values, with these in further columns."""
        pa = self._pa
        types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
        schema = self._schema
        for name, kind in added.items():
            schema = schema.append(pa.field(name, types[kind]))
        pending = iter(values)
        with self._parquet.ParquetWriter(path, schema) as writer:
            for batch in self._batches():
                rows = list(islice(pending, batch.num_rows))
                columns = [column.slice(0, len(rows)) for column in batch.columns]
                columns += [
                    pa.array([row[name] for row in rows], types[kind])
                    for name, kind in added.items()
                ]
                if rows:
                    writer.write_table(pa.Table.from_arrays(columns, schema=schema))
                if len(rows) < batch.num_rows:
                    return
