"""Entailment: does one sentence follow from another, contradict it, or neither.

The task of natural language inference as SNLI has it (Bowman et al. 2015, arXiv:1508.05326). The
reference code of maieutic prompting (arXiv:2205.11822) asks a classifier trained on MNLI; here it
is a question to the model, and any function can stand in its place.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from promptkit.errors import OptionError
from promptkit.primitives.asking.arguments import sampled
from promptkit.primitives.asking.likelihood import WeighBy, weigh
from promptkit.primitives.asking.primitive import fill, primitive
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session

Relation = Literal["entails", "contradicts", "neutral"]

Judge = Callable[[Session, str, str], "Result[str] | str | Awaitable[Result[str] | str]"]
"""What tells the relation of a premise to a hypothesis: `entailment`, or any function, async or
not, of a session, a premise and a hypothesis."""

RELATIONS: Final[tuple[Relation, ...]] = ("entails", "contradicts", "neutral")

ENTAILMENT: Final = Prompt(
    "Premise: {premise}\nHypothesis: {hypothesis}\nSuppose that the premise is true. Does it then "
    "follow that the hypothesis is true (entails), that it is false (contradicts), or neither "
    "(neutral)? Reply with one word: entails, contradicts or neutral."
)
"""For chat models that follow instructions."""

_ASKED: Final = "\nEntails, contradicts or neutral?"

ENTAILMENT_COMPLETED: Final = Prompt(
    "Premise: {premise:trusted}\nHypothesis: {hypothesis:trusted}" + _ASKED,
    examples=(
        (
            f"Premise: Ivo is running in the park.\nHypothesis: Ivo is outside.{_ASKED}",
            "entails",
        ),
        (
            f"Premise: The shop is closed today.\nHypothesis: The shop is open.{_ASKED}",
            "contradicts",
        ),
        (f"Premise: Bea has a cat.\nHypothesis: Bea likes music.{_ASKED}", "neutral"),
        (
            f"Premise: Stone is heavier than water.\nHypothesis: A pebble sinks.{_ASKED}",
            "entails",
        ),
        (f"Premise: It rained all night.\nHypothesis: The bus is late.{_ASKED}", "neutral"),
        (
            f"Premise: Nobody was at home.\nHypothesis: Jo opened the door.{_ASKED}",
            "contradicts",
        ),
    ),
)
"""For `api="completions"`, with `lead=" "`. The slots are trusted because tags would break the
pattern; what is read off is one of three words."""


@primitive
async def entailment(
    session: Session,
    /,
    premise: str,
    hypothesis: str,
    *,
    prompt: Prompt = ENTAILMENT,
    by: WeighBy = "auto",
    votes: int = 1,
    lead: str = "",
    **options: Any,
) -> Result[str]:
    """Tell whether a premise entails a hypothesis, contradicts it, or neither.

    One call where the model reports log-probabilities, else `votes` calls.

    >>> import promptkit as pk
    >>> session = pk.connect(transport=pk.testing.Scripted("contradicts"), model="scripted")
    >>> pk.run(entailment(session, "The shop is closed.", "The shop is open.")).value
    'contradicts'

    Args:
        session: Who answers.
        premise: What is taken to be true.
        hypothesis: What may follow from it.
        prompt: What is asked; slots `premise` and `hypothesis`.
        by: Whether to use log-probabilities, votes, or what there is.
        votes: How many answers are drawn where votes decide.
        lead: What stands before each allowed answer; a space for the Completions API.
        options: As for `Session.ask`; for a single vote the temperature is 0 if
            nobody names another, for several it is 1.

    Returns:
        "entails", "contradicts" or "neutral"; None when the model named none of them. The
        confidence is its probability.
    """
    votes = sampled("votes", votes)
    filled = fill(prompt, premise=premise, hypothesis=hypothesis)
    likely = await weigh(session, filled, RELATIONS, by=by, votes=votes, lead=lead, **options)
    best = likely.best
    known: dict[str, Any] = {"basis": likely.basis, "samples": likely.samples}
    if best is None:
        return Result.unknown("the model named none of the relations", evidence=likely, **known)
    return Result(best, likely[best], likely, **known)


async def judged(judge: Judge, session: Session, premise: str, hypothesis: str) -> Relation:
    """Ask a judge; what it does not know, and an empty text, is neutral to everything.

    The labels of common classifiers (ENTAILMENT, CONTRADICTION, NEUTRAL) are understood.

    Raises:
        OptionError: When the judge returns none of the relations.
    """
    if not premise or not hypothesis:
        return "neutral"
    told = judge(session, premise, hypothesis)
    if inspect.isawaitable(told):
        told = await told
    label = told.value if isinstance(told, Result) else told
    if label is None:
        return "neutral"
    for relation, stem in zip(RELATIONS, ("entail", "contradict", "neutral"), strict=True):
        if str(label).casefold().startswith(stem):
            return relation
    what = "another word" if isinstance(label, str) else f"a {type(label).__name__}"
    msg = f"a judge that returns {what}"
    raise OptionError(msg, hint=f"return one of {', '.join(RELATIONS)}")
