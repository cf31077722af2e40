"""Tree of thoughts on the hundred puzzles that Yao et al. 2023 (arXiv:2305.10601) tried GPT-4 on.

The traces of their search are not among the recorded answers here. So the model is a solver that
proposes every step, and whose judgement is wrong as often as it is told: what the search makes of a
judge is seen, and that it asks no more than it says. GPT-4 solved 74 of these with five kept.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache, partial
from random import Random
from typing import Any

import pytest
from game_of_24 import is_24, numbers_left, reaches_24, solver, state_of

import promptkit as pk
from promptkit.primitives import tree_of_thoughts
from promptkit.testing import Scripted

from .recorded import load


@cache
def puzzles() -> tuple[str, ...]:
    """The puzzles of rank 901 to 1000, the hardest that the paper took."""
    lines = load("reliability/tot/src/tot/data/24/24.csv").splitlines()
    return tuple(line.split(",")[1] for line in lines[901:1001])


def erring(error: float, request: pk.Request) -> str:
    """Judge the other way round for this share of the judgements, the same ones in every run."""
    answer = solver(request)
    if answer not in ("sure", "impossible"):
        return answer
    state = state_of(request)
    wrong = Random(f"{state} {request.sample}").random() < error
    return ("impossible" if answer == "sure" else "sure") if wrong else answer


@cache
def solved(error: float, count: int = 100, **how: Any) -> tuple[int, float]:
    """Return how many puzzles are solved, and the calls for each on average."""
    model = Scripted(partial(erring, error))
    session = pk.connect(transport=model, model="scripted", cache=None)

    async def solve(session: pk.Session, puzzle: str) -> bool:
        result = await tree_of_thoughts(
            session,
            "Use the numbers to reach 24.",
            state=partial(numbers_left, puzzle),
            is_final=partial(is_24, puzzle),
            width=48,
            **how,
        )
        return is_24(puzzle, result.evidence.path)

    found = pk.run(session.map(solve, puzzles()[:count]))
    return sum(found), len(model.requests) / count


def test_each_puzzle_has_a_solution() -> None:
    assert len(puzzles()) == 100
    assert all(reaches_24(tuple(map(Fraction, sorted(p.split())))) for p in puzzles())


@pytest.mark.parametrize("how", ["breadth", "depth"])
def test_with_a_judge_that_knows_all_are_solved(how: str) -> None:
    found, calls = solved(0.0, 30, search=how, keep=1, values=1)
    assert found == 30
    assert calls <= 3 * (1 + 48)


def test_keeping_five_states_makes_up_for_a_judge_that_errs() -> None:
    one, _ = solved(0.2, 40, keep=1)
    five, _ = solved(0.2, 40, keep=5)
    assert one < five


def test_three_judgements_make_up_for_a_judge_that_errs() -> None:
    once, _ = solved(0.2, 40, keep=1, values=1)
    thrice, _ = solved(0.2, 40, keep=1, values=3)
    assert once < thrice
