"""Self-consistency: draw several chains of thought and take the answer most of them reach.

Wang et al. 2022 (arXiv:2203.11171). Each sample counts once, or by its likelihood: the paper's
«normalized weighted sum», where a sample weighs exp of the mean log-probability of its tokens. The
vote may stop early by the rules of adaptive consistency (see `adaptive`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, fsum
from typing import Any, Final, Literal, get_args

from promptkit.errors import RefusedRequestError
from promptkit.explanation import Bar, Bars, Section
from promptkit.primitives.adaptive import SURE, StopRule, next_wave
from promptkit.primitives.answers import Extractor, Groups, final, group
from promptkit.primitives.asking.arguments import one_of, sampled, share
from promptkit.primitives.asking.primitive import Asked, primitive
from promptkit.primitives.asking.sampling import TEMPERATURE, Candidate, Solver, draw, sections_of
from promptkit.primitives.chain_of_thought import STEP_BY_STEP
from promptkit.result import Basis, Result
from promptkit.session import Session

_LEAST: Final = -600.0
_MOST: Final = 0.01
"""Between these is a log-probability; some servers report what is none."""


@dataclass(frozen=True, slots=True)
class Votes:
    """How the samples voted.

    Attributes:
        counts: (answer, votes) pairs, the leader first, ties by first appearance.
        texts: Each sample's text, in the order drawn; each knows the answer read from it.
        extractor: How the answers were read.
        shares: The leader's share of the whole vote, then the others', where samples count by
            their likelihood; empty where each counts once.
    """

    counts: tuple[tuple[Hashable, int], ...]
    texts: tuple[Candidate, ...]
    extractor: str
    shares: tuple[float, ...] = ()

    @property
    def answers(self) -> tuple[Hashable | None, ...]:
        """Each sample's answer, in the order drawn; None where it had none."""
        return tuple(text.value for text in self.texts)

    @property
    def winner(self) -> Candidate | None:
        """The first sample that holds the leader's answer; it knows what led to it."""
        leader = self.counts[0][0] if self.counts else None
        return next((t for t in self.texts if t.value is not None and t.value == leader), None)

    @property
    def without_answer(self) -> int:
        """How many samples held no answer."""
        return self.answers.count(None)

    def sections(self) -> Iterator[Section]:
        """Yield the histogram of the votes, then what led to the winning sample."""
        drawn = len(self.texts)
        bars = [
            Bar(str(answer), votes, f"{votes} of {drawn}", "plain" if place else "chosen")
            for place, (answer, votes) in enumerate(self.counts)
        ]
        if self.without_answer:
            bars.append(Bar("no answer found", self.without_answer, f"{self.without_answer}"))
        yield Bars(f"Votes, read by {self.extractor}", tuple(bars), full=drawn)
        if self.shares:
            weighed = zip(self.counts, self.shares, strict=True)
            bars = [Bar(str(answer), share, f"{share:.0%}") for (answer, _), share in weighed]
            yield Bars("The same, by likelihood", tuple(bars), full=1.0)
        yield from sections_of(self.winner)


