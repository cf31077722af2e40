"""National numbers with letters in them: by their form, and their check character where one is.

A form with a check character is found anywhere; one without takes a word beside it, unless no
ordinary text looks like it (an Italian codice fiscale, a Mexican CURP).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from promptkit.safety.finding import Finding
from promptkit.safety.personal.checksum import is_date, weighted
from promptkit.safety.personal.scanned import Scanned, words


def es_dni(number: str) -> bool:
    """Spanish DNI and NIE: the letter is the rest mod 23.

    >>> es_dni("12345678Z"), es_dni("X1234567L"), es_dni("12345678A")
    (True, True, False)
    """
    digits = number[:-1].translate({ord("X"): "0", ord("Y"): "1", ord("Z"): "2"})
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[-1]


_CODICE_ODD: Final = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3,
         6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def it_codice_fiscale(code: str) -> bool:
    """Codice fiscale: the last letter is a sum by place, mod 26 (D.M. 23 December 1976).

    >>> it_codice_fiscale("RSSMRA85T10A562S")
    True
    """
    total = sum(
        int(c) if c.isdigit() else ord(c) - ord("A") for c in code[1:15:2]
    ) + sum(_CODICE_ODD[c] for c in code[0:15:2])  # fmt: skip
    return chr(ord("A") + total % 26) == code[15]


def fi_hetu(number: str) -> bool:
    """Finnish henkilötunnus: date, century sign, number; the rest mod 31 gives the last sign.

    >>> fi_hetu("131052-308T")
    True
    """
    check = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(number[:6] + number[7:10]) % 31]
    return check == number[10] and is_date(0, int(number[2:4]), int(number[:2]))


def sg_nric(number: str) -> bool:
    """Singapore NRIC and FIN: a weighted sum gives the last letter.

    >>> sg_nric("S1234567D")
    True
    """
    total = weighted(number[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(
        number[0], 0
    )
    if number[0] in "ST":
        return "JZIHGFEDCBA"[total % 11] == number[8]
    if number[0] in "FG":
        return "XWUTRQPNMLK"[total % 11] == number[8]
    return "XWUTRQPNJLK"[10 - total % 11] == number[8]


def cn_resident_id(number: str) -> bool:
    """Chinese resident identity number: date, and ISO 7064 MOD 11-2.

    >>> cn_resident_id("11010519491231002X")
    True
    """
    total = weighted(number[:17], tuple(2 ** (17 - place) % 11 for place in range(17)))
    return (
        number[0] != "0"
        and number[6:8] in ("18", "19", "20")
        and is_date(0, int(number[10:12]), int(number[12:14]))
        and "10X98765432"[total % 11] == number[17]
    )


def mx_curp(code: str) -> bool:
    """Mexican CURP: date, and a check digit over the others.

    >>> mx_curp("BOXW310820HNERXN09")
    True
    """
    values = {c: at for at, c in enumerate("0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ")}
    total = sum(values[c] * (18 - at) for at, c in enumerate(code[:17]))
    return (10 - total % 10) % 10 == int(code[17]) and is_date(0, int(code[6:8]), int(code[8:10]))


def ie_pps(number: str) -> bool:
    """Irish PPS number: modulus 23.

    >>> ie_pps("1234567T")
    True
    """
    total = weighted(number[:7], range(8, 1, -1))
    if len(number) > 8 and number[8] != "W":  # noqa: PLR2004
        total += (ord(number[8]) - 64) * 9
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == number[7]


def tw_id(number: str) -> bool:
    """Taiwanese identity number.

    >>> tw_id("A123456789")
    True
    """
    place = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0]) + 10
    total = place // 10 + place % 10 * 9 + weighted(number[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))
    return total % 10 == 0


def hk_id(number: str) -> bool:
    """Hong Kong identity card, modulus 11, the check digit in brackets or not.

    >>> hk_id("A123456(3)")
    True
    """
    plain = number.replace("(", "").replace(")", "")
    values = [36] * (9 - len(plain)) + [int(c, 36) for c in plain[:-1]]
    total = sum(value * (9 - at) for at, value in enumerate(values))
    return (total + (10 if plain[-1] == "A" else int(plain[-1]))) % 11 == 0


def _any(number: str) -> bool:
    return bool(number)


_EU_VAT_BODIES: Final = re.compile(
    r"ATU\d{8}|BE[01]\d{9}|BG\d{9,10}|CY\d{8}[A-Z]|CZ\d{8,10}|DE\d{9}|DK\d{8}|EE\d{9}|EL\d{9}"
    r"|ES(?:[A-Z]\d{7}[A-Z0-9]|\d{8}[A-Z])|FI\d{8}|FR[A-HJ-NP-Z0-9]{2}\d{9}|(?:GB|XI)\d{9}(?:\d{3})?"
    r"|HR\d{11}|HU\d{8}|IE\d[A-Z0-9+*]\d{5}[A-Z]{1,2}|IT\d{11}|LT(?:\d{9}|\d{12})|LU\d{8}|LV\d{11}"
    r"|MT\d{8}|NL\d{9}B\d{2}|PL\d{10}|PT\d{9}|RO\d{6,10}|SE\d{12}|SI\d{8}|SK\d{10}|CHE\d{9}"
)


def eu_vat(number: str) -> bool:
    """A VAT number of the EU, the United Kingdom or Switzerland, by its country's form.

    >>> eu_vat("ATU12345678"), eu_vat("DE123456789"), eu_vat("DE1234567890")
    (True, True, False)
    """
    return _EU_VAT_BODIES.fullmatch(number) is not None


class _Form(NamedTuple):
    """How a number looks, whether it can be one, how sure its form alone makes, and its words."""

    kind: str
    pattern: str
    check: Callable[[str], bool]
    alone: float
    words: frozenset[str]


_NINO: Final = (
    r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]"
)
_CODICE: Final = r"[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]"
_CURP: Final = r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{2}[B-DF-HJ-NP-TV-ZÑ]{3}[0-9A-Z]\d"
_HETU: Final = r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]"
_DNI: Final = r"(?:\d{8}|\d{2}\.\d{3}\.\d{3})[- ]?[A-HJ-NP-TV-Z]"
_NIE: Final = r"[XYZ][- ]?\d{7}[- ]?[A-HJ-NP-TV-Z]"
_PAN: Final = r"[A-Z]{3}[ABCFGHLJPTK][A-Z]\d{4}[A-Z]"

_VAT: Final = (
    r"(?:ATU|B[EG]|C[YZ]|CHE|D[EK]|E[ELS]|F[IR]|GB|H[RU]|I[ET]|L[TUV]|MT|NL|P[LT]|RO|S[EIK]|XI)"
    r"[ -]?[A-Z0-9]{2,3}(?:[ .-]?[A-Z0-9]){4,10}"
)

_FORMS: Final = (
    _Form("uk_nino", _NINO, _any, 0.8, words("nino national insurance ni")),
    _Form("es_dni", _DNI, es_dni, 0.8, words("dni nif documento")),
    _Form("es_nie", _NIE, es_dni, 0.85, words("nie extranjero")),
    _Form("it_codice_fiscale", _CODICE, it_codice_fiscale, 0.95, words("codice fiscale cf")),
    _Form("fi_hetu", _HETU, fi_hetu, 0.9, words("hetu henkilötunnus")),
    _Form("sg_nric", r"[STFGM]\d{7}[A-Z]", sg_nric, 0.85, words("nric fin")),
    _Form("in_pan", _PAN, _any, 0.55, words("pan tax permanent")),
    _Form("cn_resident_id", r"\d{17}[\dX]", cn_resident_id, 0.9, words("身份证 resident identity")),
    _Form("mx_curp", _CURP, mx_curp, 0.95, words("curp")),
    _Form("ie_pps", r"\d{7}[A-W][A-IW]?", ie_pps, 0.6, words("pps ppsn")),
    _Form("tw_id", r"[A-Z][1289]\d{8}", tw_id, 0.6, words("身分證 taiwan")),
    _Form(
        "eu_vat",
        _VAT,
        eu_vat,
        0.3,
        words(
            "vat ust ustid ustidnr mwst tva iva btw moms dph piva uid partita intracommunautaire"
        ),
    ),
    _Form("hk_id", r"[A-Z]{1,2}\d{6}\([0-9A]\)", hk_id, 0.9, words("hkid")),
)
KINDS: Final = frozenset(form.kind for form in _FORMS)

# The alternatives differ in their first signs, so that one pass tries few of them at a place.
_TOKEN: Final = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(f"(?P<{form.kind}>{form.pattern})" for form in _FORMS)
    + r")(?![\w-])",
    re.IGNORECASE | re.ASCII,
)
_NEAR: Final = 40
_CHEAP: Final = re.compile(r"[0-9]{2}")


def find(scanned: Scanned) -> Iterator[Finding]:
    """Yield national numbers with letters."""
    if not _CHEAP.search(scanned.text):
        return
    for match in _TOKEN.finditer(scanned.text):
        form = _BY_KIND[match.lastgroup or ""]
        value = match[0]
        compact = re.sub(r"[-. ]", "", value.upper()) if form.kind != "fi_hetu" else value.upper()
        if not form.check(compact):
            continue
        is_said = not form.words.isdisjoint(scanned.before(match.start(), _NEAR))
        is_shouted = value.upper() == value
        confidence = 0.95 if is_said else form.alone - (0.0 if is_shouted else 0.2)
        yield Finding(
            kind=form.kind, span=match.span(), confidence=round(confidence, 2), action="redact"
        )


_BY_KIND: Final = {form.kind: form for form in _FORMS}
