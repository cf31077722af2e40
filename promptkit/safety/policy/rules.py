"""What a policy can say: the stages, the checks with their actions and settings, and rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from promptkit.safety.finding import Action

Stage = Literal["input", "untrusted", "output", "stored"]
"""Where a check runs: what a person asks, what fills untrusted slots, what the model answers, and
what is kept on disk."""

STAGES: Final[tuple[Stage, ...]] = get_args(Stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """What a policy may say of one check.

    Attributes:
        stages: Where it makes sense.
        actions: What it can do.
        settings: The further fields it takes, each with what it holds.
        needs: The settings that must be there.
    """

    stages: tuple[Stage, ...]
    actions: tuple[Action, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


_JUDGED: Final[tuple[Action, ...]] = ("allow", "ask", "block")
_REWRITTEN: Final[tuple[Action, ...]] = ("allow", "rewrite", "ask", "block")
_REDACTED: Final[tuple[Action, ...]] = ("allow", "redact", "ask", "block")
_ASKED: Final[tuple[Stage, ...]] = ("input", "untrusted")
SEEN: Final[tuple[Stage, ...]] = ("input", "untrusted", "output")

CHANGING: Final[tuple[Action, ...]] = ("redact", "rewrite")
"""The actions that let a changed text pass."""

CHECKS: Final[Mapping[str, CheckSpec]] = {
    "unicode": CheckSpec(stages=SEEN, actions=_REWRITTEN),
    "markdown": CheckSpec(
        stages=("untrusted", "output"), actions=_REWRITTEN, settings={"allow": "texts"}
    ),
    "secrets": CheckSpec(stages=STAGES, actions=_REDACTED),
    "personal": CheckSpec(stages=STAGES, actions=_REDACTED, settings={"kinds": "texts"}),
    "injection": CheckSpec(stages=_ASKED, actions=_JUDGED, settings={"threshold": "share"}),
    "injected": CheckSpec(
        stages=("untrusted",), actions=_REDACTED, settings={"threshold": "share"}
    ),
    "leak": CheckSpec(stages=("output",), actions=_REDACTED),
    "quotes": CheckSpec(stages=("output",), actions=_JUDGED),
    "grounded": CheckSpec(stages=("output",), actions=_JUDGED),
    "abuse": CheckSpec(stages=SEEN, actions=_JUDGED, settings={"thresholds": "shares"}),
    "moderation": CheckSpec(
        stages=("input", "output"),
        actions=_JUDGED,
        settings={"thresholds": "shares", "model": "text"},
    ),
    "topics": CheckSpec(
        stages=("input",),
        actions=_JUDGED,
        settings={"allowed": "texts", "model": "text"},
        needs=("allowed",),
    ),
}
"""Every check a policy can name. «moderation» asks the hosted endpoint, «topics» a model."""

OTHER: Final = "something else"
"""What a judge says of a question about none of the allowed topics."""

ASKING: Final = ("moderation", "topics")
"""The checks that ask a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check at one stage.

    Attributes:
        check: A name of `CHECKS`.
        action: What is done about what it finds.
        threshold: From which score on something counts as found; None takes the check's own.
        thresholds: The same for each category.
        allow: Hosts that links may point to.
        allowed: The topics that may be asked about.
        kinds: Which kinds of personal data; empty for all.
        model: Which model judges; None for the session's.
    """

    check: str
    action: Action
    threshold: float | None = None
    thresholds: tuple[tuple[str, float], ...] = ()
    allow: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What happens at one stage.

    Attributes:
        rules: In the order they are applied.
        max_characters: How long its texts may be in all; None for any length.
    """

    rules: tuple[Rule, ...] = ()
    max_characters: int | None = None

    def __iter__(self) -> Iterator[Rule]:
        """Go through the rules."""
        return iter(self.rules)


NO_RULES: Final = Rules()
