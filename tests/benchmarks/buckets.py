"""Token buckets as rate-limited endpoints keep them, refilled continuously and counted exactly.

Two kinds are in use: one that holds a second's worth of the limit, so that bursts are refused at
once, and one that holds a whole minute's worth, so that the first minute can use twice the limit.
"""

from __future__ import annotations

import math
from typing import Final

MINUTE_S: Final = 60.0
CAPACITY_S: Final = {"second": 1.0, "minute": MINUTE_S}
"""How many seconds' worth of the limit each kind of bucket holds."""


class Bucket:
    """Grants amounts as long as its level allows; the level rises all the time.

    Attributes:
        per_minute: The limit, as the headers tell it.
        capacity: The highest level; the bucket begins there.
    """

    __slots__ = ("_at", "_level", "_rate", "capacity", "per_minute")

    def __init__(self, per_minute: float, kind: str) -> None:
        """Begin full, at time 0."""
        self.per_minute = per_minute
        self._rate = per_minute / MINUTE_S
        self.capacity = self._rate * CAPACITY_S[kind]
        self._level = self.capacity
        self._at = 0.0

    def level(self, now: float) -> float:
        """Return what can be granted at `now`."""
        self._level = min(self.capacity, self._level + (now - self._at) * self._rate)
        self._at = now
        return self._level

    def take(self, amount: float, now: float) -> float:
        """Grant `amount` and return 0, or return the seconds until it could be granted."""
        missing = amount - self.level(now)
        if missing > 1e-9:  # rounding, not tokens
            return missing / self._rate
        self._level -= amount
        return 0.0

    def grantable(self, seconds: float) -> float:
        """Return the most that could be granted in the first `seconds`, beginning full."""
        return self.capacity + self._rate * seconds

    def headers(self, kind: str, now: float) -> str:
        """Return the headers as OpenAI sends them: limit, remaining, time until full."""
        level = self.level(now)
        reset_s = (self.capacity - level) / self._rate
        return (
            f"x-ratelimit-limit-{kind}: {self.per_minute:.0f}\r\n"
            f"x-ratelimit-remaining-{kind}: {math.floor(level + 1e-9)}\r\n"
            f"x-ratelimit-reset-{kind}: {duration(reset_s)}\r\n"
        )


def duration(seconds: float) -> str:
    """Write a duration as OpenAI's headers do.

    >>> duration(0.0123), duration(7.5), duration(83)
    ('12ms', '7.5s', '1m23s')
    """
    if seconds < 1:
        return f"{math.floor(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, MINUTE_S)
    text = f"{rest:.3f}".rstrip("0").rstrip(".")
    return f"{minutes:.0f}m{text}s" if minutes else f"{text}s"
