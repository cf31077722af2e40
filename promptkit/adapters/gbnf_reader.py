r"""Reading GBNF, the grammars of llama.cpp, and writing them as llguidance's Lark.

The two differ little: names, and how characters are written. A rule that does not recur becomes a
terminal of Lark, which is matched letter by letter as llama.cpp does it; rules that recur are cut
into words first, so that a repetition in them takes all it can get.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from promptkit.errors import OptionError

_TOKEN: Final = re.compile(
    r"""
    (?P<space> \s+ | \#[^\n]* )
  | (?P<begins> [A-Za-z0-9_-]+ \s* ::= )
  | (?P<name> [A-Za-z0-9_-]+ )
  | (?P<literal> " (?: \\. | [^"\\\n] )* " )
  | (?P<one_of> \[ (?: \\. | [^\]\\] )+ \] )
  | (?P<any> \. )
  | (?P<often> [*+?] | \{ \s* [0-9]+ \s* (?: , \s* [0-9]* \s* )? \} )
  | (?P<sign> [()|] )
    """,
    re.VERBOSE | re.DOTALL,
)
_CHARACTER: Final = re.compile(
    r"\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\(.)|(.)", re.DOTALL
)
_NAMED: Final = {"n": "\n", "r": "\r", "t": "\t"}
_TAKEN: Final = ("start",)
"""Names that Lark has for itself."""


class _Token(NamedTuple):
    kind: str
    text: str


def lark_of(grammar: str) -> str:
    r"""Write a GBNF grammar as Lark.

    >>> print(lark_of('root ::= "yes" | word\nword ::= [a-z]+').strip())
    %llguidance {}
    start: ROOT
    ROOT: "yes" | WORD
    WORD: /[a-z]/+

    Raises:
        OptionError: When it cannot be read.
    """
    rules = _rules(grammar)
    if "root" not in rules:
        raise _unreadable("it has no rule «root»")
    names = _names(rules)
    lines = [f"{name}:{''.join(_written(rules[old], names))}" for old, name in names.items()]
    return "\n".join(["%llguidance {}", f"start: {names['root']}", *lines]) + "\n"


def _rules(grammar: str) -> dict[str, list[_Token]]:
    rules: dict[str, list[_Token]] = {}
    current: list[_Token] | None = None
    place = 0
    while place < len(grammar):
        match = _TOKEN.match(grammar, place)
        if match is None:
            raise _unreadable(f"«{grammar[place : place + 20]}»")
        place = match.end()
        token = _Token(str(match.lastgroup), match[0])
        if token.kind == "begins":
            current = rules.setdefault(token.text.removesuffix("::=").strip(), [])
        elif token.kind != "space" and current is None:
            raise _unreadable(f"«{token.text}» before the first rule")
        elif token.kind != "space" and current is not None:
            current.append(token)
    for name, tokens in rules.items():
        for token in tokens:
            if token.kind == "name" and token.text not in rules:
                raise _unreadable(f"«{name}» refers to «{token.text}», which is no rule")
    return rules


def _names(rules: dict[str, list[_Token]]) -> dict[str, str]:
    """Return what each rule is called in Lark: capitals for terminals."""
    uses = {name: {t.text for t in tokens if t.kind == "name"} for name, tokens in rules.items()}
    terminals: set[str] = set()
    while True:  # a rule is one when all that it uses are
        more = {name for name in rules if name not in terminals and uses[name] <= terminals}
        if not more:
            break
        terminals |= more
    names: dict[str, str] = {}
    for rule in rules:
        plain = re.sub(r"[^a-z0-9]", "_", rule.lower()).lstrip("_") or "rule"
        plain = plain if plain[0].isalpha() else f"rule_{plain}"
        name = plain.upper() if rule in terminals else plain
        while name in names.values() or name in _TAKEN:
            name += "_"
        names[rule] = name
    return names


def _written(tokens: list[_Token], names: dict[str, str]) -> Iterator[str]:
    before = ""
    for kind, text in tokens:
        if kind == "often" and before == "often":
            raise _unreadable("a repetition of a repetition; put the inner one into brackets")
        if kind == "name":
            yield " " + names[text]
        elif kind == "literal":
            yield " " + json.dumps("".join(_characters(text[1:-1])), ensure_ascii=False)
        elif kind == "one_of":
            yield f" /{_class(text[1:-1])}/"
        elif kind == "any":
            yield " /(?s:.)/"
        elif kind == "often":
            yield re.sub(r"\s", "", text)
        else:
            yield f" {text}"
        before = kind


def _characters(text: str) -> Iterator[str]:
    for match in _CHARACTER.finditer(text):
        *numbers, escaped, plain = match.groups()
        number = next((n for n in numbers if n), None)
        try:
            yield chr(int(number, 16)) if number else _NAMED.get(escaped, escaped) or plain
        except (ValueError, OverflowError):
            raise _unreadable(f"the character {match[0]}") from None


def _class(text: str) -> str:
    negated = text.startswith("^")
    text = text[1:] if negated else text
    members: list[str] = []
    characters = list(_characters(text))
    escaped = [match[0].startswith("\\") for match in _CHARACTER.finditer(text)]
    place = 0
    while place < len(characters):
        is_range = place + 2 < len(characters) and characters[place + 1] == "-"
        if is_range and not escaped[place + 1]:
            members.append(f"{_member(characters[place])}-{_member(characters[place + 2])}")
            place += 3
        else:
            members.append(_member(characters[place]))
            place += 1
    return f"[{'^' if negated else ''}{''.join(members)}]"


def _member(character: str) -> str:
    is_plain = character.isascii() and character.isalnum()
    return character if is_plain else f"\\u{{{ord(character):X}}}"


def _unreadable(what: str) -> OptionError:
    hint = "it is read as GBNF, or as Lark after a first line «%llguidance {}»"
    return OptionError(f"the grammar cannot be read: {what}", hint=hint)
