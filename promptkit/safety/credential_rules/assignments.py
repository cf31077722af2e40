"""Secrets told by the name before them: `API_KEY=…`, `"password": "…"`, `--token …`.

The name says which sort of value is expected (`names`), or which service issued it (`services`);
the value must look like one (`values`). So a name alone, a reference, a placeholder or an
identifier is no finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from promptkit.safety.credential_rules.checks import decoded
from promptkit.safety.credential_rules.entropy import randomness
from promptkit.safety.credential_rules.names import Sort, sort_of, words_of
from promptkit.safety.credential_rules.services import SERVICES, service_of
from promptkit.safety.credential_rules.values import (
    is_placeholder,
    is_reference,
    is_uuid,
    looks_chosen,
    looks_drawn,
)
from promptkit.safety.finding import Finding

_ASSIGNMENT: Final = re.compile(
    r"(?<![\w$.-])-{0,2}(?P<name>[A-Za-z_$][\w$.-]{1,79}+)"
    r"(?P<close>\\{0,2}[\"'`]?[ \t]{0,2}[\])]{0,2}|\?)"
    r"(?:[ \t]{0,4}:[ \t]{0,2}(?:&'\w{1,20}[ ])?[A-Za-z_&'][\w.\[\]?']{0,40}+"
    r"(?:[ ]?\|[ ]?[\w.\[\]?']{1,40}+){0,3}[ ]{0,2}(?==(?!=)))?"  # a type: `x: str | None = …`
    r"[ \t]{0,30}+"
    r"(?P<op>:=|=>|->|<-|={1,3}|:{1,2}=?|\?=|\|\|=?|,|>|(?:is|was|are)(?=[ \t:]))"
)
_OPENING: Final = re.compile(
    r"[ \t]{0,20}(?:\\?\r?\n[ \t]{0,20}(?=[\"']))?"
    r"(?P<call>(?:new[ ])?[A-Za-z_][\w.:]{0,60}+\()?[ ]?"
    r"(?:[fbruFBRU]{1,2}(?=[\"'])|@(?=\")|\$(?=\"))?(?P<quote>\\{1,2}[\"']|\"{1,3}|'{1,3}|`)?"
)
_LOOKED_UP: Final = re.compile(
    r"get|env|input|prompt|look|fetch|read|load|decrypt|find|require|resolve|param|var\(|ref\(",
    re.IGNORECASE,
)
"""In the name of a call: it fetches the value from elsewhere."""

_LONGEST_BARE: Final = 1_000
_BARE: Final = re.compile(rf"[^\s\"'`,;<>]{{1,{_LONGEST_BARE}}}+")
_NESTED: Final = re.compile(r"[A-Za-z_][\w.-]{0,60}+=(?![=\s]|$)")
_WITH_SCHEME: Final = re.compile(
    rf"(?:bearer|basic|token|bot|api-?key|api-?token|key|digest|jwt)[ ]{{1,2}}{_BARE.pattern}",
    re.IGNORECASE,
)
"""The value of a header: «Bearer …» (RFC 9110, section 11.4)."""

_QUOTED: Final = {
    '"': re.compile(r'(?:[^"\\\n]|\\.){0,4000}+'),
    "'": re.compile(r"(?:[^'\\\n]|\\.){0,4000}+"),
    "`": re.compile(r"[^`]{0,4000}+"),
    "\\": re.compile(r"[^\"'\\\n]{0,4000}+"),
}
_SCHEME: Final = re.compile(
    r"(?P<scheme>bearer|basic|token|digest|negotiate|bot|api[-_]?(?:key|token)|genie-?key|splunk"
    r"|key|jwt|[A-Za-z][A-Za-z0-9-]{2,20}(?=[ ]))[ :=]{1,3}(?P<rest>\S.{0,3000})",
    re.IGNORECASE | re.DOTALL,
)
_OPTION: Final = re.compile(
    r"(?<![\w-])--?(?P<name>[A-Za-z][\w-]{1,40}+)[ \t]{1,4}(?P<quote>\\?[\"'])?"
    r"(?P<value>(?!-)[^\s\"']{6,400}+)"
)
_PAIR: Final = re.compile(
    r"(?<![\w-])[\"']?(?:key|name|id)[\"']?[ \t]{0,4}[=:][ \t]{0,4}[\"']?"
    r"(?P<name>[\w.:-]{2,80}+)[\"']?,?\s{1,60}+[-]?[ ]{0,4}[\"']?value[\"']?[ \t]{0,4}[=:]"
    r"[ \t]{0,4}(?P<quote>[\"'])?(?P<value>[^\s\"'<>]{6,1000}+)",
    re.IGNORECASE,
)
"""`<add key="Password" value="…"/>`, `name: TOKEN` with `value: …` on the next line."""

_HASHED: Final = frozenset(
    """
    hash hashes hashed sha sha1 sha256 sha512 md5 digest checksum commit etag fingerprint
    integrity revision rev version url uri path file id
    """.split()  # noqa: SIM905 -- one word a line would be three hundred lines
)
_ACCESS: Final = frozenset(("api", "access", "login", "license", "licence"))
"""Last words that name a credential where a service is named too: `trello_api`."""

_LINE: Final = 60
"""Characters before a name in which a service may be named."""

_HINTS: Final = (
    "pass",
    "pw",
    "secret",
    "token",
    "key",
    "auth",
    "cred",
    "bearer",
    "jwt",
    "pat",
    "sas",
)
"""What a name holds that names a secret; a few names of several words hold nothing else."""

_LONG: Final = re.compile(r"[\w+/=-]{12}", re.ASCII)
_CLOSERS: Final = ".,:;)]}\\"
_NAMES_OF_ONE: Final = 4
"""Of the names before one value, as in «a:b:c:value», so many are tried."""

_LEAST_LOOSE: Final = 20
_SHORTEST: Final = 6


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: the sort and words of its name, the words before, and its scheme."""

    sort: Sort
    words: tuple[str, ...]
    before: tuple[str, ...] = ()
    scheme: str = ""


