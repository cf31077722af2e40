"""Weighted MAX-SAT: the assignment that satisfies the most weight of clauses, and exactly one.

Three rules:

1. The answer does not depend on chance or order. Among assignments of equal weight, the variables
   are settled in their order: each is as preferred if some optimum has it so. Weights are whole
   numbers, so that equal means equal.
2. What is not connected is solved apart. Up to `ENUMERATED` variables, every assignment is tried;
   above, a process of its own solves an integer program by scipy's HiGHS, or runs the tuned RC2.
3. Nothing takes longer than the time limit: that process is ended. The best by then, of what it had
   found and of what turning single variables had, is returned, and is said to be unproven.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from promptkit.errors import OptionError

Clause = tuple[int, ...]
"""Literals of which one must hold: variable v, from 1 on, is v where it must be true, else -v."""

Solver = Literal["milp", "rc2"]

LONGEST_S: Final = 1e6
"""Seconds; a timer takes no more than this everywhere."""

ENUMERATED: Final = 16
"""So many variables are enumerated: the largest tree of the paper's data has that many nodes."""


@dataclass(frozen=True, slots=True)
class Solved:
    """An assignment.

    Attributes:
        values: Of each variable, in order.
        is_proven: Whether no other assignment satisfies more weight.
        is_settled: Whether it is the one that the tie rule names.
    """

    values: tuple[bool, ...]
    is_proven: bool = True
    is_settled: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """Connected variables, 1 to n.

    Attributes:
        clauses: The weight of each, a whole number above 0.
        preferred: Of each variable, the value that it takes in a tie.
    """

    clauses: Mapping[Clause, int]
    preferred: tuple[bool, ...]

    @property
    def size(self) -> int:
        """How many variables there are."""
        return len(self.preferred)

    def broken(self, values: Sequence[bool]) -> int:
        """Return the weight of the clauses that an assignment does not satisfy."""
        return sum(
            weight
            for clause, weight in self.clauses.items()
            if not any(values[abs(literal) - 1] == (literal > 0) for literal in clause)
        )


def check_solving(solver: str, time_limit_s: float) -> None:
    """Refuse a solver that there is not, and a time that is none.

    Raises:
        OptionError: For either.
    """
    if solver not in ("milp", "rc2"):
        raise OptionError("an unknown solver", hint='solver is "milp" or "rc2"')
    is_number = isinstance(time_limit_s, (int, float)) and not isinstance(time_limit_s, bool)
    if not (is_number and 0 < time_limit_s < LONGEST_S):
        what = time_limit_s if is_number else f"a {type(time_limit_s).__name__}"
        raise OptionError(f"time_limit_s={what}", hint=f"seconds above 0, below {LONGEST_S:g}")


def solve(
    clauses: Iterable[tuple[int, Clause]],
    preferred: Sequence[bool],
    *,
    solver: Solver = "milp",
    time_limit_s: float = 10.0,
) -> Solved:
    """Return the assignment of the most satisfied weight.

    >>> solve([(2, (1,)), (3, (-1, 2)), (1, (-2,))], preferred=[True, True]).values
    (True, True)

    Args:
        clauses: (weight, clause) pairs; equal clauses add up.
        preferred: Of each variable, the value that it takes in a tie; in the order of ties.
        solver: What solves more than `ENUMERATED` connected variables.
        time_limit_s: Seconds for everything.

    Raises:
        OptionError: For an unknown solver or a time limit that is not above 0.
        MissingExtraError: For "rc2" where python-sat is not installed.
    """
    check_solving(solver, time_limit_s)
    until = time.monotonic() + time_limit_s
    merged = _merged(clauses)
    values = list(preferred)
    is_proven = is_settled = True
    # The small ones first, so that a hard one takes no time from them.
    for part in sorted(_connected(merged, len(preferred)), key=len):
        problem = _restricted(merged, part, preferred)
        solved = enumerated(problem) if len(part) <= ENUMERATED else _worked(problem, solver, until)
        for variable, value in zip(part, solved.values, strict=True):
            values[variable - 1] = value
        is_proven = is_proven and solved.is_proven
        is_settled = is_settled and solved.is_settled
    return Solved(tuple(values), is_proven, is_settled)


