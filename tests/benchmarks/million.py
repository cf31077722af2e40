"""Whether a million items run in constant memory and linear time."""

from __future__ import annotations

from collections.abc import Iterable

from .children import Client, PeerError
from .measure import WINDOW, Column, Plan, Row, Section, say

_PARTS = (0.1, 0.3, 1.0)
_PEER_PART = 0.1
"""Peers that keep every item would not end, or not fit into memory, beyond this."""


def _million(plan: Plan) -> Iterable[Row]:
    for name in plan.who("noop"):
        parts = _PARTS if name == "promptkit" else (_PEER_PART,)
        for part in parts:
            yield _map(name, round(plan.items * part))


def _map(name: str, count: int) -> Row:
    row = Row(name, f"{count:,} items")
    try:
        with Client(name) as client:  # a process of its own: the peak of memory never falls
            row.versions = client.versions()
            setting = {"url": "", "window": WINDOW, "kind": "noop"}
            answer = client.order("items", setting=setting, tag="item", count=count)
    except PeerError as error:
        row.failed = str(error).partition("\n")[0]
        return row
    if answer["right"] != count:
        row.failed = f"{answer['right']:,} of {count:,} items are right"
        return row
    row.add(
        peak=answer["peak_mb"],
        each=answer["cpu_s"] * 1e6 / count,
        seconds=answer["wall_s"],
    )
    say(f"  {name}, {count:,} items: {answer['peak_mb']:.0f} MB, {answer['wall_s']:.1f} s")
    return row


MILLION = Section(
    title="A million items",
    target="≤ 150 MB peak, linear time",
    text=(
        "Peak memory of the whole process (its largest resident set, the interpreter and all "
        "imports included) and CPU per item for one map over that many distinct prompts, "
        f"{WINDOW} at a time, through a transport that answers at once. promptkit runs with what "
        "`connect(transport=…)` gives: a cache in memory, budget, retries, accounting and trace. "
        "Time is linear when the CPU per item does not grow."
    ),
    columns=(
        Column("peak", "peak MB", "{:,.0f}"),
        Column("each", "CPU µs / item", "{:.1f}"),
        Column("seconds", "s", "{:,.1f}"),
    ),
    run=_million,
)
