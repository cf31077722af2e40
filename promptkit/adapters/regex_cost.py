"""How long Python's matcher can take for a pattern and a text of some length, at the worst.

It backtracks: what stands behind a part of a pattern is tried once for each way in which that part
can match. So the ways multiply along a sequence, add up over alternatives, and are raised to a
power by a repetition of what has several. The bound is above what any text of the length takes; it
is far above for most. Look-around and atomic groups are left by one way only, whatever is in them.
"""

from __future__ import annotations

from math import inf, log2
from re import _constants as sre  # type: ignore[attr-defined]
from typing import Any, Final

_GREATEST: Final = 1000.0
"""Powers of 2 beyond this are as good as infinite."""


def cost(parsed: Any, length: int, *, is_search: bool = False) -> float:
    """Return a bound on the steps for any text of a length.

    >>> from re import _parser
    >>> cost(_parser.parse("[a-z]+-[0-9]+"), 100) < 100_000
    True
    >>> cost(_parser.parse("(a+)+"), 2000)
    inf

    Args:
        parsed: The pattern, as `re` parses it.
        length: The text's length in characters.
        is_search: Whether the match may begin anywhere, rather than span the text.
    """
    try:
        steps = _sequence(parsed, length)[1]
    except RecursionError:
        return inf
    if not is_search:
        return steps
    return length + steps * (1 if _is_anchored(parsed) else length + 1)


def _is_anchored(parsed: Any) -> bool:
    """Whether a pattern can match at the text's beginning alone."""
    if not len(parsed) or parsed[0][0] is not sre.AT:
        return False
    where = parsed[0][1]
    lines = parsed.state.flags & sre.SRE_FLAG_MULTILINE
    return where is sre.AT_BEGINNING_STRING or (where is sre.AT_BEGINNING and not lines)


_Bounds = tuple[float, float]
"""In how many ways something can match from one place, and in how many steps they are all tried."""


def _sequence(items: Any, length: int) -> _Bounds:
    ways, steps = 1.0, 1.0
    for op, argument in items:
        more, each = _item(op, argument, length)
        steps += ways * each
        ways *= more
    return ways, steps


def _item(op: Any, argument: Any, length: int) -> _Bounds:
    bounds = (inf, inf)  # of what this does not know
    if op in _SINGLE:
        bounds = (1.0, 1.0)
    elif op is sre.SUBPATTERN:
        bounds = _sequence(argument[3], length)
    elif op is sre.BRANCH:
        bounds = _added([_sequence(branch, length) for branch in argument[1]])
    elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        bounds = _repeated(argument, length)
    elif op is sre.POSSESSIVE_REPEAT:
        bounds = (1.0, _repeated(argument, length)[1])
    elif op is sre.ATOMIC_GROUP:
        bounds = (1.0, _sequence(argument, length)[1])
    elif op in (sre.ASSERT, sre.ASSERT_NOT):
        bounds = (1.0, _sequence(argument[1], length)[1])
    elif op is sre.GROUPREF:
        bounds = (1.0, 1.0 + length)
    elif op is sre.GROUPREF_EXISTS:
        bounds = _added([_sequence(part or (), length) for part in argument[1:]])
    return bounds


_SINGLE: Final = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN, sre.AT, sre.FAILURE)


def _added(parts: list[_Bounds]) -> _Bounds:
    return sum(ways for ways, _ in parts), sum(steps for _, steps in parts)


def _repeated(argument: Any, length: int) -> _Bounds:
    least, most, inner = argument
    ways, steps = _sequence(inner, length)
    count = min(most, max(least, length + 1))
    if ways == 1:
        return count - least + 1.0, steps * (count + 1)
    if (count + 1) * log2(ways) > _GREATEST:
        return inf, inf
    power = ways ** (count + 1)  # more than the sum of all smaller powers
    return power, steps * power
