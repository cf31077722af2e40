"""How many tokens a request will be counted as, learned from what endpoints say of those before.

Whether an endpoint counts `max_tokens` or what was really written is its own affair. So the
estimate is input plus answer in our units, times a scale: what the endpoint counted for what we
had estimated. The first answer tells the scale, because it was alone; later ones refine it.
"""

from __future__ import annotations

from typing import Final

from promptkit.request import Request
from promptkit.tokens import Ratio
from promptkit.transports.bucket import Sent
from promptkit.transports.quota import Quota

_UNSET_ANSWER: Final = 256.0
"""Output tokens assumed for a request without max_tokens until an answer has come."""

_WEIGHT: Final = 0.1
"""How much the newest answer moves the mean length."""

_SCALES: Final = (0.02, 1.5)
"""Beyond these the endpoint counts somebody else's requests with ours."""

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
    """

    __slots__ = ("_answer", "_crowd", "_first", "_from", "ratio", "scale")

    def __init__(self) -> None:
        """Begin with guesses."""
        self.ratio = Ratio()
        self.scale = 1.0
        self._answer = 0.0
        self._first = True
        self._from: tuple[float, float, float, int] | None = None
        self._crowd = 0

    def estimate(self, request: Request) -> float:
        """Return the likely tokens of a request in our units; times `scale` it is theirs."""
        options = request.options
        answer = options.max_tokens or self._answer or _UNSET_ANSWER
        return self.ratio.estimate(request) + answer * (options.n or 1)

    def learn(self, request: Request, input_tokens: int, output_tokens: int) -> None:
        """Learn from the usage that an answer reports."""
        self.ratio.learn(request, input_tokens)
        answer = output_tokens / (request.options.n or 1)
        self._answer += (_WEIGHT if self._answer else 1.0) * (answer - self._answer)

    def compare(
        self, request: Request, quota: Quota, sent: Sent, place: int, *, under_way: int
    ) -> None:
        """Learn from what is left of an endpoint's tokens.

        Args:
            request: The one that was answered.
            quota: What its answer told.
            sent: Its place among all estimates.
            place: Its place among all requests.
            under_way: How many others are.
        """
        if quota.rate is None or quota.capacity is None:
            return
        if self._first:  # alone until now: what is missing from a full bucket is its own size
            self._first = False
            self._move(1.0, (quota.capacity - quota.remaining) / self.estimate(request))
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
