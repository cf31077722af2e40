"""The one place where the layers are put into their order.

    screen → record → cache → spotlight → retry → hedge → budget → route → pack → limit → adapter

Budget stands inside cache, because a hit costs nothing, and inside retry, because each attempt
reserves its own worst case. Limit stands inside budget, because only what will be sent waits for
a place. Record stands outside cache, so that a recording is whole even when the cache was warm.
Hedge stands outside budget, because a second copy costs as much as the first; route inside it,
and every route has packs, limits and an adapter of its own. Screen stands outside everything, so
that what is kept is clean; spotlight inside record and cache, because the random number of its tags
must reach neither a key nor a recording.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from promptkit.clock import SYSTEM_CLOCK, Clock
from promptkit.pricing import PriceOf, price_of
from promptkit.safety.spotlighting import Mode
from promptkit.transport import Transport
from promptkit.transports.budget import BudgetLayer, Meter
from promptkit.transports.cache import CacheLayer, Store
from promptkit.transports.gate import Lease
from promptkit.transports.hedge import Hedge, HedgeLayer
from promptkit.transports.limit import LimitLayer, Limits
from promptkit.transports.pack import Departures, Packing, PackLayer
from promptkit.transports.recording import Recorder
from promptkit.transports.retry import DEFAULT_POLICY, RetryLayer, RetryPolicy
from promptkit.transports.route import RouteLayer
from promptkit.transports.route_price import RoutePrices
from promptkit.transports.routes import Routes
from promptkit.transports.screen import ScreenLayer
from promptkit.transports.spotlight import SpotlightLayer
from promptkit.transports.store import Keeps
from promptkit.transports.target import Patience, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One route, ready to be wrapped.

    Attributes:
        name: Its name in logs.
        endpoint: Who answers there.
        model: What the group's model is called there; None for the same.
        weight: Its share.
        limits: Its rate limits; None for none.
        owner: Tells keys apart for the limits without being one.
        pack: How requests share a call there; None for not at all.
    """

    transport: Transport
    name: str
    endpoint: str
    model: str | None = None
    weight: float = 1.0
    limits: Limits | None = None
    owner: str = ""
    pack: Packing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """Several routes to one model.

    Attributes:
        legs: The routes.
        routes: How one of them is chosen.
        prices: What they cost.
    """

    legs: tuple[Leg, ...]
    routes: Routes
    prices: RoutePrices


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
        hedge: When a late call gets a second copy.
        pack: How requests share a call.
        fork: Several routes, in place of the one adapter, its limits and packs.
        lease: Shares rate limits with other processes.
        record: Where a recording is written, and the model it names.
        keeps: Whether the cache and the recording may hold an answer; None for all of them.
        spotlight: How untrusted text is told from instructions; None for not at all.
        clock: Time.
    """

    store: Store | None = None
    retry: RetryPolicy = DEFAULT_POLICY
    meters: tuple[Meter, ...] = ()
    limits: Limits | None = None
    owner: str = ""
    price_of: PriceOf = price_of
    hedge: Hedge | None = None
    pack: Packing | None = None
    fork: Fork | None = None
    lease: Lease | None = None
    record: tuple[str | os.PathLike[str], str | None] | None = None
    keeps: Keeps | None = None
    spotlight: Mode | None = "delimit"
    clock: Clock = SYSTEM_CLOCK


def stack(adapter: Transport, layers: Layers) -> Transport:
    """Wrap `adapter` in its layers, the innermost first."""
    if layers.fork is not None:
        transport: Transport = _routed(layers.fork, layers)
    else:
        transport = _limited(adapter, layers.limits, layers.owner, layers.pack, layers)
    transport = BudgetLayer(transport, layers.meters, layers.price_of)
    if layers.hedge is not None:
        transport = HedgeLayer(transport, layers.hedge)
    transport = RetryLayer(transport, layers.retry, layers.clock)
    transport = SpotlightLayer(transport, layers.spotlight)
    if layers.store is not None:
        transport = CacheLayer(transport, layers.store, layers.keeps)
    if layers.record is not None:
        transport = Recorder(transport, *layers.record, layers.keeps)
    return ScreenLayer(transport, layers.spotlight)


def _limited(
    adapter: Transport, limits: Limits | None, owner: str, pack: Packing | None, layers: Layers
) -> Transport:
    """Wrap one adapter in its own limits and packs."""
    transport = adapter if pack is None else Departures(adapter)
    if limits is not None:
        transport = LimitLayer(transport, limits, owner, layers.clock, lease=layers.lease)
    return transport if pack is None else PackLayer(transport, pack)


def _routed(fork: Fork, layers: Layers) -> RouteLayer:
    patience = fork.routes.patience_s
    targets = [
        Target(
            _limited(
                leg.transport if patience is None else Patience(leg.transport, patience),
                leg.limits,
                leg.owner,
                leg.pack,
                layers,
            ),
            name=leg.name,
            endpoint=leg.endpoint,
            model=leg.model,
            weight=leg.weight,
        )
        for leg in fork.legs
    ]
    return RouteLayer(
        targets,
        fork.routes.strategy,
        model=fork.prices.model,
        price_of=fork.prices.at_route,
        breaker=fork.routes.breaker,
        clock=layers.clock,
    )
