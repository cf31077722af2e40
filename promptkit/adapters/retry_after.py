"""How long a server asks to wait, in all the forms that servers say it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from promptkit.durations import parse_duration, parse_number

_TRY_AGAIN: Final = re.compile(
    r"(?:try again|retry) (?:in|after) (\d+(?:\.\d+)?)\s*(seconds?|minutes?|milliseconds?)"
    r"|(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?(?:ms|[smhd]))+)",
    re.IGNORECASE,
)
_SPELT_OUT: Final = {"milliseconds": 0.001, "seconds": 1.0, "minutes": 60.0}

_LONGEST_DATE: Final = 64
"""Characters; the longest form has 40."""

_RESET: Final = re.compile(r"(?:x-)?ratelimit-reset(.*)|anthropic-ratelimit(-.+)-reset")
"""OpenAI, Azure, Groq: `x-ratelimit-reset-tokens`. Together: `x-ratelimit-reset`. The IETF's
draft: `ratelimit-reset`. Anthropic: `anthropic-ratelimit-tokens-reset`, a date."""

_REMAINING: Final = (
    "x-ratelimit-remaining{kind}",
    "ratelimit-remaining{kind}",
    "anthropic-ratelimit{kind}-remaining",
)


def retry_after(headers: Mapping[str, str], words: str = "") -> float | None:
    """Return how many seconds the server asks to wait; None when it does not say.

    >>> retry_after({"retry-after-ms": "1500", "retry-after": "2"})
    1.5
    >>> retry_after({"x-ratelimit-reset-tokens": "1m0.5s"})
    60.5
    >>> retry_after({}, "Please try again in 20ms."), retry_after({}, "Retry after 3 seconds.")
    (0.02, 3.0)
    """
    milliseconds = parse_number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value:
        return _wait(value)
    reset = _reset(headers)
    return reset if reset is not None else _said(words)


def _reset(headers: Mapping[str, str]) -> float | None:
    """Read when the limits that are used up start again; all of them when none is named so.

    A limit with something left is not why the request was refused, and a daily one may be hours
    away, so it must not decide.
    """
    resets: dict[str, float] = {}
    for name, value in headers.items():
        found = _RESET.fullmatch(name)
        seconds = _wait(value) if found else None
        if found and seconds is not None:
            resets[found[1] or found[2] or ""] = seconds
    used_up = [resets[kind] for kind in resets if _is_used_up(headers, kind)]
    if used_up:
        return max(used_up)
    return resets.get("-tokens", max(resets.values(), default=None))


def _is_used_up(headers: Mapping[str, str], kind: str) -> bool:
    for form in _REMAINING:
        left = parse_number(headers.get(form.format(kind=kind)))
        if left is not None:
            return left < 1
    return False


def _wait(value: str) -> float | None:
    """Read a duration or a date, in any of the forms of headers."""
    seconds = parse_duration(value)
    if seconds is not None:
        return seconds
    from email.utils import parsedate_to_datetime  # slow to import, and dates are rare

    if len(value) > _LONGEST_DATE:
        return None
    try:
        date = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        date = None
    try:
        date = date or datetime.fromisoformat(value)
        return max(0.0, date.timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _said(words: str) -> float | None:
    """Read «try again in 20s» and the like in an error's message."""
    found = _TRY_AGAIN.search(words)
    if found is None:
        return None
    number, unit, short = found.groups()
    if short is not None:
        return parse_duration(short)
    seconds = parse_number(number)  # None for more digits than anybody means
    return None if seconds is None else seconds * _SPELT_OUT[unit.lower().removesuffix("s") + "s"]
