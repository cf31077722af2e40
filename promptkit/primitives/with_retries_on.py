"""Retries on a verdict: draw anew until an answer passes, within a bound.

The verdict must come from outside the answer: a check, a test, another model. Where a model judges
its own answers, drawing until it is content raises its confidence more than its accuracy.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from promptkit.explanation import Explains, Section, Table
from promptkit.primitives.asking.arguments import finite, sampled, takes
from promptkit.primitives.asking.primitive import Asked, primitive
from promptkit.primitives.asking.sampling import TEMPERATURE, Candidate, Solver, solve, told
from promptkit.primitives.chain_of_thought import chain_of_thought
from promptkit.primitives.checks import verdict_of
from promptkit.result import Result, Verdict
from promptkit.session import Session

Judge = Callable[[Session, Asked, Candidate], Awaitable[Verdict | bool] | Verdict | bool]
"""What judges an answer: `verify`, `partial` of it, or a function of yours."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One answer and the verdict on it; there is none on an abstention."""

    text: Candidate
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Draws:
    """All answers that were drawn, in their order.

    Attributes:
        draws: The last one passed, or none did.
        evidence: What led to the last answer.
    """

    draws: tuple[Draw, ...]
    evidence: Any = None

    def sections(self) -> Iterable[Section]:
        """Yield what led to the answer, then each draw with the verdict on it."""
        if isinstance(self.evidence, Explains):
            yield from self.evidence.sections()
        rows = tuple(
            (str(place), _shown(draw.text), str(draw.verdict or "no answer found"))
            for place, draw in enumerate(self.draws)
        )
        yield Table("Draws", ("draw", "answer", "verdict"), rows)


def _shown(text: Candidate) -> str:
    return str(text if text.value is None else text.value)


@dataclass(frozen=True, slots=True)
class Retries:
    """A solver whose answers are drawn anew until one passes; itself a solver."""

    verdict: Judge
    of: Solver
    n: int
    temperature: float

    def __call__(self, session: Session, question: Asked, /) -> Awaitable[Result[Any]]:
        """Draw and judge."""
        return _with_retries(session, question, self)

    @property
    def __name__(self) -> str:
        """What it is, in traces."""
        return "with_retries"


def with_retries_on(
    verdict: Judge,
    *,
    of: Solver = chain_of_thought,
    n: int = 3,
    temperature: float = TEMPERATURE,
) -> Retries:
    """Return a solver that draws answers until one passes, `n` at most, one after the other.

    What is unsure has not passed, and an abstention is drawn anew without a judgement. An answer
    that comes again gets the verdict it had: nobody asks until the judge gives in.

    >>> import promptkit as pk
    >>> from promptkit.primitives import answers, chain_of_thought, partial, with_retries_on
    >>> def is_even(session, question, answer):
    ...     return answer.value % 2 == 0
    >>> solve = with_retries_on(is_even, of=partial(chain_of_thought, extract=answers.number))
    >>> model = pk.testing.Scripted(lambda request: str(7 + request.sample))
    >>> result = pk.run(solve(pk.connect(transport=model, model="scripted"), "An even number?"))
    >>> result.value, result.samples
    (8, 2)

    Args:
        verdict: An async or plain function of (session, question, answer) that returns a Verdict
            or a bool. The answer is a `Candidate`: the whole text, whose `.value` was read from it.
        of: The solver; draw i is handed `session.draw(i)`.
        n: The most draws.
        temperature: Of the draws, unless the session sets another.

    Returns:
        A solver. Its Result is the first that passed, with `Draws` as evidence; where none did, it
        is unknown. Its samples are those of all draws.

    Raises:
        OptionError: For what is no function, or a number of draws that is none or not from 1 to
            4096.
    """
    takes("verdict", verdict, "session", "question", "answer")
    takes("of", of, "session", "question")
    return Retries(verdict, of, sampled("n", n), finite("temperature", temperature, least=0))


@primitive
async def _with_retries(session: Session, question: Asked, how: Retries) -> Result[Any]:
    drawing = session
    if session.defaults.options.temperature is None:
        drawing = session.using(temperature=how.temperature)
    draws: list[Draw] = []
    for number in range(how.n):
        here = drawing.step(f"draw {number}").draw(number)
        result = await solve(here, question, how.of)
        text = Candidate(told(result), result.value, evidence=result.evidence)
        if result.is_unknown:
            draws.append(Draw(text, None))
            continue
        said = (text, text.value)
        known = (draw.verdict for draw in draws if (draw.text, draw.text.value) == said)
        verdict = next(known, None)
        if verdict is None:
            verdict = await _judge(session, question, text, how.verdict, number)
        draws.append(Draw(text, verdict))
        if verdict:
            return replace(result, evidence=Draws((*draws,), result.evidence), samples=len(draws))
    last = next((draw.verdict for draw in reversed(draws) if draw.verdict is not None), None)
    why = f"none of {how.n} draws passed; the last verdict: {last}"
    reason = f"no answer found in {how.n} draws" if last is None else why
    return Result.unknown(reason, evidence=Draws((*draws,)), samples=len(draws))


async def _judge(
    session: Session, question: Asked, text: Candidate, judge: Judge, number: int
) -> Verdict:
    said = judge(session.step(f"verdict {number}"), question, text)
    return verdict_of(await said if inspect.isawaitable(said) else said, judge)
