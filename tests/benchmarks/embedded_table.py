"""The embedded model's table, as the guide shows it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from promptkit.adapters.intervals import wilson

if TYPE_CHECKING:
    from .embedded import Row

PAGE: Final = Path(__file__).parents[2] / "docs" / "embedded-model.md"
BEGIN: Final = "<!-- The table: written by `python -m tests.benchmarks.embedded`, not by hand. -->"
END: Final = "<!-- End of the table. -->"
SETS: Final = ("demo", *(f"depth-{depth}" for depth in range(1, 6)), "absent", "ProntoQA")
WAYS: Final = (
    *("direct", "chain of thought", "vote of 3 chains"),
    *("selection-inference", "by likelihood", "beam of 2", "maieutic"),
)
"""The order of the rows."""


def lines(rows: Iterable[Row]) -> list[str]:
    """Return the table in Markdown, set by set."""
    table = [
        "| items | way | n | right | 95 % interval | wrong | unknown | calls | tokens in | out |",
        "|---|---|--:|--:|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        count = len(row.outcomes)
        if not count:
            continue
        right = row.outcomes.count("r")
        low, high = wilson(right, count)
        table.append(
            f"| {row.set} | {row.way} | {count} | {right / count:.0%} "
            f"| {100 * low:.0f} to {high:.0%} | {row.outcomes.count('w')} "
            f"| {row.outcomes.count('u')} | {row.calls / count:.1f} "
            f"| {row.tokens_in / count:,.0f} | {row.tokens_out / count:,.0f} |"
        )
    return table


def _place(row: Row) -> tuple[int, int]:
    return SETS.index(row.set), WAYS.index(row.way)


def write_table(rows: list[Row]) -> str:
    """Put the table into the page, and return it."""
    text = "\n".join(lines(sorted(rows, key=_place)))
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")
    return text
