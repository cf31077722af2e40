"""One request, one answer: equal requests share what one of them brought.

A request that was answered before is answered from the store, at no cost. Equal requests that are
under way at the same time wait for one of them («single flight»). It belongs to nobody: when the
first asker is cancelled, the others still get their answer; when all are, it is cancelled too.
Requests that differ in `sample` are not equal.
"""

from __future__ import annotations

import asyncio
import copy
import warnings
from collections import OrderedDict
from dataclasses import replace
from typing import Final, Protocol

from promptkit.errors import PromptkitError
from promptkit.request import Request
from promptkit.response import CallLog, Response
from promptkit.transport import OnText, Transport


class Store(Protocol):
    """Keeps responses by key."""

    def get(self, key: bytes) -> Response | None:
        """Return what is kept under `key`."""
        ...

    async def put(self, key: bytes, response: Response) -> None:
        """Keep `response`; when this returns, it survives the process."""
        ...

    async def aclose(self) -> None:
        """Close files."""
        ...


class MemoryStore:
    """Keeps the latest responses in this process."""

    def __init__(self, max_entries: int = 100_000) -> None:
        """Keep at most `max_entries`."""
        self._entries: OrderedDict[bytes, Response] = OrderedDict()
        self._max_entries = max_entries

    def get(self, key: bytes) -> Response | None:
        """Return what is kept under `key`."""
        return self._entries.get(key)

    async def put(self, key: bytes, response: Response) -> None:
        """Keep `response`, dropping the oldest beyond the bound."""
        self._entries[key] = response
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    async def aclose(self) -> None:
        """Do nothing: there is no file."""


_FROM_CACHE: Final = CallLog(source="cache", attempts=0)


class CacheWarning(UserWarning):
    """Answers cannot be kept, for example because the disk is full. They are still returned."""


class CacheLayer:
    """Answers from the store, joins equal requests under way, and keeps new answers."""

    def __init__(self, inner: Transport, store: Store) -> None:
        """Wrap `inner`."""
        self.inner = inner
        self.store = store
        self._flights: dict[tuple[int, bytes], _Flight] = {}

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Answer from the store, from a flight under way, or from a new one."""
        found = self.store.get(request.key)
        if found is not None:
            if on_text and found.text:
                on_text(found.text)
            return replace(found, log=_FROM_CACHE)
        place = (id(asyncio.get_running_loop()), request.key)
        flight = self._flights.get(place)
        if flight is None or flight.abandoned:
            flight = self._flights[place] = _Flight()
            flight.task = asyncio.create_task(self._fly(flight, request, place))
        return await flight.join(on_text)

    async def _fly(self, flight: _Flight, request: Request, place: tuple[int, bytes]) -> Response:
        try:
            # The first asker has joined by now: a task starts in the loop's next turn.
            response = await self.inner(request, flight.hear if flight.listeners else None)
            await self._keep(request.key, response)
        except BaseException as error:
            flight.error = error
            flight.notes = list(getattr(error, "__notes__", ()))
            raise
        finally:
            if self._flights.get(place) is flight:
                del self._flights[place]
        return response

    async def _keep(self, key: bytes, response: Response) -> None:
        try:
            await self.store.put(key, response)
        except (OSError, PromptkitError) as error:
            text = f"promptkit: answers are not being cached ({error})"
            warnings.warn(text, CacheWarning, stacklevel=2)


class _Flight:
    """One request under way and all who wait for it."""

    __slots__ = ("abandoned", "error", "listeners", "notes", "reported", "said", "task", "waiting")

    task: asyncio.Task[Response]

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.notes: list[str] = []
        self.listeners: list[OnText] = []
        self.said: list[str] = []
        self.waiting = 0
        self.abandoned = False  # everybody has left, nobody may join any more
        self.reported = False  # whether an asker has put this flight's cost on the bill

    def hear(self, piece: str) -> None:
        """Hand a piece of text to all who listen."""
        self.said.append(piece)
        for listener in self.listeners:
            listener(piece)

    async def join(self, on_text: OnText | None) -> Response:
        """Wait for the answer. The first who returns reports what it cost."""
        heard_from_start = not self.task.done()
        if on_text:
            for piece in self.said:
                on_text(piece)
            self.listeners.append(on_text)
        self.waiting += 1
        try:
            response = await asyncio.shield(self.task)
        except asyncio.CancelledError as error:
            self.waiting -= 1
            if not self.waiting and not self.task.done():
                self.abandoned = True
                self.task.cancel()
                await asyncio.wait([self.task])
            if self.task.done() and not self.reported:
                self.reported = True
                _copy_account(self.error, error)
            raise
        except BaseException as error:  # noqa: BLE001 -- a copy of it is raised
            self.waiting -= 1
            raise self._own_copy(error) from None
        finally:
            if on_text:
                self.listeners.remove(on_text)
        self.waiting -= 1
        if on_text and heard_from_start and not self.said and response.text:
            on_text(response.text)
        if self.reported:
            return response.with_log(
                source="joined", attempts=0, latency_s=0.0, waited_s=0.0, unsettled_usd=0.0
            )
        self.reported = True
        return response

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


def _copy_account(source: BaseException | None, target: BaseException) -> None:
    """Let a cancellation tell what the cancelled request may have cost."""
    for name in ("attempts", "unsettled_usd"):
        setattr(target, name, getattr(source, name, 0))
