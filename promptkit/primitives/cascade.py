"""Cascade: ask a cheap model first, and a dearer one only where the cheap one is not sure.

Dohan et al. 2022 (arXiv:2207.10342) see such a program as one model made of several; Chen et al.
2023 (FrugalGPT, arXiv:2305.05176) stop at the first answer that is good enough; here, as in Yue et
al. 2023 (arXiv:2310.03094), an answer is good enough when enough of a model's samples agree on it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from promptkit.amounts import money
from promptkit.errors import OptionError
from promptkit.explanation import Section, Table
from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.asking.arguments import sampled, share
from promptkit.primitives.asking.primitive import Asked, primitive
from promptkit.primitives.asking.sampling import TEMPERATURE, Candidate, Solver, draw
from promptkit.primitives.chain_of_thought import STEP_BY_STEP
from promptkit.primitives.vote import Votes, count_votes
from promptkit.result import Result
from promptkit.session import Session


@dataclass(frozen=True, slots=True)
class Rung:
    """One model of a cascade, and what became of it.

    Attributes:
        model: Its name.
        n: How many samples it may draw.
        accept_at: The share of `n` that its answer needs; 0 where any answer stands.
        votes: How the samples voted that it drew.
        cost_usd: What they took; None where the price is unknown.
    """

    model: str
    n: int
    accept_at: float
    votes: Votes
    cost_usd: float | None = None

    @property
    def answer(self) -> Hashable | None:
        """The answer with the most votes; None when no sample held one."""
        return self.votes.counts[0][0] if self.votes.counts else None

    @property
    def share(self) -> float:
        """The votes for that answer as a share of `n`: what was not drawn counts against it."""
        return self.votes.counts[0][1] / self.n if self.votes.counts else 0.0

    @property
    def is_accepted(self) -> bool:
        """Whether there is an answer, and enough of the samples agree on it."""
        return self.answer is not None and self.share >= self.accept_at

    @property
    def left(self) -> int:
        """How many samples it has not drawn."""
        return self.n - len(self.votes.texts)

    @property
    def samples_until_certain(self) -> int:
        """The fewest further samples after which the decision could be certain; 0 when it is.

        It is certain when the leader has its share and stays the leader whatever those left say,
        or when no answer can reach the share any more. So as few are drawn as one after the other
        would be, in fewer rounds.
        """
        (leader, votes), *others = self.votes.counts or ((None, 0),)
        needed = next(k for k in range(1, self.n + 1) if k / self.n >= self.accept_at)
        came = self.votes.answers.index
        # A rival that came earlier wins a tie; one that has not come yet loses it.
        rival = max((n + (came(answer) < came(leader)) for answer, n in others), default=0)
        for more in range(self.left):
            is_refused = votes + self.left - more < needed
            is_sure = votes + more >= max(needed, rival + self.left - more)
            if is_refused or is_sure:
                return more
        return self.left


@dataclass(frozen=True, slots=True)
class Escalation:
    """Which models were asked, and which one answered. As a text it is that model's name.

    Attributes:
        rungs: The models asked, in their order.
    """

    rungs: tuple[Rung, ...]

    @property
    def model(self) -> str:
        """The model whose answer was taken; where none was, the last one asked."""
        return self.rungs[-1].model

    def sections(self) -> Iterator[Section]:
        """Yield how each model fared, then how each voted."""
        rows = tuple(
            (
                rung.model,
                "none" if rung.answer is None else str(rung.answer),
                f"{rung.share:.0%}",
                f"{rung.accept_at:.0%}" if rung.accept_at else "any",
                f"{len(rung.votes.texts)} of {rung.n}",
                money(rung.cost_usd),
            )
            for rung in self.rungs
        )
        yield Table("Models", ("model", "answer", "share", "needed", "drawn", "cost"), rows)
        for rung in self.rungs:
            for section in rung.votes.sections():
                yield replace(section, title=f"{rung.model}: {section.title}")

    def __str__(self) -> str:
        """Name the model that answered."""
        return self.model


@primitive
async def cascade(
    session: Session,
    /,
    question: Asked,
    *,
    models: Sequence[str],
    n: int | Sequence[int] = (20, 1),
    accept_at: float | Sequence[float] = 0.8,
    extract: Extractor = final,
    of: Solver | Sequence[Solver | None] | None = None,
    stop_when_certain: bool = False,
    instruction: str = STEP_BY_STEP,
    examples: tuple[tuple[str, str], ...] = (),
    temperature: float = TEMPERATURE,
    **options: Any,
) -> Result[Hashable]:
    """Answer by the first model whose samples agree enough, else by the last one.

    >>> import promptkit as pk
    >>> def model(request):
    ...     return f"Answer: {request.sample % 3}" if request.model == "small" else "Answer: 7"
    >>> session = pk.connect(transport=pk.testing.Scripted(model))
    >>> asked = cascade(session, "6 + 1?", models=("small", "large"), n=(5, 1))
    >>> result = pk.run(asked)
    >>> result.value, str(result.evidence), result.samples
    ('7', 'large', 6)

    It asks at most `sum(n)` questions, or as often `of`. `fit_threshold` finds `accept_at` from
    labelled examples.

    Args:
        session: Who answers; the models are its own, by name.
        question: The question.
        models: The cheapest first.
        n: Samples of each model, or one number for all. Sample i is the request with `sample=i`.
        accept_at: The share of a model's samples that must agree on an answer. One number holds
            for all but the last, whose answer stands whatever its share; one number for each model
            makes the answer unknown where the last one misses its own, too.
        extract: How an answer is read from a sample. A sample without one counts against the share.
        of: A primitive that gives each sample, or one for each model; None asks the question.
        stop_when_certain: Draw one after the other, and stop as soon as the further samples could
            change neither the answer nor whether it is accepted. It saves samples and takes more
            rounds; shares are then lower bounds.
        instruction: Put after the question; empty to vote on direct answers.
        examples: Worked pairs, put before the question.
        temperature: Where a model draws several samples. One that is asked once is asked at the
            session's temperature, else at 0.
        options: As for `Session.ask`.

    Returns:
        The answer of the first model that agrees enough with itself; the confidence is its vote
        share, the evidence an `Escalation`, whose `model` answered. None when the last model gave
        no answer, or missed its own share.

    Raises:
        OptionError: When no model is named, the numbers do not fit the models, or one is not from
            1 to 4096, or is no share.
    """
    asking = {"extract": extract, "instruction": instruction, "examples": examples, **options}
    rungs: list[Rung] = []
    for model, size, needed, solver in _plan(models, n, accept_at, of):
        here = session.step(model).using(model=model)
        heat = temperature if size > 1 else here.defaults.options.temperature or 0
        drawn: list[Candidate] = []
        rung = Rung(model, size, needed, Votes((), (), str(extract)))
        while wave := rung.samples_until_certain if stop_when_certain else rung.left:
            numbers = range(len(drawn), len(drawn) + wave)
            drawn += await draw(here, question, numbers, of=solver, temperature=heat, **asking)
            rung = replace(rung, votes=count_votes(drawn, extract).evidence)
        rungs.append(replace(rung, cost_usd=here.trace.totals.cost_usd))
        if rung.is_accepted:
            break
    return _result(Escalation(tuple(rungs)), str(extract))


def _plan(
    models: Sequence[str],
    n: int | Sequence[int],
    accept_at: float | Sequence[float],
    of: Solver | Sequence[Solver | None] | None,
) -> list[tuple[str, int, float, Solver | None]]:
    """Check the arguments; return model, samples, least share and primitive of each rung."""
    names = (models,) if isinstance(models, str) else _several(models)
    if not names or not all(isinstance(name, str) and name for name in names):
        what = f"models of type {type(models).__name__}, {len(names)} of them"
        raise OptionError(what, hint="name one or more models, the cheapest first")
    count = len(names)
    sizes = [sampled("n", size) for size in _of_each("n", n, count)]
    shares = [share("accept_at", least) for least in _of_each("accept_at", accept_at, count)]
    if not _several(accept_at):
        shares[-1] = 0.0  # what the last model answers stands
    solvers = _of_each("primitives", of, count)
    if not all(solver is None or callable(solver) for solver in solvers):
        raise OptionError("`of` is no primitive", hint="give one, or one for each model, or None")
    return list(zip(names, sizes, shares, solvers, strict=True))


def _several(values: Any) -> tuple[Any, ...]:
    """What stands for several models; empty where one value stands for all."""
    return tuple(values) if _is_list(values) else ()


def _is_list(values: Any) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, (str, bytes))


def _of_each(name: str, values: Any, count: int) -> tuple[Any, ...]:
    every = _several(values) or (values,) * count
    if len(every) != count:
        hint = f"one for all, or {count} of them"
        raise OptionError(f"{len(every)} of {name} for {count} models", hint=hint)
    return every


def _result(evidence: Escalation, extractor: str) -> Result[Hashable]:
    last = evidence.rungs[-1]
    samples = sum(len(rung.votes.texts) for rung in evidence.rungs)
    known: dict[str, Any] = {"basis": "votes", "extractor": extractor}
    if last.is_accepted:
        return Result(last.answer, last.share, evidence, samples, **known)
    reason = f"no answer found in {len(last.votes.texts)} samples of {last.model}"
    if last.answer is not None:
        reason = f"{last.share:.0%} of {last.model}'s samples agree, {last.accept_at:.0%} must"
    return Result.unknown(reason, evidence=evidence, samples=samples, **known)
