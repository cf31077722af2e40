"""A policy: which checks run where, and what is done about what they find.

    name: support
    input:                       # what a person asks
      max_characters: 20000
      secrets: redact
      injection: block           # or a table: { action: block, threshold: 0.9 }
      topics: { action: block, allowed: [invoices, parcels], model: gpt-5.4-mini }
    untrusted:                   # what fills untrusted slots: documents, mails, tool results
      unicode: rewrite
      injected: redact
    output:                      # what the model answers
      markdown: { action: rewrite, allow: [example.com] }
      abuse: { action: ask, thresholds: { hate: 0.8 } }
    stored:                      # what caches, recordings and ledgers keep
      personal: redact
    safety_identifier: { key: { env: IDENTIFIER_KEY } }    # or true, or false

The actions are allow (only report), redact, rewrite, ask (hold it for a person) and block. What a
check can do and where it makes sense stands in `CHECKS`; everything else is refused when the policy
is made, with the line where it stands. Checks of a stage run in the order of `CHECKS`: what cleans
a text comes before what judges it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from promptkit.key_source import KeySource
from promptkit.safety.policy.reader import Reader
from promptkit.safety.policy.rules import ASKING, NO_RULES, STAGES, Rule, Rules, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which checks run where, and what is done; see the module's head.

    >>> Policy.of({"input": {"injection": "block"}}).input.rules[0].action
    'block'
    >>> Policy.of({"input": {"injections": "block"}})
    Traceback (most recent call last):
    promptkit.errors.PolicyError: input: there is no check 'injections': did you mean 'injection'?

    Attributes:
        name: Its name in the audit log.
        dry_run: Only report: nothing is changed, held or blocked.
        input: For what a person asks.
        untrusted: For what fills untrusted slots.
        output: For answers.
        stored: For what is kept.
        canary: Whether system messages get a canary, which «leak» looks for.
        identify: Whether the hash of who asks, see `Session.using(end_user=…)`, goes to an endpoint
            that takes it.
        identify_key: Where a key for that hash comes from, so that nobody can try names; None for
            a plain hash.
    """

    name: str = "policy"
    dry_run: bool = False
    identify: bool = True
    identify_key: KeySource | None = None
    input: Rules = NO_RULES
    untrusted: Rules = NO_RULES
    output: Rules = NO_RULES
    stored: Rules = NO_RULES
    canary: bool = False

    def at(self, stage: Stage) -> Rules:
        """Return the rules of a stage.

        What is redacted or blocked elsewhere, and of which «stored» says nothing, is not kept
        either.
        """
        rules: Rules = getattr(self, stage)
        return rules if stage != "stored" else _floored(rules, (*self.input, *self.output))

    @property
    def asks_people(self) -> bool:
        """Whether any rule holds texts for a person."""
        return any(rule.action == "ask" for stage in STAGES for rule in self.at(stage))

    @property
    def asks_models(self) -> bool:
        """Whether any rule asks a model."""
        return any(rule.check in ASKING for stage in STAGES for rule in self.at(stage))

    @classmethod
    def of(cls, table: Any, lines: Mapping[tuple[str, ...], int] | None = None) -> Policy:
        """Make a policy of a table as a file holds it.

        Args:
            table: The fields; see the module's head.
            lines: The line each path of field names stands in, for errors.

        Raises:
            PolicyError: With the line, where it is known.
        """
        return cls(**Reader(lines or {}).fields(table))

    def replace(self, **changes: Any) -> Policy:
        """Return this policy with some fields changed."""
        return replace(self, **changes)


def _floored(stored: Rules, others: tuple[Rule, ...]) -> Rules:
    named = {rule.check for rule in stored}
    floor = {
        rule.check: Rule(check=rule.check, action="redact", kinds=rule.kinds)
        for rule in others
        if rule.check in ("secrets", "personal")
        and rule.action in ("redact", "block")
        and rule.check not in named
    }
    return Rules(rules=(*stored, *floor.values()), max_characters=stored.max_characters)


DEFAULT_POLICY: Final = Policy.of(
    {
        "name": "default",
        "input": {"max_characters": 200_000, "secrets": "redact", "injection": "block"},
        "untrusted": {
            "max_characters": 1_000_000,
            "unicode": "rewrite",
            "secrets": "redact",
            "injection": "block",
            "injected": "redact",
        },
        "output": {"markdown": "rewrite", "secrets": "redact", "leak": "block", "abuse": "block"},
        "stored": {"secrets": "redact", "personal": "redact"},
        "canary": True,
    }
)
"""What `policy="default"` means: offline, and for a person at a keyboard. It does not redact
personal data from what is asked; say `input: {personal: redact}` for that."""
