"""Dates of birth, and dates at large where they are asked for.

A date is about somebody where a word such as «born» or «DOB» stands shortly before it. Other dates
are left: without its dates a contract or a log says nothing. `kinds=("date",)` finds them all, with
the time of day that follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from promptkit.safety.finding import Finding
from promptkit.safety.personal.checksum import is_date
from promptkit.safety.personal.scanned import Scanned, words

KINDS: Final = frozenset({"date_of_birth"})
DATE_KINDS: Final = frozenset({"date"})

_MONTH: Final = (
    r"(?:jan(?:uary|uar|vier|eiro|uari)?|feb(?:ruary|ruar|ruari)?|f[ée]v(?:rier|ereiro)?|febrero"
    r"|febbraio|mar(?:ch|s|zo|ço)?|m[äa]rz|maart|apr(?:il|ile)?|avril|abril|may|mai|mayo|maio"
    r"|maggio|mei|jun[ei]?|juin|junio|junho|giugno|jul[iy]?|juillet|julio|julho|luglio"
    r"|aug(?:ust|ustus)?|ao[ûu]t|agosto|sep(?:t|tember|tembre|tiembre)?|setembro|settembre"
    r"|o[ck]t(?:ober|obre)?|octubre|outubro|ottobre|nov(?:ember|embre|iembre|embro)?"
    r"|de[cz](?:ember|embre)?|d[ée]c(?:embre)?|diciembre|dezembro|dicembre|enero|gennaio)"
)
_WEEKDAY: Final = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? )?"
_YEAR: Final = r"(?:1[89]|20)[0-9]{2}"
_DATE: Final = re.compile(
    r"(?<![\w./-])(?:"
    rf"(?P<y>{_YEAR})(?P<g>[-./])(?P<m>[0-9]{{1,2}})(?P=g)(?P<d>[0-9]{{1,2}})"
    rf"|(?P<a>[0-9]{{1,2}})(?P<h>[-./])(?P<b>[0-9]{{1,2}})(?P=h)(?:{_YEAR}|[0-9]{{2}})"
    rf"|{_WEEKDAY}(?P<e>[0-9]{{1,2}})(?:st|nd|rd|th|\.|er)?[ -](?:of |de )?{_MONTH}\.?"
    rf"(?:[ ,-]{{1,2}}(?:de |del )?(?:{_YEAR}|'?[0-9]{{2}}))?"
    rf"|{_WEEKDAY}{_MONTH}\.?[ -](?P<f>[0-9]{{1,2}})(?:st|nd|rd|th)?"
    rf"(?:,? {_YEAR}|-(?:1[89]|20)?[0-9]{{2}})?"
    rf"|{_YEAR}[ -]{_MONTH}[ -][0-9]{{1,2}}"
    r")(?![\w]|[./-][0-9])"
    rf"|(?<![0-9]){_YEAR}[年년] ?[0-9]{{1,2}}[月월] ?[0-9]{{1,2}}[日일]",
    re.IGNORECASE,
)
_TIME: Final = re.compile(
    r"[T ][0-9]{1,2}:[0-9][0-9](?::[0-9][0-9](?:\.[0-9]{1,9})?)?(?:Z| ?[ap]m)?(?![\w:])",
    re.IGNORECASE,
)
_BORN: Final = words(
    "born dob birth birthdate birthday bday birthdays d.o.b geboren geb geburtsdatum geburtstag"
    " né née naissance nacido nacida nacimiento nato nata nascita nascido nascida nascimento"
    " geboortedatum född fødselsdato født syntynyt urodzony urodzona urodzenia рождения родился"
    " родилась 生年月日 出生 생년월일 doğum"
)
_DOB: Final = re.compile(r"\bd\.? ?o\.? ?b\b", re.IGNORECASE)
_STEMS: Final = (
    "born", "birth", "bday", "dob", "d.o.b", "d. o", "geb", "né", "naiss", "nac", "nat", "nasc",
    "född", "fød", "synt", "urodz", "рожд", "родил", "生", "생", "doğ",
)  # fmt: skip
"""One of these is in every word for birth: where none is in a text, nothing more is looked at."""

_NEAR: Final = 40


def find(scanned: Scanned) -> Iterator[Finding]:
    """Yield dates of birth."""
    folded, text = scanned.folded, scanned.text
    if scanned.runs and any(stem in folded for stem in _STEMS):
        for match in _DATE.finditer(text):
            start, end = match.span()
            is_birth = scanned.says(_BORN, start, _NEAR) or _DOB.search(
                text, max(0, start - _NEAR), start
            )
            if is_birth and _is_real(match):
                yield Finding(
                    kind="date_of_birth", span=(start, end), confidence=0.9, action="redact"
                )


def find_dates(scanned: Scanned) -> Iterator[Finding]:
    """Yield all dates."""
    if scanned.runs:
        for match in _DATE.finditer(scanned.text):
            if _is_real(match):
                time = _TIME.match(scanned.text, match.end())
                end = time.end() if time else match.end()
                yield Finding(
                    kind="date", span=(match.start(), end), confidence=0.85, action="redact"
                )


def _is_real(match: re.Match[str]) -> bool:
    parts = match.groupdict()
    if parts["y"]:
        return is_date(int(parts["y"]), int(parts["m"]), int(parts["d"]))
    if parts["a"]:
        one, two = int(parts["a"]), int(parts["b"])
        return is_date(0, one, two) or is_date(0, two, one)
    day = int(parts["e"] or parts["f"] or 1)
    return 1 <= day <= 31  # noqa: PLR2004 -- the longest months
