"""Secrets in a text: keys by their formats and checksums, passwords by what stands around them.

`find_secrets` is a pure function, needs no account and asks nobody whether a key still works. Three
searches make it up, in the package `credential_rules`: `formats` of some two hundred kinds of key,
`structures` such as key files, addresses and manifests, and `assignments`: values behind the name
of a secret.

It does not cover: secrets written in words or with no name and no format beside them, those split
over several strings or encoded twice, and passwords that are plain words.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Final

from promptkit.safety.credential_rules.assignments import assigned_secrets
from promptkit.safety.credential_rules.checks import CHECKS
from promptkit.safety.credential_rules.formats import FORMATS, Format, pattern_of
from promptkit.safety.credential_rules.structures import STRUCTURES
from promptkit.safety.credential_rules.values import is_filler
from promptkit.safety.finding import Cleaned, Finding, check_text

_LONG: Final = re.compile(r"[\w+/=~.%$-]{15}", re.ASCII)
"""No format of a key is shorter: without such a run none is looked for."""

_BESIDE: Final = 300
"""Characters around the id of an AWS key in which its secret is looked for."""

_AWS_SECRET: Final = re.compile(r"(?<![\w+/=.-])[A-Za-z0-9+/]{40}(?![\w+/=.-])", re.ASCII)


def find_secrets(text: str) -> list[Finding]:
    """Find credentials in a text, in the order in which they stand there.

    The span of a finding is the secret itself; its kind and detail say what it is, and nothing of
    it shows the value. Confidence is 1 where a checksum proves it, about 0.95 for a format, and
    from 0.6 for what only stands where a secret would. Where two agree on a place, the surer holds.

    Raises:
        TypeError: When `text` is no str.

    >>> address = "postgres://app:q7Zk2mWx9R@db.internal/main"  # promptkit: allow-secret
    >>> [f.kind for f in find_secrets(address)]
    ['url_password']
    >>> find_secrets("api_key = os.environ['OPENAI_API_KEY']")
    []
    """
    check_text(text)
    found = [*assigned_secrets(text)]
    for structure in STRUCTURES:
        found += structure(text)
    if _LONG.search(text):
        found += _formatted(text)
    return _without_overlaps(found)


def redact_secrets(text: str) -> Cleaned:
    """Put «[kind]» in the place of each credential, for logs, caches and what goes to a model.

    >>> address = "postgres://app:q7Zk2mWx9R@db.internal/main"  # promptkit: allow-secret
    >>> redact_secrets(address).text
    'postgres://app:[url_password]@db.internal/main'
    """
    findings = find_secrets(text)
    pieces, at = [], 0
    for finding in findings:
        start, end = finding.span
        pieces += [text[at:start], f"[{finding.kind}]"]
        at = end
    return Cleaned("".join([*pieces, text[at:]]), tuple(findings))


def _formatted(text: str) -> Iterator[Finding]:
    ids = []
    for form in FORMATS:
        for literal in form.literals:
            if literal in text:
                for finding in _of_format(text, form, literal):
                    if form.kind == "aws_access_key":
                        ids.append(finding.span)
                    yield finding
    for start, end in ids:
        for found in _AWS_SECRET.finditer(text, max(0, start - _BESIDE), end + _BESIDE):
            if not is_filler(found.group()):
                yield Finding(
                    kind="aws_secret_key",
                    span=found.span(),
                    confidence=0.85,
                    action="redact",
                    detail="an AWS secret key beside its id",
                )


def _of_format(text: str, form: Format, literal: str) -> Iterator[Finding]:
    pattern = pattern_of(form, literal)
    if form.offset < 0:
        matches: Iterable[re.Match[str]] = pattern.finditer(text)
    else:
        matches = _at_literal(text, form, literal, pattern)
    for match in matches:
        span = match.span("secret") if "secret" in pattern.groupindex else match.span()
        if confidence := _confidence(text[span[0] : span[1]], form, literal):
            yield Finding(
                kind=form.kind, span=span, confidence=confidence, action="redact", detail=form.label
            )


def _at_literal(
    text: str, form: Format, literal: str, pattern: re.Pattern[str]
) -> Iterator[re.Match[str]]:
    at = text.find(literal)
    while at >= 0:
        start = at - form.offset
        match = pattern.match(text, start) if start >= 0 and _begins(text, start) else None
        if match:
            yield match
        at = text.find(literal, max(match.end(), at + 1) if match else at + 1)


def _begins(text: str, at: int) -> bool:
    """Whether a token may begin here: not within a word, but for the letter of an escape."""
    before = text[at - 1 : at]
    if not (before.isascii() and (before.isalnum() or before == "_")):
        return True
    if before in "nrt":
        return text[at - 2 : at - 1] == "\\"
    return text[at - 3 : at - 2] == "%"


def _confidence(secret: str, form: Format, literal: str) -> float:
    if form.check:
        confidence = CHECKS[form.check](secret)
        if confidence == 1.0:
            return confidence
        if not confidence:
            return 0.0
        confidence = min(confidence, form.confidence)
    else:
        confidence = form.confidence
    if form.may_be_plain:
        return confidence
    body = max(secret.split(literal), key=len)
    alphabet = 16 if re.fullmatch(r"[0-9a-fA-F-]+", body) else 62
    return 0.0 if is_filler(body, alphabet=alphabet) else confidence


def _without_overlaps(findings: list[Finding]) -> list[Finding]:
    """Keep the surest of those that share characters, the longest of equally sure ones."""
    kept: list[Finding] = []
    order = sorted(findings, key=lambda f: (-f.confidence, f.span[0] - f.span[1], f.span))
    taken: list[tuple[int, int]] = []
    for finding in order:
        start, end = finding.span
        if not _overlaps(taken, start, end):
            kept.append(finding)
    return sorted(kept, key=lambda f: f.span)


def _overlaps(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    """Whether a span shares a character with those taken; else it is taken, in its order."""
    place = bisect_left(taken, (start, end))
    if place < len(taken) and taken[place][0] < end:
        return True
    if place and taken[place - 1][1] > start:
        return True
    insort(taken, (start, end))
    return False
