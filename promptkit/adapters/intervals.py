"""How far a share that was counted may lie from the true one."""

from __future__ import annotations


def wilson(right: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share: `right` of `n`.

    >>> [round(bound, 3) for bound in wilson(8, 10)]
    [0.49, 0.943]
    """
    from scipy.stats import binomtest

    interval = binomtest(right, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
