"""Follow-up questions: how they are read off what a model wrote, and kept with their answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from promptkit.explanation import Paragraph, Section, Table

FOLLOW_UP: Final = re.compile(
    r"^[ \t*_>#-]*follow[ -]?up(?: question)? ?\d*[*_ ]*[:\uff1a][*_\s]*(.*\S)",
    re.IGNORECASE | re.MULTILINE,
)
INTERMEDIATE: Final = re.compile(
    r"^[ \t*_>#-]*intermediate answer ?\d*[*_ ]*[:\uff1a][*_\s]*(.*\S)",
    re.IGNORECASE | re.MULTILINE,
)
FINAL: Final = re.compile(r"(?:so\s+)?the\s+final\s+answer\s+is\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A follow-up question with its answer, and whether a search gave it or the model did."""

    question: str
    answer: str
    is_searched: bool = False


@dataclass(frozen=True, slots=True)
class FollowUps:
    """What was asked on the way, and the text that the answer was read from."""

    asked: tuple[FollowUp, ...]
    text: str

    def sections(self) -> Iterator[Section]:
        """Yield the follow-ups and the last text."""
        if self.asked:
            rows = tuple(
                (each.question, each.answer, "search" if each.is_searched else "model")
                for each in self.asked
            )
            yield Table("Follow-up questions", ("question", "answer", "by"), rows)
        yield Paragraph(self.text)

    def __str__(self) -> str:
        """Show the whole in the paper's form."""
        lines = [f"Follow up: {f.question}\nIntermediate answer: {f.answer}" for f in self.asked]
        return "\n".join([*lines, self.text])


@dataclass(frozen=True, slots=True)
class Turn:
    """What the model wrote in one turn: answered follow-ups, then an open one or none."""

    text: str
    answered: tuple[FollowUp, ...] = ()
    followup: str | None = None


def read_turn(text: str, *, keep_answers: bool) -> Turn:
    r"""Read the follow-ups off a turn.

    >>> read_turn("Follow up: Who?\nIntermediate answer: Ada.", keep_answers=False).followup
    'Who?'
    >>> read_turn("Follow up: Who?\nIntermediate answer: Ada.", keep_answers=True).answered
    (FollowUp(question='Who?', answer='Ada.', is_searched=False),)

    Args:
        text: What the model wrote.
        keep_answers: Whether the answers that it wrote itself count; otherwise its first
            follow-up is open, and what stands behind it is dropped.
    """
    opened = list(FOLLOW_UP.finditer(text))
    end = FINAL.search(text)
    if end is not None and (keep_answers or not opened or end.start() < opened[0].start()):
        opened = [each for each in opened if each.start() < end.start()]
        return Turn(text, _pairs(text, opened))
    if not opened:
        return Turn(text)
    if not keep_answers:
        return Turn(text[: opened[0].end()], (), opened[0].group(1))
    last = opened[-1]
    if INTERMEDIATE.search(text, last.end()):
        return Turn(text, _pairs(text, opened))
    return Turn(text[: last.end()], _pairs(text, opened[:-1]), last.group(1))


def _pairs(text: str, opened: Sequence[re.Match[str]]) -> tuple[FollowUp, ...]:
    """The follow-ups that the model answered itself, each before the next one begins."""
    pairs = []
    ends = [each.start() for each in opened[1:]] + [len(text)]
    for each, end in zip(opened, ends, strict=False):
        answer = INTERMEDIATE.search(text, each.end(), end)
        if answer is not None:
            pairs.append(FollowUp(each.group(1), answer.group(1)))
    return tuple(pairs)
