"""A model of a server's token bucket, as far as the headers of its answers tell."""

from __future__ import annotations

from typing import Final

_NOTHING: Final = 1e-6
"""Amounts below this are rounding, not something to wait for."""

_LEAST_SHARE: Final = 0.1
"""However far latencies lie apart, this share of a bucket may burst."""


class Bucket:
    """What an endpoint still grants of one thing, requests or tokens, as far as is known.

    It is a model of the server's token bucket, corrected by what answers report. Requests may
    overtake each other on their way, so a report only bounds the level: at most what remains
    less what was sent after it, at least what remains less all that is unanswered. Requests that
    bunch up on their way must not find the server's bucket empty: the capacity used here is
    smaller than the server's by what is refilled during the spread of the latencies.
    """

    __slots__ = (
        "_at",
        "_by_hand",
        "_capacity",
        "_level",
        "_rate",
        "_seen",
        "_spread",
        "answered",
        "sent",
    )

    def __init__(self, per_minute: float | None = None, now: float = 0.0) -> None:
        """Begin unknown, or with a limit set by hand, of which one second's worth may burst."""
        self.sent = 0.0
        self.answered = 0.0
        self._seen = -1.0
        self._by_hand = self._rate = (per_minute or 0.0) / 60
        self._capacity = max(1.0, self._rate)
        self._level = self._capacity
        self._spread = 0.0
        self._at = now

    @property
    def is_known(self) -> bool:
        """Whether there is a limit to keep."""
        return self._rate > 0

    def _refill(self, now: float) -> None:
        usable = self._usable()
        grown = self._level + max(0.0, now - self._at) * self._rate
        self._level = min(grown, max(usable, self._level))
        self._at = max(self._at, now)

    def _usable(self) -> float:
        least = max(1.0, self._capacity * _LEAST_SHARE)
        return max(least, self._capacity - self._spread * self._rate)

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until `amount` may be sent; 0 when it may now."""
        if not self.is_known:
            return 0.0
        self._refill(now)
        # What is larger than the whole bucket goes when the bucket is full.
        missing = min(amount, self._usable()) - self._level
        return missing / self._rate if missing > _NOTHING else 0.0

    def take(self, amount: float, now: float) -> float:
        """Count `amount` as sent; return the ticket with which its answer is reported."""
        if self.is_known:
            self._refill(now)
            self._level -= amount
        self.sent += amount
        return self.sent

    def report(
        self, ticket: float, limit: float, remaining: float, reset_s: float | None, now: float
    ) -> None:
        """Learn from the answer to the request with `ticket`."""
        if limit < 1:
            return
        is_first = not self.is_known
        self._refill(now)
        if self._by_hand and limit / 60 >= self._by_hand:
            return  # the limit set by hand is the lower one, and holds
        self._rate = limit / 60
        implied = limit if reset_s is None else remaining + reset_s * self._rate
        self._capacity = max(1.0, min(limit, implied))
        least = remaining - (self.sent - self.answered)
        most = remaining - (self.sent - ticket)
        if is_first or ticket >= self._seen:
            self._level = least if is_first else max(least, min(self._level, most))
        self._seen = max(self._seen, ticket)
        self._at = now

    def spread(self, seconds: float) -> None:
        """Say how far the latencies lie apart."""
        self._spread = seconds
