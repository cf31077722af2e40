"""The one place where a request is sent again.

Which errors are worth it is written in `errors`. Waits are «full jitter»: a random time below an
exponential bound, so that clients who failed together do not come back together (Brooker,
«Exponential Backoff And Jitter», AWS Architecture Blog, 2015). A server's Retry-After is obeyed,
with jitter on top for the same reason.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from promptkit.clock import SYSTEM_CLOCK, Clock
from promptkit.deadline import Deadline
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
            Without an end a server's Retry-After is obeyed for 60 seconds at a time.
        first_wait_s: Bound of the first wait; it doubles with each further failure.
        longest_wait_s: The bound grows no further than this.
    """

    max_attempts: int = 6
    deadline_s: float | None = 600.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        numbers = (
            self.max_attempts,
            self.deadline_s or 1.0,
            self.first_wait_s,
            self.longest_wait_s,
        )
        if not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in numbers):
            raise OptionError(f"{self}", hint="all of these are numbers")
        if self.max_attempts < 1 or (self.deadline_s is not None and self.deadline_s <= 0):
            raise OptionError(f"{self}", hint="max_attempts and deadline_s are above 0")
        if self.first_wait_s < 0 or self.longest_wait_s < 0:
            raise OptionError(f"{self}", hint="waits are 0 s or more")


DEFAULT_POLICY: Final = RetryPolicy()

_LONGEST_ASKED_S: Final = 60.0
"""The longest that a server's Retry-After is obeyed where no deadline bounds it: then it is asked
again, so that an absurd number does not hold a call for ever."""


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
        history = _History(self.clock.now(), self.policy.deadline_s)
        listener = _Listener(on_text) if on_text else None
        try:
            while True:
                history.attempts += 1
                try:
                    if history.deadline_s is None:
                        response = await self.inner(request, listener)
                    else:
                        with Deadline(history.time_left(self.clock.now())):
                            response = await self.inner(request, listener)
                except CallError as error:
                    failure = error
                except TimeoutError as error:
                    raise self._late(error) from None
                else:
                    return history.finish(response) if history.attempts > 1 else response
                await self._stand(failure, listener, history)
        except BaseException as error:
            unsent = isinstance(error, BudgetError) or getattr(error, "unsent", False)
            sent = history.attempts - unsent
            error.attempts = sent  # type: ignore[attr-defined]
            error.unsettled_usd = history.unsettled_usd + getattr(error, "unsettled_usd", 0.0)  # type: ignore[attr-defined]
            raise

    async def _stand(self, error: CallError, listener: _Listener | None, history: _History) -> None:
        """Wait before the next attempt, or raise when there is to be none."""
        history.unsettled_usd += error.unsettled_usd
        error.unsettled_usd = 0.0  # counted; the whole is put on what is raised
        wait = self._wait(error, history.attempts)
        failure = self._final(error, listener, history, wait)
        if failure is not None:
            raise failure from (error if failure is not error else None)
        history.waited_s += wait
        await self.clock.sleep(wait)

    def _late(self, error: TimeoutError) -> DeadlineError:
        """Return the error for a call that took too long, sent or not."""
        cause = error.__cause__
        if getattr(cause, "unsent", False):
            late = DeadlineError(
                f"not sent within {self.policy.deadline_s:g} s: it waited for a limit or a budget",
                hint="raise deadline_s, or ask fewer at once",
            )
            late.billed, late.unsent = False, True  # type: ignore[attr-defined]  # read below
            return late
        late = DeadlineError(
            f"no answer within {self.policy.deadline_s:g} s",
            hint="raise deadline_s, or ask for a shorter answer",
        )
        late.unsettled_usd = getattr(cause, "unsettled_usd", 0.0)
        return late

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
        if error.elsewhere:  # another route is no repetition: each is tried once at most
            return None if history.time_left(self.clock.now()) > 0 else error
        if not error.retryable or isinstance(error, DeadlineError):
            return error
        if not isinstance(error, RateLimitError):
            history.failures += 1
            if history.failures >= self.policy.max_attempts:
                return error
        if history.time_left(self.clock.now()) <= wait:
            error.add_note(f"gave up after {history.attempts} attempts: the deadline is near")
            return error
        return None

    def _wait(self, error: CallError, attempts: int) -> float:
        if error.elsewhere:
            return 0.0
        bound = self.policy.first_wait_s * 2 ** min(attempts - 1, 30)
        share = self.jitter.random() if error.jitter is None else error.jitter
        jitter: float = share * min(bound, self.policy.longest_wait_s)
        asked = max(0.0, error.retry_after_s or 0.0)
        if self.policy.deadline_s is None:
            asked = min(asked, _LONGEST_ASKED_S)
        return jitter + asked


class _History:
    """What has happened to one call so far."""

    __slots__ = ("attempts", "deadline_s", "failures", "started", "unsettled_usd", "waited_s")

    def __init__(self, started: float, deadline_s: float | None) -> None:
        self.started = started
        self.deadline_s = deadline_s
        self.attempts = 0
        self.failures = 0
        self.waited_s = 0.0
        self.unsettled_usd = 0.0

    def time_left(self, now: float) -> float:
        if self.deadline_s is None:
            return float("inf")
        return max(0.0, self.deadline_s - (now - self.started))

    def finish(self, response: Response) -> Response:
        return response.with_log(
            attempts=response.log.attempts + self.attempts - 1,
            waited_s=response.log.waited_s + self.waited_s,
            unsettled_usd=response.log.unsettled_usd + self.unsettled_usd,
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
