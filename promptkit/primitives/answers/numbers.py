"""Numbers and shares as models write them."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterator
from fractions import Fraction
from functools import partial
from typing import Final

from promptkit.errors import OptionError
from promptkit.primitives.answers.extractor import Extractor
from promptkit.primitives.answers.marks import pieces
from promptkit.primitives.asking.arguments import finite, share

_LONGEST: Final = 300
"""Characters of a number; longer runs of digits are no answer to anything."""

_CLOSE: Final = 1e-6
"""How far two numbers may lie apart, as a share of the larger, where one is no whole number."""

_SCALE: Final = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}

_VULGAR: Final = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5",
    "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip

_MONEY: Final = r"(?:\\?\$|[€£¥₹₽₩]|US\$|USD|EUR|GBP)"


def _pattern(group: str, point: str) -> str:
    """One number: `group` parts its thousands and `point` its decimals."""
    return rf"""
        (?P<sign>(?<![\w)\]%])[-+−](?=[$€£¥₹₽₩\d.,{"".join(_VULGAR)}])|)
        {_MONEY}?\s?(?P<sign2>(?<![\w)\]%])[-−]|)
        (?:
            (?P<mixed>\d{{1,6}})[ ](?P<over>\d{{1,6}})/(?P<under>\d{{1,6}})(?![\d/])
          | (?P<above>\d++)/(?P<below>0*+[1-9]\d*+)(?![\d/]|[{group}{point}]\d)
          | (?P<units>\d{{0,9}})\s?(?P<vulgar>[{"".join(_VULGAR)}])
          | (?P<digits>
                \d{{1,3}}(?:{group}\d{{3}})++(?!\d)(?:{point}\d++)?+
              | \d{{1,3}}(?:{point}\d{{3}})++{group}\d++(?![\d{group}{point}])
              | \d{{1,3}}(?:{point}\d{{3}}){{2,}}+(?![\d{group}{point}])
              | \d{{1,3}}(?:(?P<gap>['’\u00a0\u202f\u2009])\d{{3}})(?:(?P=gap)\d{{3}})*+(?!\d)
                (?:[.,]\d++)?+
              | \d++(?:{point}\d++)?+
              | {point}\d++
            )
            (?: [eE](?P<exp>[-+]?\d{{1,3}})(?![\w.])
              | \s?(?:[×x*·]|\\times|\\cdot)\s?10\s?\^\s?\{{?(?P<power>[-−]?\d{{1,3}})\}}?
              | \s?(?P<scale>thousand|million|billion|trillion)\b )?+
        )
    """


def _compiled(group: str, point: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    number = _pattern(group, point)
    flags = re.VERBOSE | re.IGNORECASE
    step = rf"\s?(?:[^\W\d_]{{1,12}}\s)?[)\]%]?\s?(?P<op>[-+−*×x·/÷^=≈])\s?[(\[]?\s?(?:{number})"
    return re.compile(number, flags), re.compile(step, flags)


_ENGLISH: Final = _compiled(",", r"\.")
_COMMA: Final = _compiled(r"\.", ",")

_SPACED: Final = re.compile(r"(?<![\d.,])(\d{1,3})((?: \d{3})+)(?![\d.,/]?\d)(?! [+*/×=-])")
_PERCENT: Final = re.compile(r"\s?(?:%|\\%|per ?cent\b)", re.IGNORECASE)
_OF: Final = re.compile(r"(?<![\d.,/])(\d{1,9}) (?:out of|of|in) (\d{1,9})(?![\d.,/]*\d)")

_Both = tuple[re.Pattern[str], re.Pattern[str]]


def _clean(text: str) -> str:
    """Without the calculator's annotations of GSM8K, and with LaTeX's signs as plain ones."""
    text = re.sub(r"<<[^<>]*+>>", "", text) if "<<" in text else text
    if "\\" in text or "{,}" in text:
        text = re.sub(r"\\[dt]?frac\s?\{([^{}]{1,20})\}\s?\{([^{}]{1,20})\}", r"\1/\2", text)
        text = re.sub(r"\\[,!;]|\\ ", "", text).replace("{,}", ",").replace("\\$", "$")
    return text.translate(_ARABIC)


_ARABIC: Final = str.maketrans({"٫": ".", "٬": ",", "−": "-", "－": "-", "．": "."})


def _found(patterns: _Both, text: str) -> Iterator[tuple[re.Match[str], str]]:
    """The matches that may be the answer, the likeliest first, each with the text it is in.

    The number after a mark; where a calculation stands there, what comes after its equals sign;
    where a question stands there, the last number after it. Without a mark, the last of all.
    """
    number, step = patterns
    text = _clean(text)
    for piece in pieces(text):
        whole = _SPACED.sub(lambda m: m.group(1) + m.group(2).replace(" ", ""), piece)
        if whole.partition("\n")[0].rstrip().endswith("?"):
            yield from ((match, whole) for match in reversed(list(number.finditer(whole))))
        elif first := number.search(whole):
            yield _outcome(step, whole, first), whole
    yield from ((match, text) for match in reversed(list(number.finditer(text))))


def _outcome(step: re.Pattern[str], text: str, first: re.Match[str]) -> re.Match[str]:
    """What a calculation comes to: the last side of it that is one number, else its first."""
    sides = [[first]]
    end = first.end()
    while following := step.match(text, end):
        if following["op"] in "=≈":
            sides.append([following])
        else:
            sides[-1].append(following)
        end = following.end()
    return next((side[0] for side in reversed(sides) if len(side) == 1), first)


def _value(match: re.Match[str], point: str) -> Fraction | None:
    if len(match.group()) > _LONGEST:
        return None
    value: Fraction | None
    if match["mixed"]:
        under = int(match["under"])
        value = int(match["mixed"]) + Fraction(int(match["over"]), under) if under else None
    elif match["above"]:
        value = Fraction(int(match["above"]), int(match["below"]))
    elif match["vulgar"]:
        value = int(match["units"] or 0) + Fraction(_VULGAR[match["vulgar"]])
    else:
        power = match["exp"] or match["power"] or _SCALE.get((match["scale"] or "").lower(), 0)
        value = Fraction(_decimal(match, point)) * Fraction(10) ** int(power)
    is_negative = "-" in match["sign"] + match["sign2"]
    return None if value is None else -value if is_negative else value


def _decimal(match: re.Match[str], point: str) -> str:
    """The digits with a point before their decimals and nothing between their thousands."""
    digits = match["digits"]
    if match["gap"]:
        return digits.replace(match["gap"], "").replace(",", ".")
    group = "," if point == "." else "."
    if digits.count(point) > 1 or digits.rfind(group) > digits.rfind(point) >= 0:
        group, point = point, group  # «1.250,50»: nothing else can be meant
    return digits.replace(group, "").replace(point, ".")


def _plain(value: Fraction) -> int | float | None:
    try:
        return int(value) if value.denominator == 1 else float(value)
    except OverflowError:
        return None


def _number(patterns: _Both, point: str, text: str) -> int | float | None:
    for match, _ in _found(patterns, text):
        value = _value(match, point)
        if value is not None and (plain := _plain(value)) is not None:
            return plain
    return None


def _english(text: str) -> int | float | None:
    return _number(_ENGLISH, ".", text)


def _with_comma(text: str) -> int | float | None:
    return _number(_COMMA, ",", text)


def _proportion(text: str) -> float | None:
    for match, where in _found(_ENGLISH, _OF.sub(r"\1/\2", text)):
        value = _value(match, ".")
        if value is None:
            continue
        if _PERCENT.match(where, match.end()):
            value /= 100
        return float(value)
    return None


def _close(rel: float, abs_: float, one: Hashable, other: Hashable) -> bool:
    if not isinstance(one, (int, float)) or not isinstance(other, (int, float)):
        return one == other
    try:
        return math.isclose(one, other, rel_tol=rel, abs_tol=abs_)
    except OverflowError:  # whole numbers beyond what a float holds
        return one == other


def same_number(one: Hashable, other: Hashable) -> bool:
    """Whether two numbers are one: whole ones exactly, others but for their rounding.

    >>> same_number(1 / 3, 0.33333333), same_number(1_000_000, 1_000_001)
    (True, False)
    """
    if isinstance(one, int) and isinstance(other, int):
        return one == other
    return _close(_CLOSE, 0.0, one, other)


number = Extractor("number", _english, same=same_number)
r"""The number after an answer mark, else the last number.

Thousands, currencies, signs, fractions, exponents, LaTeX and the digits of any script are read:
«1,250.50 $», «−3», «1 1/2», «2.5 × 10^3», «1.2 million», «\frac{3}{4}», «٤٢». A percentage is
its number, «20 %» is 20, as answer keys write it; see `proportion`.

>>> number("So 3 + 4 makes 7."), number("The answer is 9 * $2 = $18."), number("A: 1/4")
(7, 18, 0.25)
"""

decimal_comma = Extractor("decimal_comma", _with_comma, same=same_number)
"""As `number`, where the comma parts decimals and the point thousands.

>>> decimal_comma("Antwort: 1.250,5 €"), number("Antwort: 1.250,5 €"), number("1,250")
(1250.5, 1250.5, 1250)
"""

proportion = Extractor("proportion", _proportion, same=same_number)
"""A share of a whole: 0.5, 1/2, 50 %, «3 out of 6» are one answer.

>>> [proportion(text) for text in ("0.5", "1/2", "Answer: 50 %", "3 out of 6 do")]
[0.5, 0.5, 0.5, 0.5]
"""


def number_within(*, rel: float = 0.0, abs: float = 0.0) -> Extractor:  # noqa: A002 -- as in math
    """Return an extractor of numbers that count as one when they lie this close together.

    >>> from promptkit.primitives.answers import group
    >>> group([3.14, 3.1416, 3], number_within(rel=0.01))
    [(3.14, [0, 1]), (3, [2])]

    Args:
        rel: How far apart, as a share of the larger.
        abs: How far apart, in their own unit.
    """
    rel, abs = share("rel", rel, below=1), finite("abs", abs, least=0)  # noqa: A001
    if not rel and not abs:
        raise OptionError("rel=0, abs=0", hint="one of them is above 0")
    name = f"number within {f'{rel:.3g} of it' if rel else ''}{' or ' if rel and abs else ''}"
    name += f"{abs:.3g}" if abs else ""
    return Extractor(name, number.find, same=partial(_close, rel, abs))
