"""A field of the JSON that a reply holds, wherever in it the JSON stands."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator
from functools import partial
from typing import Any, Final

from promptkit.errors import OptionError
from promptkit.primitives.answers.extractor import Extractor

_EFFORT: Final = 20
"""How many characters are read for each of the text, at most: openings that lead nowhere cost."""

_DEEP: Final = 10_000
"""Characters that a nesting too deep to read counts for."""

_COUNTED: Final = 16
"""A failed reading also looks for line ends in all that stands before it, this much faster."""

_OPENING: Final = re.compile(r"\{(?=\s*+[\"}])|\[(?=\s*+[\"{\[\]\d\-tfn])")

_MISSING: Final = object()


def _nothing(_: str) -> None:
    """NaN and infinities are no JSON and no answer."""


_DECODER: Final = json.JSONDecoder(parse_constant=_nothing)


def _json_field(path: tuple[str, ...], text: str) -> Hashable | None:
    found: Any = None
    for value in _values(text):
        field = _at(value, path)
        if field is not _MISSING and field is not None:
            found = field
    if isinstance(found, (dict, list)):
        return json.dumps(found, sort_keys=True, ensure_ascii=False)
    return found.strip() or None if isinstance(found, str) else found


def _values(text: str) -> Iterator[Any]:
    """Yield the objects and arrays that stand in the text, outermost ones only."""
    effort = _EFFORT * len(text) + _DEEP
    position = 0
    while opening := _OPENING.search(text, position):
        begin = opening.start()
        try:
            value, end = _DECODER.raw_decode(text, begin)
        except json.JSONDecodeError as error:
            effort -= error.pos - begin + error.pos // _COUNTED
            end = begin + 1
        except (RecursionError, ValueError):  # nested too deeply; a number of too many digits
            effort -= _DEEP
            end = begin + 1
        else:
            effort -= end - begin
            yield value
        if effort < 0:
            return
        position = end


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if isinstance(value, dict):
            value = value.get(name, _MISSING)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return _MISSING
    return value


def json_field(path: str) -> Extractor:
    """Return an extractor of a field of the last JSON value that has it.

    The JSON may be the whole text, fenced, or in the middle of prose. A field that holds an object
    or an array is given as JSON with sorted keys, so that equal ones are equal answers.

    >>> json_field("verdict.score")('So: {"verdict": {"score": 3}}. Anything else?')
    3

    Args:
        path: Names of fields, and places in arrays, joined by points.
    """
    names = tuple(path.split("."))
    if not all(names):
        what = "the path holds an empty name"
        raise OptionError(what, hint="give names joined by points, as «a.b»")
    return Extractor(f"json_field {path}", partial(_json_field, names))
