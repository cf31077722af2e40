"""Follows the cells of one shell: counts what each one calls and keeps its readout up to date.

Which cell a call belongs to is read from the context variable where the call is made. The hooks
before and after a cell never read it: an async cell's hooks run in different contexts.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from promptkit.format import Part, plain
from promptkit.notebook.cell import Cell, running
from promptkit.notebook.screen import Screen
from promptkit.notebook.view import box, line_html, progress_html, progress_text
from promptkit.terminal import live_wanted, readout_wanted
from promptkit.totals import Call
from promptkit.trace import Progress, Step
from promptkit.transports.budget import Meter

_PERIOD_S: Final = 0.2
"""How often a moving display is redrawn."""


class Watcher:
    """An Observer of every trace, and the hooks of one IPython shell."""

    def __init__(self, screen: Screen) -> None:
        """Show readouts on `screen`."""
        self.screen = screen
        self._open: list[Cell] = []
        self._maps: dict[int, Cell] = {}
        self._late: list[Cell] = []

    # -- the shell's hooks ----------------------------------------------------------------

    def begin(self, *, provisional: bool = False) -> None:
        """Begin counting in the midst of the cell that loads the extension."""
        self._enter(Cell(provisional=provisional))

    def pre_run_cell(self, info: Any = None) -> None:
        """Open a cell. Cells can nest: code may run other cells."""
        if self._open and self._open[-1].provisional:
            self._open.pop()  # the extension was loaded at the shell's start, not by a cell
        self._enter(Cell(info))

    def _enter(self, cell: Cell) -> None:
        self._open.append(cell)
        running.set(cell)

    def post_run_cell(self, result: Any = None) -> None:
        """Close the cell and show what it came to. An interrupted cell may have no result."""
        cell = self._close(getattr(result, "info", None))
        if cell is None:
            return
        error = getattr(result, "error_in_exec", None)
        stopped = isinstance(error, (KeyboardInterrupt, asyncio.CancelledError))
        cell.end(interrupted=result is None or stopped)
        running.set(self._open[-1] if self._open else cell)
        self._show_late()
        self.draw(cell)

    def _close(self, info: Any) -> Cell | None:
        for index in range(len(self._open) - 1, -1, -1):
            cell = self._open[index]
            if info is None or cell.info is info or cell.provisional:
                del self._open[index:]
                return cell
        return None

    # -- the trace's observer -------------------------------------------------------------

    def on_call(self, step: Step, call: Call) -> None:
        """Count a call for the cell it was made in, however late it ends."""
        cell = self.cell()
        if cell is None:
            return
        cell.count(step, call)
        if cell.outcome != "running":
            self._draw_soon(cell)

    def on_progress(self, progress: Progress) -> None:
        """Give an outermost map its row while it runs, and keep the row at its end."""
        if progress.ended_at is None:
            cell = self.cell()
            if cell is not None and cell.begin_map(progress):
                self._maps[id(progress)] = cell
                self._draw_soon(cell)
            return
        cell = self._maps.pop(id(progress), None)
        if cell is not None:
            cell.end_map(progress)
            if cell.outcome != "running":
                self._draw_soon(cell)

    def cell(self) -> Cell | None:
        """The cell whose code runs here; a bare thread counts for the cell now running."""
        cell = running.get()
        return cell if cell is not None or not self._open else self._open[-1]

    def meter(self) -> Meter | None:
        """The budget of the cell whose code runs here, if it has one."""
        cell = self.cell()
        return None if cell is None else cell.meter

    # -- drawing --------------------------------------------------------------------------

    def _draw_soon(self, cell: Cell) -> None:
        """Redraw once, a moment later, however much happens until then."""
        if not self.screen.can_update:
            if cell.outcome != "running":
                self._late.append(cell)
            return
        if cell.ticking or not live_wanted():
            return
        with contextlib.suppress(RuntimeError):  # nobody's loop runs here: the end will show it
            loop = asyncio.get_running_loop()
            cell.ticking = True
            loop.call_later(_PERIOD_S, self._tick, cell)

    def _tick(self, cell: Cell) -> None:
        cell.ticking = False
        self.draw(cell)
        if cell.active:
            self._draw_soon(cell)

    def draw(self, cell: Cell, name: str = "promptkit") -> None:
        """Bring what is shown of a cell up to date."""
        if not readout_wanted():
            return
        with cell.lock:
            lines = _rows(cell) if self.screen.can_update else []
            readout = cell.readout()
            is_over = cell.outcome != "running"
            if cell.rows_area.content or not is_over:
                self._put(cell, lines, readout=False)
                lines = []
            if is_over and (readout or (lines and cell.active)):
                ending = [(line_html(readout), f"{name}: {plain(readout)}")] if readout else []
                self._put(cell, [*lines, *ending], readout=True)

    def _put(self, cell: Cell, lines: list[tuple[str, str]], *, readout: bool) -> None:
        if lines:
            area = cell.readout_area if readout else cell.rows_area
            text = "\n".join(text for _, text in lines)
            self.screen.show(area, box([html for html, _ in lines]), text)

    def _show_late(self) -> None:
        """In a terminal, say at the next cell's end what an earlier cell's tasks came to."""
        late, self._late = self._late, []
        for cell in dict.fromkeys(late):
            self.draw(cell, name="promptkit, an earlier cell")


def _rows(cell: Cell) -> list[tuple[str, str]]:
    """The maps of a cell, each as HTML and as text."""
    earlier, rows = cell.rows()
    lines = [(progress_html(row), progress_text(row)) for row in rows]
    if earlier:
        note = Part(f"{earlier:,} earlier maps", "muted")
        lines.insert(0, (line_html([note]), note.text))
    return lines
