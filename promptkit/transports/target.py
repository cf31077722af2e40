"""A target of routes: its state, and how one is chosen among several that are healthy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from promptkit.deadline import Deadline
from promptkit.errors import CallError, ConnectionFailedError
from promptkit.request import Request
from promptkit.response import Response
from promptkit.transport import OnText, Transport
from promptkit.transports.breaker import Breaker
from promptkit.transports.routes import Strategy


class Patience:
    """Takes a route that does not answer in time for one that has failed."""

    def __init__(self, inner: Transport, seconds: float) -> None:
        """Wrap the adapter: time spent waiting for limits does not count."""
        self.inner = inner
        self.seconds = seconds

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Ask, and give up when the time is over."""
        try:
            with Deadline(self.seconds):
                return await self.inner(request, on_text)
        except TimeoutError as error:
            if isinstance(error, CallError):
                raise
        hint = "raise the routes' patience_s, or ask for a shorter answer"
        raise ConnectionFailedError(f"no answer within {self.seconds:g} s", hint=hint)


class Target:
    """One route: where it leads and how it fares."""

    __slots__ = (
        "bit",
        "breaker",
        "credit",
        "endpoint",
        "in_flight",
        "model",
        "name",
        "transport",
        "weight",
    )

    def __init__(
        self,
        transport: Transport,
        *,
        name: str,
        endpoint: str = "",
        model: str | None = None,
        weight: float = 1.0,
    ) -> None:
        """Begin idle; `model` is what the group's model is called there."""
        self.transport = transport
        self.name = name
        self.endpoint = endpoint
        self.model = model
        self.weight = weight
        self.in_flight = 0
        self.credit = 0.0
        self.bit = 0
        self.breaker = Breaker()

    def state(self, now: float, failure: str | None = None) -> str:
        """Say in a few words why it is not asked, without its key.

        Args:
            now: On the clock of the layer.
            failure: How it failed the call in question, which says it all while it is in use.
        """
        breaker = self.breaker
        if breaker.admits(now):  # so it is not asked because it has this very call already
            return f"{self.name} ({failure or 'it is being asked too'})"
        seconds = breaker.opens_in(now)
        why = f": {breaker.reason}" if breaker.reason else ""
        when = "a probe is under way" if breaker.probing else f"next in {seconds:.0f} s"
        return f"{self.name} ({when}{why})"


def _least_in_flight(healthy: list[Target], turn: int) -> Target:
    """The one with the fewest calls for its weight; among equals each in its turn."""
    first = turn % len(healthy)
    ordered = healthy[first:] + healthy[:first]
    return min(ordered, key=lambda target: (target.in_flight + 1) / target.weight)


def _round_robin(healthy: list[Target], turn: int) -> Target:
    return healthy[turn % len(healthy)]


def _weighted(healthy: list[Target], _: int) -> Target:
    """Smooth weighted round robin, as nginx does it (ngx_http_upstream_round_robin.c)."""
    total = 0.0
    for target in healthy:
        target.credit += target.weight
        total += target.weight
    best = max(healthy, key=lambda target: target.credit)
    best.credit -= total
    return best


def _priority(healthy: list[Target], _: int) -> Target:
    return healthy[0]


PICKS: Final[Mapping[Strategy, Callable[[list[Target], int], Target]]] = {
    "least_in_flight": _least_in_flight,
    "round_robin": _round_robin,
    "weighted": _weighted,
    "priority": _priority,
}
"""From a strategy to its choice among healthy targets; the number is that of the choice."""
