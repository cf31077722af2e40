"""The gate before one endpoint: who may send now, and who waits for how long.

Nobody waits while nothing is known against it. Where answers tell the limits, requests go at the
pace they grant, see `bucket`. Where an endpoint refuses (429) and tells nothing, the number of
requests under way is halved, and grows again by one for each round of answers: additive increase,
multiplicative decrease (Chiu and Jain, «Analysis of the Increase and Decrease Algorithms for
Congestion Avoidance in Computer Networks», 1989), as TCP does.

Who waits, waits in a lane, see `lanes`.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from typing import Final, Protocol
from weakref import WeakKeyDictionary, WeakSet

from promptkit.clock import SYSTEM_CLOCK, Clock
from promptkit.request import Request
from promptkit.response import Usage
from promptkit.transports.bucket import NOWHERE, Bucket, Sent
from promptkit.transports.lanes import NAP_S, Queue, Ticket
from promptkit.transports.quota import read_quota
from promptkit.transports.sizes import Sizes

_PROBE_S: Final = 2.0
_PROBE_GROWTH: Final = 4
"""How long the others wait for the first answer's headers; then four may be under way, and four
times as many after each further wait: an endpoint may be slow and have no limit."""

_LONGEST_CLOSING_S: Final = 60.0
"""One answer closes the gate no longer than this, whatever it asks for: it may be wrong."""

_FIRST_JITTER_S: Final = 0.25
_MOST_JITTER_S: Final = 1.0
"""Latencies of seconds are the model's, not the way's."""

_JITTER_SAMPLES: Final = 20
_FORGET_PER_S: Final = 0.1
"""How fast a slow answer is forgotten: by this share each second."""

_SYNC_S: Final = 0.25
"""How often a process looks at what the others do."""


class Lease(Protocol):
    """Divides one limit among the processes of a machine."""

    def share(self, place: str, user: str, used: float, *, is_waiting: bool) -> float:
        """Say how many requests per second one user sends, and learn its part, up to 1."""
        ...


class Gate:
    """The limits of one endpoint, key and model, shared by all who use them in this process."""

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Clock = SYSTEM_CLOCK,
        lease: Lease | None = None,
        place: str = "",
    ) -> None:
        """Begin with what is set by hand.

        Args:
            requests_per_minute: A limit set by hand.
            tokens_per_minute: Another.
            clock: Time.
            lease: Shares the limits with other processes.
            place: What the limits are of, for the lease.
        """
        now = clock.now()
        self.clock = clock
        self.requests = Bucket(requests_per_minute, now)
        self.tokens = Bucket(tokens_per_minute, now)
        self.sizes = Sizes()
        self.ratio = self.sizes.ratio
        self._number = 0
        self._estimated = 0.0
        self._window = float("inf")
        self._narrowed_at = now
        self._closed_until = now
        self._probed = self.requests.is_known or self.tokens.is_known
        self._fastest_s = float("inf")
        self._slowest_s = 0.0
        self._slowest_at = now
        self._timed = 0
        self._lease = lease
        self._place = place
        self._number_synced = 0
        self._open = False  # nothing is known that anybody would have to wait for
        self.begin()
        _gates.add(self)

    def begin(self) -> None:
        """Set up what belongs to one process: nothing of a forked child's is under way yet."""
        self.under_way = 0
        self._probing_since: float | None = None
        self._synced_at = float("-inf")
        self._lock = threading.RLock()  # sessions on several event loops share one gate
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, Queue] = WeakKeyDictionary()

    # -- going through --------------------------------------------------------------------

    async def enter(self, request: Request) -> Ticket:
        """Wait for a place and take it."""
        if self._open:
            with self._lock:
                self.under_way += 1
                self._number += 1
                return Ticket(
                    self.requests.take(1, self.clock.now()), NOWHERE, NOWHERE, self._number
                )
        loop = asyncio.get_running_loop()
        queue = self._queues.get(loop)
        if queue is None:
            queue = self._queues[loop] = Queue(self)
        if not queue.waiting:
            ticket = self.admit(request)
            if isinstance(ticket, Ticket):
                return ticket
        return await queue.wait(request)

    def admit(self, request: Request) -> Ticket | float:
        """Take a place if there is one now; else return the seconds until there may be."""
        with self._lock:
            now = self.clock.now()
            if self._lease is not None and now - self._synced_at >= _SYNC_S:
                self._sync(self._lease, now)
            estimate = self.sizes.estimate(request) if self.tokens.rate else 0.0
            size = estimate * self.sizes.scale
            wait = self._wait(size, now)
            if wait > 0:
                return wait
            if not self._probed and self._probing_since is None:
                self._probing_since = now
            self.under_way += 1
            self._number += 1
            self._estimated += estimate
            places = (self.requests.take(1, now), self.tokens.take(size, now))
            return Ticket(*places, Sent(self._estimated, 0.0, estimate, now), self._number)

    def _wait(self, size: float, now: float) -> float:
        if self.under_way >= self._window:
            return NAP_S[1]
        if not self._probed and self._probing_since is not None:
            rounds = int((now - self._probing_since) / _PROBE_S)
            if self.under_way >= _PROBE_GROWTH ** min(rounds, 20):
                return NAP_S[1]
        return max(
            0.0,
            self._closed_until - now,
            self.requests.wait(1, now),
            self.tokens.wait(size, now, self.sizes.spare(size, self.under_way)),
        )

    # -- coming back ----------------------------------------------------------------------

    def leave(
        self,
        request: Request,
        ticket: Ticket,
        headers: Mapping[str, str],
        usage: Usage | None = None,
        *,
        is_refused: bool = False,
    ) -> None:
        """Count a request as over, and learn from its answer.

        Args:
            request: The request.
            ticket: What it was let through with.
            headers: Those of its answer; empty where none came.
            usage: What the answer says it used.
            is_refused: Whether the answer was that there are too many.
        """
        with self._lock:
            self.under_way -= 1
            if self._open and not is_refused and not _tells(headers):
                return
            now = self.clock.now()
            self._probed = True
            self.requests.answered += 1
            self.tokens.answered += ticket.tokens.amount
            if is_refused:  # it was not counted there
                self.sizes.forget()
                self.requests.settle(-1)
                self.tokens.settle(-ticket.tokens.amount)
            elif headers:
                self._time(now - ticket.sent_at, now)
            self._report(request, ticket, headers, usage, now)
            is_known = self.requests.is_known or self.tokens.is_known
            if is_refused:
                self._narrow(ticket, now, is_known=is_known)
            elif self._window < float("inf"):
                self._window += 1 / self._window
            self._open = not is_known and self._window == float("inf") and not _tells(headers)
        for queue in list(self._queues.values()):
            if queue.waiting:
                queue.look_soon()

    def _report(
        self,
        request: Request,
        ticket: Ticket,
        headers: Mapping[str, str],
        usage: Usage | None,
        now: float,
    ) -> None:
        quota = read_quota(headers, "requests")
        if quota is not None:
            self.requests.report(ticket.requests, quota, now)
        if usage is not None:
            self.sizes.learn(request, usage.input_tokens, usage.output_tokens)
        quota = read_quota(headers, "tokens")
        if quota is not None:
            if usage is not None and self.tokens.is_alone:
                self.sizes.compare(request, usage, quota, ticket, self.under_way)
            self.tokens.report(ticket.tokens, quota, now)
        is_settled = self.tokens.is_by_hand or self.sizes.counts_usage
        if usage is not None and is_settled and ticket.tokens.amount:
            difference = usage.input_tokens + usage.output_tokens - ticket.tokens.amount
            self.tokens.settle(difference)
            self.sizes.miss(difference)

    def _time(self, latency_s: float, now: float) -> None:
        """Learn by how much the latencies differ."""
        self._timed += 1
        self._fastest_s = min(self._fastest_s, latency_s)
        elapsed, self._slowest_at = now - self._slowest_at, now
        faded = self._slowest_s * max(0.0, 1 - _FORGET_PER_S * elapsed)
        self._slowest_s = max(faded, latency_s)
        spread = self._slowest_s - self._fastest_s
        least = _FIRST_JITTER_S if self._timed < _JITTER_SAMPLES else 0.0
        jitter = min(_MOST_JITTER_S, max(least, spread))
        self.requests.jitter_s = self.tokens.jitter_s = jitter

    def _narrow(self, ticket: Ticket, now: float, *, is_known: bool) -> None:
        """Halve the window, once for all who were refused together."""
        if is_known or ticket.sent_at < self._narrowed_at:
            return
        self._narrowed_at = now
        self._window = max(1.0, min(self._window, self.under_way + 1) / 2)

    def close(self, seconds: float) -> None:
        """Let nobody through for some seconds."""
        closed = self.clock.now() + min(seconds, _LONGEST_CLOSING_S)
        self._closed_until = max(self._closed_until, closed)
        self._open = False

    # -- other processes ------------------------------------------------------------------

    def _sync(self, lease: Lease, now: float) -> None:
        elapsed = now - self._synced_at
        used = (self._number - self._number_synced) / elapsed if elapsed < float("inf") else 0.0
        is_waiting = any(queue.waiting for queue in self._queues.values())
        part = lease.share(self._place, str(id(self)), used, is_waiting=is_waiting)
        self.requests.share(part, now)
        self.tokens.share(part, now)
        self._synced_at, self._number_synced = now, self._number


def _tells(headers: Mapping[str, str]) -> bool:
    """Whether the headers may tell limits: the rest of them is request numbers."""
    return any("limit" in name for name in headers)


_gates: WeakSet[Gate] = WeakSet()


def _begin_in_child() -> None:
    """Another thread may have held a lock at the fork: in the child nobody would ever open it."""
    for gate in list(_gates):
        gate.begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
