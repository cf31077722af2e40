from __future__ import annotations

import asyncio
import random

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
)
from promptkit.pricing import FREE, Price
from promptkit.response import Choice, Usage
from promptkit.testing import FakeClock
from promptkit.tokens import upper_bound
from promptkit.transport import FunctionTransport, OnText
from promptkit.transports.budget import BudgetLayer, BudgetWarning, Meter, longest_output
from promptkit.transports.retry import RetryLayer, RetryPolicy

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
