"""JSON Lines: one object a line. What is added is spliced into the line, which stays as it was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptkit.adapters.table.text import check_encoding, open_text
from promptkit.errors import TableError

if TYPE_CHECKING:
    from promptkit.adapters.table import Row


class JsonLinesTable:
    """A table whose lines are JSON objects; each may have keys of its own.

    Blank lines are passed over. It is written back in UTF-8.
    """

    columns = None

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        """Check that there is a first row."""
        self.path = path
        self.encoding = check_encoding(encoding)
        if next(self._lines(), None) is None:
            raise TableError(f"{path} holds blank lines alone", hint="write one object a line")

    def _lines(self) -> Iterator[tuple[int, str]]:
        with open_text(self.path, self.encoding) as file:
            for number, line in enumerate(_split(file), 1):
                if text := line.strip():
                    yield number, text

    def rows(self, names: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the objects."""
        del names  # a line is read whole or not at all
        for number, line in self._lines():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                msg = f"{self.path}, line {number} is no JSON ({error})"
                raise TableError(msg, hint="write one object a line") from None
            if not isinstance(row, dict):
                msg = f"{self.path}, line {number} holds {_NAMES.get(type(row), 'a number')}"
                raise TableError(msg, hint='each line is an object, such as {"text": "…"}')
            yield row

    def write(self, path: Path, added: Mapping[str, type], values: Iterable[Row]) -> None:
        """Write the lines that have values, with these as further members."""
        with path.open("w", encoding="utf-8", newline="") as file:
            for row, (_, line) in zip(values, self._lines(), strict=False):
                kept = line[:-1].rstrip()
                comma = "" if kept == "{" else ", "
                file.write(f"{kept}{comma}{_members({name: row[name] for name in added})}\n")


def _split(file: Iterable[str]) -> Iterator[str]:
    """Join what the reader of text parts at a lone CR: in JSON Lines only LF ends a line."""
    held = ""
    for piece in file:
        held += piece
        if held.endswith("\n"):
            yield held
            held = ""
    if held:
        yield held


def _members(values: Mapping[str, Any]) -> str:
    """Write the members of an object, with its closing brace."""
    try:
        text = json.dumps(values, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair has no UTF-8
        text = json.dumps(values)
    return text[1:]


_NAMES = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}
