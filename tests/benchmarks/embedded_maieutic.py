"""Maieutic prompting for the embedded model: the cheapest form that is still maieutic prompting.

The context stands before each statement that is believed or explained. One explanation of why the
statement is true and one of why it is false, one level deep; the paper has three of each, and two
levels. The relations are those the tree was grown by, so that no call judges them. That is at most
10 calls a statement, where the paper's form takes up to 418.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from promptkit.demo.techniques import Puzzle
from promptkit.primitives import gather, maieutic
from promptkit.primitives.beliefs.prompts import COMPLETED
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session

_DOES: Final = re.compile(
    r"(?:What|Which \w+|When|How) does (?P<who>\w+) (?P<verb>\w+)(?P<rest>.*)\?"
)
_IS: Final = re.compile(r"What is (?P<who>\w+) (?P<rest>.*)\?")


async def ask_choices_by_maieutic(session: Session, puzzle: Puzzle) -> Result[Any]:
    """Make a statement of each choice; the one that is believed most is the answer."""
    found = await gather(
        _judge(session, puzzle.context, *statement_of(puzzle.question, choice))
        for choice in puzzle.choices
    )
    beliefs = dict(zip(puzzle.choices, map(_belief, found), strict=True))
    evidence = tuple(result.evidence for result in found)
    best = max(beliefs.values())
    if list(beliefs.values()).count(best) > 1:
        return Result.unknown("two choices are believed as much", evidence=evidence)
    return Result(max(beliefs, key=beliefs.__getitem__), evidence=evidence)


async def ask_claim_by_maieutic(session: Session, puzzle: Puzzle) -> Result[Any]:
    """Judge the claim itself, «Max is sour.»: it is True or False."""
    claim = puzzle.question.partition("? ")[2]
    who, _, rest = claim.partition(" is ")
    opposite = f"{who} is {rest[4:]}" if rest.startswith("not ") else f"{who} is not {rest}"
    found = await _judge(session, puzzle.context, claim, opposite)
    return Result(None if found.value is None else str(found.value), evidence=found.evidence)


def statement_of(question: str, choice: str) -> tuple[str, str]:
    """Return a choice as a statement, and its negation.

    >>> statement_of("What does Hugo carry?", "a torch")
    ('Hugo carries a torch.', 'Hugo does not carry a torch.')
    >>> statement_of("What is Omar afraid of?", "owls")
    ('Omar is afraid of owls.', 'Omar is not afraid of owls.')
    """
    if asked := _IS.fullmatch(question):
        who, rest = asked["who"], asked["rest"]
        return f"{who} is {rest} {choice}.", f"{who} is not {rest} {choice}."
    asked = _DOES.fullmatch(question)
    if asked is None:
        msg = f"{question!r} has none of the forms of the demo's questions"
        raise ValueError(msg)
    who, verb, rest = asked["who"], asked["verb"], asked["rest"]
    verbs = f"{verb[:-1]}ies" if verb.endswith("ry") else f"{verb}s"
    return f"{who} {verbs}{rest} {choice}.", f"{who} does not {verb}{rest} {choice}."


async def _judge(
    session: Session, context: Iterable[str], statement: str, negation: str
) -> Result[bool]:
    def after(prompt: Prompt) -> Prompt:
        told = replace(prompt, user="{context:trusted}\n" + prompt.user)
        return told.fill(context=" ".join(context))

    prompts = replace(
        COMPLETED,
        explain_true=after(COMPLETED.explain_true),
        explain_false=after(COMPLETED.explain_false),
        believe=after(COMPLETED.believe),
    )
    return await maieutic(
        session,
        statement,
        negation=negation,
        width=1,
        depth=1,
        judge=None,
        prompts=prompts,
    )


def _belief(found: Result[bool]) -> float:
    """Return how far the statement is believed: 1 is surely, 0 surely not, one half unknown."""
    if found.value is None or found.confidence is None:
        return 0.5
    return found.confidence if found.value else 1 - found.confidence
