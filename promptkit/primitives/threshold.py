"""Thresholds of a cascade, fitted on labelled examples: what each would be right on, and cost.

Pure arithmetic on recorded outcomes; nothing is asked. A threshold that is chosen on some examples
looks better on them than on others: the interval says how far it can be trusted, and a fresh set of
examples says it best.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from promptkit.amounts import money
from promptkit.errors import OptionError
from promptkit.explanation import Paragraph, Section, Table
from promptkit.primitives.asking.arguments import finite, share

FEW: Final = 0.05
"""An interval that reaches further than this to either side is too wide to choose by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What two models made of one labelled example.

    Attributes:
        share: How far the small model's samples agreed, from 0 to 1: the confidence of a `vote`;
            0 where it gave no answer.
        small: Whether the answer that they agreed on is right.
        large: Whether the large model's answer is right.
        small_usd: What the small model's samples cost.
        large_usd: What the large model's answer costs.
    """

    share: float
    small: bool
    large: bool
    small_usd: float = 0.0
    large_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What a cascade does with one threshold.

    Attributes:
        accept_at: The small model's answer is taken from this share on.
        accuracy: The share of right answers.
        interval: Where the accuracy lies with 95% probability (Wilson's interval).
        escalated: The share of examples that go to the large model.
        cost_usd: What an example costs on average.
    """

    accept_at: float
    accuracy: float
    interval: tuple[float, float]
    escalated: float
    cost_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A threshold chosen among all, and how far it can be trusted.

    Attributes:
        chosen: The threshold.
        curve: All of them, from the one that escalates least to the one that escalates most.
        n: How many examples they stand on.
        large: What the large model alone is right on.
        notes: What to mind; empty where there is nothing.
    """

    chosen: Threshold
    curve: tuple[Threshold, ...]
    n: int
    large: float
    notes: tuple[str, ...]

    def sections(self) -> Iterator[Section]:
        """Yield the notes and the curve."""
        if self.notes:
            yield Paragraph("\n".join(self.notes), "Mind")
        rows = tuple(
            (
                f"{point.accept_at:.2f}{' ←' if point == self.chosen else ''}",
                f"{point.accuracy:.1%}",
                f"{point.interval[0]:.1%} to {point.interval[1]:.1%}",
                f"{point.escalated:.1%}",
                money(point.cost_usd),
            )
            for point in self.curve
        )
        headings = ("accept at", "right", "95% interval", "escalated", "cost")
        yield Table(f"{self.n} examples", headings, rows)

    def __str__(self) -> str:
        """Show the threshold, what it gives, and what to mind."""
        low, high = self.chosen.interval
        line = (
            f"accept at {self.chosen.accept_at:.2f}: {self.chosen.accuracy:.1%} right "
            f"({low:.1%} to {high:.1%}), {self.chosen.escalated:.1%} escalated, "
            f"{money(self.chosen.cost_usd)} each; the large model alone: {self.large:.1%}"
        )
        return "\n".join([line, *self.notes])


def threshold_curve(trials: Iterable[Trial]) -> tuple[Threshold, ...]:
    """Return what a cascade does at every threshold that makes a difference.

    >>> trials = [
    ...     Trial(share=1.0, small=True, large=True, large_usd=0.01),
    ...     Trial(share=0.6, small=False, large=True, large_usd=0.01),
    ... ]
    >>> [(point.accept_at, point.accuracy, point.escalated) for point in threshold_curve(trials)]
    [(0.0, 0.5, 0.0), (1.0, 1.0, 0.5)]

    Args:
        trials: What both models made of labelled examples.

    Raises:
        OptionError: Without trials, or for a share or cost that is none.
    """
    known = tuple(trials)
    if not known:
        raise OptionError("no trials", hint="give what both models made of labelled examples")
    for number, trial in enumerate(known):
        share(f"trials[{number}].share", trial.share)
        finite(f"trials[{number}].small_usd", trial.small_usd, least=0)
        finite(f"trials[{number}].large_usd", trial.large_usd, least=0)
    shares = sorted({trial.share for trial in known if trial.share})
    return tuple(_at(share, known) for share in (0.0, *shares[1:]))


def _at(accept_at: float, trials: Sequence[Trial]) -> Threshold:
    from promptkit.adapters.intervals import wilson  # noqa: PLC0415 -- loads scipy

    right = escalated = 0
    cost = 0.0
    for trial in trials:
        is_escalated = not trial.share or trial.share < accept_at
        escalated += is_escalated
        right += trial.large if is_escalated else trial.small
        cost += trial.small_usd + (trial.large_usd if is_escalated else 0.0)
    n = len(trials)
    return Threshold(
        accept_at=accept_at,
        accuracy=right / n,
        interval=wilson(right, n),
        escalated=escalated / n,
        cost_usd=cost / n,
    )


def fit_threshold(
    trials: Iterable[Trial],
    *,
    accuracy: float | None = None,
    budget_usd: float | None = None,
    escalated: float | None = None,
) -> Fit:
    """Return the threshold for `accept_at` of a cascade: the cheapest that is right often enough.

    >>> trials = [Trial(share=i / 20, small=i > 12, large=True) for i in range(1, 21)]
    >>> fit = fit_threshold(trials, accuracy=0.9)
    >>> fit.chosen.accept_at, fit.chosen.accuracy, fit.chosen.escalated
    (0.55, 0.9, 0.5)
    >>> print(fit.notes[0])
    20 examples are few: the accuracy may lie anywhere from 70% to 97%

    Args:
        trials: What both models made of labelled examples.
        accuracy: The share that should be right; the threshold that escalates least is chosen.
        budget_usd: What an example may cost on average; the most accurate threshold is chosen.
        escalated: The share that may go to the large model; likewise.

    Returns:
        The threshold with the whole curve. Where no threshold reaches the accuracy or keeps within
        the budget, the nearest one, with a note.

    Raises:
        OptionError: Unless there are trials and just one aim, a share or an amount of money.
    """
    aims = [
        check(name, aim)
        for name, aim, check in (
            ("accuracy", accuracy, share),
            ("budget_usd", budget_usd, partial(finite, least=0)),
            ("escalated", escalated, share),
        )
        if aim is not None
    ]
    if len(aims) != 1:
        hint = "give one of accuracy, budget_usd and escalated"
        raise OptionError(f"{len(aims)} aims", hint=hint)
    known = tuple(trials)
    curve = threshold_curve(known)
    if accuracy is not None:
        fitting = [point for point in curve if point.accuracy >= accuracy]
        chosen = fitting[0] if fitting else max(curve, key=_right)
    else:
        spent = [point.escalated if budget_usd is None else point.cost_usd for point in curve]
        fitting = [p for p, cost in zip(curve, spent, strict=True) if cost <= aims[0]]
        chosen = max(fitting, key=_right) if fitting else curve[0]
    low, high = chosen.interval
    notes: tuple[str, ...] = ()
    if not fitting:
        notes = (f"no threshold reaches {aims[0]:g}: this one comes nearest",)
    if high - low > 2 * FEW:
        few = f"{len(known)} examples are few: the accuracy may lie anywhere from"
        notes += (f"{few} {low:.0%} to {high:.0%}",)
    if accuracy is not None and fitting and low < accuracy <= high:
        notes += (f"{accuracy:.0%} lies inside the interval: other examples may miss it",)
    large = sum(trial.large for trial in known) / len(known)
    return Fit(chosen=chosen, curve=curve, n=len(known), large=large, notes=notes)


def _right(point: Threshold) -> float:
    return point.accuracy
