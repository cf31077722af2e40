"""`%%budget $0.05`: a limit for one cell, which never spends more.

The first line of the cell is turned into a call of the line magic `%budget`. A cell magic proper
would have to run the rest of the cell itself, and would lose top-level await by it.
"""

from __future__ import annotations

import re
from typing import Final

from promptkit.errors import OptionError
from promptkit.notebook.watch import Watcher
from promptkit.transports.budget import Budget, Meter

_FIRST_LINE: Final = re.compile(r"%%budget(?:[ \t]+(?P<amount>.*?))?[ \t]*\n?\Z")


def transform(lines: list[str]) -> list[str]:
    r"""Rewrite a cell that begins with `%%budget`; return any other as it is.

    >>> transform(["%%budget $0.05\n", "await session.ask('Hi')\n"])
    ["get_ipython().run_line_magic('budget', '$0.05')\n", "await session.ask('Hi')\n"]
    """
    match = _FIRST_LINE.match(lines[0]) if lines else None
    if match is None:
        return lines
    amount = match["amount"] or ""
    return [f"get_ipython().run_line_magic('budget', {amount!r})\n", *lines[1:]]


class BudgetMagic:
    """The line magic: from here on, the running cell spends no more than an amount."""

    def __init__(self, watcher: Watcher) -> None:
        """Set budgets of the cells that `watcher` follows."""
        self._watcher = watcher

    def __call__(self, line: str) -> None:
        """Limit what this cell may spend, in US dollars: `%%budget $0.05` on its first line.

        Calls that could pass the limit are refused before they are sent. Tasks that outlive the
        cell stay under its limit.
        """
        amount = line.partition("#")[0].strip()
        if not amount:
            raise OptionError("%%budget without an amount", hint="write %%budget $0.05")
        budget = Budget.coerce(amount)
        cell = self._watcher.cell()
        if cell is None:
            raise OptionError("%%budget outside a cell", hint="put it on a cell's first line")
        cell.meter = Meter(budget, "cell")
