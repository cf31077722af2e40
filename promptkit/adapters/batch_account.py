"""What batches cost: half the list price, reserved for all lines before a file is sent.

What the lines of a batch may cost is promised to it in the profile's spending book before it is
sent, and whoever collects them puts the true cost in its place (see `spending_book`): budgets that
outlast a process hold across all of them. A session's own budget counts the lines of a batch that
goes on without the call that made it as spent, and is put right when a later call of the session
collects them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from promptkit.adapters.book_meter import BookMeter
from promptkit.adapters.spending_book import SpendingBook
from promptkit.errors import BudgetError
from promptkit.pricing import PriceOf, price_of
from promptkit.request import Request
from promptkit.response import Response
from promptkit.transports.budget import Meter, scopes
from promptkit.transports.meter import lock, reserve, settle
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
        book: Path | None = None,
    ) -> None:
        """Open an account; the running notebook cell's budget counts too.

        Args:
            meters: The session's and the profile's.
            price_of: From (model, endpoint) to a list price.
            committed: See the attribute.
            book: The profile's spending book, where something may be promised to batches even if
                none of these meters counts there.
        """
        self._meters = (*meters, *(meter for scope in scopes if (meter := scope()) is not None))
        self._shared = tuple(meter for meter in meters if isinstance(meter, BookMeter))
        self._own = tuple(meter for meter in self._meters if not isinstance(meter, BookMeter))
        self._path = book
        self._unmetered: SpendingBook | None = None
        self._price_of = price_of
        self._held: dict[bytes, float] = {}
        self._sent: dict[bytes, float] = {}
        self.committed = {} if committed is None else committed

    @property
    def _book(self) -> SpendingBook | None:
        """The spending book, if there is one."""
        if self._shared:
            return self._shared[0].book
        if self._unmetered is None and self._path is not None and self._path.exists():
            self._unmetered = SpendingBook(self._path)
        return self._unmetered

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
        with lock():
            for meter in self._shared:
                meter.set_unsent(sum(worst.values()))

    def worst(self, request: Request) -> float:
        """Return the most that a line can cost; 0 where that cannot be told."""
        try:
            return self._worst(request)
        except BudgetError:
            return 0.0

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

    def send(self, token: str, keys: Iterable[bytes]) -> None:
        """Promise what lines may cost to the batch that is about to be sent.

        Raises:
            StoreError: When that cannot be written down; the lines must not be sent then.
        """
        lines = {key: self._held[key] for key in keys if key in self._held}
        if self._shared and lines:
            total, book = sum(lines.values()), self._shared[0].book
            with lock():
                wants = [meter.want(less=total) for meter in self._shared]
                standings = book.promise(token, lines, wants)
                for meter, standing in zip(self._shared, standings, strict=True):
                    meter.unsent_usd = max(0.0, meter.unsent_usd - total)
                    meter.reserved_usd = max(0.0, meter.reserved_usd - total)
                    meter.take(standing)
        for key, worst in lines.items():
            self._sent[key] = worst
            del self._held[key]

    def withdraw(self, token: str, keys: Iterable[bytes] = ()) -> None:
        """Free what was promised to a batch that was not made, or is gone."""
        if (book := self._book) is not None:
            with lock():
                book.withdraw(token)
                for meter in self._shared:
                    meter.take(book.exchange(meter.want()))
            settle(self._shared, 0.0, 0.0)
        held = sum(self._sent.pop(key, 0.0) for key in keys)
        if held:
            settle(self._own, held, 0.0)

    def give_back(self, keys: Iterable[bytes]) -> None:
        """Give back what is held for lines that are not sent."""
        held = sum(self._held.pop(key, 0.0) for key in keys)
        if held:
            with lock():
                for meter in self._shared:
                    meter.set_unsent(-held)
            settle(self._meters, held, 0.0)

    def settle(self, token: str, costs: Mapping[bytes, float]) -> None:
        """Count what lines of a batch cost in the place of what was set aside for them.

        However often and by whomever it is told, the spending book counts a line once.

        Args:
            token: The batch's.
            costs: What each of the lines cost, 0 for those that another call has on its bill.
        """
        held = sum(self._sent.pop(key, 0.0) for key in costs)
        spent = sum(costs.values()) - sum(self.committed.pop(key, 0.0) for key in costs)
        if held or spent:
            settle(self._own, held, spent)
        book = self._book
        if book is None:
            return
        with lock():
            standings = book.settle(token, costs, [meter.want() for meter in self._shared])
            for meter, standing in zip(self._shared, standings, strict=True):
                meter.take(standing)
        settle(self._shared, 0.0, 0.0)  # whoever waits may go on; soft limits are told

    def billed(self, token: str, keys: Iterable[bytes]) -> None:
        """Forget lines that the journal will never have on a bill again."""
        if (book := self._book) is not None:
            with lock():
                book.forget_lines(token, keys)

    def close(self) -> None:
        """Give back what was not sent, and count what goes on at the endpoint as spent."""
        self.give_back(list(self._held))
        self.leave(list(self._sent))
        if self._unmetered is not None:
            self._unmetered.close()

    def leave(self, keys: Iterable[bytes]) -> None:
        """Count what is held for lines that go on at the endpoint as spent."""
        left = {key: self._sent.pop(key) for key in keys if key in self._sent}
        self.committed |= left
        held = sum(left.values())
        if held:
            settle(self._own, held, held)
