"""A pairwise judge: which of two answers is better, asked in both orders.

Judges favour a place as well as an answer, so each pair is shown twice, the second time with the
answers swapped. Whether both verdicts agree is reported, and where they do not, nobody has won.

Agreement is no safety net: a judge can be wrong in both orders. `judge_report` tells agreement and
accuracy together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from promptkit.explanation import Section, Table
from promptkit.primitives.answers import Extractor
from promptkit.primitives.asking.arguments import one_of, takes
from promptkit.primitives.asking.likelihood import WeighBy, checked_votes, weigh
from promptkit.primitives.asking.primitive import Asked, followed_by, gather, primitive
from promptkit.primitives.verifier import likelihood_by
from promptkit.prompt import Prompt
from promptkit.result import Basis, Result, basis_of
from promptkit.session import Session

Winner = Literal["first", "second"]

RUBRIC: Final = "The better answer is the one that does what was asked, correctly and completely."

PAIR: Final = Prompt(
    "Two answers were given.\n\nOutput (a):\n{first}\n\nOutput (b):\n{second}\n\n{rubric:trusted} "
    "Which is better? Reply with «Output (a)» or «Output (b)» only."
)
"""Slots `first`, `second` and `rubric`; it stands after the question."""

LABELS: Final = ("Output (a)", "Output (b)")
"""What the judge calls the answer shown first, and the one shown second."""

PairJudge = Callable[[Session, Asked, str, str], "Awaitable[Any] | Any"]
"""Says how likely the answer shown first is the better one: a number from 0 to 1, a bool, a Verdict
or a Result; None when it cannot say."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the judge said in each order.

    Attributes:
        p_first: The probability that the first answer is better, shown first; None where the
            judge named neither.
        p_first_swapped: The same with the answers swapped: the first was shown second.
    """

    p_first: float | None
    p_first_swapped: float | None

    @property
    def verdicts(self) -> tuple[Winner | None, Winner | None]:
        """The winner as shown, and the winner when swapped; None for a tie or no verdict."""
        return _winner(self.p_first), _winner(self.p_first_swapped)

    @property
    def agrees(self) -> bool:
        """Whether both orders have the same winner."""
        as_shown, swapped = self.verdicts
        return as_shown is not None and as_shown == swapped

    @property
    def mean(self) -> float | None:
        """The mean of the two probabilities: what is left when a leaning to a place is averaged."""
        if self.p_first is None or self.p_first_swapped is None:
            return None
        return (self.p_first + self.p_first_swapped) / 2

    def sections(self) -> Iterator[Section]:
        """Yield what was said in each order."""
        orders = zip(("as given", "swapped"), (self.p_first, self.p_first_swapped), strict=True)
        rows = tuple(
            (order, "no verdict" if p is None else f"{p:.0%}", _winner(p) or "none")
            for order, p in orders
        )
        yield Table("Both orders", ("order", "the first is better", "winner"), rows)


def _winner(p_first: float | None) -> Winner | None:
    if p_first is None or p_first == 0.5:  # noqa: PLR2004 -- a tie
        return None
    return "first" if p_first > 0.5 else "second"  # noqa: PLR2004 -- the same


@primitive
async def compare(
    session: Session,
    /,
    question: Asked,
    first: str,
    second: str,
    *,
    rubric: str = RUBRIC,
    prompt: Prompt = PAIR,
    labels: tuple[str, str] = LABELS,
    judge: PairJudge | None = None,
    on_disagreement: Literal["unknown", "mean"] = "unknown",
    by: WeighBy = "auto",
    votes: int = 5,
    extract: Extractor | None = None,
    **options: Any,
) -> Result[Winner]:
    """Tell which of two answers is better, asked in both orders.

    Two calls where log-probabilities come, else `2 * votes`; or two runs of `judge`.

    >>> import promptkit as pk
    >>> def prefers_long(request):
    ...     a, b = request.text.split("Output (b):")
    ...     return "Output (a)" if len(a) > len(b) else "Output (b)"
    >>> session = pk.connect(transport=pk.testing.Scripted(prefers_long), model="scripted")
    >>> short, long = "Mice do.", "Mice fear cats, " * 20
    >>> pk.run(compare(session, "Who fears cats?", short, long)).value
    'second'
    >>> says_a = pk.connect(transport=pk.testing.Scripted("Output (a)"), model="scripted")
    >>> print(pk.run(compare(says_a, "Who fears cats?", short, long)))
    unknown: the orders disagree

    Args:
        session: Who judges.
        question: What both answer.
        first: One answer.
        second: The other.
        rubric: What makes an answer better.
        prompt: Stands after the question; slots `first`, `second` and `rubric`.
        labels: What the prompt calls the answer shown first and the one shown second.
        judge: Another judge of one order, in place of the prompt.
        on_disagreement: Whether two orders with different winners give none, or the winner by
            the mean of the probabilities.
        by: Whether to use log-probabilities, votes, or what there is.
        votes: How many verdicts are drawn in each order where votes decide.
        extract: What reads a label from a judge that reasons first; then votes decide.
        options: As for `Session.ask`.

    Returns:
        "first" or "second"; None when the orders disagree, or a verdict is missing in one. The
        confidence is the mean probability of the winner; the evidence is the `Comparison`.

    Raises:
        OptionError: For a judge that returns no probability, or an argument that is none.
    """
    one_of("on_disagreement", on_disagreement, ("unknown", "mean"))
    votes = checked_votes(votes, by, extract)
    if judge is not None:
        takes("judge", judge, "session", "question", "first", "second")

    async def shown(here: Session, one: str, other: str) -> tuple[float | None, Basis, int]:
        if judge is not None:
            what = "that the answer shown first is better"
            return *await likelihood_by(judge, here, question, one, other, what=what), 1
        asked = followed_by(question, prompt, first=one, second=other, rubric=rubric)
        likely = await weigh(here, asked, labels, by=by, votes=votes, extract=extract, **options)
        p_first = None if likely.best is None else likely[labels[0]]
        return p_first, likely.basis, likely.samples

    one, other = str(first), str(second)
    if one == other:
        return Result.unknown("the answers are the same", samples=0)
    runs = [shown(session.step("as given"), one, other), shown(session.step("swapped"), other, one)]
    (given, basis, drawn), (swapped, other_basis, drawn_too) = await gather(runs)
    said = Comparison(given, None if swapped is None else 1 - swapped)
    known: dict[str, Any] = {
        "evidence": said,
        "samples": drawn + drawn_too,
        "basis": basis_of((basis, other_basis)),
        "extractor": "" if extract is None else str(extract),
    }
    if said.mean is None:
        return Result.unknown("no verdict in one of the orders", **known)
    if not said.agrees and on_disagreement == "unknown":
        return Result.unknown("the orders disagree", **known)
    winner = _winner(said.mean)
    if winner is None:
        return Result.unknown("a tie", **known)
    return Result(winner, said.mean if winner == "first" else 1 - said.mean, **known)