def _worked(problem: Problem, solver: Solver, until: float) -> Solved:
    """Solve in a process; what single turns find before is there if it ends too late."""
    from promptkit.adapters.maxsat_worker import in_worker

    starts = [problem.preferred, (False,) * problem.size]
    found = [_improved(problem, values, until) for values in starts]
    solved = in_worker(problem, solver, until - time.monotonic())
    if solved is not None and solved.is_proven:
        return solved
    found += [solved.values] if solved else []
    return Solved(min(found, key=problem.broken), is_proven=False, is_settled=False)


def _merged(clauses: Iterable[tuple[int, Clause]]) -> dict[Clause, int]:
    """Add up equal clauses; leave out those that weigh nothing or always hold."""
    merged: defaultdict[Clause, int] = defaultdict(int)
    for weight, clause in clauses:
        literals = set(clause)
        if weight > 0 and not any(-literal in literals for literal in literals):
            merged[tuple(sorted(literals))] += weight
    return dict(sorted(merged.items()))


def _connected(clauses: Iterable[Clause], size: int) -> list[list[int]]:
    """Return the variables in groups that no clause joins, each in order."""
    root = list(range(size + 1))

    def find(variable: int) -> int:
        while root[variable] != variable:
            root[variable] = root[root[variable]]
            variable = root[variable]
        return variable

    for clause in clauses:
        for literal in clause[1:]:
            root[find(abs(literal))] = find(abs(clause[0]))
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for variable in range(1, size + 1):
        groups[find(variable)].append(variable)
    return list(groups.values())


def _restricted(
    clauses: Mapping[Clause, int], part: Sequence[int], preferred: Sequence[bool]
) -> Problem:
    place = {variable: number for number, variable in enumerate(part, 1)}
    own = {
        tuple(place[abs(literal)] * (1 if literal > 0 else -1) for literal in clause): weight
        for clause, weight in clauses.items()
        if abs(clause[0]) in place
    }
    return Problem(own, tuple(preferred[variable - 1] for variable in part))


def enumerated(problem: Problem) -> Solved:
    """Try every assignment, the preferred one first, so that the first best settles ties."""
    size = problem.size
    numbers = np.arange(2**size, dtype=np.int64)
    is_turned = [(numbers >> (size - 1 - place)) & 1 for place in range(size)]
    broken = np.zeros(2**size, dtype=np.int64)
    for clause, weight in problem.clauses.items():
        fails = np.ones(2**size, dtype=bool)
        for literal in clause:
            place = abs(literal) - 1
            holds_unturned = problem.preferred[place] == (literal > 0)
            fails &= is_turned[place] == (1 if holds_unturned else 0)
        broken += fails * np.int64(weight)
    best = int(np.argmin(broken))
    turned = [best >> (size - 1 - place) & 1 for place in range(size)]
    values = (bool(p) != bool(t) for p, t in zip(problem.preferred, turned, strict=True))
    return Solved(tuple(values))


def _improved(problem: Problem, start: tuple[bool, ...], until: float) -> tuple[bool, ...]:
    """Turn single variables as long as that satisfies more, or until a time."""
    touching: list[list[tuple[bool, tuple[tuple[int, bool], ...], int]]] = [[] for _ in start]
    for clause, weight in problem.clauses.items():
        literals = [(abs(literal) - 1, literal > 0) for literal in clause]
        for own in literals:
            others = tuple(other for other in literals if other is not own)
            touching[own[0]].append((own[1], others, weight))
    values = list(start)
    gains = True
    while gains:
        gains = False
        for place, clauses in enumerate(touching):
            if time.monotonic() > until:
                return tuple(values)
            gain = 0
            for wanted, others, weight in clauses:
                if all(values[other] != sign for other, sign in others):  # it hangs on this one
                    gain += weight if values[place] != wanted else -weight
            if gain > 0:
                values[place] = not values[place]
                gains = True
    return tuple(values)
