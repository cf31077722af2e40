"""Keeps to an endpoint's rate limits, learned from the headers of its answers or set by hand.

One gate per endpoint, key and model is shared by all sessions of a process, and by all processes
of a machine through a lease. Until the first answer has told the limits only one request is
under way, for at most two seconds. A 429 closes the gate for as long as the server asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from promptkit.clock import SYSTEM_CLOCK, Clock
from promptkit.errors import CallError, OptionError, RateLimitError
from promptkit.request import Request
from promptkit.response import Response
from promptkit.transport import OnText, Transport
from promptkit.transports.gate import Gate, Lease


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits set by hand, where an endpoint does not tell them. None means: learn it.

    Attributes:
        requests_per_minute: Requests.
        tokens_per_minute: Tokens, input and output together.
        concurrency: Requests under way at once.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    concurrency: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in self.__slots__:
            value = getattr(self, name)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (is_number and 0 < value < float("inf")):
                raise OptionError(f"limits {name}={value!r}", hint="a number above 0")
        if self.concurrency is not None and not isinstance(self.concurrency, int):
            hint = "a whole number above 0"
            raise OptionError(f"limits concurrency={self.concurrency!r}", hint=hint)

    @classmethod
    def coerce(cls, value: Limits | Mapping[str, Any] | None) -> Limits:
        """Read limits from a mapping.

        >>> Limits.coerce({"requests_per_minute": 60}).requests_per_minute
        60
        """
        if value is None or isinstance(value, Limits):
            return value or Limits()
        known = cls.__slots__
        if not isinstance(value, Mapping) or not set(value) <= set(known):
            raise OptionError(f"limits={value!r}", hint=f"a table with any of {', '.join(known)}")
        return cls(**value)


Place = tuple[str, str, str, Limits]
"""What one Gate is for: endpoint, key's owner, model, and limits by hand."""

_WORTH_TELLING_S = 0.001
"""A shorter wait is no wait."""


class LimitLayer:
    """Lets requests through at the pace their endpoint grants."""

    def __init__(
        self,
        inner: Transport,
        limits: Limits,
        owner: str = "",
        clock: Clock = SYSTEM_CLOCK,
        *,
        gates: dict[Place, Gate] | None = None,
        lease: Lease | None = None,
    ) -> None:
        """Wrap `inner`.

        Args:
            inner: Who asks.
            limits: What is set by hand.
            owner: Tells keys apart without being one.
            clock: Time.
            gates: The gates to share; those of this process if left out.
            lease: Shares them with other processes.
        """
        self.inner = inner
        self.limits = limits
        self.owner = owner
        self.clock = clock
        self.gates = _gates if gates is None else gates
        self.lease = lease
        self._last: tuple[str, str, Gate] | None = None
        self._places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    def __call__(self, request: Request, on_text: OnText | None = None, /) -> Awaitable[Response]:
        """Wait for a place, ask, learn from the answer."""
        if self.limits.concurrency is None:
            return self._through(request, on_text)
        return self._in_place(request, on_text, self._places_here(self.limits.concurrency))

    async def _in_place(
        self, request: Request, on_text: OnText | None, places: asyncio.Semaphore
    ) -> Response:
        try:
            await places.acquire()
        except asyncio.CancelledError as error:
            error.unsent = True  # type: ignore[attr-defined]
            raise
        try:
            return await self._through(request, on_text)
        finally:
            places.release()

    async def _through(self, request: Request, on_text: OnText | None) -> Response:
        gate = self._gate(request)
        began = self.clock.now()
        try:
            ticket = await gate.enter(request)
        except asyncio.CancelledError as error:
            error.unsent = True  # type: ignore[attr-defined]
            raise
        try:
            response = await self.inner(request, on_text)
        except CallError as error:
            is_refused = isinstance(error, RateLimitError)
            if is_refused and error.retry_after_s:
                gate.close(error.retry_after_s)
            gate.leave(request, ticket, error.headers, is_refused=is_refused)
            raise
        except BaseException:
            gate.leave(request, ticket, {})
            raise
        gate.leave(request, ticket, response.headers, response.usage)
        waited_s = ticket.sent_at - began
        return response.with_log(waited_s=waited_s) if waited_s > _WORTH_TELLING_S else response

    def _gate(self, request: Request) -> Gate:
        last = self._last
        if last is not None and last[0] == request.endpoint and last[1] == request.model:
            return last[2]
        gate = self.gate_of(request.endpoint, request.model)
        self._last = (request.endpoint, request.model, gate)
        return gate

    def gate_of(self, endpoint: str, model: str) -> Gate:
        """Return the gate before a model of an endpoint."""
        place = (endpoint, self.owner, model, self.limits)
        gate = self.gates.get(place)
        if gate is None:
            gate = self.gates[place] = Gate(
                self.limits.requests_per_minute,
                self.limits.tokens_per_minute,
                self.clock,
                self.lease,
                f"{endpoint}\0{self.owner}\0{model}",
            )
        return gate

    def _places_here(self, concurrency: int) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        places = self._places.get(loop)
        if places is None:
            places = self._places[loop] = asyncio.Semaphore(concurrency)
        return places


_gates: dict[Place, Gate] = {}
"""The gates of this process."""
