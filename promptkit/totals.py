"""A Call is a request and what became of it; Totals are running sums over calls."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields, replace
from typing import Final

from promptkit.errors import InterruptedStreamError
from promptkit.request import Request
from promptkit.response import Response

_LATENCIES: Final = 500
"""How many latencies a step keeps, drawn evenly from all, to tell their median."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request and what became of it: exactly one of `response` and `error` is set.

    Attributes:
        finished_at: When it ended, in Unix seconds.
        elapsed_s: How long the asker waited for it, in seconds.
        unsettled_usd: The most that unanswered attempts may still cost.
    """

    request: Request
    response: Response | None
    error: BaseException | None
    finished_at: float
    elapsed_s: float
    attempts: int
    unsettled_usd: float = 0.0


@dataclass(slots=True)
class Totals:
    """Running sums over calls.

    Attributes:
        requests: Calls asked for, however they ended: cached, failed and refused ones too.
        cached: Of these, answered without a new request (cache, replay, joined).
        failed: Of these, without an answer; a call that the budget refused was never sent.
        retries: Requests sent again after a failure.
        hedged: Answered calls that were late, so that a copy of each was sent (`connect(hedge=…)`).
        cost_usd: What the paid answers cost, as far as their prices are known.
        saved_usd: What the cached answers would have cost.
        unpriced: Paid answers whose price is unknown.
        unsettled_usd: The most that unanswered attempts may have cost on top.
        estimated: Answers whose tokens the server did not count, broken streams among them.
    """

    requests: int = 0
    cached: int = 0
    failed: int = 0
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    spent_usd: float = 0.0
    saved_usd: float = 0.0
    unpriced: int = 0
    unsettled_usd: float = 0.0
    estimated: int = 0
    hedged: int = 0
    latencies: list[float] = field(default_factory=list, repr=False)

    def copy(self) -> Totals:
        """Return the sums as they are now; a session's own go on counting.

        >>> Totals(requests=3, cached=1).copy()
        Totals(requests=3, cached=1, cost_usd=0.0)
        """
        return replace(self, latencies=list(self.latencies))

    def __sub__(self, earlier: Totals) -> Totals:
        """Return what has come since `earlier`, a copy of these totals; latencies are left out.

        >>> Totals(requests=3, spent_usd=0.5) - Totals(requests=1, spent_usd=0.25)
        Totals(requests=2, cost_usd=0.25)
        """
        names = [each.name for each in fields(self) if each.name != "latencies"]
        return Totals(**{name: getattr(self, name) - getattr(earlier, name) for name in names})

    def __repr__(self) -> str:
        """Name the sums that are not 0, and the cost."""
        names = [each.name for each in fields(self) if each.repr and each.name != "spent_usd"]
        sums = {name: value for name in names if (value := getattr(self, name))}
        sums["cost_usd"] = self.cost_usd
        parts = (f"{k}={round(v, 9) if isinstance(v, float) else v}" for k, v in sums.items())
        return f"Totals({', '.join(parts)})"

    def add(self, call: Call) -> None:
        """Count one call."""
        self.requests += 1
        if call.attempts > 1:
            hedged = call.response.log.hedged if call.response is not None else 0
            self.hedged += hedged
            self.retries += call.attempts - 1 - hedged
        if call.unsettled_usd:
            self.unsettled_usd += call.unsettled_usd
        response = call.response
        if response is None:
            self.failed += 1
            if isinstance(call.error, InterruptedStreamError):
                self.input_tokens += call.error.input_tokens
                self.output_tokens += call.error.output_tokens
                self.estimated += 1
            return
        cost = response.cost_usd
        log = response.log
        if log.source == "endpoint":
            usage = response.usage
            self.input_tokens += usage.input_tokens
            self.output_tokens += usage.output_tokens
            if usage.estimated:
                self.estimated += 1
            if cost is None:
                self.unpriced += 1
            else:
                self.spent_usd += cost
            if log.latency_s:  # an answer of a batch has none that says anything
                self._add_latency(log.latency_s)
        else:
            self.cached += 1
            self.saved_usd += cost or 0.0

    def _add_latency(self, seconds: float) -> None:
        latencies = self.latencies
        if len(latencies) < _LATENCIES:
            latencies.append(seconds)
            return
        # Reservoir sampling (Vitter 1985, algorithm R): each latency is as likely to be kept.
        place = int(random.random() * (self.requests - self.cached - self.failed))  # noqa: S311 -- a statistic, not a secret
        if place < _LATENCIES:
            latencies[place] = seconds

    @property
    def cost_usd(self) -> float | None:
        """What was paid; None when not one of the paid answers had a known price."""
        paid = self.requests - self.cached - self.failed
        return None if paid and self.unpriced == paid else self.spent_usd

    @property
    def median_latency_s(self) -> float | None:
        """The median time to an answer from the endpoint, in seconds."""
        from statistics import median

        return median(self.latencies) if self.latencies else None
