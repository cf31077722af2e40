"""What a notebook's file holds, piece by piece, and the file without its outputs.

The file is edited where it stands: outputs and execution counts are cut out of its text, and every
other byte stays, indentation, line ends and order of keys included.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_ANSI: Final = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_PICTURE: Final = re.compile(r"(?:image/(?!svg)|audio/|video/|application/(?:pdf|octet-stream))")
_BOM: Final = "\ufeff"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text in a file.

    Attributes:
        text: The text, decoded.
        line: The line of the file on which it begins, from 1.
        where: Where in the file, for people: "cell 3", "cell 3, output"; "" for the whole.
        is_output: Whether clearing outputs takes it away.
        has_lines: Whether its lines are worth naming beside `where`.
    """

    text: str
    line: int = 1
    where: str = ""
    is_output: bool = False
    has_lines: bool = False


def passages_of(text: str) -> Iterator[Passage]:
    """Return all texts of a notebook: sources, outputs, attachments and metadata.

    Raises:
        ValueError: When the text is no notebook.
    """
    content = _parsed(text)
    count = _LineCount(text)
    for number, (start, cell) in enumerate(_cells(text), 1):
        yield from _of_cell(text, start, cell, number, count)
    rest = {name: of for name, of in content.items() if name not in ("cells", "worksheets")}
    metadata = rest.get("metadata")
    if isinstance(metadata, dict) and "widgets" in metadata:
        widgets = {"widgets": metadata["widgets"]}
        yield Passage(_plain(widgets), 1, "saved widgets", is_output=True)
        rest["metadata"] = {name: of for name, of in metadata.items() if name != "widgets"}
    yield Passage(_plain(rest), 1, "metadata")


def without_outputs(text: str) -> str:
    r"""Return a notebook's text with no outputs, execution counts and saved widgets.

    Raises:
        ValueError: When the text is no notebook.

    >>> without_outputs(
    ...     '{"cells": [{"cell_type": "code",\n "execution_count": 7, "outputs": [1]}]}'
    ... )
    '{"cells": [{"cell_type": "code",\n "execution_count": null, "outputs": []}]}'
    """
    _parsed(text)
    edits: list[tuple[int, int, str]] = []
    for start, cell in _cells(text):
        for name, (begin, end) in _members(text, start):
            if name == "outputs" and cell.get("outputs"):
                edits.append((begin, end, "[]"))
            elif name in ("execution_count", "prompt_number") and "outputs" in cell:
                edits.append((begin, end, "null"))
    for name, (begin, _) in _members(text, _start(text)):
        if name == "metadata" and text[begin] == "{":
            found = (span for key, span in _members(text, begin) if key == "widgets")
            edits += [(*span, "{}") for span in found]
    pieces, at = [], 0
    for begin, end, new in sorted(edits):
        pieces += [text[at:begin], new]
        at = end
    return "".join([*pieces, text[at:]])


def _parsed(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text.removeprefix(_BOM))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    has_cells = isinstance(content, dict) and (
        isinstance(content.get("cells"), list) or isinstance(content.get("worksheets"), list)
    )
    if not has_cells:
        raise ValueError("it has no cells")
    found: dict[str, Any] = content
    return found


class _LineCount:
    """Counts lines up to ever later places in a text."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1

    def at(self, place: int) -> int:
        if place < self._at:
            self._at, self._line = 0, 1
        self._line += self._text.count("\n", self._at, place)
        self._at = place
        return self._line


def _of_cell(
    text: str, start: int, cell: dict[str, Any], number: int, count: _LineCount
) -> Iterator[Passage]:
    where = f"cell {number}"
    for name, (begin, _) in _members(text, start):
        value = cell.get(name)
        if name in ("source", "input"):
            first = begin
            if isinstance(value, list):
                first = next((span[0] for span in _elements(text, begin)), begin)
            yield Passage(_joined(value), count.at(first), where, has_lines=True)
        elif name == "outputs" and isinstance(value, list):
            for output, (at, _) in zip(value, _elements(text, begin), strict=False):
                line = count.at(at)
                for piece in _of_output(output):
                    yield Passage(piece, line, f"{where}, output", is_output=True)
        elif name == "attachments":
            for piece in _of_attachments(value):
                yield Passage(piece, count.at(begin), f"{where}, attachment")
        else:
            yield Passage(_plain({name: value}), count.at(begin), f"{where}, {name}")


def _of_output(output: Any) -> Iterator[str]:
    if not isinstance(output, dict):
        yield _plain(output)
        return
    for name, value in output.items():
        if name in ("data", "metadata") and isinstance(value, dict):
            for mime, content in value.items():
                if not _PICTURE.match(mime):
                    yield _ANSI.sub("", _plain(content))
        elif name == "traceback" and isinstance(value, list):
            yield _ANSI.sub("", "\n".join(map(str, value)))
        elif name not in ("output_type", "name", "execution_count", "png", "jpeg"):
            yield _ANSI.sub("", _plain(value))


def _of_attachments(value: Any) -> Iterator[str]:
    """Attachments are base64 by media type; text among them is decoded."""
    for name, kinds in value.items() if isinstance(value, dict) else ():
        for mime, content in kinds.items() if isinstance(kinds, dict) else ():
            if _PICTURE.match(mime):
                continue
            plain = _joined(content)
            try:
                yield base64.b64decode(plain, validate=True).decode("utf-8", "replace")
            except (ValueError, binascii.Error):
                yield f"{name}: {plain}"


def _joined(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "".join(value)
    return value if isinstance(value, str) else _plain(value)


def _plain(value: Any) -> str:
    """Return a JSON value as text in which names stand beside their values."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return "".join(value)
    return json.dumps(value, ensure_ascii=False, indent=0)


# -- places in the JSON text --------------------------------------------------------------


def _cells(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each cell's place and value, those of the worksheets of version 3 too."""
    for name, (begin, _) in _members(text, _start(text)):
        if name == "cells" and text[begin] == "[":
            yield from _objects(text, begin)
        elif name == "worksheets" and text[begin] == "[":
            for sheet, _ in _objects(text, begin):
                for key, (inner, _) in _members(text, sheet):
                    if key == "cells" and text[inner] == "[":
                        yield from _objects(text, inner)


def _objects(text: str, at: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for begin, end in _elements(text, at):
        value = json.loads(text[begin:end])
        if isinstance(value, dict):
            yield begin, value


def _start(text: str) -> int:
    return _skip(text, len(_BOM) if text.startswith(_BOM) else 0)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _elements(text: str, at: int) -> Iterator[Span]:
    """The places of the elements of the array that begins at `at`."""
    if text[at] != "[":
        return
    at = _skip(text, at + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield at, end
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _members(text: str, at: int) -> Iterator[tuple[str, Span]]:
    """The names and the places of the values of the object that begins at `at`."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, end = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, end) + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield name, (at, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
