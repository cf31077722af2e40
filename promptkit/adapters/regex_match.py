"""Matching a text against a pattern, with a bound on the work that no text can break.

Python's matcher backtracks: `(a+)+` takes twice as long with every further letter, and what a
model writes is not ours to choose. So it runs here only where `regex_cost` shows that no text of
this length can take long. Else a machine runs that does not backtrack (`regex_machine`), up to a
number of steps. What is beyond it, such as look-around that could take long, is left to Python's
matcher in a process of its own, which is ended after a second. What is not known then is told by
`TooMuchWorkError`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final, Literal

from promptkit.adapters.regex_cost import cost
from promptkit.adapters.regex_machine import (
    BeyondError,
    Machine,
    TooManyStepsError,
    run,
    written,
)

CPU_S: Final = 1
_WALL_S: Final = 10
"""Seconds of work, and of waiting, for the process that matches."""

Way = Literal["fullmatch", "search"]


class TooMuchWorkError(Exception):
    """Whether the text matches was not found out within the bounds."""


@dataclass(slots=True)
class Work:
    """What the matching of one answer may still take, be it with one pattern or many.

    Attributes:
        backtracks: Steps of Python's matcher, by their bound: all take a tenth of a second or so.
        steps: Steps of the machine: all take a second or so.
        processes: Processes, each of which takes `CPU_S` at most.
    """

    backtracks: float = 5_000_000
    steps: int = 1_000_000
    processes: int = 1

    def pay(self, pattern: str, text: str, *, is_search: bool) -> bool:
        """Whether Python's matcher may take this text at once; if so, that is paid for."""
        price = cost(_parsed(pattern), len(text), is_search=is_search)
        if price > self.backtracks:
            return False
        self.backtracks -= price
        return True


def groups(pattern: str, text: str) -> dict[str, Any] | None:
    """Return the named groups that took part; None when the text does not match as a whole.

    >>> groups("(?P<word>[a-z]+)( (?P<more>.*))?", "hello")
    {'word': 'hello'}
    >>> groups("(a+)+", "a" * 200 + "b") is None
    True

    Raises:
        TooMuchWorkError: When that is not known within the bounds.
    """
    found = _found(pattern, text, "fullmatch", Work())
    return found and {name: value for name, value in found.items() if value is not None}


def searches(pattern: str, text: str, work: Work) -> bool:
    """Whether a pattern matches somewhere in a text.

    >>> searches("^(a+)+$", "a" * 200 + "b", Work()), searches("b", "abc", Work())
    (False, True)

    Raises:
        TooMuchWorkError: When that is not known within the bounds.
        re.error: When the pattern does not compile.
    """
    return _found(pattern, text, "search", work) is not None


def _found(pattern: str, text: str, way: Way, work: Work) -> dict[str, Any] | None:
    """Return all named groups, None for those that took no part; None without a match."""
    compiled = re.compile(pattern)
    is_search = way == "search"
    if work.pay(pattern, text, is_search=is_search):
        match = compiled.search(text) if is_search else compiled.fullmatch(text)
        return match and match.groupdict()
    machine = _machine(pattern)
    if machine is not None:
        try:
            borders, work.steps = run(machine, text, work.steps, is_search=is_search)
        except TooManyStepsError:
            work.steps = 0
        else:
            return None if borders is None else _named(compiled, borders, text)
    work.processes -= 1
    is_over, found = _in_a_process(pattern, text, way) if work.processes >= 0 else (False, None)
    if not is_over:
        raise TooMuchWorkError
    return found and dict(found)


def _named(compiled: re.Pattern[str], borders: dict[int, int], text: str) -> dict[str, Any]:
    spans = (
        (n, borders.get(2 * i), borders.get(2 * i + 1)) for n, i in compiled.groupindex.items()
    )
    return {name: None if end is None else text[begin:end] for name, begin, end in spans}


@lru_cache(maxsize=256)
def _parsed(pattern: str) -> Any:
    return _parser.parse(pattern)


@lru_cache(maxsize=256)
def _machine(pattern: str) -> Machine | None:
    try:
        return written(_parsed(pattern))
    except BeyondError:
        return None


# -- in a process ---------------------------------------------------------------------------

_CODE: Final = f"""
import json, re, sys
try:
    import resource  # Windows has none
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, ({CPU_S}, {CPU_S}))
except (ImportError, ValueError, OSError):
    pass
pattern, text, way = json.loads(sys.stdin.buffer.read())
found = getattr(re.compile(pattern), way)(text)
sys.stdout.write(json.dumps(found and found.groupdict()))
"""


@lru_cache(maxsize=16)  # whoever asks whether an answer obeys often asks for its captures next
def _in_a_process(pattern: str, text: str, way: Way) -> tuple[bool, dict[str, Any] | None]:
    """Return whether Python's matcher came to an end, and what it found."""
    # Windows finds its libraries by this variable.
    environment = {k: v for k, v in os.environ.items() if k.upper() == "SYSTEMROOT"}
    try:
        done = subprocess.run(  # noqa: S603 -- our own interpreter and code
            [sys.executable, "-I", "-S", "-W", "ignore", "-c", _CODE],
            input=json.dumps([pattern, text, way]).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(sys.executable).anchor or None,
            env=environment,
            timeout=_WALL_S if sys.platform != "win32" else CPU_S,
            check=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        return True, json.loads(done.stdout)
    except (OSError, ValueError, TypeError, subprocess.SubprocessError):
        return False, None
