from __future__ import annotations

from typing import Any

import pytest

import promptkit as pk
from promptkit.errors import BudgetError

pytestmark = pytest.mark.anyio


def connected(answer: Any, **settings: Any) -> pk.Session:
    profile = pk.Profile(name="functions", prices={"m": pk.Price(input=100.0, output=100.0)})
    return pk.connect(profile, transport=answer, model="m", cache=None, **settings)


async def test_what_a_function_answers_in_words_is_estimated_and_not_free() -> None:
    async def answer(request: pk.Request) -> str:
        return "four words of text"

    session = connected(answer)
    response = await session.ask("How long is the answer?", max_tokens=10)
    assert response.usage.estimated
    assert response.usage.input_tokens > 0
    assert response.usage.output_tokens == 4
    assert response.cost_usd is not None
    assert response.cost_usd > 0
    assert session.usage.estimated == 1


async def test_a_budget_moves_when_a_function_answers() -> None:
    session = connected(lambda request: "x" * 40, budget=0.02).using(max_tokens=10)
    with pytest.raises(BudgetError):
        await session.map("{q:trusted}", [f"Question {n}?" for n in range(100)])
    assert 0.001 < (session.usage.cost_usd or 0.0) <= 0.02


async def test_a_usage_that_a_function_tells_is_left_as_it_is() -> None:
    told = pk.Response((pk.Choice("x"),), pk.Usage(7, 3))
    assert (await connected(lambda request: told).ask("Hi")).usage == pk.Usage(7, 3)
    free = pk.Response((pk.Choice("x"),), pk.Usage())
    assert (await connected(lambda request: free).ask("Hi")).usage == pk.Usage()
    untold = pk.Response((pk.Choice("x"),))
    assert (await connected(lambda request: untold).ask("Hi")).usage.estimated
