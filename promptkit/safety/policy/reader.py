"""Reads a policy from the table that a file holds, and refuses what makes no sense in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from promptkit.errors import OptionError, PolicyError, ProfileError
from promptkit.key_source import parse_key_source
from promptkit.safety.classifiers.abuse_categories import CATEGORIES
from promptkit.safety.finding import ACTIONS
from promptkit.safety.markup.addresses import allowed_hosts
from promptkit.safety.personal import KINDS
from promptkit.safety.policy.rules import (
    CHECKS,
    OTHER,
    SEEN,
    STAGES,
    Rule,
    Rules,
    Stage,
)


class Reader:
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

    def fields(self, table: Any) -> dict[str, Any]:
        """Return the fields of a Policy.

        Raises:
            PolicyError: With the line, where it is known.
        """
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
        self.agree(values)
        return values

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
                hint = _meant(str(name), known)
                where = (*path, str(name)) if (*path, str(name)) in self.lines else path
                raise self.refuse(where, f"there is no {noun} {name!r}", hint)
        return value

    def stage(self, stage: Stage, value: Any) -> Rules:
        """Read the rules of one stage."""
        fields = self.table((stage,), value, ("max_characters", *CHECKS), "check")
        longest = fields.get("max_characters")
        is_length = isinstance(longest, int) and not isinstance(longest, bool) and longest >= 1
        if "max_characters" in fields and not is_length:
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
        rule = Rule(check=check, action=action, **settings)
        self.known(path, rule)
        return rule

    def known(self, path: tuple[str, ...], rule: Rule) -> None:
        """Refuse categories, kinds and hosts that there are not."""
        if OTHER in {topic.strip().casefold() for topic in rule.allowed}:
            raise self.refuse((*path, "allowed"), f"{OTHER!r} is what all other topics are called")
        if rule.check == "abuse":
            self.among((*path, "thresholds"), dict(rule.thresholds), CATEGORIES, "category")
        if rule.kinds:
            self.among((*path, "kinds"), rule.kinds, KINDS, "kind")
        try:
            allowed_hosts(rule.allow)
        except OptionError as error:
            raise self.refuse((*path, "allow"), error.message, error.hint) from None

    def among(
        self, path: tuple[str, ...], names: Iterable[str], known: Iterable[str], noun: str
    ) -> None:
        """Refuse a name that is not known."""
        for name in names:
            if name not in known:
                hint = _meant(name, sorted(known))
                raise self.refuse((*path, name), f"there is no {noun} {name!r}", hint)

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

    def agree(self, values: Mapping[str, Any]) -> None:
        """Refuse what contradicts itself over stages."""
        stored = {rule.check: rule.action for rule in values.get("stored", ())}
        for stage in SEEN:
            for rule in values.get(stage, ()):
                kept = stored.get(rule.check)
                if rule.action in ("redact", "block") and kept == "allow":
                    what = f"stored texts may hold what {stage} → {rule.check} takes out"
                    raise self.refuse(("stored", rule.check), what, "let both say the same")
        leaks = any(
            rule.check == "leak" and rule.action != "allow" for rule in values.get("output", ())
        )
        if values.get("canary") and not leaks:
            hint = "output: { leak: block }"
            raise self.refuse(("canary",), "a canary that no check looks for", hint)


def _meant(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"one of {', '.join(known)}"
