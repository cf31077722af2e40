"""National numbers that are digits, by their forms and check digits.

Where a number's own form or a strong check tells it from others (a date in it and two check digits,
dots and hyphens as its country sets them), it is found anywhere. Where half of all numbers of its
length might be one, it takes a word beside it: «BSN», «Steuer-ID», «tax file number».
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from promptkit.safety.finding import Finding
from promptkit.safety.personal import national_check as check
from promptkit.safety.personal.checksum import luhn
from promptkit.safety.personal.scanned import Run, Scanned, is_of_word, words


@dataclass(frozen=True, slots=True)
class _Scheme:
    """One kind of number.

    Attributes:
        check: Whether digits of one of the `lengths` are such a number.
        words: What stands beside it.
        form: How it is written when its form tells it.
        alone: Confidence in that form, without a word.
        bare: Confidence without groups and words.
    """

    kind: str
    lengths: tuple[int, ...]
    check: Callable[[str], bool]
    words: frozenset[str]
    form: re.Pattern[str] | None
    alone: float
    bare: float


def _scheme(  # noqa: PLR0917 -- the columns of a table
    kind: str,
    lengths: int | tuple[int, ...],
    checked_by: Callable[[str], bool],
    beside: str,
    form: str = "",
    alone: float = 0.0,
    *,
    bare: float = 0.0,
) -> _Scheme:
    lengths = (lengths,) if isinstance(lengths, int) else lengths
    pattern = re.compile(form, re.ASCII) if form else None
    return _Scheme(kind, lengths, checked_by, words(beside), pattern, alone, bare)


_GENERIC: Final = words(
    "tax taxpayer social security insurance national identity identification identifier id ssn"
    " tin citizen personal"
)

_SSN: Final = r"\d{3}(-| )\d{2}\1\d{4}"
_STEUER: Final = "steuer steuerid steuernummer idnr identifikationsnummer tin tax"
_SCHEMES: Final = (
    _scheme("us_ssn", 9, check.us_ssn, "ssn social security ss soc", _SSN, 0.85),
    _scheme("us_itin", 9, check.us_itin, "itin taxpayer tin tax ssn", _SSN, 0.75),
    _scheme("uk_nhs", 10, check.uk_nhs, "nhs patient"),
    _scheme("de_tax_id", 11, check.de_tax_id, f"steueridentifikationsnummer {_STEUER}"),
    _scheme("fr_nir", 15, check.fr_nir, "nir sécurité sociale insee secu sécu",
            r"\d \d\d \d\d \d\d \d{3} \d{3} \d\d", 0.95, bare=0.8),
    _scheme("nl_bsn", 9, check.nl_bsn, "bsn burgerservicenummer sofinummer sofi"),
    _scheme("pl_pesel", 11, check.pl_pesel, "pesel", bare=0.6),
    _scheme("be_national", 11, check.be_national, "rijksregisternummer rijksregister insz niss",
            r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d", 0.95, bare=0.6),
    _scheme("se_personnummer", (10, 12), check.se_personnummer,
            "personnummer samordningsnummer pnr", r"(?:\d\d)?\d{6}-\d{4}", 0.85),
    _scheme("no_fodselsnummer", 11, check.no_fodselsnummer, "fødselsnummer personnummer fnr",
            r"\d{6} \d{5}", 0.85, bare=0.7),
    _scheme("dk_cpr", 10, check.dk_cpr, "cpr personnummer cprnr", r"\d{6}-\d{4}", 0.55),
    _scheme("pt_nif", 9, check.pt_nif, "nif contribuinte fiscal"),
    _scheme("ch_ahv", 13, check.ch_ahv, "ahv avs sozialversicherungsnummer",
            r"\d{3}\.\d{4}\.\d{4}\.\d\d", 0.95, bare=0.75),
    _scheme("br_cpf", 11, check.br_cpf, "cpf", r"\d{3}\.\d{3}\.\d{3}-\d\d", 0.95),
    _scheme("in_aadhaar", 12, check.in_aadhaar, "aadhaar aadhar uidai uid",
            r"\d{4}( |-)\d{4}\1\d{4}", 0.75),
    _scheme("au_tfn", 9, check.au_tfn, "tfn tax"),
    _scheme("au_medicare", (10, 11), check.au_medicare, "medicare",
            r"\d{4} \d{5} \d(?:[ /-]?\d)?", 0.7),
    _scheme("ca_sin", 9, check.ca_sin, "sin nas social insurance"),
    _scheme("kr_rrn", 13, check.kr_rrn, "rrn 주민등록번호 resident registration",
            r"\d{6}-\d{7}", 0.85),
    _scheme("jp_my_number", 12, check.jp_my_number, "mynumber マイナンバー 個人番号"),
    _scheme("za_id", 13, check.za_id, "id identity rsa", bare=0.65),
    _scheme("tr_kimlik", 11, check.tr_kimlik, "kimlik tckn tc"),
    _scheme("es_naf", 12, check.es_naf, "naf seguridad social nuss afiliación",
            r"\d\d[/ ]\d{8}[/ ]\d\d", 0.8),
    _scheme("il_id", 9, check.il_id, "teudat zehut זהות"),
    _scheme("bg_egn", 10, check.bg_egn, "egn егн"),
    _scheme("ro_cnp", 13, check.ro_cnp, "cnp", bare=0.65),
    _scheme("cz_rodne_cislo", 10, check.cz_rodne_cislo, "rodné rodne rč číslo",
            r"\d{6}/\d{4}", 0.9),
    _scheme("ee_isikukood", 11, check.ee_isikukood, "isikukood asmens kodas", bare=0.6),
    _scheme("hr_oib", 11, check.hr_oib, "oib"),
    _scheme("gr_amka", 11, check.gr_amka, "amka αμκα"),
    _scheme("br_cnpj", 14, check.br_cnpj, "cnpj", r"\d\d\.\d{3}\.\d{3}/\d{4}-\d\d", 0.95),
    _scheme("fr_siren", 9, luhn, "siren rcs"),
    _scheme("fr_siret", 14, luhn, "siret"),
    _scheme("ru_inn", (10, 12), check.ru_inn, "инн inn"),
    _scheme("ru_snils", 11, check.ru_snils, "снилс snils", r"\d{3}-\d{3}-\d{3}[ -]\d\d", 0.9),
    _scheme("fr_spi", 13, check.fr_spi, "fiscal spi impôts"),
)  # fmt: skip
_BY_LENGTH: Final[dict[int, tuple[_Scheme, ...]]] = {
    length: tuple(scheme for scheme in _SCHEMES if length in scheme.lengths)
    for length in (9, 10, 11, 12, 13, 14, 15)
}
_NAMES: Final[frozenset[str]] = frozenset().union(*(scheme.words for scheme in _SCHEMES))
KINDS: Final = frozenset(scheme.kind for schemes in _BY_LENGTH.values() for scheme in schemes)

_MOST_GROUPS: Final = 7
_LONGEST_RUN: Final = 40
_NEAR: Final = 45
"""How far before a number its name may stand, in characters."""


def find(scanned: Scanned) -> Iterator[Finding]:
    """Yield national numbers."""
    for run in scanned.runs:
        if len(run.groups) <= _LONGEST_RUN and run.size >= 9:  # noqa: PLR2004
            yield from _in_run(scanned, run)


def _in_run(scanned: Scanned, run: Run) -> Iterator[Finding]:
    groups, gaps, text = run.groups, run.gaps, scanned.text
    for first in range(len(groups)):
        if first and not gaps[first - 1][0].isspace():
            continue
        digits = ""
        for last in range(first, min(first + _MOST_GROUPS, len(groups))):
            digits += groups[last].digits
            if len(digits) > 15:  # noqa: PLR2004 -- the longest
                break
            if last + 1 < len(groups) and not gaps[last][0].isspace():
                continue
            start, end = groups[first].start, groups[last].end
            if len(digits) in _BY_LENGTH and _is_apart(text, start, end):
                yield from _judged(scanned, digits, start, end, is_grouped=last > first)


def _is_apart(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 1) : start], text[end : end + 2]
    if before and (is_of_word(before) or before in "+$€£-/."):
        return False
    if after and (is_of_word(after[0]) or after[0] == "%"):
        return False
    return not (after[1:].isalnum() and after[0] in "-/.,")


def _judged(
    scanned: Scanned, digits: str, start: int, end: int, *, is_grouped: bool
) -> Iterator[Finding]:
    behind = scanned.after(end, 15)
    is_named = scanned.says(_NAMES, start, _NEAR) or not _NAMES.isdisjoint(behind)
    for scheme in _BY_LENGTH[len(digits)]:
        is_formed = is_grouped and scheme.form and scheme.form.fullmatch(scanned.text, start, end)
        confidence = scheme.alone if is_formed else 0.0 if is_grouped else scheme.bare
        if not (confidence or is_named) or not scheme.check(digits):
            continue
        if is_named and (
            scanned.says(scheme.words, start, _NEAR) or not scheme.words.isdisjoint(behind)
        ):
            confidence = max(confidence, 0.75) + 0.2
        elif confidence:
            confidence += 0.1 * scanned.says(_GENERIC, start, _NEAR)
        if confidence:
            yield Finding(
                kind=scheme.kind,
                span=(start, end),
                confidence=round(min(confidence, 1.0), 2),
                action="redact",
            )
