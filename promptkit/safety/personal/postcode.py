"""Postcodes: a form of some country, and an address or a word for it around.

British, Canadian and Dutch codes look like nothing else, yet product codes do, so they want a sign
of an address too. Digits alone are one behind «ZIP», behind a state of the US, between street and
town, or where they end a line behind a country whose postcodes have as many digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from promptkit.safety.finding import Finding
from promptkit.safety.personal.scanned import Scanned, words

KINDS: Final = frozenset({"postcode"})

_WORDS: Final = words(
    "zip zipcode zipcodes postcode postcodes postal plz postleitzahl postal cep postnummer"
    " postinumero kod pocztowy psč irsz cap eircode pincode 邮编 郵便番号 индекс"
)
_ADDRESS: Final = words(
    "address street st road rd avenue ave lane ln drive dr close court square boulevard blvd"
    " way place terrace crescent live lives living moved located house flat apt apartment suite"
    " unit town city london adresse anschrift straße strasse rue dirección calle via indirizzo"
    " adres straat deliver ship shipping billing delivery mailing mail parcel residence resident"
    " box"
)
_GB_AREAS: Final = words(
    "AB AL B BA BB BD BF BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY"
    " E EC EH EN EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE"
    " LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL"
    " SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE"
)
_GB_END: Final = "[ABD-HJLNP-UW-Zabd-hjlnp-uw-z]{2}"
_CA_FIRST: Final = "[ABCEGHJ-NPRSTVXYabceghj-nprstvxy]"
_CA_OTHER: Final = "[ABCEGHJ-NPRSTV-Zabceghj-nprstv-z]"
_DISTINCT: Final = re.compile(
    r"(?<![\w#&-])(?=[A-Za-z]{0,2}[0-9])(?:"
    rf"(?P<gb>[A-Za-z]{{1,2}}[0-9][0-9A-Za-z]? ?[0-9]{_GB_END})"
    rf"|(?P<ca>{_CA_FIRST}[0-9]{_CA_OTHER}[ -]?[0-9]{_CA_OTHER}[0-9])"
    r"|(?P<nl>[1-9][0-9]{3} ?(?!SA|SD|SS)[A-Z]{2})"
    r"|(?P<ie>[ACDEFHKNPRTVWXY][0-9][0-9W] ?[0-9ACDEFHKNPRTVWXY]{4})"
    r")(?![\w-])"
)
_DIGITS: Final = re.compile(
    r"(?<![\w.,/+-])(?:[A-Z]{1,3}-)?(?:[0-9]{5}-[0-9]{4}|[0-9]{5}-[0-9]{3}|[0-9]{3}-[0-9]{4}"
    r"|[0-9]{2}-[0-9]{3}|[0-9]{3} [0-9]{2}|[0-9]{4,7})(?![\w%-]|[.,][0-9])"
)
_STATE: Final = re.compile(
    r"\b(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI"
    r"|S[CD]|T[NX]|UT|V[AT]|W[AIVY]),? \Z"
)
_COUNTRIES: Final[dict[str, int]] = {
    country: digits
    for digits, countries in (
        (
            4,
            (
                "albania argentina armenia australia austria bangladesh belgium bulgaria cyprus"
                " denmark"
                " georgia hungary liechtenstein luxembourg macedonia moldova norway paraguay"
                " philippines slovenia switzerland tunisia venezuela zealand österreich schweiz"
                " belgique belgië danmark norge suisse magyarország"
            ),
        ),
        (
            5,
            (
                "algeria bosnia croatia cuba egypt estonia finland france germany greece guatemala"
                " indonesia italy jordan kenya korea kosovo laos lithuania malaysia mexico monaco"
                " mongolia montenegro morocco myanmar nepal pakistan peru rica serbia spain sweden"
                " taiwan thailand turkey türkiye ukraine uruguay states usa zambia deutschland"
                " españa italia suomi sverige hrvatska méxico"
            ),
        ),
        (
            6,
            (
                "belarus china colombia ecuador india kazakhstan kyrgyzstan nigeria romania russia"
                " singapore tajikistan turkmenistan uzbekistan vietnam"
            ),
        ),
    )
    for country in words(countries)
}
"""How many digits a country's postcodes have (Universal Postal Union's addressing guide)."""

_LINE_END: Final = re.compile(r"[ \t]*(?:[.,;)]?[ \t]*(?:\r?\n|\Z)|[.,;] )")
_STREET: Final = re.compile(
    r"(?:straße|strasse|str\.|weg|platz|gasse|allee|\brue|avenue|boulevard|\bvia|piazza|calle|plaza"
    r"|straat|laan|gatan|vägen|vej|veien|katu|\bul\.|ulica)\b[^\n,]{0,30}[,\n]\s?(?:[A-Z]{1,2}-)?\Z",
    re.IGNORECASE,
)
_TOWN: Final = re.compile(r" [^\W\d_]{3}")


def find(scanned: Scanned) -> Iterator[Finding]:
    """Yield postcodes."""
    text = scanned.text
    if not scanned.runs:
        return
    for match in _DISTINCT.finditer(text):
        start, end = match.span()
        if match["gb"] and match[0].upper()[: 1 + match[0][1].isalpha()] not in _GB_AREAS:
            continue
        before = scanned.before(start)
        is_upper = match[0].upper() == match[0]
        if not _WORDS.isdisjoint(before[-6:]):
            confidence = 0.9
        elif not _ADDRESS.isdisjoint((*before, *scanned.after(end))):
            confidence = 0.7 if is_upper else 0.5 if " " in match[0] else 0.4
        else:
            confidence = 0.5 if match["gb"] and is_upper and " " in match[0] else 0.4
        yield _finding((start, end), confidence, (match.lastgroup or "").upper())
    for match in _DIGITS.finditer(text):
        confidence = _confidence(scanned, match)
        if confidence:
            yield _finding(match.span(), confidence, "")


def _confidence(scanned: Scanned, match: re.Match[str]) -> float:
    text, start = scanned.text, match.start()
    before = scanned.before(start, 32)
    if not _WORDS.isdisjoint(before[-4:]):
        is_tail = start > 1 and text[start - 1] == " " and text[start - 2].isdigit()
        return 0.7 if is_tail else 0.9  # the end of a phone number is one of that
    size = sum(map(str.isdigit, match[0]))
    head = text[max(0, start - 60) : start]
    if size in (5, 9) and _STATE.search(head[-6:]):
        return 0.7
    if 4 <= size <= 6 and _TOWN.match(text, match.end()) and _STREET.search(head):  # noqa: PLR2004
        return 0.6
    is_year = match[0][:2] in ("19", "20")
    if before and _COUNTRIES.get(before[-1]) == size and not (size == 4 and is_year):  # noqa: PLR2004
        is_last = _LINE_END.match(text, match.end()) and head[-1:].isspace()
        return 0.6 if is_last else 0.0
    return 0.0


def _finding(span: tuple[int, int], confidence: float, country: str) -> Finding:
    return Finding(
        kind="postcode", span=span, confidence=confidence, action="redact", detail=country
    )
