"""Sub-questions: how a plan in words becomes typed questions in an order that can be followed."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from promptkit.primitives import answers
from promptkit.primitives.answers import Extractor
from promptkit.primitives.list_items import list_items

Kind = Literal["number", "yes/no", "choice", "list", "text"]
"""What the answer of a sub-question is."""

UNKNOWN: Final = "unknown"
"""What stands for an answer that was not found."""

_LINE: Final = re.compile(
    r"^[ \t*#>-]{0,8}Q?(\d{1,4})[.):]{1,2}(?=[\s*\[])[\t *]*+"
    r"(?:\[([^\]\n]{1,500})\])?[\t *]*+(\S.*)$",
    re.MULTILINE,
)
REFERENCE: Final = re.compile(r"#(\d{1,4})\b")
"""How a sub-question names the answer of another."""

REPEATED: Final = 500
"""Characters that one sub-question may repeat of answers it names more than once."""


@dataclass(frozen=True, slots=True)
class SubQuestion:
    """A part of a question.

    Attributes:
        number: Its name in references.
        text: What it asks, with references such as «#1».
        kind: The type of its answer.
        choices: What a choice is among.
        needs: The numbers of the answers it waits for.
        dropped: References that could not be kept: to no sub-question, to itself, or in a ring.
        answer: The answer; None when none was found or it has not been asked.
    """

    number: int
    text: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    needs: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    answer: Hashable | None = None

    @property
    def extract(self) -> Extractor:
        """How its answer is read."""
        match self.kind:
            case "number":
                return answers.number
            case "yes/no":
                return answers.yes_no
            case "choice":
                return answers.choice(self.choices)
            case "list":
                return Extractor("list", _items)
            case "text":
                return Extractor("text", _text)

    @property
    def said(self) -> str:
        """Its answer as it stands in other questions: in one line."""
        if self.answer is None:
            return UNKNOWN
        items = self.answer if isinstance(self.answer, tuple) else (self.answer,)
        return " ".join(", ".join(map(str, items)).split())


def read_plan(plan: str) -> tuple[SubQuestion, ...]:
    r"""Read numbered sub-questions off a text; what is not numbered is passed over.

    >>> [(s.kind, s.text) for s in read_plan("Sure!\n1. [yes/no] Is it red?\n2) Why?")]
    [('yes/no', 'Is it red?'), ('text', 'Why?')]
    """
    parts: dict[int, SubQuestion] = {}
    for number, kind, text in _LINE.findall(plan):
        if int(number) not in parts:
            parts[int(number)] = SubQuestion(int(number), text.strip(), *_kind_of(kind))
    return tuple(parts.values())


def _kind_of(written: str) -> tuple[Kind, tuple[str, ...]]:
    """Read the type in brackets; a choice with fewer than two choices is a text."""
    name, _, rest = written.partition(":")
    name = re.sub(r"[\s_-]+", " ", name).strip().casefold()
    if name == "choice":
        choices = {c.strip().casefold(): c.strip() for c in re.split(r"[|,;]", rest) if c.strip()}
        return ("choice", tuple(choices.values())) if len(choices) > 1 else ("text", ())
    kinds: dict[str, Kind] = {
        "number": "number",
        "integer": "number",
        "yes/no": "yes/no",
        "yes no": "yes/no",
        "boolean": "yes/no",
        "list": "list",
    }
    return kinds.get(name, "text"), ()


def ordered(parts: Sequence[SubQuestion]) -> tuple[SubQuestion, ...]:
    """Order sub-questions so that each stands behind those it needs.

    References to none, or to itself, are dropped. In a ring of references, the one written first
    loses those that are still open.

    >>> ring = [SubQuestion(1, "Is #2 red?"), SubQuestion(2, "Is #1 or #7 red?")]
    >>> [(part.number, part.needs, part.dropped) for part in ordered(ring)]
    [(1, (), (2,)), (2, (1,), (7,))]
    """
    known = {part.number for part in parts}
    waiting = []
    for part in parts:
        named = dict.fromkeys(int(number) for number in REFERENCE.findall(part.text))
        needs = tuple(number for number in named if number in known and number != part.number)
        dropped = tuple(number for number in named if number not in needs)
        waiting.append(replace(part, needs=needs, dropped=dropped))
    done: list[SubQuestion] = []
    numbers: set[int] = set()
    while waiting:
        ready = [part for part in waiting if numbers.issuperset(part.needs)]
        if not ready:
            first = waiting[0]
            open_ones = tuple(number for number in first.needs if number not in numbers)
            kept = tuple(number for number in first.needs if number in numbers)
            ready = [first := replace(first, needs=kept, dropped=(*first.dropped, *open_ones))]
        done += ready
        numbers |= {part.number for part in ready}
        waiting = [part for part in waiting if part.number not in numbers]
    return tuple(done)


def filled(part: SubQuestion, answered: Mapping[int, SubQuestion]) -> str:
    """Return the text of a sub-question with the answers that it names in place of their numbers.

    Answers that it names again are repeated as long as that adds no more than `REPEATED`
    characters. Otherwise each stands once, with its number, and the number stands for it from
    there on: no plan can make a prompt longer than itself and all answers together.

    >>> first = SubQuestion(1, "How long?", answer="4 m")
    >>> filled(SubQuestion(2, "How much is #1 + #1?", needs=(1,)), {1: first})
    'How much is 4 m + 4 m?'
    >>> long = SubQuestion(1, "Who?", answer="Ada " * 200 + "King")
    >>> filled(SubQuestion(2, "#1 or not #1?", needs=(1,)), {1: long})[-20:]
    'King (#1) or not #1?'
    """
    said = {number: answered[number].said for number in part.needs}
    named = [int(number) for number in REFERENCE.findall(part.text)]
    every = sum(len(said[number]) for number in named if number in said)
    is_short = every - sum(map(len, said.values())) <= REPEATED
    told: set[int] = set()

    def put(reference: re.Match[str]) -> str:
        number = int(reference.group(1))
        if number not in said or (number in told and not is_short):
            return reference.group()
        told.add(number)
        return said[number] if is_short else f"{said[number]} ({reference.group()})"

    return REFERENCE.sub(put, part.text)


def listed(parts: Sequence[SubQuestion]) -> str:
    r"""Show sub-questions with their answers, by their numbers.

    >>> listed([SubQuestion(2, "Why?"), SubQuestion(1, "Who?", answer="Ada")])
    '#1 Who? Ada\n#2 Why? unknown'
    """
    in_order = sorted(parts, key=lambda part: part.number)
    return "\n".join(f"#{part.number} {part.text} {part.said}" for part in in_order)


def _text(text: str) -> str | None:
    """The answer as it is written, in one line."""
    return " ".join(text.split()) or None


def _items(text: str) -> tuple[str, ...] | None:
    """The lines of a list without their marks; a single line is split at its commas."""
    lines = [line for line in text.splitlines() if line.strip()]
    pieces = re.split(r"[,;、]", lines[0]) if len(lines) == 1 else lines
    return tuple(list_items("\n".join(pieces))) or None
