"""Recognisers of structured personal data, one family a module.

Read `scanned` first: a text is read once for its groups of digits, and the families look at these.
Each family is a function from a `Scanned` text to findings. What a family cannot tell by a checksum
or an unmistakable form, it tells by the words beside it (`scanned.Scanned.says`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from promptkit.errors import OptionError
from promptkit.safety.finding import Finding
from promptkit.safety.personal import (
    banking,
    birth,
    crypto,
    document,
    lettered,
    national,
    network,
    phone,
    postcode,
    web,
)
from promptkit.safety.personal.scanned import Scanned

_FAMILIES: Final[tuple[tuple[Callable[[Scanned], Iterable[Finding]], frozenset[str]], ...]] = (
    (web.find, web.KINDS),
    (network.find, network.KINDS),
    (banking.find, banking.KINDS),
    (crypto.find, crypto.KINDS),
    (lettered.find, lettered.KINDS),
    (national.find, national.KINDS),
    (birth.find, birth.KINDS),
    (birth.find_dates, birth.DATE_KINDS),
    (document.find, document.KINDS),
    (postcode.find, postcode.KINDS),
    (phone.find, phone.KINDS),
)

KINDS: Final[frozenset[str]] = frozenset().union(*(kinds for _, kinds in _FAMILIES))
"""All that can be found."""

OPT_IN: Final[frozenset[str]] = frozenset({"date"})
"""Kinds that are looked for only where they are asked for: a bare date is about nobody."""

DEFAULT_KINDS: Final[frozenset[str]] = KINDS - OPT_IN


def find(text: str, kinds: Iterable[str] | None = None) -> Iterator[Finding]:
    """Yield all findings of some kinds, in no order; they may overlap.

    >>> [finding.kind for finding in find("ann@example.com, 10.1.2.3")]
    ['email', 'ip_address']

    Raises:
        OptionError: For a kind that is not in `KINDS`.
    """
    wanted = DEFAULT_KINDS if kinds is None else frozenset(kinds)
    if unknown := wanted - KINDS:
        msg = f"no recogniser finds {', '.join(sorted(map(repr, unknown)))}"
        raise OptionError(msg, hint=f"kinds are {', '.join(sorted(KINDS))}")
    scanned = Scanned(text)
    for family, its_kinds in _FAMILIES:
        if not wanted.isdisjoint(its_kinds):
            for finding in family(scanned):
                if finding.kind in wanted:
                    yield finding


def without_overlaps(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in order, of those that overlap the surest, then the longest, then the first.

    >>> parts = [Finding(kind="a", span=(0, 4), confidence=0.5), Finding(kind="b", span=(2, 6))]
    >>> [finding.kind for finding in without_overlaps(parts)]
    ['b']
    """
    ordered = sorted(findings, key=lambda finding: finding.span)
    kept: list[Finding] = []
    group: list[Finding] = []
    end = -1
    for finding in ordered:  # those that hang together are settled among themselves
        if finding.span[0] >= end:
            kept += _settled(group)
            group = []
        group.append(finding)
        end = max(end, finding.span[1])
    return kept + _settled(group)


def _settled(group: list[Finding]) -> list[Finding]:
    if len(group) < 2:  # noqa: PLR2004 -- one overlaps nothing
        return group
    taken: list[Finding] = []
    for finding in sorted(
        group, key=lambda f: (-f.confidence, f.span[0] - f.span[1], f.span[0], f.kind)
    ):
        start, end = finding.span
        if all(end <= other.span[0] or other.span[1] <= start for other in taken):
            taken.append(finding)
    return sorted(taken, key=lambda finding: finding.span)


def normal(kind: str, value: str) -> str:
    """Return a value as it is compared: all spellings of an e-mail address or number are one.

    >>> normal("credit_card", "4111 1111-1111 1111"), normal("email", "Ann@Example.com")
    ('4111111111111111', 'ann@example.com')
    """
    folded = value.casefold()
    if kind in web.KINDS or kind in network.KINDS or kind not in KINDS:
        return folded
    if kind in crypto.KINDS:
        return value
    plain = "".join(filter(str.isalnum, folded))
    return f"+{plain}" if kind == "phone" and "+" in value else plain
