"""What was asked and what it cost, added up from the ledgers of all profiles."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from promptkit.adapters.ledger import open_ledger
from promptkit.errors import OptionError, StoreError

By = Literal["model", "profile", "day"]

GROUPS: Final[dict[str, str]] = {
    "model": "model",
    "profile": "profile",
    "day": "date(time, 'unixepoch', 'localtime')",
}
"""What spending can be grouped by, each as SQL over a ledger."""

_AGO: Final = re.compile(r"(\d+)([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Spending:
    """Sums over the calls of one group.

    Attributes:
        group: The model, profile or day.
        calls: Calls asked for, however they ended.
        cached: Of these, answered without sending anything.
        failed: Of these, without an answer.
        input_tokens: Of the answers that were paid for.
        output_tokens: Likewise.
        cost_usd: What they cost, as far as their prices are known.
        saved_usd: What the cached answers would have cost.
        unpriced: Paid answers whose price is unknown.
        unsettled_usd: The most that unanswered attempts may still cost.
    """

    group: str
    calls: int = 0
    cached: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    saved_usd: float = 0.0
    unpriced: int = 0
    unsettled_usd: float = 0.0

    def plus(self, other: Spending) -> Spending:
        """Add the sums of another group under this one's name.

        >>> Spending("a", calls=1, cost_usd=0.5).plus(Spending("b", calls=2)).calls
        3
        """
        names = [field.name for field in fields(self)][1:]
        sums = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Spending(self.group, **sums)

    @property
    def known_usd(self) -> float | None:
        """What the paid answers cost; None when not one of them has a known price."""
        paid = self.calls - self.cached - self.failed
        return None if paid and self.unpriced == paid else self.cost_usd


def ledgers_in(folder: Path) -> list[Path]:
    """Return the ledgers of all profiles in promptkit's data folder."""
    return sorted(folder.glob("profiles/*/ledger.sqlite"))


def spending(ledgers: Iterable[Path], by: By, since: float = 0.0) -> list[Spending]:
    """Add up calls by group, the dearest first, days in their order.

    Args:
        ledgers: The files.
        by: What to group by.
        since: Unix seconds; earlier calls are left out.

    Raises:
        StoreError: When a file is damaged or no ledger.
    """
    groups: dict[str, Spending] = {}
    for path in ledgers:
        for found in _read(path, by, since):
            known = groups.get(found.group)
            groups[found.group] = known.plus(found) if known else found
    if by == "day":
        return sorted(groups.values(), key=lambda each: each.group)
    return sorted(groups.values(), key=lambda each: (-each.cost_usd, -each.calls, each.group))


def _read(path: Path, by: By, since: float) -> list[Spending]:
    sql = f"""
        SELECT {GROUPS[by]}, count(*), sum(cached), sum(error != ''),
            sum(iif(cached, 0, input_tokens)), sum(iif(cached, 0, output_tokens)),
            sum(iif(cached, 0.0, ifnull(cost_usd, 0.0))),
            sum(iif(cached, ifnull(cost_usd, 0.0), 0.0)),
            sum(NOT cached AND error = '' AND cost_usd IS NULL), sum(unsettled_usd)
        FROM calls WHERE time >= ? GROUP BY 1
    """  # noqa: S608 -- the group is one of ours
    try:
        with closing(open_ledger(path)) as database:
            return [Spending(*row) for row in database.execute(sql, (since,))]
    except sqlite3.DatabaseError as error:
        hint = "move it away to see the others"
        raise StoreError(f"the ledger {path} cannot be read ({error})", hint=hint) from None


def parse_since(text: str, now: datetime) -> float:
    """Read «24h», «7d», «2w», «today», or a date or time in ISO form, into Unix seconds.

    Raises:
        OptionError: When it is none of these.

    >>> now = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
    >>> parse_since("24h", now) == parse_since("2026-11-21T12:00:00+00:00", now)
    True
    """
    if text == "today":
        return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    if ago := _AGO.fullmatch(text):
        try:
            return (now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).timestamp()
        except OverflowError:
            return 0.0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        hint = "for example 24h, 7d, today or 2026-11-01"
        raise OptionError(f"--since {text} is no time", hint=hint) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)).timestamp()
