"""A circuit breaker: who fails again and again is left alone for a while, then tried once.

    closed → open after some failures in a row, or too large a share of the latest calls
    open → half-open when its time is over: one call goes through as a probe
    half-open → closed when the probe is answered, open for twice as long when it is not

(Nygard, «Release It!», 2nd edition, 2018, chapter 5.) Two other things close the door from
outside: a 429 holds it for as long as the server asked, and a key that is refused takes the
target out for a minute at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from promptkit.errors import CallError, OptionError

_LONGEST_HOLD_S: Final = 60.0
"""One answer closes the door no longer than this, whatever it asks for: it may be wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a target is left alone, and for how long.

    Attributes:
        failures: This many in a row open the breaker.
        share: So does this share of the latest `window` calls.
        window: Calls that the share is taken of; at most 64.
        open_s: Seconds until the first probe; doubled with each probe that fails.
        longest_open_s: Doubled no further than this.
        out_s: Seconds until a probe after a refused key, used-up credit or a missing model.
    """

    failures: int = 5
    share: float = 0.5
    window: int = 20
    open_s: float = 5.0
    longest_open_s: float = 60.0
    out_s: float = 60.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        fine = self.failures >= 1 and 0 < self.share <= 1 and 1 <= self.window <= 64  # noqa: PLR2004
        if not fine or not 0 < self.open_s <= self.longest_open_s or self.out_s <= 0:
            hint = "failures and seconds above 0, a share from 0 to 1, a window up to 64"
            raise OptionError(f"{self}", hint=hint)


DEFAULT_BREAKER: Final = BreakerPolicy()


class Breaker:
    """The state of one target.

    Attributes:
        held_until: Until when a 429 keeps the door shut, on the clock of the caller.
        open_until: When the next probe may go; None while the breaker is closed.
        kind: What went wrong last: the error's class, and in `reason` and `hint` its words. The
            error itself is not kept, because its traceback would keep the call's frames alive.
    """

    __slots__ = (
        "_calls",
        "_common",
        "_open_s",
        "_outcomes",
        "_row",
        "held_until",
        "hint",
        "kind",
        "open_until",
        "policy",
        "probing",
        "reason",
    )

    def __init__(self, policy: BreakerPolicy = DEFAULT_BREAKER) -> None:
        """Begin closed."""
        self.policy = policy
        self.held_until = 0.0
        self.open_until: float | None = None
        self.probing = False
        self.kind: type[CallError] | None = None
        self.reason = self.hint = ""
        self._common: float | None = None
        self._row = 0
        self._outcomes = 0  # one bit per call, the newest lowest, 1 for a failure
        self._calls = 0
        self._open_s = policy.open_s

    def admits(self, now: float) -> bool:
        """Whether a call may go there now."""
        if self.held_until > now:
            return False
        return self.open_until is None or (not self.probing and self.open_until <= now)

    def enter(self) -> bool:
        """Count a call as sent; True when it is the probe that decides."""
        if self.open_until is None:
            return False
        self.probing = True
        return True

    def leave(self, *, is_probe: bool) -> None:
        """Say that a call ended without telling anything, because it was cancelled."""
        if is_probe:
            self.probing = False

    def succeed(self, *, is_probe: bool) -> None:
        """Say that a call was answered."""
        if is_probe:
            self.probing = False
            self.open_until = None
            self._open_s = self.policy.open_s
            self._outcomes = self._calls = 0
        elif self.open_until is not None:
            return  # sent before it opened: the probe decides
        self._row = 0
        self._note(0)

    def fail(self, error: CallError, now: float, *, is_probe: bool) -> None:
        """Say that a call failed."""
        self._keep(error)
        if is_probe:
            self.probing = False
            self._open_s = min(2 * self._open_s, self.policy.longest_open_s)
            self.open_until = now + self._open_s
            return
        # The failure of a pack is told to each request in it, with a jitter that marks them.
        is_told = error.jitter is not None and error.jitter == self._common
        self._common = error.jitter
        if self.open_until is not None or is_told:
            return
        self._row += 1
        self._note(1)
        policy = self.policy
        # By share only when the window is full: one failure of two calls says little.
        by_share = (
            self._calls >= policy.window
            and self._outcomes.bit_count() >= policy.share * policy.window
        )
        if self._row >= policy.failures or by_share:
            self.open_until = now + self._open_s

    def hold(self, error: CallError, seconds: float, now: float, *, is_probe: bool) -> None:
        """Close the door for some seconds, because the server said so."""
        self._keep(error)
        self.held_until = max(self.held_until, now + min(seconds, _LONGEST_HOLD_S))
        self.succeed(is_probe=is_probe)  # whoever says «too fast» is at work

    def take_out(self, error: CallError, now: float) -> None:
        """Open at once and for longer: the key or model is refused, which time seldom heals."""
        self._keep(error)
        self.probing = False
        self.open_until = now + self.policy.out_s

    def opens_in(self, now: float) -> float:
        """Return the seconds until a call may go there."""
        return max(0.0, self.held_until - now, (self.open_until or 0.0) - now)

    def _keep(self, error: CallError) -> None:
        self.kind, self.reason, self.hint = type(error), error.message, error.hint

    def _note(self, bit: int) -> None:
        self._outcomes = (self._outcomes << 1 | bit) & ((1 << self.policy.window) - 1)
        self._calls += 1
