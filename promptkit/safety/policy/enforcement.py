"""Runs a policy's checks on one text and says what is to be done. No model, no file, no clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from promptkit.errors import BlockedError
from promptkit.safety.abuse import ABUSE_THRESHOLDS, abuse_scores
from promptkit.safety.canary import find_leak
from promptkit.safety.credentials import redact_secrets
from promptkit.safety.finding import Cleaned, Finding
from promptkit.safety.grounding import grounded
from promptkit.safety.injection import INJECTION_THRESHOLD, injection_score
from promptkit.safety.markdown import neutralize_markdown
from promptkit.safety.personal import DEFAULT_KINDS
from promptkit.safety.policy import Policy
from promptkit.safety.policy.rules import ASKING, CHANGING, Rule, Stage
from promptkit.safety.quotes import verify_quotes
from promptkit.safety.redaction import Mode, redact
from promptkit.safety.sanitizing import sanitize
from promptkit.safety.untrusted import UNTRUSTED_THRESHOLD, scan_untrusted
from promptkit.safety.vault import Vault

PERSONAL_KINDS: Final = DEFAULT_KINDS - {"domain"}
"""What a rule looks for that names no kinds: an address of a web site is mostly nobody's."""

REMOVED: Final = "[removed: instructions]"
"""What stands in place of a sentence that tried to instruct the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a text stands in, for the checks that need to know.

    Attributes:
        vault: Remembers what placeholders stand for, for a text that will be restored; without
            one personal data is masked.
        system: The system message, which an answer must not repeat.
        canary: The token in it.
        sources: The untrusted texts, which an answer may quote.
    """

    vault: Vault | None = None
    system: str = ""
    canary: str | None = None
    sources: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that found something."""

    rule: Rule
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Inspected:
    """What became of a text.

    Attributes:
        text: As it may be used, where nothing stops it.
        hits: What was found, rule by rule.
        stop: The rule that holds or blocks the text; None where it may go on.
    """

    text: str = field(repr=False)
    hits: tuple[Hit, ...] = ()
    stop: Hit | None = None


def inspect(
    text: str,
    stage: Stage,
    policy: Policy,
    about: About,
    *,
    only: Collection[str] | None = None,
    stops: bool = True,
    cleans: bool = False,
) -> Inspected:
    """Run the rules of a stage on a text.

    Each rule sees the text as the rules before it left it. In a dry run nothing changes and
    nothing stops. What blocks goes before what is held. A document that is nothing but
    instructions is blocked: there is nothing to hand on without them.

    Args:
        text: What is checked.
        stage: Where it stands.
        policy: The rules.
        about: What it stands in.
        only: Of the checks, those that are run; None for all.
        stops: Whether rules may hold or block; else only those run that change the text.
        cleans: Whether the other checks see the text as `sanitize` leaves it, because it will be
            sent like that.
    """
    hits: list[Hit] = []
    stop: Hit | None = None
    seen = sanitize(text, form="NFC").text if cleans else text
    for rule in policy.at(stage):
        is_wanted = only is None or rule.check in only
        changes = rule.action in CHANGING
        if rule.check in ASKING or not (is_wanted and (stops or changes)):
            continue
        raw = text if rule.check == "unicode" else seen
        cleaned = _RUN[rule.check](raw, rule, about)
        if not cleaned.findings:
            continue
        hits.append(Hit(rule, cleaned.findings))
        if policy.dry_run or rule.action == "allow":
            continue
        if rule.check == "injected" and not cleaned.text.replace(REMOVED, "").strip():
            rule = replace(rule, action="block")  # noqa: PLW2901 -- the rule as it is applied here
            hits[-1] = Hit(rule, cleaned.findings)
        if rule.action in CHANGING:
            seen = cleaned.text
        elif stop is None or stop.rule.action == "ask":
            stop = hits[-1]
    return Inspected(text if policy.dry_run else seen, tuple(hits), stop)


def too_long(length: int, stage: Stage, policy: Policy) -> Hit | None:
    """Return what is found in a text of this length, where the stage has a limit."""
    longest = policy.at(stage).max_characters
    if longest is None or length <= longest:
        return None
    detail = f"{length:,} characters; {longest:,} are allowed"
    finding = Finding(kind="too_long", span=(longest, length), detail=detail)
    return Hit(Rule(check="max_characters", action="block"), (finding,))


def blocked(hit: Hit, stage: Stage, policy: str) -> BlockedError:
    """Return the error for a text that a rule blocks."""
    kinds = ", ".join(dict.fromkeys(finding.kind for finding in hit.findings))
    details = [finding.detail for finding in hit.findings if finding.detail]
    hint = f"change the text, or {stage} → {hit.rule.check} in the policy"
    if hit.rule.check == "injected":
        hint = "nothing else stands in it; a slot for a person's own words is {name:input}"
    return BlockedError(
        f"the policy {policy!r} blocks this {stage} text: {hit.rule.check} found {kinds}"
        + (f" ({details[0]})" if details else ""),
        hint=hint,
        stage=stage,
        findings=hit.findings,
    )


def without(text: str, findings: Iterable[Finding], mark: str) -> str:
    """Return a text with a mark in place of each finding; overlapping ones share a mark.

    >>> without("one two three", [Finding(kind="x", span=(4, 7))], "[-]")
    'one [-] three'
    """
    kept, end = [], 0
    for start, stop in sorted(finding.span for finding in findings):
        if start >= end:
            kept += [text[end:start], mark]
        end = max(end, stop)
    return "".join((*kept, text[end:]))


# --- the checks, each from a text and its rule to findings and a cleaned text ------------------


def _unicode(text: str, _rule: Rule, _about: About) -> Cleaned:
    return sanitize(text)


def _markdown(text: str, rule: Rule, _about: About) -> Cleaned:
    return neutralize_markdown(text, allow=rule.allow)


def _secrets(text: str, _rule: Rule, _about: About) -> Cleaned:
    return redact_secrets(text)


def _personal(text: str, rule: Rule, about: About) -> Cleaned:
    mode: Mode = "mask" if about.vault is None else "placeholder"
    done = redact(text, about.vault, kinds=rule.kinds or PERSONAL_KINDS, mode=mode)
    return Cleaned(done.text, done.findings)


def _injection(text: str, rule: Rule, _about: About) -> Cleaned:
    score = injection_score(text)
    if score < (rule.threshold or INJECTION_THRESHOLD):
        return Cleaned(text)
    return Cleaned(text, (Finding(kind="injection", span=(0, len(text)), confidence=score),))


def _injected(text: str, rule: Rule, _about: About) -> Cleaned:
    least = rule.threshold or UNTRUSTED_THRESHOLD
    found = tuple(finding for finding in scan_untrusted(text) if finding.score >= least)
    return Cleaned(without(text, found, REMOVED), found) if found else Cleaned(text)


def _leak(text: str, _rule: Rule, about: About) -> Cleaned:
    found = tuple(find_leak(text, about.system, canary=about.canary)) if about.system else ()
    return Cleaned(without(text, found, "[removed: system message]"), found)


def _quotes(text: str, _rule: Rule, about: About) -> Cleaned:
    if not about.sources:
        return Cleaned(text)
    checks = verify_quotes(text, about.sources)
    missing = tuple(
        Finding(kind="quote_not_found", span=check.place, action="ask")
        for check in checks
        if not check.found
    )
    return Cleaned(text, missing)


def _grounded(text: str, _rule: Rule, about: About) -> Cleaned:
    if not about.sources:
        return Cleaned(text)
    verdict = grounded(text, about.sources)
    return Cleaned(text) if verdict.outcome != "fail" else Cleaned(text, tuple(verdict.evidence))


def _abuse(text: str, rule: Rule, _about: About) -> Cleaned:
    least = ABUSE_THRESHOLDS | dict(rule.thresholds)
    found = tuple(
        Finding(kind=category, span=(0, len(text)), confidence=score)
        for category, score in abuse_scores(text).items()
        if score >= least[category]
    )
    return Cleaned(text, found)


_RUN: Final[dict[str, Callable[[str, Rule, About], Cleaned]]] = {
    "unicode": _unicode,
    "markdown": _markdown,
    "secrets": _secrets,
    "personal": _personal,
    "injection": _injection,
    "injected": _injected,
    "leak": _leak,
    "quotes": _quotes,
    "grounded": _grounded,
    "abuse": _abuse,
}


def keeps(text: str, policy: Policy) -> bool:
    """Whether a text may be kept as it is: whether no rule of «stored» takes anything out of it."""
    done = inspect(text, "stored", policy, About())
    return done.stop is None and done.text == text


def storable(text: str, policy: Policy) -> str:
    """Return a text as a ledger may keep it; a few words where it may not.

    Secrets are masked whatever the policy says, a dry run included.
    """
    done = inspect(redact_secrets(text).text, "stored", policy, About())
    return done.text if done.stop is None else f"[not kept: {done.stop.rule.check}]"
