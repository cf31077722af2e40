"""How routes are described: by `connect(routes=…)` or in a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from promptkit.errors import OptionError
from promptkit.secret import Secret
from promptkit.transports.breaker import DEFAULT_BREAKER, BreakerPolicy
from promptkit.transports.limit import Limits

Strategy = Literal["least_in_flight", "round_robin", "weighted", "priority"]
"""How a target is chosen among the healthy ones.

«least_in_flight»: the one with the fewest calls under way for its weight, which also suits
targets of unequal speed. «round_robin»: each in turn. «weighted»: each in proportion to its
weight. «priority»: the first one that is healthy, so that the others are spare.
"""

_STRATEGIES: Final = get_args(Strategy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way to the model.

    Attributes:
        name: Stands in `Response.log.route`; the profile's name or the address by default.
        profile: A profile that says where it leads; what is given here wins over it.
        base_url: An OpenAI-compatible endpoint.
        api_key: Its key; a profile's key source is better.
        organization: As in OpenAI's settings.
        project: As in OpenAI's settings.
        api_version: Azure's dated API.
        model: What the model is called there, such as Azure's name of a deployment.
        weight: Its share of the calls, beside the other routes' weights.
        limits: Its limits by hand.
        transport: An AsyncOpenAI client or a function, in place of an address.
    """

    name: str = ""
    profile: str | None = None
    base_url: str | None = None
    api_key: Secret | str | None = None
    organization: str | None = None
    project: str | None = None
    api_version: str | None = None
    model: str | None = None
    weight: float = 1.0
    limits: Limits | Mapping[str, Any] | None = None
    transport: Any = None

    def __post_init__(self) -> None:
        """Check the weight, and hide the key."""
        weight = self.weight
        is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not is_number or not 0 < weight < float("inf"):
            raise OptionError(f"a route's weight={weight!r}", hint="a number above 0")
        if isinstance(self.api_key, str):
            object.__setattr__(self, "api_key", Secret(self.api_key))

    @classmethod
    def coerce(cls, value: Any) -> Route:
        """Read a route: a profile's name, or a table of fields.

        >>> Route.coerce("prod-east").profile
        'prod-east'
        >>> Route.coerce({"profile": "prod-west", "weight": 3}).weight
        3
        """
        if isinstance(value, Route):
            return value
        if isinstance(value, str) and value:
            return cls(profile=value)
        if isinstance(value, Mapping) and set(value) <= {"name", "profile", "model", "weight"}:
            return cls(**value)
        hint = "a profile's name, { profile, weight, model, name }, or a pk.Route"
        raise OptionError(f"a route is of type {type(value).__name__}", hint=hint)


@dataclass(frozen=True, slots=True)
class Routes:
    """Several ways to one model.

    Attributes:
        routes: At least one, each another endpoint or key.
        strategy: How one is chosen among the healthy ones.
        breaker: When one is left alone, and for how long.
        patience_s: Seconds that one may take for a whole answer, waits for its limits apart,
            before the call goes elsewhere; None for as long as the call itself has.
    """

    routes: tuple[Route, ...]
    strategy: Strategy = "least_in_flight"
    breaker: BreakerPolicy = DEFAULT_BREAKER
    patience_s: float | None = None

    def __post_init__(self) -> None:
        """Check that there are routes and such a strategy."""
        if isinstance(self.routes, str) or not isinstance(self.routes, Sequence):
            raise OptionError("routes are no list", hint='such as ["prod-east", "prod-west"]')
        patience = self.patience_s
        is_number = isinstance(patience, (int, float)) and not isinstance(patience, bool)
        if patience is not None and not (is_number and patience > 0):
            raise OptionError(f"patience_s={self.patience_s!r}", hint="seconds above 0, or None")
        if not isinstance(self.breaker, BreakerPolicy):
            raise OptionError(f"breaker={self.breaker!r}", hint="a pk.BreakerPolicy")
        if not self.routes:
            raise OptionError("routes are empty", hint="name at least one")
        if self.strategy not in _STRATEGIES:
            msg = f"strategy={self.strategy!r}"
            raise OptionError(msg, hint=f"one of {', '.join(_STRATEGIES)}")
        object.__setattr__(self, "routes", tuple(Route.coerce(route) for route in self.routes))

    @classmethod
    def coerce(cls, value: Any, strategy: Strategy | None = None) -> Routes | None:
        """Read routes from a list, as a profile has them.

        >>> Routes.coerce(["prod-east", "prod-west"], "weighted").strategy
        'weighted'
        """
        if value is None or isinstance(value, Routes):
            if strategy is not None and value is None:
                raise OptionError("strategy without routes", hint="give both")
            return value
        return cls(value, strategy or "least_in_flight")
