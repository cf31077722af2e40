"""Several endpoints or keys for one model: who of them is asked, and who is left alone.

Each route is a target with an adapter and limits of its own. A call goes to one target. When it
fails there in a way that another target may not, the error says `elsewhere`: the retry layer asks
again at once, and the same question then goes to a target that has not failed it. So every
attempt has a reservation of its own, and what a broken attempt may have cost is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from promptkit.clock import SYSTEM_CLOCK, Clock
from promptkit.errors import (
    AuthenticationError,
    CallError,
    InterruptedStreamError,
    QuotaError,
    RateLimitError,
    ServerError,
    UnknownModelError,
)
from promptkit.pricing import PriceOf
from promptkit.request import Request
from promptkit.response import CallLog, Response
from promptkit.transport import OnText
from promptkit.transports.breaker import DEFAULT_BREAKER, Breaker, BreakerPolicy
from promptkit.transports.routes import Strategy
from promptkit.transports.target import PICKS, Target
from promptkit.transports.worst_case import price_for

_UNTOLD_HOLD_S: Final = 1.0
"""How long a 429 without Retry-After keeps calls away, where there is somewhere else to go."""

_PROBE_S: Final = 0.2
"""How often a call that waits for a probe looks again."""

_REMEMBERED: Final = 65_536
"""Questions whose targets are remembered at most; the oldest is forgotten first."""

_NOT_HERE: Final = (AuthenticationError, QuotaError, UnknownModelError)
"""Errors of a target's key, account or model, which another target need not have."""


