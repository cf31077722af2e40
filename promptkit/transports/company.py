"""Where requests of one kind wait for company: the bookkeeping of the pack layer.

All of it belongs to one event loop, so nothing here is locked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from promptkit.request import Request
from promptkit.response import Response


class Item:
    """A request that waits, and its answer; None for an answer says «go alone»."""

    __slots__ = ("future", "gate", "request", "run", "size")

    def __init__(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to wait."""
        self.request = request
        self.size = sum(len(m.text.encode("utf-8", "replace")) for m in request.messages)
        self.future: asyncio.Future[Response | None] = loop.create_future()
        self.gate: Gate | None = None
        self.run: Run | None = None


class Run:
    """A pack under way."""

    __slots__ = ("has_answers", "items", "task")

    def __init__(self, items: list[Item]) -> None:
        """Take the items on board."""
        self.items = items
        self.has_answers = False
        self.task: asyncio.Task[bool] | None = None
        for item in items:
            item.run = self


class Gate:
    """A pack's way through the limits of its endpoint."""

    __slots__ = ("group", "is_open")

    def __init__(self, group: Group) -> None:
        """Stand before it."""
        self.group = group
        self.is_open = False
        group.standing += 1

    def open(self) -> None:
        """Say that the pack has passed, or never will; further calls say nothing."""
        if not self.is_open:
            self.is_open = True
            self.group.standing -= 1
            self.group.move_on()


class Group:
    """Requests of one kind.

    Attributes:
        standing: How many packs of this kind stand before the limits.
        waiting: Who will be in the next one.
    """

    __slots__ = (
        "_groups",
        "_max_bytes",
        "_most",
        "_place",
        "_scheduled",
        "_set_off",
        "_size",
        "loop",
        "standing",
        "waiting",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        most: int,
        max_bytes: int,
        set_off: Callable[[Group, list[Item], Gate], None],
        groups: dict[tuple[object, ...], Any],
        place: tuple[object, ...],
    ) -> None:
        """Begin empty; the group leaves `groups` when nobody is in it any more."""
        self.loop = loop
        self.standing = 0
        self.waiting: list[Item] = []
        self._most = most
        self._max_bytes = max_bytes
        self._set_off = set_off
        self._groups = groups
        self._place = place
        self._size = 0
        self._scheduled = False

    def add(self, item: Item) -> None:
        """Let a request wait; at the end of the loop's turn it may go."""
        self.waiting.append(item)
        self._size += item.size
        if not self._scheduled and (not self.standing or self._is_full()):
            self._schedule()

    def remove(self, item: Item) -> None:
        """Let a request go that was cancelled."""
        self.waiting.remove(item)
        self._size -= item.size
        self.move_on()

    def move_on(self) -> None:
        """Send who waits, now that the way is free; or end, when nobody does."""
        if self.waiting:
            if not self._scheduled:
                self._schedule()
        elif not self.standing and self._groups.get(self._place) is self:
            del self._groups[self._place]

    def _schedule(self) -> None:
        self._scheduled = True
        self.loop.call_soon(self._flush)

    def _is_full(self) -> bool:
        return len(self.waiting) >= self._most or self._size >= self._max_bytes

    def _flush(self) -> None:
        self._scheduled = False
        while self.waiting and (not self.standing or self._is_full()):
            items = self._take()
            if not items:
                break
            gate = Gate(self)
            if len(items) > 1:
                self._set_off(self, items, gate)
            else:
                items[0].gate = gate
                items[0].future.set_result(None)
        if not self.waiting:
            self.move_on()

    def _take(self) -> list[Item]:
        """Take as many as one pack holds, and one at least."""
        size = 0
        taken: list[Item] = []
        seen = 0
        for item in self.waiting:
            is_full = len(taken) == self._most or size + item.size > self._max_bytes
            if taken and is_full:
                break
            seen += 1
            self._size -= item.size
            if not item.future.done():  # else it is cancelled and about to leave
                taken.append(item)
                size += item.size
        del self.waiting[:seen]
        return taken


async def leave(group: Group, item: Item, error: asyncio.CancelledError) -> None:
    """Take a cancelled request out; the pack it is in is cancelled when it was the last one."""
    run = item.run
    if run is None:
        error.unsent = True  # type: ignore[attr-defined]
        if item.gate is not None:
            item.gate.open()
        elif item in group.waiting:
            group.remove(item)
        return
    is_last = all(one.future.done() for one in run.items)
    # While others stay in the pack, the text of who has left goes out with theirs.
    if item.gate is None or (is_last and not item.gate.is_open):
        error.unsent = True  # type: ignore[attr-defined]
    task = run.task
    if is_last and task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task])
