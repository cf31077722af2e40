"""A judge: ask a model whether an answer is right, and how sure it is of that.

The probability of «yes» is read from the model's log-probabilities where they come, as Cobbe et
al.'s verifier (arXiv:2110.14168) gives one, and from votes where they do not; the verdict says
which. A judge is no measurement: one that says yes to everything passes everything, and only
labelled examples show it (see `judge_report`). So checks that need no model come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from promptkit.explanation import Section
from promptkit.primitives.answers import Extractor
from promptkit.primitives.asking.arguments import thresholds
from promptkit.primitives.asking.distribution import Distribution
from promptkit.primitives.asking.likelihood import WeighBy, checked_votes, weigh
from promptkit.primitives.asking.primitive import Asked, followed_by, primitive
from promptkit.primitives.checks import Check, run_checks
from promptkit.prompt import Prompt
from promptkit.result import Verdict
from promptkit.session import Session

RUBRIC: Final = "It is right when it answers the question correctly and completely."
"""What the judge looks for, unless told otherwise."""

JUDGE: Final = Prompt(
    "Somebody proposes this answer:\n{answer}\n\nIs the proposed answer right? {rubric:trusted} "
    "Reply yes or no."
)
"""Slots `answer` and `rubric`; it stands after the question."""

REASONED: Final = Prompt(
    "Somebody proposes this answer:\n{answer}\n\nIs the proposed answer right? {rubric:trusted} "
    "Check it step by step. Then write yes or no alone on a last line that begins with «Answer:»."
)
"""The same for a judge that reasons first; use it with `extract=answers.yes_no`."""

YES_NO: Final = ("yes", "no")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge said.

    Attributes:
        answer: What was judged.
        likely: How likely «yes» and «no» are.
    """

    answer: str
    likely: Distribution

    def sections(self) -> Iterator[Section]:
        """Yield the two probabilities."""
        for section in self.likely.sections():
            yield replace(section, title=f"The judge, by {self.likely.basis}")


@primitive
async def verify(
    session: Session,
    /,
    question: Asked,
    answer: str,
    *,
    rubric: str = RUBRIC,
    prompt: Prompt = JUDGE,
    checks: Sequence[Check] = (),
    by: WeighBy = "auto",
    votes: int = 5,
    extract: Extractor | None = None,
    pass_at: float = 0.6,
    fail_at: float = 0.4,
    **options: Any,
) -> Verdict:
    """Judge an answer: pass, fail or unsure, with the probability that it is right.

    No call when a check refuses it; one call where log-probabilities come, else `votes` calls.

    >>> import promptkit as pk
    >>> model = pk.testing.Scripted(lambda r: "yes" if "12" in r.text else "no")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> print(pk.run(verify(session, "3 boxes of 4 pens?", "There are 12.")))
    pass (100%): yes in 5 of 5 votes
    >>> pk.run(verify(session, "3 boxes of 4 pens?", "There are 7.")).outcome
    'fail'

    Args:
        session: Who judges.
        question: What was asked.
        answer: The answer to judge.
        rubric: When an answer is right.
        prompt: Stands after the question; slots `answer` and `rubric`.
        checks: What refuses an answer before the judge is asked, see `checks`.
        by: Whether to use log-probabilities, votes, or what there is.
        votes: How many judgements are drawn where votes decide.
        extract: What reads yes or no from a judge that reasons first; None where the reply is the
            verdict. Then votes decide.
        pass_at: The score from which it passes.
        fail_at: The score down from which it fails; between the two it is unsure.
        options: As for `Session.ask`.

    Returns:
        The verdict; the score is P(yes). It is unsure without a score when the judge says neither
        yes nor no. The evidence is the `Judgement`.

    Raises:
        OptionError: For thresholds that are none, or a number of votes that is not from 1 to 4096.
    """
    fail_at, pass_at = thresholds(pass_at, fail_at)
    votes = checked_votes(votes, by, extract)
    checked = await run_checks(checks, answer)
    if checked.outcome == "fail":
        return checked
    asked = followed_by(question, prompt, answer=str(answer), rubric=rubric)
    how: dict[str, Any] = {"by": by, "votes": votes, "extract": extract, **options}
    likely = await weigh(session, asked, YES_NO, **how)
    verdict = _verdict(str(answer), likely, pass_at, fail_at)
    return replace(verdict, extractor="" if extract is None else str(extract))


def _verdict(answer: str, likely: Distribution, pass_at: float, fail_at: float) -> Verdict:
    evidence = Judgement(answer, likely)
    if likely.best is None:
        reason = "the judge said neither yes nor no"
        return Verdict("unsure", reason, evidence=evidence, basis=likely.basis)
    score = likely["yes"]
    told = round(likely.samples * likely.mass)
    reason = (
        f"yes in {round(score * told)} of {told} votes"
        if likely.basis == "votes"
        else f"the judge's probability of yes is {score:.2f}"
    )
    if score >= pass_at:
        return Verdict("pass", reason, score, evidence, likely.basis)
    is_low = score <= fail_at
    return Verdict("fail" if is_low else "unsure", reason, score, evidence, likely.basis)
