"""The most one attempt can cost, worked out without a tokenizer.

OpenAI's guide counts a request as its input tokens plus max_tokens x max(n, best_of) output
tokens. The input is bounded by bytes (`tokens.upper_bound`); where max_tokens is unset the longest
answer of the model takes its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from promptkit.errors import BudgetError
from promptkit.pricing import Price, PriceOf
from promptkit.request import Request
from promptkit.response import Usage
from promptkit.tokens import upper_bound

_LENGTHS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_NUMBERS: Final = ("n", "best_of")
_NO_FIELDS: Final[Mapping[str, Any]] = {}
_MTOK: Final = 1_000_000

_LISTED_TIERS: Final = ("auto", "default", "standard", "flex")
"""Values of `service_tier` that cost the list price or less («flex» costs less)."""

_TEXTLESS: Final = ("embeddings", "moderations")


def worst_case(request: Request, price: Price) -> float | None:
    """Return the most that one attempt can cost, in US dollars; None where that is unknown.

    >>> from promptkit import Message, Options
    >>> asked = Request(messages=(Message("user", "Hi"),), model="m", options=Options(max_tokens=9))
    >>> worst_case(asked, Price(input=1.0, output=2.0))
    6.8e-05
    """
    tokens_out = longest_output(request, price)
    if tokens_out is None:
        if price.output:
            return None
        tokens_out = 0
    tokens_in = upper_bound(request)
    if type(price) is not Price:
        return price.cost(Usage(tokens_in, tokens_out))
    rate = price.input
    if price.cached_input is not None and price.cached_input > rate:
        rate = price.cached_input
    return (tokens_in * rate + tokens_out * price.output) / _MTOK


def longest_output(request: Request, price: Price | None) -> int | None:
    """Return the most output tokens of all answers together; None where it is unknown.

    `extra` goes out as it is, so what it says of lengths and numbers counts. A predicted output
    may be billed in full on top of the answer.
    """
    if request.api in _TEXTLESS:
        return 0
    options = request.options
    longest, number = options.max_tokens or 0, options.n or 1
    predicted = 0
    if options.extra is not None:
        extra = _fields(options.extra)
        longest = max(longest, *(_whole(extra.get(name)) for name in _LENGTHS))
        number = max(number, *(_whole(extra.get(name)) for name in _NUMBERS))
        if extra.get("prediction"):
            predicted = len(options.extra.encode("utf-8", "replace"))
    if not longest:
        if price is None or price.longest_answer is None:
            return None
        longest = price.longest_answer
    return longest * number + predicted


def price_for(request: Request, price: Price | None, price_of: PriceOf) -> Price | None:
    """Return the price of a request whose `extra` may ask for another service tier.

    A tier has a price of its own where one is given for «model tier», such as
    [prices."gpt-5.4 priority"]. Else «flex», which costs less, is taken at list price, and a tier
    that costs more has no known price.
    """
    tier = _fields(request.options.extra or "").get("service_tier")
    if not isinstance(tier, str) or tier in ("auto", "default", "standard"):
        return price if tier is None or isinstance(tier, str) else None
    own = price_of(f"{request.model} {tier}", request.endpoint)
    if own is not None and (price is None or own != price):
        return own
    if price is not None and price.input == price.output == 0:
        return price
    return price if tier in _LISTED_TIERS else None


def unknown_price(request: Request) -> BudgetError:
    """Return the error for a request that no budget can hold, since its price is unknown."""
    tier = _fields(request.options.extra or "").get("service_tier")
    if isinstance(tier, str) and tier not in _LISTED_TIERS:
        name = f"{request.model} {tier}"
        msg = f"the price of {request.model!r} with service_tier={tier!r} is unknown"
        hint = f"give it as [prices.{name!r}] in the profile, or drop service_tier or the budget"
        return BudgetError(f"{msg}, so no budget can hold", hint=hint)
    msg = f"the price of {request.model!r} is unknown, so no budget can hold"
    return BudgetError(msg, hint="give it in the profile's [prices], or drop the budget")


def unknown_length(request: Request) -> BudgetError:
    """Return the error for a request whose answer may be of any length."""
    msg = f"how long an answer of {request.model!r} may get is unknown"
    return BudgetError(msg, hint="set max_tokens")


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


@lru_cache(maxsize=256)
def _fields(extra: str) -> Mapping[str, Any]:
    try:
        fields = json.loads(extra or "{}")
    except ValueError:
        return _NO_FIELDS
    return fields if isinstance(fields, dict) else _NO_FIELDS
