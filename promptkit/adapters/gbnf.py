"""Writing a choice or a regular expression in the forms that backends obey.

llama.cpp obeys GBNF grammars; OpenAI and vLLM regular expressions without Python's own features.

The regular expression is read by Python's own parser, so what is understood here is what
`re.fullmatch` will check afterwards. What a context-free grammar cannot say (look-around,
back-references) gives None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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
_BEGINNINGS: Final = (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING)
_ENDS: Final = (sre.AT_END, sre.AT_END_STRING)


class _InexpressibleError(Exception):
    """The pattern says something that a grammar cannot."""


@dataclass(frozen=True, slots=True)
class _Notation:
    """How the pieces of a pattern are written down.

    Attributes:
        literal: Writes letters one after another.
        special: The characters that are escaped in a class.
        numbered: Those that a class takes by their number only.
        between: What stands between pieces.
        opening: What opens a group; `)` closes it.
        bar: What stands between alternatives.
        empty: The empty text.
    """

    literal: Callable[[str], str]
    special: str
    numbered: str
    between: str
    opening: str
    bar: str
    empty: str


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
    written = _Writer(_GBNF).pattern(pattern)
    return None if written is None else f"root ::= {written}"


def plain_regex(pattern: str) -> str | None:
    r"""Write a regular expression as Rust, vLLM and OpenAI read it; None when they cannot.

    Anchors and names of groups fall away: these match whole texts and capture nothing. Classes
    such as `\d` become those of ASCII, which `re` allows too.

    >>> plain_regex(r"^(?P<year>\d{4})-(0[1-9]|1[0-2])$")
    '([0-9]{4})\\-((0[1-9]|1[0-2]))'
    """
    return _Writer(_PLAIN).pattern(pattern)


def _quoted(text: str) -> str:
    """Write a text as a GBNF literal."""
    return '"' + "".join(_escaped(ord(char), '"\\') for char in text) + '"'


def _bare(text: str) -> str:
    """Write a text as a regular expression."""
    return "".join(_escaped(ord(char), r"\.+*?()|[]{}^$#&-~/") for char in text)


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


_GBNF: Final = _Notation(_quoted, "\\[]", "-^", " ", "(", " | ", '""')
_PLAIN: Final = _Notation(_bare, "\\[]-^&~/", "", "", "(", "|", "")


class _Writer:
    """Writes what Python's parser understood of a pattern."""

    def __init__(self, notation: _Notation) -> None:
        self._as = notation

    def pattern(self, pattern: str) -> str | None:
        parsed = _parser.parse(pattern)
        if parsed.state.flags & (re.IGNORECASE | re.VERBOSE | re.MULTILINE):
            return None
        try:
            return self._sequence(parsed, begins=True, ends=True)
        except (_InexpressibleError, RecursionError):
            return None

    def _sequence(self, items: Any, *, begins: bool = False, ends: bool = False) -> str:
        """Write items one after another; neighbouring letters become one literal.

        Args:
            items: As parsed.
            begins: Whether nothing stands before them, so that an anchor may.
            ends: Whether nothing stands after them.
        """
        parts: list[str] = []
        letters = ""
        for place, (op, argument) in enumerate(items):
            if op is sre.LITERAL:
                letters += chr(argument)
                continue
            if letters:
                parts.append(self._as.literal(letters))
                letters = ""
            first, last = begins and place == 0, ends and place == len(items) - 1
            part = self._item(op, argument, begins=first, ends=last)
            if part:
                parts.append(part)
        if letters:
            parts.append(self._as.literal(letters))
        return self._as.between.join(parts) or self._as.empty

    def _item(self, op: Any, argument: Any, *, begins: bool, ends: bool) -> str:
        if op is sre.ANY:
            written = r"[^\n]"
        elif op is sre.AT and argument in (*(_BEGINNINGS * begins), *(_ENDS * ends)):
            written = ""
        elif op is sre.BRANCH or (op is sre.SUBPATTERN and not any(argument[1:3])):
            inside = argument[1] if op is sre.BRANCH else [argument[3]]
            branches = [self._sequence(items, begins=begins, ends=ends) for items in inside]
            written = f"{self._as.opening}{self._as.bar.join(branches)})"
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            written = self._repeat(argument)
        elif op is sre.IN:
            written = self._any_of(argument)
        elif op is sre.NOT_LITERAL:
            written = f"[^{self._member(sre.LITERAL, argument)}]"
        else:
            raise _InexpressibleError
        return written

    def _repeat(self, argument: Any) -> str:
        least, most, inner = argument
        item = self._sequence(inner)
        if len(inner) != 1 or inner[0][0] in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            item = f"{self._as.opening}{item})"
        if most == sre.MAXREPEAT:
            return item + {0: "*", 1: "+"}.get(least, f"{{{least},}}")
        if (least, most) == (0, 1):
            return item + "?"
        return item + (f"{{{least}}}" if least == most else f"{{{least},{most}}}")

    def _any_of(self, argument: Any) -> str:
        """Write a character class."""
        negated = bool(argument) and argument[0][0] is sre.NEGATE
        members = argument[1:] if negated else argument
        op, first = members[0]
        if len(members) == 1 and not negated and op is sre.CATEGORY and first in _NEGATED:
            return f"[{_NEGATED[first]}]"
        return f"[{'^' if negated else ''}{''.join(self._member(*member) for member in members)}]"

    def _member(self, op: Any, argument: Any) -> str:
        if op is sre.LITERAL:
            is_numbered = chr(argument) in self._as.numbered
            return f"\\x{argument:02X}" if is_numbered else _escaped(argument, self._as.special)
        if op is sre.RANGE:
            first, last = argument
            return f"{self._member(sre.LITERAL, first)}-{self._member(sre.LITERAL, last)}"
        if op is sre.CATEGORY and argument in _CLASSES:
            return _CLASSES[argument]
        raise _InexpressibleError
