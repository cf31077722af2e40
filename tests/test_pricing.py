"""What an answer costs, where part of its prompt came from the provider's own cache."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit import Budget, Message, Options, Request, Response
from promptkit.pricing import FREE, Price, price_of
from promptkit.request import Api
from promptkit.response import Choice, Usage
from promptkit.transport import FunctionTransport
from promptkit.transports.budget import BudgetLayer
from promptkit.transports.meter import Meter


def test_prompt_tokens_from_the_providers_cache_have_their_own_price() -> None:
    price = Price(input=1.0, output=2.0, cached_input=0.25)
    assert price.cost(Usage(1_000_000, 0, cached_tokens=400_000)) == pytest.approx(0.6 + 0.1)
    without = Price(input=1.0, output=2.0)
    assert without.cost(Usage(1_000_000, 0, cached_tokens=400_000)) == pytest.approx(1.0)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_cached_prompt_never_costs_more_nor_less_than_nothing(
    tokens_in: int, cached: int, tokens_out: int
) -> None:
    price = Price(input=1.0, output=2.0, cached_input=0.1)
    plain = price.cost(Usage(tokens_in, tokens_out))
    assert 0 <= price.cost(Usage(tokens_in, tokens_out, cached)) <= plain


def test_listed_models_have_the_price_of_cached_tokens_too() -> None:
    price = price_of("gpt-4o-mini", "https://api.openai.com/v1")
    assert price is not None
    all_cached = price.cost(Usage(1_000_000, 0, cached_tokens=1_000_000))
    assert 0 < all_cached < price.cost(Usage(1_000_000, 0))


GATEWAY = "https://gateway.corp/v1"
CAPPED = ("chat", "responses", "completions")


@pytest.mark.parametrize(
    ("api", "model"),
    [
        ("chat", "gpt-4o-mini"),
        ("responses", "gpt-4o-mini"),
        ("completions", "gpt-3.5-turbo-instruct"),
        ("completions", "davinci-002"),
        ("embeddings", "text-embedding-3-small"),
        ("moderations", "omni-moderation-latest"),
    ],
)
async def test_behind_an_unknown_address_every_api_has_openais_price_and_fits_a_budget(
    api: Api, model: str
) -> None:
    price = price_of(model, GATEWAY)
    assert price == price_of(model, "https://api.openai.com/v1")
    assert price is not None
    meter = Meter(Budget(hard=0.01))
    answering = FunctionTransport(lambda request: Response((Choice("x"),), Usage(1000, 0)))
    layer = BudgetLayer(answering, (meter,), price_of)
    options = Options(max_tokens=10) if api in CAPPED else Options()
    messages = (Message("user", "Hi"),)
    await layer(Request(messages=messages, model=model, endpoint=GATEWAY, api=api, options=options))
    assert meter.spent_usd == pytest.approx(price.cost(Usage(1000, 0)))
    assert (meter.spent_usd == 0) is (api == "moderations")


@pytest.mark.parametrize(
    "model",
    ["text-embedding-3-small-eu", "llama-guard-moderation", "ada", "text-embedding-gecko", "m"],
)
def test_a_name_that_is_not_openais_own_stays_without_a_price(model: str) -> None:
    assert price_of(model, GATEWAY) is None
    assert price_of(model) is None


def test_another_providers_moderation_model_is_not_taken_for_openais_free_one() -> None:
    assert price_of("mistral-moderation-2411", GATEWAY) != FREE
