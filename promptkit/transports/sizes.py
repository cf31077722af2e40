"""How many tokens a request will be counted as, learned from what endpoints say of those before.

An endpoint may count what was really used, or its own estimate with all of `max_tokens`. The first
answer tells, because it was alone: what is missing then from the full bucket is its own count. If
that is its usage, later requests are estimated by their bytes and the mean answer, and settled to
their usage. If not, our estimate (with `max_tokens`) is scaled to it; later answers refine that.
"""

from __future__ import annotations

import math
from typing import Final

from promptkit.request import Request
from promptkit.response import Usage
from promptkit.tokens import Ratio
from promptkit.transports.lanes import Ticket
from promptkit.transports.quota import Quota

_UNSET_ANSWER: Final = 256.0
"""Output tokens assumed for a request without max_tokens until an answer has come."""

_ALIKE: Final = 0.02
"""Two counts that differ by less than this share, or by two tokens, are one."""

_WEIGHT: Final = 0.1
"""How much the newest answer moves the mean length."""

_SCALES: Final = (0.02, 1.5)
"""Beyond these the endpoint counts somebody else's requests with ours."""

_SPARE: Final = 3.0
_ENOUGH: Final = 20
_DEVIATIONS: Final = 2.0
"""What stays in the bucket: three requests' tokens, or, once so many have been settled, one's and
two standard deviations of the sum of all that is under way."""

_FULL: Final = 0.97
"""A bucket above this share may be full, and does not tell what came back."""

_SPAN: Final = 20
_SPAN_PER_UNDER_WAY: Final = 8
"""Requests between the two reports that are compared: so many that the order of those under way
does not matter."""


class Sizes:
    """Estimates requests in the tokens that one endpoint counts.

    Attributes:
        ratio: Tokens per byte of input.
        scale: Tokens counted per token estimated.
        counts_usage: Whether the endpoint counts what was really used.
    """

    __slots__ = (
        "_answer",
        "_answers",
        "_crowd",
        "_first",
        "_from",
        "_settled",
        "_variance",
        "counts_usage",
        "ratio",
        "scale",
    )

    def __init__(self) -> None:
        """Begin with guesses."""
        self.ratio = Ratio()
        self.scale = 1.0
        self.counts_usage = False
        self._answer = 0.0
        self._answers = 0
        self._first = True
        self._from: tuple[float, float, float, int] | None = None
        self._crowd = 0
        self._variance = 0.0
        self._settled = 0

    def estimate(self, request: Request) -> float:
        """Return the likely tokens of a request in our units; times `scale` it is theirs."""
        options = request.options
        if request.api in ("embeddings", "moderations"):
            return self.ratio.estimate(request)
        if self.counts_usage:
            answer = min(self._answer, options.max_tokens or self._answer)
        else:
            answer = options.max_tokens or self._answer or _UNSET_ANSWER
        return self.ratio.estimate(request) + answer * (options.n or 1)

    def learn(self, request: Request, input_tokens: int, output_tokens: int) -> None:
        """Learn from the usage that an answer reports."""
        self.ratio.learn(request, input_tokens)
        self._answers += 1
        answer = output_tokens / (request.options.n or 1)
        self._answer += max(_WEIGHT, 1 / self._answers) * (answer - self._answer)

    def miss(self, difference: float) -> None:
        """Learn by how much an estimate was off, in tokens."""
        self._settled += 1
        weight = max(_WEIGHT, 1 / self._settled)
        self._variance += weight * (difference * difference - self._variance)

    def spare(self, size: float, under_way: int) -> float:
        """Return the tokens to leave in the bucket for what is under way and may be larger."""
        if self._settled < _ENOUGH:
            return _SPARE * size
        return size + _DEVIATIONS * math.sqrt(self._variance * (under_way + 1))

    def compare(
        self, request: Request, usage: Usage, quota: Quota, ticket: Ticket, under_way: int
    ) -> None:
        """Learn from what is left of an endpoint's tokens.

        Args:
            request: The one that was answered.
            usage: What its answer says it used.
            quota: What its answer says is left.
            ticket: Its place among all requests and estimates.
            under_way: How many others are.
        """
        if quota.rate is None or quota.capacity is None or self.counts_usage:
            return
        sent, place = ticket.estimated, ticket.number
        if self._first:  # alone until now: what is missing from a full bucket is its own size
            self._first = False
            counted = quota.capacity - quota.remaining
            used = usage.input_tokens + usage.output_tokens
            # An answer cut at max_tokens is as long as it may be: there both ways agree.
            longest = request.options.max_tokens
            is_cut = longest is not None and usage.output_tokens >= longest * (
                request.options.n or 1
            )
            is_alike = abs(counted - used) <= max(2.0, _ALIKE * used)
            self.counts_usage = is_alike and not is_cut
            if not self.counts_usage:
                self._move(1.0, counted / self.estimate(request))
            return
        if quota.remaining >= _FULL * quota.capacity:
            self._from = None
            return
        here = (quota.remaining, sent.end, sent.at, place)
        if self._from is None:
            self._from, self._crowd = here, under_way
            return
        self._crowd = max(self._crowd, under_way)
        remaining, sent_before, at, first = self._from
        if place - first < max(_SPAN, _SPAN_PER_UNDER_WAY * self._crowd):
            return
        counted = remaining - quota.remaining + (sent.at - at) * quota.rate
        self._from, self._crowd = here, under_way
        if sent.end > sent_before:
            self._move(0.5, counted / (sent.end - sent_before))

    def forget(self) -> None:
        """Compare nothing across this moment: what was refused was not counted."""
        self._from = None

    def _move(self, weight: float, scale: float) -> None:
        low, high = _SCALES
        self.scale += weight * (min(high, max(low, scale)) - self.scale)
