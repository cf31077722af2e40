"""What calls cost: dated list prices from `genai-prices`, with the user's own winning.

An unknown price is None and never 0. The embedded model's price is 0: it runs on this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from promptkit.errors import OptionError
from promptkit.response import Usage

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

_MTOK: Final = 1_000_000

LOCAL_ENDPOINT: Final = "local:"
"""How the endpoint of a model in this process begins."""

LONGEST_ANSWER: Final = (
    ("gpt-3.5", 4_096),
    ("gpt-4-turbo", 4_096),
    ("gpt-4o", 16_384),
    ("gpt-4.1", 32_768),
    ("gpt-5", 128_000),
    ("o1", 100_000),
    ("o3", 100_000),
    ("o4", 100_000),
)
"""The most output tokens of model families, by prefix, from the models' own pages (Nov 2026).

For other models the whole context window is taken, which is always enough.
"""

_OPENAI_ONLY: Final = frozenset(
    {
        "babbage-002",
        "chatgpt-4o-latest",
        "codex-mini-latest",
        "computer-use-preview",
        "davinci-002",
        "omni-moderation-2024-09-26",
        "omni-moderation-latest",
        "text-embedding-3-large",
        "text-embedding-3-small",
        "text-embedding-ada-002",
        "text-moderation-007",
        "text-moderation-latest",
        "text-moderation-stable",
    }
)
"""Names that are OpenAI's alone, from its list of models (Nov 2026), and begin with no prefix by
which `genai-prices` would know them behind an unknown address. They are matched whole: its own
pattern for OpenAI's moderations, which are free, would take any name with «moderation» in it.
"""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens.

    >>> Price(input=0.15, output=0.60, cached_input=0.075).cost(Usage(1000, 100))
    0.00021

    Attributes:
        input: For tokens of the prompt.
        output: For tokens of the answer.
        cached_input: For tokens of the prompt that the provider had in its cache; None means
            as `input`.
        longest_answer: The most tokens one answer can have; None where that is unknown.
    """

    input: float
    output: float
    cached_input: float | None = None
    longest_answer: int | None = None

    def cost(self, usage: Usage) -> float:
        """Return what `usage` costs in US dollars."""
        cached = min(usage.cached_tokens, usage.input_tokens)
        cached_price = self.input if self.cached_input is None else self.cached_input
        fresh = (usage.input_tokens - cached) * self.input
        return (fresh + cached * cached_price + usage.output_tokens * self.output) / _MTOK


@dataclass(frozen=True, slots=True)
class TieredPrice(Price):
    """A price that rises with the length of the prompt; `genai-prices` works it out.

    Attributes:
        base_below: Prompts of fewer tokens cost the plain price, which takes a hundredth of the
            time to work out.
    """

    model: str = ""
    provider: str = ""
    base_below: int = 0

    def cost(self, usage: Usage) -> float:
        """Return what `usage` costs in US dollars, by its tier."""
        if usage.input_tokens < self.base_below:
            return Price.cost(self, usage)
        priced = _calculate(self.model, usage, provider=self.provider)
        return float(priced.total_price) if priced else Price.cost(self, usage)


FREE: Final = Price(input=0.0, output=0.0, cached_input=0.0)

PriceOf = Callable[[str, str], Price | None]
"""From (model, endpoint) to its price."""


def price_of(model: str, endpoint: str = "") -> Price | None:
    """Return the list price of a model; None where no price is known.

    Args:
        model: As the endpoint names it.
        endpoint: The endpoint's address, which tells the provider apart where it is known.
    """
    if endpoint.startswith(LOCAL_ENDPOINT):
        return FREE
    return _listed(model, endpoint.split(" ", 1)[0])


def with_overrides(overrides: Mapping[str, Price]) -> PriceOf:
    """Return a `price_of` in which the given models have the user's own prices."""
    if not overrides:
        return price_of
    own = dict(overrides)
    return lambda model, endpoint: own[model] if model in own else price_of(model, endpoint)


def parse_price(model: str, fields: Mapping[str, Any]) -> Price:
    """Read a price from a profile's table, in US dollars per million tokens.

    Raises:
        OptionError: For a missing, unknown or negative field.
    """
    known = ("input", "output", "cached_input", "longest_answer")
    unknown = [name for name in fields if name not in known]
    bad = [
        name
        for name, value in fields.items()
        if isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 <= value < float("inf")
    ]
    if unknown or bad or not {"input", "output"} <= fields.keys():
        msg = f"the price of {model!r} is {dict(fields)!r}"
        hint = "give input and output (and cached_input) in US dollars per million tokens"
        raise OptionError(msg, hint=hint)
    return Price(**fields)


@lru_cache(maxsize=512)
def _listed(model: str, url: str) -> Price | None:
    some = Usage(input_tokens=1, output_tokens=1)
    # An address that is nobody's known one (a gateway, a test server) is priced by the model alone.
    priced = (_calculate(model, some, url=url) if url else None) or _calculate(model, some)
    if priced is None and model in _OPENAI_ONLY:
        priced = _calculate(model, some, provider="openai")
    if priced is None:
        return None
    rates = priced.model_price
    named = [rates.input_mtok, rates.output_mtok, rates.cache_read_mtok]
    longest = _longest_answer(model, priced.model.context_window)
    numbers = [_base_rate(rate) for rate in named]
    cached = None if rates.cache_read_mtok is None else numbers[2]
    starts = [tier.start for rate in named for tier in getattr(rate, "tiers", ())]
    if starts:
        return TieredPrice(
            numbers[0],
            numbers[1],
            cached,
            longest,
            model=model,
            provider=priced.provider.id,
            base_below=min(starts),
        )
    return Price(numbers[0], numbers[1], cached, longest)


def _base_rate(rate: Any) -> float:
    return float(getattr(rate, "base", rate) or 0)


def _longest_answer(model: str, context_window: int | None) -> int | None:
    for prefix, tokens in LONGEST_ANSWER:
        if model.startswith(prefix):
            return tokens
    return context_window


def _calculate(
    model: str, usage: Usage, *, url: str | None = None, provider: str | None = None
) -> PriceCalculation | None:
    import genai_prices

    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
    )
    try:
        if url is not None:
            return genai_prices.calc_price(counted, model, provider_api_url=url)
        return genai_prices.calc_price(counted, model, provider_id=provider)
    except (LookupError, ValueError):
        return None


def priced_on() -> str:
    """Say which price list is in use, for readouts that quote it."""
    from importlib.metadata import version

    return f"genai-prices {version('genai-prices')}"
