from __future__ import annotations

import asyncio
import dataclasses
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.openai_server import OpenAIServer

import promptkit as pk
from promptkit import Limits, Message, Price, Request, Response, RetryPolicy, Usage
from promptkit.errors import (
    AuthenticationError,
    CallError,
    ConnectionFailedError,
    InterruptedStreamError,
    OptionError,
    ProfileError,
    QuotaError,
    RateLimitError,
    RefusedRequestError,
    ServerError,
)
from promptkit.pricing import PriceOf
from promptkit.response import CallLog, Choice
from promptkit.testing import FakeClock, Scripted
from promptkit.transport import OnText
from promptkit.transports.budget import BudgetLayer, Meter
from promptkit.transports.meter import Budget
from promptkit.transports.retry import RetryLayer
from promptkit.transports.route import RouteLayer
from promptkit.transports.route_price import DearestPrice, RoutePrices
from promptkit.transports.routes import Strategy
from promptkit.transports.target import Target

pytestmark = pytest.mark.anyio


def asked(text: str = "Hi", model: str = "m") -> Request:
    return Request(messages=(Message("user", text),), model=model, endpoint="group")


class Server:
    """Answers with its name, or fails in the ways it is told, one after the other."""

    def __init__(self, name: str, *errors: CallError, always: CallError | None = None) -> None:
        self.name = name
        self.errors = list(errors)
        self.always = always
        self.requests: list[Request] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        self.requests.append(request)
        if self.gate is not None:
            await self.gate.wait()
        error = self.errors.pop(0) if self.errors else self.always
        if error is not None:
            raise type(error)(error.message, **_fields(error))
        if on_text:
            on_text(self.name)
        return Response((Choice(self.name),), Usage(10, 5))


def _fields(error: CallError) -> dict[str, object]:
    if isinstance(error, InterruptedStreamError):
        return {"text": error.text}
    return {"status": error.status, "retry_after_s": error.retry_after_s}


def routed(
    *servers: Server,
    strategy: Strategy = "round_robin",
    clock: FakeClock | None = None,
    weights: dict[str, float] | None = None,
    price_of: PriceOf | None = None,
) -> RouteLayer:
    targets = [
        Target(s, name=s.name, endpoint=s.name, weight=(weights or {}).get(s.name, 1.0))
        for s in servers
    ]
    return RouteLayer(targets, strategy, model="m", price_of=price_of, clock=clock or FakeClock())


def retried(layer: RouteLayer, **policy: float) -> RetryLayer:
    clock = layer.clock
    assert isinstance(clock, FakeClock)
    return RetryLayer(layer, RetryPolicy(**policy), clock, random.Random(1))  # type: ignore[arg-type]


DOWN = ServerError("HTTP 500", status=500)


# -- strategies -----------------------------------------------------------------------------


async def test_round_robin_gives_each_its_turn() -> None:
    layer = routed(Server("a"), Server("b"), Server("c"))
    routes = Counter([(await layer(asked(str(i)))).log.route for i in range(30)])
    assert routes == {"a": 10, "b": 10, "c": 10}


async def test_weights_are_kept_and_spread_evenly() -> None:
    layer = routed(Server("a"), Server("b"), strategy="weighted", weights={"a": 3.0})
    order = "".join([(await layer(asked(str(i)))).text for i in range(8)])
    assert order == "aabaaaba"


async def test_least_in_flight_avoids_the_slow_one() -> None:
    slow, quick = Server("slow"), Server("quick")
    slow.gate = asyncio.Event()
    layer = routed(slow, quick, strategy="least_in_flight")
    tasks = [asyncio.create_task(layer(asked(str(i)))) for i in range(2)]
    await asyncio.sleep(0)
    more = [(await layer(asked(f"more {i}"))).text for i in range(10)]
    slow.gate.set()
    await asyncio.gather(*tasks)
    assert more.count("quick") >= 9
    assert [target.in_flight for target in layer.targets] == [0, 0]


