from __future__ import annotations

import asyncio
import random

import pytest

from promptkit import Limits, Message, Options, Request, Response
from promptkit.errors import OptionError, RateLimitError
from promptkit.response import Choice, Usage
from promptkit.testing import FakeClock
from promptkit.transports.bucket import Bucket
from promptkit.transports.gate import Gate
from promptkit.transports.limit import LimitLayer
from promptkit.transports.quota import Quota

pytestmark = pytest.mark.anyio


def asked(text: str = "Hi", max_tokens: int | None = None) -> Request:
    options = Options().replace(max_tokens=max_tokens)
    return Request(messages=(Message("user", text),), model="m", options=options)


class Server:
    """A token bucket that tells its state in OpenAI's headers and refuses what is too much."""

    def __init__(self, per_minute: float, burst: float, clock: FakeClock, seed: int = 1) -> None:
        self.rate = per_minute / 60
        self.limit, self.burst = per_minute, burst
        self.tokens, self.at = burst, 0.0
        self.clock = clock
        self.chance = random.Random(seed)
        self.refused = 0
        self.most = self.under_way = 0

    async def __call__(self, request: Request, on_text: object = None, /) -> Response:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.clock.sleep(self.chance.uniform(0.01, 0.4))
        now = self.clock.now()
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        granted = self.tokens >= 1
        self.tokens -= granted
        headers = {
            "x-ratelimit-limit-requests": str(int(self.limit)),
            "x-ratelimit-remaining-requests": str(int(self.tokens)),
            "x-ratelimit-reset-requests": f"{(self.burst - self.tokens) / self.rate:.3f}s",
        }
        await self.clock.sleep(self.chance.uniform(0.01, 0.4))
        self.under_way -= 1
        if not granted:
            self.refused += 1
            raise RateLimitError("429", retry_after_s=1.0, headers=headers)
        return Response((Choice("x"),), Usage(5, 1), headers=headers)


@pytest.mark.parametrize("burst", [10, 600])
async def test_unknown_limits_are_learned_without_a_429(burst: float) -> None:
    clock = FakeClock()
    server = Server(600, burst, clock)
    layer = LimitLayer(server, Limits(), "", clock, gates={})
    count = 600
    await asyncio.gather(*(layer(asked(str(i))) for i in range(count)))
    assert server.refused == 0
    ideal = max(0.0, (count - burst) / server.rate)
    assert clock.now() < ideal * 1.1 + 4


async def test_only_one_request_goes_out_until_the_limits_are_known() -> None:
    clock = FakeClock()
    server = Server(600, 600, clock)
    layer = LimitLayer(server, Limits(), "", clock, gates={})
    tasks = [asyncio.create_task(layer(asked(str(i)))) for i in range(20)]
    while server.under_way == 0:
        await asyncio.sleep(0)
    assert server.most == 1
    await asyncio.gather(*tasks)
    assert server.most == 19


async def test_a_429_closes_the_gate_for_everybody() -> None:
    clock = FakeClock()
    gate = Gate(clock=clock)
    gate.leave(asked(), await gate.enter(asked()), {})
    gate.close(30.0)
    await asyncio.gather(*(gate.enter(asked()) for _ in range(3)))
    assert clock.now() == pytest.approx(30.0)


async def test_limits_set_by_hand_are_kept_with_no_headers_at_all() -> None:
    clock = FakeClock()

    async def silent(request: Request, on_text: object = None, /) -> Response:
        return Response((Choice("x"),), Usage(5, 1))

    layer = LimitLayer(silent, Limits(requests_per_minute=60), "", clock, gates={})  # type: ignore[arg-type]
    await asyncio.gather(*(layer(asked(str(i))) for i in range(31)))
    assert clock.now() == pytest.approx(30.0, abs=0.1)


async def test_tokens_are_limited_too() -> None:
    clock = FakeClock()
    gate = Gate(tokens_per_minute=6000, clock=clock)
    for _ in range(10):
        await gate.enter(asked(max_tokens=90))
    assert clock.now() > 8


async def test_a_request_larger_than_the_bucket_goes_when_the_bucket_is_full() -> None:
    clock = FakeClock()
    gate = Gate(tokens_per_minute=600, clock=clock)
    await gate.enter(asked(max_tokens=5000))
    assert clock.now() < 600


async def test_concurrency_is_kept() -> None:
    clock = FakeClock()
    server = Server(1e6, 1e6, clock)
    layer = LimitLayer(server, Limits(concurrency=3), "", clock, gates={})
    await asyncio.gather(*(layer(asked(str(i))) for i in range(30)))
    assert server.most == 3


