"""The one place where the layers are put into their order.

    screen → record → cache → retry → budget → limit → adapter

Budget stands inside cache, because a hit costs nothing, and inside retry, because each attempt
reserves its own worst case. Limit stands inside budget, because only what will be sent waits for
a place. Record stands outside cache, so that a recording is whole even when the cache was warm.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from promptkit.clock import SYSTEM_CLOCK, Clock
from promptkit.pricing import PriceOf, price_of
from promptkit.transport import Transport
from promptkit.transports.budget import BudgetLayer, Meter
from promptkit.transports.cache import CacheLayer, Store
from promptkit.transports.limit import LimitLayer, Limits
from promptkit.transports.recording import Recorder
from promptkit.transports.retry import DEFAULT_POLICY, RetryLayer, RetryPolicy
from promptkit.transports.screen import ScreenLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """What the layers need. A None leaves its layer out.

    Attributes:
        store: Where answers are kept.
        retry: How long and how often to try.
        meters: The budgets that every call counts against.
        limits: Rate limits; None for a model that has none, such as one in this process.
        owner: Tells keys apart for the limits without being one.
        price_of: From (model, endpoint) to a price.
        record: Where a recording is written, and the model it names.
        clock: Time.
    """

    store: Store | None = None
    retry: RetryPolicy = DEFAULT_POLICY
    meters: tuple[Meter, ...] = ()
    limits: Limits | None = None
    owner: str = ""
    price_of: PriceOf = price_of
    record: tuple[str | os.PathLike[str], str | None] | None = None
    clock: Clock = SYSTEM_CLOCK


def stack(adapter: Transport, layers: Layers) -> Transport:
    """Wrap `adapter` in its layers, the innermost first."""
    transport = adapter
    if layers.limits is not None:
        transport = LimitLayer(transport, layers.limits, layers.owner, layers.clock)
    transport = BudgetLayer(transport, layers.meters, layers.price_of)
    transport = RetryLayer(transport, layers.retry, layers.clock)
    if layers.store is not None:
        transport = CacheLayer(transport, layers.store)
    if layers.record is not None:
        transport = Recorder(transport, *layers.record)
    return ScreenLayer(transport)
