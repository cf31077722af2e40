"""Same meaning: ask a model whether two answers to a question say the same.

What `soft_vote` groups free texts by, in place of the two entailments of Kuhn et al. 2023
(arXiv:2302.09664).
"""

from __future__ import annotations

from typing import Any, Final, Literal

from promptkit.primitives.asking.arguments import sampled
from promptkit.primitives.asking.likelihood import WeighBy, weigh
from promptkit.primitives.asking.primitive import Asked, followed_by, primitive
from promptkit.primitives.verify import YES_NO, Judgement
from promptkit.prompt import Prompt
from promptkit.result import Verdict
from promptkit.session import Session

SAME: Final = Prompt(
    "Two answers were given.\n\nFirst answer:\n{first}\n\nSecond answer:\n{second}\n\nDo both say "
    "the same in answer to the question, however they are worded? Reply yes or no."
)
"""Slots `first` and `second`; it stands after the question."""


@primitive
async def same_meaning(
    session: Session,
    /,
    question: Asked,
    first: str,
    second: str,
    *,
    prompt: Prompt = SAME,
    by: WeighBy = "auto",
    votes: int = 3,
    **options: Any,
) -> Verdict:
    """Judge whether two answers say the same; one call with log-probabilities, else `votes`.

    >>> import promptkit as pk
    >>> session = pk.connect(transport=pk.testing.Scripted("Yes."), model="scripted")
    >>> same = same_meaning(session, "Who fears cats?", "Mice do.", "The mice.")
    >>> pk.run(same).outcome
    'pass'

    Args:
        session: Who judges.
        question: What both answer.
        first: One answer.
        second: The other.
        prompt: Stands after the question; slots `first` and `second`.
        by: Whether to use log-probabilities, votes, or what there is.
        votes: How many judgements are drawn where votes decide.
        options: As for `Session.ask`.

    Returns:
        The verdict, whose score is P(yes); unsure when the judge says neither yes nor no. The
        evidence is a `Judgement` of the second answer.
    """
    votes = sampled("votes", votes)
    asked = followed_by(question, prompt, first=str(first), second=str(second))
    likely = await weigh(session, asked, YES_NO, by=by, votes=votes, **options)
    evidence = Judgement(str(second), likely)
    if likely.best is None:
        reason = "the judge said neither yes nor no"
        return Verdict("unsure", reason, evidence=evidence, basis=likely.basis)
    score = likely["yes"]
    outcome: Literal["pass", "fail"] = "pass" if score >= 0.5 else "fail"  # noqa: PLR2004 -- half
    return Verdict(outcome, "", score, evidence, likely.basis)