async def test_priority_keeps_the_others_spare() -> None:
    first, spare = Server("first", DOWN), Server("spare")
    call = retried(routed(first, spare, strategy="priority"))
    texts = [(await call(asked(str(i)))).text for i in range(3)]
    assert texts == ["spare", "first", "first"]


# -- failover -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        DOWN,
        ConnectionFailedError("lost"),
        RateLimitError("slow down", retry_after_s=30.0),
        RateLimitError("slow down"),
        AuthenticationError("HTTP 401", status=401),
        QuotaError("no credit"),
    ],
)
async def test_what_fails_at_one_target_is_asked_at_another_at_once(error: CallError) -> None:
    layer = routed(Server("a", always=error), Server("b"), strategy="priority")
    response = await retried(layer)(asked())
    assert (response.text, response.log.route, response.log.attempts) == ("b", "b", 2)
    assert layer.clock.now() == 0.0


async def test_a_request_that_is_wrong_is_not_taken_elsewhere() -> None:
    other = Server("b")
    layer = routed(Server("a", always=RefusedRequestError("HTTP 400")), other, strategy="priority")
    for _ in range(9):
        with pytest.raises(RefusedRequestError):
            await retried(layer)(asked())
    assert not other.requests
    assert layer.targets[0].breaker.admits(0.0)


async def test_more_dead_targets_than_attempts_do_not_hide_the_one_alive() -> None:
    servers = [Server(f"dead {i}", always=DOWN) for i in range(9)]
    layer = routed(*servers, Server("alive"), strategy="priority")
    assert (await retried(layer, max_attempts=2)(asked())).text == "alive"


async def test_each_target_is_asked_once_before_there_is_a_wait() -> None:
    servers = [Server(name, DOWN) for name in "abc"]
    layer = routed(*servers)
    response = await retried(layer, first_wait_s=8.0)(asked())
    assert response.log.attempts == 4
    assert response.log.waited_s == layer.clock.now() > 0
    assert sum(len(server.requests) for server in servers) == 4


async def test_after_the_first_piece_of_a_stream_nothing_is_asked_elsewhere() -> None:
    class Breaking(Server):
        async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
            assert on_text
            on_text("half an ")
            raise ConnectionFailedError("lost")

    other = Server("b")
    pieces: list[str] = []
    layer = routed(Breaking("a"), other, strategy="priority")
    with pytest.raises(InterruptedStreamError) as caught:
        await retried(layer)(asked(), pieces.append)
    assert caught.value.text == "half an "
    assert not other.requests


async def test_a_stream_that_never_began_is_asked_elsewhere() -> None:
    pieces: list[str] = []
    layer = routed(Server("a", DOWN), Server("b"), strategy="priority")
    assert (await retried(layer)(asked(), pieces.append)).text == "b"
    assert pieces == ["b"]


# -- who is left alone ----------------------------------------------------------------------


async def test_a_target_that_keeps_failing_is_left_alone_and_tried_again_later() -> None:
    clock = FakeClock()
    a = Server("a", *[DOWN] * 5)
    layer = routed(a, Server("b"), clock=clock)
    call = retried(layer)
    texts = [(await call(asked(str(i)))).text for i in range(30)]
    assert texts == ["b"] * 30
    assert len(a.requests) == 5
    clock.advance(5.0)
    assert {(await call(asked(f"later {i}"))).text for i in range(4)} == {"a", "b"}


async def test_half_open_sends_one_probe_at_a_time() -> None:
    clock = FakeClock()
    a, b = Server("a", *[DOWN] * 5), Server("b")
    layer = routed(a, b, strategy="priority", clock=clock)
    call = retried(layer)
    for i in range(5):
        await call(asked(str(i)))
    clock.advance(5.0)
    a.gate = asyncio.Event()
    probe = asyncio.create_task(call(asked("probe")))
    await asyncio.sleep(0)
    assert {(await call(asked(f"beside {i}"))).text for i in range(5)} == {"b"}
    a.gate.set()
    assert (await probe).text == "a"
    assert (await call(asked("after"))).text == "a"


