"""A model of a server's token bucket, as far as the headers of its answers tell.

The model's level is what the server's will be once all that is under way has arrived there. It
falls with what is sent and rises at the server's rate. A report cannot set it, because requests
overtake each other and come back in any order, but it bounds it:

- at least what remained when the report was written, less all that was sent and was not yet
  answered when its request went out: nothing else can have arrived after it;
- at most what remained, plus what came back since its request was sent, less all that was sent
  after it but for what may have overtaken it.

Requests that were sent evenly may arrive bunched. So a margin stays in the bucket: what comes
back during the jitter of the way there, which the spread of the latencies bounds. It costs
capacity once, never rate.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, NamedTuple

from promptkit.transports.quota import MINUTE_S, Quota

_NOTHING: Final = 1e-6
"""Amounts below this are rounding, not something to wait for."""

_LATENESS_S: Final = 0.05
"""How late a timer may ring. Room for what comes back meanwhile stays free, or it would be lost."""


_MOST_SPARE: Final = 0.1
"""The share of a bucket that may be spared."""

_SURE: Final = 0.5
"""How much of its part of what remains a process counts on where others use the limit too: they
have sent since then, and their answers tell only them."""

_MARK_S: Final = 0.02
_MARKS: Final = 4096
"""How finely, and how far back (80 s at least), is known how much was sent until when."""


class Sent(NamedTuple):
    """A request's place among all that was sent.

    Attributes:
        end: All that was sent until it and with it.
        answered: All that had been answered when it was sent.
        amount: Its own size.
        at: When it was sent, in seconds.
    """

    end: float
    answered: float
    amount: float
    at: float


NOWHERE: Final = Sent(0.0, 0.0, 0.0, 0.0)
"""The place of what a bucket need not count."""


class Bucket:
    """What an endpoint still grants of one thing, requests or tokens, as far as is known.

    Attributes:
        rate: What comes back per second for this process; 0 while no limit is known.
        sent: All that was ever sent.
        answered: All of it that was answered or has failed.
        jitter_s: By how much the ways to the server may differ, in seconds.
    """

    __slots__ = (
        "_at",
        "_by_hand",
        "_capacity",
        "_level",
        "_marks",
        "_share",
        "_times",
        "_told",
        "answered",
        "jitter_s",
        "rate",
        "sent",
    )

    def __init__(self, per_minute: float | None = None, now: float = 0.0) -> None:
        """Begin unknown, or with a limit set by hand, of which one second's worth may burst."""
        self.sent = 0.0
        self.answered = 0.0
        self.jitter_s = 0.0
        self._by_hand = (per_minute or 0.0) / MINUTE_S
        self._told = (self._by_hand, max(1.0, self._by_hand))
        self._share = 1.0
        self.rate, self._capacity = self._told
        self._level = self._capacity
        self._at = now
        self._times: list[float] = []
        self._marks: list[float] = []

    @property
    def is_known(self) -> bool:
        """Whether there is a limit to keep."""
        return self.rate > 0

    @property
    def per_minute(self) -> float | None:
        """The limit, per minute; None where it is unknown."""
        return self.rate * MINUTE_S or None

    @property
    def is_by_hand(self) -> bool:
        """Whether the limit that holds is one set by hand."""
        return self.rate > 0 and self._told[0] == self._by_hand

    @property
    def is_alone(self) -> bool:
        """Whether no other process uses the limit."""
        return self._share == 1.0

    def refill(self, now: float) -> None:
        """Let come back what came back since the last time."""
        if now > self._at:
            grown = self._level + (now - self._at) * self.rate
            self._level = grown if grown < self._capacity else max(self._level, self._capacity)
            self._at = now

    def wait(self, amount: float, now: float, spare: float = 0.0) -> float:
        """Return the seconds until `amount` may be sent and `spare` stays; 0 when it may now."""
        if not self.rate:
            return 0.0
        self.refill(now)
        # What is larger than the whole bucket goes when the bucket is as good as full.
        reachable = self._capacity - self.rate * _LATENESS_S
        spare = min(spare, _MOST_SPARE * self._capacity)
        wanted = amount + spare + self.rate * self.jitter_s
        wanted = min(wanted, max(reachable, min(1.0, self._capacity)))
        missing = wanted - self._level
        return missing / self.rate if missing > _NOTHING else 0.0

    def take(self, amount: float, now: float) -> Sent:
        """Count `amount` as sent; return its place, with which its answer is reported."""
        self.sent += amount
        if self.rate:
            self.refill(now)
            self._level -= amount
            self._mark(now)
        return Sent(self.sent, self.answered, amount, now)

    def settle(self, difference: float) -> None:
        """Take `difference` more (or give it back) for what turned out to have another size."""
        self._level = min(self._capacity, self._level - difference)

    def report(self, place: Sent, quota: Quota, now: float) -> None:
        """Learn from what the answer to the request at `place` told."""
        rate = quota.rate if quota.rate is not None else self._told[0] or _least_rate(quota)
        if self._by_hand and rate >= self._by_hand:
            return  # the limit set by hand is the lower one, and holds
        is_first = not self.rate
        capacity = quota.capacity or max(quota.remaining, 1.0)
        if rate == self._told[0]:  # what remains is told in whole numbers, so capacity as too low
            capacity = max(capacity, self._told[1])
        self._told = (rate, capacity)
        self.rate, self._capacity = (part * self._share for part in self._told)
        self.refill(now)
        remaining = quota.remaining * self._share
        surely = remaining if self._share == 1.0 else remaining * _SURE
        least = surely - (self.sent - place.answered - place.amount)
        if is_first:
            self._level, self._at = least, now
            return
        most = remaining + (now - place.at) * self.rate - self._sent_after(place.at + self.jitter_s)
        self._level = min(max(min(self._level, most), least), self._capacity)

    def _sent_after(self, moment: float) -> float:
        """Return how much was sent after a moment: what was sent sooner may have overtaken."""
        mark = bisect_left(self._times, moment)
        return self.sent - self._marks[mark] if mark < len(self._marks) else 0.0

    def _mark(self, now: float) -> None:
        """Note how much was sent until now, at most once in a while."""
        if self._times and now - self._times[-1] < _MARK_S:
            self._marks[-1] = self.sent
            return
        self._times.append(now)
        self._marks.append(self.sent)
        if len(self._times) > _MARKS:
            del self._times[: _MARKS // 2], self._marks[: _MARKS // 2]

    def share(self, part: float, now: float) -> None:
        """Keep to a part of the limit, from 0 to 1: the rest belongs to other processes."""
        if part == self._share:
            return
        self.refill(now)
        if part < self._share and self._level > 0:
            self._level *= part / self._share
        self._share = part
        self.rate, self._capacity = (each * part for each in self._told)


def _least_rate(quota: Quota) -> float:
    """Return the rate to begin with where no answer tells one: all that remains, once a minute."""
    return max(1.0, quota.remaining) / MINUTE_S
