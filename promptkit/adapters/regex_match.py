"""Matching a whole text against a pattern, in time that no text can blow up.

Python's matcher backtracks: `(a+)+` takes twice as long with every further letter, and what a
model writes is not ours to choose. Such a pattern is run by a Pike machine instead (R. Cox,
«Regular Expression Matching: the Virtual Machine Approach», 2009), which keeps all alternatives in
step and in order of preference: so it takes the same groups as `re`, in time proportional to
pattern times text. Look-around, back-references and the like are beyond such a machine; patterns
with them, and the great majority that cannot take long, are run by `re`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import inf
from re import _compiler, _parser  # type: ignore[attr-defined]
from re import _constants as sre  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

_LARGEST: Final = 20_000
"""Instructions of a machine: counted repetitions are written out."""

_UNLIMITED: Final = sre.MAXREPEAT


class _BeyondError(Exception):
    """The pattern says something that the machine cannot."""


class _Step(NamedTuple):
    """One instruction: read a character, go on at one of `to`, or note a group's border."""

    kind: str
    what: Any = None
    to: tuple[int, ...] = ()


_Thread = tuple[int, dict[int, int]]
"""Where one way through the machine stands, and the borders of groups it has noted."""


def groups(pattern: str, text: str) -> dict[str, Any] | None:
    """Return the named groups that took part; None when the text does not match as a whole.

    >>> groups("(?P<word>[a-z]+)( (?P<more>.*))?", "hello")
    {'word': 'hello'}
    >>> groups("(a+)+", "a" * 200 + "b") is None
    True
    """
    compiled = re.compile(pattern)
    machine = _machine(pattern)
    if machine is None:
        match = compiled.fullmatch(text)
        return match and {name: v for name, v in match.groupdict().items() if v is not None}
    borders = _run(machine, text)
    if borders is None:
        return None
    spans = (
        (n, borders.get(2 * i), borders.get(2 * i + 1)) for n, i in compiled.groupindex.items()
    )
    return {name: text[begin:end] for name, begin, end in spans if end is not None}


@lru_cache(maxsize=256)
def _machine(pattern: str) -> tuple[_Step, ...] | None:
    """Return the machine for a pattern that `re` could take for ever for; None for all others."""
    parsed = _parser.parse(pattern)
    if _open_ends(parsed) <= _FEW:
        return None
    steps: list[_Step] = []
    try:
        _write(steps, parsed, parsed.state.flags)
    except (_BeyondError, RecursionError):
        return None
    return (*steps, _Step("match"))


def _open_ends(items: Any, *, within: bool = False) -> float:
    """Return how many repetitions of open length there are; infinity where one is in another."""
    count = 0.0
    for op, argument in items:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, inner = argument
            is_open = most == _UNLIMITED or most - least > 1
            inside = _open_ends(inner, within=within or is_open)
            count += inf if within and is_open else inside + is_open
        elif op is sre.SUBPATTERN:
            count += _open_ends(argument[3], within=within)
        elif op is sre.BRANCH:
            count += inf if within else sum(_open_ends(branch) for branch in argument[1])
    return count


_FEW: Final = 2
"""So many open repetitions, none within another, take at most the square of the text's length."""


# -- writing a machine ----------------------------------------------------------------------


def _write(steps: list[_Step], items: Any, flags: int) -> None:
    for op, argument in items:
        if len(steps) > _LARGEST:
            raise _BeyondError
        if op in _READS:
            steps.append(_Step("read", _one(op, argument, flags)))
        elif op is sre.AT:
            steps.append(_Step("at", _one(op, argument, flags)))
        elif op is sre.SUBPATTERN:
            _write_group(steps, argument, flags)
        elif op is sre.BRANCH:
            _write_branches(steps, argument[1], flags)
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            _write_repeat(steps, argument, flags, is_greedy=op is sre.MAX_REPEAT)
        else:
            raise _BeyondError


_READS: Final = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN)


def _write_group(steps: list[_Step], argument: Any, flags: int) -> None:
    number, more, less, inner = argument
    flags = (flags | more) & ~less
    if number is None:
        _write(steps, inner, flags)
        return
    steps.append(_Step("save", 2 * number))
    _write(steps, inner, flags)
    steps.append(_Step("save", 2 * number + 1))


def _write_branches(steps: list[_Step], branches: list[Any], flags: int) -> None:
    starts: list[int] = []
    ends: list[int] = []
    fork = len(steps)
    steps.append(_Step("go"))
    for branch in branches:
        starts.append(len(steps))
        _write(steps, branch, flags)
        ends.append(len(steps))
        steps.append(_Step("go"))
    steps[fork] = _Step("go", None, tuple(starts))
    for end in ends:
        steps[end] = _Step("go", None, (len(steps),))


def _write_repeat(steps: list[_Step], argument: Any, flags: int, *, is_greedy: bool) -> None:
    least, most, inner = argument
    for _ in range(least):
        _write(steps, inner, flags)
    forks: list[int] = []
    for _ in range(1 if most == _UNLIMITED else most - least):
        forks.append(len(steps))
        steps.append(_Step("go"))
        _write(steps, inner, flags)
        if most == _UNLIMITED:
            steps.append(_Step("go", None, (forks[0],)))
    for fork in forks:
        ways = (fork + 1, len(steps))
        steps[fork] = _Step("go", None, ways if is_greedy else ways[::-1])


def _one(op: Any, argument: Any, flags: int) -> re.Pattern[str]:
    """Return a pattern of one item, so that what a class means is left to `re`."""
    state = _parser.State()
    state.flags = flags
    item = _parser.SubPattern(state, [(op, argument)])
    compiled: re.Pattern[str] = _compiler.compile(item, flags)
    return compiled


# -- running it -----------------------------------------------------------------------------


def _run(machine: tuple[_Step, ...], text: str) -> dict[int, int] | None:
    """Return the borders of the groups of the preferred way through; None if there is none."""
    threads = _reached(machine, [(0, {})], text, 0)
    for place in range(len(text)):
        read = [
            (at + 1, borders)
            for at, borders in threads.items()
            if machine[at].kind == "read" and machine[at].what.match(text, place)
        ]
        threads = _reached(machine, read, text, place + 1)
        if not threads:
            return None
    return threads.get(len(machine) - 1)


def _reached(
    machine: tuple[_Step, ...], starts: list[_Thread], text: str, place: int
) -> dict[int, dict[int, int]]:
    """Return the steps that can be reached without reading, in order of preference."""
    reached: dict[int, dict[int, int]] = {}
    waiting = starts[::-1]
    while waiting:
        at, borders = waiting.pop()
        if at in reached:
            continue
        reached[at] = borders
        step = machine[at]
        if step.kind == "go":
            waiting += [(way, borders) for way in reversed(step.to)]
        elif step.kind == "save":
            waiting.append((at + 1, {**borders, step.what: place}))
        elif step.kind == "at" and step.what.match(text, place):
            waiting.append((at + 1, borders))
    return reached
