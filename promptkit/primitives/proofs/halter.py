"""The halter: does what was inferred answer the question, and if so how?

Two stages, after Creswell and Shanahan 2022 (arXiv:2208.14271): the model is asked whether it knows
the answer by now; if it does, it picks one of the choices, and sees only the question and the last
inference. Where no step halts, the answer is unknown.

A small model says yes to everything: of 48 statements, 16 of which answered a question, the
embedded one found «yes» from 47 to 71 % likely, whichever it was. Two other things tell. How
likely the question is after the statement: a geometric mean of 0.35 a word or more after one that
answers it in its own words, 0.17 or less after others. And how likely one of the choices is as the
answer, before the model is held to them: 15 % or more after 28 of 30 inferences that answered a
question, 10 % or less after 42 of 42 statements that did not. Where the prompts are made for it,
the former decides, and for an inference, whose words may not be the question's, the latter too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from promptkit.primitives.asking.distribution import Distribution
from promptkit.primitives.asking.likelihood import weigh
from promptkit.primitives.asking.primitive import Asked
from promptkit.primitives.asking.text_likelihood import text_likelihoods
from promptkit.primitives.proofs.prompts import SelectionPrompts, about
from promptkit.primitives.proofs.proof import Statement
from promptkit.prompt import Prompt
from promptkit.result import Basis
from promptkit.session import Session


@dataclass(frozen=True, slots=True)
class Halt:
    """An answer that was read off an inference.

    Attributes:
        value: The answer; None where the reply was none of the choices.
        knows: How likely the model found it that it knows the answer.
        share: How likely the answer is among the choices; None for a free answer, and where one
            answer was drawn and no log-probabilities came.
    """

    value: str | None
    knows: float
    share: float | None
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Halting:
    """How the halter decides.

    Attributes:
        votes: How many answers are drawn where no log-probabilities come.
        halt_at: The probability of «yes», or of any of the choices, from which the answer is
            known.
    """

    question: Asked
    choices: tuple[str, ...] | None
    prompts: SelectionPrompts
    votes: int = 1
    halt_at: float = 0.5


async def halt(
    session: Session, last: Statement, inferred: Sequence[str], how: Halting
) -> Halt | None:
    """Read the answer off the last statement; None where the model does not know it yet.

    It takes at most 2 calls where log-probabilities come, else twice `votes`; one more where
    prompts let it go by the likelihood of the question or of the answer.

    Args:
        session: Who answers.
        last: What was inferred last.
        inferred: All that was inferred so far, without `last`.
        how: The question and the rest.
    """
    prompts = how.prompts
    knows, enough, basis = await _knows(session, last, inferred, how)
    is_known = knows >= enough
    if how.choices is None:
        return await _answered(session, last, how, knows, basis) if is_known else None
    by_answer = prompts.by_answer and not last.is_given
    if not is_known and not by_answer:
        return None
    shares = await _shares(session, last, how, how.choices)
    if is_known:
        return _halt(shares, knows)
    if shares.basis != "logprobs" or shares.best is None or shares.mass < how.halt_at:
        return None
    # The shares follow an answer only until it can be but one of the choices: «on the red team»
    # begins like «on foot».
    asked = _answer_prompt(last, how, how.choices)
    whole = await text_likelihoods(session, asked, [shares.best], lead=prompts.lead)
    likely = shares.mass if whole is None else math.exp(whole[0])
    return _halt(shares, likely) if likely >= how.halt_at else None


async def _answered(
    session: Session, last: Statement, how: Halting, knows: float, basis: Basis
) -> Halt:
    prompts = how.prompts
    asked = prompts.filled(prompts.answer, how.question, inference=last.text, choices="")
    response = await session.ask(asked, **prompts.asking(session))
    return Halt(first_line(response.text), knows, None, basis)


def _halt(shares: Distribution, knows: float) -> Halt:
    # One answer drawn says nothing of how often it would be drawn.
    is_one = shares.basis == "votes" and shares.samples == 1
    share = None if shares.best is None or is_one else shares[shares.best]
    return Halt(shares.best, knows, share, shares.basis)


async def _knows(
    session: Session, last: Statement, inferred: Sequence[str], how: Halting
) -> tuple[float, float, Basis]:
    """How likely the answer is known, from where on that is enough, and what it stands on."""
    prompts = how.prompts
    likely = await question_likelihood(session, how.question, last, prompts)
    if likely is not None:
        return math.exp(likely), prompts.question_at, "logprobs"
    asked = prompts.filled(
        prompts.halt,
        how.question,
        inference=last.text,
        inferences="\n".join([*inferred, last.text]),
    )
    knows = await weigh(session, asked, ("yes", "no"), **_weighing(session, how, ("yes", "no")))
    likely = 0.0 if knows.best is None else knows["yes"]
    return likely, max(how.halt_at, 0.5) if prompts.by_answer else how.halt_at, knows.basis


async def question_likelihood(
    session: Session, question: Asked, last: Statement, prompts: SelectionPrompts
) -> float | None:
    """Return the mean log-likelihood a word of the question after a statement.

    None where the prompts have no place for it, or the backend reports none.
    """
    words = about(question)[0].split()
    if prompts.question_of is None or not words:
        return None
    asked = prompts.filled(prompts.question_of, "", inference=last.text)
    found = await text_likelihoods(session, asked, [" ".join(words)], lead=prompts.lead)
    return None if found is None else found[0] / len(words)


async def _shares(
    session: Session, last: Statement, how: Halting, choices: tuple[str, ...]
) -> Distribution:
    """How likely each choice is, from the question and the last inference."""
    asked = _answer_prompt(last, how, choices)
    return await weigh(session, asked, choices, **_weighing(session, how, choices))


def _answer_prompt(last: Statement, how: Halting, choices: tuple[str, ...]) -> Prompt:
    listed = f"Choose from: {', '.join(choices)}."
    answer = how.prompts.answer
    return how.prompts.filled(answer, how.question, inference=last.text, choices=listed)


def _weighing(session: Session, how: Halting, options: Sequence[str]) -> dict[str, Any]:
    # One answer is the likeliest one; several must differ, or they are one answer counted twice.
    steady = session.defaults.options.temperature or 0.0
    temperature = steady if how.votes == 1 else max(steady, 1.0)
    asking = how.prompts.asking(session, options)
    return {
        "votes": how.votes,
        "temperature": temperature,
        "lead": how.prompts.lead,
        **asking,
    }


def first_line(text: str) -> str | None:
    r"""Return the first line that says something; None without one.

    >>> first_line("\n Gert fears cats. \n\nThat is so because")
    'Gert fears cats.'
    """
    return next((line.strip() for line in text.splitlines() if line.strip()), None)
