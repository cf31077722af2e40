"""A check on answers: recompute the sums that stand in a text.

It must not refuse an honest sum, so it looks only at what it surely understands: numbers, the four
operations and brackets, with an equals sign after them. A term with a word, a variable, a power or
another sign next to it is passed over, and so is «3 / 1/4» or «100 + 6%», which people mean in more
than one way. Results may be rounded, and be in cents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from itertools import pairwise
from typing import Final

from promptkit.result import Verdict

_TOKEN: Final = re.compile(
    r"\s*(?P<token>(?P<number>[$€£]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|[$€£]?\.\d+)(?:\s?%)?"
    r"|[-+*/()\u00d7÷−\u2013·]|[xX](?=\s*[\d$(.]))"
)
_SIGNS: Final = {
    **dict.fromkeys("\u00d7·xX", "*"),
    **dict.fromkeys("−\u2013", "-"),
    "÷": "/",
}
_GOES_ON: Final = re.compile(
    r"[^\W\d]|[,.:]\d|\s*(?:thousand|million|billion|trillion|hundred|dozen|\d)", re.IGNORECASE
)
"""What, after a number, makes it another one: a unit or «3k», «3,5», «6 million», «1 1/2»."""

_NOT_A_BEGINNING: Final = re.compile(
    r"\b(?:of|times|plus|minus|by|over|less|than|divided|multiplied)\s*\Z", re.IGNORECASE
)
"""Words that make what stands before them a part of the sum: «60% of 30 * 2»."""

_LONGEST: Final = 300
"""Characters of a side of an equation that are looked at: no honest sum is longer."""


def arithmetic(answer: str) -> Verdict:
    """Recompute each «a op b = c» in a text; also the «<<16-3=13>>» of GSM8K's solutions.

    A chain «3 + 4 = 7 * 2 = 14» counts as two sums. It cannot say when the text holds no sum.

    >>> arithmetic("He buys 3 * 4 = 12 pens, then 12 + 5 = 18.").reason
    '12 + 5 is 17, not 18'
    >>> arithmetic("$16 - 3 = <<16-3=13>>13 left").outcome, arithmetic("thirteen").outcome
    ('pass', 'unsure')
    """
    found = 0
    for left, right in _equations(answer):
        terms, said = _ending(left), _Said.read(right)
        value = None if terms is None else _worked_out(terms)
        if terms is None or said is None or value is None:
            continue
        found += 1
        if not said.is_about(value, in_cents=any(sign in left + right for sign in "$€£")):
            is_ = f"{float(value):.6g}" if value.is_finite() else "no number"
            return Verdict("fail", f"{' '.join(terms)} is {is_}, not {said.written}")
    if not found:
        return Verdict("unsure", "no sum in the text")
    return Verdict("pass", f"{found} {'sum is' if found == 1 else 'sums are'} right")


def _equations(text: str) -> Iterator[tuple[str, str]]:
    """The two sides at each equals sign."""
    for line in text.replace("<<", "\n").replace(">>", "\n").splitlines():
        sides = line.split("=")
        for left, right in pairwise(sides):
            yield left[-_LONGEST:], right[:_LONGEST]


def _ending(side: str) -> list[str] | None:
    """The terms that a side ends with, from where they surely begin; None when it is not sure."""
    side = side.rstrip()
    terms: list[str] = []
    begin = place = 0
    while place < len(side):
        match = _TOKEN.match(side, place)
        if match is None:
            place, terms = place + 1, []
            begin = place
            continue
        terms.append(_SIGNS.get(match["token"], match["token"]))
        place = match.end()
    before, run = side[:begin], side[begin:]
    while terms[:1] == ["("] and terms.count("(") > terms.count(")"):
        terms = terms[1:]  # «(3 + 4 = 7)»: a bracket of the sentence
    if terms[1:2] == [")"] and not before.strip():
        terms = terms[2:]  # «2) 5 + 3»: the number of a list
    elif terms and terms[0] in "-+":
        if before.strip(" \t•>*#:.;"):
            return None  # «apples - 3 + 4», of which the first term is no number
        terms = terms[1:] if re.match(r"\s*[-+−\u2013]\s", run) else terms  # the mark of a list
    elif before and not run[:1].isspace() and before[-1] not in ":;«„“\"'":
        return None  # «x2», «2,5», «2^3»
    return None if _NOT_A_BEGINNING.search(before) or _is_ambiguous(terms) else terms


def _is_ambiguous(terms: list[str]) -> bool:
    """Whether people mean such terms in more than one way: «1 1/2», «3 / 1/4», «100 + 6%»."""
    shares = [_is_number(term) and term.endswith("%") for term in terms]
    return (
        any(_is_number(a) and _is_number(b) for a, b in pairwise(terms))
        or any(a == c == "/" for a, c in zip(terms, terms[2:], strict=False))
        or (any(a in "+-" and b for a, b in zip(terms, shares[1:], strict=False)) and not shares[0])
    )


def _is_number(term: str) -> bool:
    return term[-1] in "0123456789%"


@dataclass(frozen=True, slots=True)
class _Said:
    """What stands after an equals sign: a number as written, and what it may stand for."""

    written: str
    values: tuple[Decimal, ...]
    digits: int

    @classmethod
    def read(cls, side: str) -> _Said | None:
        """Read a side; None when it does not begin with a number."""
        terms: list[str] = []
        place, end = 0, 0
        while match := _TOKEN.match(side, place):
            terms.append(_SIGNS.get(match["token"], match["token"]))
            place = match.end()
            end = end or (place if match["number"] else 0)
        minus = terms[:1] == ["-"]
        if not end or not _is_number(terms[minus]) or _GOES_ON.match(side, end):
            return None
        if terms[-1] in "+-*/":
            return None  # «30 + x»
        number = _decimal(terms[minus])
        values = [-number if minus else number]
        if terms[minus].endswith("%"):
            values.append(values[0] / 100)
        sums = (_worked_out(terms[:length]) for length in range(len(terms), 2, -1))
        values += [next((value for value in sums if value is not None), values[0])]
        digits = max(-int(number.as_tuple().exponent), 0)
        return cls("-" * minus + terms[minus].lstrip("$€£"), tuple(values), digits)

    def is_about(self, value: Decimal, *, in_cents: bool) -> bool:
        """Whether a value is this, but for the digits that are not shown."""
        if not value.is_finite():
            return False
        is_exact = (
            value == value.quantize(Decimal(10) ** -self.digits) if self._fits(value) else True
        )
        slack = Decimal(0) if is_exact else Decimal(10) ** -self.digits
        options = (value, value * 100, value / 100) if in_cents else (value,)
        return any(abs(option - each) <= slack for each in self.values for option in options)

    def _fits(self, value: Decimal) -> bool:
        return value.adjusted() + self.digits < 25  # noqa: PLR2004 -- what quantize can hold


def _worked_out(terms: list[str]) -> Decimal | None:
    """The value of a sum; None when the terms make none, or hold no operation."""
    if not any(term in "+-*/" for term in terms[1:]):
        return None
    with localcontext() as context:
        context.prec = 40
        for trap in (DivisionByZero, InvalidOperation, Overflow):
            context.traps[trap] = False
        try:
            value, rest = _sum(terms)
        except _NoSumError:
            return None
        return None if rest else value


class _NoSumError(Exception):
    """The terms do not make a sum."""


def _sum(terms: list[str]) -> tuple[Decimal, list[str]]:
    value, terms = _product(terms)
    while terms and terms[0] in "+-":
        sign, (more, terms) = terms[0], _product(terms[1:])
        value = value + more if sign == "+" else value - more
    return value, terms


def _product(terms: list[str]) -> tuple[Decimal, list[str]]:
    value, terms = _factor(terms)
    while terms and terms[0] in "*/":
        sign, (more, terms) = terms[0], _factor(terms[1:])
        value = value * more if sign == "*" else value / more
    return value, terms


def _factor(terms: list[str]) -> tuple[Decimal, list[str]]:
    term, *rest = terms or [""]
    if term == "-":
        value, rest = _factor(rest)
        return -value, rest
    if term == "(":
        value, rest = _sum(rest)
        if rest[:1] != [")"]:
            raise _NoSumError
        return value, rest[1:]
    if not term or not _is_number(term):
        raise _NoSumError
    return (_decimal(term) / 100 if term.endswith("%") else _decimal(term)), rest


def _decimal(number: str) -> Decimal:
    return Decimal(number.strip("$€£% ").replace(",", ""))
