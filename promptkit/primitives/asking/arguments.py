"""Checks of what primitives are called with, before anything is asked and paid for.

A message shows a number, or a short word where one of a few is wanted. Of anything else it names
the type: it might be the text of a prompt that ended up in the wrong place.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Sequence
from numbers import Real
from operator import index
from typing import Any, Final

from promptkit.defaults import DRAWS
from promptkit.errors import OptionError
from promptkit.primitives.partial import Partial

_WORD: Final = re.compile(r"[a-z_/-]{1,20}", re.IGNORECASE)
_BITS: Final = 64
"""A whole number of more is shown by its length."""


def counted(name: str, value: Any, *, least: int = 1, most: int | None = None) -> int:
    """Return a count as an `int`; bools, floats and texts are none.

    >>> counted("n", 3)
    3

    Args:
        name: The argument's.
        value: What was given.
        least: The smallest that is allowed.
        most: The largest, if there is one.

    Raises:
        OptionError: When it is none, or out of bounds.
    """
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        bounds = f"from {least} on" if most is None else f"from {least} to {most}"
        raise OptionError(given(name, value), hint=f"it is a whole number {bounds}")
    return number


def sampled(name: str, value: Any, *, least: int = 1) -> int:
    """Return the number of draws of one thing: a count of at most `DRAWS`.

    Raises:
        OptionError: When it is none, or out of bounds.
    """
    return counted(name, value, least=least, most=DRAWS)


def draw_number(name: str, value: Any) -> int:
    """Return which of several draws is meant, from 0 to below `DRAWS`.

    Raises:
        OptionError: When it is none, or out of bounds.
    """
    return counted(name, value, least=0, most=DRAWS - 1)


def finite(name: str, value: Any, *, least: float = -math.inf, above: float = -math.inf) -> float:
    """Return a number that is neither NaN nor infinite.

    >>> finite("stop_at", 12.5)
    12.5

    Raises:
        OptionError: When it is none, below `least`, or not above `above`.
    """
    number = _real(value)
    if not (math.isfinite(number) and number >= least and number > above):
        bounds = f" above {above:g}" if above > -math.inf else ""
        bounds = f" from {least:g} on" if least > -math.inf else bounds
        raise OptionError(given(name, value), hint=f"it is a finite number{bounds}")
    return number


def share(
    name: str, value: Any, *, least: float = 0.0, above: float = -1.0, below: float = 2.0
) -> float:
    """Return a probability or another share of a whole.

    >>> share("accept_at", 0.8)
    0.8

    Args:
        name: The argument's.
        value: What was given.
        least: The smallest that is allowed.
        above: What it must be above.
        below: What it must be below.

    Raises:
        OptionError: When it is no number from 0 to 1, or out of these bounds.
    """
    number = _real(value)
    if not (max(least, 0.0) <= number <= 1 and above < number < below):
        low = f"above {above:g}" if above >= least else f"from {least:g}"
        high = f"to below {below:g}" if below <= 1 else "to 1"
        raise OptionError(given(name, value), hint=f"it is a number {low} {high}")
    return number


def thresholds(pass_at: Any, fail_at: Any) -> tuple[float, float]:
    """Return the scores down from which something fails and from which it passes.

    Raises:
        OptionError: When they are no shares, or the wrong way round.
    """
    low, high = share("fail_at", fail_at), share("pass_at", pass_at)
    if low > high:
        raise OptionError(f"pass_at={high:g}, fail_at={low:g}", hint="0 ≤ fail_at ≤ pass_at ≤ 1")
    return low, high


def one_of(name: str, value: Any, allowed: Sequence[str]) -> None:
    """Refuse what is not among a few words.

    Raises:
        OptionError: When it is none of them.
    """
    if not (isinstance(value, str) and value in allowed):
        is_word = isinstance(value, str) and _WORD.fullmatch(value)
        what = f"{name}={value!r}" if is_word else given(name, value)
        raise OptionError(what, hint=f"it is {' or '.join(allowed)}")


def takes(name: str, function: Any, *what: str) -> None:
    """Refuse what cannot be called with these arguments, before anything is paid for its use.

    >>> takes("verifier", lambda session, question, answer: 1.0, "session", "question", "answer")

    Args:
        name: The argument's.
        function: What was given.
        what: What it is called with, in their order.

    Raises:
        OptionError: When it is no function, or one of other arguments.
    """
    hint = f"it is a function of {', '.join(what[:-1])} and {what[-1]}"
    if not callable(function):
        raise OptionError(given(name, function), hint=hint)
    args: tuple[Any, ...] = what
    keywords: dict[str, Any] = {}
    while isinstance(function, Partial):
        args = (args[0], *function.args, *args[1:])
        function, keywords = function.func, function.keywords
    try:
        inspect.signature(function).bind(*args, **keywords)
    except TypeError as error:
        what_is = f"{name} cannot be called with {len(what)} arguments: {error}"
        raise OptionError(what_is, hint=hint) from None
    except ValueError:  # a function in C that does not tell what it takes
        return


def given(name: str, value: Any) -> str:
    """Say what an argument is: a number as it stands, the type of anything else.

    >>> given("n", 0), given("extract", "Read the last line.")
    ('n=0', 'extract of type str')
    """
    if isinstance(value, int) and value.bit_length() > _BITS:
        return f"{name} is a number of {value.bit_length()} bits"
    is_shown = value is None or isinstance(value, (int, float))
    return f"{name}={value!r}" if is_shown else f"{name} of type {type(value).__name__}"


def _real(value: Any) -> float:
    """A number as a float; NaN for what is none."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf
