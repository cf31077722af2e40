"""Text files read strictly: a byte that is not in the encoding is an error with its place."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from promptkit.errors import OptionError, TableError

BOM: Final = "\ufeff"
_BLOCK: Final = 1 << 16


def check_encoding(encoding: str) -> str:
    """Return the name of a text encoding that Python knows.

    Raises:
        OptionError: When it knows none of that name.
    """
    try:
        "".encode(encoding)
    except LookupError:
        msg = f"there is no text encoding {encoding!r}"
        raise OptionError(msg, hint="for example utf-8, cp1252, latin-1 or utf-16") from None
    return encoding


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """Open a file for strict reading, past its byte order mark, line ends as they are.

    Raises:
        TableError: From the reading, when a byte is not in the encoding.
    """
    try:
        with path.open(encoding=encoding, errors="strict", newline="") as file:
            if file.read(1) != BOM:
                file.seek(0)
            yield file
    except UnicodeDecodeError as error:
        raise _misplaced(path, encoding, error.reason) from None
    except UnicodeError as error:  # utf-16 without a byte order mark
        raise TableError(f"{path} is not {encoding} ({error})", hint=_HINT) from None


_HINT: Final = "name the file's encoding, for example --encoding cp1252"


def has_bom(path: Path, encoding: str) -> bool:
    """Tell whether a UTF-8 file starts with a byte order mark."""
    if codecs.lookup(encoding).name != "utf-8":
        return False
    with path.open("rb") as file:
        return file.read(3) == codecs.BOM_UTF8


def _misplaced(path: Path, encoding: str, reason: str) -> TableError:
    """Find the first byte that is not in the encoding, reading the file once more."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    offset, line = 0, 1
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            held = len(decoder.getstate()[0])
            try:
                line += decoder.decode(block).count("\n")
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                place = offset - held + error.start
                byte = error.object[error.start]
                msg = f"{path}, line {line}: byte {place + 1:,} (0x{byte:02x}) is not {encoding}"
                return TableError(msg, hint=_HINT)
            offset += len(block)
    return TableError(f"{path} ends in the middle of a {encoding} character ({reason})", hint=_HINT)