async def test_while_the_only_probe_is_under_way_calls_wait_for_what_it_brings() -> None:
    clock = FakeClock()
    a = Server("a", *[DOWN] * 5)
    layer = routed(a, clock=clock)
    for i in range(5):
        with pytest.raises(ServerError):
            await layer(asked(str(i)))
    clock.advance(5.0)
    a.gate = asyncio.Event()
    tasks = [asyncio.create_task(layer(asked(f"later {i}"))) for i in range(9)]
    while clock.now() < 6.0:
        await asyncio.sleep(0)
    assert len(a.requests) == 6
    a.gate.set()
    assert [response.text for response in await asyncio.gather(*tasks)] == ["a"] * 9


async def test_a_429_closes_a_target_for_as_long_as_it_asked() -> None:
    clock = FakeClock(autojump=False)
    a = Server("a", RateLimitError("slow down", retry_after_s=30.0))
    layer = routed(a, Server("b"), strategy="priority", clock=clock)
    call = retried(layer)
    assert {(await call(asked(str(i)))).text for i in range(5)} == {"b"}
    clock.advance(30.0)
    assert (await call(asked("later"))).text == "a"


async def test_when_every_target_is_closed_by_429s_calls_wait_for_the_first_to_open() -> None:
    a = Server("a", RateLimitError("slow down", retry_after_s=30.0))
    b = Server("b", RateLimitError("slow down", retry_after_s=20.0))
    layer = routed(a, b)
    with pytest.raises(RateLimitError):
        await layer(asked("1"))
    with pytest.raises(RateLimitError):
        await layer(asked("2"))
    response = await layer(asked("3"))
    assert response.text == "b"
    assert response.log.waited_s == pytest.approx(20.0)


async def test_a_call_cancelled_while_all_are_closed_says_that_it_was_not_sent() -> None:
    a = Server("a", RateLimitError("slow down", retry_after_s=30.0))
    layer = routed(a, clock=FakeClock(autojump=False))
    with pytest.raises(RateLimitError):
        await layer(asked())
    task = asyncio.create_task(layer(asked()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.unsent  # type: ignore[attr-defined]


async def test_a_refused_key_takes_its_target_out_for_all() -> None:
    a = Server("a", always=AuthenticationError("HTTP 401", status=401))
    call = retried(routed(a, Server("b")))
    assert {(await call(asked(str(i)))).text for i in range(20)} == {"b"}
    assert len(a.requests) == 1


async def test_a_model_misspelt_in_one_call_takes_nobody_out() -> None:
    a = Server("a", pk.errors.UnknownModelError("HTTP 404", status=404))
    layer = routed(a, strategy="priority")
    with pytest.raises(pk.errors.UnknownModelError):
        await retried(layer)(asked(model="misspelt"))
    assert (await retried(layer)(asked())).text == "a"


async def test_when_all_are_down_the_error_names_each_and_why() -> None:
    a = Server("a", always=AuthenticationError("HTTP 401: wrong key", status=401))
    b = Server("b", always=QuotaError("no credit"))
    call = retried(routed(a, b, strategy="priority"))
    with pytest.raises(QuotaError, match=r"b: no credit .*a \(next in 60 s: HTTP 401: wrong key\)"):
        await call(asked())
    with pytest.raises(AuthenticationError, match=r"all 2 routes are down: a .*; b .*") as caught:
        await call(asked())
    assert caught.value.attempts == 0
    assert len(a.requests) == len(b.requests) == 1


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (
            ConnectionFailedError("connection refused"),
            ConnectionFailedError("connection refused"),
            "y: connection refused (no other route is left: x (connection refused))",
        ),
        (
            ServerError("HTTP 503", status=503),
            ServerError("HTTP 502", status=502),
            "y: HTTP 502 (no other route is left: x (HTTP 503))",
        ),
    ],
)
async def test_when_all_fail_while_they_are_in_use_the_error_names_each_and_why(
    x: CallError, y: CallError, said: str
) -> None:
    layer = routed(Server("x", always=x), Server("y", always=y), strategy="priority")
    with pytest.raises(type(y)) as caught:
        await retried(layer, max_attempts=2)(asked())
    assert caught.value.message == said
    assert caught.value.attempts == 4
    assert not layer._failures


