"""The game of 24: GPT-4's 100 samples for each of 100 puzzles (Yao et al. 2023, arXiv:2305.10601).

A sum with each of four numbers once must make 24. Whether it does is exactly checkable, so these
records show what samples are worth with and without a sound verifier.

The vote is over the answer's whole line, as the paper's 9 % comes out. Over the sum alone, without
the result after it, two more answers count as the same, and it is 8 %.
"""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

import promptkit as pk
from promptkit import primitives as p
from promptkit.primitives import answers

from .recorded import Row, load, per_cent, session_of

LOG = "reliability/tot/logs/game24/gpt-4_0.7_naive_{}_sample_100_start900_end1000.json.gz"
PUZZLES = "reliability/tot/src/tot/data/24/24.csv"
WAYS = {"IO": "standard", "CoT": "cot"}

pytestmark = pytest.mark.anyio


def read_sum(text: str) -> str | None:
    """The sum on the last line, without the mark before it and the result after it."""
    line = text.strip().splitlines()[-1].lower() if text.strip() else ""
    return line.replace("answer: ", "").split("=")[0].strip() or None


SUM = answers.Extractor("sum", read_sum)


LINE = answers.regex(r"(?i)answer: *(.*\S)")
"""The answer's line as it stands."""


@cache
def samples(way: str) -> list[dict[str, Any]]:
    return list(load(LOG.format(WAYS[way])))


@cache
def puzzles() -> list[str]:
    return [row["Puzzles"] for row in csv.DictReader(io.StringIO(load(PUZZLES)))]


def value(node: ast.AST) -> Fraction:  # noqa: PLR0911 -- one for each kind of node
    """The exact value of a sum."""
    match node:
        case ast.Expression(body):
            return value(body)
        case ast.Constant(int(number)):
            return Fraction(number)
        case ast.UnaryOp(ast.USub(), operand):
            return -value(operand)
        case ast.BinOp(left, ast.Add(), right):
            return value(left) + value(right)
        case ast.BinOp(left, ast.Sub(), right):
            return value(left) - value(right)
        case ast.BinOp(left, ast.Mult(), right):
            return value(left) * value(right)
        case ast.BinOp(left, ast.Div(), right):
            return value(left) / value(right)
    raise ValueError(node)


def makes_24(numbers: str, found: str | None) -> bool:
    """Whether a sum uses just these numbers and makes 24."""
    if found is None or sorted(re.findall(r"\d+", found)) != sorted(numbers.split()):
        return False
    try:
        return value(ast.parse(found, mode="eval")) == 24
    except (SyntaxError, ValueError, ZeroDivisionError):
        return False


async def exact(session: pk.Session, question: str, answer: Any) -> float:
    """The verifier: 1 for a sum that makes 24, else 0."""
    return float(makes_24(question, answer.value))


def solved(way: str, ask: Callable[[pk.Session, str], Any]) -> tuple[float, list[pk.Result[Any]]]:
    """The share of puzzles that a primitive solves from the recorded samples, in per cent."""

    async def every() -> list[pk.Result[Any]]:
        return [await ask(session_of(item["ys"]), puzzles()[item["idx"]]) for item in samples(way)]

    results = pk.run(every())
    pairs = zip(samples(way), results, strict=True)
    found = [makes_24(puzzles()[item["idx"]], SUM(r.value or "")) for item, r in pairs]
    return per_cent(found), results


async def majority(session: pk.Session, question: str) -> pk.Result[Any]:
    return await p.vote(session, question, n=100, extract=LINE, stop_when_sure=None)


async def best(session: pk.Session, question: str) -> pk.Result[Any]:
    return await p.best_of(session, question, n=100, verifier=exact, extract=SUM)


async def weighted(session: pk.Session, question: str) -> pk.Result[Any]:
    return await p.weighted_vote(session, question, n=100, verifier=exact, extract=SUM)


async def checked(session: pk.Session, question: str) -> pk.Result[Any]:
    """A vote over the samples that a check of their sums, which knows no puzzle, lets pass."""
    how: dict[str, Any] = {"verifier": None, "checks": [p.checks.arithmetic]}
    return await p.weighted_vote(session, question, n=100, extract=SUM, **how)


