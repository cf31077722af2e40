"""Writing a choice or a regular expression as a GBNF grammar, the form llama.cpp obeys.

The regular expression is read by Python's own parser, so what is understood here is what
`re.fullmatch` will check afterwards. What a context-free grammar cannot say (look-around,
back-references) gives None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

_CLASSES: Final = {
    sre.CATEGORY_DIGIT: "0-9",
    sre.CATEGORY_WORD: "a-zA-Z0-9_",
    sre.CATEGORY_SPACE: r" \t\n\r",
}
_NEGATED: Final = {
    sre.CATEGORY_NOT_DIGIT: "^0-9",
    sre.CATEGORY_NOT_WORD: "^a-zA-Z0-9_",
    sre.CATEGORY_NOT_SPACE: r"^ \t\n\r",
}
_ANCHORS: Final = (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING, sre.AT_END, sre.AT_END_STRING)


class _InexpressibleError(Exception):
    """The pattern says something that a grammar cannot."""


def choice_grammar(options: Iterable[str]) -> str:
    """Write a choice among texts.

    >>> choice_grammar(["yes", "no"])
    'root ::= "yes" | "no"'
    """
    return "root ::= " + " | ".join(_quoted(option) for option in options)


def regex_grammar(pattern: str) -> str | None:
    """Write a regular expression; None when a grammar cannot say it.

    >>> regex_grammar("[A-C]{2}-[0-9]+")
    'root ::= [A-C]{2} "-" [0-9]+'
    >>> regex_grammar("(?=a)b") is None
    True
    """
    parsed = _parser.parse(pattern)
    if parsed.state.flags & (re.IGNORECASE | re.VERBOSE):
        return None
    try:
        return f"root ::= {_sequence(parsed)}"
    except _InexpressibleError:
        return None


def _quoted(text: str) -> str:
    """Write a text as a GBNF literal."""
    return '"' + "".join(_escaped(ord(char), '"\\') for char in text) + '"'


def _escaped(code: int, special: str) -> str:
    char = chr(code)
    if char in special:
        return f"\\{char}"
    named = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(char)
    if named:
        return named
    if code < 0x20 or code == 0x7F:  # noqa: PLR2004 -- the ASCII control characters
        return f"\\x{code:02X}"
    return char


def _sequence(items: Any) -> str:
    """Write items one after another; neighbouring letters become one literal."""
    parts: list[str] = []
    letters = ""
    for op, argument in items:
        if op is sre.LITERAL:
            letters += chr(argument)
            continue
        if letters:
            parts.append(_quoted(letters))
            letters = ""
        part = _item(op, argument)
        if part:
            parts.append(part)
    if letters:
        parts.append(_quoted(letters))
    return " ".join(parts) or '""'


def _item(op: Any, argument: Any) -> str:
    writer = _WRITERS.get(op)
    if writer is None:
        raise _InexpressibleError
    return writer(argument)


def _repeat(argument: Any) -> str:
    least, most, inner = argument
    item = _sequence(inner)
    if len(inner) > 1:
        item = f"({item})"
    if most == sre.MAXREPEAT:
        return item + {0: "*", 1: "+"}.get(least, f"{{{least},}}")
    if (least, most) == (0, 1):
        return item + "?"
    return item + (f"{{{least}}}" if least == most else f"{{{least},{most}}}")


def _any_of(argument: Any) -> str:
    """Write a character class."""
    negated = bool(argument) and argument[0][0] is sre.NEGATE
    members = argument[1:] if negated else argument
    op, first = members[0]
    if len(members) == 1 and not negated and op is sre.CATEGORY and first in _NEGATED:
        return f"[{_NEGATED[first]}]"
    return f"[{'^' if negated else ''}{''.join(_member(*member) for member in members)}]"


def _member(op: Any, argument: Any) -> str:
    special = "\\]^-"
    if op is sre.LITERAL:
        # A hyphen has no escape inside a GBNF class but by its number.
        return r"\x2D" if chr(argument) == "-" else _escaped(argument, special)
    if op is sre.RANGE:
        first, last = argument
        return f"{_member(sre.LITERAL, first)}-{_member(sre.LITERAL, last)}"
    if op is sre.CATEGORY and argument in _CLASSES:
        return _CLASSES[argument]
    raise _InexpressibleError


def _branch(argument: Any) -> str:
    return "(" + " | ".join(_sequence(branch) for branch in argument[1]) + ")"


def _group(argument: Any) -> str:
    _, add_flags, del_flags, inner = argument
    if add_flags or del_flags:
        raise _InexpressibleError
    return f"({_sequence(inner)})"


def _anchor(argument: Any) -> str:
    if argument not in _ANCHORS:
        raise _InexpressibleError
    return ""


_WRITERS: Final[dict[Any, Callable[[Any], str]]] = {
    sre.ANY: lambda _: r"[^\n]",
    sre.AT: _anchor,
    sre.BRANCH: _branch,
    sre.IN: _any_of,
    sre.MAX_REPEAT: _repeat,
    sre.MIN_REPEAT: _repeat,
    sre.NOT_LITERAL: lambda code: f"[^{_member(sre.LITERAL, code)}]",
    sre.SUBPATTERN: _group,
}
