"""What batches cost: half the list price, reserved for all lines before a file is sent.

The shares of lines whose batch goes on at the endpoint when the call that made it is stopped
count as spent. When a later call in this process collects them, the account is put right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from promptkit.errors import BudgetError
from promptkit.pricing import PriceOf, price_of
from promptkit.request import Request
from promptkit.response import Response
from promptkit.transports.budget import Meter, scopes
from promptkit.transports.meter import reserve, settle
from promptkit.transports.worst_case import (
    price_for,
    unknown_length,
    unknown_price,
    worst_case,
)

DISCOUNT: Final = 0.5
"""The share of the list price that lines of a batch cost, at OpenAI, Azure and most others."""


class Account:
    """The meters that a call of `Session.batch` counts against, and what it holds of them.

    Attributes:
        committed: What earlier calls of this process left at the endpoint, by request key; it has
            been counted as spent.
    """

    def __init__(
        self,
        meters: tuple[Meter, ...] = (),
        price_of: PriceOf = price_of,
        committed: dict[bytes, float] | None = None,
    ) -> None:
        """Open an account; the running notebook cell's budget counts too."""
        self._meters = (*meters, *(meter for scope in scopes if (meter := scope()) is not None))
        self._price_of = price_of
        self._held: dict[bytes, float] = {}
        self.committed = {} if committed is None else committed

    async def reserve(self, requests: Collection[Request]) -> None:
        """Set aside what these lines can cost at most, all or nothing.

        Raises:
            BudgetError: When that can never fit, or cannot be told.
        """
        if not any(meter.is_limited for meter in self._meters):
            return
        worst = {request.key: self._worst(request) for request in requests}
        try:
            await reserve(self._meters, sum(worst.values()), next(iter(requests), None))
        except BudgetError as error:
            subject = f"a batch of {len(worst):,} requests"
            error.message = error.message.replace("this request", subject, 1)
            raise
        self._held |= worst

    def _worst(self, request: Request) -> float:
        price = price_for(request, self._price_of(request.model, request.endpoint), self._price_of)
        if price is None:
            raise unknown_price(request)
        worst = worst_case(request, price)
        if worst is None:
            raise unknown_length(request)
        return worst * DISCOUNT

    def priced(self, request: Request, response: Response) -> Response:
        """Return the response with what its line cost; None where the price is unknown."""
        price = price_for(request, self._price_of(request.model, request.endpoint), self._price_of)
        if price is None:
            return response
        return replace(response, cost_usd=price.cost(response.usage) * DISCOUNT)

    def settle(self, keys: Iterable[bytes], spent: float) -> None:
        """Give back what is held for lines and count what they cost together."""
        held = 0.0
        for key in keys:
            held += self._held.pop(key, 0.0)
            spent -= self.committed.pop(key, 0.0)
        if held or spent:
            settle(self._meters, held, spent)

    def leave(self, keys: Iterable[bytes]) -> None:
        """Count what is held for lines that go on at the endpoint as spent."""
        left = {key: self._held.pop(key) for key in keys if key in self._held}
        self.committed |= left
        held = sum(left.values())
        if held:
            settle(self._meters, held, held)

    def release(self) -> None:
        """Give back all that is still held."""
        held = sum(self._held.values())
        self._held.clear()
        if held:
            settle(self._meters, held, 0.0)
