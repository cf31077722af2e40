"""`promptkit usage`: the bill, from the ledgers."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from promptkit.cli import DONE
from promptkit.cli.arguments import Arguments
from promptkit.folders import data_folder
from promptkit.format import count, money, tokens
from promptkit.operations.spending import GROUPS, Spending, ledgers_in, parse_since, spending

HELP: Final = """\
promptkit usage [--by model|profile|day] [--since WHEN] [--json]

Shows what was asked and what it cost, from the ledgers that promptkit keeps
of each profile on this machine. Costs are list prices of what was paid;
«saved» is what cached answers would have cost.

  promptkit usage                          by model
  promptkit usage --by day --since 7d      the last week, day by day
  promptkit usage --by profile --json      for a program

  --by model|profile|day   how to group (model)
  --since WHEN             24h, 7d, 2w, today, or a date such as 2026-11-01
  --json                   one JSON array; costs in US dollars
"""

_HEAD: Final = ("calls", "cached", "failed", "tokens in", "tokens out", "cost", "saved")
_GAP: Final = 2
_NARROWEST: Final = 8
"""The fewest columns of a terminal in which names are broken rather than whole lines."""


def main(words: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        PromptkitError: When an option is wrong or a ledger cannot be read.
    """
    arguments = Arguments("usage", HELP)
    arguments.one_of("--by", tuple(GROUPS), "model")
    arguments.add_argument("--since")
    arguments.add_argument("--json", action="store_true")
    options = arguments.read(words)
    if options is None:
        return DONE
    since = parse_since(options.since, datetime.now().astimezone()) if options.since else 0.0
    groups = spending(ledgers_in(data_folder()), options.by, since)
    if options.json:
        print(json.dumps([_as_json(group, options.by) for group in groups], indent=2))
    elif not groups:
        print(f"no calls{f' since {options.since}' if options.since else ' yet'}")
    else:
        _show(groups, options.by)
    return DONE


def _as_json(group: Spending, by: str) -> dict[str, object]:
    values = asdict(group)
    return {by: values.pop("group"), **values, "cost_usd": group.known_usd}


def _show(groups: list[Spending], by: str) -> None:
    lines = [_cells(group) for group in groups]
    total = Spending("total")
    for group in groups:
        total = total.plus(group)
    foot = _cells(total) if len(groups) > 1 else None
    if sys.stdout.isatty():
        _print_rich(by, lines, foot)
    else:
        _print_plain([(by, *_HEAD), *lines, *([foot] if foot else [])])
    for note in _notes(total):
        print(note)


def _cells(group: Spending) -> tuple[str, ...]:
    return (
        group.group or "(none)",
        *(f"{number:,}" for number in (group.calls, group.cached, group.failed)),
        *(tokens(number) for number in (group.input_tokens, group.output_tokens)),
        "unknown" if group.known_usd is None else money(group.known_usd),
        money(group.saved_usd),
    )


def _notes(total: Spending) -> list[str]:
    notes = []
    if total.unpriced:
        notes.append(f"The cost leaves out {count(total.unpriced, 'answer')} of unknown price.")
    if total.unsettled_usd:
        up_to = money(total.unsettled_usd)
        notes.append(f"Calls that got no answer may have cost up to {up_to} more.")
    return notes


def _print_plain(lines: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *numbers in lines:
        cells = [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]))


def _print_rich(by: str, lines: list[tuple[str, ...]], foot: tuple[str, ...] | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    rows = [(by, *_HEAD), *lines, *([foot] if foot else [])]
    numbers = [max(map(len, column)) + _GAP for column in list(zip(*rows, strict=True))[1:]]
    if console.width - sum(numbers) < _NARROWEST:
        _print_plain(rows)  # the terminal breaks its lines, and nothing is lost
        return
    # Only the names may be broken: a number that is cut is a wrong number.
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_footer=foot is not None)
    table.add_column(by, foot[0] if foot else "", overflow="fold")
    for place, name in enumerate(_HEAD, 1):
        table.add_column(name, foot[place] if foot else "", justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*map(Text, line))
    console.print(table)
