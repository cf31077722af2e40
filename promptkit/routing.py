"""Several who answer as one: from routes to their adapters, names, limits and prices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from promptkit.answerer import OPENAI_URL, Answerer, who_answers
from promptkit.errors import OptionError, ProfileError
from promptkit.profile import Profile, load_profile
from promptkit.transports.limit import Limits
from promptkit.transports.pack import Packing
from promptkit.transports.route_price import RoutePrices
from promptkit.transports.routes import Route, Routes
from promptkit.transports.stack import Fork, Leg


def who_answers_routes(settings: Profile, routes: Routes, api_key: Any) -> tuple[Answerer, Fork]:
    """Decide who answers at each route; return them as one, and how they share the calls.

    Raises:
        ProfileError: When nobody is known at a route, or a key is missing.
        OptionError: When one address is given beside the routes.
    """
    if settings.base_url or api_key is not None:
        msg = "routes together with a base_url or api_key"
        raise OptionError(msg, hint="each route has its own: pk.Route(base_url=…, api_key=…)")
    ways = [_way(route, settings) for route in routes.routes]
    named = [own.model or answerer.model for own, answerer in ways]
    model = settings.model or next((name for name in named if name), None)
    renamed = [own.model if own.model != model else None for own, _ in ways]
    names = _distinct([_name(route, a) for route, (_, a) in zip(routes.routes, ways, strict=True)])
    legs = tuple(
        [
            _leg(route, *way, name=name, group=settings, model=own_model)
            for route, way, name, own_model in zip(routes.routes, ways, names, renamed, strict=True)
        ]
    )
    priced = [
        (leg.endpoint, leg.model, {**settings.prices, **own.prices})
        for leg, (own, _) in zip(legs, ways, strict=True)
    ]
    # What tells answers apart: two keys of one address are the same endpoint.
    places = {f"{leg.endpoint} model={leg.model}" if leg.model else leg.endpoint for leg in legs}
    endpoint = " | ".join(sorted(places))
    group = Answerer(
        ways[0][1].transport,
        endpoint,
        model,
        sum(
            (leg.limits.concurrency if leg.limits is not None else None) or answerer.concurrency
            for leg, (_, answerer) in zip(legs, ways, strict=True)
        ),
        is_stable=all(answerer.is_stable for _, answerer in ways),
        is_remote=any(answerer.is_remote for _, answerer in ways),
        close=_closing([a.close for _, a in ways if a.close is not None]),
    )
    prices = RoutePrices(endpoint, model, priced)
    return group, Fork(legs=legs, routes=routes, prices=prices)


def _leg(
    route: Route, own: Profile, answerer: Answerer, *, name: str, group: Profile, model: str | None
) -> Leg:
    """Put together what the layers of one route need."""
    limits = Limits.coerce(route.limits) if route.limits is not None else own.limits
    # A route's own profile may say more or less than the group; switched off is off.
    pack = own.pack if group.pack is not None and own.pack != Packing() else group.pack
    return Leg(
        transport=answerer.transport,
        name=name,
        endpoint=answerer.endpoint,
        model=model,
        weight=route.weight,
        limits=limits if answerer.is_remote or limits != Limits() else None,
        owner=answerer.owner,
        pack=pack if answerer.takes_lists else None,
    )


def _way(route: Route, group: Profile) -> tuple[Profile, Answerer]:
    """Find out who answers at one route: its profile, with what it says itself over it."""
    found = load_profile(route.profile) if route.profile is not None else None
    if found is not None and found.routes is not None:
        hint = "name the profiles that it leads to"
        raise ProfileError(f"the route {route.profile!r} has routes itself", hint=hint)
    own = found or Profile(limits=group.limits)
    fields = ("base_url", "organization", "project", "api_version", "model")
    given = {name: value for name in fields if (value := getattr(route, name)) is not None}
    own = replace(own, **given)
    own = own if own.limits != Limits() else replace(own, limits=group.limits)
    # The environment's key is OpenAI's: it goes to no other address that names no key.
    is_profile = found is not None or route.base_url not in (None, OPENAI_URL)
    return own, who_answers(own, route.api_key, route.transport, None, is_profile=is_profile)


def _name(route: Route, answerer: Answerer) -> str:
    host = urlsplit(answerer.endpoint.split(" ", 1)[0]).netloc
    return route.name or route.profile or host or answerer.endpoint


def _distinct(names: list[str]) -> list[str]:
    """Number names that occur twice, such as two keys of one address."""
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return distinct


def _closing(closes: list[Callable[[], Awaitable[None]]]) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        async with AsyncExitStack() as stack:  # one that fails leaves none open
            for each in closes:
                stack.push_async_callback(each)

    return close
