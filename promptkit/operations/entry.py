"""What became of one row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of a row.

    Attributes:
        row: Its number, from 0.
        digest: Of what was asked about it, so that a changed row is noticed.
        answer: None for a row that failed, or an answer that is unknown.
        confidence: Of a Result that has one.
        input_tokens: Of all calls that the row took.
        output_tokens: Likewise.
        cost_usd: What was paid for the row; None where that is unknown.
        error: None for a row that was answered.
    """

    row: int
    digest: bytes
    answer: Any = None
    confidence: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    error: str | None = None


def digest_of(values: Mapping[str, Any]) -> bytes:
    """Return sixteen bytes that tell whether a row is the same as before.

    >>> digest_of({"a": "1"}) == digest_of({"a": "1"}), digest_of({"a": 1}) == digest_of({"a": "1"})
    (True, False)
    """
    text = repr(sorted(values.items())).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).digest()
