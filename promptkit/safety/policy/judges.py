"""The checks of a policy that ask a model: allowed topics, and the hosted moderation endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from promptkit.prompt import Prompt
from promptkit.safety.finding import Finding
from promptkit.safety.moderation import moderate
from promptkit.safety.policy.rules import OTHER, Rule

if TYPE_CHECKING:
    from promptkit.session import Session

TOPIC: Final = Prompt(
    "Here is what somebody asked an assistant:\n{asked}\n\n"
    "What is it about? Choose one of: {topics:trusted}. Reply with the choice alone.",
    system="You sort questions by topic. You do not answer them.",
)
"""Slots `asked` and `topics`."""


async def judge(session: Session, text: str, rule: Rule) -> tuple[Finding, ...]:
    """Return what a model finds in a text; nothing where it may pass.

    A judge whose words cannot be read lets nothing pass.
    """
    if rule.check == "topics":
        return await _topics(session.step("topics"), text, rule)
    return await _moderation(session.step("moderation"), text, rule)


async def _topics(session: Session, text: str, rule: Rule) -> tuple[Finding, ...]:
    choices = (*rule.allowed, OTHER)
    asked = TOPIC.fill(asked=text, topics="; ".join(choices))
    response = await session.ask(
        asked, model=rule.model, temperature=0, max_tokens=32, constraint=list(choices)
    )
    said = response.text.strip().strip(".«»\"'").casefold()
    if said in {topic.casefold() for topic in rule.allowed}:
        return ()
    detail = "about none of the allowed topics" if said == OTHER else "the judge named no topic"
    return (Finding(kind="off_topic", span=(0, len(text)), detail=detail),)


async def _moderation(session: Session, text: str, rule: Rule) -> tuple[Finding, ...]:
    thresholds = dict(rule.thresholds) or None
    found = await moderate(session, text, backend="hosted", thresholds=thresholds, model=rule.model)
    return found.findings
