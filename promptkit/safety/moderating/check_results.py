"""What a check said of a text, in one form: findings where it may not pass, none where it may.

Any function of a text is a check: one that returns a truth value or a Verdict (true where the text
may pass), findings (none where it may), or scores by category as `abuse_scores` does.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from promptkit.errors import OptionError
from promptkit.result import Verdict
from promptkit.safety.classifiers.abuse_categories import ABUSE_THRESHOLDS
from promptkit.safety.finding import Finding
from promptkit.safety.moderating.outcome import Moderation, kind_of

Check = Callable[[str], Any | Awaitable[Any]]
"""A function of a text, async or not."""

_HINT = "return a bool or Verdict (true: it may pass), findings, or scores by category"


def refusals(said: Any, length: int) -> tuple[Finding, ...]:
    """Return why a text may not pass; nothing where it may. What is unsure may not.

    Args:
        said: What a check returned.
        length: Characters of the text.

    Raises:
        OptionError: For what says neither: nothing passes by mistake.

    >>> refusals(True, 5), refusals(False, 5)[0].kind, refusals({"hate": 0.9}, 5)[0].kind
    ((), 'refused', 'hate')
    """
    whole = (0, length)
    if isinstance(said, bool):
        return () if said else (Finding(kind="refused", span=whole),)
    if isinstance(said, Moderation):
        return () if said else said.findings
    if isinstance(said, Verdict):
        kind = "unsure" if said.outcome == "unsure" else "refused"
        return () if said else (Finding(kind=kind, span=whole, detail=said.reason),)
    if isinstance(said, Mapping):
        return _above(said, whole)
    found = (said,) if isinstance(said, Finding) else getattr(said, "findings", said)
    if isinstance(found, (tuple, list)) and all(isinstance(each, Finding) for each in found):
        return tuple(each for each in found if each.action != "allow")
    raise OptionError(f"a check returned a {type(said).__name__}", hint=_HINT)


def _above(scores: Mapping[Any, Any], span: tuple[int, int]) -> tuple[Finding, ...]:
    found = []
    for name, score in scores.items():
        if name not in ABUSE_THRESHOLDS or not isinstance(score, (int, float)):
            msg = f"a check returned a score for {name!r}"
            raise OptionError(msg, hint=f"the categories are {', '.join(ABUSE_THRESHOLDS)}")
        if not score < ABUSE_THRESHOLDS[name]:  # also what is no number
            found.append(Finding(kind=kind_of(name), span=span, confidence=float(score)))
    return tuple(found)


async def run_check(check: Check, text: str) -> tuple[Finding, ...]:
    """Run a check, async or not, and return why the text may not pass."""
    said = check(text)
    if inspect.isawaitable(said):
        said = await said
    return refusals(said, len(text))


def kinds_of(findings: tuple[Finding, ...]) -> str:
    """Return the kinds of findings for a message: none of the text."""
    return ", ".join(dict.fromkeys(each.kind for each in findings))
