"""The game of 24 as a tree of thoughts, and a solver that stands in for the model.

Four numbers, each used once, make 24 with + - * /. A thought is a step such as «4 + 8 = 12»; the
state is the numbers that are left. The solver proposes every step and knows which states reach 24.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from operator import add, mul, sub, truediv

from tags import plain

from promptkit.primitives.thoughts.thought import Thoughts
from promptkit.request import Request

SIGNS = {"+": add, "-": sub, "*": mul, "/": truediv}


def moves(pool: tuple[Fraction, ...]) -> list[tuple[str, tuple[Fraction, ...]]]:
    """Return every step with the numbers that are left after it."""
    found = []
    for i, a in enumerate(pool):
        for j, b in enumerate(pool):
            rest = [n for k, n in enumerate(pool) if k not in (i, j)]
            for sign, function in SIGNS.items():
                if i != j and (b or sign != "/"):
                    value = function(a, b)
                    found.append((f"{a} {sign} {b} = {value}", tuple(sorted([*rest, value]))))
    return found


@cache
def reaches_24(pool: tuple[Fraction, ...]) -> bool:
    """Whether these numbers can make 24."""
    if len(pool) == 1:
        return pool[0] == 24
    return any(reaches_24(after) for _, after in moves(pool))


def numbers_left(puzzle: str, thoughts: Thoughts) -> str:
    """Return what is left of a puzzle's numbers after some steps."""
    pool = sorted(map(Fraction, puzzle.split()))
    for thought in thoughts:
        a, _, b, _, value = thought.split(" ")
        pool.remove(Fraction(a))
        pool.remove(Fraction(b))
        pool.append(Fraction(value))
    return " ".join(map(str, sorted(pool)))


def is_24(puzzle: str, thoughts: Thoughts) -> bool:
    """Whether the steps solve the puzzle."""
    return numbers_left(puzzle, thoughts) == "24"


def state_of(request: Request) -> str:
    """Return the numbers that a prompt shows."""
    found = re.search(r"<state>\n?(.*?)\n?</state>", plain(request.messages[-1].text), re.DOTALL)
    assert found
    return found[1]


def solver(request: Request) -> str:
    """Propose every step, and judge rightly."""
    pool = tuple(map(Fraction, state_of(request).split()))
    if "next steps" in request.messages[-1].text:
        return "\n".join(step for step, _ in moves(pool))
    return "sure" if reaches_24(pool) else "impossible"
