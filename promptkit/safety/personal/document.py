"""Numbers of documents that only a word beside them tells: passports, driving licences, plates.

Their forms differ by country and state and have no check digits to speak of, so the nearest token
with digits behind the word is taken, in a form that some country uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from promptkit.safety.finding import Finding
from promptkit.safety.personal.scanned import Scanned

KINDS: Final = frozenset({"passport", "driver_license", "license_plate"})

_WORD: Final = re.compile(
    r"(?<![^\W_])(?:"
    r"(?P<driver_license>driv(?:er|ing|ers)(?:['\u2019]?s|s['\u2019])?[ -]{1,2}"
    r"(?:licen[cs]e|permit)"
    r"|dl(?= ?(?:#|no|number|:))|führerschein(?:nummer)?|permis de conduire"
    r"|(?:licencia|permiso|carnet) de conduci?r|patente di guida|rijbewijs(?:nummer)?"
    r"|carta de condução|körkort(?:snummer)?|førerkort|kørekort|prawo jazdy)"
    r"|(?P<passport>passports?|passeport|pasaporte|passaporto|passaporte|reisepass(?:nummer)?"
    r"|passnummer|pass-nr|paspoort(?:nummer)?|paszport|pasnummer|паспорт)"
    r"|(?P<license_plate>(?:licen[cs]e|number|registration|vehicle|car)[ -](?:plates?|tags?)"
    r"|plate (?:number|no)|(?:vehicle|car) registration|vehicle reg|kennzeichen|nummernschild"
    r"|immatriculation|matr[ií]cula|targa|kenteken|registreringsnummer|placa"
    r"|tablice? rejestracyjn[ae]|plates?(?= (?:is|are|was|reads?)\b|:))"
    r")(?![^\W_])",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(
    r"(?<![\w-])(?=[A-Z-]{0,5}[ -]?[0-9])[A-Z0-9]"
    r"(?:[A-Z0-9]|[- ](?=[0-9A-Z]{0,8}[0-9])|-(?=[A-Z]{1,3}\b)){3,22}(?![\w-])"
)
_PLATE: Final = re.compile(
    r"(?<![\w-])(?:"
    r"[A-Z]{1,3}[- ]?[A-Z]{0,2}[- ]?\d{1,4}[A-Z]{0,3}"  # B-AB 1234, ABC 123, 4-letter states
    r"|[A-Z]{2}\d{2} ?[A-Z]{3}"  # AB12 CDE
    r"|\d[A-Z]{3}\d{3}|\d{3}[- ]?[A-Z]{2,3}|\d{1,4}[- ]?[A-Z]{1,3}[- ]?\d{0,4}"
    r"|[A-Z]{2}[- ]\d{3}[- ][A-Z]{2}|[A-Z]\d{3}[A-Z]{2} ?\d{2,3}"
    r"|[A-Z]{2} ?\d{2} ?[A-Z]{1,3} ?\d{1,4}"
    r"|\d{2}[- ][A-Z]{2,3}[- ]\d{1,2}|\d{2}[- ]\d{2}[- ][A-Z]{2}|[A-Z]{3}\d[A-Z]\d{2}"
    r"|[A-Z]{1,2}[- ]?\d{3}[- ][A-Z]{1,2}|\d{2} ?[A-Z]{1,3} ?\d{2,4}"
    r")(?![\w-])"
)
_REACH: Final = 48


def find(scanned: Scanned) -> Iterator[Finding]:
    """Yield passports, driving licences and licence plates."""
    text = scanned.text
    for match in _WORD.finditer(text):
        kind = match.lastgroup or ""
        limit = min(len(text), match.end() + _REACH)
        stop = text.find("\n\n", match.end(), limit)
        limit = limit if stop < 0 else stop
        pattern = _PLATE if kind == "license_plate" else _TOKEN
        end = limit
        while end < len(text) and text[end].isalnum() and end < limit + 24:
            end += 1
        found = pattern.search(text, match.end(), end)
        if found is None:
            continue
        value = found[0]
        digits = sum(map(str.isdigit, value))
        if kind != "license_plate" and (digits < 4 or len(value) < 6):  # noqa: PLR2004
            continue
        if kind == "license_plate" and len(value) < 4:  # noqa: PLR2004
            continue
        yield Finding(kind=kind, span=found.span(), confidence=0.7, action="redact")