async def single(session: pk.Session, question: str) -> pk.Result[Any]:
    """All 100 samples one by one, each as the only one."""
    each = [
        await p.chain_of_thought(session, question, extract=SUM, sample=sample)
        for sample in range(100)
    ]
    return pk.Result(None, evidence=[makes_24(question, result.value) for result in each])


def stored(way: str) -> list[list[bool]]:
    """The verdicts that stand in the log."""
    return [
        list(map(bool, item["accs"])) if "accs" in item else [i["r"] == 1 for i in item["infos"]]
        for item in samples(way)
    ]


@cache
def figures(way: str) -> dict[str, tuple[float | None, float]]:
    """By name: what the log's own verdicts give, and what the primitive gives."""
    verdicts = stored(way)
    _, singles = solved(way, single)
    each = [is_right for result in singles for is_right in result.evidence]
    every = [is_right for verdict in verdicts for is_right in verdict]
    return {
        "one sample": (per_cent(every), per_cent(each)),
        "majority of 100": (None, solved(way, majority)[0]),
        "majority of 100, sums checked": (None, solved(way, checked)[0]),
        "best of 100, exact check": (per_cent(list(map(any, verdicts))), solved(way, best)[0]),
        "weighted vote of 100, exact check": (
            per_cent(list(map(any, verdicts))),
            solved(way, weighted)[0],
        ),
    }


PUBLISHED = {
    ("IO", "one sample"): 7.3,
    ("CoT", "one sample"): 4.0,
    ("CoT", "majority of 100"): 9.0,
    ("IO", "best of 100, exact check"): 33.0,
    ("CoT", "best of 100, exact check"): 49.0,
}


def rows() -> list[Row]:
    """The table's rows."""
    return [
        Row(
            name=f"game of 24, GPT-4 {way}, {name}",
            published=PUBLISHED.get((way, name)),
            recorded=recorded,
            ours=ours,
            n=100,
        )
        for way in WAYS
        for name, (recorded, ours) in figures(way).items()
    ]


@pytest.mark.parametrize(("way", "one", "of_100"), [("IO", 7.34, 33), ("CoT", 4.03, 49)])
def test_one_sample_and_the_best_of_a_hundred(way: str, one: float, of_100: float) -> None:
    found = figures(way)
    assert found["one sample"] == (pytest.approx(one, abs=0.005),) * 2
    assert found["best of 100, exact check"] == (of_100, of_100)
    assert found["weighted vote of 100, exact check"] == (of_100, of_100)


def test_the_majority_of_a_hundred_chains_is_the_papers() -> None:
    assert figures("CoT")["majority of 100"] == (None, 9)


def test_a_check_of_the_sums_in_the_text_is_worth_much_without_knowing_the_puzzle() -> None:
    """Half the chains reckon wrongly somewhere: the check refuses them, and no judge is paid."""
    share, results = solved("CoT", checked)
    refused = sum(result.evidence.scores.refused for result in results)
    assert share == 16
    assert refused > 4500


async def test_stopping_at_a_sum_that_is_right_saves_samples_and_changes_no_answer() -> None:
    drawn = 0
    for item in samples("CoT")[:30]:
        numbers = puzzles()[item["idx"]]
        how: dict[str, Any] = {"n": 100, "verifier": exact, "extract": SUM}
        full = await p.best_of(session_of(item["ys"]), numbers, **how)
        short = await p.best_of(session_of(item["ys"]), numbers, stop_at=1.0, **how)
        assert short.confidence == full.confidence
        assert full.confidence == 0 or short.value == full.value
        drawn += short.samples
    assert drawn < 3000


async def test_equal_samples_are_verified_once() -> None:
    item = samples("IO")[0]
    asked: list[str] = []

    async def counting(session: pk.Session, question: str, answer: Any) -> float:
        asked.append(str(answer))
        return await exact(session, question, answer)

    numbers = puzzles()[item["idx"]]
    await p.best_of(session_of(item["ys"]), numbers, n=100, verifier=counting, extract=SUM)
    assert sorted(asked) == sorted(set(item["ys"]))
