"""A forecast, and how it is shown to a person."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Any

from promptkit.forecast.extrapolate import Quantity
from promptkit.format import money, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a run over some items will take, as things stand now.

    Attributes:
        items: How many there are.
        cached: How many of them the cache answers already, as far as that can be told.
        to_pay: How many of them the run will have to pay for.
        tried: How many were run for this forecast.
        tried_usd: What that has cost; it is paid, and not part of `cost_usd`.
        calls: Requests to be paid for.
        input_tokens: Of these requests.
        output_tokens: Of their answers; None where nothing bounds them.
        cost_usd: At list price; None where the price is unknown, or nothing bounds it.
        duration_s: Of the run; None where nothing was tried.
        budget_left_usd: What the tightest hard limit leaves; None without one.
        how: How it was worked out.
    """

    items: int
    cached: int
    to_pay: int
    tried: int
    tried_usd: float | None
    calls: Quantity
    input_tokens: Quantity
    output_tokens: Quantity | None
    cost_usd: Quantity | None
    duration_s: Quantity | None
    budget_left_usd: float | None
    how: tuple[str, ...]

    @property
    def cached_share(self) -> float:
        """The share of the items that the cache answers already."""
        return self.cached / self.items if self.items else 0.0

    @property
    def fits(self) -> bool | None:
        """Whether the budget is enough even for the upper end; None without a budget or cost."""
        if self.budget_left_usd is None or self.cost_usd is None:
            return None
        return self.cost_usd.high <= self.budget_left_usd

    @property
    def affordable(self) -> int | None:
        """About how many of the items the budget lets through; None without a budget or cost."""
        left, cost = self.budget_left_usd, self.cost_usd
        if left is None or cost is None:
            return None
        share = 1.0 if cost.value <= left else left / cost.value
        return self.items - self.to_pay + math.floor(self.to_pay * share)

    def _verdict(self) -> str:
        """Say whether the budget is enough."""
        if self.fits is None or self.cost_usd is None or self.budget_left_usd is None:
            return ""
        if self.fits:
            return "enough"
        if self.cost_usd.low <= self.budget_left_usd:
            return "may not be enough"
        return f"not enough: about {self.affordable:,} of {self.items:,} items"

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("requests", _span(self.calls, _whole)),
            ("input tokens", _span(self.input_tokens, _whole)),
            ("output tokens", _span(self.output_tokens, _whole)),
            ("cost", _span(self.cost_usd, money)),
            ("time", _span(self.duration_s, seconds)),
        ]
        if self.tried:
            rows.append(("paid for trying", money(self.tried_usd)))
        if self.budget_left_usd is not None:
            left = f"{money(self.budget_left_usd)}   {self._verdict()}"
            rows.append(("budget left", left.strip()))
        return rows

    def _head(self) -> str:
        return f"{self.items:,} items: {self.cached:,} cached, {self.tried:,} tried"

    def __str__(self) -> str:
        """Write it as a table."""
        lines = [f"  {name:<16}{text}" for name, text in self._rows()]
        return "\n".join([self._head(), *lines, *(f"  ({line})" for line in self.how)])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 -- IPython's protocol
        """Show the table where a cell or a prompt ends in a forecast."""
        printer.text("Forecast(…)" if cycle else str(self))

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        rows = "".join(
            f'<tr><th style="text-align:left">{html.escape(name)}</th>'
            f'<td style="text-align:left">{html.escape(text)}</td></tr>'
            for name, text in self._rows()
        )
        notes = "".join(f"<div><small>{html.escape(line)}</small></div>" for line in self.how)
        return f"<div><b>{html.escape(self._head())}</b></div><table>{rows}</table>{notes}"


def _whole(number: float) -> str:
    return f"{round(number):,}"


def _span(quantity: Quantity | None, write: Any) -> str:
    if quantity is None:
        return "unknown"
    if quantity.is_exact:
        return str(write(quantity.value))
    high = write(quantity.high) if math.isfinite(quantity.high) else "any number"
    value = write(quantity.value) if math.isfinite(quantity.value) else "unknown"
    return f"{value}   ({write(quantity.low)} to {high})"
