"""What a program may still do: steps are counted, and what is too long is refused beforehand.

So time and memory stay bounded also where the system does not bound them.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

MAX_BITS: Final = 10_000
"""The longest whole number: some 3,000 digits."""

MAX_LENGTH: Final = 100_000
"""The longest text or list."""

MAX_ANSWER: Final = 900_000
"""The longest answer, in characters of JSON."""

CHARACTERS: Final = 16
"""How many characters of a text cost as much as one element of a list."""

_MAX_DEPTH: Final = 50
_SPEC: Final = re.compile(r"[<>^=]?[-+ ]?0?\d{0,2},?(?:\.\d{1,2})?[defgsE%]?")
_DATE_SPEC: Final = re.compile(r"(?:[^%]|%[aAbBdHIjmMpSUwWyY%]){0,64}")

WALKED: Final = (list, tuple, dict, set, str, range)


class RefusedError(Exception):
    """The program does what the language does not have, or breaks a limit."""


class Budget:
    """Steps that are left."""

    def __init__(self, steps: int) -> None:
        """Begin with all of them."""
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Take some, or end the program."""
        self.left -= steps
        if self.left < 0:
            raise RefusedError("the program takes too many steps")

    def made(self, value: Any) -> Any:
        """Pay for a value that was just made, and refuse what is too long."""
        kind = type(value)
        if kind is int:
            bits = value.bit_length()
            if bits > MAX_BITS:
                raise RefusedError(f"a number of {bits} bits")
            if bits > 64:  # noqa: PLR2004 -- a machine word
                self.spend(bits >> 8)
        elif kind is complex:
            raise RefusedError("a complex number")
        elif kind is str:
            self.sized(len(value), share=CHARACTERS)
        elif kind in (list, tuple, dict, set):
            self.sized(len(value))
        return value

    def sized(self, length: int, share: int = 1) -> None:
        """Pay for something of a length, before it is made."""
        if length > MAX_LENGTH:
            raise RefusedError(f"something of length {length}")
        self.spend(1 + length // share)

    def walk(self, values: Any) -> Iterator[Any]:
        """Go through something, paying for each element."""
        if type(values) not in WALKED and not isinstance(values, Iterator):
            raise RefusedError(f"{type(values).__name__} cannot be gone through")
        for value in values:
            self.spend()
            yield value

    def listed(self, values: Any) -> list[Any]:
        """Return the elements of something as a list."""
        return self.made(list(itertools.islice(self.walk(values), MAX_LENGTH + 1)))  # type: ignore[no-any-return]

    def text(self, value: Any, depth: int = 0, *, inner: bool = False) -> str:
        """Return a value as text: `str` of it, but counted, for a list may hold itself."""
        if depth > _MAX_DEPTH:
            raise RefusedError("something nested too deeply")
        self.spend()
        kind = type(value)
        if kind in (list, tuple, set):
            parts = [self.text(each, depth + 1, inner=True) for each in self.walk(value)]
            if kind is tuple and len(parts) == 1:
                parts.append("")
            opening, closing = (
                ("[", "]") if kind is list else ("{", "}") if kind is set else ("(", ")")
            )
            return self.made(opening + ", ".join(parts).rstrip(" ") + closing)  # type: ignore[no-any-return]
        if kind is dict:
            pairs = [
                f"{self.text(k, depth + 1, inner=True)}: {self.text(v, depth + 1, inner=True)}"
                for k, v in value.items()
            ]
            return self.made("{" + ", ".join(pairs) + "}")  # type: ignore[no-any-return]
        if kind is str:
            return repr(value) if inner else value
        if kind in (int, float, bool, type(None), range, dt.date, dt.datetime, dt.timedelta):
            return self.made(str(value))  # type: ignore[no-any-return]
        raise RefusedError("a function has no text")

    def formatted(self, value: Any, spec: str) -> str:
        """Return a value as `format` has it; widths and places have two digits at most."""
        if isinstance(value, dt.date) and spec:
            return strftime(value, spec)
        if not _SPEC.fullmatch(spec):
            raise RefusedError(f"the format {spec!r}")
        plain = value if type(value) in (int, float, str, bool) else self.text(value)
        return self.made(format(plain, spec))  # type: ignore[no-any-return]


def strftime(date: dt.date, spec: str) -> str:
    """Return a date as text; some systems know widths of any size in a format, so it is checked."""
    if not _DATE_SPEC.fullmatch(spec):
        raise RefusedError(f"the date format {spec!r}")
    return date.strftime(spec)


def answer_of(value: Any, budget: Budget, depth: int = 0) -> Any:
    """Return an answer as JSON can say it."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        raise RefusedError(f"the answer is {value}")
    if kind in (int, float, bool, str):
        return value
    if kind in (dt.date, dt.datetime, dt.timedelta):
        return str(value)
    if kind is dict:
        value = [list(pair) for pair in value.items()]
    if kind in (list, tuple, set, dict, range) and depth < _MAX_DEPTH:
        parts = [answer_of(each, budget, depth + 1) for each in budget.walk(value)]
        return sorted(parts, key=str) if kind is set else parts
    if value is None:
        raise RefusedError("the program gives no answer")
    what = "an unknown" if kind.__name__ == "Linear" else f"of type {kind.__name__}"
    raise RefusedError(f"the answer is {what}")


def unless_too_long(value: Any) -> Any:
    """Return an answer as it is; refuse one that is too long to be told."""
    length = 0
    for part in json.JSONEncoder().iterencode(value):
        length += len(part)
        if length > MAX_ANSWER:
            raise RefusedError("the answer is too long")
    return value
