"""Soft vote: for answers in free text, a judge says which of them mean the same.

Kuhn et al. 2023 (arXiv:2302.09664) group sampled answers by meaning, two of them being one when
each entails the other. Here any judge of two texts does: a model's yes, or a function of yours such
as an embedding's similarity. Each sample is compared with the first sample of each group, joins the
one it most probably belongs to, and counts there with that probability.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from promptkit.explanation import Bar, Bars, Section
from promptkit.primitives.answers import Extractor, final, normal_text
from promptkit.primitives.asking.arguments import sampled, share, takes
from promptkit.primitives.asking.primitive import Asked, gather, primitive
from promptkit.primitives.asking.sampling import TEMPERATURE, Candidate, Solver, draw
from promptkit.primitives.chain_of_thought import STEP_BY_STEP
from promptkit.primitives.same_meaning import same_meaning
from promptkit.primitives.verifier import likelihood_by
from promptkit.result import Basis, Result, basis_of
from promptkit.session import Session

SameJudge = Callable[[Session, Asked, str, str], "Awaitable[Any] | Any"]
"""Says how likely two answers mean the same: a number from 0 to 1, a bool, a Verdict or a Result;
None when it cannot say, which joins nothing."""


@dataclass(frozen=True, slots=True)
class Meanings:
    """Samples grouped by meaning.

    Attributes:
        groups: Pairs of a weight and the samples that count for it, heaviest first, ties by first
            appearance; the first sample of each is the one the others were compared with.
        judgements: How many pairs were judged.
        unsure: Of how many of them the judge could not say.
    """

    groups: tuple[tuple[float, tuple[Candidate, ...]], ...]
    judgements: int
    unsure: int

    def sections(self) -> Iterator[Section]:
        """Yield the weights of the meanings."""
        bars = tuple(
            Bar(
                str(texts[0]),
                weight,
                f"{weight:.3g}, of {len(texts)} samples",
                "plain" if place else "chosen",
            )
            for place, (weight, texts) in enumerate(self.groups)
        )
        yield Bars("Meanings", bars)


@primitive
async def soft_vote(
    session: Session,
    /,
    question: Asked,
    *,
    n: int = 5,
    same: SameJudge = same_meaning,
    join_at: float = 0.5,
    extract: Extractor | None = None,
    of: Solver | None = None,
    instruction: str = STEP_BY_STEP,
    examples: tuple[tuple[str, str], ...] = (),
    temperature: float = TEMPERATURE,
    **options: Any,
) -> Result[Any]:
    """Answer with the meaning that has the largest weight among `n` samples.

    `n` calls or runs of `of`, then one run of the judge for each different sample and each group
    before it: at most `n * (n - 1) / 2`, and few where the samples agree. Samples in the same words
    are not judged.

    >>> import promptkit as pk
    >>> said = ["Mice fear cats.", "Dogs do.", "It is mice."]
    >>> model = pk.testing.Scripted(lambda request: said[request.sample])
    >>> session = pk.connect(transport=model, model="scripted")
    >>> def same(session, question, one, other):
    ...     return ("ice" in one) == ("ice" in other)
    >>> print(pk.run(soft_vote(session, "Who fears cats?", n=3, same=same)))
    Mice fear cats. (67%)

    Args:
        session: Who answers, and judges.
        question: The question.
        n: How many samples to draw.
        same: The judge of two answers.
        join_at: The probability from which a sample joins a group.
        extract: What reads from a sample the answer that is compared; None for its whole text.
        of: A primitive that gives each sample; None to ask the question itself.
        instruction: Put after the question for the samples; empty for direct answers.
        examples: Worked pairs, put before the question for the samples.
        temperature: Of the samples.
        options: As for `Session.ask`, for the samples.

    Returns:
        The first sample of the heaviest group, ties to the earliest. The confidence is its weight
        as a share of all samples drawn; the evidence are the `Meanings`.

    Raises:
        OptionError: For a number of samples that is none or not from 1 to 4096, a threshold that
            is none, or a judge that returns no probability.
    """
    n, join_at = sampled("n", n), share("join_at", join_at, above=0)
    takes("same", same, "session", "question", "one", "other")
    drawn = await draw(
        session,
        question,
        range(n),
        extract=extract or final,
        of=of,
        instruction=instruction,
        examples=examples,
        temperature=temperature,
        **options,
    )
    told = [each if extract is None else _read(each) for each in drawn]
    texts = [each for each in told if each is not None and each.strip()]
    known: dict[str, Any] = {"samples": n, "extractor": "" if extract is None else str(extract)}
    if not texts:
        evidence = Meanings((), 0, 0)
        reason = f"no answer found in {n} samples"
        return Result.unknown(reason, evidence=evidence, **known)
    evidence, basis = await _grouped(session, question, texts, same, join_at)
    weight, members = evidence.groups[0]
    value: Any = str(members[0]) if extract is None else members[0].value
    return Result(value, weight / n, evidence, basis=basis, **known)


def _read(each: Candidate) -> Candidate | None:
    return None if each.value is None else Candidate(str(each.value), each.value)


async def _grouped(
    session: Session,
    question: Asked,
    texts: Sequence[Candidate],
    same: SameJudge,
    join_at: float,
) -> tuple[Meanings, Basis]:
    groups: list[list[tuple[Candidate, float]]] = []
    known: dict[str, tuple[int, float]] = {}
    judgements, unsure, bases = 0, 0, set[Basis]()
    for number, text in enumerate(texts):
        words = normal_text(text)
        if words not in known:
            here = session.step(f"compare {number}")
            asks = [
                likelihood_by(
                    same, here, question, group[0][0], text, what="that both say the same"
                )
                for group in groups
            ]
            said = await gather(asks)
            judgements += len(said)
            unsure += sum(score is None for score, _ in said)
            bases |= {basis for _, basis in said}
            scores = [score or 0.0 for score, _ in said]
            best = max(scores, default=0.0)
            joins = best >= join_at
            if not joins:
                groups.append([])
            known[words] = (scores.index(best), best) if joins else (len(groups) - 1, 1.0)
        place, weight = known[words]
        groups[place].append((text, weight))
    weighed = [
        (fsum(weight for _, weight in group), tuple(text for text, _ in group)) for group in groups
    ]
    ranked = tuple(sorted(weighed, key=lambda pair: -pair[0]))
    return Meanings(ranked, judgements, unsure), basis_of(bases)
