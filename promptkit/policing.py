"""Puts a session under a policy: `connect(policy=…)`.

The policy's layer stands outside all others. What is kept on disk is checked by the rules of
«stored»: a cache or recording keeps an answer as it came or not at all, so that a hit is what was
answered; a ledger that keeps texts keeps them redacted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import Any

from promptkit.adapters.audit_log import AuditLog
from promptkit.adapters.policy_file import read_policy
from promptkit.adapters.review_queue import ReviewQueue
from promptkit.codec import request_to_json
from promptkit.errors import OptionError
from promptkit.request import Request
from promptkit.response import Response
from promptkit.safety.policy import DEFAULT_POLICY, Policy
from promptkit.safety.policy.desk import Desk
from promptkit.safety.policy.enforcement import keeps as _keeps
from promptkit.safety.policy.enforcement import storable
from promptkit.safety.policy.layer import PolicyLayer
from promptkit.safety.policy.reviews import Audit, Reviews
from promptkit.session import Session
from promptkit.transport import Transport

PolicyChoice = Policy | Mapping[str, Any] | str | os.PathLike[str] | None
"""A policy, its table, its file, or "default"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Police:
    """A policy and whom it turns to, for one session.

    Attributes:
        policy: What is checked.
        audit: Where it is written down; None for nowhere.
        reviews: The queue of held texts; None where there is none.
        owns_reviews: Whether the queue was opened for this session and closes with it.
    """

    policy: Policy
    audit: Audit | None
    reviews: Reviews | None
    owns_reviews: bool = False

    def layer(self, transport: Transport, judge: Session) -> PolicyLayer:
        """Return the outermost layer.

        Args:
            transport: All layers below it.
            judge: A session over these, for checks that ask a model.
        """
        return PolicyLayer(
            transport, self.policy, Desk(audit=self.audit, reviews=self.reviews, judge=judge)
        )

    def text(self, text: str) -> str:
        """Return a text as a ledger may keep it."""
        return storable(text, self.policy)

    def keeps(self, request: Request, response: Response) -> bool:
        """Whether caches and recordings may hold this question and its answer."""
        asked = json.dumps(request_to_json(request), ensure_ascii=False)
        texts = (request.text, asked, *(choice.text for choice in response.choices))
        return all(_keeps(text, self.policy) for text in texts)

    async def aclose(self) -> None:
        """Close the review queue."""
        if self.owns_reviews and isinstance(self.reviews, ReviewQueue):
            self.reviews.close()


def police(
    policy: PolicyChoice,
    audit: Audit | str | os.PathLike[str] | EllipsisType | None,
    reviews: Reviews | str | os.PathLike[str] | None,
    folder: Path,
    *,
    keeps_files: bool,
) -> Police | None:
    """Return what puts a session under a policy; None where it has none.

    Args:
        policy: See `connect`.
        audit: A path or an Audit; None for none; `...` for the profile's own file.
        reviews: A path or a Reviews; None for the profile's own file, where one is needed.
        folder: The profile's.
        keeps_files: Whether this session writes to it.

    Raises:
        PolicyError: When the policy is wrong. StoreError: when a file cannot be used.
    """
    if policy is None and reviews is None:
        if audit is not None and not isinstance(audit, EllipsisType):
            raise OptionError("an audit log without a policy", hint='policy="default", or a file')
        return None
    found = _policy(policy)
    queue = reviews
    if queue is None and found.asks_people and not found.dry_run:
        queue = folder / "reviews.sqlite"
    is_path = isinstance(queue, (str, os.PathLike))
    if isinstance(queue, (str, os.PathLike)):
        queue = ReviewQueue(queue)
    elif queue is not None and not hasattr(queue, "look"):
        raise OptionError(f"reviews={queue!r}", hint="a path or a ReviewQueue")
    log = audit
    if isinstance(log, EllipsisType):
        log = folder / "audit.jsonl" if keeps_files else None
    if isinstance(log, (str, os.PathLike)):
        log = AuditLog(log)
    elif log is not None and not hasattr(log, "write"):
        raise OptionError(f"audit={log!r}", hint="a path or an AuditLog")
    return Police(policy=found, audit=log, reviews=queue, owns_reviews=is_path)


def _policy(policy: PolicyChoice) -> Policy:
    if policy is None:
        return Policy()
    if isinstance(policy, Policy):
        return policy
    if isinstance(policy, Mapping):
        return Policy.of(policy)
    if policy == "default":
        return DEFAULT_POLICY
    if isinstance(policy, str) and policy.strip().casefold() == "default":
        raise OptionError(f"policy={policy!r}", hint="the built-in one is called «default»")
    if isinstance(policy, (str, os.PathLike)):
        return read_policy(policy)
    hint = 'a Policy, a table, the path of a YAML file, or "default"'
    raise OptionError(f"policy={policy!r}", hint=hint)
