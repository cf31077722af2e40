"""What a terminal shows of a running `map`: a live bar, or one line when it has ended.

Both go to stderr, so that a program's own output stays clean. `PROMPTKIT_DISPLAY=final` leaves
the bar out, `PROMPTKIT_READOUT=0` everything. In a notebook that has loaded the extension this
module keeps quiet: the cell shows more.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from promptkit.errors import BudgetError
from promptkit.format import Part, plain, progress_parts, totals_parts
from promptkit.totals import Call
from promptkit.trace import Progress, Step, observe_everywhere

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.text import Text

_REFRESHES_PER_S: Final = 5
_STYLE: Final = {
    "plain": "",
    "strong": "bold",
    "muted": "dim",
    "good": "green",
    "warn": "yellow",
    "bad": "red",
}
_SPARED: Final = ("in all", "/s", "in flight", "left")
"""How the parts end that a narrow row does without, the first to go first."""

_LONGEST_BAR: Final = 24
_SHORTEST_BAR: Final = 6
_SHORTEST_NAME: Final = 8


def readout_wanted() -> bool:
    """Whether anything is to be shown: not when PROMPTKIT_READOUT is 0."""
    return os.environ.get("PROMPTKIT_READOUT", "1").strip().lower() not in ("0", "off", "false")


def live_wanted() -> bool:
    """Whether what is shown may move: not when PROMPTKIT_DISPLAY is «final»."""
    return os.environ.get("PROMPTKIT_DISPLAY", "").strip().lower() != "final"


def is_nested(progress: Progress, outer: Iterable[Progress]) -> bool:
    """Whether a map runs inside one of the `outer` ones, which then stand for it."""
    steps = {id(other.step) for other in outer if other is not progress}
    if not steps:
        return False
    step = progress.step.parent
    while step is not None:
        if id(step) in steps:
            return True
        step = step.parent
    return False


@dataclass(slots=True, eq=False)
class _Shown:
    """A map that is shown, and why some of its calls have no answer.

    Attributes:
        refused: Calls that a budget refused.
        stopped: Calls that were cancelled.
    """

    progress: Progress
    refused: int = 0
    stopped: int = 0


class TerminalObserver:
    """Shows the outermost maps of this process on stderr."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self.quiet = False
        self._active: list[_Shown] = []
        self._live: Live | None = None
        self._lock = threading.RLock()

    def on_call(self, step: Step, call: Call) -> None:
        """Count a call that was refused or stopped; the map's own step counts all the others."""
        if call.error is None:
            return
        refused = isinstance(call.error, BudgetError)
        stopped = isinstance(call.error, (asyncio.CancelledError, KeyboardInterrupt))
        if not (refused or stopped):
            return
        with self._lock:
            shown = self._around(step)
            if shown is not None:
                shown.refused += refused
                shown.stopped += stopped

    def _around(self, step: Step | None) -> _Shown | None:
        """Return the map that a step belongs to, if it is shown."""
        steps = {id(shown.progress.step): shown for shown in self._active}
        while step is not None:
            if id(step) in steps:
                return steps[id(step)]
            step = step.parent
        return None

    def on_progress(self, progress: Progress) -> None:
        """Begin or end the display of an outermost map."""
        with self._lock:
            if progress.ended_at is None:
                self._begin(progress)
                return
            shown = next((each for each in self._active if each.progress is progress), None)
            if shown is not None:
                self._end(shown)

    def _begin(self, progress: Progress) -> None:
        if self.quiet or not readout_wanted() or is_nested(progress, self._maps()):
            return
        self._active.append(_Shown(progress))
        if self._live is None and live_wanted() and _stderr_is_terminal():
            self._live = _start_live(lambda width: _table(self._maps(), width))

    def _maps(self) -> list[Progress]:
        return [shown.progress for shown in self._active]

    def _end(self, shown: _Shown) -> None:
        if self._live is None:
            self._active.remove(shown)
            line = _summary_line(shown.progress, refused=shown.refused, stopped=shown.stopped)
            print(line, file=sys.stderr, flush=True)  # noqa: T201 -- its task
        elif all(progress.ended_at is not None for progress in self._maps()):
            live, self._live = self._live, None
            live.stop()
            self._active.clear()


