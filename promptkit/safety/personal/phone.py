"""Phone numbers, international and national, by form and by the words beside them.

An international number is one by its calling code and length (`calling_code`). National forms are
judged in `phone_form`. What is no phone number by its form alone may be one beside a word that says
so, and the other way round: confidence is a sum of what speaks for and against.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from promptkit.safety.finding import Finding
from promptkit.safety.personal.phone_form import MOST_DIGITS, prefixed, unprefixed
from promptkit.safety.personal.scanned import AFTER, Group, Run, Scanned, is_of_word, words

KINDS: Final = frozenset({"phone"})

_FEWEST_DIGITS: Final = 6
_MOST_GROUPS: Final = 8
_LONGEST_RUN: Final = 24
"""Groups. A longer run is a row of a table, or a vector."""

_REPORTED: Final = 0.3
_SURE_ENOUGH: Final = 0.5

_EXTENSION: Final = re.compile(
    r"[ \u00a0]?,?[ \u00a0]?(?:x|ext\.?|extn\.?|extension|poste|durchwahl|dw|int\.?|#)"
    r"[ .:]?[ ]?[0-9]{1,6}(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_WORDS: Final = words(
    "phone phones telephone telephones tel telefon telefoon telefono teléfono téléphone telefone"
    " telefonnummer telefoonnummer phonenumber telephonenumber puhelin puhelinnumero sími"
    " mobile mob mobil mobiel móvil móviles portable handy handynummer mobilnummer mobiltelefon"
    " mobiele cellulare cell cellphone celular telemóvel gsm kännykkä matkapuhelin komórka"
    " komórkowy call calls called calling callback ring dial text texted texting sms whatsapp"
    " signal telegram viber fax facsimile telefax landline hotline helpline switchboard pager"
    " voicemail contact reach reached office desk anrufen anruf rufnummer ruf rufen"
    " erreichbar erreichen appeler appelez appelle joindre llame llamar llamada llámame contacto"
    " chiamare chiama chiamami bellen bel ringa ringe opringning zadzwoń dzwonić ligue ligar"
    " τηλέφωνο τηλ κινητό телефон тел мобильный звоните позвоните номер हिन्दी फोन मोबाइल هاتف جوال"
    " טלפון נייד telefonu telefonem điện thoại 电话 手机 電話 携帯 전화 휴대폰 連絡先 联系 โทร"
)
_PLAIN_WORDS: Final = words("number nummer numéro número numero num no nr contact")
_OTHERWISE: Final = words(
    "order invoice ref reference isbn issn ticket tracking serial version patent sku product item"
    " account id identifier code model part case license licence passport price cost usd eur gbp"
    " budget population rfc doi pmid arxiv article section card ssn iban zip tax vat timestamp"
    " bestellnummer rechnung rechnungsnummer kundennummer commande facture pedido factura"
)
_UNITS: Final = words(
    "km kg mm cm ms mb gb kb tb usd eur gbp chf dollars euros pounds people persons users bytes"
    " bits tokens rows items years year hours seconds minutes days percent million billion"
    " thousand inhabitants copies steps views votes miles meters metres tons tonnes"
)
_LINE: Final = 120
"""How far a line is looked along, in characters."""

_NO_PHONE_BEHIND: Final = "$€£¥₹₽₩%#§^\\@_"
_NO_PHONE_BEFORE: Final = "$€£°%@_"
_STOP: Final = re.compile(r"[,;:.!?\n]")
_JOINTS: Final = "-./\u2013"


def find(scanned: Scanned) -> Iterator[Finding]:
    """Yield phone numbers, those that are not sure too."""
    for run in scanned.runs:
        if len(run.groups) <= _LONGEST_RUN and run.size >= _FEWEST_DIGITS:
            yield from _in_run(scanned, run)


def _in_run(scanned: Scanned, run: Run) -> Iterator[Finding]:
    groups, gaps = run.groups, run.gaps
    first, count = 0, len(groups)
    while first < count:
        best: Finding | None = None
        step = 1
        if not first or _may_part(gaps[first - 1]):
            for last in range(min(first + _MOST_GROUPS, count) - 1, first - 1, -1):
                if last + 1 < count and not _may_part(gaps[last]):
                    continue
                is_torn = _is_torn(gaps, first, last)
                finding = _judged(
                    scanned, groups[first : last + 1], gaps[first:last], is_torn=is_torn
                )
                if finding and (best is None or finding.confidence > best.confidence):
                    best, step = finding, last + 1 - first
                    if finding.confidence >= _SURE_ENOUGH:
                        break
        if best is not None and (best.confidence >= _SURE_ENOUGH or step == count - first):
            yield best
            first += step
        else:
            first += 1


def _may_part(gap: str) -> bool:
    """Whether a number can end at a gap: groups joined by hyphens or dots belong together."""
    return gap[0].isspace() or gap[-1].isspace()


def _is_torn(gaps: Sequence[str], first: int, last: int) -> bool:
    """Whether digits stand before or behind in the same distance as within: 12 34 56 78 90 12."""
    inner = gaps[first:last]
    outer = (*gaps[first - 1 : first], *gaps[last : last + 1]) if first else gaps[last : last + 1]
    return any(gap in inner for gap in outer)


def _judged(
    scanned: Scanned, groups: Sequence[Group], gaps: Sequence[str], *, is_torn: bool
) -> Finding | None:
    """Judge neighbouring groups as one number."""
    text = scanned.text
    digits = "".join([group.digits for group in groups])
    fewest = _FEWEST_DIGITS + (len(groups) == 1)
    if not fewest <= len(digits) <= MOST_DIGITS + 3:  # with 00 or 011 ahead
        return None
    end = groups[-1].end
    start, is_plus, is_bracketed = _start(text, groups[0].start, gaps)
    extension = _EXTENSION.match(text, end)
    end = extension.end() if extension else end
    if not _are_paired(gaps, is_bracketed=is_bracketed) or not _is_apart(text, start, end):
        return None
    if is_plus:
        country, confidence = prefixed(groups, gaps, digits)
    else:
        country, confidence = unprefixed(groups, gaps, digits, is_bracketed=is_bracketed)
        confidence -= 0.2 * is_torn
        if confidence > 0 and extension:
            confidence = max(confidence, 0.45) + 0.3
        if confidence > 0:
            confidence += _said(scanned, start, end, is_single=len(groups) == 1)
    if confidence < _REPORTED:
        return None
    return Finding(
        kind="phone",
        span=(start, end),
        confidence=round(min(confidence, 0.99), 2),
        action="redact",
        detail=country,
    )


def _start(text: str, start: int, gaps: Sequence[str]) -> tuple[int, bool, bool]:
    """Take in a + sign and an opening bracket: new start, and whether there was either."""
    is_plus = is_bracketed = False
    if start and text[start - 1] in "+\uff0b":
        is_plus, start = True, start - 1
    if start and text[start - 1] == "(" and any(")" in gap for gap in gaps[:2]):
        is_bracketed, start = True, start - 1
        if start and text[start - 1] in "+\uff0b":
            is_plus, start = True, start - 1
    return start, is_plus, is_bracketed


def _are_paired(gaps: Sequence[str], *, is_bracketed: bool) -> bool:
    """Whether brackets close as they open, at most twice: (+49) (0)30."""
    joined = "".join(gaps)
    opened = joined.count("(") + is_bracketed
    return opened == joined.count(")") and opened <= 2  # noqa: PLR2004


def _is_apart(text: str, start: int, end: int) -> bool:
    """Whether a number is no part of a word, an amount, a code or a longer number."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if before:
        if is_of_word(before[-1]) or before[-1] in _NO_PHONE_BEHIND:
            return False
        if before[-1] in _JOINTS and before[0].isalnum() and len(before) > 1:
            return False
    if after:
        if is_of_word(after[0]) or after[0] in _NO_PHONE_BEFORE:
            return False
        if len(after) > 1 and after[1].isalnum():
            return after[0] not in "-/.:," or (after[0] == "," and not after[1].isdigit())
    return True


