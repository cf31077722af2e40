"""One request, one answer: equal requests share what one of them brought.

A request that was answered before is answered from the store, at no cost. Equal requests that are
under way at the same time wait for one of them («single flight»). It belongs to nobody: when the
first asker is cancelled, the others still get their answer; when all are, it is cancelled too.
Requests that differ in `sample` are not equal. A request can ask for another use of the cache,
see `Request.cache`.
"""

from __future__ import annotations

import asyncio
import copy
import warnings
from collections.abc import Sequence
from dataclasses import replace

from promptkit.errors import PromptkitError
from promptkit.request import Request
from promptkit.response import Response
from promptkit.transport import OnText, Transport
from promptkit.transports.store import FROM_CACHE, CacheWarning, Keeps, MemoryStore, Store

__all__ = ["CacheLayer", "CacheWarning", "MemoryStore", "Store"]

_Place = tuple[int, bytes]
"""An event loop and a key: a flight cannot be waited for from another loop."""


class CacheLayer:
    """Answers from the store, joins equal requests under way, and keeps new answers."""

    def __init__(self, inner: Transport, store: Store, keeps: Keeps | None = None) -> None:
        """Wrap `inner`; what `keeps` says no to is answered, and not kept."""
        self.inner = inner
        self.store = store
        self.keeps = keeps
        # A store that can do without a future for each answer saves a turn of the loop for each.
        self._keep = getattr(store, "keep", None)
        self._flights: dict[_Place, _Flight] = {}

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Answer from the store, from a flight under way, or from a new one."""
        if request.cache == "use":
            found = self.store.get(request)
            if found is not None:
                if on_text is not None and found.text:
                    on_text(found.text)
                return found if found.log is FROM_CACHE else replace(found, log=FROM_CACHE)
        elif request.cache == "off":
            return await self.inner(request, on_text)
        loop = asyncio.get_running_loop()
        place = (id(loop), request.key)
        flight = self._flights.get(place)
        if flight is None or flight.abandoned:
            flight = self._flights[place] = _Flight(self._flights, place)
            flight.task = loop.create_task(self._fly(flight, request))
        return await flight.join(loop, on_text)

    async def _fly(self, flight: _Flight, request: Request) -> None:
        try:
            # The first asker has joined by now: a task starts in the loop's next turn.
            response = await self.inner(request, flight.hear if flight.listeners else None)
            flight.response = response
            if self.keeps is not None and not self.keeps(request, response):
                flight.land(None)
                return
            try:
                if self._keep is not None:
                    self._keep(request, response, flight.land)
                    return
                await self.store.put(request, response)
            except (OSError, PromptkitError) as error:
                flight.land(error)
            else:
                flight.land(None)
        except BaseException as error:
            flight.error = error
            flight.notes = list(getattr(error, "__notes__", ()))
            flight.land(None)
            if not isinstance(error, (Exception, asyncio.CancelledError)):
                raise  # an interrupt is the loop's business too; the rest is told to the askers


def _warn(error: Exception) -> None:
    text = f"promptkit: answers are not being cached ({error})"
    warnings.warn(text, CacheWarning, stacklevel=3)


class _Flight:
    """One request under way and all who wait for it.

    A task of its own, with a plain future for each asker: `asyncio.shield` would do the same for
    three times the time.
    """

    # What most flights never change is the class's: making one takes no more than its lists.
    task: asyncio.Task[None]
    response: Response | None = None
    error: BaseException | None = None
    not_kept: Exception | None = None
    notes: Sequence[str] = ()
    listeners: Sequence[OnText] = ()
    said: list[str] | tuple[()] = ()
    waiting = 0
    abandoned = False  # everybody has left, nobody may join any more
    reported = False  # whether an asker has put this flight's cost on the bill

    def __init__(self, flights: dict[_Place, _Flight], place: _Place) -> None:
        self.flights = flights
        self.place = place
        self.askers: list[asyncio.Future[None]] = []

    def land(self, not_kept: Exception | None) -> None:
        """Tell all askers: the answer is on disk or could not be kept, or there is none."""
        if self.flights.get(self.place) is self:
            del self.flights[self.place]
        for asker in self.askers:
            if not asker.done():
                asker.set_result(None)
        self.not_kept = not_kept

    def hear(self, piece: str) -> None:
        """Hand a piece of text to all who listen."""
        if isinstance(self.said, tuple):
            self.said = []
        self.said.append(piece)
        for listener in self.listeners:
            listener(piece)

    async def join(self, loop: asyncio.AbstractEventLoop, on_text: OnText | None) -> Response:
        """Wait for the answer. The first who returns reports what it cost."""
        asker = loop.create_future()
        self.askers.append(asker)
        self.waiting += 1
        if on_text is not None:
            self._listen(on_text)
        try:
            await asker
        except asyncio.CancelledError as cancelled:
            self.waiting -= 1
            if not self.waiting:
                await self._leave(cancelled)
            raise
        finally:
            if on_text is not None:
                self._unlisten(on_text)
        self.waiting -= 1
        if self.error is not None:
            raise self._own_copy(self.error) from None
        response = self.response
        if response is None:  # the loop is being closed
            raise asyncio.CancelledError
        if on_text is not None and not self.said and response.text:
            on_text(response.text)
        if self.reported:
            return response.with_log(
                source="joined", attempts=0, latency_s=0.0, waited_s=0.0, unsettled_usd=0.0
            )
        self.reported = True
        if self.not_kept is not None:
            _warn(self.not_kept)
        return response

    def _listen(self, on_text: OnText) -> None:
        for piece in self.said:
            on_text(piece)
        self.listeners = (*self.listeners, on_text)

    def _unlisten(self, on_text: OnText) -> None:
        rest = list(self.listeners)
        rest.remove(on_text)
        self.listeners = rest

    async def _leave(self, cancelled: asyncio.CancelledError) -> None:
        """Go as the last asker: end the request, and let the cancellation tell what it cost.

        An answer that is there already has been paid for: it is still kept.
        """
        if self.response is None and not self.task.done():
            self.abandoned = True
            self.task.cancel()
            await asyncio.wait([self.task])
        if self.reported:
            return
        self.reported = True
        attempts, unsettled_usd = _account(self.response, self.error)
        cancelled.attempts = attempts  # type: ignore[attr-defined]  # read by the session
        cancelled.unsettled_usd = unsettled_usd  # type: ignore[attr-defined]  # likewise

    def _own_copy(self, error: BaseException) -> BaseException:
        """Return the error for one asker: notes are its own, its cost is reported once."""
        if not self.reported:
            self.reported = True
            return error
        if not isinstance(error, PromptkitError):
            return error
        own = copy.copy(error)
        own.__traceback__ = error.__traceback__
        own.__notes__ = list(self.notes)
        own.attempts, own.unsettled_usd = 0, 0.0
        return own


def _account(response: Response | None, error: BaseException | None) -> tuple[int, float]:
    """Return how often a request was sent, and the most that nobody's bill holds of it yet."""
    if response is not None:
        return response.log.attempts, response.log.unsettled_usd + (response.cost_usd or 0.0)
    return getattr(error, "attempts", 0), getattr(error, "unsettled_usd", 0.0)
