"""Budgets that several processes share and that outlast them: a profile's, and a day's.

A meter takes blocks of what the limit leaves from the spending book, so that a call costs no
transaction. What was not needed of a block goes back when the process has been idle for a second,
when the limit is nearly used up, and when the process ends.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import time
import weakref
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from promptkit.adapters.holder import Holder
from promptkit.adapters.spending_book import SpendingBook
from promptkit.adapters.standing import Standing, Want
from promptkit.errors import StoreError
from promptkit.transports.meter import Budget, Meter, lock, wake

_IDLE_S: Final = 1.0
"""After this long without a call a block goes back, in seconds."""

_POLL_S: Final = 0.1
"""How often the file is asked again while other processes hold what is left, in seconds."""

_CENT_OF_CENT: Final = 1e-12
"""Tolerance for sums of floats."""


class BookMeter(Meter):
    """A Meter whose hard limit is shared through a SpendingBook.

    Attributes:
        book: Where what is spent is kept.
        day: The day counted now; None for a meter without days.
        promised_usd: What batches at the endpoint may cost at most.
        unsent_usd: Reserved for lines of batches of which nothing has been sent: a process that
            dies has not spent it.
    """

    def __init__(
        self, book: SpendingBook, budget: Budget, name: str, *, daily: bool = False
    ) -> None:
        """Read what has been spent before.

        Raises:
            StoreError: When the file cannot be used.
        """
        super().__init__(budget, name)
        self.book = book
        self.day = "" if daily else None
        self._key = "day" if daily else "all"
        self._limit = self.cap
        self._until = float("inf")
        self._holder: Holder | None = None
        self._elsewhere = self.promised_usd = self.unsent_usd = 0.0
        self._refused, self._refused_at = 0.0, float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._timer_loop: asyncio.AbstractEventLoop | None = None
        self.cap = self._granted = 0.0
        with lock():
            self._exchange(0.0)
        _meters.add(self)

    # -- what a call does -----------------------------------------------------------------

    def room(self) -> float:
        """What may be reserved now without a look at the file."""
        if self.book.now() >= self._until:
            return float("-inf")
        return self.cap - self.counted - self.reserved_usd

    def left(self) -> float:
        """What the hard limit leaves if all reservations and all blocks come back."""
        return self._limit - self.earlier_usd - self.promised_usd - self.counted

    def reserve(self, amount: float) -> None:
        """Set `amount` aside, and let it outlive this process."""
        self.reserved_usd += amount
        if self._holder is not None:
            self._holder.number[0] = self.counted + self.reserved_usd - self.unsent_usd

    def settle(self, reserved: float, spent: float) -> None:
        """Give a reservation back and count what was spent."""
        super().settle(reserved, spent)
        if self._holder is not None:
            self._holder.number[0] = self.counted + self.reserved_usd - self.unsent_usd

    def set_unsent(self, change: float) -> None:
        """Say that more, or less, of what is reserved is for nothing sent yet, under the lock."""
        self.unsent_usd = max(0.0, self.unsent_usd + change)
        self.reserve(0.0)

    def wait(self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
        """Have `future` set when there may be room, here or in another process."""
        super().wait(loop, future)
        if self._elsewhere:
            loop.call_later(_POLL_S, wake, future)

    # -- the file -------------------------------------------------------------------------

    def extend(self, worst: float) -> None:
        """Take a block with room for `worst`, if the limit and the other processes leave one."""
        now = time.monotonic()
        has_changed = self.counted or self._granted > self.reserved_usd
        is_asked_already = worst >= self._refused and now < self._refused_at + _POLL_S
        if is_asked_already and not has_changed and self.book.now() < self._until:
            return  # many calls wait here: one look at the file is enough for them all
        self._exchange(worst)
        is_refused = self._granted - self.reserved_usd <= 0
        self._refused, self._refused_at = (worst, now) if is_refused else (0.0, float("-inf"))
        if self.cap:
            self._watch()

    def _exchange(self, worst: float) -> None:
        if worst and self._holder is None:
            try:
                self._holder = Holder(self.book.holders)
            except OSError as error:
                hint = "free the disk, or make the folder writable"
                msg = f"{self.book.holders} cannot be written ({error.strerror})"
                raise StoreError(msg, hint=hint) from None
        self.take(self.book.exchange(self.want(worst)))

    def want(self, worst: float = 0.0, less: float = 0.0) -> Want:
        """What this meter has to say to the book, with `less` reserved than now."""
        name = self._holder.name if self._holder else ""
        reserved = max(0.0, self.reserved_usd - less)
        return Want(self._key, name, self.day, self.counted, reserved, worst, self._limit)

    def take(self, standing: Standing) -> None:
        """Go on from what the book has answered to `want`. Call it under the lock."""
        if self.day is not None and standing.day != self.day:
            self.day = standing.day
            next_day = datetime.fromisoformat(f"{self.day}T00:00:00+00:00") + timedelta(days=1)
            self._until = next_day.timestamp()
        self.earlier_usd, self._elsewhere = standing.spent, standing.elsewhere
        self.promised_usd = standing.promised
        self.counted, self._granted = 0.0, standing.granted
        # A block of exactly what is needed must have room for it, however sums are rounded.
        self.cap = standing.granted + _CENT_OF_CENT if standing.granted else 0.0
        if self._holder is not None:
            self._holder.number[0] = self.reserved_usd - self.unsent_usd

    def _watch(self) -> None:
        """Look after a while whether the block is still needed."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._timer is None or self._timer_loop is not loop or self._timer.cancelled():
            seen = (self.counted, self.reserved_usd)
            self._timer, self._timer_loop = loop.call_later(_IDLE_S, self._tick, seen), loop

    def _tick(self, seen: tuple[float, float]) -> None:
        with lock():
            self._timer = None
            if seen == (self.counted, self.reserved_usd):
                self._give_back()
            if self.cap or self.reserved_usd:
                self._watch()
            else:  # nobody may ever close the session: it keeps no open files for it
                self._leave()
                self.book.close()

    def _give_back(self) -> None:
        if self.counted or self._granted > self.reserved_usd:
            with suppress(StoreError):  # it stays spent, which breaks no promise
                self._exchange(0.0)

    def release(self) -> None:
        """Write down what was spent and give back what is not reserved."""
        with lock():
            self._give_back()

    async def aclose(self) -> None:
        """Give back what is not reserved and close the file; both open again if used again."""
        with lock():
            self._give_back()
            if not self.reserved_usd:
                self._leave()
                self.book.close()

    def end(self) -> None:
        """Give everything back at the end of the process; what is under way stays spent."""
        with lock():
            self.counted += max(0.0, self.reserved_usd - self.unsent_usd)
            self.reserved_usd = self.unsent_usd = 0.0
            self._give_back()
            self._leave()

    def _leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._holder is not None and not self.cap:
            self._holder.close()
            self._holder = None

    def begin_in_child(self) -> None:
        """Begin anew in a forked child: block, file and calls under way are its parent's."""
        self.counted = self.reserved_usd = self.unsent_usd = self.cap = self._granted = 0.0
        self.waiting, self._timer = [], None
        self._refused_at = float("-inf")
        if self._holder is not None:
            self._holder.leave()
            self._holder = None
        self.book.forget()


def shared_meters(folder: Path, budget: Budget, name: str) -> tuple[Meter, ...]:
    """Return the meters that all sessions of one profile share, in this process and in others.

    Args:
        folder: The profile's.
        budget: The profile's; or one of a session whose day's limit counts against the profile.
        name: The profile's.
    """
    place = (str(folder), budget, id(budget.on_soft))
    found = _shared.get(place)
    if found is None:
        meters: list[Meter] = []
        book = SpendingBook(folder / "spending.sqlite")
        own, day = replace(budget, day=None), Budget(hard=budget.day)
        if own.hard is not None:
            meters.append(BookMeter(book, own, f"profile {name}"))
        elif own.softs:
            meters.append(Meter(own, f"profile {name}"))
        if day.hard is not None:
            meters.append(BookMeter(book, day, f"day of profile {name}", daily=True))
        found = _shared[place] = tuple(meters)
    return found


_shared: dict[tuple[str, Budget, int], tuple[Meter, ...]] = {}
_meters: weakref.WeakSet[BookMeter] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for meter in list(_meters):
        meter.end()


def _begin_in_child() -> None:
    for meter in list(_meters):
        meter.begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
