"""Weighted MAX-SAT as an integer program, solved by scipy's `milp` (HiGHS).

Each variable is 0 or 1, and each clause of several literals has a slack that must be 1 where none
of its literals holds; the weight of the slacks is least. Ties are settled by further programs
that may not break more weight, some variables at a time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptkit.adapters.maxsat import Problem, Solved

_SETTLED_AT_ONCE: Final = 16
"""Variables of one program for ties: the last weighs 1, each before it twice the next."""

_LEAST_S: Final = 0.01

_UNIT: Final = 1e-3
"""A whole number of weight in the program's own unit. HiGHS stops at a gap of 1e-6, which is so a
thousandth of the least difference there is."""


@dataclass(frozen=True, slots=True)
class _Program:
    """The constraints of a problem, and what breaking each of its clauses costs."""

    size: int
    costs: NDArray[np.float64]
    constant: int
    rows: Any
    least: NDArray[np.float64]

    def solved(
        self,
        objective: NDArray[np.float64],
        fixed: Sequence[bool],
        until: float,
        *,
        most: int | None = None,
    ) -> tuple[tuple[bool, ...] | None, bool]:
        """Minimise; return the variables, if any were found in time, and whether it is proven."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        low, high = np.zeros(len(objective)), np.ones(len(objective))
        low[: len(fixed)] = high[: len(fixed)] = np.array(fixed, dtype=float)
        constraints = [LinearConstraint(self.rows, lb=self.least)]
        if most is not None:
            limit = (most - self.constant + 0.5) * _UNIT
            constraints.append(LinearConstraint(self.costs[np.newaxis, :], ub=limit))
        integral = np.concatenate([np.ones(self.size), np.zeros(len(objective) - self.size)])
        outcome = milp(
            objective,
            integrality=integral,
            bounds=Bounds(low, high),
            constraints=constraints,
            options={"time_limit": max(until - time.monotonic(), _LEAST_S), "mip_rel_gap": 0.0},
        )
        if outcome.x is None:
            return None, False
        return tuple(bool(value > 0.5) for value in outcome.x[: self.size]), outcome.status == 0  # noqa: PLR2004 -- a half


def by_milp(problem: Problem, until: float) -> Iterator[Solved]:
    """Yield what is found until a time of `time.monotonic`, each better than the one before."""
    program = _program(problem)
    values, is_proven = program.solved(program.costs, (), until)
    if values is None:
        return
    yield Solved(values, is_proven, is_settled=False)
    if is_proven:
        yield from _settled(problem, program, values, until)


def _program(problem: Problem) -> _Program:
    from scipy.sparse import csr_array

    size = problem.size
    wide = [(clause, weight) for clause, weight in problem.clauses.items() if len(clause) > 1]
    costs = np.zeros(size + len(wide))
    constant = 0
    for clause, weight in problem.clauses.items():
        if len(clause) == 1:  # broken where the variable is 0, or where it is 1
            constant += weight if clause[0] > 0 else 0
            costs[abs(clause[0]) - 1] += (-weight if clause[0] > 0 else weight) * _UNIT
    entries: list[tuple[int, int, float]] = []
    least = np.ones(len(wide))
    for row, (clause, weight) in enumerate(wide):
        costs[size + row] = weight * _UNIT
        entries.append((row, size + row, 1.0))
        for literal in clause:
            entries.append((row, abs(literal) - 1, 1.0 if literal > 0 else -1.0))
            least[row] -= literal < 0
    rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
    matrix = csr_array((values, (rows, columns)), shape=(len(wide), len(costs)))
    return _Program(size, costs, constant, matrix, least)


def _settled(
    problem: Problem, program: _Program, values: tuple[bool, ...], until: float
) -> Iterator[Solved]:
    """Go on to the one among the best assignments that the tie rule names."""
    least = problem.broken(values)
    preferred = problem.preferred
    for start in range(0, problem.size, _SETTLED_AT_ONCE):
        end = min(start + _SETTLED_AT_ONCE, problem.size)
        if values[start:end] == preferred[start:end]:
            continue
        objective = np.zeros(len(program.costs))
        for place in range(start, end):
            objective[place] = 2.0 ** (end - 1 - place) * (-1 if preferred[place] else 1)
        found, is_proven = program.solved(objective, values[:start], until, most=least)
        if found is None or not is_proven or problem.broken(found) != least:
            return  # out of time, or weights too far apart for floats to tell
        values = found
    yield Solved(values)
