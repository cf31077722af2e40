"""How the time of a check grows with its input: in CPU time, and with room for a noisy machine."""

from __future__ import annotations

import time
from collections.abc import Callable

_SMALL = 3_000
_FACTOR = 8
_MOST = 4.0
"""A linear check takes 8 times as long for 8 times the text, a quadratic one 64 times."""

_TOO_SHORT_S = 0.02


def _cpu_s(check: Callable[[str], object], text: str) -> float:
    best = float("inf")
    for _ in range(2):
        begun = time.process_time()
        check(text)
        best = min(best, time.process_time() - begun)
    return best


def assert_linear(check: Callable[[str], object], unit: str, *, tail: str = "") -> None:
    """Fail where eight times the text takes more than four times eight times the time."""
    small = (unit * (_SMALL // len(unit) + 1))[:_SMALL] + tail
    large = (unit * (_FACTOR * _SMALL // len(unit) + 1))[: _FACTOR * _SMALL] + tail
    takes = _cpu_s(check, large)
    if takes > _TOO_SHORT_S:
        assert takes < _MOST * _FACTOR * max(_cpu_s(check, small), _TOO_SHORT_S / _FACTOR), unit
