"""How amounts of money are written: shortly in readouts, in full in errors and warnings."""

from __future__ import annotations

import math
from typing import Final

_PROFILE: Final = "profile "
_DAY: Final = "day of "
_DIGITS: Final = 4
_SMALLEST_USD: Final = 1e-6


def money(usd: float | None) -> str:
    """Write an amount of US dollars, with two digits that tell something.

    >>> money(12.5), money(0.05), money(0.00123), money(0), money(4e-8), money(None)
    ('$12.50', '$0.05', '$0.0012', '$0', '<$0.000001', 'unknown cost')
    """
    if usd is None:
        return "unknown cost"
    if usd == 0:
        return "$0"
    if usd < 0:
        return f"-{money(-usd)}"
    if usd < _SMALLEST_USD:
        return "<$0.000001"
    if usd >= 1:
        return f"${usd:,.2f}"
    decimals = max(2, 1 - math.floor(math.log10(usd)))
    whole, _, digits = f"{usd:.{decimals}f}".partition(".")
    return f"${whole}.{digits.rstrip('0'):0<2}"


def exact(usd: float) -> str:
    """Write US dollars with four digits that tell something, cents at least, and no exponent.

    An amount that a limit refuses must not look like the amount that is left, so these are two
    digits more than a readout's.

    >>> exact(8.2e-05), exact(0.0999), exact(0.1), exact(1234.5), exact(0), exact(4e-8)
    ('$0.000082', '$0.0999', '$0.10', '$1,234.50', '$0', '$0.00000004')
    """
    if usd <= 0:
        return "$0"
    decimals = max(2, _DIGITS - 1 - math.floor(math.log10(usd)))
    whole, _, digits = f"{usd:,.{decimals}f}".partition(".")
    return f"${whole}.{digits.rstrip('0'):0<2}"


def of_limit(limit: str, name: str, *, is_soft: bool = False) -> str:
    """Say whose limit an amount is; `name` is that of a meter.

    >>> of_limit("$0.10", "session")
    "the session's $0.10"
    >>> of_limit("$0.05", "profile lab"), of_limit("$0.05", "day of profile lab")
    ('the $0.05 of profile lab', 'the $0.05 a day of profile lab')
    >>> of_limit("$0.05", "profile lab", is_soft=True)
    'the soft limit of $0.05 of profile lab'
    """
    if is_soft:
        limit = f"soft limit of {limit}"
    if name.startswith(_DAY):
        return f"the {limit} a day of {name.removeprefix(_DAY)}"
    return f"the {limit} of {name}" if name.startswith(_PROFILE) else f"the {name}'s {limit}"


def owner(name: str) -> str:
    """Name the one whose meter it is, as the subject of a sentence.

    >>> owner("cell"), owner("profile lab"), owner("day of profile lab")
    ('the cell', 'profile lab', 'the day of profile lab')
    """
    return name if name.startswith(_PROFILE) else f"the {name}"
