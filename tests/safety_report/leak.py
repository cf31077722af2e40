"""Measures `find_leak` and canaries, on texts of our own; the threshold was chosen on some."""

from __future__ import annotations

import time
from collections.abc import Iterable

from promptkit.adapters.intervals import wilson
from promptkit.safety import Canary, find_leak
from tests.safety_report.leak_texts import CASES, HELD_OUT, WAYS, Case
from tests.safety_report.row import Row

CANARY = Canary("3f9a61c07be4d215")
SETS = (
    ("own texts, on which the threshold was chosen", CASES),
    ("own texts, written afterwards", HELD_OUT),
)


def rows() -> list[Row]:
    """Return the figures."""
    found: list[Row] = []
    for data, cases in SETS:
        copies = [bool(find_leak(way(c.system), c.system)) for c in cases for way in WAYS.values()]
        ordinary = [bool(find_leak(a, c.system)) for c in cases for a in c.ordinary]
        retold = [bool(find_leak(a, c.system)) for c in cases for a in c.retold]
        found += [
            _share(
                "copies found, in 18 ways", data, copies, "≥ 95 %", reached=_mean(copies) >= 0.95
            ),
            _share("false positives", data, ordinary, "≤ 5 %", reached=_mean(ordinary) <= 0.05),
            _share("retold or translated, found (not covered)", data, retold),
        ]
    hidden = [bool(CANARY.find(way(CANARY.token))) for way in WAYS.values()]
    clear = [bool(CANARY.find(a)) for c in _all() for a in (*c.ordinary, c.system)]
    found += [
        _share("canaries found, in 18 ways", "one token", hidden, "100 %", reached=all(hidden)),
        _share("false positives of a canary", "own texts", clear, "0 %", reached=not any(clear)),
        _speed(),
    ]
    return found


def _all() -> Iterable[Case]:
    return (*CASES, *HELD_OUT)


def _mean(outcomes: list[bool]) -> float:
    return sum(outcomes) / len(outcomes)


def _share(
    what: str, data: str, outcomes: list[bool], goal: str = "", *, reached: bool | None = None
) -> Row:
    low, high = wilson(sum(outcomes), len(outcomes))
    return Row(
        check="find_leak",
        what=what,
        data=data,
        value=_mean(outcomes),
        low=low,
        high=high,
        count=len(outcomes),
        goal=goal,
        is_reached=reached,
    )


def _speed() -> Row:
    answer = (" ".join(CASES[3].ordinary) * 3)[:1024]
    best = float("inf")
    for _ in range(30):
        begun = time.process_time()
        find_leak(answer, CASES[3].system, CANARY)
        best = min(best, time.process_time() - begun)
    return Row(
        check="find_leak",
        what="milliseconds for 1 KB",
        data="an answer, with a canary",
        value=best * 1000,
        goal="≤ 2 ms",
        is_reached=best <= 0.002,
    )
