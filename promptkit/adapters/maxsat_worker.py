"""Solves a MAX-SAT problem in a process of its own, which can be ended when its time is over.

Neither HiGHS nor RC2 can be trusted to stop in time, and neither can be stopped from outside. The
process reads a problem from its standard input, and writes each better answer as a line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Final

from promptkit.adapters.maxsat import Problem, Solved, Solver

_COMMAND: Final = ("-P", "-m", __name__)  # -P: no module of the working folder is meant

_OWN_SHARE: Final = 0.75
"""Of the time, what HiGHS is told: it looks at the clock now and then only."""

_LEAST_S: Final = 0.05
"""With less time left than this, no process is started."""


def in_worker(problem: Problem, solver: Solver, seconds: float) -> Solved | None:
    """Return the best that is found within some seconds; None where nothing is.

    Raises:
        MissingExtraError: For "rc2" where python-sat is not installed.
    """
    if solver == "rc2":
        from promptkit.adapters.maxsat_rc2 import check_installed

        check_installed()
    if seconds < _LEAST_S or not sys.executable:
        return None
    task = [solver, list(problem.clauses.items()), problem.preferred, seconds]
    try:
        done = subprocess.run(  # noqa: S603 -- our own module
            [sys.executable, *_COMMAND],
            input=json.dumps(task).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return _last(error.stdout or b"")
    except OSError:  # no further process can be started here
        return None
    return _last(done.stdout)


def _last(output: bytes) -> Solved | None:
    """Read the last answer; solvers also write lines of their own, and one may be cut short."""
    for line in reversed(output.decode(errors="replace").splitlines()):
        try:
            values, is_proven, is_settled = json.loads(line)
        except (ValueError, TypeError):
            continue
        return Solved(tuple(values), is_proven, is_settled)
    return None


def main() -> None:
    """Read a problem and write what is found, as it is found."""
    began = time.monotonic()
    solver, clauses, preferred, seconds = json.load(sys.stdin)
    weights = {tuple(clause): weight for clause, weight in clauses}
    problem = Problem(weights, tuple(preferred))
    if solver == "rc2":
        from promptkit.adapters.maxsat_rc2 import by_rc2

        answers = by_rc2(problem)
    else:
        from promptkit.adapters.maxsat_milp import by_milp

        answers = by_milp(problem, began + seconds * _OWN_SHARE)
    for answer in answers:
        line = json.dumps([answer.values, answer.is_proven, answer.is_settled])
        sys.stdout.write(f"\n{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