def assigned_secrets(text: str) -> Iterator[Finding]:
    """Find values that stand behind the name of a secret.

    >>> text = "db_password = 'k7#Qm2!vXz'"  # promptkit: allow-secret
    >>> [f.kind for f in assigned_secrets(f"{text}; token_type = bearer")]
    ['password']
    """
    lowered = text.lower()
    if not any(hint in lowered for hint in _HINTS) and _LONG.search(text) is None:
        return
    last_end, times = -1, 0
    for found in _assignments(text):
        words = words_of(found["name"])
        sort = sort_of(found["name"]) or _sort_of_phrase(text, found.start(), words)
        if not words or not (sort or _names_service(words) or words[-1] in _ACCESS):
            continue
        span = _value_span(text, found)
        if span is None:
            continue
        times = times + 1 if span[1] == last_end else 0
        last_end = span[1]
        if times < _NAMES_OF_ONE:
            yield from _judged(text, span, _Place(sort, words, _words_before(text, found.start())))
    for pattern in (_OPTION, _PAIR):
        for found in pattern.finditer(text):
            if sort := sort_of(found["name"]):
                place = _Place(sort, words_of(found["name"]))
                yield from _judged(text, found.span("value"), place)


def _assignments(text: str) -> Iterator[re.Match[str]]:
    """Yield names with an operator; what may be the type of one may be a name itself."""
    place = 0
    while found := _ASSIGNMENT.search(text, place):
        yield found
        place = found.end("name")


def _words_before(text: str, start: int) -> tuple[str, ...]:
    line = text.rfind("\n", max(0, start - _LINE), start) + 1
    return words_of(text[max(line, start - _LINE) : start])


def _names_service(words: tuple[str, ...]) -> bool:
    return not SERVICES.keys().isdisjoint(words)


def _sort_of_phrase(text: str, start: int, words: tuple[str, ...]) -> Sort:
    """In prose the words of a name stand apart: «API key: …»."""
    if words not in (("key",), ("token",), ("secret",), ("code",)):
        return ""
    before = words_of(text[max(0, start - 20) : start])
    return sort_of(f"{before[-1]}_{words[0]}") if before else ""


