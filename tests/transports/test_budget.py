from __future__ import annotations

import asyncio
import dataclasses
import random
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptkit import Budget, Constraint, Message, Options, Request, Response
from promptkit.errors import (
    BudgetError,
    CallError,
    ConnectionFailedError,
    OptionError,
    RateLimitError,
    ServerError,
)
from promptkit.pricing import FREE, Price, TieredPrice, price_of, with_overrides
from promptkit.response import CallLog, Choice, Usage
from promptkit.testing import FakeClock
from promptkit.tokens import upper_bound
from promptkit.transport import FunctionTransport, OnText
from promptkit.transports.budget import (
    BudgetLayer,
    BudgetWarning,
    Meter,
    SoftLimit,
    longest_output,
)
from promptkit.transports.meter import reserve, settle
from promptkit.transports.retry import RetryLayer, RetryPolicy
from promptkit.transports.worst_case import worst_case

pytestmark = pytest.mark.anyio
PRICE = Price(input=10.0, output=100.0, longest_answer=50)


def asked(text: str = "Hi", max_tokens: int | None = None) -> Request:
    options = Options().replace(max_tokens=max_tokens)
    return Request(messages=(Message("user", text),), model="m", options=options)


def layer(model: object, meter: Meter, price: Price | None = PRICE) -> BudgetLayer:
    return BudgetLayer(model, (meter,), lambda model, endpoint: price)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    hard=st.floats(0.001, 0.2),
    outcomes=st.lists(
        st.sampled_from(["answer", "429", "reset", "cancel"]), min_size=1, max_size=8
    ),
)
def test_a_budget_is_never_exceeded_at_any_interleaving(
    seed: int, hard: float, outcomes: list[str]
) -> None:
    chance = random.Random(seed)
    clock = FakeClock()
    charged = 0.0
    highest = 0.0

    async def model(request: Request, on_text: OnText | None = None, /) -> Response:
        """Charge for every answer and for every attempt that breaks after it was sent."""
        nonlocal charged, highest
        outcome = chance.choice(outcomes)
        tokens_in = chance.randint(1, upper_bound(request))
        tokens_out = chance.randint(0, 50)
        await clock.sleep(chance.uniform(0, 5))
        if outcome == "429":
            raise RateLimitError("429", retry_after_s=chance.uniform(0, 2))
        cost = PRICE.cost(Usage(tokens_in, tokens_out))
        charged += cost
        highest = max(highest, charged)
        if outcome == "reset":
            raise ConnectionFailedError("reset")
        if outcome == "cancel":
            raise asyncio.CancelledError
        return Response((Choice("x"),), Usage(tokens_in, tokens_out))

    meter = Meter(Budget(hard=hard))
    stacked = RetryLayer(
        layer(model, meter), RetryPolicy(max_attempts=3, deadline_s=30.0), clock, chance
    )

    async def main() -> None:
        results = await asyncio.gather(
            *(stacked(asked(f"question {i}")) for i in range(64)), return_exceptions=True
        )
        allowed = (Response, BudgetError, CallError, asyncio.CancelledError)
        assert all(isinstance(result, allowed) for result in results)

    asyncio.run(main())
    assert highest <= hard
    assert charged <= meter.spent_usd + 1e-9
    assert meter.spent_usd <= hard + 1e-9
    assert meter.reserved_usd < 1e-9


async def test_calls_that_may_still_fit_wait_for_those_under_way() -> None:
    """Ten calls whose worst cases add up to more than the budget all fit at their true cost."""
    under_way = most = 0

    async def model(request: Request) -> Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        return Response((Choice("x"),), Usage(5, 1))

    meter = Meter(Budget(hard=0.0135))
    stacked = layer(FunctionTransport(model), meter)
    answers = await asyncio.gather(*(stacked(asked(str(i))) for i in range(10)))
    assert len(answers) == 10
    assert most == 2, "the budget has room for two worst cases at once"


