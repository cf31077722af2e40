"""Step-aware verification: judge each step of a reasoning, not its answer alone.

Li et al. 2022 (DiVeRSe, arXiv:2206.02336) train a verifier on steps; Lightman et al. 2023
(arXiv:2305.20050) score a solution by the probability that every step is right, the product over
its steps. Here a judge is asked about each step, and sees the question and the steps before it. The
product grows smaller with every step, so it favours short solutions; the minimum does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Final, Literal

from promptkit.explanation import Bar, Bars, Section
from promptkit.primitives.answers import Extractor
from promptkit.primitives.asking.arguments import counted, one_of, thresholds
from promptkit.primitives.asking.distribution import Distribution
from promptkit.primitives.asking.likelihood import WeighBy, checked_votes, weigh
from promptkit.primitives.asking.primitive import Asked, followed_by, gather, primitive
from promptkit.primitives.checks import Check, arithmetic, run_checks
from promptkit.primitives.verify import YES_NO
from promptkit.prompt import Prompt
from promptkit.result import Verdict, basis_of
from promptkit.session import Session

STEP: Final = Prompt(
    "Somebody reasons about it step by step.\n\nSteps so far:\n{before}\n\nNext step:\n{step}\n\n"
    "Is the next step right, given the question and the steps so far? Reply yes or no."
)
"""Slots `before` and `step`; it stands after the question."""

NO_STEPS: Final = "(none)"
"""What stands for the steps before the first one."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step and what was found about it.

    Attributes:
        text: The step.
        score: The probability that it is right; None where nobody could say, or nobody was asked
            because a check had refused a step.
        reason: What a check said against it.
    """

    text: str
    score: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """All steps of a reasoning, judged."""

    steps: tuple[Step, ...]

    @property
    def weakest(self) -> Step | None:
        """The step with the lowest score, the earliest of equals; None when none has a score."""
        scored = [step for step in self.steps if step.score is not None]
        return min(scored, key=lambda step: step.score or 0.0, default=None)

    def sections(self) -> Iterator[Section]:
        """Yield the steps with their scores."""
        bars = tuple(
            Bar(
                step.text,
                step.score or 0.0,
                step.reason or ("not judged" if step.score is None else f"{step.score:.0%}"),
                "false" if step.score is not None and step.score < 0.5 else "plain",  # noqa: PLR2004
            )
            for step in self.steps
        )
        yield Bars("Steps", bars, full=1.0)


def lines(text: str) -> list[str]:
    r"""Return the lines of a text that hold something: the steps of most reasonings.

    >>> lines("3 * 4 = 12\n\nAnswer: 12")
    ['3 * 4 = 12', 'Answer: 12']
    """
    return [line.strip() for line in text.splitlines() if line.strip()]


@primitive
async def step_verifier(
    session: Session,
    /,
    question: Asked,
    answer: str,
    *,
    split: Callable[[str], Sequence[str]] = lines,
    reduce: Literal["product", "min"] = "product",
    max_steps: int = 20,
    prompt: Prompt = STEP,
    checks: Sequence[Check] = (arithmetic,),
    by: WeighBy = "auto",
    votes: int = 5,
    extract: Extractor | None = None,
    pass_at: float = 0.6,
    fail_at: float = 0.4,
    **options: Any,
) -> Verdict:
    r"""Judge a reasoning by its steps.

    No call when a check refuses a step; else one call for each step where log-probabilities come,
    and `votes` calls for each where they do not; at most `max_steps` steps. Each call holds the
    steps before its own: none is longer than the reasoning.

    >>> import promptkit as pk
    >>> session = pk.connect(transport=pk.testing.Scripted("yes"), model="scripted")
    >>> reasoning = "3 boxes of 4 pens: 3 * 4 = 13.\nAnswer: 13"
    >>> print(pk.run(step_verifier(session, "3 boxes of 4 pens?", reasoning)))
    fail (0%): step 1: 3 * 4 is 12, not 13

    Args:
        session: Who judges.
        question: What was asked.
        answer: The whole reasoning, with its answer.
        split: From a reasoning to its steps.
        reduce: Whether the score is the product of the steps' or the least of them.
        max_steps: The most steps that are judged by themselves; what is left goes with the last.
        prompt: Stands after the question; slots `before` and `step`.
        checks: What each step is checked by before any judge is asked, see `checks`; by default
            its sums are recomputed.
        by: Whether to use log-probabilities, votes, or what there is.
        votes: How many judgements of each step are drawn where votes decide.
        extract: What reads yes or no from a judge that reasons first; then votes decide.
        pass_at: The score from which the reasoning passes.
        fail_at: The score down from which it fails; between the two it is unsure.
        options: As for `Session.ask`.

    Returns:
        The verdict; the reason names the weakest step. Unsure when there is no step, or the judge
        could not say of one. The evidence are the `Steps`.

    Raises:
        OptionError: For thresholds or numbers that are none.
    """
    max_steps, votes = counted("max_steps", max_steps), checked_votes(votes, by, extract)
    one_of("reduce", reduce, ("product", "min"))
    fail_at, pass_at = thresholds(pass_at, fail_at)
    texts = _texts(split(str(answer)), max_steps)
    if not texts:
        return Verdict("unsure", "there is no step to judge", evidence=Steps(()))
    for number, text in enumerate(texts, 1):
        checked = await run_checks(checks, text)
        if checked.outcome == "fail":
            return _refused(texts, number, checked.reason)
    how: dict[str, Any] = {"by": by, "votes": votes, "extract": extract, **options}
    runs = []
    for number, text in enumerate(texts, 1):
        before = "\n".join(texts[: number - 1]) or NO_STEPS
        asked = followed_by(question, prompt, before=before, step=text)
        runs.append(weigh(session.step(f"step {number}"), asked, YES_NO, **how))
    verdict = _verdict(texts, await gather(runs), reduce, (fail_at, pass_at))
    return replace(verdict, extractor="" if extract is None else str(extract))


def _texts(steps: Sequence[str], most: int) -> list[str]:
    texts = [step for step in steps if step.strip()]
    return texts if len(texts) <= most else [*texts[: most - 1], "\n".join(texts[most - 1 :])]


def _refused(texts: Sequence[str], number: int, reason: str) -> Verdict:
    steps = [Step(text, None) for text in texts]
    steps[number - 1] = Step(texts[number - 1], 0.0, reason)
    return Verdict("fail", f"step {number}: {reason}", 0.0, Steps(tuple(steps)))


def _verdict(
    texts: Sequence[str],
    said: Sequence[Distribution],
    reduce: Literal["product", "min"],
    between: tuple[float, float],
) -> Verdict:
    scores = [None if likely.best is None else likely["yes"] for likely in said]
    evidence = Steps(tuple(map(Step, texts, scores)))
    basis = basis_of(likely.basis for likely in said)
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        reason = f"the judge could not say of step {scores.index(None) + 1}"
        return Verdict("unsure", reason, evidence=evidence, basis=basis)
    score = prod(known) if reduce == "product" else min(known)
    weakest = min(known)
    reason = f"the weakest step is {known.index(weakest) + 1}, at {weakest:.0%}"
    if between[0] < score < between[1]:
        return Verdict("unsure", reason, score, evidence, basis)
    return Verdict("pass" if score >= between[1] else "fail", reason, score, evidence, basis)
