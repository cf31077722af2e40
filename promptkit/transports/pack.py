"""Requests with equal options that wait together go out as one, and come back as many.

A request waits for company for one turn of the event loop, in which whatever else is ready joins
it; and for as long as an earlier pack of its kind stands before a rate limit, for until then no
time is lost. A request that finds no company goes as it is.

Nothing that is wrong with one of them harms the others. What the server refuses (400, 413, 422)
is cut in halves until the guilty one is alone. What may pass (429, 5xx, a lost connection) is
told to each, with a common jitter, so that the retry layer sends them together again.
"""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from promptkit.errors import (
    CallError,
    OptionError,
    PromptkitError,
    ProtocolError,
    RateLimitError,
    RefusedRequestError,
)
from promptkit.request import Request
from promptkit.response import Response
from promptkit.transport import OnText, Transport
from promptkit.transports.company import Gate, Group, Item, Run, leave
from promptkit.transports.packed import PACKABLE, Pack, unpack

_MOST_BYTES: Final = 100_000
"""Bytes of text in one pack.

At most 100,000 tokens: within the 300,000 that OpenAI's embeddings take in one request, and within
what even a small account may send in a minute.
"""

_DEEPEST: Final = 3
"""After so many halvings without one success the fault is likely in all: each then goes alone."""

_DOUBTS: Final = 2

_jitter = random.Random()  # noqa: S311 -- spreads waits, guards nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How many requests may share one call, by API; 1 is no packing.

    Attributes:
        embeddings: Texts; OpenAI takes 2,048. Where a server takes fewer, that is learned.
        moderations: Texts.
        completions: Answers, `n` for each prompt. Off by default: some servers answer the first
            prompt alone, and models in this process gain nothing.
        max_bytes: Bytes of UTF-8 text.
    """

    embeddings: int = 2_048
    moderations: int = 32
    completions: int = 1
    max_bytes: int = _MOST_BYTES

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in self.__slots__:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise OptionError(f"pack {name}={value!r}", hint="a whole number from 1 on")

    @classmethod
    def coerce(cls, value: Any) -> Packing | None:
        """Read from a profile or an argument: True, False, or a table of fields.

        >>> Packing.coerce({"completions": 8}).completions
        8
        """
        if isinstance(value, Packing) or value is False:
            return value or None
        if value is None or value is True:
            return cls()
        if isinstance(value, Mapping) and set(value) <= set(cls.__slots__):
            return cls(**value)
        hint = f"true, false, or a table with any of {', '.join(cls.__slots__)}"
        raise OptionError(f"pack={value!r}", hint=hint)


class Departures:
    """Stands behind the limits and tells a pack that it has passed them."""

    def __init__(self, inner: Transport) -> None:
        """Wrap the adapter."""
        self.inner = inner

    def __call__(self, request: Request, on_text: OnText | None = None, /) -> Awaitable[Response]:
        """Pass the request on. No coroutine of its own: this is on every request's way."""
        if type(request) is Pack:
            request.departed()
        return self.inner(request, on_text)


