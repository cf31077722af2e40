"""Those who wait at a gate, in lanes: one for each outermost map.

The lanes take turns, so that two maps at once get on equally fast, however many requests each of
them has under way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from promptkit.clock import Clock
from promptkit.request import Request
from promptkit.transports.bucket import Sent

NAP_S: Final = (0.001, 0.05)
"""The shortest and the longest wait before those who wait are looked at again."""


class Ticket(NamedTuple):
    """What is known of a request that was let through.

    Attributes:
        requests: Its place in the bucket of requests.
        tokens: Its place in the bucket of tokens.
        estimated: Its place among all estimates.
        number: Its place among all requests.
    """

    requests: Sent
    tokens: Sent
    estimated: Sent
    number: int

    @property
    def sent_at(self) -> float:
        """When it was let through, in seconds."""
        return self.requests.at


class Admitting(Protocol):
    """What a queue needs of its gate."""

    clock: Clock

    def admit(self, request: Request) -> Ticket | float:
        """Take a place if there is one now; else return the seconds until there may be."""
        ...

    def leave(self, request: Request, ticket: Ticket, headers: Mapping[str, str]) -> None:
        """Give a place back."""
        ...


class Queue:
    """Those who wait on one event loop, lane by lane."""

    __slots__ = ("_gate", "_lanes", "_looker", "_looking", "waiting")

    def __init__(self, gate: Admitting) -> None:
        """Begin empty."""
        self.waiting = 0
        self._gate = gate
        self._lanes: dict[int, deque[tuple[Request, asyncio.Future[Ticket]]]] = {}
        self._looker: asyncio.Task[None] | None = None
        self._looking = False

    async def wait(self, request: Request) -> Ticket:
        """Stand in line until the gate lets the request through."""
        loop = asyncio.get_running_loop()
        place: asyncio.Future[Ticket] = loop.create_future()
        self._lanes.setdefault(request.lane, deque()).append((request, place))
        self.waiting += 1
        if self._looker is None:
            self._looker = loop.create_task(self._look_on())
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # let through and cancelled at once
                self._gate.leave(request, place.result(), {})
            raise
        finally:
            self.waiting -= 1
            if not self.waiting and self._looker is not None:
                self._looker.cancel()
                self._looker = None

    def look_soon(self) -> None:
        """Look at who waits in the loop's next turn: an answer may have made room."""
        if not self._looking and self._looker is not None:
            self._looking = True
            self._looker.get_loop().call_soon_threadsafe(self._look)

    async def _look_on(self) -> None:
        shortest, longest = NAP_S
        while True:
            wait = self._look()
            await self._gate.clock.sleep(min(max(wait, shortest), longest))

    def _look(self) -> float:
        """Let through who may go, the lanes in turn; return the seconds until the next may."""
        self._looking = False
        while self._lanes:
            lane, line = next(iter(self._lanes.items()))
            request, place = line[0]
            if not place.done():
                ticket = self._gate.admit(request)
                if not isinstance(ticket, Ticket):
                    return ticket
                place.set_result(ticket)
            line.popleft()
            del self._lanes[lane]  # to the end of the lanes, if somebody still waits in it
            if line:
                self._lanes[lane] = line
        return NAP_S[1]
