"""Adaptive consistency: how sure a vote is of its leader, and how many more samples that takes.

Aggarwal et al. 2023 (arXiv:2305.11860). After each sample, look at the counts so far under a
uniform prior, and stop when the leader is the true majority with more than a given probability.
The rule «beta» compares it with the runner-up alone; «dirichlet» with all answers seen, of which
the authors' code takes the five most frequent. With two answers the rules are the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from math import comb, lgamma
from typing import Final, Literal

import numpy as np

StopRule = Literal["beta", "dirichlet"]

SURE: Final = 0.95
"""The paper's threshold: four equal answers in a row pass it (0.969)."""

_CLASSES: Final = 5
"""How many answers the Dirichlet rule looks at, as in the authors' code."""

_GRID: Final = 2001
"""Points of the quadrature; the error is below 1e-9."""


def next_wave(counts: Sequence[int], sure: float, left: int, rule: StopRule = "beta") -> int:
    """Return how many samples to draw at once: the fewest after which the rule could say stop.

    They would all have to go to the leader. So as many are drawn as one after the other would be,
    in far fewer rounds.

    >>> next_wave([], 0.95, 40), next_wave([3, 1], 0.95, 40), next_wave([4], 0.95, 36)
    (4, 3, 0)

    Args:
        counts: Votes of each answer, most votes first.
        sure: The probability that must be exceeded.
        left: The most samples that may still be drawn.
        rule: Which probability it is.
    """
    first, *others = counts or (0,)

    def is_sure(more: int) -> bool:
        return leader_probability((first + more, *others), rule) > sure

    return bisect_left(range(left), True, key=is_sure)


def leader_probability(counts: Sequence[int], rule: StopRule = "beta") -> float:
    """Return the probability that the leader of a vote is the true majority.

    >>> round(leader_probability([4]), 3), round(leader_probability([4, 1, 1], "dirichlet"), 3)
    (0.969, 0.813)

    Args:
        counts: Votes of each answer, most votes first.
        rule: Whether to look at the runner-up alone or at all answers.
    """
    first, second, *others = (*counts, 0, 0)[: max(len(counts), 2)]
    if rule == "beta" or not others:
        return majority_probability(first, second)
    return _dirichlet(tuple(counts[:_CLASSES]))


def majority_probability(first: int, second: int) -> float:
    """Return the probability that the leader of a vote stays ahead of its runner-up.

    It is 1 - I½(first + 1, second + 1), the regularised incomplete beta function at one half
    under a uniform prior, as a sum of binomial coefficients.

    >>> round(majority_probability(4, 0), 3)
    0.969
    """
    n = first + second + 1
    return float(sum(comb(n, k) for k in range(first + 1)) / 2**n)


@lru_cache(maxsize=4096)
def _dirichlet(counts: tuple[int, ...]) -> float:
    """The probability that the first share is the largest, under Dirichlet(counts + 1).

    The shares are independent gamma variables over their sum, so it is the probability that the
    first of these is the largest: one integral of its density times the others' distribution
    functions, which are sums of Poisson probabilities as the shapes are whole.
    """
    first, *others = counts
    most = max(counts) + 1
    x = np.linspace(1e-12, most + 12 * most**0.5 + 30, _GRID)
    powers = np.arange(most)[:, None]
    logs = np.array([lgamma(k + 1) for k in range(most)])[:, None]
    poisson = np.exp(powers * np.log(x) - x - logs)
    below = np.cumsum(poisson, axis=0)
    inside = poisson[first] * np.prod([1 - below[other] for other in others], axis=0)
    step = float(x[1] - x[0])
    odd, even = inside[1:-1:2].sum(), inside[2:-1:2].sum()
    return float(step / 3 * (inside[0] + 4 * odd + 2 * even + inside[-1]))
