"""Self-consistency: draw several chains of thought and take the answer most of them reach.

Wang et al. 2022 (arXiv:2203.11171). It may stop early by the rule of adaptive consistency
(Aggarwal et al. 2023, arXiv:2305.11860).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from math import comb
from typing import Any, Final

from promptkit.errors import OptionError
from promptkit.explanation import Bar, Bars, Mood, Section
from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.chain_of_thought import STEP_BY_STEP
from promptkit.primitives.primitive import Asked, primitive
from promptkit.primitives.sampling import Candidate, Solver, draw
from promptkit.result import Result
from promptkit.session import Session

SURE: Final = 0.95
"""The paper's threshold: four equal answers in a row pass it (0.969)."""


@dataclass(frozen=True, slots=True)
class Votes:
    """How the samples voted.

    Attributes:
        counts: (answer, votes) pairs, most votes first, ties by first appearance.
        texts: Each sample's text, in the order drawn; each knows the answer read from it.
        extractor: How the answers were read.
    """

    counts: tuple[tuple[Hashable, int], ...]
    texts: tuple[Candidate, ...]
    extractor: str

    @property
    def answers(self) -> tuple[Hashable | None, ...]:
        """Each sample's answer, in the order drawn; None where it had none."""
        return tuple(text.value for text in self.texts)

    @property
    def without_answer(self) -> int:
        """How many samples held no answer."""
        return self.answers.count(None)

    def sections(self) -> Iterator[Section]:
        """Yield the histogram of the votes."""
        leader = self.counts[0][0] if self.counts else None
        bars = [
            Bar(str(answer), votes, f"{votes} of {len(self.texts)}", _mood(answer == leader))
            for answer, votes in self.counts
        ]
        if self.without_answer:
            bars.append(Bar("no answer found", self.without_answer, str(self.without_answer)))
        yield Bars(f"Votes, read by {self.extractor}", tuple(bars), full=len(self.texts))


def _mood(is_chosen: bool) -> Mood:  # noqa: FBT001 -- what it is
    return "chosen" if is_chosen else "plain"


@primitive
async def vote(
    session: Session,
    /,
    question: Asked,
    *,
    n: int = 5,
    extract: Extractor = final,
    stop_when_sure: float | None = SURE,
    of: Solver | None = None,
    instruction: str = STEP_BY_STEP,
    examples: tuple[tuple[str, str], ...] = (),
    temperature: float = 0.7,
    **options: Any,
) -> Result[Hashable]:
    """Answer as the majority of up to `n` samples does.

    >>> import promptkit as pk
    >>> model = pk.testing.Scripted(lambda request: ["12", "12", "13"][request.sample])
    >>> session = pk.connect(transport=model, model="scripted")
    >>> result = pk.run(vote(session, "3 boxes of 4 pens?", n=3))
    >>> result.value, round(result.confidence, 2), result.samples
    ('12', 0.67, 3)

    Args:
        session: Who answers.
        question: The question.
        n: The most samples to draw. Sample i is the request with `sample=i`, so each is cached by
            itself, and a larger `n` later pays for the further ones only.
        extract: How an answer is read from a sample.
        stop_when_sure: Stop when the leader is the true majority with more than this probability;
            None draws all `n`.
        of: A primitive that gives each sample, such as `partial(selection_inference, context)`;
            None to ask the question itself.
        instruction: Put after the question; empty to vote on direct answers.
        examples: Worked pairs, put before the question.
        temperature: Of the samples; at 0 they would all be alike.
        options: As for `Session.ask`.

    Returns:
        The answer with the most votes (ties go to the earliest), None if no sample held one. The
        confidence is its share of all samples drawn, those without an answer included; the
        evidence are the `Votes`.
    """
    if n < 1:
        raise OptionError(f"n={n}", hint="a vote needs at least one sample")
    if stop_when_sure is not None and not 0.5 <= stop_when_sure < 1:  # noqa: PLR2004 -- a coin
        hint = "it is a probability from 0.5 to below 1, or None"
        raise OptionError(f"stop_when_sure={stop_when_sure!r}", hint=hint)
    drawn: list[Candidate] = []
    while len(drawn) < n:
        wave = _next_wave([each.value for each in drawn], stop_when_sure, n - len(drawn))
        if wave == 0:
            break
        drawn += await draw(
            session,
            question,
            range(len(drawn), len(drawn) + wave),
            extract=extract,
            of=of,
            instruction=instruction,
            examples=examples,
            temperature=temperature,
            **options,
        )
    return _count(drawn, extract)


def _count(drawn: list[Candidate], extract: Extractor) -> Result[Hashable]:
    counts = Counter(each.value for each in drawn if each.value is not None).most_common()
    votes = Votes(tuple(counts), tuple(drawn), str(extract))
    known: dict[str, Any] = {"basis": "votes", "extractor": str(extract)}
    if not counts:
        reason = f"no answer found in {len(drawn)} samples"
        return Result.unknown(reason, evidence=votes, samples=len(drawn), **known)
    leader, most = counts[0]
    return Result(leader, most / len(drawn), votes, len(drawn), **known)


def _next_wave(found: Iterable[Hashable | None], sure: float | None, left: int) -> int:
    """How many samples to draw at once: the fewest after which the rule could say stop.

    So as many are drawn as one after the other would be, in far fewer rounds.
    """
    if sure is None:
        return left
    counts = [count for _, count in Counter(a for a in found if a is not None).most_common(2)]
    first, second = (*counts, 0, 0)[:2]
    for more in range(left + 1):
        if majority_probability(first + more, second) > sure:
            return more
    return left


def majority_probability(first: int, second: int) -> float:
    """Return the probability that the leader of a vote stays ahead of its runner-up.

    It is 1 - I½(first + 1, second + 1), the regularised incomplete beta function at one half
    under a uniform prior, as a sum of binomial coefficients.

    >>> round(majority_probability(4, 0), 3)
    0.969
    """
    n = first + second + 1
    return float(sum(comb(n, k) for k in range(first + 1)) / 2**n)
