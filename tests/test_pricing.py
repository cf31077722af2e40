"""What an answer costs, where part of its prompt came from the provider's own cache."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.pricing import Price, price_of
from promptkit.response import Usage


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
