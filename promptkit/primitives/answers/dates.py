"""Calendar days, as ISO 8601 writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date as day_of
from functools import partial
from typing import Final

from promptkit.primitives.answers.extractor import Extractor
from promptkit.primitives.answers.marks import pieces

_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY: Final = r"\d{1,2}(?:st|nd|rd|th)?"

_DATE: Final = re.compile(
    rf"""
      (?<!\d)(?P<y1>\d{{4}})(?P<s1>[-/.])(?P<m1>\d{{1,2}})(?P=s1)(?P<d1>\d{{1,2}})(?!\d)
    | (?<!\d)(?P<a>\d{{1,2}})(?P<s2>[-/.])(?P<b>\d{{1,2}})(?P=s2)(?P<y2>\d{{4}})(?!\d)
    | \b(?P<m3>{_MONTH})\s?(?P<d3>{_DAY}),?\s?(?P<y3>\d{{4}})(?!\d)
    | (?<!\d)(?P<d4>{_DAY})\s(?:of\s)?(?P<m4>{_MONTH}),?\s?(?P<y4>\d{{4}})(?!\d)
    | (?P<y5>\d{{4}})\s?年\s?(?P<m5>\d{{1,2}})\s?月\s?(?P<d5>\d{{1,2}})\s?日
    """,
    re.IGNORECASE | re.VERBOSE,
)


def _date(text: str, *, is_day_first: bool) -> str | None:
    for piece in pieces(text):
        if first := next(_days(piece, is_day_first), None):
            return first
    every = list(_days(text, is_day_first))
    return every[-1] if every else None


def _days(text: str, is_day_first: bool) -> Iterator[str]:  # noqa: FBT001 -- a way to read
    for match in _DATE.finditer(text):
        year, month, day = _parts(match, is_day_first)
        try:
            yield day_of(int(year), int(month), int(day)).isoformat()
        except ValueError:  # the 30th of February is no date
            continue


def _parts(match: re.Match[str], is_day_first: bool) -> tuple[str, str | int, str]:  # noqa: FBT001
    for form in "1345":
        if year := match[f"y{form}"]:
            month, day = match[f"m{form}"], match[f"d{form}"]
            is_named = not month[0].isdigit()
            return (
                year,
                _MONTHS.index(month[:3].lower()) + 1 if is_named else month,
                re.sub(r"\D", "", day),
            )
    month, day = match["a"], match["b"]
    # Points stand between day and month where the day comes first; a 13th month is a day.
    if is_day_first or match["s2"] == "." or int(month) > 12:  # noqa: PLR2004 -- months
        month, day = day, month
    return match["y2"], month, day


date = Extractor("date", partial(_date, is_day_first=False))
"""The day after an answer mark, else the last one, as «2021-05-07». None without a year.

«05/07/2021» has its month first, as the tasks of BIG-bench write it; with points, as in
«07.05.2021», the day comes first.

>>> [date(text) for text in ("05/07/2021", "on the 7th of May, 2021", "May 7, 2021", "7.5.2021")]
['2021-05-07', '2021-05-07', '2021-05-07', '2021-05-07']
"""

date_day_first = Extractor("date_day_first", partial(_date, is_day_first=True))
"""As `date`, but «05/07/2021» is the fifth of July.

>>> date_day_first("Answer: 05/07/2021")
'2021-07-05'
"""
