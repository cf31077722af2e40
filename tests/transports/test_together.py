"""Retry, hedge, budget, route, pack and limit at once, on a server that does everything wrong."""

from __future__ import annotations

import asyncio
import random

import pytest

from promptkit import Budget, Hedge, Limits, Message, Packing, Price, Request, Response, Usage
from promptkit.errors import (
    CallError,
    ConnectionFailedError,
    RateLimitError,
    RefusedRequestError,
    ServerError,
)
from promptkit.transport import OnText
from promptkit.transports.budget import BudgetLayer, Meter
from promptkit.transports.hedge import HedgeLayer
from promptkit.transports.limit import LimitLayer
from promptkit.transports.pack import Departures, PackLayer
from promptkit.transports.retry import RetryLayer, RetryPolicy
from promptkit.transports.route import RouteLayer
from promptkit.transports.target import Target

pytestmark = pytest.mark.anyio
PRICE = Price(1.0, 0.0)


class QuickClock:
    """Real time, a thousand times as fast."""

    def now(self) -> float:
        return asyncio.get_running_loop().time() * 1000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 1000)


class Server:
    """Fails in every way now and then; knows what it has charged."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.charged_usd = 0.0
        self.answered: list[str] = []

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        await asyncio.sleep(self.draw.choice([0, 0, 0.001, 0.01]))
        fate = self.draw.random()
        if fate < 0.1:
            raise ServerError("HTTP 500", status=500)
        if fate < 0.15:
            raise RateLimitError("slow down", retry_after_s=1.0)
        usage = Usage(10 * len(request.messages))
        texts = [message.text for message in request.messages]
        if any("bad" in text for text in texts):
            raise RefusedRequestError("HTTP 400", status=400)
        self.charged_usd += PRICE.cost(usage)
        if fate < 0.2:
            raise ConnectionFailedError("lost")
        return Response(usage=usage, vectors=tuple((float(text.split()[1]),) for text in texts))


@pytest.mark.parametrize("seed", range(3))
async def test_each_gets_its_own_answer_and_no_cent_and_no_task_is_lost(seed: int) -> None:
    before = asyncio.all_tasks()
    server = Server(seed)
    targets = [
        Target(
            PackLayer(
                LimitLayer(Departures(server), Limits(concurrency=3), f"{seed}.{place}"),
                Packing(embeddings=16),
            ),
            name=str(place),
            endpoint=f"together {place}",
        )
        for place in range(3)
    ]
    meter = Meter(Budget(hard=1.0))
    route = RouteLayer(targets, model="m", clock=QuickClock(), price_of=lambda *_: PRICE)
    hedged = HedgeLayer(
        BudgetLayer(route, (meter,), lambda *_: PRICE),
        Hedge(after_quantile=0.9, min_samples=20, max_share=0.2),
    )
    call = RetryLayer(hedged, RetryPolicy(max_attempts=20, deadline_s=None), QuickClock())
    accounted = 0.0

    async def one(number: int) -> None:
        nonlocal accounted
        kind = "bad" if number % 97 == 5 else "fine"
        message = Message("user", f"{kind} {number}")
        request = Request(messages=(message,), model="m", api="embeddings")
        task = asyncio.ensure_future(_told(call(request)))
        if number % 50 == 3:
            asyncio.get_running_loop().call_later(0.005, task.cancel)
        outcome = await task
        if isinstance(outcome, Response):
            assert kind == "fine"
            assert outcome.vectors == ((float(number),),)
            accounted += (outcome.cost_usd or 0.0) + outcome.log.unsettled_usd
        else:
            assert isinstance(outcome, (RefusedRequestError, asyncio.CancelledError))
            assert kind == "bad" or number % 50 == 3
            accounted += getattr(outcome, "unsettled_usd", 0.0)

    await asyncio.gather(*(one(number) for number in range(300)))
    for _ in range(5):
        await asyncio.sleep(0)
    assert meter.reserved_usd == pytest.approx(0.0, abs=1e-12)
    assert meter.spent_usd == pytest.approx(accounted)
    assert server.charged_usd <= meter.spent_usd + 1e-12
    assert asyncio.all_tasks() <= before
    assert not route._seen
    assert [target.in_flight for target in targets] == [0, 0, 0]


async def _told(call: object) -> Response | CallError | asyncio.CancelledError:
    try:
        return await call  # type: ignore[misc, no-any-return]
    except (CallError, asyncio.CancelledError) as error:
        return error
