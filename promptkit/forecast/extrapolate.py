"""From what a few items took to what all of them will take, with an interval.

The items that were tried are a stratified random sample (see `strata`), so their mean is unbiased.
Where what an item takes goes with its length, a straight line through the sample is sharper than
the mean: the regression estimator of survey sampling (Cochran, «Sampling Techniques», 1977,
chapter 7). The interval is a prediction interval: besides the error of the estimate it holds the
chance in the items that were not tried.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_Z: Final = 1.959964
"""The 97.5 % quantile of the normal distribution."""

_FEW: Final = {1: 12.706, 2: 4.303}
"""The same of Student's t at one and two degrees of freedom."""

_LINE_FROM: Final = 8
"""With fewer points a line fits by chance."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A forecast number and the interval that holds it in 95 of 100 cases.

    Attributes:
        value: The expected number.
        low: The interval's lower end.
        high: Its upper end; infinite where nothing is known.
    """

    value: float
    low: float
    high: float

    @property
    def is_exact(self) -> bool:
        """Whether the interval is this one number."""
        return self.low == self.high

    def times(self, factor: float) -> Quantity:
        """Return all three numbers times `factor`.

        >>> Quantity(2.0, 1.0, 3.0).times(2)
        Quantity(value=4.0, low=2.0, high=6.0)
        """
        return Quantity(self.value * factor, self.low * factor, self.high * factor)

    def narrowness(self) -> float:
        """Half the interval as a share of the value; 0 when exact.

        >>> Quantity(10.0, 9.0, 11.0).narrowness()
        0.1
        """
        if self.is_exact:
            return 0.0
        return (self.high - self.low) / 2 / self.value if self.value else math.inf


def exactly(number: float) -> Quantity:
    """Return a number that is known."""
    return Quantity(number, number, number)


def student_t(freedom: int) -> float:
    """The 97.5 % quantile of Student's t (Abramowitz and Stegun 1964, 26.7.5).

    >>> [round(student_t(df), 2) for df in (1, 5, 30)]
    [12.71, 2.57, 2.04]
    """
    if freedom in _FEW:
        return _FEW[freedom]
    z, v = _Z, float(freedom)
    first = (z**3 + z) / (4 * v)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    return z + first + second + third


def extrapolate(
    lengths: Sequence[float], found: Sequence[float], count: float, mean_length: float
) -> Quantity:
    """Say what `count` further items will take together.

    >>> extrapolate([1, 2, 3], [5.0, 5.0, 5.0], 10, 2.0)
    Quantity(value=50.0, low=50.0, high=50.0)

    Args:
        lengths: Of the items tried.
        found: What each of them took.
        count: How many items are to come.
        mean_length: Their mean length.
    """
    tried = len(found)
    if count <= 0:
        return exactly(0.0)
    if not tried:
        return Quantity(math.nan, 0.0, math.inf)
    mean = math.fsum(found) / tried
    if tried == 1:
        return Quantity(count * mean, 0.0, math.inf)
    spread = math.fsum((y - mean) ** 2 for y in found)
    value, variance, freedom = count * mean, spread / (tried - 1), tried - 1
    leverage = 1 / tried
    middle = math.fsum(lengths) / tried
    width = math.fsum((x - middle) ** 2 for x in lengths)
    if tried >= _LINE_FROM and width > 0:
        common = math.fsum((x - middle) * (y - mean) for x, y in zip(lengths, found, strict=True))
        rest = max(0.0, spread - common**2 / width) / (tried - 2)
        if rest < variance:
            away = mean_length - middle
            value = count * (mean + common / width * away)
            variance, freedom = rest, tried - 2
            leverage += away**2 / width
    half = student_t(freedom) * math.sqrt(variance * (count**2 * leverage + count))
    # Sums of floats that should cancel out leave a little.
    half = half if half > 1e-9 * abs(value) else 0.0
    value = max(0.0, value)
    return Quantity(value, max(0.0, value - half), value + half)


def strata(lengths: Sequence[float], size: int, chance: random.Random) -> list[int]:
    """Draw `size` of the items without replacement, evenly from the short to the long ones.

    The items are put in the order of their lengths and cut into `size` parts of nearly equal
    number, of each of which one is drawn. Returns places in `lengths`.

    >>> sorted(strata([5, 1, 9, 3], 4, random.Random(0)))
    [0, 1, 2, 3]
    """
    places = list(range(len(lengths)))
    chance.shuffle(places)  # equal lengths come in no order of their own
    places.sort(key=lambda place: lengths[place])
    size = min(size, len(places))
    cuts = [len(places) * part // size for part in range(size + 1)] if size else [0]
    return [places[chance.randrange(low, high)] for low, high in pairwise(cuts)]
