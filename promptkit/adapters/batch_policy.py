"""How large batches are, how often a request goes into one, and how long to wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from promptkit.errors import OptionError


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """How large, how often, how long.

    Attributes:
        max_lines: Requests in one file; OpenAI takes 50,000, Azure 100,000.
        max_bytes: Bytes of one file; OpenAI takes 200 MB.
        max_attempts: How many batches a request may go into before its error counts.
        window: The time the endpoint has, as the API names it.
        first_poll_s: Seconds before the first look at a batch; each further wait is half as
            long again.
        longest_poll_s: The waits grow no further than this.
        lease_s: Seconds after its last sign of life in which a process may still be making a
            batch that it claimed. Longer than the endpoint takes to make one.
    """

    max_lines: int = 50_000
    max_bytes: int = 200_000_000
    max_attempts: int = 3
    window: str = "24h"
    first_poll_s: float = 2.0
    longest_poll_s: float = 60.0
    lease_s: float = 30.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("max_lines", "max_bytes", "max_attempts"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise OptionError(f"{name}={value!r}", hint="it is a whole number from 1 on")
        times = (self.first_poll_s, self.longest_poll_s, self.lease_s)
        if not all(0 < seconds < float("inf") for seconds in times):
            raise OptionError(f"{self}", hint="waits and lease are above 0 seconds")


DEFAULT_POLICY: Final = BatchPolicy()