async def test_a_refusal_names_the_sums_and_what_to_do() -> None:
    meter = Meter(Budget(hard=0.001))
    with pytest.raises(
        BudgetError,
        match=r"could cost \$0\.005.*\$0\.001 of the session's \$0\.001.*set max_tokens",
    ):
        await layer(FunctionTransport(lambda r: "x"), meter)(asked())
    assert meter.spent_usd == 0.0


async def test_what_was_refused_is_released_and_what_was_sent_counts() -> None:
    meter = Meter(Budget(hard=1.0))

    async def refuse(request: Request) -> Response:
        raise RateLimitError("429")

    async def lose(request: Request) -> Response:
        raise ConnectionFailedError("reset")

    with pytest.raises(RateLimitError):
        await layer(FunctionTransport(refuse), meter)(asked())
    assert meter.spent_usd == 0.0
    with pytest.raises(ConnectionFailedError) as caught:
        await layer(FunctionTransport(lose), meter)(asked())
    assert meter.spent_usd == caught.value.unsettled_usd > 0.005


async def test_an_unknown_price_is_refused_under_a_hard_limit_and_unknown_without() -> None:
    with pytest.raises(BudgetError, match="price of 'm' is unknown"):
        await layer(FunctionTransport(lambda r: "x"), Meter(Budget(hard=1.0)), None)(asked())
    answer = await layer(FunctionTransport(lambda r: "x"), Meter(Budget()), None)(asked())
    assert answer.cost_usd is None


async def test_an_answer_of_unknown_length_is_refused_until_max_tokens_is_set() -> None:
    price = Price(input=1.0, output=1.0)
    stacked = layer(FunctionTransport(lambda r: "x"), Meter(Budget(hard=1.0)), price)
    with pytest.raises(BudgetError, match="set max_tokens"):
        await stacked(asked())
    assert (await stacked(asked(max_tokens=5))).text == "x"


async def test_a_model_that_costs_nothing_needs_no_budget() -> None:
    answer = await layer(FunctionTransport(lambda r: "x"), Meter(Budget(hard=0.0)), FREE)(asked())
    assert answer.cost_usd == 0.0


async def test_passing_a_soft_limit_warns_once() -> None:
    meter = Meter(Budget(soft=0.00001))
    stacked = layer(FunctionTransport(lambda r: Response((Choice("x"),), Usage(5, 5))), meter)
    with pytest.warns(BudgetWarning, match="past its soft limit") as caught:
        for _ in range(3):
            await stacked(asked())
    assert len(caught) == 1


@pytest.mark.parametrize("bad", ["five", "$", -1, float("inf") * 0, "not a number", "-0.1", [1]])
def test_a_budget_that_is_no_amount_is_refused(bad: object) -> None:
    with pytest.raises(OptionError, match="budget"):
        Budget.coerce(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "tokens_out"),
    [
        ({"max_tokens": 7}, 7),
        ({"max_tokens": 7, "n": 3}, 21),
        ({}, 50),
        ({"max_tokens": 7, "extra": {"n": 4}}, 28),
        ({"max_tokens": 7, "extra": {"max_completion_tokens": 40}}, 40),
        ({"max_tokens": 7, "extra": {"best_of": 5}}, 35),
    ],
)
def test_the_worst_case_counts_every_answer_at_its_longest(
    options: dict[str, object], tokens_out: int
) -> None:
    request = asked().replace(options=Options().replace(**options))
    assert longest_output(request, PRICE) == tokens_out


def test_everything_that_is_sent_counts_towards_the_longest_prompt() -> None:
    plain = upper_bound(asked())
    long = "漢" * 1000
    constrained = Options().replace(constraint=Constraint.choice([long]))
    extra = Options().replace(extra={"tools": [long]})
    for options in (constrained, extra):
        assert upper_bound(asked().replace(options=options)) >= plain + 3000