def _value_span(text: str, found: re.Match[str]) -> tuple[int, int] | None:
    """Return where the value behind an operator stands; None where it is fetched from elsewhere."""
    opening = _OPENING.match(text, found.end())
    if opening is None:  # all of it is optional
        return None
    call, quote, begin = opening["call"], opening["quote"], opening.end()
    if call and (not quote or _LOOKED_UP.search(call)):
        return None
    if found["op"] == "," and not (quote and found["close"][:1] in ("\\", '"', "'", "`")):
        return None
    if quote:
        inside = _QUOTED[quote[0]].match(text, begin)
        return inside.span() if inside else None
    span = _bare_span(text, begin, text[max(0, found.start() - 1) : found.start()])
    is_element = found["op"] == ">"
    return None if is_element and span and text[span[1] : span[1] + 2] != "</" else span


def _bare_span(text: str, begin: int, before: str) -> tuple[int, int] | None:
    """Return where a value without quotes ends; `before` is what stands before its name."""
    bare = _WITH_SCHEME.match(text, begin) or _BARE.match(text, begin)
    if bare is None or len(bare.group()) == _LONGEST_BARE:
        return None
    value = bare.group()
    if before in ("?", "&"):
        value = value.partition("&")[0]
    value = value.partition("\\n")[0].rstrip(_CLOSERS)
    if not value or _NESTED.match(value):
        return None  # a nested one has a name of its own, and is found under that
    return begin, begin + len(value)


def _judged(text: str, span: tuple[int, int], place: _Place) -> Iterator[Finding]:
    begin, end = span
    raw = text[begin:end]
    value = raw.strip()
    begin += len(raw) - len(raw.lstrip())
    scheme = _SCHEME.fullmatch(value) if place.sort else None
    if scheme and (place.words[-1] in ("authorization", "auth") or " " in value):
        begin += scheme.start("rest")
        value = scheme["rest"].split()[0]
        place = replace(place, scheme=scheme["scheme"].lower())
    if found := _sort_out(value, place):
        kind, confidence, detail = found
        span = (begin, begin + len(value))
        yield Finding(kind=kind, span=span, confidence=confidence, action="redact", detail=detail)


def _sort_out(value: str, place: _Place) -> tuple[str, float, str] | None:
    """Return kind, confidence and detail of a value; None where it is no secret."""
    if len(value) < _SHORTEST or any(char.isspace() for char in value):
        return None
    if place.scheme == "basic" or place.words[-1:] == ("auth",):
        if _is_login(value):
            return "basic_auth", 0.9, "user and password in base64"
        if place.scheme == "basic":
            return None
    return _of_service(value, place) or _of_name(value, place)


def _of_service(value: str, place: _Place) -> tuple[str, float, str] | None:
    words = place.words
    is_id = words[-1].endswith("id") and not {"client", "access", "accessid", "api"}.isdisjoint(
        words
    )
    if not (_HASHED.isdisjoint(words) or is_id):
        return None
    if not (place.sort or is_id or words[-1] in SERVICES or words[-1] in _ACCESS):
        return None
    service = service_of(words + place.before, value)
    if not service or is_placeholder(value) or randomness(value) < 0:
        return None
    if is_id and not place.sort:
        return f"{service}_id", 0.5, f"an id of an account at the service {service}"
    return f"{service}_key", 0.85, f"a credential of the service {service}"


def _of_name(value: str, place: _Place) -> tuple[str, float, str] | None:
    is_header = "authorization" in place.words
    if place.sort == "password" and looks_chosen(value):
        return "password", 0.7, "a password written out"
    if place.sort == "key" and (looks_drawn(value) or (is_header and is_uuid(value))):
        if is_header:
            return "authorization", 0.8, "an Authorization header"
        return "generic_secret", 0.75, "a random value under the name of a secret"
    if place.sort == "loose" and _is_surely_drawn(value):
        return "generic_secret", 0.6, "a random value under the name of a key"
    return None


def _is_login(value: str) -> bool:
    pair = decoded(value)
    return pair is not None and b":" in pair and pair.isascii() and not _is_stand_in(pair)


def _is_stand_in(pair: bytes) -> bool:
    password = pair.decode("ascii").partition(":")[2]
    return bool(password) and (is_placeholder(password) or is_reference(password))


def _is_surely_drawn(value: str) -> bool:
    kinds = (str.isupper, str.islower, str.isdigit)
    is_mixed = all(any(map(kind, value)) for kind in kinds)
    return len(value) >= _LEAST_LOOSE and is_mixed and looks_drawn(value)
