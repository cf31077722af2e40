from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.adapters.intervals import wilson


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_interval_is_wilsons(right: int, wrong: int) -> None:
    """By the formula of Wilson 1927: the shares whose own error reaches the one counted."""
    n = right + wrong + 1
    z2, share = 1.959964**2, right / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    low, high = wilson(right, n)
    assert (low, high) == pytest.approx((middle - reach, middle + reach), abs=1e-6)
    assert 0 <= low <= share <= high <= 1
