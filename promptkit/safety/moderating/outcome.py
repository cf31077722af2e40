"""What a moderation says, whoever judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from promptkit.explanation import Section, Table
from promptkit.result import Verdict
from promptkit.safety.finding import Finding

Backend = Literal["hosted", "embedded", "judge"]
"""Who judges."""

BACKENDS: Final = get_args(Backend)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderation:
    """What a moderation says of one input.

    Attributes:
        outcome: "pass", "fail" or "unsure"; what could not be judged is unsure.
        backend: Who judged.
        scores: From 0 to 1 by category, as the backend gives them; the judge's are 0 or 1.
        flagged: The categories that made it fail.
        thresholds: The scores from which a category was flagged; one that is not there was flagged
            as the endpoint says.
        input_types: What each category was judged on, "text" or "image", where the endpoint says.
        limits: What was not covered; empty where nothing is known to be missing.
        reason: Why, in a few words that quote nothing.
        length: Characters of the text, for the spans of the findings.
    """

    outcome: Literal["pass", "fail", "unsure"]
    backend: Backend
    scores: Mapping[str, float] = field(default_factory=dict)
    flagged: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    input_types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limits: str = ""
    reason: str = ""
    length: int = 0

    def __bool__(self) -> bool:
        """True for "pass" only."""
        return self.outcome == "pass"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding for each flagged category, or one that it is unsure; none where it passed."""
        span = (0, self.length)
        if self.outcome == "unsure":
            return (Finding(kind="unsure", span=span, action="ask", detail=self.reason),)
        return tuple(
            Finding(kind=kind_of(name), span=span, confidence=self.scores.get(name, 1.0))
            for name in self.flagged
        )

    @property
    def verdict(self) -> Verdict:
        """The same as a Verdict, whose score is that of the worst category."""
        worst = max(self.scores.values(), default=None)
        return Verdict(self.outcome, self.reason, worst, self)

    def sections(self) -> tuple[Section, ...]:
        """Return a table of the categories."""
        rows = tuple(
            (
                name,
                f"{score:.3f}",
                f"{self.thresholds[name]:g}" if name in self.thresholds else "",
                "flagged" if name in self.flagged else "",
                ", ".join(self.input_types.get(name, ())),
            )
            for name, score in self.scores.items()
        )
        head = ("category", "score", "from", "", "judged on")
        return (Table(f"By the {self.backend} backend", head, rows),)


def kind_of(category: str) -> str:
    """Return a category's name as the kind of a finding.

    >>> kind_of("self-harm/intent")
    'self_harm_intent'
    """
    return category.replace("-", "_").replace("/", "_").replace(" ", "_")
