"""The one place where a request is sent again.

Which errors are worth it is written in `errors`. Waits are «full jitter»: a random time below an
exponential bound, so that clients who failed together do not come back together (Brooker,
«Exponential Backoff And Jitter», AWS Architecture Blog, 2015). A server's Retry-After is obeyed,
with jitter on top for the same reason.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Final

from promptkit.clock import SYSTEM_CLOCK, Clock
from promptkit.errors import (
    BudgetError,
    CallError,
    DeadlineError,
    InterruptedStreamError,
    OptionError,
    RateLimitError,
)
from promptkit.request import Request
from promptkit.response import Response
from promptkit.transport import OnText, Transport


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long and how often to try.

    Attributes:
        max_attempts: Attempts that may fail, rate limits apart: those wait until the deadline.
        deadline_s: Seconds a call may take with all its waits and attempts; None for no end.
        first_wait_s: Bound of the first wait; it doubles with each further failure.
        longest_wait_s: The bound grows no further than this.
    """

    max_attempts: int = 6
    deadline_s: float | None = 600.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.max_attempts < 1 or (self.deadline_s is not None and self.deadline_s <= 0):
            raise OptionError(f"{self}", hint="max_attempts and deadline_s are above 0")


DEFAULT_POLICY: Final = RetryPolicy()


class RetryLayer:
    """Asks again after errors that may pass, until the policy says stop."""

    def __init__(
        self,
        inner: Transport,
        policy: RetryPolicy = DEFAULT_POLICY,
        clock: Clock = SYSTEM_CLOCK,
        jitter: random.Random | None = None,
    ) -> None:
        """Wrap `inner`."""
        self.inner = inner
        self.policy = policy
        self.clock = clock
        self.jitter = jitter or random.Random()  # noqa: S311 -- spreads waits, guards nothing

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Ask until there is an answer, an error that stays, or no time."""
        history = _History(self.clock.now())
        listener = _Listener(on_text) if on_text else None
        try:
            while True:
                history.attempts += 1
                try:
                    response = await self._attempt(request, listener, history)
                except CallError as error:
                    history.unsettled_usd += error.unsettled_usd
                    error.unsettled_usd = 0.0  # counted; the whole is put on what is raised
                    wait = self._wait(error, history.attempts)
                    failure = self._final(error, listener, history, wait)
                    if failure is not None:
                        raise failure from (error if failure is not error else None)
                else:
                    return history.finish(response) if history.attempts > 1 else response
                history.waited_s += wait
                await self.clock.sleep(wait)
        except BaseException as error:
            sent = history.attempts - isinstance(error, BudgetError)
            error.attempts = sent  # type: ignore[attr-defined]
            error.unsettled_usd = history.unsettled_usd + getattr(error, "unsettled_usd", 0.0)  # type: ignore[attr-defined]
            raise

    async def _attempt(
        self, request: Request, listener: _Listener | None, history: _History
    ) -> Response:
        left = self._time_left(history)
        if left is None:
            return await self.inner(request, listener)
        try:
            async with asyncio.timeout(max(0.0, left)):
                return await self.inner(request, listener)
        except TimeoutError as error:
            if isinstance(error, CallError):
                raise
            late = DeadlineError(
                f"no answer within {self.policy.deadline_s:g} s",
                hint="raise deadline_s, or ask for a shorter answer",
            )
            late.unsettled_usd = getattr(error.__cause__, "unsettled_usd", 0.0)
        raise late

    def _final(
        self, error: CallError, listener: _Listener | None, history: _History, wait: float
    ) -> CallError | None:
        """Return the error to raise, or None to ask again."""
        if listener and listener.text and error.retryable:
            return InterruptedStreamError(
                f"the stream broke after {len(listener.text)} characters ({error.message})",
                text=listener.text,
                hint="its text so far is in the error's `text`",
            )
        if not error.retryable or isinstance(error, DeadlineError):
            return error
        if not isinstance(error, RateLimitError):
            history.failures += 1
            if history.failures >= self.policy.max_attempts:
                return error
        left = self._time_left(history)
        if left is not None and left <= wait:
            error.add_note(f"gave up after {history.attempts} attempts: the deadline is near")
            return error
        return None

    def _time_left(self, history: _History) -> float | None:
        if self.policy.deadline_s is None:
            return None
        return self.policy.deadline_s - (self.clock.now() - history.started)

    def _wait(self, error: CallError, attempts: int) -> float:
        bound = self.policy.first_wait_s * 2 ** min(attempts - 1, 30)
        jitter = self.jitter.uniform(0.0, min(bound, self.policy.longest_wait_s))
        return jitter + (error.retry_after_s or 0.0)


class _History:
    """What has happened to one call so far."""

    __slots__ = ("attempts", "failures", "started", "unsettled_usd", "waited_s")

    def __init__(self, started: float) -> None:
        self.started = started
        self.attempts = 0
        self.failures = 0
        self.waited_s = 0.0
        self.unsettled_usd = 0.0

    def finish(self, response: Response) -> Response:
        return response.with_log(
            attempts=self.attempts,
            waited_s=response.log.waited_s + self.waited_s,
            unsettled_usd=self.unsettled_usd,
        )


class _Listener:
    """Passes pieces on and remembers them: after the first one a call is not made again."""

    __slots__ = ("_pieces", "on_text")

    def __init__(self, on_text: OnText) -> None:
        self.on_text = on_text
        self._pieces: list[str] = []

    def __call__(self, piece: str) -> None:
        self._pieces.append(piece)
        self.on_text(piece)

    @property
    def text(self) -> str:
        return "".join(self._pieces)