def _said(scanned: Scanned, start: int, end: int, *, is_single: bool) -> float:
    """What the words around say: for it, against it, or nothing."""
    reach = 30 if is_single else 60
    before = scanned.before(start, reach)
    stop = _STOP.search(scanned.text, end, end + AFTER)
    behind = scanned.after(end, stop.start() - end if stop else AFTER)[:4]
    near = before[-3:]
    is_otherwise = not _OTHERWISE.isdisjoint(near)
    if scanned.says(_WORDS, start, reach) or not _WORDS.isdisjoint(behind):
        if is_otherwise and _WORDS.isdisjoint(near):
            return -0.1
        return 0.5 if is_single else 0.3
    if is_otherwise or (behind and behind[0] in _UNITS):
        return -0.3
    if not _PLAIN_WORDS.isdisjoint(near):
        return 0.15
    return 0.0 if is_single else 0.2 * _has_own_line(scanned.text, start, end)


def _has_own_line(text: str, start: int, end: int) -> bool:
    """Whether a number fills a line between words, as below a letter; in a table it does not."""
    before = text[max(0, start - _LINE) : start].rpartition("\n")
    after = text[end : end + _LINE].partition("\n")
    if before[2].strip() or after[0].strip() or not (before[1] or after[1]):
        return False
    above, below = before[0].rpartition("\n")[2], after[2].partition("\n")[0]
    return all(any(map(str.isalpha, line)) for line in (above, below) if line.strip())
