"""The trace: a tree of steps, each with the calls made in it. Usage and cost are folds over it.

A step's totals always count every call below it. Its details (which calls, which children) are
kept for the latest `KEPT` of each, so that a million items run in constant memory.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Protocol

from promptkit.totals import Call, Totals

KEPT: Final = 1_000
"""How many calls and how many children a step keeps in detail."""

_lanes: Final = count(1)


class Observer(Protocol):
    """Is told what happens in a trace: readouts and ledgers are observers."""

    def on_call(self, step: Step, call: Call) -> None:
        """Handle a call that has just ended in `step`."""
        ...

    def on_progress(self, progress: Progress) -> None:
        """Handle a `map` that has just begun or ended (`progress.ended_at` tells which)."""
        ...


class Step:
    """A named part of the work: calls, and smaller steps.

    Attributes:
        totals: Sums over all calls in this step and below.
        lane: Which queue its calls wait in at a rate limit: one per outermost map, so that two
            maps at once get on equally fast. 0 outside of any map.
        result: What the primitive that this step is of returned.
        meters: On a trace's root, the budgets that its calls count against.
        observers: Who is told of each call.
    """

    __slots__ = (
        "_calls",
        "_children",
        "_only_call",
        "_totals",
        "lane",
        "meters",
        "name",
        "observers",
        "parent",
        "result",
    )

    def __init__(self, name: str = "", parent: Step | None = None) -> None:
        """Open a step below `parent`, or a new trace."""
        self.name = name
        self.parent = parent
        # Most steps hold a single call: sums and a queue are made for the second one.
        self._totals: Totals | None = None
        self._only_call: Call | None = None
        self._calls: deque[Call] | None = None
        self._children: deque[Step] | None = None
        self.result: Any = None
        self.meters: tuple[Any, ...] = ()
        if parent is None:
            self.observers: list[Observer] = []
            self.lane = 0
        else:
            self.observers = parent.observers
            self.lane = parent.lane

    @property
    def calls(self) -> Sequence[Call]:
        """The latest calls made in this step itself, the oldest first."""
        if self._calls is not None:
            return self._calls
        return () if self._only_call is None else (self._only_call,)

    @property
    def totals(self) -> Totals:
        """Sums over all calls in this step and below."""
        if self._totals is None:
            self._totals = Totals()
            if self._only_call is not None:
                self._totals.add(self._only_call)
        return self._totals

    @property
    def children(self) -> Sequence[Step]:
        """The latest smaller steps, the oldest first."""
        return self._children or ()

    def child(self, name: str) -> Step:
        """Open a step below this one."""
        step = Step(name, self)
        if self._children is None:
            self._children = deque(maxlen=KEPT)
        self._children.append(step)
        return step

    def open_lane(self) -> None:
        """Give this step's calls a queue of their own at a rate limit, unless they have one."""
        if not self.lane:
            self.lane = next(_lanes)

    def record(self, call: Call) -> None:
        """Add a call to this step, count it in all steps above, and tell the observers."""
        step: Step | None = self
        if self._calls is not None:
            self._calls.append(call)
        elif self._only_call is not None:
            self._calls = deque((self._only_call, call), maxlen=KEPT)
        elif self._totals is None:
            step = self.parent
        if step is self:
            self.totals.add(call)
            step = self.parent
        self._only_call = call
        while step is not None:
            step.totals.add(call)
            step = step.parent
        for observer in (*self.observers, *_everywhere):
            observer.on_call(self, call)

    def announce(self, progress: Progress) -> None:
        """Tell the observers that a map began or ended."""
        for observer in (*self.observers, *_everywhere):
            observer.on_progress(progress)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Step]]:
        """Yield this step and all kept steps below it, each with its depth."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)

    @property
    def path(self) -> str:
        """The names from the trace's root down to here, joined by «/»."""
        if self.parent is None:
            return self.name
        above = self.parent.path
        return f"{above}/{self.name}" if above and self.name else above or self.name

    def __repr__(self) -> str:
        """Show the name and the totals."""
        return f"Step({self.path!r}, {self.totals.requests} calls)"


@dataclass(slots=True, eq=False)
class Progress:
    """How far a `map` is. Written by the executor, read by displays whenever they like."""

    step: Step
    total: int | None
    started_at: float = field(default_factory=time.monotonic)
    ended_at: float | None = None
    in_flight: int = 0
    done: int = 0
    failed: int = 0

    def begin(self) -> None:
        """Start the clock and tell the observers."""
        self.started_at = time.monotonic()
        self.step.announce(self)

    def end(self) -> None:
        """Stop the clock and tell the observers."""
        self.ended_at = time.monotonic()
        self.step.announce(self)

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began, or that it took."""
        return (self.ended_at or time.monotonic()) - self.started_at

    @property
    def rate(self) -> float:
        """Items finished per second."""
        return (self.done + self.failed) / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def remaining_s(self) -> float | None:
        """Seconds still to go at the present rate; None when it cannot be told yet."""
        if self.total is None or not self.rate:
            return None
        return (self.total - self.done - self.failed) / self.rate

    @property
    def expected_usd(self) -> float | None:
        """What the whole map will cost at the present cost per item."""
        finished = self.done + self.failed
        cost = self.step.totals.cost_usd
        if not self.total or not finished or cost is None:
            return None
        return cost * self.total / finished


_everywhere: list[Observer] = []


def observe_everywhere(observer: Observer) -> Callable[[], None]:
    """Tell `observer` of every trace in this process; returns the function that ends it."""
    _everywhere.append(observer)
    return lambda: _everywhere.remove(observer) if observer in _everywhere else None
