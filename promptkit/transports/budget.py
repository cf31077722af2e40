"""Spending limits that hold: each attempt reserves the most it can cost before it is sent.

A reservation that fits is settled to the true cost when the answer comes. One that would fit if
the calls under way turned out cheaper waits for them. One that can never fit is refused before
anything is sent. What was sent and not answered counts as spent in full, because the provider
may charge for it; what was refused by the server (429, 4xx, 5xx) is released.
"""

from __future__ import annotations

import asyncio
import json
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from promptkit.errors import BudgetError, OptionError, PromptkitError
from promptkit.pricing import Price, PriceOf, price_of
from promptkit.request import Request
from promptkit.response import Response, Usage
from promptkit.tokens import upper_bound
from promptkit.transport import OnText, Transport

_LENGTHS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")

_CENT_OF_CENT: Final = 1e-12
"""Tolerance for sums of floats."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Spending limits in US dollars; None means none.

    Attributes:
        hard: Never exceeded.
        soft: Passing it warns once.
    """

    hard: float | None = None
    soft: float | None = None

    def __post_init__(self) -> None:
        """Check both limits."""
        for name in ("hard", "soft"):
            value = getattr(self, name)
            is_amount = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (is_amount and 0 <= value < float("inf")):
                raise OptionError(f"budget {name}={value!r}", hint="US dollars, 0 or more")

    @classmethod
    def coerce(cls, value: Budget | float | str | None) -> Budget:
        """Read a budget: an amount is the hard limit.

        >>> Budget.coerce("$0.05")
        Budget(hard=0.05, soft=None)
        """
        if value is None or isinstance(value, Budget):
            return value or Budget()
        if isinstance(value, bool):
            raise OptionError(f"budget={value!r}", hint='an amount such as 2.50 or "$2.50"')
        with suppress(ValueError, TypeError):
            amount = float(value.strip().removeprefix("$") if isinstance(value, str) else value)
            if amount == amount:  # noqa: PLR0124 -- not NaN
                return cls(hard=amount)
        raise OptionError(
            f"budget={value!r}", hint='an amount such as 2.50 or "$2.50", or a Budget'
        )


class Meter:
    """Counts what is spent and reserved against one Budget; safe to share between loops.

    Attributes:
        name: Whose budget it is, for messages: "session", "cell", "profile 'staging'".
    """

    def __init__(self, budget: Budget, name: str = "session") -> None:
        """Begin with nothing spent."""
        self.budget = budget
        self.name = name
        self.spent_usd = 0.0
        self.reserved_usd = 0.0
        self._warned = False
        self.waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def room(self) -> float:
        """What the hard limit leaves if every reservation is used up."""
        if self.budget.hard is None:
            return float("inf")
        return self.budget.hard + _CENT_OF_CENT - self.spent_usd - self.reserved_usd

    def left(self) -> float:
        """What the hard limit leaves if every reservation comes back."""
        return self.room() + self.reserved_usd

    def settle(self, reserved: float, spent: float) -> None:
        """Give a reservation back, count what was spent, and wake who waits for room."""
        self.reserved_usd = max(0.0, self.reserved_usd - reserved)
        self.spent_usd += spent
        waiting, self.waiting = self.waiting, []
        for loop, future in waiting:
            with suppress(RuntimeError):  # that loop is closed, nobody waits there any more
                loop.call_soon_threadsafe(_wake, future)

    def warn(self) -> None:
        """Warn once when the soft limit is passed."""
        soft = self.budget.soft
        if soft is None or self._warned or self.spent_usd <= soft:
            return
        self._warned = True
        text = (
            f"the {self.name} has spent ${self.spent_usd:.4g}, past its soft limit of ${soft:.4g}"
        )
        # The call that passed it has no line of the user's to point at: it runs in a task.
        warnings.warn_explicit(text, BudgetWarning, "promptkit", 0)


class BudgetWarning(UserWarning):
    """A soft limit was passed. Shown once per budget."""


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


scopes: Final[list[Callable[[], Meter | None]]] = []
"""Further meters that may apply to a call, such as the running notebook cell's."""

_lock = threading.Lock()


