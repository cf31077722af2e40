"""One line of the safety report: a figure, its interval, and what it was measured on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure.

    Attributes:
        check: The public name that was measured, such as "injection_score".
        what: What the figure is: "false positives", "recall", "AUROC", "milliseconds for 1 KB".
        data: The set and split, such as "in-the-wild jailbreaks, out of fold".
        value: The figure, as a share from 0 to 1 where it is one.
        low: Of its 95 % interval; None where there is none.
        high: Likewise.
        count: How many rows it stands on.
        goal: What is to be reached, as text: "≤ 3 %".
        is_reached: Whether it is; None where there is no goal.
        trained: Whether rows of this set, and which, went into the shipped weights; "" for none.
    """

    check: str
    what: str
    data: str
    value: float
    low: float | None = None
    high: float | None = None
    count: int = 0
    goal: str = ""
    is_reached: bool | None = None
    trained: str = ""
