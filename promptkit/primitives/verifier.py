"""Verifiers: whatever says how likely an answer is right, brought to one form.

A verifier is an async function of a session, a question and a `Candidate`. It may be a primitive,
such as `verify`, or any function of yours: a call of another model, a search, a solver. It may
return a number, a bool, a `Verdict` or a `Result`. NaN and None mean that it cannot say, also as
the score of a Verdict or the confidence of a Result: such an answer is «unsure», ranks below every
answer with a score, and is never taken for a wrong one.

What can be checked without a model stands in `checks`, which come first: nobody pays a judge for
an answer that a check has refused. An answer that comes several times is judged once.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from promptkit.errors import OptionError
from promptkit.explanation import Bar, Bars, Section, Table
from promptkit.primitives.asking.arguments import share
from promptkit.primitives.asking.primitive import Asked, gather
from promptkit.primitives.asking.sampling import Candidate, sections_of
from promptkit.primitives.checks import Check, run_checks
from promptkit.result import Basis, Result, Verdict, basis_of
from promptkit.session import Session

Score = float | bool | Verdict | Result[Any] | None
"""What a verifier may return."""

Verifier = Callable[[Session, Asked, Candidate], Awaitable[Score] | Score]
"""What scores an answer; the higher, the better."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer and what was found about it.

    Attributes:
        text: The answer; it knows the value read from it.
        score: The verifier's; None where there is none.
        reason: Why there is none, or what the verifier said.
        is_refused: Whether a check, not a judge, refused it.
        basis: What the score stands on, where the verifier says so.
    """

    text: Candidate
    score: float | None
    reason: str = ""
    is_refused: bool = False
    basis: Basis = ""


@dataclass(frozen=True, slots=True)
class Scores:
    """All answers with their scores, in the order drawn.

    Attributes:
        judged: The answers.
        chosen: The value that was taken; None where none was.
        extractor: How values were read.
    """

    judged: tuple[Judged, ...]
    chosen: Hashable | None
    extractor: str

    @property
    def winner(self) -> Candidate | None:
        """The sample of the chosen value with the highest score; it knows what led to it."""
        of_it = [each for each in self.judged if self._is_chosen(each) and each.score is not None]
        return max(of_it, key=lambda each: each.score or 0.0).text if of_it else None

    def _is_chosen(self, each: Judged) -> bool:
        return self.chosen is not None and each.text.value == self.chosen

    @property
    def refused(self) -> int:
        """How many answers a check refused."""
        return sum(each.is_refused for each in self.judged)

    @property
    def unsure(self) -> int:
        """How many answers passed the checks and got no score."""
        without = [each for each in self.judged if each.score is None and not each.is_refused]
        return sum(each.text.value is not None for each in without)

    def why_none(self) -> str:
        """Say why no answer could be taken."""
        held = sum(each.text.value is not None for each in self.judged)
        if not held:
            return f"no answer found in {len(self.judged)} samples"
        if self.refused == held:
            return f"the checks refused all {held} answers"
        if self.unsure:
            return f"the verifier could not say of {self.unsure} answers"
        return f"the verifier gave 0 to all {held - self.refused} answers"

    def sections(self) -> Iterator[Section]:
        """Yield the scores as bars, why answers have none, and what led to the winning sample."""
        scored = [each for each in self.judged if each.score is not None]
        highest = max((each.score or 0.0 for each in scored), default=0.0)
        bars = tuple(
            Bar(
                _shown(each),
                max(each.score or 0.0, 0.0),
                f"{each.score:.3g}",
                "chosen" if self._is_chosen(each) else "plain",
            )
            for each in scored
        )
        yield Bars("Scores", bars, full=1.0 if highest <= 1 else None)
        rows = tuple((_shown(e), e.reason) for e in self.judged if e.score is None)
        if rows:
            yield Table("Without a score", ("answer", "why"), rows)
        yield from sections_of(self.winner)


def _shown(each: Judged) -> str:
    return str(each.text if each.text.value is None else each.text.value)


def score_of(result: Any) -> float | None:
    """Return what a verifier returned as one number; None when it cannot say.

    A Verdict counts by its score, else pass is 1 and fail is 0. A Result counts by its value if
    that is a number; where it says yes or no, by its confidence in a yes. Both are probabilities.

    >>> score_of(0.25), score_of(True), score_of(Verdict("fail")), score_of(float("nan"))
    (0.25, 1.0, 0.0, None)
    >>> score_of(Result(False, 0.75)), score_of(Result(True, float("nan")))
    (0.25, None)

    Raises:
        OptionError: When it is none of the things that a verifier may return, or a probability
            that is not from 0 to 1.
    """
    if isinstance(result, Verdict):
        if result.score is not None:
            return probability("a verdict's score", result.score)
        return {"pass": 1.0, "fail": 0.0, "unsure": None}[result.outcome]
    if isinstance(result, Result):
        value = _truth(result.value)
        if isinstance(value, bool) and result.confidence is not None:
            sure = probability("a result's confidence", result.confidence)
            return sure if sure is None or value else 1 - sure
        return score_of(value)
    if result is None:
        return None
    hint = "it returns a finite number, a bool, a Verdict or a Result"
    try:
        score = math.inf if isinstance(result, (str, bytes)) else float(result)
    except (TypeError, ValueError, OverflowError):
        score = math.inf
    if math.isinf(score):
        what = "an infinite number" if isinstance(result, float) else type(result).__name__
        raise OptionError(f"a verifier returned {what}", hint=hint)
    return None if math.isnan(score) else score


def probability(name: str, value: Any) -> float | None:
    """Return a probability that somebody stated; None for NaN, which says nothing.

    Raises:
        OptionError: For anything but a number from 0 to 1.
    """
    is_nan = isinstance(value, Real) and value != value  # noqa: PLR0124 -- of any number
    return None if is_nan else share(name, value)


def _truth(value: Any) -> Any:
    """What a yes-or-no value says; anything else as it is."""
    said = value.casefold() if isinstance(value, str) else None
    return True if said in ("yes", "true") else False if said in ("no", "false") else value


async def judge_one(
    session: Session,
    question: Asked,
    candidate: Candidate,
    verifier: Verifier | None,
    checks: Sequence[Check] = (),
) -> Judged:
    """Judge one answer: by the checks, then, if none refused it, by the verifier."""
    checked = await run_checks(checks, candidate)
    if checked.outcome == "fail":
        return Judged(candidate, None, checked.reason, is_refused=True)
    if verifier is None:
        return Judged(candidate, 1.0 if checked else None, checked.reason)
    said = verifier(session, question, candidate)
    result = await said if inspect.isawaitable(said) else said
    reason = result.reason if isinstance(result, (Verdict, Result)) else ""
    basis: Basis = result.basis if isinstance(result, (Verdict, Result)) else ""
    score = score_of(result)
    return Judged(candidate, score, reason or ("" if score is not None else "unsure"), basis=basis)


async def likelihood_by(
    judge: Callable[..., Any], session: Session, question: Asked, one: str, other: str, *, what: str
) -> tuple[float | None, Basis]:
    """Ask a judge of two texts for the probability that it stands for, and what that stands on.

    Raises:
        OptionError: When it is none; `what` says what the judge returns.
    """
    said = judge(session, question, one, other)
    result = await said if inspect.isawaitable(said) else said
    score = score_of(result)
    if score is not None and not 0 <= score <= 1:
        raise OptionError(f"a judge returned {score}", hint=f"it returns the probability {what}")
    return score, result.basis if isinstance(result, (Verdict, Result)) else ""


Seen = dict[tuple[str, Hashable], Judged]
"""What was judged before, by text and value."""


async def judge_all(
    session: Session,
    question: Asked,
    candidates: Sequence[Candidate],
    verifier: Verifier | None,
    checks: Sequence[Check] = (),
    *,
    seen: Seen | None = None,
) -> list[Judged]:
    """Judge answers all at once: equal ones once, and those without a value not at all."""
    seen = {} if seen is None else seen
    fresh: dict[tuple[str, Hashable], Candidate] = {}
    for each in candidates:
        if each.value is not None and (str(each), each.value) not in seen:
            fresh.setdefault((str(each), each.value), each)
    first = len(seen)
    runs = [
        judge_one(session.step(f"verify {place}"), question, candidate, verifier, checks)
        for place, candidate in enumerate(fresh.values(), first)
    ]
    seen.update(zip(fresh, await gather(runs), strict=True))
    return [
        Judged(each, None, "no answer found")
        if each.value is None
        else _again(seen[str(each), each.value], each)
        for each in candidates
    ]


def _again(judged: Judged, text: Candidate) -> Judged:
    return Judged(text, judged.score, judged.reason, judged.is_refused, judged.basis)


def scores_basis(judged: Sequence[Judged]) -> Basis:
    """Return what the scores stand on together."""
    return basis_of(each.basis for each in judged if each.score is not None)
