"""What primitives return: a Result for an answer, a Verdict for a judgement."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar

from promptkit.amounts import money
from promptkit.explanation import Explains, Explanation, Paragraph, Section, Table
from promptkit.explanation.plain import clean

T = TypeVar("T")

Basis = Literal["", "logprobs", "votes"]
"""What probabilities stand on: the model's own, or shares of sampled answers."""


def basis_of(bases: Iterable[Basis]) -> Basis:
    """Return what several probabilities stand on together: votes, where any of them does.

    Those for which no model was asked say nothing.

    >>> basis_of(["logprobs", ""]), basis_of(["logprobs", "votes"]), basis_of([""])
    ('logprobs', 'votes', '')
    """
    found = set(bases)
    return "votes" if "votes" in found else "logprobs" if "logprobs" in found else ""


@dataclass(frozen=True, slots=True)
class StepCost:
    """What one step of a primitive took, the steps below it included.

    Attributes:
        name: The step's name; `depth` tells how far below the primitive it stands.
        cached: Of the requests, those that were answered without a new one.
        cost_usd: What was paid; None where the price is unknown.
    """

    name: str
    depth: int
    requests: int
    cached: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """A typed answer with the reasons for it.

    Attributes:
        value: The answer; None when the primitive does not know. That is an answer too.
        confidence: From 0 to 1, as the primitive defines it; None where it has no measure.
        evidence: What led to the value: samples, statements, votes. Its type is the primitive's.
        samples: How many answers to the question were drawn. What another primitive gave counts as
            one, whatever that took; `steps` tells all calls.
        reason: Why there is no value, in a few words: no answer was found in the texts, no step
            halted, the vote was too close. Empty where there is one.
        basis: Whether the confidence stands on the model's log-probabilities or on votes.
        extractor: Name and version of what read the answer from the text, where one did.
        steps: What each step took, in the order they began.
    """

    value: T | None
    confidence: float | None = None
    evidence: Any = None
    samples: int = 1
    reason: str = ""
    basis: Basis = ""
    extractor: str = ""
    steps: tuple[StepCost, ...] = field(default=(), repr=False, compare=False)

    @property
    def is_unknown(self) -> bool:
        """Whether the primitive abstained."""
        return self.value is None

    @classmethod
    def unknown(
        cls,
        reason: str = "",
        *,
        evidence: Any = None,
        samples: int = 1,
        basis: Basis = "",
        extractor: str = "",
    ) -> Result[T]:
        """Return an abstention.

        >>> Result.unknown("no step halted").is_unknown
        True
        """
        return cls(None, None, evidence, samples, reason, basis, extractor)

    def explain(self) -> Explanation:
        """Return what led to the answer, and what each step took: as text, HTML or a picture.

        >>> print(Result("4", 0.9, evidence="2 and 2 make 4.").explain().text)
        4 (90%)
        <BLANKLINE>
        2 and 2 make 4.
        """
        return Explanation(str(self), (*_sections(self.evidence), *_costs(self.steps)))

    def _repr_html_(self) -> str:
        return self.explain().html

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 -- IPython's
        is_alone = len(getattr(printer, "stack", ())) <= 1
        printer.text(self.explain().text if is_alone else f"{type(self).__name__}({self})")

    def __str__(self) -> str:
        """Show the value and how sure it is; nothing in it steers a terminal."""
        if self.value is None:
            return f"unknown: {_shown(self.reason)}" if self.reason else "unknown"
        value = _shown(self.value)
        return value if self.confidence is None else f"{value} ({self.confidence:.0%})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement. There is no NaN and no silent default: what cannot be judged is «unsure».

    Attributes:
        outcome: "pass", "fail" or "unsure".
        reason: Why, in a sentence.
        score: From 0 to 1, where there is one.
        evidence: What led to it.
        basis: Whether the score stands on the model's log-probabilities or on votes; empty where
            no model was asked.
        extractor: Name and version of what read the judge's words, where one did.
        steps: What each step took, in the order they began.
    """

    outcome: Literal["pass", "fail", "unsure"]
    reason: str = ""
    score: float | None = None
    evidence: Any = None
    basis: Basis = ""
    extractor: str = ""
    steps: tuple[StepCost, ...] = field(default=(), repr=False, compare=False)

    def __bool__(self) -> bool:
        """True for "pass" only: what is unsure has not passed."""
        return self.outcome == "pass"

    def explain(self) -> Explanation:
        """Return what led to the judgement, and what each step took."""
        return Explanation(str(self), (*_sections(self.evidence), *_costs(self.steps)))

    def _repr_html_(self) -> str:
        return self.explain().html

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 -- IPython's
        is_alone = len(getattr(printer, "stack", ())) <= 1
        printer.text(self.explain().text if is_alone else f"{type(self).__name__}({self})")

    def __str__(self) -> str:
        """Show the outcome, the score and the reason; nothing in it steers a terminal."""
        score = "" if self.score is None else f" ({self.score:.0%})"
        reason = f": {_shown(self.reason)}" if self.reason else ""
        return f"{self.outcome}{score}{reason}"


def _shown(value: Any) -> str:
    """What is printed of a text: all of it, without what moves a cursor or colours a screen."""
    text = str(value)
    return clean(text, longest=len(text))


def _sections(evidence: Any) -> Iterable[Section]:
    if isinstance(evidence, Explains):
        return evidence.sections()
    return () if evidence is None else (Paragraph(str(evidence)),)


MOST_STEPS: Final = 40
"""Rows of the table of steps; where there are more, equal steps are put together."""


def _costs(steps: tuple[StepCost, ...]) -> Iterable[Section]:
    if not steps:
        return ()
    shown, note = _few(steps)
    rows = tuple(
        (
            "  " * step.depth + step.name,
            f"{step.requests:,}",
            f"{step.cached:,}",
            f"{step.input_tokens:,}",
            f"{step.output_tokens:,}",
            money(step.cost_usd),
        )
        for step in shown
    )
    title = f"What it took{note}"
    return (Table(title, ("step", "calls", "cached", "tokens in", "out", "cost"), rows),)


def _few(steps: tuple[StepCost, ...]) -> tuple[tuple[StepCost, ...], str]:
    """The steps to be shown, and what is told of the others.

    Those of one step that differ only in a number are put together; if these are still too many,
    the deepest are left to those above, which include them.
    """
    if len(steps) <= MOST_STEPS:
        return steps, ""
    deepest = max(step.depth for step in steps)
    kept: tuple[StepCost, ...] = ()
    for depth in range(deepest, -1, -1):
        kept = _joined([step for step in steps if step.depth <= depth])
        if len(kept) <= MOST_STEPS:
            return kept, " (smaller steps are in these)" if depth < deepest else ""
    return kept[:MOST_STEPS], f" (the first {MOST_STEPS} of {len(kept):,} steps)"


def _joined(steps: list[StepCost]) -> tuple[StepCost, ...]:
    """Join steps of the same depth whose names differ only in digits, below the same step."""
    above: dict[int, int] = {}
    places: dict[tuple[int, int, str], int] = {}
    groups: list[list[StepCost]] = []
    for step in steps:
        key = (step.depth, above.get(step.depth - 1, -1), re.sub(r"\d+", "#", step.name))
        place = places.setdefault(key, len(groups))
        if place == len(groups):
            groups.append([])
        groups[place].append(step)
        above[step.depth] = place
    return tuple(_sum(group) for group in groups)


def _sum(group: list[StepCost]) -> StepCost:
    first, *rest = group
    if not rest:
        return first
    costs = [step.cost_usd for step in group]
    last = group[-1].name
    names = first.name if first.name == last else f"{first.name} to {last}"
    return StepCost(
        f"{names} ({len(group):,} steps)",
        first.depth,
        sum(step.requests for step in group),
        sum(step.cached for step in group),
        sum(step.input_tokens for step in group),
        sum(step.output_tokens for step in group),
        None if None in costs else sum(cost for cost in costs if cost is not None),
    )
