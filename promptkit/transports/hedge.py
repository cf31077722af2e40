"""Asks a second time when an answer is late; the first answer wins (off by default).

A few slow answers make a whole run slow. When a call takes longer than nearly all the latest ones
did, a copy of it is sent, to another route where there is one, and whoever answers first is heard
(Dean and Barroso, «The Tail at Scale», CACM 56(2), 2013). The other is cancelled. What it may
cost all the same is counted as unsettled. Copies are bounded by a share of the calls, so that a
server that is slow because it is busy does not get twice the work. A copy that the budget refuses
or makes wait is no failure of the call.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from promptkit.errors import BudgetError, CallError, OptionError
from promptkit.request import Request
from promptkit.response import Response
from promptkit.transport import OnText, Transport

_WINDOW: Final = 256
"""Latest calls that the quantile is taken of."""

_FRESH: Final = 16
"""It is worked out anew after this many."""

_BURST: Final = 10.0
"""Copies that may have been saved up."""

_WEIGHT: Final = 0.05
"""How much the newest call moves the share of time spent waiting for limits."""

_MOSTLY: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """When a second copy of a call is sent.

    Attributes:
        after_quantile: When it has taken longer than this share of the latest calls.
        after_s: When it has taken so many seconds; the quantile is then not used.
        min_samples: Calls to learn from before the quantile is trusted.
        max_share: Copies sent at most, as a share of the calls.
    """

    after_quantile: float = 0.95
    after_s: float | None = None
    min_samples: int = 50
    max_share: float = 0.05

    def __post_init__(self) -> None:
        """Check the numbers."""
        fine = 0 < self.after_quantile < 1 and 0 < self.max_share <= 1
        if not fine or not 1 <= self.min_samples <= _WINDOW or (self.after_s or 0.0) < 0:
            hint = f"quantile and share between 0 and 1, min_samples from 1 to {_WINDOW}"
            raise OptionError(f"{self}", hint=hint)

    @classmethod
    def coerce(cls, value: Any) -> Hedge | None:
        """Read a hedge: True for the defaults, a number of seconds, or a table of fields.

        >>> Hedge.coerce(2).after_s
        2.0
        """
        if value is None or value is False or isinstance(value, Hedge):
            return value or None
        if value is True:
            return cls()
        if isinstance(value, (int, float)):
            return cls(after_s=float(value))
        if isinstance(value, Mapping) and set(value) <= set(cls.__slots__):
            return cls(**value)
        hint = f"true, seconds, or a table with any of {', '.join(cls.__slots__)}"
        raise OptionError(f"hedge={value!r}", hint=hint)


class HedgeLayer:
    """Sends a copy of a call that takes too long."""

    def __init__(self, inner: Transport, hedge: Hedge) -> None:
        """Wrap `inner`."""
        self.inner = inner
        self.hedge = hedge
        self._latencies: dict[tuple[str, str, str], _Latencies] = {}
        self._allowance = 0.0

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Ask, and ask again when it takes too long. Streams are asked once."""
        self._allowance = min(self._allowance + self.hedge.max_share, _BURST)
        owner = asyncio.current_task()
        if on_text is not None or owner is None:
            return await self.inner(request, on_text)
        place = (request.endpoint, request.model, request.api)
        latencies = self._latencies.get(place)
        if latencies is None:
            latencies = self._latencies[place] = _Latencies(self.hedge)
        loop = asyncio.get_running_loop()
        started = loop.time()
        after = latencies.late_s
        if after is None:
            response = await self.inner(request, None)
        else:
            response = await _Race(self, request, owner).run(loop, after)
        latencies.learn(loop.time() - started, response.log.waited_s)
        return response

    def allows(self) -> bool:
        """Take one copy from what the share allows."""
        # Sums of shares are a little off: twenty times 0.05 must be 1.
        if self._allowance < 1.0 - 1e-9:
            return False
        self._allowance -= 1.0
        return True


