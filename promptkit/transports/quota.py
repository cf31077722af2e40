"""What the headers of an answer say of an endpoint's rate limits.

Providers write them in different ways (their own documentation, November 2026):

- OpenAI, and those who follow it: `x-ratelimit-limit-requests`, `-remaining-requests`,
  `-reset-requests`, the same for tokens; limits are per minute. Groq's limit of requests is per
  day under the same names.
- Azure: what remains, and neither limit nor reset.
- Together: `x-ratelimit-limit`, `x-ratelimit-remaining`, `x-ratelimit-reset` for requests,
  `x-tokenlimit-limit` and `-remaining` for tokens; limits are per second.
- Anthropic's: `anthropic-ratelimit-requests-limit`, `-remaining`, `-reset`, a date; per minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from promptkit.durations import parse_duration, parse_number

MINUTE_S: Final = 60.0
_DAY_S: Final = 86_400.0
_ALIKE: Final = 0.02
"""Two capacities that differ by less than this share are one."""

Kind = Literal["requests", "tokens"]


class Quota(NamedTuple):
    """One limit as an answer told it.

    Attributes:
        remaining: What the endpoint still grants.
        rate: What comes back per second; None where the answer does not say.
        capacity: The most that can remain; None where the answer does not say.
    """

    remaining: float
    rate: float | None = None
    capacity: float | None = None


def read_quota(headers: Mapping[str, str], kind: Kind) -> Quota | None:
    """Read one of the two limits; None where the headers do not tell it.

    >>> read_quota(
    ...     {
    ...         "x-ratelimit-limit-requests": "600",
    ...         "x-ratelimit-remaining-requests": "9",
    ...         "x-ratelimit-reset-requests": "100ms",
    ...     },
    ...     "requests",
    ... )
    Quota(remaining=9.0, rate=10.0, capacity=10.0)
    """
    found = headers.get(f"x-ratelimit-remaining-{kind}")
    if found is not None:
        limit = headers.get(f"x-ratelimit-limit-{kind}")
        reset = headers.get(f"x-ratelimit-reset-{kind}")
        return _quota(limit, found, parse_duration(reset), MINUTE_S)
    found = headers.get("x-ratelimit-remaining" if kind == "requests" else "x-tokenlimit-remaining")
    if found is not None:
        limit = headers.get("x-ratelimit-limit" if kind == "requests" else "x-tokenlimit-limit")
        return _quota(limit, found, None, 1.0)
    found = headers.get(f"anthropic-ratelimit-{kind}-remaining")
    if found is not None:
        limit = headers.get(f"anthropic-ratelimit-{kind}-limit")
        reset = headers.get(f"anthropic-ratelimit-{kind}-reset")
        return _quota(limit, found, _seconds_until(reset), MINUTE_S)
    return None


def _quota(
    limit: str | None, remaining: str, reset_s: float | None, period_s: float
) -> Quota | None:
    left, most = parse_number(remaining), parse_number(limit)
    if left is None or (limit is not None and (most is None or most < 1)):
        return None
    if most is None:
        return Quota(left)
    if reset_s is None:
        return Quota(left, most / period_s, max(1.0, most))
    daily = left + reset_s * most / _DAY_S
    if abs(daily - most) <= _ALIKE * most and reset_s > MINUTE_S:
        period_s = _DAY_S
    rate = most / period_s
    return Quota(left, rate, max(1.0, min(most, left + reset_s * rate)))


def _seconds_until(date: str | None) -> float | None:
    if date is None:
        return None
    try:
        at = datetime.fromisoformat(date)
    except ValueError:
        return parse_duration(date)
    zoned = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (zoned - datetime.now(UTC)).total_seconds())