class BudgetLayer:
    """Prices answers and keeps every applicable Meter within its limits."""

    def __init__(
        self, inner: Transport, meters: tuple[Meter, ...] = (), price_of: PriceOf = price_of
    ) -> None:
        """Wrap `inner`."""
        self.inner = inner
        self.meters = meters
        self.price_of = price_of

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Reserve, ask, settle."""
        meters = (*self.meters, *(meter for scope in scopes if (meter := scope()) is not None))
        limited = any(meter.budget.hard is not None for meter in meters)
        worst = self._worst_case(request, required=limited)
        if limited:
            await _reserve(meters, worst, request)
        spent = worst
        try:
            response = await self.inner(request, on_text)
            response = self._priced(request, response)
            spent = response.paid_usd or 0.0
        except BaseException as error:
            spent = worst if _may_be_billed(error) else 0.0
            if spent:
                error.unsettled_usd = getattr(error, "unsettled_usd", 0.0) + spent  # type: ignore[attr-defined]
            raise
        finally:
            with _lock:
                for meter in meters:
                    meter.settle(worst if limited else 0.0, spent)
        for meter in meters:
            meter.warn()
        return response

    def _priced(self, request: Request, response: Response) -> Response:
        if response.cost_usd is not None:
            return response
        price = self.price_of(request.model, request.endpoint)
        return response if price is None else replace(response, cost_usd=price.cost(response.usage))

    def _worst_case(self, request: Request, *, required: bool) -> float:
        """The most one attempt can cost; 0 where it is unknown and nobody needs it."""
        price = self.price_of(request.model, request.endpoint)
        if price is None:
            if required:
                msg = f"the price of {request.model!r} is unknown, so no budget can hold"
                raise BudgetError(msg, hint="give it in the profile's [prices], or drop the budget")
            return 0.0
        tokens_out = longest_output(request, price)
        if tokens_out is None:
            if required and price.output:
                msg = f"how long an answer of {request.model!r} may get is unknown"
                raise BudgetError(msg, hint="set max_tokens")
            tokens_out = 0
        return price.cost(Usage(upper_bound(request), tokens_out))


def longest_output(request: Request, price: Price) -> int | None:
    """The most output tokens of all answers together; None where it is unknown.

    `extra` goes out as it is, so what it says of lengths and numbers counts.
    """
    if request.api in ("embeddings", "moderations"):
        return 0
    extra = _fields(request.options.extra)
    lengths = [extra[name] for name in _LENGTHS if isinstance(extra.get(name), int)]
    longest = max([*lengths, request.options.max_tokens or 0]) or price.longest_answer
    number = max(
        request.options.n or 1,
        *(value for name in ("n", "best_of") if isinstance(value := extra.get(name, 1), int)),
    )
    return None if longest is None else longest * number


def _fields(extra: str | None) -> dict[str, Any]:
    try:
        fields = json.loads(extra or "{}")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


async def _reserve(meters: tuple[Meter, ...], worst: float, request: Request) -> None:
    """Take `worst` from all meters at once, waiting while calls under way may make room."""
    while True:
        loop = asyncio.get_running_loop()
        with _lock:
            for meter in meters:
                if meter.left() < worst:
                    raise _refusal(meter, worst, request)
            full = [meter for meter in meters if meter.room() < worst]
            if not full:
                for meter in meters:
                    meter.reserved_usd += worst
                return
            future = loop.create_future()
            full[0].waiting.append((loop, future))
        try:
            await future
        except asyncio.CancelledError as error:
            error.unsent = True  # type: ignore[attr-defined]
            raise


def _refusal(meter: Meter, worst: float, request: Request) -> BudgetError:
    hard = meter.budget.hard or 0.0
    left = max(0.0, hard - meter.spent_usd)
    msg = (
        f"this request could cost ${worst:.4g}; ${left:.4g} of the {meter.name}'s "
        f"${hard:.4g} is left"
    )
    if request.options.max_tokens is None:
        hint = "raise the budget, or set max_tokens: without it the longest answer is reserved"
    else:
        hint = "raise the budget or lower max_tokens"
    return BudgetError(msg, hint=hint)


def _may_be_billed(error: BaseException) -> bool:
    """Whether the provider may charge for an attempt that ended in `error`."""
    if isinstance(error, PromptkitError):
        return error.billed
    return not getattr(error, "unsent", False)
