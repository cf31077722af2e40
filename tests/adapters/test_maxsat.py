from __future__ import annotations

import itertools
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.adapters import maxsat, maxsat_worker
from promptkit.adapters.maxsat import Clause, Problem, Solved, enumerated, solve
from promptkit.adapters.maxsat_milp import by_milp
from promptkit.errors import MissingExtraError, OptionError

UNIT = 10**9


@st.composite
def problems(draw: st.DrawFn, least: int = 1) -> Problem:
    """Up to seven variables; weights that are often equal, so that there are ties."""
    size = draw(st.integers(1, 7))
    variable = st.integers(1, size)
    literal = st.builds(lambda v, holds: v if holds else -v, variable, st.booleans())
    clause = st.lists(literal, min_size=1, max_size=3).map(lambda c: tuple(sorted(set(c))))
    weight = st.one_of(st.sampled_from([UNIT, 2 * UNIT]), st.integers(least, UNIT))
    clauses = draw(st.dictionaries(clause, weight, max_size=20))
    kept = {c: w for c, w in clauses.items() if not any(-each in c for each in c)}
    preferred = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return Problem(kept, tuple(preferred))


def brute_force(problem: Problem) -> tuple[bool, ...]:
    """The best assignments, then of the variables in order: as preferred where one has it so."""
    every = list(itertools.product((True, False), repeat=problem.size))
    least = min(problem.broken(values) for values in every)
    best = [values for values in every if problem.broken(values) == least]
    for place, value in enumerate(problem.preferred):
        best = [values for values in best if values[place] == value] or best
    assert len(best) == 1
    return best[0]


def dense(size: int, clauses: int, seed: int) -> list[tuple[int, Clause]]:
    """Beliefs and relations at random, all connected."""
    rng = random.Random(seed)
    found: list[tuple[int, Clause]] = [(rng.randint(1, UNIT), (v,)) for v in range(1, size + 1)]
    found += [(UNIT, (-v, v + 1)) for v in range(1, size)]
    for _ in range(clauses):
        one, other = rng.sample(range(1, size + 1), 2)
        found.append((UNIT, (-one, other) if rng.random() < 0.5 else (-one, -other)))
    return found


@given(problems())
def test_enumeration_is_brute_force_with_the_tie_rule(problem: Problem) -> None:
    assert enumerated(problem) == Solved(brute_force(problem))