async def test_of_three_that_fail_the_other_two_are_named_with_the_latest_reason() -> None:
    a = Server("a", ServerError("first"), always=ServerError("second"))
    layer = routed(a, Server("b", always=DOWN), Server("c", always=DOWN), strategy="priority")
    with pytest.raises(ServerError) as caught:
        await retried(layer, max_attempts=2)(asked())
    assert caught.value.message == (
        "c: HTTP 500 (no other route is left: a (second); b (HTTP 500))"
    )


async def test_an_answer_in_the_end_leaves_no_failure_behind() -> None:
    layer = routed(Server("a", always=DOWN), Server("b"), strategy="priority")
    await retried(layer)(asked())
    assert not layer._failures
    assert not layer._seen


async def test_an_error_that_passes_tells_when_the_next_target_opens() -> None:
    layer = routed(Server("a", always=DOWN), Server("b", always=QuotaError("no credit")))
    for i in range(9):
        with pytest.raises(CallError):
            await layer(asked(str(i)))
    with pytest.raises(ServerError, match="all 2 routes are down") as caught:
        await layer(asked())
    assert caught.value.retry_after_s == 5.0
    assert not caught.value.billed


async def test_messages_do_not_grow_with_each_failure() -> None:
    layer = routed(Server("a", always=DOWN), Server("b", always=DOWN))
    longest = 0
    for i in range(50):
        with pytest.raises(CallError) as caught:
            await layer(asked(str(i)))
        longest = max(longest, len(str(caught.value)))
    assert longest < 300


@given(
    st.lists(st.sampled_from(["ok", "500", "429", "401", "400"]), max_size=60),
    st.sampled_from(["round_robin", "least_in_flight", "weighted", "priority"]),
)
def test_no_history_of_failures_makes_a_healthy_target_unreachable(
    history: list[str], strategy: Strategy
) -> None:
    errors = {
        "500": DOWN,
        "429": RateLimitError("slow down", retry_after_s=3.0),
        "401": AuthenticationError("HTTP 401"),
        "400": RefusedRequestError("HTTP 400"),
    }

    async def run() -> None:
        sick = Server("sick", *[errors[what] for what in history if what != "ok"])
        layer = routed(sick, Server("healthy"), strategy=strategy)
        call = retried(layer)
        for i in range(len(history) + 1):
            try:
                await call(asked(str(i)))
            except RefusedRequestError:
                continue
        assert [target.in_flight for target in layer.targets] == [0, 0]
        assert not layer._seen

    asyncio.run(run())


# -- names, prices, budgets -----------------------------------------------------------------


async def test_a_target_gets_its_own_name_for_the_model_and_its_own_endpoint() -> None:
    server = Server("a")
    layer = RouteLayer([Target(server, name="a", endpoint="east", model="deployment")], model="m")
    await layer(asked())
    await layer(asked(model="other"))
    assert [(r.model, r.endpoint) for r in server.requests] == [
        ("deployment", "east"),
        ("other", "east"),
    ]


