"""What a streamed answer costs the client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .children import server
from .environments import PEERS
from .measure import WINDOW, Column, Plan, Row, Section, interleaved, per_thousand, share_of

_PIECES = (12, 60)
_SHARE = {12: 0.4, 60: 0.15}
"""Of the plan's count: streamed answers are dear for some."""

_LIMIT = {False: max(_PIECES), True: min(_PIECES)}
"""The most pieces that the slow clients get: they need tens of seconds per 1,000 of the others."""


def _streaming(plan: Plan) -> Iterable[Row]:
    for pieces in _PIECES:
        with server("--pieces", str(pieces)) as url:

            def order(name: str, turn: int, url: str = url, pieces: int = pieces) -> dict[str, Any]:
                count = round(share_of(plan, name) * _SHARE[pieces])
                return {
                    "do": "round",
                    "setting": {"url": url, "window": WINDOW, "kind": "stream"},
                    "tag": f"{name}-{turn}",
                    "count": max(WINDOW, count // WINDOW * WINDOW),
                    "warm_up": WINDOW,
                }

            case = f"{pieces} pieces"
            names = [name for name in plan.who("stream") if pieces <= _LIMIT[PEERS[name].share < 1]]
            yield from interleaved(plan, names, order, per_thousand, case)


STREAMING = Section(
    title="Streaming",
    target="≤ 0.5 CPU s per 1,000 answers of 12 pieces",
    text=(
        "CPU seconds of the client per 1,000 streamed answers, every piece handed to the caller "
        f"one by one, usage read from the last event, {WINDOW} in flight, no latency. promptkit "
        "has the full path around it, as above."
    ),
    columns=(
        Column("cpu", "CPU s / 1,000", "{:.3f}"),
        Column("rate", "answers / s", "{:,.0f}"),
    ),
    run=_streaming,
)
