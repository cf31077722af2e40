"""What one run of one notebook cell has done so far, and which cell is running."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from promptkit.errors import BudgetError
from promptkit.format import Part, Share, totals_parts
from promptkit.response import NO_USAGE, Usage
from promptkit.terminal import is_nested
from promptkit.totals import Call, Totals
from promptkit.trace import Progress, Step
from promptkit.transports.budget import Meter

Outcome = Literal["running", "ended", "interrupted"]

ROWS: Final = 8
"""How many finished maps of a cell keep a row of their own; earlier ones are counted."""


@dataclass(slots=True, eq=False)
class Area:
    """A place below a cell that is shown once and then updated.

    Attributes:
        display_id: Its name for the front end.
        content: What it shows now; empty before it is first shown.
    """

    display_id: str = field(default_factory=lambda: os.urandom(8).hex())
    content: str = ""


@dataclass(slots=True, eq=False)
class Cell:
    """One run of a cell: what it called, which maps it ran, what of it is on the screen.

    Calls may come from several threads (`promptkit.run` has its own), so the counting is locked.
    """

    info: Any = None
    provisional: bool = False
    outcome: Outcome = "running"
    started_at: float = field(default_factory=time.monotonic)
    latest_at: float = 0.0
    totals: Totals = field(default_factory=Totals)
    refused: int = 0
    stopped: int = 0
    replays: int = 0
    replayed: Usage = NO_USAGE
    meter: Meter | None = None
    meters: dict[int, Meter] = field(default_factory=dict)
    active: list[Progress] = field(default_factory=list)
    ended_rows: deque[Progress] = field(default_factory=lambda: deque(maxlen=ROWS))
    maps: int = 0
    ticking: bool = False
    rows_area: Area = field(default_factory=Area)
    readout_area: Area = field(default_factory=Area)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def count(self, step: Step, call: Call) -> None:
        """Add one call."""
        with self.lock:
            self.totals.add(call)
            self.refused += isinstance(call.error, BudgetError)
            self.stopped += isinstance(call.error, (asyncio.CancelledError, KeyboardInterrupt))
            if call.response is not None and call.response.log.source == "replay":
                self._count_replay(call.response.usage)
            self.latest_at = time.monotonic()
            for meter in getattr(_root(step), "meters", ()):
                self.meters[id(meter)] = meter

    def _count_replay(self, usage: Usage) -> None:
        self.replays += 1
        self.replayed = Usage(
            self.replayed.input_tokens + usage.input_tokens,
            self.replayed.output_tokens + usage.output_tokens,
        )

    def begin_map(self, progress: Progress) -> bool:
        """Give a map a row, unless it runs inside one that has a row; return whether it got one."""
        with self.lock:
            if is_nested(progress, self.active):
                return False
            self.active.append(progress)
            self.maps += 1
            return True

    def end_map(self, progress: Progress) -> None:
        """Keep the row of a map that has ended."""
        with self.lock:
            if progress in self.active:
                self.active.remove(progress)
                self.ended_rows.append(progress)
                self.latest_at = time.monotonic()

    def rows(self) -> tuple[int, list[Progress]]:
        """Return the maps to show, in the order they began, and how many earlier ones are not."""
        with self.lock:
            rows = sorted((*self.ended_rows, *self.active), key=lambda row: row.started_at)
            return self.maps - len(rows), rows

    def end(self, *, interrupted: bool) -> None:
        """Note that the cell's own code has ended; its tasks may go on."""
        with self.lock:
            self.outcome = "interrupted" if interrupted else "ended"
            self.latest_at = time.monotonic()

    def readout(self) -> list[Part]:
        """Say what the cell's calls came to; empty when it called nothing."""
        with self.lock:
            if not self.totals.requests:
                return []
            parts = totals_parts(
                self.totals,
                self.latest_at - self.started_at,
                refused=self.refused,
                stopped=self.stopped,
                replays=self.replays,
                replayed=self.replayed,
                shares=self._shares(),
            )
            return [*parts, Part("interrupted", "warn")] if self.outcome == "interrupted" else parts

    def _shares(self) -> list[Share]:
        own = [self.meter] if self.meter is not None else []
        shares = []
        for meter in (*own, *self.meters.values()):
            limit = meter.limit_usd
            if limit is not None:
                is_soft = meter.budget.hard is None
                shares.append(Share(meter.spent_usd, limit, meter.name, is_soft))
        return shares


def _root(step: Step) -> Step:
    while step.parent is not None:
        step = step.parent
    return step


running: Final[ContextVar[Cell | None]] = ContextVar("promptkit_cell", default=None)
"""Which cell is running here: the package's one context variable.

Set before a cell runs, it reaches the cell's code, its tasks, their threads through
`asyncio.to_thread`, and `promptkit.run`; tasks that outlive the cell keep it.
"""
