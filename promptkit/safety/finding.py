"""What a check on a text says: findings, each with its place and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

Action = Literal["allow", "redact", "rewrite", "ask", "block"]
"""What can be done about a finding, the mildest first; «ask» holds it for a person."""

ACTIONS: Final = get_args(Action)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a check found in a text. It holds the place, never the text that stood there.

    >>> Finding(kind="email", span=(6, 21), action="redact")
    Finding(kind='email', span=(6, 21), confidence=1.0, action='redact', detail='')

    Attributes:
        kind: What was found, in snake case: "zero_width", "email", "openai_key".
        span: Start and end in the text that the check was given, in characters.
        confidence: From 0 to 1, as the check states it; 1 for what a rule decides.
        action: What the check advises; a policy may say otherwise.
        detail: Why, in a few words, where the kind does not say it; nothing that is secret.
        payload: What was hidden there and is decoded now; no repr shows it.
    """

    kind: str
    span: tuple[int, int]
    confidence: float = 1.0
    action: Action = "block"
    detail: str = ""
    payload: str = field(default="", repr=False)

    @property
    def score(self) -> float:
        """The confidence, under the name that classifiers use."""
        return self.confidence


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text made harmless, and what was found in it.

    Attributes:
        text: What may be used.
        findings: In the order they stand in the text that came in.
    """

    text: str = field(repr=False)
    findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        """Say what was found; the text may be personal."""
        return f"Cleaned({len(self.text):,} characters, findings={self.findings!r})"


def check_text(text: Any) -> str:
    """Return `text`, or refuse what is none.

    Raises:
        TypeError: For anything but a str.
    """
    if not isinstance(text, str):
        raise TypeError(f"a {type(text).__name__} was given: the check takes a str")
    return text