async def test_a_budget_reserves_the_dearest_and_pays_what_the_target_costs() -> None:
    prices = RoutePrices(
        "group",
        "m",
        [("a", None, {"m": Price(1.0, 1.0)}), ("b", None, {"m": Price(2.0, 4.0)})],
    )
    a, b = Server("a"), Server("b")
    a.gate = asyncio.Event()
    layer = routed(a, b, strategy="priority", price_of=prices.at_route)
    meter = Meter(Budget(hard=1.0))
    budget = BudgetLayer(layer, (meter,), prices)
    request = asked().replace(options=pk.Options(max_tokens=100))
    task = asyncio.create_task(budget(request))
    await asyncio.sleep(0)
    assert meter.reserved_usd >= 100 * 4.0 / 1e6
    a.gate.set()
    assert (await task).cost_usd == pytest.approx(15 * 1.0 / 1e6)
    assert meter.spent_usd == pytest.approx(15 * 1.0 / 1e6)
    assert meter.reserved_usd == 0


async def test_each_attempt_at_another_target_has_a_reservation_of_its_own() -> None:
    price = Price(1.0, 1.0)
    layer = routed(Server("a", ConnectionFailedError("lost")), Server("b"), strategy="priority")
    meter = Meter(Budget(hard=1.0))
    budget = BudgetLayer(layer, (meter,), lambda model, endpoint: price)
    clock = layer.clock
    assert isinstance(clock, FakeClock)
    request = asked().replace(options=pk.Options(max_tokens=100))
    response = await RetryLayer(budget, RetryPolicy(), clock)(request)
    assert response.log.unsettled_usd > 100 / 1e6
    assert meter.spent_usd == pytest.approx(response.log.unsettled_usd + 15 / 1e6)


def test_a_price_unknown_at_one_route_is_unknown_for_the_group() -> None:
    prices = RoutePrices("group", "m-x", [("a", None, {"m-x": Price(1.0, 1.0)}), ("b", None, {})])
    assert prices("m-x", "group") is None
    assert prices("m-x", "a") == Price(1.0, 1.0)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_no_route_costs_more_than_the_dearest_price(tin: int, out: int, cached: int) -> None:
    prices = [Price(1.0, 8.0), Price(2.0, 4.0, 0.5), Price(3.0, 1.0, 0.1)]
    usage = Usage(tin, out, min(cached, tin))
    assert DearestPrice.of(prices).cost(usage) == max(p.cost(usage) for p in prices)


async def test_signing_an_answer_changes_the_route_and_nothing_else() -> None:
    log = CallLog("replay", 2, 3.0, 4.0, 5.0, "", hedged=True, packed=6)
    whole = Response(
        (Choice("x"),), Usage(1, 2), "model", 0.5, log, ((1.0,),), ({"flagged": True},), {"a": "b"}
    )
    fields = [getattr(whole, field.name) for field in dataclasses.fields(Response)]
    assert len(fields) == len({repr(field) for field in fields})

    async def answer(request: Request, on_text: OnText | None = None, /) -> Response:
        return whole

    layer = RouteLayer([Target(answer, name="a")], clock=FakeClock())
    assert await layer(asked()) == whole.with_log(route="a")


# -- connect --------------------------------------------------------------------------------


async def test_two_keys_for_one_address_share_their_cached_answers() -> None:
    routes = [pk.Route(base_url="http://127.0.0.1:9/v1", api_key=f"sk-{i}") for i in range(2)]
    one = pk.connect(base_url="http://127.0.0.1:9/v1", api_key="sk-0", model="m")
    both = pk.connect(routes=routes, model="m")
    other = pk.Route(base_url="http://127.0.0.1:8/v1", api_key="sk-x")
    three = pk.connect(routes=[*routes, other], model="m")
    keys = [session.request("Hi").key for session in (one, both, three)]
    assert keys[0] == keys[1] != keys[2]
    assert "sk-" not in repr((routes, three))


