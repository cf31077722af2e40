"""The notebook extension: `%load_ext promptkit`.

Under every cell that called a model it shows what that came to; while a `map` runs, how far it
is. Reading order: cell (what is counted), view (how it looks), screen (where it goes), watch
(when), magic (`%%budget`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from promptkit.notebook.cell import running
from promptkit.notebook.magic import BudgetMagic, transform
from promptkit.notebook.screen import KernelScreen, TextScreen
from promptkit.notebook.watch import Watcher
from promptkit.terminal import keep_quiet
from promptkit.trace import observe_everywhere
from promptkit.transports import budget

__all__ = ["load", "unload"]

_undo: Final[list[Callable[[], object]]] = []


def load(shell: Any) -> None:
    """Follow the cells of an IPython shell; loading again changes nothing."""
    if _undo:
        return
    is_kernel = getattr(shell, "kernel", None) is not None
    watcher = Watcher(KernelScreen(shell) if is_kernel else TextScreen())
    magic = BudgetMagic(watcher)

    shell.events.register("pre_run_cell", watcher.pre_run_cell)
    shell.events.register("post_run_cell", watcher.post_run_cell)
    shell.input_transformers_cleanup.append(transform)
    shell.register_magic_function(magic.__call__, "line", "budget")
    budget.scopes.append(watcher.meter)
    _undo.extend(
        (
            observe_everywhere(watcher),
            lambda: shell.events.unregister("pre_run_cell", watcher.pre_run_cell),
            lambda: shell.events.unregister("post_run_cell", watcher.post_run_cell),
            lambda: shell.input_transformers_cleanup.remove(transform),
            lambda: shell.magics_manager.magics["line"].pop("budget", None),
            lambda: budget.scopes.remove(watcher.meter),
        )
    )
    keep_quiet()
    _undo.append(lambda: keep_quiet(quiet=False))
    watcher.begin(provisional=True)


def unload(shell: Any) -> None:  # noqa: ARG001 -- what was installed knows its shell
    """Leave the shell as it was."""
    while _undo:
        _undo.pop()()
    running.set(None)
