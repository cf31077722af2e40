"""Best of n: draw several answers and take the one that a verifier scores highest.

Cobbe et al. 2021 (arXiv:2110.14168): 100 samples, ranked by a verifier. There it was trained; here
it is whatever scores an answer, see `verifier`. With a sound check this is the strongest use of
samples: of GPT-4's chains of thought on the game of 24 one solves 4 %, the majority of 100 solves
9 %, and the best of 100 by an exact check 49 % (replayed in tests/replication). With a judge that
is easily pleased it finds what pleases the judge.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Final

from promptkit.errors import OptionError
from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.asking.arguments import finite, sampled, takes
from promptkit.primitives.asking.primitive import Asked, primitive
from promptkit.primitives.asking.sampling import TEMPERATURE, Candidate, Solver, draw
from promptkit.primitives.chain_of_thought import STEP_BY_STEP
from promptkit.primitives.checks import Check
from promptkit.primitives.verifier import Judged, Scores, Seen, Verifier, judge_all, scores_basis
from promptkit.primitives.verify import verify
from promptkit.result import Result
from promptkit.session import Session

WAVE: Final = 8
"""Samples that are drawn at once where drawing may stop early."""


@primitive
async def best_of(
    session: Session,
    /,
    question: Asked,
    *,
    n: int = 5,
    verifier: Verifier | None = verify,
    checks: Sequence[Check] = (),
    extract: Extractor = final,
    stop_at: float | None = None,
    at_least: float | None = None,
    of: Solver | None = None,
    instruction: str = STEP_BY_STEP,
    examples: tuple[tuple[str, str], ...] = (),
    temperature: float = TEMPERATURE,
    **options: Any,
) -> Result[Hashable]:
    """Answer with the sample that scores highest; ties go to the earliest.

    At most `n` calls, or runs of `of`, and at most one run of the verifier for each different
    sample that holds an answer and that no check refuses.

    >>> import promptkit as pk
    >>> model = pk.testing.Scripted(lambda request: ["11", "12", "13"][request.sample])
    >>> session = pk.connect(transport=model, model="scripted")
    >>> def score(session, question, answer):
    ...     return 1 - abs(answer.value - 12)
    >>> number = pk.primitives.answers.number
    >>> result = pk.run(best_of(session, "3 * 4?", n=3, verifier=score, extract=number))
    >>> result.value, result.confidence, result.samples
    (12, 1.0, 3)

    Args:
        session: Who answers.
        question: The question.
        n: The most samples to draw; sample i is the request with `sample=i`.
        verifier: What scores an answer: any function of session, question and answer, see
            `verifier`; None where the checks decide, and what they pass scores 1.
        checks: What refuses an answer before the verifier is asked, see `checks`.
        extract: How an answer is read from a sample; a sample without one is not verified.
        stop_at: Stop drawing when a score reaches this; the samples then come in waves of 8.
        at_least: The score below which the answer is unknown; None takes the best of any.
        of: A primitive that gives each sample; None to ask the question itself.
        instruction: Put after the question; empty for direct answers.
        examples: Worked pairs, put before the question.
        temperature: Of the samples; at 0 they would all be alike.
        options: As for `Session.ask`, for the samples.

    Returns:
        The best answer. The confidence is its score, None where that is not from 0 to 1. Unknown
        when no sample has a score: none held an answer, the checks refused all, or the verifier
        could not say. The evidence are the `Scores`.

    Raises:
        OptionError: For a number of samples that is none or not from 1 to 4096, thresholds that
            are no numbers, neither verifier nor checks, or a verifier that returns no number.
    """
    n = sampled("n", n)
    stop_at = None if stop_at is None else finite("stop_at", stop_at)
    at_least = None if at_least is None else finite("at_least", at_least)
    if verifier is not None:
        takes("verifier", verifier, "session", "question", "answer")
    elif not checks:
        raise OptionError("no verifier and no checks", hint="give one, or use `vote`")
    seen: Seen = {}
    drawn: list[Candidate] = []
    judged: list[Judged] = []
    while len(drawn) < n:
        left = n - len(drawn)
        numbers = range(len(drawn), len(drawn) + (left if stop_at is None else min(left, WAVE)))
        wave = await draw(
            session,
            question,
            numbers,
            extract=extract,
            of=of,
            instruction=instruction,
            examples=examples,
            temperature=temperature,
            **options,
        )
        drawn += wave
        judged += await judge_all(session, question, wave, verifier, checks, seen=seen)
        if stop_at is not None and any((each.score or 0.0) >= stop_at for each in judged):
            break
    return _choose(judged, extract, at_least)


def _choose(
    judged: Sequence[Judged], extract: Extractor, at_least: float | None
) -> Result[Hashable]:
    scored = [each for each in judged if each.score is not None]
    known: dict[str, Any] = {"basis": scores_basis(judged), "extractor": str(extract)}
    best = max(scored, key=lambda each: each.score or 0.0, default=None)
    if best is None or best.score is None:
        scores = Scores(tuple(judged), None, str(extract))
        return Result.unknown(scores.why_none(), evidence=scores, samples=len(judged), **known)
    if at_least is not None and best.score < at_least:
        scores = Scores(tuple(judged), None, str(extract))
        reason = f"the best score is {best.score:.3g}, below {at_least:.3g}"
        return Result.unknown(reason, evidence=scores, samples=len(judged), **known)
    scores = Scores(tuple(judged), best.text.value, str(extract))
    confidence = best.score if 0 <= best.score <= 1 else None
    return Result(best.text.value, confidence, scores, len(judged), **known)
