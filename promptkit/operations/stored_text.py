"""The texts in an SQLite file: caches, ledgers, journals, queues, and any other.

The file is only read, while others may write to it. What promptkit packs into a column is unpacked:
a cache keeps answers with log-probabilities as JSON behind a checksum. What is encrypted cannot be
read without its secret and is passed over.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from promptkit.operations.notebook_text import Passage

MAGIC: Final = b"SQLite format 3\x00"
_CHECKSUM: Final = 4
_MOST: Final = 64 << 20
"""Bytes that one compressed value is unpacked to at the most."""


def stored_passages(path: Path) -> Iterator[Passage]:
    """Return all texts of all tables.

    Raises:
        sqlite3.Error: When the file is damaged or held by another program.
    """
    with closing(_opened(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            yield from _of_table(database, table)


def _opened(path: Path) -> sqlite3.Connection:
    address = path.absolute().as_uri()
    database = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=10)
    try:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # In a folder that may not be written to, a file in WAL mode opens only as unchanging.
        database.close()
        database = sqlite3.connect(f"{address}?mode=ro&immutable=1", uri=True)
    # A text that is no UTF-8 is still looked at.
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    return database


def _of_table(database: sqlite3.Connection, table: str) -> Iterator[Passage]:
    quoted = table.replace('"', '""')
    found = database.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 -- a table's name is no value
    names = [column[0] for column in found.description]
    for number, row in enumerate(found, 1):
        for name, value in zip(names, row, strict=True):
            text = unpacked(value)
            if text:
                # A name such as «token» says what the value is.
                yield Passage(text, 1, f"table {table}, row {number}, column {name}")


def unpacked(value: object) -> str:
    r"""Return the text in a value of a row; "" where there is none.

    >>> unpacked("plain"), unpacked(7), unpacked(b"\x00\x01\x02"), unpacked(b"text")
    ('plain', '', '', 'text')
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes) or not value:
        return ""
    if len(value) > _CHECKSUM and zlib.crc32(value[_CHECKSUM:]) == int.from_bytes(
        value[:_CHECKSUM]
    ):
        value = value[_CHECKSUM:]
    elif value[:1] == b"\x78":
        value = _inflated(value)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return ""
    return "" if "\x00" in text else text


def _inflated(value: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(value, _MOST)
    except zlib.error:
        return value
