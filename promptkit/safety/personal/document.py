"""Numbers of documents that only a word beside them tells: passports, driving licences, plates.

Their forms differ by country and state and have no check digits to speak of, so the nearest token
with digits behind the word is taken, in a form that some country uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from promptkit.safety.finding import Finding
from promptkit.safety.personal.scanned import Scanned, words

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
    r"|(?P<registered>registered|registration)(?: (?:mark|number|no|as))?"
    r"|tablice? rejestracyjn[ae]|plates?(?= (?:is|are|was|reads?)\b|:| [A-Z0-9]))"
    r")(?![^\W_])",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(
    r"(?<![\w-])(?=[A-Z-]{0,5}[ -]?[0-9])[A-Z0-9]"
    r"(?:[A-Z0-9]|[- ](?=[0-9A-Z]{0,8}[0-9])|-(?=[A-Z]{1,3}\b)){3,22}(?![\w-])"
)
_PLATE: Final = re.compile(
    r"(?<![\w-])(?:"  # the longer forms first: what follows may belong to the plate
    r"[A-Z]{2}[- ]?\d{1,2}[- ]?[A-Z]{1,3}[- ]?\d{1,4}"  # KA 01 AB 1234
    r"|[A-Z]{2}\d{2} ?[A-Z]{3}"  # AB12 CDE
    r"|[A-Z]{2}[- ]?\d{3}[- ]?[A-Z]{2}"  # AB-123-CD
    r"|[A-Z]{1,3}[- ]?[A-Z]{1,2} ?\d{1,4}[EH]?"  # B-MW 1234
    r"|[A-Z]\d{3}[A-Z]{2} ?\d{2,3}|[A-Z]{3}\d[A-Z]\d{2}"  # A123BC 77, ABC1D23
    r"|\d{1,2}[- ]?[A-Z]{1,3}[- ]?\d{1,4}|\d{2}[- ]\d{2}[- ][A-Z]{2}"  # 34 ABC 123
    r"|\d[A-Z]{3}\d{3}|\d{3,4}[- ]?[A-Z]{2,3}|[A-Z]{1,4}[- ]?\d{2,6}[A-Z]{0,2}"  # 1234 BCD
    r")(?![\w-])"
)
_STEMS: Final = (
    "licen", "driv", "dl", "passp", "passe", "pasa", "pass", "paspo", "paszp", "pasn", "паспорт",
    "plate", "tag", "regist", "führer", "permis", "carnet", "patente", "rijbew", "carta", "kort",
    "prawo", "kennz", "schild", "immat", "matr", "targa", "kentek", "placa", "tablic", "reg",
)  # fmt: skip
"""One of these is in every word above: where none is in a text, nothing more is looked at."""

_FILLERS: Final = words(
    "number numbers no num nr is was are my her his the of with id nummer numéro número numero"
    " lautet ist est es code reads plate plates card details reg registration following it car"
    " vehicle tag lautete issued under din da do del de der die das für van het är er nosi"
)
_VEHICLES: Final = words(
    "car cars vehicle vehicles van vans truck trucks lorry lorries motorbike motorcycle scooter"
    " taxi cab bus trailer caravan sedan hatchback parked driver drives driving dvla mot fleet"
)
"""One stands near where «registration» means a plate: companies and products have them too."""

_REACH: Final = 48
_FEWEST: Final = {"passport": 6, "driver_license": 6, "license_plate": 4}


def find(scanned: Scanned) -> Iterator[Finding]:
    """Yield passports, driving licences and licence plates."""
    folded, text = scanned.folded, scanned.text
    if not scanned.runs or not any(stem in folded for stem in _STEMS):
        return
    for match in _WORD.finditer(text):
        begin = match.end()
        kind = next(name for name in _FEWEST if match[name])
        limit = min(len(text), begin + _REACH)
        while limit < len(text) and text[limit].isalnum() and limit < begin + 2 * _REACH:
            limit += 1
        pattern = _PLATE if kind == "license_plate" else _TOKEN
        found = pattern.search(text, begin, limit)
        if found is None or "\n\n" in text[begin : found.start()]:
            continue
        digits = sum(map(str.isdigit, found[0]))
        if len(found[0]) < _FEWEST[kind] or digits < (1 if kind == "license_plate" else 4):
            continue
        if match["registered"]:
            near = (*scanned.before(match.start(), 40), *scanned.after(found.end(), 30))
            if _VEHICLES.isdisjoint(near):
                continue
        between = scanned.after(begin, found.start() - begin)
        is_mixed = digits < len(found[0].replace(" ", "")) and kind != "license_plate"
        if _FILLERS.issuperset(between):
            yield _finding(kind, found.span(), 0.7)
        elif len(between) <= 4:  # noqa: PLR2004 -- «passport of John Smith, born in …»
            yield _finding(kind, found.span(), 0.55 if is_mixed else 0.35)


def _finding(kind: str, span: tuple[int, int], confidence: float) -> Finding:
    return Finding(kind=kind, span=span, confidence=confidence, action="redact")