class RouteLayer:
    """Sends each call to one of several targets."""

    def __init__(
        self,
        targets: Sequence[Target],
        strategy: Strategy = "least_in_flight",
        *,
        model: str | None = None,
        price_of: PriceOf | None = None,
        breaker: BreakerPolicy = DEFAULT_BREAKER,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Begin with every target in use.

        Args:
            targets: In the order of preference, which strategy "priority" keeps to.
            strategy: See `Routes`.
            model: The group's own name for the model that targets may name otherwise.
            price_of: Prices an answer by the target that gave it.
            breaker: When a target is left alone.
            clock: Time.
        """
        self.targets = tuple(targets)
        self.model = model
        self.price_of = price_of
        self.clock = clock
        for place, target in enumerate(self.targets):
            target.bit = 1 << place
            target.breaker = Breaker(breaker)
        self._pick = PICKS[strategy]
        self._turn = 0
        self._seen: dict[bytes, int] = {}
        """Where each question under way is or has failed, one bit per target."""
        self._failures: dict[bytes, dict[int, str]] = {}
        """What went wrong at those of them that failed it, by the target's bit."""

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Ask one target."""
        key = request.key
        now = started = self.clock.now()
        while (target := self._choose(self._seen.get(key, 0), now)) is None:
            await self._pause(now)
            now = self.clock.now()
        is_probe = target.breaker.enter()
        self._remember(key, target)
        target.in_flight += 1
        keep = False
        try:
            response = await target.transport(self._addressed(request, target), on_text)
            target.breaker.succeed(is_probe=is_probe)
        except CallError as error:
            keep = self._failed(request, target, error, is_probe=is_probe)
            raise
        except BaseException:
            target.breaker.leave(is_probe=is_probe)
            raise
        finally:
            target.in_flight -= 1
            if not keep:
                self._seen.pop(key, None)
                if self._failures:
                    self._failures.pop(key, None)
        return self._signed(response, target, request, now - started)

    # -- choosing -------------------------------------------------------------------------

    def _choose(self, seen: int, now: float) -> Target | None:
        """Return a healthy target, one that this question has not been to where there is one."""
        healthy = [target for target in self.targets if target.breaker.admits(now)]
        if seen:
            healthy = [target for target in healthy if not target.bit & seen] or healthy
        if len(healthy) < 2:  # noqa: PLR2004 -- a choice needs two
            return healthy[0] if healthy else None
        turn, self._turn = self._turn, self._turn + 1
        return self._pick(healthy, turn)

    async def _pause(self, now: float) -> None:
        """Wait for a target that a 429 has closed, or for a probe; else say that all have failed.

        A call that gave up while a probe is under way would use up its attempts in no time.
        """
        breakers = [target.breaker for target in self.targets]
        is_probing = any(breaker.probing for breaker in breakers)
        if not is_probing and all(breaker.open_until is not None for breaker in breakers):
            raise self._all_down(now)
        waits = [breaker.opens_in(now) for breaker in breakers if not breaker.probing]
        seconds = min([*waits, _PROBE_S] if is_probing else waits)
        try:
            await self.clock.sleep(seconds)
        except asyncio.CancelledError as error:
            error.unsent = True  # type: ignore[attr-defined]
            raise

    def _remember(self, key: bytes, target: Target) -> None:
        seen = self._seen
        seen[key] = seen.get(key, 0) | target.bit
        if len(seen) > _REMEMBERED:
            oldest = next(iter(seen))
            del seen[oldest]
            self._failures.pop(oldest, None)

    def _addressed(self, request: Request, target: Target) -> Request:
        """Return the request as this target knows it: its limits count by endpoint and model."""
        model = target.model if target.model and request.model == self.model else request.model
        if model == request.model and target.endpoint == request.endpoint:
            return request
        return Request(
            messages=request.messages,
            model=model,
            options=request.options,
            api=request.api,
            sample=request.sample,
            endpoint=target.endpoint,
            lane=request.lane,
            end_user=request.end_user,
        )

    def _signed(
        self, response: Response, target: Target, request: Request, waited_s: float
    ) -> Response:
        """Write the route into the log, and the price of this target.

        Field by field, because `dataclasses.replace` takes three times as long.
        """
        old = response.log
        log = CallLog(
            old.source,
            old.attempts,
            old.latency_s,
            old.waited_s + waited_s,
            old.unsettled_usd,
            target.name,
            old.hedged,
            old.packed,
        )
        cost = response.cost_usd
        if cost is None and self.price_of is not None:
            asked = self._addressed(request, target)
            price = self.price_of(asked.model, asked.endpoint)
            if asked.options.extra is not None:  # it may ask for another service tier
                price = price_for(asked, price, self.price_of)
            cost = None if price is None else price.cost(response.usage)
        return Response(
            response.choices,
            response.usage,
            response.model,
            cost,
            log,
            response.vectors,
            response.moderations,
            response.headers,
            response.constraint,
        )

    # -- failing --------------------------------------------------------------------------

    def _failed(
        self, request: Request, target: Target, error: CallError, *, is_probe: bool
    ) -> bool:
        """Note a failure; True when the call should go elsewhere at once."""
        now = self.clock.now()
        breaker = target.breaker
        is_ours = isinstance(error, _NOT_HERE)
        if isinstance(error, RateLimitError):
            breaker.hold(error, error.retry_after_s or _UNTOLD_HOLD_S, now, is_probe=is_probe)
        elif is_ours and request.model == (self.model or request.model):
            breaker.take_out(error, now)
        elif error.retryable or isinstance(error, InterruptedStreamError):
            breaker.fail(error, now, is_probe=is_probe)
        else:
            breaker.succeed(is_probe=is_probe)  # it refused this request, so it is at work
        if not (error.retryable or is_ours):
            return False
        seen = self._seen.get(request.key, 0) | target.bit
        others = [other for other in self.targets if other is not target]
        if any(not other.bit & seen and other.breaker.admits(now) for other in others):
            error.elsewhere = True
            self._failures.setdefault(request.key, {})[target.bit] = error.message
            return True
        failures = self._failures.get(request.key, {})
        states = [other.state(now, failures.get(other.bit)) for other in others]
        error.message = f"{target.name}: {error.message}"
        if states:
            error.message += f" (no other route is left: {'; '.join(states)})"
        return False

    def _all_down(self, now: float) -> CallError:
        """Return the error for a call that no target can take: which ones, and why."""
        states = "; ".join(target.state(now) for target in self.targets)
        message = f"all {len(self.targets)} routes are down: {states}"
        breakers = [target.breaker for target in self.targets]
        passing = [b for b in breakers if b.kind is None or not issubclass(b.kind, _NOT_HERE)]
        first = breakers[0]
        error: CallError
        if not passing and first.kind is not None:
            error = first.kind(message, hint=first.hint)
        else:
            soonest = min(breaker.opens_in(now) for breaker in passing)
            error = ServerError(message, hint="ask again later", retry_after_s=soonest)
        error.unsent = True  # type: ignore[attr-defined]
        return error
