"""What a terminal shows of a running `map`: a live bar, or one line when it has ended.

Both go to stderr, so that a program's own output stays clean. `PROMPTKIT_DISPLAY=final` leaves
the bar out, `PROMPTKIT_READOUT=0` everything. In a notebook that has loaded the extension this
module keeps quiet: the cell shows more.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from promptkit.format import plain, progress_parts, totals_parts
from promptkit.trace import Call, Progress, Step, observe_everywhere

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

_REFRESHES_PER_S: Final = 5
_STYLE: Final = {
    "plain": "",
    "strong": "bold",
    "muted": "dim",
    "good": "green",
    "warn": "yellow",
    "bad": "red",
}


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


class TerminalObserver:
    """Shows the outermost maps of this process on stderr."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self.quiet = False
        self._active: list[Progress] = []
        self._live: Live | None = None
        self._lock = threading.RLock()

    def on_call(self, step: Step, call: Call) -> None:
        """Do nothing: a map's own step counts its calls."""

    def on_progress(self, progress: Progress) -> None:
        """Begin or end the display of an outermost map."""
        with self._lock:
            if progress.ended_at is None:
                self._begin(progress)
            elif progress in self._active:
                self._end(progress)

    def _begin(self, progress: Progress) -> None:
        if self.quiet or not readout_wanted() or is_nested(progress, self._active):
            return
        self._active.append(progress)
        if self._live is None and live_wanted() and _stderr_is_terminal():
            self._live = _start_live(lambda: _table(self._active))

    def _end(self, progress: Progress) -> None:
        if self._live is None:
            self._active.remove(progress)
            print(_summary_line(progress), file=sys.stderr, flush=True)  # noqa: T201 -- its task
        elif all(other.ended_at is not None for other in self._active):
            live, self._live = self._live, None
            live.stop()
            self._active.clear()


def _summary_line(progress: Progress) -> str:
    how_far = progress_parts(progress)
    totals = progress.step.totals
    # The seconds stand at the end of either list: once is enough.
    parts = (
        [*how_far[:1], *totals_parts(totals, progress.elapsed_s)] if totals.requests else how_far
    )
    return f"promptkit: {progress.step.name}: {plain(parts)}"


def _stderr_is_terminal() -> bool:
    isatty = getattr(sys.stderr, "isatty", None)
    return bool(isatty and isatty()) and os.environ.get("TERM") != "dumb"


def _start_live(render: Callable[[], RenderableType]) -> Live:
    from rich.console import Console
    from rich.live import Live

    # What the program prints meanwhile moves above the bar, but only where it goes to the same
    # screen: into a file or a pipe it must keep going.
    live = Live(
        console=Console(stderr=True),
        get_renderable=render,
        refresh_per_second=_REFRESHES_PER_S,
        redirect_stdout=sys.stdout.isatty(),
    )
    live.start()
    return live


def _table(rows: Iterable[Progress]) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    for progress in list(rows):
        finished = progress.done + progress.failed
        bar = ProgressBar(
            total=progress.total or 1,
            completed=finished if progress.total else int(progress.ended_at is not None),
            width=24,
            pulse=progress.total is None and progress.ended_at is None,
        )
        text = Text(" · ").join(
            Text(part.text, style=_STYLE[part.tone]) for part in progress_parts(progress)
        )
        table.add_row(Text(progress.step.name), bar, text)
    return table


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