async def test_both_of_two_budgets_hold() -> None:
    small, large = Meter(Budget(hard=0.006)), Meter(Budget(hard=10.0))
    model = FunctionTransport(lambda r: Response((Choice("x"),), Usage(5, 50)))
    both = BudgetLayer(model, (large, small), lambda model, endpoint: PRICE)
    await both(asked("one"))
    with pytest.raises(BudgetError, match=r"\$0\.006"):
        await both(asked("two"))
    assert large.spent_usd == small.spent_usd


async def test_who_is_cancelled_before_sending_has_spent_nothing() -> None:
    async def cancelled(request: Request) -> Response:
        error = asyncio.CancelledError()
        error.unsent = True  # type: ignore[attr-defined]
        raise error

    meter = Meter(Budget(hard=1.0))
    with pytest.raises(asyncio.CancelledError):
        await layer(FunctionTransport(cancelled), meter)(asked())
    assert (meter.spent_usd, meter.reserved_usd) == (0.0, 0.0)


# -- soft limits --------------------------------------------------------------------------------


async def test_each_soft_limit_is_told_once_to_its_callback_and_warns_nobody() -> None:
    heard: list[SoftLimit] = []
    meter = Meter(Budget(soft=(0.002, 0.001, 9.0), on_soft=heard.append), "session")
    stacked = layer(FunctionTransport(lambda r: Response((Choice("x"),), Usage(0, 8))), meter)
    for _ in range(5):
        await stacked(asked())
    assert [news.soft_usd for news in heard] == [0.001, 0.002]
    assert heard[0] == SoftLimit("session", pytest.approx(0.0016), 0.001)  # type: ignore[arg-type]


def test_of_several_soft_limits_the_one_passed_last_is_told_and_a_hard_one_wins() -> None:
    meter = Meter(Budget(soft=(0.1, 0.2, 0.3)))
    told = []
    for spent in (0.05, 0.1, 0.1, 0.1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BudgetWarning)
            settle((meter,), 0.0, spent)
        told.append(meter.limit_usd)
    assert told == [0.1, 0.1, 0.2, 0.3]
    assert Meter(Budget(soft=0.1, hard=0.5)).limit_usd == 0.5
    assert Meter(Budget()).limit_usd is None


async def test_messages_write_small_amounts_in_full_and_say_whose_they_are() -> None:
    small = Meter(Budget(hard=8.2e-05), "day of profile lab")
    with pytest.raises(BudgetError) as caught:
        await reserve((small,), 0.25)
    said = "could cost $0.25; $0.000082 of the $0.000082 a day of profile lab is left"
    assert said in caught.value.message
    meter = Meter(Budget(soft=0.00008), "profile lab")
    with pytest.warns(BudgetWarning, match=r"^profile lab has spent \$0\.001, past .* \$0\.00008$"):
        settle((meter,), 0.0, 0.001)


def test_amounts_may_be_texts_wherever_a_budget_has_one() -> None:
    assert Budget(hard="$2", soft=("$1.50", 0.5), day=" 0.25 ") == Budget(2.0, (0.5, 1.5), 0.25)
    assert Budget.coerce({"hard": "$2", "soft": "1"}) == Budget(2.0, 1.0)
    for bad in ("two", "$", "-1", "nan", "inf", "", True, [1]):
        with pytest.raises(OptionError, match="budget hard="):
            Budget(hard=bad)  # type: ignore[arg-type]


def test_a_callback_that_would_never_be_called_is_refused() -> None:
    with pytest.raises(OptionError, match="on_soft without soft"):
        Budget(hard=1, on_soft=print)


async def test_a_callback_that_fails_warns_and_costs_no_answer() -> None:
    def fail(news: SoftLimit) -> None:
        raise RuntimeError("no network")

    meter = Meter(Budget(soft=0.0, on_soft=fail))
    stacked = layer(FunctionTransport(lambda r: Response((Choice("x"),), Usage(5, 5))), meter)
    with pytest.warns(BudgetWarning, match=r"on_soft .* failed \(RuntimeError: no network\)"):
        assert (await stacked(asked())).text == "x"
    assert (meter.reserved_usd, meter.spent_usd) == (0.0, PRICE.cost(Usage(5, 5)))


