"""What `moderated` lets out of a refused sentence, over many ways to cut a text in pieces."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

from promptkit.adapters.intervals import wilson
from promptkit.safety.abuse import abuse_scores
from promptkit.safety.moderating.streamed import moderated
from tests.safety_report.row import Row

_SAFE = (
    "The museum opens at nine. ",
    "Dr. Ng said 3.5 metres are enough.\n",
    "Is it far from here? ",
    "We went there twice, and liked it! ",
    "«It was a good day», she wrote. ",
)
_BAD = ("You are a stupid worthless idiot. ", "I will stab you to death, bitch! ")
_TEXTS = 100
_CUTS = 20


async def _pieces(text: str, draw: random.Random) -> AsyncIterator[str]:
    place = 0
    most = draw.choice((1, 3, 10, 40, 400))
    while place < len(text):
        size = draw.randint(1, most)
        yield text[place : place + size]
        place += size


async def _shown(text: str, draw: random.Random) -> tuple[str, str]:
    stream = moderated(_pieces(text, draw), abuse_scores, on_trip="stop")
    return "".join([piece async for piece in stream]), stream.verdict.outcome


def rows() -> list[Row]:
    """Return the share of cuttings that let a character out, or come to another verdict."""
    draw = random.Random(0)
    leaks = differences = count = 0
    for _ in range(_TEXTS):
        before = "".join(draw.choice(_SAFE) for _ in range(draw.randint(0, 6)))
        text = before + draw.choice(_BAD) + draw.choice(_SAFE)
        whole = None
        for _ in range(_CUTS):
            shown, verdict = asyncio.run(_shown(text, draw))
            whole = whole or (shown, verdict)
            count += 1
            leaks += len(shown) > len(before)
            differences += (shown, verdict) != whole or verdict != "fail"
    found = []
    for what, bad in (("let out of a refused sentence", leaks), ("another verdict", differences)):
        low, high = wilson(bad, count)
        found.append(
            Row(
                check="moderated",
                what=what,
                data=f"{_TEXTS} own texts with an abusive sentence, each cut in {_CUTS} ways",
                value=bad / count,
                low=low,
                high=high,
                count=count,
                goal="0",
                is_reached=bad == 0,
            )
        )
    return found