def _summary_line(progress: Progress, *, refused: int = 0, stopped: int = 0) -> str:
    parts = progress_parts(progress)
    totals = progress.step.totals
    if totals.requests:
        # What the calls came to says more than the rest of these parts: cost and seconds.
        failed = totals.failed - refused - stopped
        is_said = totals.requests == progress.done + progress.failed and failed == progress.failed
        items = parts[: 2 if progress.failed and not is_said else 1]
        calls = totals_parts(totals, progress.elapsed_s, refused=refused, stopped=stopped)
        parts = [*items, *calls]
    return f"promptkit: {progress.step.name}: {plain(parts)}"


def _stderr_is_terminal() -> bool:
    isatty = getattr(sys.stderr, "isatty", None)
    return bool(isatty and isatty()) and os.environ.get("TERM") != "dumb"


def _start_live(render: Callable[[int], RenderableType]) -> Live:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    # What the program prints meanwhile moves above the bar, but only where it goes to the same
    # screen: into a file or a pipe it must keep going.
    live = Live(
        console=console,
        get_renderable=lambda: render(console.width),
        refresh_per_second=_REFRESHES_PER_S,
        redirect_stdout=sys.stdout.isatty(),
    )
    live.start()
    return live


def _table(rows: Sequence[Progress], width: int) -> RenderableType:
    """Draw one line for each map, in no more than `width` columns.

    A narrow terminal gets shorter names, a shorter bar or none, and leaves out what can best be
    spared (see `_SPARED`).
    """
    from rich.table import Table
    from rich.text import Text

    names = [Text(progress.step.name) for progress in rows]
    parts = [progress_parts(progress) for progress in rows]
    least = max((_text(each, 0).cell_len for each in parts), default=0)
    longest = max((name.cell_len for name in names), default=0)
    name_width = min(longest, max(_SHORTEST_NAME, min(width // 3, width - least - 1)))
    bar_width = min(_LONGEST_BAR, width // 10, width - name_width - least - 2)
    has_bar = bar_width >= _SHORTEST_BAR
    text_width = max(1, width - name_width - 1 - (bar_width + 1 if has_bar else 0))

    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=name_width)
    if has_bar:
        table.add_column(width=bar_width)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=text_width)
    for name, progress, each in zip(names, rows, parts, strict=True):
        bar = [_bar(progress, bar_width)] if has_bar else []
        table.add_row(name, *bar, _text(each, text_width))
    return table


def _text(parts: Sequence[Part], width: int) -> Text:
    """Join parts, leaving out of those that can be spared as many as it takes to fit."""
    from rich.text import Text

    text = Text(" · ").join(Text(part.text, style=_STYLE[part.tone]) for part in parts)
    for ending in _SPARED:
        spared = [part for part in parts if part.text.endswith(ending)]
        if text.cell_len > width and spared:
            return _text([part for part in parts if part not in spared], width)
    return text


def _bar(progress: Progress, width: int) -> ProgressBar:
    from rich.progress_bar import ProgressBar

    finished = progress.done + progress.failed
    return ProgressBar(
        total=progress.total or 1,
        completed=finished if progress.total else int(progress.ended_at is not None),
        width=width,
        pulse=progress.total is None and progress.ended_at is None,
    )


_observer: Final = TerminalObserver()
_installed = False
_install_lock = threading.Lock()


def install_terminal_observer() -> None:
    """Show this process's maps on stderr from now on. Calling it again changes nothing."""
    global _installed  # noqa: PLW0603 -- once per process
    with _install_lock:
        if not _installed:
            observe_everywhere(_observer)
            _installed = True


def keep_quiet(*, quiet: bool = True) -> None:
    """Switch the display off, or on again, where a notebook shows the same better."""
    _observer.quiet = quiet
