"""What primitives return: a Result for an answer, a Verdict for a judgement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """A typed answer with the reasons for it.

    Attributes:
        value: The answer; None when the primitive does not know. That is an answer too.
        confidence: From 0 to 1, as the primitive defines it; None where it has no measure.
        evidence: What led to the value: samples, statements, votes. Its type is the primitive's.
        samples: How many answers were drawn from the model for it.
    """

    value: T | None
    confidence: float | None = None
    evidence: Any = None
    samples: int = 1

    @property
    def is_unknown(self) -> bool:
        """Whether the primitive abstained."""
        return self.value is None

    @classmethod
    def unknown(cls, *, evidence: Any = None, samples: int = 1) -> Result[T]:
        """Return an abstention.

        >>> Result.unknown().is_unknown
        True
        """
        return cls(None, None, evidence, samples)

    def __str__(self) -> str:
        """Show the value and how sure it is."""
        value = "unknown" if self.value is None else str(self.value)
        return value if self.confidence is None else f"{value} ({self.confidence:.0%})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement. There is no NaN and no silent default: what cannot be judged is «unsure».

    Attributes:
        outcome: "pass", "fail" or "unsure".
        reason: Why, in a sentence.
        score: From 0 to 1, where there is one.
        evidence: What led to it.
    """

    outcome: Literal["pass", "fail", "unsure"]
    reason: str = ""
    score: float | None = None
    evidence: Any = None

    def __bool__(self) -> bool:
        """True for "pass" only: what is unsure has not passed."""
        return self.outcome == "pass"
