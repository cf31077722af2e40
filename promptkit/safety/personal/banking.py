"""Payment cards and IBANs.

Cards: the issuers' ranges as published in ISO/IEC 7812's register and by the card schemes, their
lengths, and Luhn. IBANs: the lengths of the SWIFT registry, release 99, and ISO 7064 MOD 97-10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from promptkit.safety.finding import Finding
from promptkit.safety.personal.checksum import luhn
from promptkit.safety.personal.scanned import Group, Run, Scanned, words

KINDS: Final = frozenset({"credit_card", "iban"})

_SHORTEST: Final = 12
_LONGEST: Final = 19
_MOST_GROUPS: Final = 5
_ISSUERS: Final[tuple[tuple[str, int, int, tuple[int, ...]], ...]] = (
    # name, first and last range (first six digits), lengths
    ("Visa", 400000, 499999, (13, 16, 19)),
    ("Mastercard", 510000, 559999, (16,)),
    ("Mastercard", 222100, 272099, (16,)),
    ("American Express", 340000, 349999, (15,)),
    ("American Express", 370000, 379999, (15,)),
    ("Diners Club", 300000, 305999, (14, 16)),
    ("Diners Club", 309500, 309599, (14, 16)),
    ("Diners Club", 360000, 369999, (14, 16, 19)),
    ("Diners Club", 380000, 399999, (14, 16, 19)),
    ("Discover", 601100, 601199, (16, 19)),
    ("Discover", 644000, 659999, (16, 19)),
    ("JCB", 350000, 359999, (16, 19)),  # 3528 to 3589 are given out; test numbers use all
    ("JCB", 213100, 213199, (15,)),
    ("JCB", 180000, 180099, (15,)),
    ("UnionPay", 620000, 629999, (16, 17, 18, 19)),
    ("UnionPay", 810000, 817199, (16, 17, 18, 19)),
    ("Maestro", 500000, 509999, (12, 13, 14, 15, 16, 17, 18, 19)),
    ("Maestro", 560000, 589999, (12, 13, 14, 15, 16, 17, 18, 19)),
    ("Maestro", 630400, 630499, (12, 13, 14, 15, 16, 17, 18, 19)),
    ("Maestro", 639000, 639099, (12, 13, 14, 15, 16, 17, 18, 19)),
    ("Maestro", 670000, 679999, (12, 13, 14, 15, 16, 17, 18, 19)),
    ("Maestro", 60400, 60499, (12, 13, 14, 15, 16, 17, 18, 19)),
    ("Mir", 220000, 220499, (16, 17, 18, 19)),
    ("RuPay", 600000, 601099, (16,)),
    ("RuPay", 606900, 608599, (16,)),
    ("InstaPayment", 637000, 639999, (16,)),
    ("Dankort", 501900, 501999, (16,)),
    ("Troy", 979200, 979299, (16,)),
    ("UATP", 100000, 199999, (15,)),
)
_SHAPES: Final = frozenset(
    {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 3), (4, 4, 4, 1), (4, 4, 4),
     (4, 4, 5), (6, 13), (8, 8), (4, 5, 6), (4, 4, 4, 2), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2),
     (6, 10), (4, 12), (5, 5, 6), (4, 6, 6), (4, 4, 8), (4, 4, 4, 5)}
)  # fmt: skip
"""How cards are printed and typed, by groups."""

_CONTEXT: Final = words(
    "card cards visa mastercard amex maestro discover diners jcb credit debit carte karte"
    " kreditkarte kreditkartennummer kartennummer tarjeta carta cartão cartao kort kortnummer"
    " creditcard karta karty pan cc payment pay charge declined expires cvv cvc"
)
_SURE_LENGTHS: Final = frozenset({14, 15, 16, 19})
"""Other lengths fit a range and Luhn by chance too often to be told without a word."""

_IBAN: Final = re.compile(r"(?<![^\W_])[A-Za-z]{2}[0-9]{2}(?=[ \u00a0-]?[A-Za-z0-9]{4})")
_IBAN_LENGTHS: Final[dict[str, int]] = {
    country: length
    for length, countries in (
        (15, "NO"),
        (16, "BE"),
        (18, "DK FI FK FO GL NL SD"),
        (19, "MK SI"),
        (20, "AT BA EE KZ LT LU MN XK"),
        (21, "CH HR LI LV"),
        (22, "BG BH CR DE GB GE IE ME RS VA"),
        (23, "AE GI IL IQ OM SO TL"),
        (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
        (25, "LY PT ST"),
        (26, "IS TR"),
        (27, "BI DJ FR GR IT MC MR SM"),
        (28, "AL AZ BY CY DO GT HN HU LB NI PL SV"),
        (29, "BR EG PS QA UA"),
        (30, "JO KW MU YE"),
        (31, "MT SC"),
        (32, "LC"),
        (33, "RU"),
    )
    for country in words(countries)
}


def find(scanned: Scanned) -> Iterator[Finding]:
    """Yield cards and IBANs."""
    yield from _ibans(scanned.text)
    for run in scanned.runs:
        if run.size >= _SHORTEST:
            yield from _cards(scanned, run)


def issuer_of(digits: str) -> str:
    """Return whose card a number can be, by range and length; empty for nobody's.

    >>> issuer_of("4111111111111111"), issuer_of("378282246310005"), issuer_of("9" * 16)
    ('Visa', 'American Express', '')
    """
    head, length = int(digits[:6]), len(digits)
    for name, first, last, lengths in _ISSUERS:
        if first <= head <= last and length in lengths:
            return name
    return ""


def is_iban(compact: str) -> bool:
    """Whether upper-case letters and digits are an IBAN: the country's length, and MOD 97-10.

    >>> is_iban("GB82WEST12345698765432"), is_iban("GB82WEST12345698765431")
    (True, False)
    """
    if len(compact) != _IBAN_LENGTHS.get(compact[:2]):
        return False
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _cards(scanned: Scanned, run: Run) -> Iterator[Finding]:
    groups, gaps = run.groups, run.gaps
    first = 0
    while first < len(groups):
        best: Finding | None = None
        after, size = first + 1, 0
        for last in range(first, min(first + _MOST_GROUPS, len(groups))):
            size += groups[last].size
            if size > _LONGEST or (last > first and gaps[last - 1] != gaps[first]):
                break
            finding = _card(scanned, groups[first : last + 1]) if size >= _SHORTEST else None
            if finding is not None:  # a longer one may still come
                best, after = finding, last + 1
        if best is not None:
            yield best
        first = after


def _card(scanned: Scanned, groups: tuple[Group, ...]) -> Finding | None:
    if len(groups) > 1 and tuple([group.size for group in groups]) not in _SHAPES:
        return None
    digits = "".join([group.digits for group in groups])
    issuer = issuer_of(digits)
    start, end = groups[0].start, groups[-1].end
    if not issuer or not luhn(digits):
        return None
    if not scanned.stands_alone(start, end) or _is_part(scanned.text, start, end):
        return None
    if scanned.says(_CONTEXT, start) or not _CONTEXT.isdisjoint(scanned.after(end)):
        confidence = 1.0
    else:
        confidence = 0.9 if len(digits) in _SURE_LENGTHS and issuer != "UATP" else 0.45
    return Finding(
        kind="credit_card", span=(start, end), confidence=confidence, action="redact", detail=issuer
    )


def _is_part(text: str, start: int, end: int) -> bool:
    """Whether the digits are those of a decimal number."""
    return text[start - 2 : start] in ("0.", "0,") or bool(
        text[end : end + 1] in (".", ",") and text[end + 1 : end + 2].isdigit()
    )


def _ibans(text: str) -> Iterator[Finding]:
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match[0][:2].upper())
        if length is None:
            continue
        start = at = match.start()
        compact: list[str] = []
        limit = min(len(text), start + 2 * length)
        while at < limit and len(compact) < length:
            character = text[at]
            if character.isascii() and character.isalnum():
                compact.append(character.upper())
            elif character not in " \u00a0-" or text[at - 1] in " \u00a0-":
                break
            at += 1
        is_whole = at == len(text) or not text[at].isalnum()
        if len(compact) != length or not is_whole:
            continue
        confidence = 1.0 if is_iban("".join(compact)) else 0.0
        if not confidence and "iban" in text[max(0, start - 20) : start].lower():
            confidence = 0.55  # one digit is wrong, and it is called one
        if confidence:
            yield Finding(
                kind="iban",
                span=(start, at),
                confidence=confidence,
                action="redact",
                detail=compact[0] + compact[1],
            )