async def test_where_warnings_are_errors_a_paid_answer_is_still_returned() -> None:
    stacked = layer(
        FunctionTransport(lambda r: Response((Choice("x"),), Usage(5, 5))), Meter(Budget(soft=0.0))
    )
    assert (await stacked(asked())).text == "x"


def test_a_budget_is_read_from_a_table() -> None:
    assert Budget.coerce({"hard": 5, "soft": [2, 1], "day": 0.5}) == Budget(5, (1, 2), 0.5)
    for bad in ({"hrad": 5}, {"day": -1}, {"soft": [1, "x"]}, {"soft": True}):
        with pytest.raises(OptionError, match="budget"):
            Budget.coerce(bad)
    with pytest.raises(OptionError, match="on_soft"):
        Budget(soft=1, on_soft="call me")  # type: ignore[arg-type]


# -- prices -------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(size=st.integers(1, 900_000), share=st.floats(0, 1), tokens_out=st.integers(0, 1000))
def test_a_price_that_rises_with_the_prompt_is_reserved_at_its_highest(
    size: int, share: float, tokens_out: int
) -> None:
    """Whatever share of the bytes turns out to be tokens, and whichever tier that falls into."""
    price = price_of("gpt-5.4")
    assert isinstance(price, TieredPrice)
    request = asked("x" * size, max_tokens=1000).replace(model="gpt-5.4")
    worst = worst_case(request, price)
    assert worst is not None
    tokens_in = round(share * upper_bound(request))
    assert price.cost(Usage(tokens_in, tokens_out)) <= worst + 1e-12


@pytest.mark.parametrize("model", ["gpt-5.4", "gemini-2.5-pro", "claude-sonnet-4-5"])
@given(
    tokens_in=st.one_of(st.integers(0, 1_000_000), st.integers(199_998, 200_002)),
    share=st.floats(0, 1),
    tokens_out=st.integers(0, 10_000),
)
def test_a_tiered_price_worked_out_quickly_is_what_the_price_list_says(
    model: str, tokens_in: int, share: float, tokens_out: int
) -> None:
    price = price_of(model)
    assert isinstance(price, TieredPrice)
    assert price.base_below > 0
    usage = Usage(tokens_in, tokens_out, cached_tokens=round(share * tokens_in))
    listed = dataclasses.replace(price, base_below=0)
    assert price.cost(usage) == pytest.approx(listed.cost(usage))


def test_a_cache_that_costs_more_than_the_prompt_itself_is_reserved_for() -> None:
    dear = Price(input=1.0, output=1.0, cached_input=3.0)
    tokens = upper_bound(asked())
    assert worst_case(asked(max_tokens=1), dear) == pytest.approx((tokens * 3 + 1) / 1e6)


@pytest.mark.parametrize("tier", ["priority", "scale", "something new", 7])
async def test_a_service_tier_of_unknown_price_is_refused_under_a_limit(tier: object) -> None:
    request = asked(max_tokens=5)
    request = request.replace(options=request.options.replace(extra={"service_tier": tier}))
    model = FunctionTransport(lambda r: Response((Choice("x"),), Usage(5, 5)))
    prices = with_overrides({"m": PRICE})
    limited = BudgetLayer(model, (Meter(Budget(hard=1.0)),), prices)
    with pytest.raises(BudgetError, match="the price of 'm'"):
        await limited(request)
    assert (await BudgetLayer(model, (), prices)(request)).cost_usd is None


