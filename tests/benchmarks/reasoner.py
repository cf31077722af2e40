"""Accuracy of techniques against the error rate of a scripted reasoner.

    python -m tests.benchmarks.reasoner                  every fifth item: some minutes
    python -m tests.benchmarks.reasoner --every 1        all 500 and 600 items
    python -m tests.benchmarks.reasoner --write          also write the tables into the docs

The reasoner (`promptkit.testing.Reasoner`) answers each prompt rightly by deduction, and errs at
one rate in every kind of step. Beside what was measured stands what the rate implies, where that
can be worked out: a chain of k inferences is right with (1 - e)^k, and so is a direct answer, in
which they are made unseen; a vote on ProntoQA follows from the binomial distribution.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import promptkit as pk
from promptkit import primitives as p
from promptkit.logic import clauses_of, close, read_query
from promptkit.testing import Reasoner
from tests.replication.recorded import load

PAGE: Final = Path(__file__).parents[2] / "docs" / "scripted-reasoner.md"
BEGIN: Final = "<!-- The tables: written by `python -m tests.benchmarks.reasoner --write`. -->"
END: Final = "<!-- End of the tables. -->"

SETS: Final = ("ProntoQA", "ProofWriter")
RATES: Final = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)
N: Final = 5
CHOICES: Final = ("True", "False")
VERDICT: Final = p.answers.choice(["True", "False", "Unknown"])
GOLD: Final = {"A": "True", "B": "False", "C": "Unknown"}

Technique = Callable[[pk.Session, dict[str, Any]], Awaitable[pk.Result[Any]]]


def asked(item: dict[str, Any]) -> str:
    """Return context and question as one text."""
    return f"{item['context']}\n{item['question']}"


def reasoned(item: dict[str, Any], **how: Any) -> Any:
    """Return a solver that answers an item by selection-inference, whatever text it is asked."""

    async def solve(session: pk.Session, _: Any) -> pk.Result[Any]:
        context, question = item["context"], item["question"]
        return await p.selection_inference(session, context, question, choices=CHOICES, **how)

    return solve


TECHNIQUES: Final[dict[str, Technique]] = {
    "direct": lambda s, item: p.chain_of_thought(s, asked(item), instruction="", extract=VERDICT),
    "chain of thought": lambda s, item: p.chain_of_thought(s, asked(item), extract=VERDICT),
    f"vote of {N} chains": lambda s, item: p.vote(
        s, asked(item), n=N, extract=VERDICT, stop_when_sure=None
    ),
    f"best of {N} chains": lambda s, item: p.best_of(
        s, asked(item), n=N, extract=VERDICT, verifier=partial(p.verify, votes=1)
    ),
    "selection-inference": lambda s, item: reasoned(item)(s, ""),
    "beam of 3": lambda s, item: reasoned(item, beam=3)(s, ""),
    f"vote of {N} selection-inferences": lambda s, item: p.vote(
        s, asked(item), n=N, of=reasoned(item), stop_when_sure=None
    ),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One technique at one rate.

    Attributes:
        right: Share of right answers; «Unknown» is right where nothing follows.
        unknown: Share without an answer.
        calls: Per item.
        tokens: Per item, in and out, estimated from lengths.
        expected: What the rate implies; None where it was not worked out.
    """

    right: float
    unknown: float
    calls: float
    tokens: float
    expected: float | None


async def measure(name: str, items: Sequence[dict[str, Any]], rate: float, seed: int = 0) -> Any:
    """Yield (technique, Cell) pairs for one set at one rate."""
    for label, technique in TECHNIQUES.items():
        reasoner = Reasoner(errors=rate, seed=seed)
        session = pk.connect(transport=reasoner, model="reasoner", cache=None)
        results = await session.map(technique, items, concurrency=8)
        answers = [str(result.value or "unknown").casefold() for result in results]
        gold = [GOLD[item["answer"]].casefold() for item in items]
        count = len(items)
        usage = session.usage
        yield (
            label,
            Cell(
                sum(map(str.__eq__, answers, gold)) / count,
                sum(result.value is None for result in results) / count,
                usage.requests / count,
                (usage.input_tokens + usage.output_tokens) / count,
                expected(label, name, items, rate),
            ),
        )


