"""Trying some of the items.

They are run like any others; what each of them took is read off its step of the trace.
"""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass
from typing import Any

from promptkit.errors import BudgetError
from promptkit.forecast.extrapolate import Quantity, extrapolate, strata
from promptkit.forecast.population import Population
from promptkit.prompt import Prompt
from promptkit.question import function_of, name_of


@dataclass(frozen=True, slots=True)
class Trial:
    """What one item took.

    Attributes:
        length: The item's own.
        calls: Requests that had to be sent.
        cost: US dollars, as far as prices are known.
        elapsed_s: From its beginning to its end.
        is_priced: Whether the price of every answer was known.
        error: What it ended in, if not in a result.
    """

    length: float
    calls: float
    input_tokens: float
    output_tokens: float
    cost: float
    elapsed_s: float
    is_priced: bool
    error: Exception | None


class Pilot:
    """The items tried so far, and those that are left.

    Attributes:
        people: Whom they stand for.
        found: What each of them took.
        left: Places of the items that have not been tried.
        elapsed_s: How long trying them took in all.
    """

    def __init__(self, people: Population, chance: random.Random) -> None:
        """Begin with nothing tried."""
        self.people = people
        self.chance = chance
        self.found: list[Trial] = []
        self.left = list(range(len(people.items)))
        self.elapsed_s = 0.0

    def draw(self, size: int) -> list[int]:
        """Take further places, evenly from short to long."""
        lengths = [self.people.lengths[place] for place in self.left]
        drawn = [self.left[spot] for spot in strata(lengths, size, self.chance)]
        gone = set(drawn)
        self.left = [place for place in self.left if place not in gone]
        return drawn

    @property
    def count(self) -> float:
        """How many items the run will have to pay for."""
        everyone = len(self.people.items) * self.people.scale
        return max(0.0, everyone - len(self.found)) if self.people.has_store else everyone

    @property
    def is_priced(self) -> bool:
        """Whether every answer had a known price."""
        return all(each.is_priced for each in self.found)

    @property
    def has_cost(self) -> bool:
        """Whether anything cost anything."""
        return any(each.cost for each in self.found)

    @property
    def failures(self) -> int:
        """How many of the items tried gave no result."""
        return sum(each.error is not None for each in self.found)

    def total(self, name: str) -> Quantity:
        """Say how much of `name` the items still to be paid for will take."""
        people = self.people
        rest = range(len(people.items)) if not people.has_store else self.left
        lengths = [people.lengths[place] for place in rest] or people.lengths
        return extrapolate(
            [each.length for each in self.found],
            [getattr(each, name) for each in self.found],
            self.count,
            sum(lengths) / len(lengths),
        )


async def run_pilot(session: Any, fn: Any, tried: Pilot, size: int, window: int) -> None:
    """Try `size` more items.

    Raises:
        BudgetError: When the budget does not leave enough for them.
        PromptkitError: When none of all that was tried gave a result.
    """
    people = tried.people
    function = function_of(fn)

    async def measured(own: Any, place: int) -> Trial:
        started = time.monotonic()
        error: Exception | None = None
        try:
            await function(own, people.items[place])
        except BudgetError:
            raise
        except Exception as failure:  # noqa: BLE001 -- counted; raised when nothing succeeds
            error = failure
        totals = own.trace.totals
        return Trial(
            length=people.lengths[place],
            calls=float(totals.requests - totals.cached),
            input_tokens=float(totals.input_tokens),
            output_tokens=float(totals.output_tokens),
            cost=totals.spent_usd,
            elapsed_s=time.monotonic() - started,
            is_priced=not totals.unpriced,
            error=error,
        )

    name = "prompt" if isinstance(fn, Prompt) else name_of(fn)
    measured.__name__ = f"estimate {name}"
    began = time.monotonic()
    stream = session.imap(measured, tried.draw(size), concurrency=min(window, size))
    try:
        async with contextlib.aclosing(stream):
            async for _, trial in stream:
                tried.found.append(trial)
    except BudgetError as error:
        msg = f"the budget does not leave enough to try {size} items ({error.message})"
        hint = "raise it, set max_tokens, or pass pilot=0 for a forecast without trying"
        raise BudgetError(msg, hint=hint) from error
    tried.elapsed_s += time.monotonic() - began
    errors = [each.error for each in tried.found if each.error is not None]
    if len(errors) == len(tried.found):
        raise errors[0]