@pytest.mark.parametrize(
    ("tier", "cost"), [("flex", 0.0105), ("default", 0.0105), ("auto", 0.0105), ("priority", 0.021)]
)
async def test_a_service_tier_with_a_known_price_costs_that(tier: str, cost: float) -> None:
    request = asked(max_tokens=100)
    request = request.replace(options=request.options.replace(extra={"service_tier": tier}))
    model = FunctionTransport(lambda r: Response((Choice("x"),), Usage(50, 100)))
    double = Price(input=20.0, output=200.0)
    prices = with_overrides({"m": PRICE, "m priority": double})
    meter = Meter(Budget(hard=1.0))
    answer = await BudgetLayer(model, (meter,), prices)(request)
    assert answer.cost_usd == meter.spent_usd == pytest.approx(cost)


def test_a_predicted_output_is_reserved_for_on_top_of_the_answer() -> None:
    options = Options().replace(max_tokens=7, extra={"prediction": {"content": "a" * 100}})
    longest = longest_output(asked().replace(options=options), PRICE)
    assert longest is not None
    assert longest > 107


async def test_pricing_an_answer_keeps_all_the_rest_of_it() -> None:
    """The copy is made field by field, for speed: a field that is added must be added there."""
    whole = Response(
        choices=(Choice("x"),),
        usage=Usage(5, 5),
        model="m-1",
        log=CallLog(attempts=2),
        vectors=((1.0,),),
        moderations=({"flagged": False},),
        headers={"x-request-id": "1"},
        constraint=Constraint.choice(["x"]),
    )
    answer = await BudgetLayer(FunctionTransport(lambda r: whole), (), lambda m, e: PRICE)(asked())
    assert whole.cost_usd is None, "what a transport hands out is its own"
    for entry in dataclasses.fields(Response):
        kept, given_value = getattr(answer, entry.name), getattr(whole, entry.name)
        is_set = given_value != getattr(Response(), entry.name)
        assert entry.name == "cost_usd" or (is_set and kept == given_value), entry.name


# -- what may be billed -------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504, 524])
@pytest.mark.parametrize("hard", [None, 1.0])
async def test_what_a_gateway_did_not_wait_for_may_be_billed(
    status: int, hard: float | None
) -> None:
    async def fail(request: Request) -> Response:
        raise ServerError("failed", status=status)

    meter = Meter(Budget(hard=hard))
    with pytest.raises(ServerError) as caught:
        await layer(FunctionTransport(fail), meter)(asked())
    counts = status in (408, 502, 504, 524)
    assert (meter.spent_usd > 0) is (caught.value.unsettled_usd > 0) is counts
    assert meter.reserved_usd == 0.0


# -- costs that are none ------------------------------------------------------------------------


@pytest.mark.parametrize("cost", [float("nan"), float("inf"), -5.0])
async def test_a_cost_that_is_none_counts_as_the_worst_case(cost: float) -> None:
    async def answer(request: Request) -> Response:
        return Response((Choice("x", "stop"),), Usage(1, 1), "m", cost)

    worst = worst_case(asked(max_tokens=5), PRICE)
    assert worst is not None
    meter = Meter(Budget(hard=2.5 * worst))
    budget = layer(FunctionTransport(answer), meter)
    for _ in range(2):
        response = await budget(asked(max_tokens=5))
        assert response.cost_usd is None
    assert meter.spent_usd == pytest.approx(2 * worst)
    with pytest.raises(BudgetError):
        await budget(asked(max_tokens=5))
    assert meter.reserved_usd == 0.0


@pytest.mark.parametrize("cost", [float("nan"), float("-inf"), -5.0])
@pytest.mark.parametrize("price", [PRICE, None])
async def test_no_cost_makes_a_meter_lose_count(cost: float, price: Price | None) -> None:
    async def answer(request: Request) -> Response:
        return Response((Choice("x", "stop"),), Usage(1, 1), "m", cost)

    meter = Meter(Budget(soft=1.0))
    response = await layer(FunctionTransport(answer), meter, price)(asked(max_tokens=5))
    assert response.cost_usd is None
    assert 0 <= meter.spent_usd < 1
    assert (meter.spent_usd > 0) is (price is not None)
