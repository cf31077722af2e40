"""A machine that matches patterns in time proportional to pattern times text.

It is a Pike machine (R. Cox, «Regular Expression Matching: the Virtual Machine Approach», 2009): it
keeps all alternatives in step and in order of preference, and so takes the same groups as `re`.
Look-around, back-references, atomic groups and the like are beyond it.
"""

from __future__ import annotations

import re
from re import _compiler, _parser  # type: ignore[attr-defined]
from re import _constants as sre  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

_LARGEST: Final = 5_000
"""Instructions of a machine: counted repetitions are written out."""

_UNLIMITED: Final = sre.MAXREPEAT


class BeyondError(Exception):
    """The pattern says something that the machine cannot."""


class _Step(NamedTuple):
    """One instruction: read a character, go on at one of `to`, or note a group's border."""

    kind: str
    what: Any = None
    to: tuple[int, ...] = ()


Machine = tuple[_Step, ...]

_Thread = tuple[int, dict[int, int]]
"""Where one way through the machine stands, and the borders of groups it has noted."""


# -- writing a machine ----------------------------------------------------------------------


def written(parsed: Any) -> Machine:
    """Return the machine for a parsed pattern.

    Raises:
        BeyondError: When the pattern says something that no such machine can, or is too large.
    """
    steps: list[_Step] = []
    try:
        _write(steps, parsed, parsed.state.flags)
    except RecursionError:
        raise BeyondError from None
    return (*steps, _Step("match"))


def _write(steps: list[_Step], items: Any, flags: int) -> None:
    for op, argument in items:
        if len(steps) > _LARGEST:
            raise BeyondError
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
            raise BeyondError


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


class TooManyStepsError(Exception):
    """The text would take more steps than are allowed."""


def run(
    machine: Machine, text: str, most_steps: int, *, is_search: bool = False
) -> tuple[dict[int, int] | None, int]:
    """Return the borders of the groups of the preferred way through, and how many steps are left.

    The borders are None where there is no way through.

    Args:
        machine: What `written` returned.
        text: The text.
        most_steps: After how many steps to give up.
        is_search: Whether a match may begin and end anywhere; then the first to end is returned.

    Raises:
        TooManyStepsError: After `most_steps`.
    """
    end = len(machine) - 1
    threads = _reached(machine, [(0, {})], text, 0)
    for place in range(len(text)):
        if is_search and end in threads:
            break
        read = [
            (at + 1, borders)
            for at, borders in threads.items()
            if machine[at].kind == "read" and machine[at].what.match(text, place)
        ]
        most_steps -= 1 + len(threads)
        if most_steps < 0:
            raise TooManyStepsError
        if is_search:
            read.append((0, {}))
        threads = _reached(machine, read, text, place + 1)
        if not threads:
            break
    return threads.get(end), most_steps


def _reached(
    machine: Machine, starts: list[_Thread], text: str, place: int
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
