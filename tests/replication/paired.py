"""Statistics of two systems that answered the same questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from scipy.stats import binomtest, chi2, norm


@dataclass(frozen=True, slots=True)
class Paired:
    """What a comparison of paired outcomes gives.

    Attributes:
        n: Questions.
        first_only: How many only the first system has right.
        second_only: How many only the second has right.
        low: Of the 95 % interval of the second's gain, in points (Wald, for paired proportions).
        high: The same.
    """

    n: int
    first_only: int
    second_only: int
    low: float
    high: float

    @property
    def gain(self) -> float:
        """The second's accuracy less the first's, in points."""
        return 100 * (self.second_only - self.first_only) / self.n

    @property
    def mcnemar(self) -> float:
        """McNemar's statistic with the correction for continuity."""
        apart = self.first_only + self.second_only
        return (abs(self.first_only - self.second_only) - 1) ** 2 / apart if apart else 0.0

    @property
    def p_value(self) -> float:
        """Of McNemar's statistic, by the chi-square distribution."""
        return float(chi2.sf(self.mcnemar, 1))

    @property
    def exact_p_value(self) -> float:
        """Of McNemar's exact test."""
        apart = self.first_only + self.second_only
        return float(binomtest(self.first_only, apart, 0.5).pvalue) if apart else 1.0


def paired(first: Sequence[bool], second: Sequence[bool]) -> Paired:
    """Compare two systems by which questions each has right."""
    pairs = list(zip(first, second, strict=True))
    b = sum(one and not other for one, other in pairs)
    c = sum(other and not one for one, other in pairs)
    n = len(pairs)
    half = float(norm.ppf(0.975)) * sqrt(b + c - (b - c) ** 2 / n) / n
    middle = (c - b) / n
    return Paired(n, b, c, 100 * (middle - half), 100 * (middle + half))