class _Latencies:
    """The latest latencies of one endpoint and model, and from when on a call is late."""

    __slots__ = ("_count", "_hedge", "_quantile_s", "_seconds", "_waiting")

    def __init__(self, hedge: Hedge) -> None:
        self._hedge = hedge
        self._seconds: deque[float] = deque(maxlen=_WINDOW)
        self._count = 0
        self._quantile_s: float | None = None
        self._waiting = 0.0

    @property
    def late_s(self) -> float | None:
        """After how many seconds to send a copy; None for not at all."""
        if self._waiting > _MOSTLY:
            return None  # a rate limit is what takes the time: the copy would wait there too
        return self._quantile_s if self._hedge.after_s is None else self._hedge.after_s

    def learn(self, seconds: float, waited_s: float) -> None:
        """Take note of a call.

        Where a copy won, `seconds` is less than the first one would have taken, but more than the
        quantile: so the quantile stays where it is.
        """
        self._waiting += _WEIGHT * (min(waited_s, seconds) / (seconds or 1.0) - self._waiting)
        self._seconds.append(seconds)
        self._count += 1
        # A full window is sorted for every sixteenth call: well below a microsecond for each.
        if self._count >= self._hedge.min_samples and (
            self._quantile_s is None or self._count % _FRESH == 0
        ):
            ordered = sorted(self._seconds)
            self._quantile_s = ordered[int(self._hedge.after_quantile * len(ordered))]


class _Race:
    """One call and its copy.

    The first one runs in the caller's own task, and only the copy gets one of its own, because
    nearly all calls need none. A copy that wins interrupts the caller's task as `asyncio.timeout`
    does, with `cancel` and `uncancel`.
    """

    __slots__ = ("ended", "error", "interrupts", "layer", "owner", "request", "response", "second")

    def __init__(self, layer: HedgeLayer, request: Request, owner: asyncio.Task[Any]) -> None:
        self.layer = layer
        self.request = request
        self.owner = owner
        self.second: asyncio.Task[None] | None = None
        self.response: Response | None = None
        self.error: BaseException | None = None
        self.ended = False
        self.interrupts = False

    async def run(self, loop: asyncio.AbstractEventLoop, after: float) -> Response:
        """Return the first answer."""
        cancelling = self.owner.cancelling()
        timer = loop.call_later(after, self._start)
        try:
            response = await self.layer.inner(self.request, None)
        except asyncio.CancelledError as error:
            if self.interrupts and self.owner.uncancel() <= cancelling and self.response:
                return self._won(self.response, error)
            await self._drop(error)
            raise
        except CallError as error:
            if self.interrupts:  # it failed at the very moment it was interrupted
                self.owner.uncancel()
            elif self.second is not None and error.retryable:
                await self._second_ends(self.second, error)
            if self.response is not None:
                return self._won(self.response, error)
            await self._drop(error)
            raise
        except BaseException as error:
            await self._drop(error)
            raise
        finally:
            self.ended = True
            timer.cancel()
        if self.interrupts:
            self.owner.uncancel()
        if self.second is None:
            return response
        lost = asyncio.CancelledError()
        await self._drop(lost)
        return self._won(response, lost)

    def _start(self) -> None:
        """Send the copy, now that the first one is late."""
        if not self.ended and self.layer.allows():
            self.second = asyncio.get_running_loop().create_task(self._copy())

    async def _copy(self) -> None:
        try:
            self.response = await self.layer.inner(self.request, None)
        except BaseException as error:  # noqa: BLE001 -- the first one goes on
            self.error = error
            return
        if not self.ended:
            self.ended = self.interrupts = True
            self.owner.cancel()

    async def _second_ends(self, second: asyncio.Task[None], failure: CallError) -> None:
        """Wait for the copy after the first one has failed."""
        self.ended = True
        try:
            await asyncio.wait([second])
        except asyncio.CancelledError as error:
            _add(error, failure)
            await self._drop(error)
            raise

    async def _drop(self, account: BaseException) -> None:
        """End the copy and put what it may cost on `account`."""
        self.ended = True
        if self.second is None:
            return
        if not self.second.done():
            self.second.cancel()
            await asyncio.wait([self.second])
        if self.error is not None:
            _add(account, self.error)
        if self.response is not None:  # paid and not wanted
            _add_usd(account, self.response.cost_usd or 0.0)

    def _won(self, response: Response, lost: BaseException) -> Response:
        """Write into the log that there were two, and what the one that lost may cost."""
        unsent = isinstance(self.error, BudgetError) or getattr(self.error, "unsent", False)
        return response.with_log(
            hedged=not unsent,
            attempts=response.log.attempts + (not unsent),
            unsettled_usd=response.log.unsettled_usd + getattr(lost, "unsettled_usd", 0.0),
        )


def _add(account: BaseException, error: BaseException) -> None:
    _add_usd(account, getattr(error, "unsettled_usd", 0.0))


def _add_usd(account: BaseException, usd: float) -> None:
    if usd:
        account.unsettled_usd = getattr(account, "unsettled_usd", 0.0) + usd  # type: ignore[attr-defined]
