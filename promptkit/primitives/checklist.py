"""A checklist: one judgement for each criterion, instead of one for all at once.

Each criterion is a question of its own, answered by yes, no or «inapplicable», and they are
asked at once. What the model thinks of one cannot colour another, and the verdict can say which
failed. A criterion that cannot be judged makes the verdict unsure where it could change it. A
judge that says yes to everything passes everything: try it on texts that must fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from promptkit.errors import OptionError
from promptkit.explanation import Section, Table
from promptkit.primitives.asking.arguments import finite, given, sampled, share
from promptkit.primitives.asking.distribution import Distribution
from promptkit.primitives.asking.likelihood import WeighBy, weigh
from promptkit.primitives.asking.primitive import Asked, fill, followed_by, gather, primitive
from promptkit.prompt import Prompt
from promptkit.result import Verdict, basis_of
from promptkit.session import Session

Answer = Literal["yes", "no", "inapplicable", "unsure"]
"""Whether a criterion is met; «unsure» where the judge does not say."""

OPTIONS: Final = ("yes", "no", "inapplicable")
"""What the judge chooses among. None begins as another does: one token tells them apart."""

CHECK: Final = Prompt(
    "{text}\n\nDoes this text meet the following criterion?\n{criterion:trusted}\nReply yes, no, "
    "or inapplicable if the criterion does not concern such a text."
)
"""Asks about a text; slots `text`, `criterion`."""

CHECK_ANSWER: Final = Prompt(
    "An answer to this was given:\n{answer}\n\nDoes the answer meet the following criterion?\n"
    "{criterion:trusted}\nReply yes, no, or inapplicable if the criterion does not concern such an "
    "answer."
)
"""Asks about an answer, after the question; slots `answer`, `criterion`."""


HEAVIEST: Final = 1e9
"""The most that a criterion weighs: weights are added."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that must hold.

    Attributes:
        text: What must hold, as a statement or a question.
        weight: How much it counts beside the others; above 0 and below 1e9.
        required: Whether the verdict fails when it is not met, whatever the others say.
    """

    text: str
    weight: float = 1.0
    required: bool = False

    def __post_init__(self) -> None:
        """Refuse an empty text or a weight that is not above 0."""
        if not isinstance(self.text, str) or not self.text.strip():
            what = "empty" if isinstance(self.text, str) else f"of type {type(self.text).__name__}"
            raise OptionError(f"a criterion that is {what}", hint="give a text")
        if finite("weight", self.weight, above=0) > HEAVIEST:
            raise OptionError(given("weight", self.weight), hint=f"it is at most {HEAVIEST:g}")


@dataclass(frozen=True, slots=True)
class Checked:
    """What the judge says to one criterion.

    Attributes:
        answer: «inapplicable» where that is as likely as yes and no together, else the likelier of
            these; «unsure» where they are even.
        score: How likely yes is against no; None where it is inapplicable or none was named.
        likely: The probabilities that it stands on.
    """

    criterion: Criterion
    answer: Answer
    score: float | None
    likely: Distribution


@dataclass(frozen=True, slots=True)
class Checklist:
    """All checks, in the order of the criteria.

    Attributes:
        met: The share of weight that is met, of what is applicable and could be judged; None when
            there is nothing such.
    """

    checks: tuple[Checked, ...]
    met: float | None

    def sections(self) -> Iterator[Section]:
        """Yield a table of the criteria."""
        rows = tuple(
            (
                each.criterion.text,
                each.answer,
                "" if each.score is None else f"{each.score:.0%}",
                f"{each.criterion.weight:g}" + (", required" if each.criterion.required else ""),
            )
            for each in self.checks
        )
        yield Table("Criteria", ("criterion", "met", "likely", "weight"), rows)


@primitive
async def checklist(
    session: Session,
    /,
    question: Asked,
    answer: str | None = None,
    *,
    criteria: Sequence[str | Criterion],
    pass_at: float = 1.0,
    by: WeighBy = "auto",
    votes: int = 5,
    prompt: Prompt | None = None,
    **options: Any,
) -> Verdict:
    """Judge a text, or an answer to a question, by each of several criteria.

    One call a criterion where the model reports log-probabilities; else up to `votes`.

    >>> import promptkit as pk
    >>> def judge(request):
    ...     return "yes" if "names a price" in request.text else "no"
    >>> session = pk.connect(transport=pk.testing.Scripted(judge), model="scripted")
    >>> criteria = ["It names a price.", Criterion("It is polite.", weight=3, required=True)]
    >>> verdict = pk.run(checklist(session, "Two dollars. Now go.", criteria=criteria, votes=1))
    >>> print(verdict)
    fail (25%): not met: It is polite. (required)

    Args:
        session: Who judges.
        question: The text that is judged; with `answer`, the question that it answers.
        answer: The answer that is judged. So `partial(checklist, criteria=…)` is a verifier.
        criteria: What must hold; a text is a criterion of weight 1.
        pass_at: The share of weight that must be met, of the criteria that are applicable.
        by: Whether to use log-probabilities, votes, or what there is.
        votes: How many answers are drawn for a criterion where votes decide.
        prompt: Asks about one criterion. None is `CHECK`, or `CHECK_ANSWER` with an answer.
        options: As for `Session.ask`.

    Returns:
        "fail" when a required criterion is not met, or too little weight; "unsure" when what could
        not be judged might change that, or nothing is applicable; else "pass". The score is the
        mean of the criteria's scores by weight; the evidence are the `Checklist`.
    """
    items = _items(criteria)
    pass_at, votes = share("pass_at", pass_at, above=0), sampled("votes", votes)
    asks = [
        weigh(
            session.step(f"criterion {number}"),
            _asked(question, answer, item, prompt),
            OPTIONS,
            by=by,
            votes=votes,
            **options,
        )
        for number, item in enumerate(items, 1)
    ]
    likely = await gather(asks)
    return judged([_check(i, each) for i, each in zip(items, likely, strict=True)], pass_at)


def _items(criteria: Sequence[str | Criterion]) -> list[Criterion]:
    hint = "give a list of one or more texts or Criterions"
    if isinstance(criteria, str) or not isinstance(criteria, Iterable):
        raise OptionError(given("criteria", criteria), hint=hint)
    given_ones = list(criteria)
    if not given_ones:
        raise OptionError("no criteria", hint=hint)
    return [each if isinstance(each, Criterion) else Criterion(each) for each in given_ones]


def _asked(
    question: Asked, answer: str | None, criterion: Criterion, prompt: Prompt | None
) -> Prompt:
    if answer is not None:
        asking = CHECK_ANSWER if prompt is None else prompt
        return followed_by(question, asking, answer=answer, criterion=criterion.text)
    if not isinstance(question, str):
        msg = f"a text to judge of type {type(question).__name__}"
        raise OptionError(msg, hint="give the text as a str, or a question and an answer")
    return fill(CHECK if prompt is None else prompt, text=question, criterion=criterion.text)


def _check(criterion: Criterion, likely: Distribution) -> Checked:
    yes, no, inapplicable = likely.shares
    if likely.best is None:
        return Checked(criterion, "unsure", None, likely)
    if inapplicable >= yes + no:
        return Checked(criterion, "inapplicable", None, likely)
    score = yes / (yes + no)
    answer: Answer = "yes" if score > 0.5 else "no" if score < 0.5 else "unsure"  # noqa: PLR2004
    return Checked(criterion, answer, score, likely)


def judged(checks: Sequence[Checked], pass_at: float) -> Verdict:
    """Return the verdict of some checks.

    >>> likely = Distribution(OPTIONS, (0.9, 0.1, 0.0), "logprobs", 1, 1.0)
    >>> print(judged([Checked(Criterion("It is polite."), "yes", 0.9, likely)], 1.0))
    pass (90%)
    """
    total = {answer: _weight(checks, answer) for answer in ("yes", "no", "unsure")}
    decided = total["yes"] + total["no"]
    met = total["yes"] / decided if decided else None
    scored = [each for each in checks if each.score is not None]
    weight = sum(each.criterion.weight for each in scored)
    score = sum(c.criterion.weight * (c.score or 0) for c in scored) / weight if scored else None
    evidence = Checklist(tuple(checks), met)
    basis = basis_of(each.likely.basis for each in checks)
    everything = decided + total["unsure"]
    if any(c.criterion.required and c.answer == "no" for c in checks):
        return Verdict("fail", _named(checks, "no", "not met"), score, evidence, basis)
    if not everything:
        return Verdict("unsure", "no criterion is applicable", score, evidence, basis)
    needed = pass_at * everything * (1 - 1e-9)  # sums of weights are rounded
    if total["yes"] + total["unsure"] < needed:
        return Verdict("fail", _named(checks, "no", "not met"), score, evidence, basis)
    open_required = any(c.criterion.required and c.answer == "unsure" for c in checks)
    if total["yes"] < needed or open_required:
        return Verdict("unsure", _named(checks, "unsure", "not judged"), score, evidence, basis)
    return Verdict("pass", _named(checks, "no", "not met"), score, evidence, basis)


def _weight(checks: Sequence[Checked], answer: Answer) -> float:
    return sum(each.criterion.weight for each in checks if each.answer == answer)


def _named(checks: Sequence[Checked], answer: Answer, word: str) -> str:
    named = [
        each.criterion.text + (" (required)" if each.criterion.required else "")
        for each in checks
        if each.answer == answer
    ]
    return f"{word}: {'; '.join(named)}" if named else ""
