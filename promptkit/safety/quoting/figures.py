"""Numbers of a text by their value: 1,200,000 is 1.2 million, and twenty-five is 25.

A number whose separators can be read in two ways has two values, and stands for either. English
number words only; dates written in figures give their parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_UNITS_TEXT: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
_TENS_TEXT: Final = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS_TEXT: Final = "first second third fourth fifth sixth seventh eighth ninth tenth"
_SMALL: Final = {word: value for value, word in enumerate(_UNITS_TEXT.split())} | {
    word: 10 * value for value, word in enumerate(_TENS_TEXT.split(), 2)
}
_SCALES: Final = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
_SHORT_SCALES: Final = {"k": 10**3, "m": 10**6, "mn": 10**6, "bn": 10**9, "b": 10**9, "tn": 10**12}
_ORDINALS: Final = {word: value for value, word in enumerate(_ORDINALS_TEXT.split(), 1)}
_WORDS: Final = "|".join([*_SMALL, *_SCALES])
_FIGURE: Final = re.compile(
    r"(?P<figure>(?<![\w.])(?<![^\W\d_]-)(?:(?<![^\s(\[=])[-\u2212])?\d++(?:[.,\u00a0\u202f]\d++)*+)"
    rf"(?:[ \u00a0-]?(?P<scale>hundred|thousand|million|billion|trillion)s?\b"
    r"|\s?(?P<short>k|m|mn|bn|b|tn)\b)?(?:st|nd|rd|th|s)?"
    rf"|\b(?P<words>(?:{_WORDS})(?:(?:[ -]|\s+and\s+){{1}}(?:{_WORDS}))*+)s?\b"
    rf"|\b(?P<ordinal>{'|'.join(_ORDINALS)})\b",
    re.IGNORECASE,
)
_MARKER: Final = re.compile(
    r"^[ \t>]*(?:\d{1,3}[.)](?=\s)|#{1,6} [^\n]*)|\[\d{1,3}\]|\[\^\d{1,3}\]", re.MULTILINE
)

SPOKEN: Final = 12
"""Number words up to twelve count things in passing: they support a figure and are none."""


class Figure(NamedTuple):
    """A number of a text.

    Attributes:
        values: What it may be.
        start: Where it begins.
        end: Where it ends.
        is_word: Whether it is written in words.
    """

    values: frozenset[float]
    start: int
    end: int
    is_word: bool


def figures(text: str) -> Iterator[Figure]:
    """Yield the numbers of a text, but for list markers and references.

    >>> [sorted(f.values) for f in figures("1.2 million in the 1990s, twenty-five on the 3rd")]
    [[1200000.0], [1990.0], [25.0], [3.0]]
    """
    skipped = {
        place
        for m in _MARKER.finditer(text)
        for place in range(m.start(), min(m.end(), m.start() + 12))
    }
    for match in _FIGURE.finditer(text):
        if match.start() in skipped:
            continue
        if match["figure"]:
            scale = _SCALES.get((match["scale"] or "").lower(), 1)
            scale *= _SHORT_SCALES.get((match["short"] or "").lower(), 1)
            values = {value * scale for value in _values(match["figure"])}
            if match["short"]:
                values |= set(_values(match["figure"]))  # 5 m may be metres
            yield Figure(frozenset(values), *match.span(), is_word=False)
        elif match["words"]:
            yield Figure(frozenset((_spoken(match["words"]),)), *match.span(), is_word=True)
        else:
            value = float(_ORDINALS[match["ordinal"].lower()])
            yield Figure(frozenset((value,)), *match.span(), is_word=True)


def _values(figure: str) -> Iterator[float]:
    sign = -1 if figure[0] in "-\u2212" else 1
    digits = re.sub(r"[^\d.,]", "", figure)
    groups = re.split(r"[.,]", digits)
    separators = re.findall(r"[.,]", digits)
    if len(groups) == 1:
        yield sign * _number(digits)
        return
    as_thousands = all(len(group) == 3 for group in groups[1:]) and len(groups[0]) <= 3  # noqa: PLR2004
    if len(set(separators)) == 2:  # noqa: PLR2004 -- the last one is the decimal sign
        yield sign * _number("".join(groups[:-1]) + "." + groups[-1])
        return
    if as_thousands:
        yield sign * _number("".join(groups))
    if len(groups) == 2 and not (as_thousands and separators == [","]):  # noqa: PLR2004
        yield sign * _number(".".join(groups))
    if not as_thousands:
        yield from (_number(group) for group in groups if len(groups) > 2)  # noqa: PLR2004 -- a date


def _number(digits: str) -> float:
    return float(digits[:300])


def _spoken(words: str) -> float:
    total = current = 0.0
    for word in re.split(r"[\s-]+", words.lower()):
        if word in _SMALL:
            current += _SMALL[word]
        elif word == "hundred":
            current = (current or 1) * 100
        elif word in _SCALES:
            total += (current or 1) * _SCALES[word]
            current = 0
    return total + current
