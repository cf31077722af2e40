"""How long a server asks to wait, in all the forms that servers say it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TRY_AGAIN: Final = re.compile(r"try again in ((?:\d+(?:\.\d+)?(?:ms|[smhd]))+)", re.IGNORECASE)
_FIRST_EPOCH: Final = 1e9
"""A reset from here on is a date (Unix seconds, or milliseconds from a thousand times that)."""


def retry_after(headers: Mapping[str, str], words: str = "") -> float | None:
    """Return how many seconds the server asks to wait; None when it does not say.

    >>> retry_after({"retry-after-ms": "1500", "retry-after": "2"})
    1.5
    >>> retry_after({"x-ratelimit-reset-tokens": "1m0.5s"})
    60.5
    >>> retry_after({}, "Please try again in 20ms.")
    0.02
    """
    milliseconds = _float(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value:
        seconds = _float(value)
        return _until(value) if seconds is None else seconds
    reset = _reset(headers)
    if reset is not None:
        return reset
    found = _TRY_AGAIN.search(words)
    return parse_duration(found.group(1)) if found else None


def _reset(headers: Mapping[str, str]) -> float | None:
    """Read `x-ratelimit-reset-*` of the limits that are used up; of all when none is named so.

    A limit with something left is not why the request was refused, and a daily one may be hours
    away, so it must not decide.
    """
    prefix = "x-ratelimit-reset"
    resets: dict[str, float] = {}
    for name, value in headers.items():
        seconds = parse_duration(value) if name.startswith(prefix) else None
        if seconds is not None:
            resets[name.removeprefix(prefix)] = seconds
    used_up = [
        seconds
        for kind, seconds in resets.items()
        if (left := _float(headers.get(f"x-ratelimit-remaining{kind}"))) is not None and left < 1
    ]
    if used_up:
        return max(used_up)
    return resets.get("-tokens", max(resets.values(), default=None))


def parse_duration(text: str) -> float | None:
    """Read «6m0s», «20ms», plain seconds, or a Unix date; in seconds from now.

    >>> parse_duration("6m0s"), parse_duration("0.25"), parse_duration("soon")
    (360.0, 0.25, None)
    """
    text = text.strip()
    plain = _float(text)
    if plain is not None:
        if plain >= _FIRST_EPOCH * 1000:
            plain /= 1000
        return max(0.0, plain - time.time()) if plain >= _FIRST_EPOCH else plain
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _until(date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _float(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return max(0.0, value) if value - value == 0 else None  # neither NaN nor infinite
