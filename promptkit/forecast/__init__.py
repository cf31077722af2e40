"""What a run will take before it is begun: calls, tokens, cost and time, each with an interval.

A template's requests are all made and looked up in the cache, and their prompts are counted. What
no counting can tell, the answers' lengths and what a function asks, is tried: some items, drawn at
random from the short to the long ones, are run like any others. Their answers are cached, so that
the run does not pay for them again. Trying ends as soon as the interval of the cost is as narrow
as asked.
"""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterable, Iterable
from typing import Any, Final, TypeGuard

from promptkit.errors import OptionError
from promptkit.executor import check_window
from promptkit.forecast.extrapolate import Quantity, exactly
from promptkit.forecast.pilot import Pilot, run_pilot
from promptkit.forecast.population import (
    Layers,
    Population,
    gates_of,
    of_function,
    of_template,
    read,
)
from promptkit.forecast.report import Forecast
from promptkit.prompt import Prompt
from promptkit.transports.budget import scopes

__all__ = ["Forecast", "Quantity", "estimate"]

_FIRST_ROUND: Final = 32
"""Of fewer items the spread is too uncertain to stop by."""

_SHARE: Final = 0.1
_LEAST, _MOST = 32, 400
"""Without a word from the user this share of the items is tried, within these bounds."""

_GUESS_OFF: Final = 0.3
"""Counting tokens by bytes may be off by this share: ratios of common languages and code differ."""


async def estimate(
    session: Any,
    fn: Any,
    items: Iterable[Any] | AsyncIterable[Any],
    *,
    pilot: int | None = None,
    within: float = 0.1,
    total: int | None = None,
    concurrency: int | None = None,
    seed: int = 0,
) -> Forecast:
    """Say what `session.map(fn, items)` will take; see `Session.estimate`.

    Args:
        session: Whose model, cache, budget and limits hold.
        fn: As for `map`.
        items: As for `map`. An iterator is used up, and stands for `total` items.
        pilot: The most items to try; 0 tries none, which gives bounds. Left alone it is a tenth
            of the items, at least 32 and at most 400, and never more than half of them.
        within: Stop trying when the 95 % interval of the cost is this narrow, as a share of it.
        total: How many items there are, where `items` cannot tell or holds only some of them.
        concurrency: As for `map`.
        seed: Of the draw.

    Raises:
        BudgetError: When the budget does not even leave enough to try some items.
        OptionError: For an argument that cannot be.
        PromptkitError: When nothing that was tried gave an answer.
    """
    window = session.defaults.concurrency if concurrency is None else concurrency
    check_window(window, "raise")
    _check(pilot, within, total, seed)
    chance = random.Random(seed)  # noqa: S311 -- a sample, not a secret
    fn = Prompt(fn) if isinstance(fn, str) else fn
    layers = Layers.of(session.transport)
    read_items, number = await read(items, total, chance)
    if isinstance(fn, Prompt):
        people = await of_template(session, fn, read_items, number, layers)
    else:
        people = of_function(read_items, number, layers)
    if pilot == 0 or not people.items:
        return _bounds(people, layers)
    most = _most(number) if pilot is None else pilot
    tried = Pilot(people, chance)
    while True:
        size = min(max(_FIRST_ROUND, len(tried.found)), most - len(tried.found))
        await run_pilot(session, fn, tried, size, window)
        if len(tried.found) >= most or not tried.left or _is_narrow(tried, within):
            break
    return _forecast(session, tried, layers, window)


def _check(pilot: object, within: object, total: object, seed: object) -> None:
    """Refuse what cannot be before anything is looked at, let alone paid for."""
    if pilot is not None and not (_is_whole(pilot) and pilot >= 0):
        raise OptionError(f"pilot={pilot!r}", hint="how many items to try, 0 for none")
    is_number = isinstance(within, (int, float)) and not isinstance(within, bool)
    if not is_number or not 0 < within <= 1:  # type: ignore[operator]  # it is a number
        hint = "a share of the cost above 0 and up to 1, such as 0.1 for 10 %"
        raise OptionError(f"within={within!r}", hint=hint)
    if total is not None and not (_is_whole(total) and total >= 0):
        raise OptionError(f"total={total!r}", hint="the number of all items")
    if not _is_whole(seed):
        raise OptionError(f"seed={seed!r}", hint="a whole number")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _most(number: float) -> int:
    """How many items to try unless told: never so many that the trial is the run."""
    share = min(max(math.ceil(number * _SHARE), _LEAST), _MOST)
    return min(share, max(4, math.ceil(number / 2)))


def _is_narrow(tried: Pilot, within: float) -> bool:
    quantity = tried.total("cost") if tried.is_priced and tried.has_cost else None
    return (quantity or tried.total("output_tokens")).narrowness() <= within