async def test_routes_work_over_http_and_a_broken_server_is_passed_by() -> None:
    with OpenAIServer() as server:
        session = pk.connect(
            routes=pk.Routes(
                (
                    pk.Route(name="nobody", base_url="http://127.0.0.1:9/v1", api_key="sk-none"),
                    pk.Route(name="wrong key", base_url=server.url, api_key="sk-wrong"),
                    pk.Route(name="renamed", base_url=server.url, api_key=server.key, model="slow"),
                    pk.Route(name="fine", base_url=server.url, api_key=server.key),
                ),
                strategy="priority",
            ),
            model="test-model",
            cache=None,
            ledger=False,
        )
        server.delay_s = 0.0
        async with session:
            first = await session.ask("Hi", max_tokens=3)
            assert first.log.route == "renamed"
            assert first.log.attempts == 3
            assert server.requests[-1].body["model"] == "slow"


async def test_a_profile_may_lead_to_other_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EAST", "sk-east-0123456789")
    (tmp_path / "promptkit.toml").write_text(
        """
        [profiles.east]
        base_url = "http://127.0.0.1:9/v1"
        key = { env = "EAST" }
        model = "m"
        limits = { concurrency = 3 }
        [profiles.west]
        base_url = "http://127.0.0.1:8/v1"
        model = "deployment-7"
        [profiles.prod]
        routes = ["east", { profile = "west", weight = 2 }]
        strategy = "weighted"
        hedge = true
        pack = { completions = 4 }
        [profiles.loop]
        routes = ["prod"]
        [profiles.odd]
        strategy = "weighted"
        """,
        encoding="utf-8",
    )
    session = pk.connect("prod", cache=None)
    assert session.defaults.model == "m"
    assert session.defaults.concurrency == 3 + 64
    assert session.defaults.endpoint == (
        "http://127.0.0.1:8/v1 model=deployment-7 | http://127.0.0.1:9/v1"
    )
    await session.aclose()
    with pytest.raises(ProfileError, match="has routes itself"):
        pk.connect("loop")
    with pytest.raises(ProfileError, match="strategy without routes"):
        pk.connect("odd")


async def test_a_route_that_never_answers_is_left_after_the_patience_for_it() -> None:
    async def never(request: Request) -> str:
        await asyncio.Event().wait()
        return "never"

    hung = Scripted(never)
    routes = [
        pk.Route(name="hung", transport=hung),
        pk.Route(name="fine", transport=Scripted("4")),
    ]
    group = pk.Routes(tuple(routes), strategy="priority", patience_s=0.01)
    session = pk.connect(routes=group, model="gpt-5.4-mini")
    answers = await session.map("{q:trusted}", [{"q": str(i)} for i in range(9)], concurrency=1)
    assert {answer.log.route for answer in answers} == {"fine"}
    assert len(hung.requests) == 5
    assert session.usage.unsettled_usd > 0
    with pytest.raises(OptionError, match="patience_s"):
        pk.Routes(tuple(routes), patience_s=0)


def test_routes_that_say_nothing_are_refused() -> None:
    with pytest.raises(OptionError, match="empty"):
        pk.connect(routes=[])
    with pytest.raises(OptionError, match="together"):
        pk.connect(routes=["a"], base_url="http://127.0.0.1:9/v1")
    with pytest.raises(OptionError, match="strategy="):
        pk.Routes((pk.Route(base_url="http://127.0.0.1:9/v1"),), strategy="fastest")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="weight"):
        pk.Route(weight=0)


async def test_each_route_keeps_its_own_limits() -> None:
    most: Counter[str] = Counter()
    now: Counter[str] = Counter()

    def server(name: str) -> Scripted:
        async def answer(request: Request) -> str:
            now[name] += 1
            most[name] = max(most[name], now[name])
            for _ in range(50):
                await asyncio.sleep(0)
            now[name] -= 1
            return name

        return Scripted(answer)

    routes = [
        pk.Route(name="a", transport=server("a"), limits=Limits(concurrency=2)),
        pk.Route(name="b", transport=server("b"), limits={"concurrency": 3}),
    ]
    session = pk.connect(routes=routes, model="m")
    assert session.defaults.concurrency == 5
    await session.map("{q:trusted}", [{"q": str(i)} for i in range(60)], concurrency=40)
    assert most == {"a": 2, "b": 3}
