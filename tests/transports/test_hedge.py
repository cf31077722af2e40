from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

import promptkit as pk
from promptkit import Hedge, Message, Price, Request, Response, RetryPolicy, Usage
from promptkit.errors import (
    BudgetError,
    DeadlineError,
    OptionError,
    RefusedRequestError,
    ServerError,
)
from promptkit.format import summary
from promptkit.profile import Profile
from promptkit.response import Choice
from promptkit.transport import OnText
from promptkit.transports.budget import Budget, BudgetLayer, Meter
from promptkit.transports.hedge import HedgeLayer, _Latencies
from promptkit.transports.retry import RetryLayer
from promptkit.transports.route import RouteLayer
from promptkit.transports.stack import Layers, stack
from promptkit.transports.target import Target

pytestmark = pytest.mark.anyio
PRICE = Price(1.0, 1.0)
AT_ONCE = Hedge(after_s=0.0, max_share=1.0)


def asked(text: str = "Hi") -> Request:
    options = pk.Options(max_tokens=100)
    return Request(messages=(Message("user", text),), model="m", options=options)


Step = Callable[[], Awaitable[str]]


class Server:
    """Does one step for each call, in their order; the last one for all further calls."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.calls = 0
        self.cancelled = 0

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        step = self.steps[min(self.calls, len(self.steps) - 1)]
        self.calls += 1
        try:
            text = await step()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Response((Choice(text),), Usage(10, 5))


async def never() -> str:
    await asyncio.Event().wait()
    return "never"


async def at_once() -> str:
    return "at once"


async def soon() -> str:
    for _ in range(5):
        await asyncio.sleep(0.001)
    return "soon"


async def fails() -> str:
    await asyncio.sleep(0.002)
    raise ServerError("HTTP 500", status=500)


async def refuses() -> str:
    await asyncio.sleep(0.002)
    raise RefusedRequestError("HTTP 400", status=400)


def layers(
    server: Server, *, hard: float = 1.0, hedge: Hedge = AT_ONCE
) -> tuple[HedgeLayer, Meter]:
    meter = Meter(Budget(hard=hard))
    return HedgeLayer(BudgetLayer(server, (meter,), lambda *_: PRICE), hedge), meter


async def test_the_copy_answers_when_the_first_never_does() -> None:
    server = Server(never, at_once)
    layer, meter = layers(server)
    response = await layer(asked())
    assert (response.text, response.log.hedged, response.log.attempts) == ("at once", True, 2)
    assert server.cancelled == 1
    assert meter.reserved_usd == 0
    task = asyncio.current_task()
    assert task
    assert task.cancelling() == 0


async def test_what_the_loser_may_cost_is_unsettled_and_on_the_meter() -> None:
    layer, meter = layers(Server(never, at_once))
    response = await layer(asked())
    assert response.log.unsettled_usd > 100 / 1e6
    assert meter.spent_usd == pytest.approx(15 / 1e6 + response.log.unsettled_usd)


async def test_the_first_may_still_win_and_the_copy_is_cancelled() -> None:
    server = Server(soon, never)
    layer, meter = layers(server)
    response = await layer(asked())
    assert (response.text, response.log.hedged) == ("soon", True)
    assert (server.calls, server.cancelled) == (2, 1)
    assert response.log.unsettled_usd > 0
    assert meter.reserved_usd == 0


async def test_a_call_that_is_not_late_is_sent_once() -> None:
    server = Server(at_once)
    layer, _ = layers(server, hedge=Hedge(after_s=30.0, max_share=1.0))
    response = await layer(asked())
    assert (server.calls, response.log.hedged, response.log.attempts) == (1, False, 1)


async def test_a_copy_that_the_budget_refuses_is_no_failure() -> None:
    server = Server(soon)
    layer, _ = layers(server, hard=160 / 1e6)
    response = await layer(asked())
    assert (server.calls, response.log.hedged, response.log.attempts) == (1, False, 1)
    assert response.log.unsettled_usd == 0


async def test_a_copy_that_waits_for_the_budget_costs_nothing_when_the_first_answers() -> None:
    server = Server(soon)
    layer, meter = layers(server, hard=200 / 1e6)
    response = await layer(asked())
    assert server.calls == 1
    assert response.log.unsettled_usd == 0
    assert meter.spent_usd == pytest.approx(15 / 1e6)


async def test_a_budget_of_one_call_refuses_it_as_ever() -> None:
    layer, _ = layers(Server(soon), hard=50 / 1e6)
    with pytest.raises(BudgetError):
        await layer(asked())


async def test_when_the_first_fails_the_copy_may_still_answer() -> None:
    layer, _ = layers(Server(fails, soon))
    response = await layer(asked())
    assert response.text == "soon"


async def test_when_both_fail_the_error_of_the_first_is_raised() -> None:
    layer, meter = layers(Server(fails))
    with pytest.raises(ServerError):
        await layer(asked())
    assert meter.reserved_usd == 0


async def test_a_refusal_ends_the_copy_too() -> None:
    server = Server(refuses, never)
    layer, meter = layers(server)
    with pytest.raises(RefusedRequestError) as caught:
        await layer(asked())
    assert server.cancelled == 1
    assert caught.value.unsettled_usd > 0
    assert meter.reserved_usd == 0


async def test_cancelling_the_call_cancels_both() -> None:
    server = Server(never)
    layer, meter = layers(server)
    task = asyncio.create_task(layer(asked()))
    while server.calls < 2:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert server.cancelled == 2
    assert caught.value.unsettled_usd == pytest.approx(meter.spent_usd)  # type: ignore[attr-defined]
    assert meter.reserved_usd == 0


async def test_a_deadline_ends_both_and_is_a_deadline_error() -> None:
    server = Server(never)
    layer, meter = layers(server)
    call = RetryLayer(layer, RetryPolicy(deadline_s=0.02))
    with pytest.raises(DeadlineError) as caught:
        await call(asked())
    assert server.cancelled == server.calls == 2
    assert caught.value.unsettled_usd == pytest.approx(meter.spent_usd)


async def test_a_stream_is_asked_once() -> None:
    server = Server(soon)
    layer, _ = layers(server)
    await layer(asked(), lambda _: None)
    assert server.calls == 1


async def test_no_more_than_its_share_of_calls_is_asked_twice() -> None:
    server = Server(soon)
    layer, _ = layers(server, hedge=Hedge(after_s=0.0, max_share=0.1))
    await asyncio.gather(*(layer(asked(str(i))) for i in range(100)))
    assert 100 < server.calls <= 110


async def test_the_copy_takes_another_route() -> None:
    servers = [Server(never), Server(at_once)]
    targets = [Target(server, name=str(i)) for i, server in enumerate(servers)]
    layer = HedgeLayer(RouteLayer(targets, "priority"), AT_ONCE)
    response = await layer(asked())
    assert (response.log.route, response.log.hedged) == ("1", True)
    assert [server.calls for server in servers] == [1, 1]
    assert [target.in_flight for target in targets] == [0, 0]


def test_a_call_is_late_after_the_quantile_of_the_latest_ones() -> None:
    latencies = _Latencies(Hedge(after_quantile=0.95, min_samples=50))
    for i in range(49):
        latencies.learn(0.1 + i / 1000, 0.0)
    assert latencies.late_s is None
    latencies.learn(9.0, 0.0)
    assert latencies.late_s == pytest.approx(0.147)


def test_where_limits_take_the_time_nothing_is_late() -> None:
    latencies = _Latencies(Hedge(after_quantile=0.95, min_samples=50))
    for _ in range(100):
        latencies.learn(1.0, 0.9)
    assert latencies.late_s is None
    for _ in range(100):
        latencies.learn(0.1, 0.0)
    assert latencies.late_s is not None


@pytest.mark.parametrize("wrong", [{"after_quantile": 1.0}, {"max_share": 0}, {"after_s": -1}])
def test_a_hedge_that_cannot_work_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        Hedge(**wrong)  # type: ignore[arg-type]


async def test_sessions_hedge_when_told_to() -> None:
    calls = 0

    async def answer(request: Request) -> str:
        nonlocal calls
        calls += 1
        return await (never() if calls == 1 else at_once())

    model = pk.testing.Scripted(answer)
    session = pk.connect(transport=model, hedge=Hedge(after_s=0.0, max_share=1.0))
    response = await session.ask("Hi")
    assert (response.text, response.log.hedged) == ("at once", True)
    assert (session.usage.hedged, session.usage.retries) == (1, 0)


async def test_the_readout_tells_of_copies_and_of_what_the_losers_may_cost() -> None:
    prices = Profile(name="p", prices={"m": PRICE})
    model = pk.testing.Scripted(lambda r: never() if len(model.requests) == 1 else "x")
    hedge = Hedge(after_s=0.0, max_share=1.0)
    session = pk.connect(prices, transport=model, model="m", hedge=hedge, budget=1)
    await session.ask("Hi", max_tokens=100)
    said = summary(session.usage)
    assert "1 call · 1 hedged · " in said
    assert "for calls that were given up" in said
    assert "retr" not in said
    session.usage.failed += 1
    assert "for unanswered calls" in summary(session.usage)


async def test_a_copy_reserves_its_own_worst_case_in_the_whole_stack() -> None:
    server = Server(soon)
    meter = Meter(Budget(hard=160 / 1e6))  # enough for one call, not for two
    layers = Layers(meters=(meter,), price_of=lambda *_: PRICE, hedge=AT_ONCE)
    response = await stack(server, layers)(asked())
    assert (server.calls, response.log.hedged) == (1, False)


async def test_who_cancels_as_the_copy_answers_is_told_what_it_cost() -> None:
    calling: list[asyncio.Future[Response]] = []

    async def wins() -> str:
        calling[0].cancel()
        return "too late"

    meter = Meter(Budget(hard=1.0))
    layer = HedgeLayer(BudgetLayer(Server(never, wins), (meter,), lambda *_: PRICE), AT_ONCE)
    calling.append(asyncio.ensure_future(layer(asked())))
    with pytest.raises(asyncio.CancelledError) as caught:
        await calling[0]
    assert getattr(caught.value, "unsettled_usd", 0.0) == pytest.approx(meter.spent_usd)
