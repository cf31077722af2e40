"""Forms of phone numbers without a + sign, and how surely each is one.

Countries group their numbers differently, and people differ from that. What national forms share is
little: a trunk zero ahead, an area code in brackets, North America's 3-3-4. Other groupings are
written for so much else that they get less than half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from promptkit.safety.personal.calling_code import country_of
from promptkit.safety.personal.checksum import is_date
from promptkit.safety.personal.scanned import Group

MOST_DIGITS: Final = 15
"""Of an international number (ITU-T E.164, 6.2.1)."""

_MOST_NATIONAL: Final = 13
"""Of a German or Austrian number with its trunk zero; others end at twelve."""

_NONE: Final = ("", 0.0)


def prefixed(groups: Sequence[Group], gaps: Sequence[str], digits: str) -> tuple[str, float]:
    """Return country and confidence of digits behind a + sign.

    People leave digits out and add them, and examples are made up: with groups, another length
    than the country's will do.
    """
    if len(digits) > MOST_DIGITS:
        return _NONE
    country = country_of(digits)
    if country:
        return country, 0.95
    is_amount = _are_alike(gaps) and {group.size for group in groups[1:]} == {3}
    if len(digits) < 8 or len(groups) < 3 or is_amount:  # noqa: PLR2004
        return _NONE
    return "", 0.7


def unprefixed(  # noqa: PLR0911 -- a form after the other
    groups: Sequence[Group], gaps: Sequence[str], digits: str, *, is_bracketed: bool
) -> tuple[str, float]:
    """Return country, where the form tells it, and confidence of digits without a + sign."""
    if digits.startswith("00"):
        country = country_of(digits[2:])
        if country:
            return country, 0.85 if len(groups) > 1 else 0.5
    elif groups[0].digits == "011" and len(groups) > 1:
        country = country_of(digits[3:])
        if country:
            return country, 0.8
    most = _MOST_NATIONAL if digits[0] == "0" else _MOST_NATIONAL - 1
    if len(digits) > most or holds_date(groups, gaps):
        return _NONE
    sizes = tuple([group.size for group in groups])
    if len(groups) == 1:
        return "", _single(digits)
    if min(sizes[1:]) == 1 and (sizes.count(1) > 1 or len(sizes) < 4):  # noqa: PLR2004
        return _NONE
    if is_bracketed:
        return _bracketed(sizes, groups[0].digits)
    return _american(groups, gaps, sizes) or _grouped(gaps, sizes, digits)


def _single(digits: str) -> float:
    if len(digits) < 7:  # noqa: PLR2004 -- subscriber numbers without an area
        return 0.0
    return 0.2 if digits[0] == "0" and 9 <= len(digits) <= 11 else 0.1  # noqa: PLR2004


def _bracketed(sizes: tuple[int, ...], area: str) -> tuple[str, float]:
    """Judge (030) 123456: an area code of up to five digits in brackets, five to ten behind."""
    if not 5 <= sum(sizes[1:]) <= 10 or sizes[0] > 5:  # noqa: PLR2004
        return _NONE
    if sizes[0] == 4 and area[:2] in ("19", "20") and len(sizes) == 2:  # noqa: PLR2004
        return "", 0.2  # a year, and a number behind it
    if sizes == (3, 3, 4):
        return "US", 0.85
    return "", 0.75 if sizes[0] > 1 or len(sizes) > 2 else 0.3  # noqa: PLR2004


def _american(
    groups: Sequence[Group], gaps: Sequence[str], sizes: tuple[int, ...]
) -> tuple[str, float] | None:
    """Judge 3-3-4 and 1-3-3-4; area and exchange begin with 2 to 9 (NANP)."""
    if sizes == (1, 3, 3, 4) and groups[0].digits == "1":
        return "US", 0.8
    if sizes == (1, 3, 3, 4) and groups[0].digits == "8":
        return "RU", 0.65
    if sizes != (3, 3, 4) or not _are_alike(gaps):
        return None
    less = 0.1 * gaps[0].isspace()
    if groups[0].digits[0] in "01" or groups[1].digits[0] in "01":
        return "", 0.6 - less
    return "US", 0.75 - less


def _grouped(  # noqa: PLR0911 -- a form after the other
    gaps: Sequence[str], sizes: tuple[int, ...], digits: str
) -> tuple[str, float]:
    """Judge other groupings."""
    count, many = len(digits), len(sizes)
    if digits[0] == "8" and sizes[:2] == (1, 3) and count == 11:  # noqa: PLR2004
        return "RU", 0.65
    if digits[:4] in ("1300", "1800") and sizes == (4, 3, 3):
        return "AU", 0.65
    if digits[0] == "0" and 8 <= count <= _MOST_NATIONAL:  # noqa: PLR2004 -- a trunk zero
        return "", _trunk(gaps, sizes, digits)
    are_fours = set(sizes) == {4} and gaps[0].isspace()
    if max(sizes) > 8 or (are_fours and (many > 2 or digits[:2] in ("19", "20"))):  # noqa: PLR2004
        return "", 0.1  # years, or any numbers
    if count < 7:  # noqa: PLR2004
        return "", 0.2 if sizes == (2, 2, 2) else 0.1
    if max(sizes) <= 3 and set(sizes[1:]) == {3} and _are_alike(gaps):  # noqa: PLR2004
        return "", 0.3 if gaps[0] == "-" else 0.2  # thousands are written so
    return "", 0.35 if many > 2 and count > 7 else 0.25  # noqa: PLR2004


def _trunk(gaps: Sequence[str], sizes: tuple[int, ...], digits: str) -> float:
    """Judge a number that begins with a zero: (0)30 123456 in most of the world."""
    if sizes[0] == 1 and (gaps[0][0] == "." or len(sizes) == 2):  # noqa: PLR2004
        return 0.0  # a decimal fraction, a range
    is_zip = sizes in ((5, 4), (5, 3)) and gaps[0] == "-"
    if digits[:3] == "000" or sizes[0] > 5 or is_zip:  # noqa: PLR2004 -- area codes
        return 0.3
    if set(sizes) == {2}:  # as in France; four pairs are any numbers
        return 0.7 if len(sizes) == 5 else 0.4  # noqa: PLR2004
    return 0.6 if len(digits) < 12 else 0.5  # noqa: PLR2004


def _are_alike(gaps: Sequence[str]) -> bool:
    return len({*gaps}) == 1


def holds_date(groups: Sequence[Group], gaps: Sequence[str]) -> bool:
    """Whether three of the groups are a date, set apart from the others by other signs."""
    for at in range(len(groups) - 2):
        gap = gaps[at]
        is_part = gap in (gaps[at - 1] if at else "", *gaps[at + 2 : at + 3])
        is_written = gap in ("-", ".", "/") or (gap == " " and len(groups) == 3)  # noqa: PLR2004
        if gap != gaps[at + 1] or not is_written or is_part:
            continue
        sizes = tuple([group.size for group in groups[at : at + 3]])
        if max(sizes) > 4:  # noqa: PLR2004 -- digits of a year
            continue
        one, two, three = [int(group.digits) for group in groups[at : at + 3]]
        if sizes[0] == 4 and max(sizes[1:]) < 3 and is_date(one, two, three):  # noqa: PLR2004
            return True
        is_short = max(sizes[:2]) < 3 and sizes[2] in ((4,) if gap == " " else (2, 4))  # noqa: PLR2004
        if is_short and (is_date(three, two, one) or is_date(three, one, two)):
            return True
    return False
