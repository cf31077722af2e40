"""The halter: does what was inferred answer the question, and if so how?

Two stages, after Creswell and Shanahan 2022 (arXiv:2208.14271): the model is asked whether it knows
the answer by now; if it does, it picks one of the choices, and sees only the question and the last
inference. Where no step halts, the answer is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from promptkit.primitives.likelihood import weigh
from promptkit.primitives.primitive import Asked
from promptkit.primitives.proof import Statement
from promptkit.primitives.selection_prompts import SelectionPrompts
from promptkit.result import Basis
from promptkit.session import Session


@dataclass(frozen=True, slots=True)
class Halt:
    """An answer that was read off an inference.

    Attributes:
        value: The answer; None where the reply was none of the choices.
        knows: How likely the model found it that it knows the answer.
        share: How likely the answer is among the choices; None for a free answer.
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
        halt_at: The probability of «yes» from which the answer is known.
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

    It takes at most 2 calls where log-probabilities come, else twice `votes`.

    Args:
        session: Who answers.
        last: What was inferred last.
        inferred: All that was inferred so far, without `last`.
        how: The question and the rest.
    """
    prompts = how.prompts
    asked = prompts.filled(
        prompts.halt,
        how.question,
        inference=last.text,
        inferences="\n".join([*inferred, last.text]),
    )
    knows = await weigh(session, asked, ("yes", "no"), **_weighing(session, how, ("yes", "no")))
    if knows.best is None or knows["yes"] < how.halt_at:
        return None
    return await _conclude(session, last, how, knows["yes"], knows.basis)


async def _conclude(
    session: Session, last: Statement, how: Halting, knows: float, basis: Basis
) -> Halt:
    prompts, choices = how.prompts, how.choices
    listed = f"Choose from: {', '.join(choices)}." if choices else ""
    asked = prompts.filled(prompts.answer, how.question, inference=last.text, choices=listed)
    if choices is None:
        response = await session.ask(asked, **prompts.asking(session))
        return Halt(first_line(response.text), knows, None, basis)
    shares = await weigh(session, asked, choices, **_weighing(session, how, choices))
    share = None if shares.best is None else shares[shares.best]
    return Halt(shares.best, knows, share, shares.basis)


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
