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

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

from promptkit.errors import PolicyError, ProfileError
from promptkit.key_source import KeySource, parse_key_source
from promptkit.safety.finding import ACTIONS, Action

Stage = Literal["input", "untrusted", "output", "stored"]
"""Where a check runs: what a person asks, what fills untrusted slots, what the model answers, and
what is kept on disk."""

STAGES: Final[tuple[Stage, ...]] = get_args(Stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
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
_SEEN: Final[tuple[Stage, ...]] = ("input", "untrusted", "output")

CHECKS: Final[Mapping[str, Kind]] = {
    "unicode": Kind(stages=_SEEN, actions=_REWRITTEN),
    "markdown": Kind(
        stages=("untrusted", "output"), actions=_REWRITTEN, settings={"allow": "texts"}
    ),
    "secrets": Kind(stages=STAGES, actions=_REDACTED),
    "personal": Kind(stages=STAGES, actions=_REDACTED, settings={"kinds": "texts"}),
    "injection": Kind(stages=_ASKED, actions=_JUDGED, settings={"threshold": "share"}),
    "injected": Kind(stages=("untrusted",), actions=_REDACTED, settings={"threshold": "share"}),
    "leak": Kind(stages=("output",), actions=_REDACTED),
    "quotes": Kind(stages=("output",), actions=_JUDGED),
    "grounded": Kind(stages=("output",), actions=_JUDGED),
    "abuse": Kind(stages=_SEEN, actions=_JUDGED, settings={"thresholds": "shares"}),
    "moderation": Kind(
        stages=("input", "output"),
        actions=_JUDGED,
        settings={"thresholds": "shares", "model": "text"},
    ),
    "topics": Kind(
        stages=("input",),
        actions=_JUDGED,
        settings={"allowed": "texts", "model": "text"},
        needs=("allowed",),
    ),
}
"""Every check a policy can name. «moderation» asks the hosted endpoint, «topics» a model."""

ASKING: Final = ("moderation", "topics")
"""The checks that ask a model."""

DEFAULT_CHARACTERS: Final = 200_000
"""The longest text a stage takes unless the policy says otherwise."""


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
        max_characters: The longest text that is let through.
    """

    rules: tuple[Rule, ...] = ()
    max_characters: int = DEFAULT_CHARACTERS

    def __iter__(self) -> Any:
        """Go through the rules."""
        return iter(self.rules)


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
    input: Rules = Rules()
    untrusted: Rules = Rules()
    output: Rules = Rules()
    stored: Rules = Rules()
    canary: bool = False

    def at(self, stage: Stage) -> Rules:
        """Return the rules of a stage."""
        rules: Rules = getattr(self, stage)
        return rules

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
        return _Reader(lines or {}).policy(table)

    def replace(self, **changes: Any) -> Policy:
        """Return this policy with some fields changed."""
        return replace(self, **changes)


class _Reader:
    """Reads a policy's table; every refusal names the place."""

    def __init__(self, lines: Mapping[tuple[str, ...], int]) -> None:
        self.lines = lines

    def refuse(self, path: tuple[str, ...], what: str, hint: str = "") -> PolicyError:
        """Return the error for a place; the line is that of the nearest one above that has one."""
        line = next(
            (self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), None
        )
        where = " → ".join(path) or "the policy"
        place = f"line {line}, {where}" if line is not None else where
        return PolicyError(f"{place}: {what}", hint=hint)

    def policy(self, table: Any) -> Policy:
        """Read the whole."""
        known = ("name", "dry_run", "canary", "safety_identifier", *STAGES)
        fields = self.table((), table, known, "field")
        values: dict[str, Any] = {}
        for name, kind in (("name", str), ("dry_run", bool), ("canary", bool)):
            if name in fields:
                if not isinstance(fields[name], kind):
                    what = f"{fields[name]!r} is no {'text' if kind is str else 'true or false'}"
                    raise self.refuse((name,), what)
                values[name] = fields[name]
        values |= self.identifier(fields.get("safety_identifier", True))
        for stage in STAGES:
            if fields.get(stage) is not None:
                values[stage] = self.stage(stage, fields[stage])
        made = Policy(**values)
        self.agree(made)
        return made

    def identifier(self, value: Any) -> dict[str, Any]:
        """Read `safety_identifier`: true, false, or a table with the source of a key."""
        path = ("safety_identifier",)
        if isinstance(value, bool):
            return {"identify": value}
        table = self.table(path, value, ("key",), "setting")
        try:
            return {"identify_key": parse_key_source(table.get("key"), "key")}
        except ProfileError as error:
            raise self.refuse(path, error.message, error.hint) from None

    def table(
        self, path: tuple[str, ...], value: Any, known: Iterable[str], noun: str
    ) -> Mapping[str, Any]:
        """Return a table all of whose fields are known."""
        if not isinstance(value, Mapping):
            raise self.refuse(path, f"a {type(value).__name__}, no table of fields")
        known = list(known)
        for name in value:
            if name not in known:
                close = difflib.get_close_matches(str(name), known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"one of {', '.join(known)}"
                where = (*path, str(name)) if (*path, str(name)) in self.lines else path
                raise self.refuse(where, f"there is no {noun} {name!r}", hint)
        return value

    def stage(self, stage: Stage, value: Any) -> Rules:
        """Read the rules of one stage."""
        fields = self.table((stage,), value, ("max_characters", *CHECKS), "check")
        longest = fields.get("max_characters", DEFAULT_CHARACTERS)
        if not isinstance(longest, int) or isinstance(longest, bool) or longest < 1:
            what = f"{longest!r} is no length"
            raise self.refuse((stage, "max_characters"), what, "a whole number from 1 on")
        rules = [self.rule(stage, check, fields[check]) for check in CHECKS if check in fields]
        return Rules(rules=tuple(rules), max_characters=longest)

    def rule(self, stage: Stage, check: str, value: Any) -> Rule:
        """Read one check's entry: an action, or a table with further settings."""
        path, kind = (stage, check), CHECKS[check]
        if stage not in kind.stages:
            hint = f"it runs at {', '.join(kind.stages)}"
            raise self.refuse(path, f"{check!r} says nothing about {stage} texts", hint)
        table = value if isinstance(value, Mapping) else {"action": value}
        self.table(path, table, ("action", *kind.settings), "setting")
        action = table.get("action")
        actions = (
            tuple(a for a in kind.actions if a != "ask") if stage == "stored" else kind.actions
        )
        if action not in actions:
            what = "no action is given" if action is None else f"{action!r} is not for this check"
            if action is not None and action not in ACTIONS:
                what = f"there is no action {action!r}"
            raise self.refuse(path, what, f"one of {', '.join(actions)}")
        missing = [name for name in kind.needs if not table.get(name)]
        if missing:
            raise self.refuse(path, f"{missing[0]!r} is missing", f"say {missing[0]}: […]")
        settings = {
            name: self.setting((*path, name), kind.settings[name], setting)
            for name, setting in table.items()
            if name != "action"
        }
        return Rule(check=check, action=action, **settings)

    def setting(self, path: tuple[str, ...], holds: str, value: Any) -> Any:
        """Read one setting: a share, shares by category, a text, or a list of texts."""
        if holds == "share":
            return self.share(path, value)
        if holds == "shares":
            if not isinstance(value, Mapping):
                raise self.refuse(path, f"{value!r} is no table", "categories with thresholds")
            return tuple((str(k), self.share((*path, str(k)), v)) for k, v in value.items())
        if holds == "text":
            if not isinstance(value, str) or not value:
                raise self.refuse(path, f"{value!r} is no text")
            return value
        is_list = isinstance(value, (list, tuple))
        if not is_list or not value or not all(isinstance(v, str) and v for v in value):
            raise self.refuse(path, f"{value!r} is no list of texts")
        return tuple(value)

    def share(self, path: tuple[str, ...], value: Any) -> float:
        """Read a threshold."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 < value <= 1:
            raise self.refuse(path, f"{value!r} is no threshold", "a number above 0, at most 1")
        return float(value)

    def agree(self, policy: Policy) -> None:
        """Refuse what contradicts itself over stages."""
        stored = {rule.check: rule.action for rule in policy.stored}
        for stage in _SEEN:
            for rule in policy.at(stage):
                kept = stored.get(rule.check)
                if rule.action in ("redact", "block") and kept == "allow":
                    what = f"stored texts may hold what {stage} → {rule.check} takes out"
                    raise self.refuse(("stored", rule.check), what, "let both say the same")
        leaks = any(rule.check == "leak" for rule in policy.output)
        if policy.canary and not leaks:
            hint = "output: { leak: block }"
            raise self.refuse(("canary",), "a canary that no check looks for", hint)


DEFAULT_POLICY: Final = Policy.of(
    {
        "name": "default",
        "input": {"secrets": "redact", "injection": "block"},
        "untrusted": {
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
