"""A report on a pairwise judge: its accuracy beside its agreement with itself.

Agreement alone misleads. Over the 92 adversarial pairs of LLMBar's GPTInst (Zeng et al. 2023,
arXiv:2310.07641), a plain judge's accuracy, then its accuracy where both orders agree: GPT-4 86.4
and 88.5 %, LLaMA-2 30.4 and 23.9 %, ChatGPT 26.6 and 12.3 % (replayed in tests/replication).
Keeping what a biased judge agrees with itself on makes it look surer, not righter. So this takes
labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promptkit.errors import OptionError
from promptkit.primitives.compare import Comparison, Winner
from promptkit.result import Result


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """How good a pairwise judge is, against labels.

    Attributes:
        n: How many pairs.
        right_as_given: How often the verdict in the given order is the label.
        right_swapped: How often the verdict with the answers swapped is the label.
        right_both: How often both are.
        agreeing: How often both orders have the same winner.
    """

    n: int
    right_as_given: int
    right_swapped: int
    right_both: int
    agreeing: int

    @property
    def accuracy(self) -> float:
        """The mean accuracy of the two orders."""
        return (self.right_as_given + self.right_swapped) / (2 * self.n)

    @property
    def agreement(self) -> float:
        """The share of pairs with the same winner in both orders."""
        return self.agreeing / self.n

    @property
    def accuracy_where_agreeing(self) -> float | None:
        """The accuracy over those pairs alone; None when there are none."""
        return self.right_both / self.agreeing if self.agreeing else None

    def __str__(self) -> str:
        """Show agreement and accuracy together."""
        where = self.accuracy_where_agreeing
        there = "" if where is None else f"; where the orders agree {where:.1%}"
        return (
            f"accuracy {self.accuracy:.1%} over {self.n} pairs, orders agree on "
            f"{self.agreement:.1%}{there}"
        )


def judge_report(results: Sequence[Result[Winner]], labels: Sequence[Winner]) -> JudgeReport:
    """Report a judge's agreement with itself and its accuracy, which is what counts.

    >>> from promptkit.primitives.compare import Comparison
    >>> said = [Comparison(0.9, 0.2), Comparison(1.0, 1.0)]
    >>> results = [Result.unknown("the orders disagree", evidence=each) for each in said]
    >>> print(judge_report(results, ["first", "second"]))
    accuracy 25.0% over 2 pairs, orders agree on 50.0%; where the orders agree 0.0%

    Args:
        results: What `compare` returned for each pair.
        labels: The better answer of each, as people judge.

    Raises:
        OptionError: For no pairs, or not one label for each, or results without a comparison.
    """
    if not all(isinstance(result.evidence, Comparison) for result in results):
        raise OptionError("a result without a Comparison", hint="leave out pairs that are equal")
    if not results or len(results) != len(labels):
        msg = f"{len(results)} results and {len(labels)} labels"
        raise OptionError(msg, hint="give one label for each result, and at least one")
    verdicts = [result.evidence.verdicts for result in results]
    pairs = list(zip(verdicts, labels, strict=True))
    return JudgeReport(
        n=len(pairs),
        right_as_given=sum(said[0] == label for said, label in pairs),
        right_swapped=sum(said[1] == label for said, label in pairs),
        right_both=sum(said[0] == said[1] == label for said, label in pairs),
        agreeing=sum(result.evidence.agrees for result in results),
    )
