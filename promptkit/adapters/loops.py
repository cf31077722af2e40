"""One client per event loop, closed with its loop; and the fastest loop there is.

A client's connections belong to the loop that opened them. A notebook, a test and `asyncio.run`
each bring a loop of their own, so an adapter keeps one client for each.
"""

from __future__ import annotations

import asyncio
import atexit
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_Guard = AsyncGenerator[None, None]
_Latest = tuple[T | None, Callable[[], asyncio.AbstractEventLoop | None]]
_Table = weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Any, _Guard]]


class PerLoop(Generic[T]):
    """Makes a client for each event loop that asks, and closes it when its loop shuts down."""

    def __init__(
        self,
        make: Callable[[], T],
        close: Callable[[T], Awaitable[None]],
        abandon: Callable[[T], None],
    ) -> None:
        """Prepare; nothing is made yet.

        Args:
            make: Makes a client, in its loop.
            close: Closes one, in its loop.
            abandon: Drops one whose loop will not run again, without a word.
        """
        self._make = make
        self._close = close
        self._abandon = abandon
        self._table: _Table = weakref.WeakKeyDictionary()
        self._latest: _Latest[T] = (None, _no_loop)
        weakref.finalize(self, _drop_idle, self._table, abandon).atexit = False
        _everyone.add(self)

    def made_here(self) -> T | None:
        """Return the running loop's client if it was the last one asked for; None to ask `here`.

        Most programs have one loop, and each microsecond of a request counts.
        """
        client, loop = self._latest  # one tuple, read at once: another thread may change it
        return client if loop() is asyncio.get_running_loop() else None

    async def here(self) -> T:
        """Return the running loop's client."""
        loop = asyncio.get_running_loop()
        held = self._table.get(loop)
        if held is None:
            for closed in [other for other in self._table if other.is_closed()]:
                self._abandon(self._table.pop(closed)[0])
            client = self._make()
            guard = _close_with_loop(self._close, client)
            held = self._table[loop] = (client, guard)
            # The first step tells the loop of the guard; it does not wait.
            await anext(guard)
        client_here: T = held[0]
        self._latest = (client_here, weakref.ref(loop))
        return client_here

    async def aclose(self) -> None:
        """Close the running loop's client; those of other loops close with their loops."""
        self._latest = (None, _no_loop)
        held = self._table.pop(asyncio.get_running_loop(), None)
        if held is not None:
            async with aclosing(held[1]):
                pass


def fastest_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop: uvloop's where it is installed, else asyncio's own.

    It is for loops that promptkit itself starts; the loop of a user's program is theirs to choose.
    """
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _no_loop() -> None:
    return None


async def _close_with_loop(close: Callable[[T], Awaitable[None]], client: T) -> _Guard:
    """Close `client` when its loop shuts down: a loop closes its async generators first.

    It also runs when its owner is forgotten while the loop lives on.
    """
    try:
        yield
    finally:
        await close(client)


def _drop_idle(table: _Table, abandon: Callable[[Any], None]) -> None:
    """Drop the clients of loops that do not run; the guards of the others close theirs."""
    for loop, (client, _) in list(table.items()):
        if not loop.is_running():
            abandon(client)


_everyone: Final[weakref.WeakSet[PerLoop[Any]]] = weakref.WeakSet()


@atexit.register
def _drop_all() -> None:
    for owner in list(_everyone):
        for client, _ in list(owner._table.values()):  # noqa: SLF001
            owner._abandon(client)  # noqa: SLF001
