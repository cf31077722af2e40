"""What is said of a batch that goes on when the call that waits for it is stopped."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

from promptkit.request import Request
from promptkit.totals import Call
from promptkit.trace import Step

Open = dict[bytes, tuple[Step, float]]
"""What lines under way may cost, and in which step that stands as unsettled, by request key."""


def say_what_goes_on(error: BaseException, lines: int) -> None:
    """Tell whoever stopped the call that its batches go on, and what to do about it."""
    text = (
        f"{lines:,} requests go on at the endpoint: run again to collect the answers, or see "
        "session.batches.under_way() and .cancel()"
    )
    error.add_note(text)
    print(f"promptkit: {text}", file=sys.stderr)  # noqa: T201 -- an interrupt shows no notes


def show_unsettled(
    step: Step,
    error: BaseException,
    lines: Iterable[tuple[Request, bytes, float]],
    open_lines: Open,
    elapsed_s: float,
) -> None:
    """Show the lines that this call has sent as stopped, and what they may cost as unsettled.

    The ledger is not told: it gets these lines when they are collected.

    Args:
        step: The batch's.
        error: What stopped the call.
        lines: Each request, the key it was sent with, and what it may cost at most.
        open_lines: Where that is noted for `settled`.
        elapsed_s: How long the call went.
    """
    stopped = step.child("under way")
    stopped.observers = []
    for asked, key, worst in lines:
        stopped.record(Call(asked, None, error, time.time(), elapsed_s, 1, worst))
        open_lines[key] = (step, worst)


def settled(open_lines: Open, key: bytes) -> None:
    """Take what a line might have cost out of the trace: its outcome is known now."""
    found = open_lines.pop(key, None)
    if found is None:
        return
    step: Step | None = found[0]
    while step is not None:
        step.totals.unsettled_usd = max(0.0, step.totals.unsettled_usd - found[1])
        step = step.parent