@given(problems(least=UNIT // 1_000))
def test_the_integer_program_agrees_with_brute_force(problem: Problem) -> None:
    *_, last = by_milp(problem, until=float("inf"))
    assert last == Solved(brute_force(problem))


@given(problems())
def test_the_integer_program_says_so_where_it_cannot_settle_a_tie(problem: Problem) -> None:
    """Beside a weight of one, floats cannot tell equal from a billionth more."""
    *_, last = by_milp(problem, until=float("inf"))
    best = brute_force(problem)
    assert problem.broken(last.values) == problem.broken(best)
    assert last.values == best or not last.is_settled


def test_a_billionth_beside_a_demand_of_one_is_no_error_and_no_wrong_answer() -> None:
    clauses = {(-1,): UNIT, (1,): 1, (2,): UNIT, (-2, 1): UNIT}
    problem = Problem(clauses, (False, False))
    *_, last = by_milp(problem, until=float("inf"))
    assert last.values == brute_force(problem)


@given(problems())
def test_rc2_agrees_with_brute_force(problem: Problem) -> None:
    pytest.importorskip("pysat", reason="python-sat is not installed")
    from promptkit.adapters.maxsat_rc2 import by_rc2

    assert list(by_rc2(problem)) == [Solved(brute_force(problem))]


@given(problems(), st.randoms(use_true_random=False))
def test_equal_clauses_add_up_and_their_order_makes_no_difference(
    problem: Problem, rng: random.Random
) -> None:
    halves = [
        (part, clause)
        for clause, weight in problem.clauses.items()
        for part in (weight // 2, weight - weight // 2)
    ]
    rng.shuffle(halves)
    assert solve(halves, problem.preferred).values == brute_force(problem)


def test_what_is_not_connected_is_solved_apart() -> None:
    clauses: list[tuple[int, Clause]] = []
    for start in range(1, 401, 4):
        clauses += [(3, (start,)), (2, (-start, start + 1)), (1, (-start - 1,)), (1, (-start - 2,))]
    solved = solve(clauses, [True] * 400, time_limit_s=0.001)  # too short for a process
    assert solved.values == (True, True, False, True) * 100
    assert solved.is_proven
    assert solved.is_settled


def test_what_weighs_nothing_joins_nothing() -> None:
    clauses: list[tuple[int, Clause]] = [(1, (-v,)) for v in range(1, 101)]
    clauses += [(0, (-v, v + 1)) for v in range(1, 100)]
    assert solve(clauses, [True] * 100, time_limit_s=0.001) == Solved((False,) * 100)


@pytest.mark.parametrize("solver", ["milp", "rc2"])
def test_many_connected_variables_are_solved_in_a_process(solver: maxsat.Solver) -> None:
    if solver == "rc2":
        pytest.importorskip("pysat", reason="python-sat is not installed")
    clauses = dense(18, 60, seed=3)
    solved = solve(clauses, [True] * 18, solver=solver, time_limit_s=120)
    merged: dict[Clause, int] = {}
    for weight, clause in clauses:
        merged[clause] = merged.get(clause, 0) + weight
    assert solved == enumerated(Problem(merged, (True,) * 18))


def test_ties_among_many_variables_are_settled_in_their_order() -> None:
    clauses: list[tuple[int, Clause]] = [(UNIT, (-v, -v - 1)) for v in range(1, 40)]
    clauses += [(UNIT, (v, v + 1)) for v in range(1, 40)]  # each other one, from either end
    for preferred in ([True] * 40, [False] * 40):
        values = solve(clauses, preferred, time_limit_s=120).values
        assert values == tuple((place % 2 == 0) == preferred[0] for place in range(40))


def test_when_the_time_runs_out_the_best_that_was_found_is_returned() -> None:
    clauses = dense(200, 4000, seed=1)
    solved = solve(clauses, [True] * 200, time_limit_s=0.2)
    assert not solved.is_proven
    assert not solved.is_settled
    problem = Problem(maxsat._merged(clauses), (True,) * 200)
    for start in (True, False):
        assert problem.broken(solved.values) <= problem.broken([start] * 200)


def test_improving_ends_where_turning_one_variable_helps_no_more() -> None:
    problem = Problem(maxsat._merged(dense(60, 500, seed=4)), (True,) * 60)
    values = maxsat._improved(problem, problem.preferred, until=float("inf"))
    assert problem.broken(values) < problem.broken(problem.preferred)
    for place in range(60):
        turned = [value != (i == place) for i, value in enumerate(values)]
        assert problem.broken(turned) >= problem.broken(values)


def test_a_process_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "import sys, time; print('[[true], true, false]', flush=True); time.sleep(600)"
    monkeypatch.setattr(maxsat_worker, "_COMMAND", ("-c", said))
    found = maxsat_worker.in_worker(Problem({(1,): 1}, (False,)), "milp", 2.0)
    assert found in {Solved((True,), is_proven=True, is_settled=False), None}


def test_where_no_process_can_be_started_there_is_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    solved = solve(dense(20, 30, seed=5), [True] * 20)
    assert not solved.is_proven
    assert len(solved.values) == 20


def test_lines_of_the_solvers_own_are_not_read() -> None:
    output = b"noise\n[[true, false], true, false]\nHighs says [1]\n[[true, fal"
    assert maxsat_worker._last(output) == Solved((True, False), is_proven=True, is_settled=False)
    assert maxsat_worker._last(b"nothing\n") is None


def test_without_python_sat_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("promptkit.adapters.maxsat_rc2.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'promptkit\[maxsat\]'"):
        solve(dense(20, 5, seed=2), [True] * 20, solver="rc2")


@pytest.mark.parametrize(
    "how", [{"solver": "sat"}, {"time_limit_s": 0}, {"time_limit_s": float("nan")}]
)
def test_wrong_arguments_are_told(how: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        solve([], [], **how)  # type: ignore[arg-type]
