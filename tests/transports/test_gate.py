"""What holds for a gate whatever the latencies are; time is virtual, so an hour takes a second."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from virtual_time import LoopClock, run_virtually

from promptkit import Limits, Message, Options, Request, Response
from promptkit.errors import RateLimitError
from promptkit.response import Choice, Usage
from promptkit.transport import Transport
from promptkit.transports.limit import LimitLayer
from promptkit.transports.quota import Quota, read_quota
from promptkit.transports.route import RouteLayer
from promptkit.transports.target import Target

SECOND, MINUTE = 1.0, 60.0


class Server:
    """Keeps exact token buckets; requests and answers take their time on the way."""

    def __init__(  # noqa: PLR0917 -- a table of numbers
        self,
        limits: Mapping[str, float],
        burst_s: float,
        seed: int = 1,
        up_s: tuple[float, float] = (0.0, 0.01),
        down_s: tuple[float, float] = (0.05, 0.2),
        charge: Callable[[Request], float] = lambda _: 40.0,
        *,
        tells: bool = True,
    ) -> None:
        self.limits = limits
        self.full = {kind: max(1.0, limit / 60 * burst_s) for kind, limit in limits.items()}
        self.level = dict(self.full)
        self.at = 0.0
        self.chance = random.Random(seed)
        self.up_s, self.down_s, self.charge, self.tells = up_s, down_s, charge, tells
        self.granted: Counter[str] = Counter()
        self.refused = 0

    async def __call__(self, request: Request, on_text: object = None, /) -> Response:
        await asyncio.sleep(self.chance.uniform(*self.up_s))
        self._refill()
        needed = {"requests": 1.0, "tokens": self.charge(request)}
        is_granted = all(self.level[kind] >= needed[kind] - 1e-9 for kind in self.limits)
        if is_granted:
            self.granted["requests"] += 1
            for kind in self.limits:
                self.level[kind] -= needed[kind]
                if kind != "requests":
                    self.granted[kind] += int(needed[kind])
        headers = self._headers() if self.tells else {}
        await asyncio.sleep(self.chance.uniform(*self.down_s))
        if not is_granted:
            self.refused += 1
            raise RateLimitError("429", retry_after_s=0.1 if self.tells else None, headers=headers)
        usage = Usage(25, max(1, int(needed["tokens"]) - 25))
        return Response((Choice("x"),), usage, headers=headers)

    def _refill(self) -> None:
        now = asyncio.get_running_loop().time()
        for kind, limit in self.limits.items():
            grown = self.level[kind] + (now - self.at) * limit / 60
            self.level[kind] = min(self.full[kind], grown)
        self.at = now

    def _headers(self) -> dict[str, str]:
        told = {}
        for kind, limit in self.limits.items():
            reset_s = (self.full[kind] - self.level[kind]) * 60 / limit
            told[f"x-ratelimit-limit-{kind}"] = f"{limit:.0f}"
            told[f"x-ratelimit-remaining-{kind}"] = f"{int(self.level[kind] + 1e-9)}"
            told[f"x-ratelimit-reset-{kind}"] = f"{reset_s * 1000:.0f}ms"
        return told

    def used(self, kind: str, seconds: float) -> float:
        """The share of what could be granted in so many seconds that was granted."""
        return self.granted[kind] / (self.full[kind] + self.limits[kind] / 60 * seconds)


def asked(number: int, max_tokens: int | None = None, lane: int = 0) -> Request:
    text = f"Question number {number}: what is the capital of this country?"
    options = Options(max_tokens=max_tokens)
    return Request(messages=(Message("user", text),), model="m", options=options, lane=lane)


async def send_for(
    seconds: float, layer: LimitLayer, workers: int = 256, max_tokens: int | None = None
) -> None:
    numbers = iter(range(10**9))

    async def work() -> None:
        for number in numbers:
            try:
                await layer(asked(number, max_tokens))
            except RateLimitError:
                await asyncio.sleep(0.2)

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def layer_to(server: Server, limits: Limits = Limits()) -> LimitLayer:  # noqa: B008 -- frozen
    return LimitLayer(server, limits, "", LoopClock(), gates={})


@settings(max_examples=40, deadline=None)
@given(
    limit=st.integers(120, 6000),
    burst_s=st.sampled_from([SECOND, MINUTE]),
    seed=st.integers(0, 10**6),
    up_s=st.floats(0.0, 0.3),
    down_s=st.floats(0.0, 3.0),
    workers=st.integers(1, 200),
)
@example(limit=600, burst_s=SECOND, seed=1, up_s=0.3, down_s=0.05, workers=200)
@example(limit=600, burst_s=MINUTE, seed=1, up_s=0.3, down_s=3.0, workers=200)
def test_no_request_finds_a_bucket_empty_that_answers_have_told_of(  # noqa: PLR0917 -- drawn
    limit: int, burst_s: float, seed: int, up_s: float, down_s: float, workers: int
) -> None:
    server = Server({"requests": limit}, burst_s, seed, (0.0, up_s), (0.01, 0.01 + down_s))

    async def run() -> None:
        layer = layer_to(server)
        await layer(asked(-1))  # whoever is first tells the limits
        await send_for(20, layer, workers)

    run_virtually(run())
    assert server.refused == 0


@pytest.mark.parametrize("burst_s", [SECOND, MINUTE])
@pytest.mark.parametrize("limit", [600, 6000])
def test_nearly_all_of_an_unknown_limit_of_requests_is_used(limit: float, burst_s: float) -> None:
    server = Server({"requests": limit}, burst_s)
    run_virtually(send_for(60, layer_to(server)))
    assert server.refused == 0
    assert server.used("requests", 60) >= 0.99


@pytest.mark.parametrize("burst_s", [SECOND, MINUTE])
@pytest.mark.parametrize(("max_tokens", "charged"), [(None, 40.0), (1000, 40.0), (200, 225.0)])
def test_nearly_all_of_an_unknown_limit_of_tokens_is_used_however_they_are_counted(
    max_tokens: int | None, charged: float, burst_s: float
) -> None:
    server = Server({"tokens": 240_000}, burst_s, charge=lambda _: charged)
    run_virtually(send_for(60, layer_to(server), max_tokens=max_tokens))
    assert server.refused == 0
    assert server.used("tokens", 60) >= 0.985


class Promising(Server):
    """Counts its own estimate, not what was used."""

    async def __call__(self, request: Request, on_text: object = None, /) -> Response:
        return dataclasses.replace(await super().__call__(request), usage=Usage(25, 20))


@pytest.mark.parametrize("charged", [70.0, 180.0])
@pytest.mark.parametrize("burst_s", [SECOND, MINUTE])
def test_our_estimate_is_scaled_to_an_endpoints_own(burst_s: float, charged: float) -> None:
    server = Promising({"tokens": 240_000}, burst_s, charge=lambda _: charged)
    run_virtually(send_for(60, layer_to(server), max_tokens=100))
    assert server.used("tokens", 60) >= 0.97
    assert server.refused <= 0.01 * server.granted["requests"]


class Promised(Server):
    """Counts a quarter of the characters and all of max_tokens, as OpenAI does."""

    def __init__(self, burst_s: float, written: int) -> None:
        super().__init__({"tokens": 240_000}, burst_s, charge=self.count)
        self.written = written

    @staticmethod
    def count(request: Request) -> float:
        return len(request.messages[0].text) / 4 + (request.options.max_tokens or 0)

    async def __call__(self, request: Request, on_text: object = None, /) -> Response:
        answer = await super().__call__(request)
        tokens_in = len(request.messages[0].text) // 4
        tokens_out = min(self.written, request.options.max_tokens or 0)
        return dataclasses.replace(answer, usage=Usage(tokens_in, tokens_out))


@pytest.mark.parametrize("burst_s", [SECOND, MINUTE])
def test_an_endpoint_that_counts_max_tokens_is_found_out_though_the_first_answer_was_cut(
    burst_s: float,
) -> None:
    server = Promised(burst_s, written=20)
    chance = random.Random(7)

    async def run() -> None:
        layer = layer_to(server)
        await layer(asked(-1, 16))  # as long as it may be: both ways of counting agree

        async def work() -> None:
            for number in range(10**6):
                try:
                    await layer(asked(number, chance.choice([16, 256])))
                except RateLimitError:
                    await asyncio.sleep(0.2)

        tasks = [asyncio.create_task(work()) for _ in range(256)]
        await asyncio.sleep(60)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtually(run())
    assert server.refused <= 0.02 * server.granted["requests"]


def test_tokens_kept_by_hand_are_settled_to_what_was_used() -> None:
    server = Server({"tokens": 240_000}, MINUTE, tells=False)
    layer = layer_to(server, Limits(tokens_per_minute=240_000))
    run_virtually(send_for(60, layer, max_tokens=1000))
    assert server.refused == 0
    assert server.granted["tokens"] / 240_000 >= 0.95


class Half:
    """A lease that leaves half of each limit to somebody else."""

    def share(self, place: str, user: str, used: float, *, is_waiting: bool) -> float:
        return 0.5


def test_a_process_keeps_to_its_part_of_a_limit_set_by_hand() -> None:
    server = Server({"requests": 6000}, SECOND, tells=False)
    limits = Limits(requests_per_minute=600)
    layer = LimitLayer(server, limits, "", LoopClock(), gates={}, lease=Half())
    run_virtually(send_for(60, layer))
    assert 0.45 <= server.granted["requests"] / 600 <= 0.55


def test_what_was_refused_is_given_back_to_a_limit_set_by_hand() -> None:
    calls = granted = 0

    async def every_other(request: Request, on_text: object = None, /) -> Response:
        nonlocal calls, granted
        calls += 1
        await asyncio.sleep(0.01)
        if calls % 2:
            raise RateLimitError("429")
        granted += 1
        return Response(usage=Usage(1, 1))

    limits = Limits(requests_per_minute=600)
    layer = LimitLayer(every_other, limits, "", LoopClock(), gates={})
    run_virtually(send_for(60, layer, workers=16))
    assert granted >= 500


def test_both_limits_hold_at_once() -> None:
    server = Server({"requests": 600, "tokens": 12_000}, SECOND)
    run_virtually(send_for(60, layer_to(server)))
    assert server.refused == 0
    assert server.used("tokens", 60) >= 0.97


def test_a_slow_first_answer_does_not_let_everybody_go() -> None:
    server = Server({"requests": 600}, SECOND, down_s=(5.0, 5.1))
    run_virtually(send_for(30, layer_to(server)))
    assert server.refused <= 10


def test_an_endpoint_that_tells_nothing_is_asked_ever_more_until_it_refuses() -> None:
    server = Server({"requests": 6000}, SECOND, tells=False)
    layer = layer_to(server)
    run_virtually(send_for(60, layer))
    assert server.used("requests", 60) >= 0.95
    assert server.refused <= 0.1 * server.granted["requests"]


def test_an_endpoint_without_limits_is_not_held_back() -> None:
    server = Server({}, SECOND, down_s=(0.1, 0.1), up_s=(0.0, 0.0))
    run_virtually(send_for(10, layer_to(server), workers=100))
    assert server.granted["requests"] >= 9_600


def through_routes() -> Transport:
    ways = [layer_to(Server({"requests": 300}, SECOND, seed)) for seed in (1, 2)]
    targets = [Target(way, name=str(n), endpoint=f"e{n}") for n, way in enumerate(ways)]
    return RouteLayer(targets, "round_robin", clock=LoopClock())


@pytest.mark.parametrize(
    "make", [lambda: layer_to(Server({"requests": 600}, SECOND)), through_routes]
)
def test_two_maps_get_on_equally_fast_however_many_requests_each_has_under_way(
    make: Callable[[], Transport],
) -> None:
    ended: Counter[int] = Counter()

    async def one(layer: Transport, lane: int) -> None:
        for number in range(10**6):
            await layer(asked(number, lane=lane))
            ended[lane] += 1

    async def run() -> None:
        layer = make()
        tasks = [asyncio.create_task(one(layer, 1)) for _ in range(200)]
        tasks += [asyncio.create_task(one(layer, 2)) for _ in range(5)]
        await asyncio.sleep(30)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtually(run())
    assert 0.8 <= ended[1] / ended[2] <= 1.25


def test_what_somebody_else_takes_is_noticed() -> None:
    server = Server({"requests": 600}, MINUTE)

    async def rival() -> None:
        while True:
            await asyncio.sleep(0.3)
            server._refill()
            server.level["requests"] -= min(1.0, server.level["requests"])

    async def run() -> None:
        task = asyncio.create_task(rival())
        await send_for(60, layer_to(server))
        task.cancel()

    run_virtually(run())
    assert server.refused <= 0.05 * server.granted["requests"]


def test_who_leaves_the_line_keeps_nobody_waiting() -> None:
    server = Server({"requests": 60}, SECOND)

    async def run() -> None:
        layer = layer_to(server)
        await layer(asked(0))
        waiting = [asyncio.create_task(layer(asked(number))) for number in range(1, 50)]
        await asyncio.sleep(0.1)
        for task in waiting[:-1]:
            task.cancel()
        await asyncio.wait_for(waiting[-1], 5)
        await asyncio.gather(*waiting, return_exceptions=True)
        assert len(asyncio.all_tasks()) == 1

    run_virtually(run())


@pytest.mark.parametrize(
    ("headers", "kind", "quota"),
    [
        (
            {
                "x-ratelimit-limit-requests": "14400",
                "x-ratelimit-remaining-requests": "14370",
                "x-ratelimit-reset-requests": "3m0s",
            },
            "requests",
            Quota(14370.0, 14400 / 86400, 14400.0),  # Groq's limit is per day
        ),
        (
            {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "4", "x-ratelimit-reset": "0.6"},
            "requests",
            Quota(4.0, 10.0, 10.0),
        ),
        ({"x-ratelimit-remaining-tokens": "500"}, "tokens", Quota(500.0)),
        (
            {"x-tokenlimit-limit": "1000", "x-tokenlimit-remaining": "900"},
            "tokens",
            Quota(900.0, 1000.0, 1000.0),
        ),
        ({"x-ratelimit-remaining-tokens": "lots"}, "tokens", None),
        ({"x-ratelimit-limit-tokens": "0", "x-ratelimit-remaining-tokens": "0"}, "tokens", None),
        ({"x-request-id": "1"}, "requests", None),
    ],
)
def test_headers_are_read_as_each_provider_writes_them(
    headers: dict[str, str], kind: str, quota: Quota | None
) -> None:
    assert read_quota(headers, kind) == quota  # type: ignore[arg-type]


def test_a_date_as_reset_is_read_as_seconds_from_now() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "60",
        "anthropic-ratelimit-requests-reset": "2020-01-01T00:00:00Z",
    }
    assert read_quota(headers, "requests") == Quota(60.0, 1.0, 60.0)
