"""What an answer from the cache costs, through the whole call path of each client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .children import server
from .measure import WINDOW, Column, Plan, Row, Section, interleaved, share_of

_STORES = {
    "file": "cache in a file",
    "memory": "cache in memory",
    "map": "cache in a file, in a map, with its ledger",
}


def _hits(plan: Plan) -> Iterable[Row]:
    with server() as url:
        for store, case in _STORES.items():

            def order(name: str, turn: int, store: str = store) -> dict[str, Any]:
                setting = {"url": url, "window": WINDOW, "kind": "cached", "store": store}
                count = share_of(plan, name)
                tag = f"{store}-{name}-{turn}"
                return {"do": "again", "setting": setting, "tag": tag, "count": count}

            yield from interleaved(plan, plan.who(store), order, _read, case)


def _read(answer: dict[str, Any], count: int) -> dict[str, float]:
    return {
        "cpu": answer["cpu_s"] * 1e6 / count,
        "rate": count / answer["wall_s"],
        "sent": answer["sent"],
    }


HITS = Section(
    title="Cache hits",
    target="≤ 15 µs and ≥ 60,000/s",
    text=(
        f"CPU of the client per answer from its cache, full call path, {WINDOW} at a time: every "
        "prompt is asked once and then again. With a file the client is closed in between and "
        "opened anew, so that the answers are read from the file. «Sent» counts what reached the "
        "server the second time: a cache that works sends nothing. Each client is called once for "
        "each prompt; promptkit keeps keys, trace and accounts at it. The last rows are its maps, "
        "which open a step of the trace for each item, and write the ledger."
    ),
    columns=(
        Column("cpu", "µs / hit", "{:.1f}"),
        Column("rate", "hits / s", "{:,.0f}"),
        Column("sent", "sent", "{:,.0f}"),
    ),
    run=_hits,
)
