"""The rate limits of a pretended endpoint: exact token buckets, and the headers that tell of them.

A bucket refills continuously at limit / 60 per second, as hosted APIs do it. The two kinds differ
in their capacity: a second's worth (a burst is refused at once) or the whole minute's (a burst of
a minute's quota passes). Nothing here sleeps or rounds: what is granted is what was there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Style = Literal["openai", "azure", "together", "none"]
STYLES = ("openai", "azure", "together", "none")
NOTHING = 1e-9
"""A bucket that lacks less than this lacks nothing: sums of floats."""


@dataclass(slots=True)
class Bucket:
    """So much a minute, of which so many seconds' worth may be kept up.

    Attributes:
        per_minute: The refill.
        burst_s: The capacity, in seconds of refill: 1, or 60 for the full-minute kind.
        now: The clock, in seconds.
        granted: The sum of all that was taken and not given back.
    """

    per_minute: float
    burst_s: float = 60.0
    now: Callable[[], float] = time.monotonic
    level: float = field(init=False)
    granted: float = field(init=False, default=0.0)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.capacity
        self._at = self.now()

    @property
    def capacity(self) -> float:
        return max(1.0, self.per_minute / 60 * self.burst_s)

    def refill(self) -> None:
        now = self.now()
        self.level = min(self.capacity, self.level + (now - self._at) * self.per_minute / 60)
        self._at = now

    def lacks(self, amount: float) -> float:
        """Seconds until `amount` is there; 0 when it is."""
        self.refill()
        missing = min(amount, self.capacity) - self.level
        return missing * 60 / self.per_minute if missing > NOTHING else 0.0

    def take(self, amount: float) -> None:
        self.level -= amount
        self.granted += amount

    def reset_s(self) -> float:
        """Seconds until the bucket is full, which is what `x-ratelimit-reset` says."""
        return (self.capacity - self.level) * 60 / self.per_minute


@dataclass(slots=True)
class Quota:
    """Requests and tokens of one (key, model); either may be without a limit."""

    requests: Bucket | None = None
    tokens: Bucket | None = None
    style: Style = "openai"

    def refusal_s(self, tokens: float) -> tuple[str, float]:
        """Take a request of so many tokens; or say what lacks and for how many seconds."""
        waits = {
            "requests": self.requests.lacks(1) if self.requests else 0.0,
            "tokens": self.tokens.lacks(tokens) if self.tokens else 0.0,
        }
        lacking = max(waits, key=lambda name: waits[name])
        if waits[lacking] > 0:
            return lacking, waits[lacking]
        if self.requests:
            self.requests.take(1)
        if self.tokens:
            self.tokens.take(tokens)
        return "", 0.0

    def give_back(self, tokens: float) -> None:
        """Return tokens that were counted at admission and then not used."""
        if self.tokens and tokens > 0:
            self.tokens.refill()
            self.tokens.level = min(self.tokens.capacity, self.tokens.level + tokens)
            self.tokens.granted -= tokens

    def headers(self) -> dict[str, str]:
        """What every answer says of the limits."""
        if self.style == "none":
            return {}
        told: dict[str, str] = {}
        for name, bucket in (("requests", self.requests), ("tokens", self.tokens)):
            if bucket is not None:
                bucket.refill()
                told |= _WRITERS[self.style](name, bucket)
        return told

    def refusal_headers(self, wait_s: float) -> dict[str, str]:
        """What a 429 says of how long to wait."""
        if self.style == "none":
            return {}
        if self.style == "openai":
            exact = {"retry-after-ms": str(math.ceil(wait_s * 1000))}
            return exact | {"retry-after": str(max(1, math.ceil(wait_s)))}
        return {"retry-after": str(max(1, math.ceil(wait_s)))}


def duration(seconds: float) -> str:
    """Write seconds as OpenAI's headers do: 20ms, 1.5s, 1m0.5s.

    >>> duration(0.02), duration(1.5), duration(60.5), duration(360)
    ('20ms', '1.5s', '1m0.5s', '6m0s')
    """
    milliseconds = math.ceil(max(0.0, seconds) * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}m{rest / 1000:g}s" if minutes else f"{rest / 1000:g}s"


def _openai(name: str, bucket: Bucket) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{name}": f"{bucket.per_minute:.0f}",
        f"x-ratelimit-remaining-{name}": str(max(0, math.floor(bucket.level + NOTHING))),
        f"x-ratelimit-reset-{name}": duration(bucket.reset_s()),
    }


def _azure(name: str, bucket: Bucket) -> dict[str, str]:
    """Azure tells what remains, and neither the limit nor when it comes back."""
    return {f"x-ratelimit-remaining-{name}": str(max(0, math.floor(bucket.level + NOTHING)))}


def _together(name: str, bucket: Bucket) -> dict[str, str]:
    """Together tells limits per second, under other names for tokens."""
    prefix = "x-ratelimit" if name == "requests" else "x-tokenlimit"
    return {
        f"{prefix}-limit": f"{bucket.per_minute / 60:g}",
        f"{prefix}-remaining": str(max(0, math.floor(bucket.level + NOTHING))),
        "x-ratelimit-reset": f"{bucket.reset_s():.3f}",
    }


_WRITERS = {"openai": _openai, "azure": _azure, "together": _together}
