"""Run the demo, print its table, write its page."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from promptkit.answerer import EMBEDDED
from promptkit.connect import connect
from promptkit.demo.techniques import TECHNIQUES, Puzzle, load_puzzles
from promptkit.format import money, seconds
from promptkit.pricing import price_of, priced_on
from promptkit.response import Usage
from promptkit.result import Result
from promptkit.run import run
from promptkit.session import Session
from promptkit.totals import Totals

HOSTED: Final = ("gpt-5.4-mini", "gpt-5.4")
"""Models whose list prices put the run into proportion."""

GUESSING: Final = 0.25
"""The share of right answers of a guess among four choices."""

DEFAULT_PAGE: Final = Path("promptkit-demo.html")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one technique made of all puzzles.

    Attributes:
        interval: 95 % Wilson interval of the accuracy.
    """

    technique: str
    results: tuple[Result[Any], ...]
    right: int
    interval: tuple[float, float]
    usage: Totals
    elapsed_s: float

    @property
    def accuracy(self) -> float:
        """The share of right answers; an abstention is not one."""
        return self.right / len(self.results)

    @property
    def abstentions(self) -> int:
        """How many puzzles got no answer."""
        return sum(result.is_unknown for result in self.results)

    def would_cost(self, model: str) -> float | None:
        """What as many tokens cost on a hosted model; None where its price is unknown."""
        price = price_of(model)
        usage = Usage(self.usage.input_tokens, self.usage.output_tokens)
        return None if price is None else price.cost(usage)


def run_demo(items: int | None = None, html_path: str | os.PathLike[str] | None = None) -> int:
    """Answer the puzzles in three ways, print the table, write the page.

    Args:
        items: How many puzzles; None for all.
        html_path: Where the page goes; None for `promptkit-demo.html` in the working directory.

    Returns:
        0, the exit code.

    Raises:
        PromptkitError: When the embedded model is not installed.
    """
    from promptkit.demo.page import write_page

    puzzles = load_puzzles(items)
    print(
        f"{len(puzzles)} everyday deduction puzzles, three ways to ask, on the embedded model "
        "(135 million parameters, no key, no network)."
    )
    outcomes = run(_all_techniques(puzzles))
    _print_table(outcomes)
    page = Path(html_path or DEFAULT_PAGE)
    write_page(page, puzzles, outcomes)
    print(f"\nThe same with one chain of reasoning in full: {page}")
    return 0


async def _all_techniques(puzzles: Sequence[Puzzle]) -> list[Outcome]:
    # No cache: the table shows what asking takes, not what asking again does.
    async with connect(model=EMBEDDED, cache=None, ledger=False) as session:
        await session.ask(
            "Hello", max_tokens=1
        )  # loads the model, so that no technique pays for it
        completing = session.using(api="completions")
        return [await _measure(completing, name, puzzles) for name in TECHNIQUES]


async def _measure(session: Session, technique: str, puzzles: Sequence[Puzzle]) -> Outcome:
    from promptkit.adapters.intervals import wilson

    step = session.step(technique)
    began = time.monotonic()
    results = await step.map(TECHNIQUES[technique], puzzles)
    right = sum(r.value == p.answer for r, p in zip(results, puzzles, strict=True))
    return Outcome(
        technique,
        tuple(results),
        right,
        wilson(right, len(puzzles)),
        step.usage,
        time.monotonic() - began,
    )


def _print_table(outcomes: Sequence[Outcome]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=None, box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("technique", no_wrap=True)
    for heading in ("right", "95% CI", "unknown", "tokens in", "out", "cost", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    for outcome in outcomes:
        table.add_row(*row(outcome))
    console = Console(highlight=False)
    console.print()
    console.print(table)
    console.print(f"\n{verdict(outcomes)}")
    console.print(f"\n{prices_sentence(outcomes)}")


def row(outcome: Outcome) -> tuple[str, ...]:
    """Return an outcome as the cells of its row: technique, accuracy, interval and so on."""
    low, high = outcome.interval
    return (
        outcome.technique,
        f"{outcome.accuracy:.0%}",
        f"{100 * low:.0f} to {high:.0%}",
        str(outcome.abstentions),
        f"{outcome.usage.input_tokens:,}",
        f"{outcome.usage.output_tokens:,}",
        money(outcome.usage.cost_usd),
        seconds(outcome.elapsed_s),
    )


def verdict(outcomes: Sequence[Outcome]) -> str:
    """Say what the figures show, and what they do not."""
    direct, *_, selecting = outcomes
    if selecting.interval[0] <= direct.interval[1]:
        return (
            f"{len(direct.results)} puzzles do not tell direct asking and selection-inference "
            "apart: their intervals overlap."
        )
    is_guess = direct.interval[0] <= GUESSING <= direct.interval[1]
    beside = " Asked directly, this model does no better than a guess (25%)." if is_guess else ""
    return (
        f"{beside} Selection-inference gains because each of its steps is small: it picks a fact, "
        "then a rule, among the sentences themselves, and infers from those two alone. That fits "
        "puzzles of two steps. It is no general gain, and the model is too small to be useful."
    ).strip()


def prices_sentence(outcomes: Sequence[Outcome]) -> str:
    """Say what the same tokens cost on hosted models."""
    costs = []
    for model in HOSTED:
        known = [cost for outcome in outcomes if (cost := outcome.would_cost(model)) is not None]
        total = sum(known) if len(known) == len(outcomes) else None
        each = ", ".join(money(cost) for cost in known)
        costs.append(f"{money(total)} on {model} ({each})")
    return (
        f"As many tokens would cost {' and '.join(costs)} at list price ({priced_on()}; counted "
        "by the embedded model's tokenizer, without a provider's cache discount)."
    )
