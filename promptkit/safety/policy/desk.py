"""Whom a policy turns to: the people who decide, the log, and a session for its own questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from promptkit.errors import BlockedError, HeldError, PolicyError
from promptkit.prompt import INPUT
from promptkit.request import Request
from promptkit.safety.policy import Policy
from promptkit.safety.policy.enforcement import Hit, Inspected, blocked
from promptkit.safety.policy.reviews import Audit, Decision, Reviews
from promptkit.safety.policy.rules import Stage

if TYPE_CHECKING:
    from promptkit.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Whom a policy turns to.

    Attributes:
        audit: Where it is written down; None for nowhere.
        reviews: The queue of held texts; None where no rule holds any.
        judge: A session that is not under this policy, for checks that ask a model.
    """

    audit: Audit | None = None
    reviews: Reviews | None = None
    judge: Session | None = field(default=None, repr=False)

    def vetted(self, request: Request) -> str | None:
        """Return the vetted answer to a question: the last message, or the person's words in it.

        Only a call that asks for one free text can have one.
        """
        has_shape = request.options.constraint is not None or (request.options.n or 1) > 1
        if self.reviews is None or not request.messages or has_shape:
            return None
        if request.api not in ("chat", "responses"):
            return None
        last = request.messages[-1]
        found = self.reviews.vetted(last.text)
        parts = () if isinstance(last.content, str) else last.content
        asked = [part.text for part in parts if part.spotlight == INPUT]
        if found is None and len(asked) == 1:
            found = self.reviews.vetted(asked[0])
        return found

    def approved(self, key: bytes, stage: Stage) -> str | None:
        """Return a held text that a person has approved; None where none was held.

        Raises:
            HeldError: It still waits. BlockedError: it was rejected.
        """
        decision = None if self.reviews is None else self.reviews.look(key, stage)
        return None if decision is None else _let_through(decision, stage, ())

    def stop(
        self, done: Inspected, stage: Stage, key: bytes, policy: Policy, question: str = ""
    ) -> str:
        """Block a text, or hold it; return it where a person has approved it already.

        Raises:
            BlockedError: A rule or a person says no. HeldError: it waits for a person.
        """
        stop = done.stop
        assert stop is not None  # noqa: S101 -- asked for only where something stops it
        if stop.rule.action == "block":
            raise blocked(stop, stage, policy.name)
        assert self.reviews is not None  # noqa: S101 -- the layer has seen to it
        decision = self.reviews.look(key, stage)
        if decision is None:
            ticket = self.reviews.hold(key, stage, done.text, stop.findings, question=question)
            decision = Decision(ticket=ticket, status="waiting")
        return _let_through(decision, stage, stop.findings)

    def note(self, hits: Iterable[Hit], stage: Stage, policy: Policy) -> None:
        """Write down what was found and is done; never the text."""
        if self.audit is None:
            return
        for hit in hits:
            self.audit.write(
                {
                    "policy": policy.name,
                    "stage": stage,
                    "check": hit.rule.check,
                    "found": dict(Counter(finding.kind for finding in hit.findings)),
                    "score": round(max(f.confidence for f in hit.findings), 4),
                    "action": hit.rule.action,
                    "dry_run": policy.dry_run,
                }
            )


def check_people(policy: Policy, reviews: Reviews | None) -> None:
    """Refuse a policy that holds texts for a person where there is no queue.

    Raises:
        PolicyError: Then.
    """
    if policy.asks_people and reviews is None and not policy.dry_run:
        msg = f"the policy {policy.name!r} holds texts for a person, and there is no queue"
        raise PolicyError(msg, hint="give a queue as reviews=…, or another action than ask")


def _let_through(decision: Decision, stage: Stage, findings: Sequence[object]) -> str:
    if decision.status == "approved" and decision.text is not None:
        return decision.text
    if decision.status == "rejected":
        reason = f" ({decision.reason})" if decision.reason else ""
        msg = f"a person rejected this {stage} text, ticket {decision.ticket}{reason}"
        raise BlockedError(msg, stage=stage, findings=findings)
    raise HeldError(
        f"this {stage} text waits for a person, ticket {decision.ticket}",
        hint=f"promptkit review approve {decision.ticket}, then ask again",
        stage=stage,
        findings=findings,
        ticket=decision.ticket,
    )
