"""CPU of the client per request, and how near it comes to the ceiling that latency sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .children import server
from .measure import WINDOW, Column, Plan, Row, Section, interleaved, per_thousand, share_of

_LATENCY_MS = 200
_CEILING = WINDOW * 1000 / _LATENCY_MS


def _path(plan: Plan) -> Iterable[Row]:
    with server() as url:

        def order(name: str, turn: int) -> dict[str, Any]:
            return {
                "do": "round",
                "setting": {"url": url, "window": WINDOW},
                "tag": f"{name}-{turn}",
                "count": share_of(plan, name),
                "warm_up": 2 * WINDOW,
            }

        yield from interleaved(plan, plan.who("ask"), order, per_thousand)


def _ceiling(plan: Plan) -> Iterable[Row]:
    with server("--latency-ms", str(_LATENCY_MS)) as url:

        def order(name: str, turn: int) -> dict[str, Any]:
            return {
                "do": "round",
                "setting": {"url": url, "window": WINDOW},
                "tag": f"{name}-{turn}",
                "count": share_of(plan, name),
                "warm_up": WINDOW,
            }

        def read(answer: dict[str, Any], count: int) -> dict[str, float]:
            rate = count / answer["wall_s"]
            return {"share": 100 * rate / _CEILING, "rate": rate}

        yield from interleaved(plan, plan.who("ask"), order, read)


PATH = Section(
    title="The full path",
    target="≤ 0.20 CPU s per 1,000 requests, ≤ 0.10 with `fast`",
    text=(
        "CPU seconds of the whole client process per 1,000 requests with distinct prompts, "
        f"{WINDOW} in flight, from a server that answers at once. Connections are open when the "
        "clock starts; it stops when everything is written and closed. promptkit runs with all "
        "that it has: keys, single flight, an SQLite cache, reservations in two budgets at a "
        "known price, retries, limits, accounting, trace and ledger. The two bare clients do "
        "nothing but send and parse: they are the limits of the machine."
    ),
    columns=(
        Column("cpu", "CPU s / 1,000", "{:.3f}"),
        Column("rate", "requests / s", "{:,.0f}"),
    ),
    run=_path,
)

CEILING = Section(
    title="Share of the ceiling",
    target="≥ 95 %",
    text=(
        f"Answers per second when each takes {_LATENCY_MS} ms and {WINDOW} are in flight, as a "
        f"share of the {_CEILING:,.0f}/s that nobody can exceed; the first and the last wave "
        "count."
    ),
    columns=(
        Column("share", "share of the ceiling, %", "{:.1f}"),
        Column("rate", "requests / s", "{:,.0f}"),
    ),
    run=_ceiling,
    best="most",
)
