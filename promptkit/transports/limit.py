"""Keeps to an endpoint's rate limits, learned from the headers of its answers.

Each answer says how many requests and tokens the endpoint still grants. What is available is

    remaining - what was sent after the request that reported it + elapsed x limit / 60

but never more than the capacity that the endpoint's `reset` time implies. Until the first answer
has told the limits only one request is under way, for at most two seconds. A 429 closes the gate
for as long as the server asks.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from promptkit.clock import SYSTEM_CLOCK, Clock
from promptkit.errors import CallError, OptionError, RateLimitError
from promptkit.request import Request
from promptkit.response import Response
from promptkit.tokens import Ratio
from promptkit.transport import OnText, Transport
from promptkit.transports.bucket import Bucket

_PROBE_S: Final = 2.0
"""How long the others wait for the first answer's headers."""

_LONGEST_CLOSING_S: Final = 60.0
"""One answer closes the gate no longer than this, whatever it asks for: it may be wrong."""

_FORGET: Final = 0.999
"""How fast a slow answer is forgotten, per answer."""

_SHORTEST_WAIT_S: Final = 0.001

_UNSET_ANSWER: Final = 256
"""Output tokens assumed for a request without max_tokens; the next answer's headers correct it."""


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


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request's place in the two buckets, and when it was sent."""

    request: float
    tokens: float
    size: float
    sent_at: float
    waited_s: float


class Gate:
    """The limits of one endpoint, key and model, shared by all who use them in this process."""

    def __init__(self, limits: Limits, clock: Clock = SYSTEM_CLOCK) -> None:
        """Begin with what is set by hand."""
        self.clock = clock
        now = clock.now()
        self.requests = Bucket(limits.requests_per_minute, now)
        self.tokens = Bucket(limits.tokens_per_minute, now)
        self.ratio = Ratio()
        self._closed_until = now
        self._probed = self.requests.is_known or self.tokens.is_known
        self._probing_since: float | None = None
        self._fastest_s = float("inf")
        self._slowest_s = 0.0
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )

    async def enter(self, request: Request) -> Ticket:
        """Wait for a place."""
        started = self.clock.now()
        loop = asyncio.get_running_loop()
        turn = self._turns.setdefault(loop, asyncio.Lock())
        size = self._size(request)
        async with turn:  # first come, first served
            while (wait := self._wait(size)) > 0:
                await self.clock.sleep(max(wait, _SHORTEST_WAIT_S))
        now = self.clock.now()
        if not self._probed and self._probing_since is None:
            self._probing_since = now
        tickets = (self.requests.take(1, now), self.tokens.take(size, now))
        return Ticket(*tickets, size, sent_at=now, waited_s=now - started)

    def _size(self, request: Request) -> float:
        answer = request.options.max_tokens or _UNSET_ANSWER
        return self.ratio.estimate(request) + answer * (request.options.n or 1)

    def _wait(self, size: float) -> float:
        now = self.clock.now()
        probe = 0.0
        if not self._probed and self._probing_since is not None:
            probe = min(0.05, self._probing_since + _PROBE_S - now)
            if probe <= 0:
                self._probed = True
        waits = (self._closed_until - now, self.requests.wait(1, now), self.tokens.wait(size, now))
        return max(0.0, probe, *waits)

    def leave(self, ticket: Ticket, headers: Mapping[str, str]) -> None:
        """Count a request as over, and read the limits its answer told."""
        now = self.clock.now()
        self._probed = True
        self.requests.answered += 1
        self.tokens.answered += ticket.size
        if not headers:
            return
        latency = now - ticket.sent_at
        self._fastest_s = min(self._fastest_s, latency)
        self._slowest_s = max(self._slowest_s * _FORGET, latency)
        for bucket, place, kind in (
            (self.requests, ticket.request, "requests"),
            (self.tokens, ticket.tokens, "tokens"),
        ):
            limit = _number(headers.get(f"x-ratelimit-limit-{kind}"))
            remaining = _number(headers.get(f"x-ratelimit-remaining-{kind}"))
            if limit is not None and remaining is not None:
                bucket.spread(max(0.0, self._slowest_s - self._fastest_s))
                reset_s = parse_duration(headers.get(f"x-ratelimit-reset-{kind}"))
                bucket.report(place, limit, remaining, reset_s, now)

    def close(self, seconds: float) -> None:
        """Let nobody through for some seconds."""
        closed = self.clock.now() + min(seconds, _LONGEST_CLOSING_S)
        self._closed_until = max(self._closed_until, closed)


class LimitLayer:
    """Lets requests through at the pace their endpoint grants."""

    def __init__(
        self,
        inner: Transport,
        limits: Limits,
        owner: str = "",
        clock: Clock = SYSTEM_CLOCK,
        gates: dict[tuple[str, str, str, Limits], Gate] | None = None,
    ) -> None:
        """Wrap `inner`; `owner` tells keys apart without being one."""
        self.inner = inner
        self.limits = limits
        self.owner = owner
        self.clock = clock
        self.gates = _gates if gates is None else gates
        self._places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Wait for a place, ask, learn from the answer."""
        gate = self._gate(request)
        try:
            places = self._places_here()
            if places:
                await places.acquire()
        except asyncio.CancelledError as error:
            error.unsent = True  # type: ignore[attr-defined]
            raise
        try:
            return await self._through(gate, request, on_text)
        finally:
            if places:
                places.release()

    async def _through(self, gate: Gate, request: Request, on_text: OnText | None) -> Response:
        try:
            ticket = await gate.enter(request)
        except asyncio.CancelledError as error:
            error.unsent = True  # type: ignore[attr-defined]
            raise
        headers: Mapping[str, str] = {}
        try:
            response = await self.inner(request, on_text)
            headers = response.headers
        except CallError as error:
            headers = error.headers
            if isinstance(error, RateLimitError) and error.retry_after_s:
                gate.close(error.retry_after_s)
            raise
        finally:
            gate.leave(ticket, headers)
        gate.ratio.learn(request, response.usage.input_tokens)
        return response.with_log(waited_s=ticket.waited_s) if ticket.waited_s else response

    def _gate(self, request: Request) -> Gate:
        place = (request.endpoint, self.owner, request.model, self.limits)
        gate = self.gates.get(place)
        if gate is None:
            gate = self.gates[place] = Gate(self.limits, self.clock)
        return gate

    def _places_here(self) -> asyncio.Semaphore | None:
        if self.limits.concurrency is None:
            return None
        loop = asyncio.get_running_loop()
        places = self._places.get(loop)
        if places is None:
            places = self._places[loop] = asyncio.Semaphore(self.limits.concurrency)
        return places


_gates: dict[tuple[str, str, str, Limits], Gate] = {}
"""One Gate per (endpoint, key, model), limits by hand and process."""

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str | None) -> float | None:
    """Read a duration as OpenAI's headers write it, in seconds.

    >>> parse_duration("1m0.5s"), parse_duration("20ms"), parse_duration("7")
    (60.5, 0.02, 7.0)
    """
    if not text:
        return None
    plain = _number(text)
    if plain is not None:
        return plain
    pieces = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in pieces) if pieces else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None
