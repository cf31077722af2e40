"""Spending limits that hold: each attempt reserves the most it can cost before it is sent.

A reservation that fits is settled to the true cost when the answer comes. One that would fit if
the calls under way turned out cheaper waits for them. One that can never fit is refused before
anything is sent. What was sent and not answered counts as spent in full, because the provider
may charge for it; what was refused by the server (429, 4xx, 500, 503) is released.

Where no meter has a hard limit, the worst case is worked out only for an attempt that failed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from promptkit.errors import PromptkitError
from promptkit.pricing import Price, PriceOf, price_of
from promptkit.request import Request
from promptkit.response import Response
from promptkit.transport import OnText, Transport
from promptkit.transports.meter import (
    Budget,
    BudgetWarning,
    Meter,
    SoftLimit,
    reserve,
    settle,
    try_reserve,
)
from promptkit.transports.worst_case import (
    longest_output,
    price_for,
    unknown_length,
    unknown_price,
    worst_case,
)

__all__ = [
    "Budget",
    "BudgetLayer",
    "BudgetWarning",
    "Meter",
    "SoftLimit",
    "longest_output",
    "scopes",
]

scopes: Final[list[Callable[[], Meter | None]]] = []
"""Further meters that may apply to a call, such as the running notebook cell's."""

_MTOK: Final = 1_000_000

_NO_COST: Final = 1e12
"""A cost from here on, below zero or NaN is a transport's mistake. It must not add room to a
budget, so such an answer counts as the most it can cost, and its own cost as unknown."""


class BudgetLayer:
    """Prices answers and keeps every applicable Meter within its limits."""

    def __init__(
        self, inner: Transport, meters: tuple[Meter, ...] = (), price_of: PriceOf = price_of
    ) -> None:
        """Wrap `inner`."""
        self.inner = inner
        self.meters = meters
        self.price_of = price_of
        self._is_limited = any(meter.is_limited for meter in meters)
        self._prices: dict[tuple[str, str], Price | None] = {}

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Reserve, ask, settle."""
        meters, is_limited = self.meters, self._is_limited
        if scopes:
            meters = (*meters, *[meter for scope in scopes if (meter := scope()) is not None])
            is_limited = any(meter.is_limited for meter in meters)
        price = self.price(request)
        worst = 0.0
        if is_limited:
            worst = _bound(request, price)
            if not try_reserve(meters, worst):
                await reserve(meters, worst, request)
        spent = worst
        try:
            response = await self.inner(request, on_text)
            if response.cost_usd is None and price is not None:
                response = _priced(response, price)
            paid = response.paid_usd
            spent = worst if paid is None else paid
            if not 0.0 <= spent < _NO_COST:
                response = replace(response, cost_usd=None)
                spent = worst or _bound_or_nothing(request, price)
        except BaseException as error:
            spent = 0.0
            if _may_be_billed(error):
                spent = worst if is_limited else _bound_or_nothing(request, price)
            if spent:
                error.unsettled_usd = getattr(error, "unsettled_usd", 0.0) + spent  # type: ignore[attr-defined]
            raise
        finally:
            if meters:
                settle(meters, worst, spent)
        return response

    def price(self, request: Request) -> Price | None:
        """Return what the request's model costs; None where that is unknown."""
        place = (request.model, request.endpoint)
        try:
            price = self._prices[place]
        except KeyError:
            price = self._prices[place] = self.price_of(*place)
        return price if request.options.extra is None else price_for(request, price, self.price_of)


def _bound(request: Request, price: Price | None) -> float:
    """The most one attempt can cost, for a hard limit."""
    if price is None:
        raise unknown_price(request)
    worst = worst_case(request, price)
    if worst is None:
        raise unknown_length(request)
    return worst


def _bound_or_nothing(request: Request, price: Price | None) -> float:
    """The most one attempt can cost, for the account only; 0 where it is unknown."""
    worst = None if price is None else worst_case(request, price)
    return worst or 0.0


def _priced(response: Response, price: Price) -> Response:
    """Return the response with its cost.

    It is a new object, because a transport may hand out the same one again, and it is made field
    by field, because this is done for every call and `dataclasses.replace` takes twice as long.
    """
    usage = response.usage
    if type(price) is Price and not usage.cached_tokens:
        cost = (usage.input_tokens * price.input + usage.output_tokens * price.output) / _MTOK
    else:
        cost = price.cost(usage)
    return Response(
        response.choices,
        usage,
        response.model,
        cost,
        response.log,
        response.vectors,
        response.moderations,
        response.headers,
        response.constraint,
    )


def _may_be_billed(error: BaseException) -> bool:
    """Whether the provider may charge for an attempt that ended in `error`."""
    if isinstance(error, PromptkitError):
        return error.billed
    return not getattr(error, "unsent", False)
