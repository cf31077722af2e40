from __future__ import annotations

import asyncio
import dataclasses
import math
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.forecast import infer, majority, riddles, stand_in, tickets
from hypothesis import given
from hypothesis import strategies as st

import promptkit as pk
from promptkit import Price, Prompt
from promptkit import forecast as forecasting
from promptkit.errors import BudgetError, OptionError
from promptkit.forecast import Quantity, population
from promptkit.forecast.extrapolate import extrapolate, strata
from promptkit.operations.caches import summarize
from promptkit.testing import Scripted
from promptkit.transports import budget
from promptkit.transports.meter import Meter

PRICE = Price(input=1.0, output=4.0, longest_answer=500)
ASK = Prompt("{q:trusted}")


def answer(request: pk.Request) -> pk.Response:
    """Say more where more is asked, with some chance in it."""
    chance = random.Random(request.key)
    size = len(request.text)
    return pk.Response((pk.Choice("x"),), pk.Usage(size // 4 + 7, chance.randint(5, 15)))


def connected(model: Any = answer, **options: Any) -> tuple[pk.Session, pk.testing.Scripted]:
    scripted = pk.testing.Scripted(model)
    profile = pk.Profile(name="forecast", prices={"m": PRICE})
    options.setdefault("cache", "memory")
    return pk.connect(profile, transport=scripted, model="m", **options), scripted


def questions(number: int, seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    return [f"{place} " + "why " * chance.randint(1, 60) for place in range(number)]


def paid(session: pk.Session) -> float:
    return session.usage.cost_usd or 0.0


# -- what it promises ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fn", "items"),
    [
        (Prompt("Which team takes this ticket?\n{ticket:trusted}"), tickets(1500, 5)),
        (majority, tickets(600, 6)),
        (infer, riddles(400, 7)),
    ],
    ids=["template", "vote", "selection-inference"],
)
async def test_a_forecast_is_within_a_tenth_of_what_the_run_then_costs(
    fn: Any, items: list[Any]
) -> None:
    model = stand_in(3, latency_s=0.0)
    session, _ = connected(model)
    asked = session.using(max_tokens=400)
    forecast = await asked.estimate(fn, items, within=0.05, pilot=200)
    run = asked.step("run")
    await run.map(fn, items)
    cost = paid(run)
    assert forecast.cost_usd is not None
    assert forecast.cost_usd.value == pytest.approx(cost, rel=0.1)
    assert forecast.cost_usd.low <= cost <= forecast.cost_usd.high
    sent = run.usage.requests - run.usage.cached
    assert forecast.calls.value == pytest.approx(sent, rel=0.1)
    assert forecast.tried_usd == pytest.approx(paid(session) - cost)


async def test_nothing_is_paid_twice_and_the_trial_is_counted() -> None:
    session, model = connected()
    items = questions(100)
    forecast = await session.estimate(ASK, items)
    assert len(model.requests) == forecast.tried == session.usage.requests > 0
    assert forecast.tried_usd == pytest.approx(paid(session))
    assert forecast.calls == Quantity(100 - forecast.tried, *(2 * [100.0 - forecast.tried]))
    await session.map(ASK, items)
    assert len(model.requests) == 100


async def test_without_a_cache_the_run_pays_for_the_items_tried_once_more() -> None:
    session, _ = connected(cache=None)
    forecast = await session.estimate(ASK, questions(100))
    assert forecast.calls.value == 100
    assert any("once more" in line for line in forecast.how)


async def test_what_the_cache_answers_is_free() -> None:
    session, model = connected()
    items = questions(80)
    await session.map(ASK, items[:60])
    forecast = await session.estimate(ASK, [*items, *items], pilot=0)
    assert (forecast.items, forecast.cached, forecast.calls.value) == (160, 140, 20)
    assert forecast.cached_share == 140 / 160
    assert len(model.requests) == 60
    await session.map(ASK, items)
    forecast = await session.estimate(ASK, items)
    assert forecast.cost_usd == Quantity(0.0, 0.0, 0.0)
    assert forecast.duration_s == Quantity(0.0, 0.0, 0.0)


async def test_without_a_trial_nothing_is_sent_and_the_bound_holds() -> None:
    session, model = connected()
    items = questions(50)
    asked = session.using(max_tokens=20, n=2, extra={"best_of": 3})
    forecast = await asked.estimate(ASK, items, pilot=0)
    assert not model.requests
    assert forecast.output_tokens == Quantity(3000.0, 0.0, 3000.0), "max_tokens x best_of x items"
    await asked.map(ASK, items)
    assert forecast.cost_usd is not None
    assert paid(session) <= forecast.cost_usd.high


async def test_prompts_are_counted_exactly_where_the_encoding_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(population, "count", lambda text, model: len(text.split()))
    session, _ = connected()
    items = questions(40)
    forecast = await session.estimate(ASK, items, pilot=0)
    exact = sum(len(item.split()) + 4 + 3 for item in items)
    assert forecast.input_tokens == Quantity(exact, exact, exact)
    assert forecast.cost_usd is not None
    assert forecast.cost_usd.high == pytest.approx(PRICE.cost(pk.Usage(exact, 40 * 500)))
    assert any("own encoding" in line for line in forecast.how)


# -- budgets ------------------------------------------------------------------------------------


async def test_a_budget_that_cannot_pay_the_trial_is_named_before_more_is_spent() -> None:
    session, _ = connected(budget=0.0001)
    with pytest.raises(BudgetError, match=r"not leave enough to try 32 items.*pilot=0"):
        await session.using(max_tokens=20).estimate(ASK, questions(100))
    assert paid(session) <= 0.0001


async def test_a_forecast_says_whether_the_budget_is_enough() -> None:
    session, _ = connected(budget=0.05)
    asked = session.using(max_tokens=20)
    small, large = questions(100), questions(5000, seed=9)
    enough = await asked.estimate(ASK, small)
    assert enough.fits
    assert enough.budget_left_usd == pytest.approx(0.05 - paid(session))
    assert "enough" in str(enough)
    short = await asked.estimate(ASK, large, pilot=40)
    assert short.fits is False
    assert short.affordable is not None
    assert 0 < short.affordable < 5000
    assert f"not enough: about {short.affordable:,} of 5,000 items" in str(short)
    assert enough.affordable == 100


async def test_between_the_ends_of_the_cost_the_budget_may_not_be_enough() -> None:
    session, _ = connected(budget=0.05)
    forecast = await session.using(max_tokens=20).estimate(ASK, questions(100))
    assert forecast.cost_usd is not None
    tight = dataclasses.replace(forecast, budget_left_usd=forecast.cost_usd.value)
    assert tight.fits is False
    assert "may not be enough" in str(tight)


async def test_a_forecast_shows_itself_as_its_table() -> None:
    session, _ = connected()
    ask = Prompt("{q:trusted} <b>")
    forecast = await session.using(max_tokens=20).estimate(ask, questions(40), pilot=4)
    said: list[str] = []
    printer = type("Printer", (), {"text": staticmethod(said.append)})()
    forecast._repr_pretty_(printer, cycle=False)
    assert said == [str(forecast)]
    page = forecast._repr_html_()
    assert "40 items: 0 cached, 4 tried" in page
    assert page.count("<tr>") == 6
    assert len(page) < 2_000


async def test_the_running_cells_budget_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Meter(pk.Budget(hard=0.01), "cell")
    monkeypatch.setattr(forecasting, "scopes", [lambda: cell])
    monkeypatch.setattr(budget, "scopes", [lambda: cell])
    session, _ = connected()
    forecast = await session.using(max_tokens=20).estimate(ASK, questions(40), pilot=4)
    assert forecast.budget_left_usd == pytest.approx(0.01 - (forecast.tried_usd or 0.0))


async def test_without_a_price_tokens_are_forecast_and_the_cost_is_unknown() -> None:
    scripted = pk.testing.Scripted(answer)
    session = pk.connect(transport=scripted, model="nobody-knows-its-price")
    forecast = await session.estimate(ASK, questions(60))
    assert forecast.cost_usd is None
    assert forecast.tried_usd is None
    assert forecast.output_tokens is not None
    assert forecast.output_tokens.value > 0
    assert "unknown" in str(forecast)


# -- items --------------------------------------------------------------------------------------


async def test_items_that_do_not_tell_their_number_need_a_total() -> None:
    session, _ = connected()
    with pytest.raises(OptionError, match="total"):
        await session.estimate(ASK, iter(questions(10)))

    async def endless() -> AsyncIterator[str]:
        for question in questions(50):
            yield question

    with pytest.raises(OptionError, match="total"):
        await session.estimate(ASK, endless())
    forecast = await session.estimate(ASK, endless(), total=500)
    assert forecast.items == 500
    assert forecast.calls.value == 500 - forecast.tried


async def test_of_very_many_items_some_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(population, "MOST_READ", 100)
    session, _ = connected()
    items = questions(1000)
    part = await session.estimate(ASK, items, pilot=0)
    monkeypatch.undo()
    whole = await session.estimate(ASK, items, pilot=0)
    assert part.calls.value == pytest.approx(whole.calls.value)
    assert part.input_tokens.value == pytest.approx(whole.input_tokens.value, rel=0.2)


async def test_no_items_take_nothing() -> None:
    session, _ = connected()
    for fn in (ASK, majority):
        forecast = await session.estimate(fn, [])
        assert (forecast.calls.value, forecast.items) == (0.0, 0)


# -- functions ----------------------------------------------------------------------------------


async def test_a_function_cannot_be_forecast_without_trying_it() -> None:
    session, _ = connected()
    with pytest.raises(OptionError, match="known only by trying"):
        await session.estimate(majority, questions(10), pilot=0)


async def test_items_that_fail_are_counted_and_only_when_all_fail_it_raises() -> None:
    async def fragile(session: pk.Session, item: int) -> str:
        await session.ask(f"number {item}")
        if item % 2:
            raise ValueError("odd")
        return "fine"

    session, _ = connected()
    forecast = await session.estimate(fragile, range(100))
    assert any("failed" in line for line in forecast.how)
    assert forecast.calls.value == 100 - forecast.tried
    with pytest.raises(ValueError, match="odd"):
        await session.estimate(fragile, range(1, 100, 2))


@pytest.mark.parametrize("bad", [-1, True, "five"])
async def test_a_trial_of_a_strange_size_is_refused(bad: Any) -> None:
    session, _ = connected()
    with pytest.raises(OptionError, match="pilot"):
        await session.estimate(ASK, questions(3), pilot=bad)


@pytest.mark.parametrize(
    "bad",
    [
        {"within": 2},
        {"within": 0},
        {"within": -0.1},
        {"within": "0.1"},
        {"within": True},
        {"within": float("nan")},
        {"total": -1},
        {"total": "300"},
        {"concurrency": 0},
        {"concurrency": "4"},
        {"seed": "x"},
    ],
)
async def test_settings_that_cannot_be_are_refused_before_anything_is_paid(bad: Any) -> None:
    session, scripted = connected()
    with pytest.raises(OptionError, match=next(iter(bad))):
        await session.estimate(ASK, questions(3), **bad)
    assert scripted.requests == []


# -- time ---------------------------------------------------------------------------------------


async def test_the_time_is_that_of_the_window_or_of_the_rate_limit() -> None:
    async def slow(request: pk.Request) -> pk.Response:
        await asyncio.sleep(0.01)
        return answer(request)

    session, _ = connected(slow)
    forecast = await session.estimate(ASK, questions(400), concurrency=4)
    assert forecast.duration_s is not None
    rest = 400 - forecast.tried
    assert forecast.duration_s.value >= rest * 0.01 / 4
    limited, _ = connected(slow, limits={"requests_per_minute": 6000})
    forecast = await limited.estimate(ASK, questions(400), concurrency=64)
    assert forecast.duration_s is not None
    assert forecast.duration_s.value == pytest.approx(forecast.calls.value / 100)
    assert any("limit of 6,000 requests a minute" in line for line in forecast.how)


# -- the arithmetic -----------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1e6), max_size=60), st.integers(0, 80), st.integers(0, 2**32))
def test_a_draw_has_no_item_twice_and_reaches_from_short_to_long(
    lengths: list[float], size: int, seed: int
) -> None:
    drawn = strata(lengths, size, random.Random(seed))
    assert len(set(drawn)) == len(drawn) == min(size, len(lengths))
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    if len(drawn) >= 2:
        half = lengths[order[len(order) // 2]]
        assert min(lengths[place] for place in drawn) <= half


@given(
    st.lists(st.integers(1, 1000), min_size=8, max_size=40),
    st.floats(0, 100),
    st.floats(0, 10),
    st.integers(1, 1000),
)
def test_what_lies_on_a_line_is_forecast_exactly(
    lengths: list[int], base: float, slope: float, count: int
) -> None:
    found = [base + slope * length for length in lengths]
    mean = sum(lengths) / len(lengths)
    quantity = extrapolate([float(x) for x in lengths], found, count, mean)
    assert quantity.value == pytest.approx(count * (base + slope * mean), rel=1e-6, abs=1e-6)
    if len(set(lengths)) > 1 or slope == 0:
        assert quantity.high - quantity.low <= 1e-3 * (1 + quantity.value)


def test_the_interval_holds_about_as_often_as_it_says() -> None:
    chance = random.Random(11)
    held = 0
    for _ in range(400):
        lengths = [chance.lognormvariate(3, 0.7) for _ in range(300)]
        costs = [0.3 * x + chance.lognormvariate(2, 0.6) for x in lengths]
        drawn = strata(lengths, 32, chance)
        rest = [place for place in range(300) if place not in set(drawn)]
        quantity = extrapolate(
            [lengths[p] for p in drawn],
            [costs[p] for p in drawn],
            len(rest),
            sum(lengths[p] for p in rest) / len(rest),
        )
        held += quantity.low <= sum(costs[p] for p in rest) <= quantity.high
    assert 0.90 <= held / 400 <= 0.99


def test_with_one_item_tried_the_upper_end_is_open() -> None:
    quantity = extrapolate([1.0], [5.0], 3, 1.0)
    assert (quantity.value, quantity.high) == (15.0, math.inf)
    assert extrapolate([], [], 3, 1.0).high == math.inf


async def test_looking_into_the_cache_is_not_counted_as_an_answer_served(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    async with pk.connect(transport=Scripted("x"), model="m", cache=path) as session:
        await session.map("Say {x}", range(20))
    for _ in range(2):
        async with pk.connect(transport=Scripted("x"), model="m", cache=path) as session:
            await session.estimate("Say {x}", range(20), pilot=0)
    assert summarize(path).hits == 0