@primitive
async def vote(
    session: Session,
    /,
    question: Asked,
    *,
    n: int = 5,
    extract: Extractor = final,
    by: Literal["count", "likelihood"] = "count",
    stop_when_sure: float | None = SURE,
    stop_rule: StopRule = "beta",
    at_least: float | None = None,
    of: Solver | None = None,
    instruction: str = STEP_BY_STEP,
    examples: tuple[tuple[str, str], ...] = (),
    temperature: float = TEMPERATURE,
    **options: Any,
) -> Result[Hashable]:
    """Answer as the majority of up to `n` samples does; at most `n` calls, or runs of `of`.

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
        extract: How an answer is read from a sample, and when two answers are the same.
        by: Whether each sample counts once, or by its likelihood where all log-probabilities
            come; where any is missing, each counts once, and the basis says «votes».
        stop_when_sure: Stop when the leader is the true majority with more than this probability,
            by counts; None draws all `n`.
        stop_rule: Whether that looks at the runner-up alone, or at all answers («dirichlet»).
        at_least: The share of the vote below which the answer is unknown; None takes any leader.
        of: A primitive that gives each sample, such as `partial(selection_inference, context)`;
            None to ask the question itself. Its samples count once each.
        instruction: Put after the question; empty to vote on direct answers.
        examples: Worked pairs, put before the question.
        temperature: Of the samples; at 0 they would all be alike.
        options: As for `Session.ask`.

    Returns:
        The answer with the most votes (ties go to the earliest), None if no sample held one. The
        confidence is its share of all samples drawn, those without an answer included; the
        evidence are the `Votes`.

    Raises:
        OptionError: For a number of samples that is none or not from 1 to 4096, or a threshold
            that is none.
    """
    n = _checked(n, by, stop_rule, stop_when_sure, at_least)
    asking: dict[str, Any] = {"logprobs": 0} if by == "likelihood" and of is None else {}
    how: dict[str, Any] = {
        "extract": extract,
        "of": of,
        "instruction": instruction,
        "examples": examples,
        "temperature": temperature,
        **options,
    }
    drawn: list[Candidate] = []
    groups = Groups(extract)
    while len(drawn) < n:
        left = n - len(drawn)
        if stop_when_sure is not None:
            groups.add(each.value for each in drawn[len(groups) :])
            counts = [len(places) for _, places in groups.ranked()]
            left = next_wave(counts, stop_when_sure, left, stop_rule)
        if left == 0:
            break
        numbers = range(len(drawn), len(drawn) + left)
        try:
            drawn += await draw(session, question, numbers, **{**asking, **how})
        except RefusedRequestError:
            if not asking:
                raise
            asking = {}  # it may be the log-probabilities that were refused
    return count_votes(drawn, extract, by=by, at_least=at_least)


def count_votes(
    drawn: Sequence[Candidate],
    extract: Extractor,
    *,
    by: Literal["count", "likelihood"] = "count",
    at_least: float | None = None,
) -> Result[Hashable]:
    """Return what samples that were drawn before vote for; see `vote`."""
    weights = [1.0] * len(drawn)
    basis: Basis = "votes"
    told = [each.logprob for each in drawn if each.logprob is not None]
    if by == "likelihood" and len(told) == len(drawn) and all(_LEAST < t < _MOST for t in told):
        weights, basis = [exp(logprob) for logprob in told], "logprobs"
    total = fsum(weights)
    parties = [
        (fsum(weights[place] for place in places), answer, places)
        for answer, places in group([each.value for each in drawn], extract)
    ]
    parties.sort(key=lambda party: (-party[0], party[2][0]))
    votes = Votes(
        tuple((answer, len(places)) for _, answer, places in parties),
        tuple(drawn),
        str(extract),
        tuple(weight / total for weight, _, _ in parties) if basis == "logprobs" else (),
    )
    known: dict[str, Any] = {"basis": basis, "extractor": str(extract)}
    if not parties:
        reason = f"no answer found in {len(drawn)} samples"
        return Result.unknown(reason, evidence=votes, samples=len(drawn), **known)
    weight, leader, places = parties[0]
    share = weight / total
    if at_least is not None and share < at_least:
        reason = f"no majority: {leader} has {len(places)} of {len(drawn)} votes"
        return Result.unknown(reason, evidence=votes, samples=len(drawn), **known)
    return Result(leader, share, votes, len(drawn), **known)


def _checked(n: int, by: str, rule: str, sure: float | None, at_least: float | None) -> int:
    one_of("by", by, ("count", "likelihood"))
    one_of("stop_rule", rule, get_args(StopRule))
    if sure is not None:
        share("stop_when_sure", sure, least=0.5, below=1)  # a coin is sure of nothing
    if at_least is not None:
        share("at_least", at_least, above=0)
    return sampled("n", n)
