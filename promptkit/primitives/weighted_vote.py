"""Weighted vote: each sample counts for its answer as much as a verifier trusts it.

DiVeRSe, Li et al. 2022 (arXiv:2206.02336): samples of several prompts, so that they differ more; a
verifier scores each; an answer's weight is the sum of its samples' scores. With code-davinci-002 it
took GSM8K from 74.4 to 83.2 % (the abstract's figures, with a trained verifier). Unlike `best_of`,
one sample that a judge loves does not win against many that it likes.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from promptkit.errors import OptionError
from promptkit.explanation import Bar, Bars, Section
from promptkit.primitives.answers import Extractor, final, group
from promptkit.primitives.asking.arguments import sampled, takes
from promptkit.primitives.asking.primitive import Asked, gather, primitive
from promptkit.primitives.asking.sampling import TEMPERATURE, Candidate, Solver, draw
from promptkit.primitives.chain_of_thought import STEP_BY_STEP
from promptkit.primitives.checks import Check
from promptkit.primitives.verifier import Judged, Scores, Verifier, judge_all, scores_basis
from promptkit.primitives.verify import verify
from promptkit.result import Result
from promptkit.session import Session


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each answer weighs.

    Attributes:
        weights: (answer, sum of its samples' scores) pairs, the heaviest first, ties by first
            appearance. Where the scores add up to more than a float holds, each counts as a share
            of the highest.
        scores: Each sample with its score.
    """

    weights: tuple[tuple[Hashable, float], ...]
    scores: Scores

    @property
    def winner(self) -> Candidate | None:
        """The sample of the heaviest answer with the highest score."""
        return self.scores.winner

    def sections(self) -> Iterator[Section]:
        """Yield the weights, then the scores they are made of."""
        bars = tuple(
            Bar(str(answer), weight, f"{weight:.3g}", "plain" if place else "chosen")
            for place, (answer, weight) in enumerate(self.weights)
        )
        yield Bars("Sums of scores", bars)
        yield from self.scores.sections()


@primitive
async def weighted_vote(
    session: Session,
    /,
    question: Asked,
    *,
    n: int = 5,
    verifier: Verifier | None = verify,
    checks: Sequence[Check] = (),
    extract: Extractor = final,
    of: Solver | None = None,
    instruction: str = STEP_BY_STEP,
    examples: tuple[tuple[str, str], ...] = (),
    example_sets: Sequence[tuple[tuple[str, str], ...]] = (),
    temperature: float = TEMPERATURE,
    **options: Any,
) -> Result[Hashable]:
    """Answer with the value whose samples have the largest sum of scores.

    `n` calls, or runs of `of`, and at most one run of the verifier for each different sample that
    holds an answer and that no check refuses.

    >>> import promptkit as pk
    >>> model = pk.testing.Scripted(lambda request: ["11", "12", "12"][request.sample])
    >>> session = pk.connect(transport=model, model="scripted")
    >>> def score(session, question, answer):
    ...     return 0.9 if answer == "11" else 0.6
    >>> result = pk.run(weighted_vote(session, "3 * 4?", n=3, verifier=score))
    >>> result.value, round(result.confidence, 2)
    ('12', 0.57)

    Args:
        session: Who answers.
        question: The question.
        n: How many samples to draw; sample i is the request with `sample=i`.
        verifier: What scores an answer, 0 or above: any function of session, question and
            answer, see `verifier`; None where the checks decide, and what they pass weighs 1.
        checks: What refuses an answer before the verifier is asked, see `checks`.
        extract: How an answer is read from a sample, and when two answers are the same.
        of: A primitive that gives each sample; None to ask the question itself.
        instruction: Put after the question; empty for direct answers.
        examples: Worked pairs, put before the question.
        example_sets: Several such sets, one prompt each, which the samples take in turn; not
            beside `examples` or `of`.
        temperature: Of the samples; at 0 they would all be alike.
        options: As for `Session.ask`, for the samples.

    Returns:
        The heaviest answer (ties go to the earliest). The confidence is its share of all weights.
        Unknown when no sample weighs anything: none held an answer, the checks refused all, or
        the verifier could not say or gave 0. The evidence are the `Weights`.

    Raises:
        OptionError: For a number of samples that is none or not from 1 to 4096, neither verifier
            nor checks, or a verifier that returns no number from 0 on.
    """
    n = sampled("n", n)
    if verifier is not None:
        takes("verifier", verifier, "session", "question", "answer")
    elif not checks:
        raise OptionError("no verifier and no checks", hint="give one, or use `vote`")
    if example_sets and (examples or of is not None):
        hint = "give example_sets alone, or one set as examples"
        raise OptionError("example_sets beside examples or of", hint=hint)
    sets = list(example_sets) or [examples]
    runs = [
        draw(
            session,
            question,
            range(place, n, len(sets)),
            extract=extract,
            of=of,
            instruction=instruction,
            examples=chosen,
            temperature=temperature,
            **options,
        )
        for place, chosen in enumerate(sets)
    ]
    drawn: list[Candidate] = [Candidate("")] * n
    for place, samples in enumerate(await gather(runs)):
        drawn[place :: len(sets)] = samples
    judged = await judge_all(session, question, drawn, verifier, checks)
    return _weigh(judged, extract)


def _weigh(judged: Sequence[Judged], extract: Extractor) -> Result[Hashable]:
    negative = next((each.score for each in judged if each.score and each.score < 0), None)
    if negative is not None:
        hint = "weights are from 0 on: bring the scores to 0..1"
        raise OptionError(f"a verifier returned {negative}", hint=hint)
    counted = [each if each.score else None for each in judged]
    scored = [each.score or 0.0 for each in judged]
    if math.isinf(sum(scored)):
        highest = max(scored)
        scored = [score / highest for score in scored]
    parties = [
        (fsum(scored[place] for place in places), answer, places[0])
        for answer, places in group([each and each.text.value for each in counted], extract)
    ]
    parties.sort(key=lambda party: (-party[0], party[2]))
    total = fsum(weight for weight, _, _ in parties)
    known: dict[str, Any] = {"basis": scores_basis(judged), "extractor": str(extract)}
    pairs = tuple((answer, weight) for weight, answer, _ in parties)
    scores = Scores(tuple(judged), pairs[0][0] if pairs else None, str(extract))
    evidence = Weights(pairs, scores)
    if not pairs:
        return Result.unknown(scores.why_none(), evidence=evidence, samples=len(judged), **known)
    return Result(pairs[0][0], pairs[0][1] / total, evidence, len(judged), **known)
