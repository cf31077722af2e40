"""Meters count what is spent and reserved against a Budget.

A call takes its worst case from every meter it counts against, or from none. All of that happens
under one lock, since the calls of several event loops may share a meter.
"""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
from contextlib import suppress
from typing import Final

from promptkit.amounts import exact, of_limit, owner
from promptkit.errors import BudgetError
from promptkit.request import Request
from promptkit.transports.allowance import Budget, SoftLimit

__all__ = [
    "Budget",
    "BudgetWarning",
    "Meter",
    "SoftLimit",
    "lock",
    "reserve",
    "settle",
    "try_reserve",
    "wake",
]

_CENT_OF_CENT: Final = 1e-12
"""Tolerance for sums of floats."""


class BudgetWarning(UserWarning):
    """A soft limit was passed. Shown once per limit."""


class Meter:
    """Counts what is spent and reserved against one Budget; safe to share between loops.

    Attributes:
        name: Whose budget it is, for messages: "session", "cell", "profile staging".
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
        """The hard limit; without one the highest soft limit that was passed, else the lowest."""
        if self.budget.hard is not None:
            return self.budget.hard
        softs = self.budget.softs
        passed = [soft for soft in softs if soft < self.spent_usd]
        return (passed[-1:] or softs[:1] or (None,))[0]

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
                f"{owner(news.name)} has spent {exact(news.spent_usd)}, past its soft limit of "
                f"{exact(news.soft_usd)}"
            )
            return
        try:
            self.budget.on_soft(news)
        except Exception as error:  # noqa: BLE001 -- an answer is paid for and must not be lost
            _warn(
                f"on_soft of {owner(news.name)}'s budget failed ({type(error).__name__}: {error})"
            )


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
    limit = of_limit(exact(meter.budget.hard or 0.0), meter.name)
    msg = f"this request could cost {exact(worst)}; {exact(left)} of {limit} is left"
    if request is not None and request.options.max_tokens is None:
        hint = "raise the budget, or set max_tokens: without it the longest answer is reserved"
    else:
        hint = "raise the budget or lower max_tokens"
    return BudgetError(msg, hint=hint)