def _forecast(session: Any, tried: Pilot, layers: Layers, window: int) -> Forecast:
    """Bring together what the pilot found."""
    people = tried.people
    calls, tokens_in = tried.total("calls"), tried.total("input_tokens")
    tokens_out = tried.total("output_tokens")
    how = [
        f"{len(tried.found)} of {people.total:,.0f} items were tried; the intervals hold 95 %",
        "prompts are counted with the model's own encoding" if people.is_exact else "",
        "" if people.has_store else "without a cache the run pays for the items tried once more",
        f"{tried.failures} of the items tried failed" if tried.failures else "",
    ]
    duration, why = _duration(session, tried, layers, window, calls, tokens_in, tokens_out)
    paid = math.fsum(each.cost for each in tried.found)
    return Forecast(
        items=round(people.total),
        cached=round(people.cached),
        to_pay=round(tried.count),
        tried=len(tried.found),
        tried_usd=paid if tried.is_priced else None,
        calls=calls,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cost_usd=tried.total("cost") if tried.is_priced else None,
        duration_s=duration,
        budget_left_usd=_budget_left(layers),
        how=tuple(line for line in (*how, why) if line),
    )


def _duration(  # noqa: PLR0917 -- all that bounds the time
    session: Any,
    tried: Pilot,
    layers: Layers,
    window: int,
    calls: Quantity,
    tokens_in: Quantity,
    tokens_out: Quantity,
) -> tuple[Quantity, str]:
    """The time of the run: by the window's throughput or by the rate limits, what is longer."""
    count = tried.count
    if count <= 0:
        return exactly(0.0), ""
    work = tried.total("elapsed_s")
    longest = max(each.elapsed_s for each in tried.found)
    rounds = min(window, count)
    # All but the end of the run keeps every place of the window busy.
    value = work.value / rounds + (longest / 2 if count > window else 0.0)
    # The upper end: more items at once than in the trial are no faster than those were.
    slow = tried.elapsed_s / len(tried.found) * count
    high = max(work.high / rounds + longest, slow)
    duration = Quantity(value, min(value, work.low / rounds), high)
    reason = f"the time is that of {rounds:,.0f} items at once"
    defaults = session.defaults
    gates = gates_of(layers, defaults.endpoint, defaults.model)
    hand = layers.limit.limits if layers.limit else None
    for name, amount, bucket in (
        ("requests", calls, "requests"),
        ("tokens", _sum(tokens_in, tokens_out), "tokens"),
    ):
        known = [rate for gate in gates if (rate := getattr(gate, bucket).per_minute)]
        by_hand = getattr(hand, f"{name}_per_minute", None) if hand else None
        rates = [rate for rate in (*known, by_hand) if rate]
        if rates and amount.times(60 / min(rates)).value > duration.value:
            duration = amount.times(60 / min(rates))
            reason = f"the time is set by the limit of {min(rates):,.0f} {name} a minute"
    return duration, reason


def _sum(one: Quantity, other: Quantity) -> Quantity:
    return Quantity(one.value + other.value, one.low + other.low, one.high + other.high)


def _bounds(people: Population, layers: Layers) -> Forecast:
    """Forecast without trying: exact numbers where they can be counted, bounds where not."""
    if not people.is_prompt and people.items:
        msg = "what a function asks is known only by trying it"
        raise OptionError(msg, hint="leave pilot out, or set it to a number of items")
    count = len(people.items) * people.scale
    tokens_in = exactly(math.fsum(people.lengths) * people.scale)
    if not people.is_exact:
        tokens_in = Quantity(
            tokens_in.value, tokens_in.value * (1 - _GUESS_OFF), tokens_in.value * (1 + _GUESS_OFF)
        )
    longest = [each for each in people.longest if each is not None]
    worst = [each for each in people.worst_usd if each is not None]
    has_all = len(longest) == len(people.items)
    output = _at_most(math.fsum(longest) * people.scale) if has_all else None
    is_priced = len(worst) == len(people.items)
    how = ["nothing was tried: output and cost are what they can be at most"] if count else []
    if people.is_exact:
        how.append("prompts are counted with the model's own encoding")
    if output is None:
        how.append("set max_tokens: nothing bounds the answers' length")
    return Forecast(
        items=round(people.total),
        cached=round(people.cached),
        to_pay=round(count),
        tried=0,
        tried_usd=0.0,
        calls=exactly(count),
        input_tokens=tokens_in,
        output_tokens=output,
        cost_usd=_at_most(math.fsum(worst) * people.scale) if is_priced else None,
        duration_s=None if count else exactly(0.0),
        budget_left_usd=_budget_left(layers),
        how=tuple(how),
    )


def _at_most(number: float) -> Quantity:
    return Quantity(number, 0.0, number)


def _budget_left(layers: Layers) -> float | None:
    here = [meter for scope in scopes if (meter := scope()) is not None]
    meters = (*here, *(layers.budget.meters if layers.budget else ()))
    left = [meter.left() for meter in meters if meter.is_limited]
    return max(0.0, min(left)) if left else None
