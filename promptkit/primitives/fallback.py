"""Fallback: ask one solver after another until one of them answers."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from promptkit.errors import CallError, OptionError, UnfitAnswerError
from promptkit.explanation import Explains, Section, Table
from promptkit.primitives.asking.primitive import Asked, primitive
from promptkit.primitives.asking.sampling import Solver, solve
from promptkit.question import name_of
from promptkit.result import Result
from promptkit.session import Session


@dataclass(frozen=True, slots=True)
class Attempt:
    """One solver that was asked: whether it answered, abstained or failed, and what it said."""

    solver: str
    outcome: Literal["answered", "abstained", "failed"]
    said: str


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """Who was asked, and who answered.

    Attributes:
        attempts: The solvers asked, in their order.
        evidence: That of the one that answered.
    """

    attempts: tuple[Attempt, ...]
    evidence: Any = None

    @property
    def answered(self) -> str | None:
        """The name of the solver that answered; None when none did."""
        last = self.attempts[-1]
        return last.solver if last.outcome == "answered" else None

    def sections(self) -> Iterable[Section]:
        """Yield what led to the answer, then who was asked."""
        if isinstance(self.evidence, Explains):
            yield from self.evidence.sections()
        rows = tuple((each.solver, each.outcome, each.said) for each in self.attempts)
        yield Table("Who was asked", ("solver", "outcome", "said"), rows)


@dataclass(frozen=True, slots=True)
class Fallback:
    """Solvers in the order in which they are asked; itself a solver."""

    solvers: tuple[Solver, ...]

    def __call__(self, session: Session, question: Asked, /) -> Awaitable[Result[Any]]:
        """Ask them."""
        return _fallback(session, question, self.solvers)

    @property
    def __name__(self) -> str:
        """What it is, in traces."""
        return "fallback"


def fallback(*solvers: Solver) -> Fallback:
    r"""Return a solver that asks these in turn and takes the first answer.

    It goes on where one abstains, where its call fails (`CallError`: refused, unreachable, too
    late) and where its answer does not fit its constraint. Any other error ends it: a spent
    budget, a wrong option. Each solver is asked once.

    >>> import promptkit as pk
    >>> from promptkit.primitives import answers, chain_of_thought, fallback, partial
    >>> model = pk.testing.Scripted("Seven, I think.\nAnswer: Seven")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> solve = fallback(partial(chain_of_thought, extract=answers.number), chain_of_thought)
    >>> result = pk.run(solve(session, "3 + 4?"))
    >>> result.value, [(each.solver, each.outcome) for each in result.evidence.attempts]
    ('Seven', [('chain_of_thought', 'abstained'), ('chain_of_thought', 'answered')])

    Args:
        solvers: Primitives, or `partial` of them: async (session, question) -> Result.

    Returns:
        A solver. Its Result is that of the first which answered, with `Fallbacks` as evidence; its
        samples are how many solvers gave a result. When nobody answers it is unknown; when every
        solver's call failed, the last error is raised.
    """
    if not solvers or not all(map(callable, solvers)):
        hint = "give one or more primitives, or `partial` of them"
        raise OptionError(f"fallback of {len(solvers)} solvers", hint=hint)
    return Fallback(solvers)


@primitive
async def _fallback(session: Session, question: Asked, solvers: tuple[Solver, ...]) -> Result[Any]:
    attempts: list[Attempt] = []
    drawn = 0
    for place, solver in enumerate(solvers):
        name = name_of(solver)
        try:
            result = await solve(session.step(f"solver {place}"), question, solver)
        except (CallError, UnfitAnswerError) as error:
            attempts.append(Attempt(name, "failed", f"{type(error).__name__}: {error}"))
            if all(each.outcome == "failed" for each in attempts) and place == len(solvers) - 1:
                raise
            continue
        drawn += 1
        if result.is_unknown:
            attempts.append(Attempt(name, "abstained", result.reason))
            continue
        attempts.append(Attempt(name, "answered", str(result)))
        return replace(result, evidence=Fallbacks((*attempts,), result.evidence), samples=drawn)
    said = "; ".join(f"{a.solver} {a.outcome}{f' ({a.said})' if a.said else ''}" for a in attempts)
    return Result.unknown(
        f"no solver answered: {said}", evidence=Fallbacks((*attempts,)), samples=drawn
    )
