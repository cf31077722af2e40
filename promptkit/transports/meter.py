"""Meters count what is spent and reserved against a Budget.

A call takes its worst case from every meter it counts against, or from none. All of that happens
under one lock, since the calls of several event loops may share a meter.
"""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from promptkit.errors import BudgetError, OptionError
from promptkit.request import Request

_CENT_OF_CENT: Final = 1e-12
"""Tolerance for sums of floats."""


@dataclass(frozen=True, slots=True)
class SoftLimit:
    """What is told when a soft limit is passed.

    Attributes:
        name: Whose limit it is: "session", "cell", "profile 'staging'".
        spent_usd: What has been spent.
        soft_usd: The limit that was passed.
    """

    name: str
    spent_usd: float
    soft_usd: float


OnSoft = Callable[[SoftLimit], object]
"""Called once for each soft limit that is passed; it must not block."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Spending limits in US dollars; None means none.

    Attributes:
        hard: Never exceeded.
        soft: Passing it warns once, or calls `on_soft`; several are allowed.
        day: Never exceeded within one day (UTC), by all processes that use the profile.
        on_soft: Called when a soft limit is passed, in place of the warning.
    """

    hard: float | None = None
    soft: float | tuple[float, ...] | None = None
    day: float | None = None
    on_soft: OnSoft | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check the limits."""
        _check("hard", self.hard)
        _check("day", self.day)
        softs = self.soft if isinstance(self.soft, (list, tuple)) else (self.soft,)
        for value in softs:
            _check("soft", value)
        if softs is self.soft:
            object.__setattr__(self, "soft", tuple(sorted(softs)))
        if self.on_soft is not None and not callable(self.on_soft):
            raise OptionError(f"budget on_soft={self.on_soft!r}", hint="a function of a SoftLimit")

    @property
    def softs(self) -> tuple[float, ...]:
        """All soft limits, the lowest first."""
        if isinstance(self.soft, tuple):
            return self.soft
        return () if self.soft is None else (self.soft,)

    @classmethod
    def coerce(cls, value: Budget | Mapping[str, Any] | float | str | None) -> Budget:
        """Read a budget: an amount is the hard limit.

        >>> Budget.coerce("$0.05")
        Budget(hard=0.05, soft=None, day=None)
        """
        if value is None or isinstance(value, Budget):
            return value or Budget()
        if isinstance(value, Mapping):
            if not set(value) <= {"hard", "soft", "day"}:
                raise OptionError(f"budget={value!r}", hint="it may have hard, soft and day")
            return cls(**value)
        if isinstance(value, bool):
            raise OptionError(f"budget={value!r}", hint='an amount such as 2.50 or "$2.50"')
        with suppress(ValueError, TypeError):
            amount = float(value.strip().removeprefix("$") if isinstance(value, str) else value)
            if amount == amount:  # noqa: PLR0124 -- not NaN
                return cls(hard=amount)
        raise OptionError(
            f"budget={value!r}", hint='an amount such as 2.50 or "$2.50", or a Budget'
        )


def _check(name: str, value: object) -> None:
    is_amount = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value is not None and not (is_amount and 0 <= value < float("inf")):  # type: ignore[operator]
        raise OptionError(f"budget {name}={value!r}", hint="US dollars, 0 or more")


class BudgetWarning(UserWarning):
    """A soft limit was passed. Shown once per limit."""


class Meter:
    """Counts what is spent and reserved against one Budget; safe to share between loops.

    Attributes:
        name: Whose budget it is, for messages: "session", "cell", "profile 'staging'".
        is_limited: Whether there is a hard limit.
        cap: What may be counted and reserved before anybody else has to be asked.
        counted: What has been spent under this cap.
        reserved_usd: What the calls under way may cost at most.
        next_soft: The soft limit that is to be passed next.
    """

    def __init__(self, budget: Budget, name: str = "session") -> None:
        """Begin with nothing spent."""
        self.budget = budget
        self.name = name
        self.is_limited = budget.hard is not None
        self.cap = float("inf") if budget.hard is None else budget.hard + _CENT_OF_CENT
        self.counted = 0.0
        self.earlier_usd = 0.0
        self.reserved_usd = 0.0
        self._softs = list(budget.softs)
        self.next_soft = self._softs[0] if self._softs else float("inf")
        self.waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    @property
    def spent_usd(self) -> float:
        """What has been spent in all."""
        return self.earlier_usd + self.counted

    @property
    def limit_usd(self) -> float | None:
        """The hard limit, else the highest soft one."""
        softs = self.budget.softs
        return self.budget.hard if self.budget.hard is not None else softs[-1] if softs else None

    def room(self) -> float:
        """What may be reserved now."""
        return self.cap - self.counted - self.reserved_usd

    def left(self) -> float:
        """What the hard limit leaves if every reservation comes back."""
        return self.cap - self.counted

    def extend(self, worst: float) -> None:
        """Try to make room for `worst`, where others share the limit. Call it under the lock."""

    def reserve(self, amount: float) -> None:
        """Set `amount` aside. Call it under the lock."""
        self.reserved_usd += amount

    def settle(self, reserved: float, spent: float) -> None:
        """Give a reservation back and count what was spent. Call it under the lock."""
        self.reserved_usd = max(0.0, self.reserved_usd - reserved)
        self.counted += spent
        if self.waiting:
            waiting, self.waiting = self.waiting, []
            for loop, future in waiting:
                with suppress(RuntimeError):  # that loop is closed, nobody waits there any more
                    loop.call_soon_threadsafe(wake, future)

    async def aclose(self) -> None:
        """Do nothing: what is counted here is kept in memory."""

    def wait(self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
        """Have `future` set when there may be room. Call it under the lock."""
        self.waiting.append((loop, future))

    def tell(self) -> None:
        """Tell of each soft limit that was passed, once. Call it without the lock."""
        with _lock:
            spent = self.spent_usd
            passed = [soft for soft in self._softs if soft < spent]
            self._softs = [soft for soft in self._softs if soft >= spent]
            self.next_soft = self._softs[0] if self._softs else float("inf")
        for soft in passed:
            self._tell(SoftLimit(self.name, spent, soft))

    def _tell(self, news: SoftLimit) -> None:
        if self.budget.on_soft is None:
            _warn(
                f"the {news.name} has spent ${news.spent_usd:.4g}, past its soft limit of "
                f"${news.soft_usd:.4g}"
            )
            return
        try:
            self.budget.on_soft(news)
        except Exception as error:  # noqa: BLE001 -- an answer is paid for and must not be lost
            _warn(f"on_soft of the {news.name}'s budget failed ({type(error).__name__}: {error})")


def _warn(text: str) -> None:
    # The call that passed it has no line of the user's to point at: it runs in a task. Where
    # warnings are errors, this one must not cost the answer that has just been paid.
    with suppress(BudgetWarning):
        warnings.warn_explicit(text, BudgetWarning, "promptkit", 0)


def wake(future: asyncio.Future[None]) -> None:
    """Set a future that may have been cancelled."""
    if not future.done():
        future.set_result(None)


_lock = threading.Lock()


def _new_lock() -> None:
    global _lock  # noqa: PLW0603 -- a forked child may inherit it locked by nobody
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


def lock() -> threading.Lock:
    """Return the lock under which all meters of this process are changed."""
    return _lock


def try_reserve(meters: tuple[Meter, ...], worst: float) -> bool:
    """Take `worst` from all meters if all have room for it now."""
    with _lock:
        for meter in meters:
            if meter.room() < worst:
                return False
        for meter in meters:
            meter.reserve(worst)
    return True


async def reserve(meters: tuple[Meter, ...], worst: float, request: Request | None = None) -> None:
    """Take `worst` from all meters at once, waiting while calls under way may make room.

    Raises:
        BudgetError: When it can never fit; nothing is reserved then.
        StoreError: When a limit is kept in a file that cannot be written.
    """
    while True:
        with _lock:
            for meter in meters:
                if meter.room() < worst:
                    meter.extend(worst)
                if meter.left() < worst:
                    raise _refusal(meter, worst, request)
            full = [meter for meter in meters if meter.room() < worst]
            if not full:
                for meter in meters:
                    meter.reserve(worst)
                return
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            full[0].wait(loop, future)
        try:
            await future
        except asyncio.CancelledError as error:
            error.unsent = True  # type: ignore[attr-defined]
            raise


def settle(meters: tuple[Meter, ...], reserved: float, spent: float) -> None:
    """Give back what was reserved, count what was spent, tell of soft limits passed."""
    passed = None
    with _lock:
        for meter in meters:
            meter.settle(reserved, spent)
            if meter.earlier_usd + meter.counted > meter.next_soft:
                passed = meters
    for meter in passed or ():
        meter.tell()


def _refusal(meter: Meter, worst: float, request: Request | None) -> BudgetError:
    left = max(0.0, meter.left())
    msg = (
        f"this request could cost ${worst:.4g}; ${left:.4g} of the {meter.name}'s "
        f"${meter.budget.hard or 0.0:.4g} is left"
    )
    if request is not None and request.options.max_tokens is None:
        hint = "raise the budget, or set max_tokens: without it the longest answer is reserved"
    else:
        hint = "raise the budget or lower max_tokens"
    return BudgetError(msg, hint=hint)