class PackLayer:
    """Puts requests together before their limits and takes the answer apart."""

    def __init__(self, inner: Transport, packing: Packing) -> None:
        """Wrap the limits, which must stand before `Departures`."""
        self.inner = inner
        self._most = {api: most for api in PACKABLE if (most := getattr(packing, api)) > 1}
        self._max_bytes = packing.max_bytes
        self._groups: dict[tuple[object, ...], Group] = {}
        self._learned: dict[tuple[str, str, str], int] = {}
        """The most that an endpoint took of an API and model, where it refused more."""
        self._doubts: dict[tuple[str, str, str], int] = {}

    def __call__(self, request: Request, on_text: OnText | None = None, /) -> Awaitable[Response]:
        """Ask, in company where there is some. What cannot be packed pays one look-up."""
        if request.api not in self._most or on_text is not None or _says_its_input(request):
            return self.inner(request, on_text)
        return self._join(request)

    async def _join(self, request: Request) -> Response:
        group = self._group(request)
        item = Item(request, group.loop)
        group.add(item)
        try:
            response = await item.future
        except asyncio.CancelledError as error:
            await leave(group, item, error)
            raise
        if response is not None:
            return response
        gate = item.gate or Gate(group)
        try:
            return await self.inner(Pack.of([request], gate.open), None)
        finally:
            gate.open()

    def _group(self, request: Request) -> Group:
        loop = asyncio.get_running_loop()
        kind = (request.endpoint, request.api, request.model, request.options.digest)
        place = (loop, *kind, request.lane)
        group = self._groups.get(place)
        if group is None:
            most = min(self._most[request.api], self._learned.get(_kind(request), 1 << 30))
            most = max(1, most // (request.options.n or 1))
            group = Group(
                loop,
                most=most,
                max_bytes=self._max_bytes,
                set_off=self._set_off,
                groups=self._groups,
                place=place,
            )
            self._groups[place] = group
        return group

    def _set_off(self, group: Group, items: list[Item], gate: Gate) -> None:
        """Send a pack in a task of its own: it belongs to all who are in it."""
        run = Run(items)
        run.task = group.loop.create_task(self._send(group, run, items, gate))
        run.task.add_done_callback(lambda _: gate.open())  # also when it never began

    async def _send(
        self, group: Group, run: Run, items: list[Item], gate: Gate | None, depth: int = 0
    ) -> bool:
        """Ask for all `items` at once; True when each of them got its answer."""
        gate = gate or Gate(group)
        items = [item for item in items if not item.future.done()]
        try:
            responses = await self._ask(run, items, gate)
        except BaseException as error:
            if len(items) > 1 and _is_refused(error):
                gate.open()
                return await self._halve(group, run, items, depth)
            if isinstance(error, ProtocolError) and len(items) > 1:
                self._doubt(_kind(items[0].request))
            _fail(items, error)
            if not isinstance(error, Exception):
                raise
            return False
        finally:
            gate.open()
        for item, response in zip(items, responses, strict=True):
            if not item.future.done():
                item.future.set_result(response)
            run.has_answers = True
            if self._doubts:
                self._doubts.pop(_kind(item.request), None)
        return True

    async def _ask(self, run: Run, items: list[Item], gate: Gate) -> list[Response]:
        if not items:
            return []
        for item in items:
            item.run, item.gate = run, gate
        pack = Pack.of([item.request for item in items], gate.open)
        return unpack(pack, await self.inner(pack, None))

    async def _halve(self, group: Group, run: Run, items: list[Item], depth: int) -> bool:
        """Find the guilty one in a pack that was refused."""
        middle = len(items) // 2
        parts = [items[:middle], items[middle:]]
        if depth >= _DEEPEST and not run.has_answers:
            parts = [[item] for item in items]
        # Each makes its gate when it begins: one that is cancelled before leaves none behind.
        sends = (self._send(group, run, part, None, depth + 1) for part in parts)
        all_fine = all(await asyncio.gather(*sends))
        if all_fine:  # none was guilty: together they were too many
            kind = _kind(items[0].request)
            self._learned[kind] = min(middle, self._learned.get(kind, middle))
        return all_fine

    def _doubt(self, kind: tuple[str, str, str]) -> None:
        """Stop packing after two unreadable answers in a row: some servers take no lists."""
        self._doubts[kind] = self._doubts.get(kind, 0) + 1
        if self._doubts[kind] >= _DOUBTS:
            self._learned[kind] = 1


def _kind(request: Request) -> tuple[str, str, str]:
    return (request.endpoint, request.api, request.model)


def _is_refused(error: BaseException) -> bool:
    """Whether fewer texts may be taken where these were not.

    OpenAI says with a 429, and «Request too large», that a request is above the minute's tokens:
    to wait would be in vain.
    """
    if isinstance(error, RateLimitError):
        return "too large" in error.message.lower()
    return isinstance(error, RefusedRequestError)


def _says_its_input(request: Request) -> bool:
    """Whether `extra` replaces the very field that a pack would fill."""
    extra = request.options.extra
    return extra is not None and ('"input"' in extra or '"prompt"' in extra)


def _fail(items: list[Item], error: BaseException) -> None:
    """Give each its own copy of an error: the layers above write into it."""
    common = _jitter.random()
    for item in items:
        if item.future.done():
            continue
        own = error
        if isinstance(error, PromptkitError):
            own = copy.copy(error)
            own.__traceback__ = error.__traceback__
            if isinstance(own, CallError) and len(items) > 1:
                own.jitter = common
        if isinstance(own, asyncio.CancelledError):
            item.future.cancel()
        else:
            item.future.set_exception(own)
