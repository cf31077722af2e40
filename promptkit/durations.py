"""Durations as servers write them in their headers and messages."""

from __future__ import annotations

import math
import re
import time
from typing import Final

_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|s|m|h|d)")
_SECONDS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_LONGEST: Final = 64
"""Characters. What is longer is no number that anybody means, and is not looked into."""

_FIRST_EPOCH: Final = 1e9
"""A number from here on is a date (Unix seconds, or milliseconds from a thousand times that)."""


def parse_duration(text: str | None) -> float | None:
    """Read «6m0s», «20ms», plain seconds, or a Unix date; in seconds from now, never below zero.

    Returns:
        The seconds, or None when the text is absent, is no duration, or is too long for one.

    >>> parse_duration("1m0.5s"), parse_duration("20ms"), parse_duration("7")
    (60.5, 0.02, 7.0)
    >>> parse_duration(None), parse_duration("soon"), parse_duration("nan")
    (None, None, None)
    """
    if not text or len(text) > _LONGEST:
        return None
    plain = parse_number(text)
    if plain is not None:
        if plain < _FIRST_EPOCH:
            return plain
        date = plain / 1000 if plain >= _FIRST_EPOCH * 1000 else plain
        return max(0.0, date - time.time())
    seconds = 0.0
    end = 0
    text = text.strip()
    while part := _PART.match(text, end):
        seconds += float(part[1]) * _SECONDS[part[2]]
        end = part.end()
    is_whole = end > 0 and end == len(text)
    return seconds if is_whole and math.isfinite(seconds) else None


def parse_number(text: str | None) -> float | None:
    """Read a finite number from a header; one below zero counts as zero.

    >>> parse_number("12"), parse_number("-1"), parse_number("inf"), parse_number(None)
    (12.0, 0.0, None, None)
    """
    if not text or len(text) > _LONGEST:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None