async def test_who_is_cancelled_while_waiting_has_sent_nothing() -> None:
    gate_closed = LimitLayer(
        Server(60, 1, FakeClock()), Limits(requests_per_minute=1), "", gates={}
    )
    await gate_closed(asked("first"))
    task = asyncio.create_task(gate_closed(asked("second")))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert getattr(caught.value, "unsent", False)


def test_news_of_an_older_request_does_not_overwrite_a_newer_ones() -> None:
    bucket = Bucket()
    places = [bucket.take(1, 0.0) for _ in range(3)]
    bucket.answered += 1
    bucket.report(places[2], Quota(7, 1.0, 60), 1.0)
    bucket.answered += 1
    bucket.report(places[0], Quota(9, 1.0, 60), 1.1)
    sent = 0
    while bucket.wait(1, 1.1) == 0:
        bucket.take(1, 1.1)
        sent += 1
    assert 1 <= sent <= 8


@pytest.mark.parametrize(
    "headers",
    [
        {"x-ratelimit-limit-requests": "many", "x-ratelimit-remaining-requests": "5"},
        {"x-ratelimit-limit-requests": "-5", "x-ratelimit-remaining-requests": "-1"},
        {"x-ratelimit-limit-requests": "0", "x-ratelimit-remaining-requests": "0"},
        {"x-ratelimit-limit-requests": "inf", "x-ratelimit-remaining-requests": "nan"},
    ],
)
async def test_absurd_headers_are_passed_over(headers: dict[str, str]) -> None:
    clock = FakeClock()
    gate = Gate(clock=clock)
    gate.leave(asked(), await gate.enter(asked()), headers)
    for _ in range(50):
        await gate.enter(asked())
    assert clock.now() == 0.0


@pytest.mark.parametrize("bad", [{"rpm": 5}, {"concurrency": 0}, 600, {"requests_per_minute": "x"}])
def test_limits_that_are_none_are_refused(bad: object) -> None:
    with pytest.raises(OptionError, match="limits"):
        Limits.coerce(bad)  # type: ignore[arg-type]


async def test_a_limit_set_by_hand_holds_where_headers_grant_more() -> None:
    clock = FakeClock()
    server = Server(6000, 6000, clock)
    layer = LimitLayer(server, Limits(requests_per_minute=60), "", clock, gates={})
    await asyncio.gather(*(layer(asked(str(i))) for i in range(31)))
    assert clock.now() >= 29


async def test_a_429_from_the_server_closes_the_gate_for_as_long_as_it_asks() -> None:
    clock = FakeClock()
    sent: list[float] = []

    async def busy(request: Request, on_text: object = None, /) -> Response:
        sent.append(clock.now())
        if len(sent) == 1:
            raise RateLimitError("429", retry_after_s=20.0)
        return Response((Choice("x"),), Usage(5, 1))

    layer = LimitLayer(busy, Limits(), "", clock, gates={})  # type: ignore[arg-type]
    with pytest.raises(RateLimitError):
        await layer(asked("one"))
    await layer(asked("two"))
    assert sent[1] >= 20.0


async def test_limits_by_hand_of_one_session_are_not_anothers() -> None:
    clock, gates = FakeClock(), {}  # type: ignore[var-annotated]
    server = Server(1e6, 1e6, clock)
    await LimitLayer(server, Limits(requests_per_minute=1), "", clock, gates=gates)(asked())
    began = clock.now()
    await LimitLayer(server, Limits(requests_per_minute=6000), "", clock, gates=gates)(asked("two"))
    assert clock.now() - began < 5


async def test_a_probe_that_takes_long_does_not_hold_the_others_up_for_ever() -> None:
    clock = FakeClock()
    sent: list[float] = []

    async def slow(request: Request, on_text: object = None, /) -> Response:
        sent.append(clock.now())
        await clock.sleep(60)
        return Response((Choice("x"),), Usage(5, 1))

    layer = LimitLayer(slow, Limits(), "", clock, gates={})  # type: ignore[arg-type]
    await asyncio.gather(*(layer(asked(str(i))) for i in range(3)))
    assert max(sent) < 5


async def test_one_absurd_retry_after_does_not_close_the_endpoint_for_good() -> None:
    clock = FakeClock()
    gate = Gate(clock=clock)
    gate.leave(asked(), await gate.enter(asked()), {})
    gate.close(1e9)
    await gate.enter(asked())
    assert clock.now() <= 60.1