def inferences(item: dict[str, Any]) -> int:
    """Return how many inferences an answer takes; one where it must be seen that none leads on."""
    query, closure = read_query(item["question"]), close(clauses_of(item["context"]))
    assert query is not None
    goal = next((each for each in (query, query.negated) if each in closure), None)
    proof = closure.proof(goal) if goal else []
    return max(1, sum(closure.derivations[each].depth > 0 for each in proof))


def expected(label: str, name: str, items: Sequence[dict[str, Any]], rate: float) -> float | None:
    """Return what a rate implies for a technique, where it is known."""
    chances = [(1 - rate) ** inferences(item) for item in items]
    if label in ("direct", "chain of thought"):
        return sum(chances) / len(chances)
    if label == f"vote of {N} chains" and name == "ProntoQA":
        return sum(map(majority, chances)) / len(chances)
    return None


def majority(chance: float, n: int = N) -> float:
    """Return how likely most of n answers out of two are right."""
    return sum(
        math.comb(n, k) * chance**k * (1 - chance) ** (n - k) for k in range(n // 2 + 1, n + 1)
    )


Cells = dict[str, dict[float, Cell]]


async def table(name: str, items: Sequence[dict[str, Any]], rates: Iterable[float]) -> Cells:
    """Measure all techniques on one set."""
    cells: Cells = {label: {} for label in TECHNIQUES}
    for rate in rates:
        async for label, cell in measure(name, items, rate):
            cells[label][rate] = cell
    return cells


def lines(name: str, count: int, cells: Cells) -> list[str]:
    """Return the two tables of a set in Markdown."""
    rates = list(next(iter(cells.values())))
    head = "| technique | " + " | ".join(f"e = {rate:g}" for rate in rates) + " |"
    rule = "|---|" + "---:|" * len(rates)
    said = [
        f"### {name}, {count} items",
        "",
        "Right answers in per cent (in brackets: implied):",
        "",
    ]
    said += [head, rule]
    said += [
        _row(label, [_accuracy(cell) for cell in row.values()]) for label, row in cells.items()
    ]
    said += ["", "Without an answer, in per cent:", "", head, rule]
    said += [
        _row(label, [f"{100 * cell.unknown:.1f}" for cell in row.values()])
        for label, row in cells.items()
        if any(cell.unknown for cell in row.values())
    ]
    said += ["", "Calls and tokens per item:", "", head, rule]
    said += [
        _row(label, [f"{cell.calls:.1f} / {cell.tokens:,.0f}" for cell in row.values()])
        for label, row in cells.items()
    ]
    return [*said, ""]


def _row(label: str, cells: Iterable[str]) -> str:
    return f"| {label} | " + " | ".join(cells) + " |"


def _accuracy(cell: Cell) -> str:
    implied = "" if cell.expected is None else f" ({100 * cell.expected:.1f})"
    return f"{100 * cell.right:.1f}{implied}"


def write_page(tables: Sequence[str]) -> None:
    """Put the tables between the marks of the page."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    day = dt.datetime.now(dt.UTC).date().isoformat()
    body = "\n".join([f"Measured on {day}.", "", *tables])
    PAGE.write_text(f"{before}{BEGIN}\n\n{body}\n{END}{after}")


def main() -> None:
    """Measure, print, and write if told."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reasoner")
    parser.add_argument("--every", type=int, default=5, help="take every so manieth item")
    parser.add_argument("--write", action="store_true", help="write the tables into the docs")
    given = parser.parse_args()
    said: list[str] = []
    for name in SETS:
        items = load(f"reliability/logic_lm/data/{name}/dev.json.gz")[:: given.every]
        part = lines(name, len(items), pk.run(table(name, items, RATES)))
        print("\n".join(part), flush=True)
        said += part
    if given.write:
        write_page(said)


if __name__ == "__main__":
    main()
