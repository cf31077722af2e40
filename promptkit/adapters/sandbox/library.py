"""What a program can call: functions, methods and names of modules, each listed here.

Whatever makes or walks something long tells the budget first. The file is long because it is
a list: what is not in it cannot be called, and one place shows all that can.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import string
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from .budget import CHARACTERS, MAX_BITS, WALKED, Budget, RefusedError, strftime
from .linear import Linear, equation, solve, solve_it, symbol, symbols

_MAX_COUNT: Final = 1_000


class Module:
    """Names that a program may import."""

    def __init__(self, name: str, members: dict[str, Any]) -> None:
        """Keep the names."""
        self.name = name
        self.members = members


# -- arithmetic ---------------------------------------------------------------------------------


def power(budget: Budget, base: Any, exponent: Any, modulus: Any = None) -> Any:
    """Return a power, refusing one that is too long before it is worked out."""
    if modulus is not None:
        budget.spend(exponent.bit_length() * modulus.bit_length() // 16)
        return budget.made(pow(base, exponent, modulus))
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and abs(base) > 1 and abs(exponent) * abs(base).bit_length() > MAX_BITS * 2:
        raise RefusedError(f"a power with the exponent {exponent}")
    return budget.made(base**exponent)


def times(budget: Budget, left: Any, right: Any) -> Any:
    """Return a product; of a text or list and a number it is a repetition."""
    for many, count in ((left, right), (right, left)):
        if type(many) in (str, list, tuple) and isinstance(count, int):
            budget.sized(len(many) * max(count, 0))
    return budget.made(left * right)


def modulo(_budget: Budget, left: Any, right: Any) -> Any:
    """Return a remainder; of texts it would be a format, which can be of any length."""
    if isinstance(left, str):
        raise RefusedError("% on a text: write an f-string")
    return left % right


def shifted(budget: Budget, number: Any, places: Any) -> Any:
    """Return a number shifted to the left."""
    if places > MAX_BITS:
        raise RefusedError(f"a shift by {places} places")
    return budget.made(number << places)


def joined(budget: Budget, left: Any, right: Any) -> Any:
    """Return a sum, or two texts or lists one after the other."""
    if type(left) in (str, list, tuple) and type(right) is type(left):
        budget.sized(len(left) + len(right), share=CHARACTERS if type(left) is str else 1)
    return budget.made(left + right)


def _rounded(_budget: Budget, number: Any, ndigits: int | None = None) -> Any:
    if ndigits is not None and abs(ndigits) > 100:  # noqa: PLR2004 -- no number has more places
        raise RefusedError(f"rounding to {ndigits} places")
    return round(number, ndigits) if ndigits is not None else round(number)


def _counted(function: Callable[..., int]) -> Callable[..., Any]:
    """Allow a function of whole numbers whose result grows fast, up to `_MAX_COUNT`."""

    def call(budget: Budget, *numbers: Any) -> Any:
        if any(abs(number) > _MAX_COUNT for number in numbers):
            raise RefusedError(f"{function.__name__} above {_MAX_COUNT}")
        return budget.made(function(*numbers))

    return call


def _product(budget: Budget, values: Any, start: Any = 1) -> Any:
    for value in budget.walk(values):
        start = times(budget, start, value)
    return start


def _common_multiple(budget: Budget, *numbers: int) -> Any:
    multiple = 1
    for number in numbers:
        multiple = budget.made(math.lcm(multiple, number))
    return multiple


def _total(budget: Budget, values: Any, start: Any = 0) -> Any:
    for value in budget.walk(values):
        if type(value) in (str, list, tuple):
            raise RefusedError("a sum of texts or lists")
        start = budget.made(start + value)
    return start


# -- texts, lists, dates ------------------------------------------------------------------------


def _replaced(budget: Budget, text: str, old: str, new: str, count: int = -1) -> Any:
    budget.sized(len(text) + text.count(old) * len(new), share=CHARACTERS)
    return budget.made(text.replace(old, new, count))


def _strung(budget: Budget, text: str, parts: Any) -> Any:
    listed = budget.listed(parts)
    length = sum(len(part) for part in listed if type(part) is str)
    budget.sized(length + len(text) * len(listed), share=CHARACTERS)
    return budget.made(text.join(listed))


def extended(budget: Budget, values: list[Any], new: Any) -> None:
    """Put elements at the end of a list."""
    more = budget.listed(new)
    budget.sized(len(values) + len(more), share=CHARACTERS)
    values.extend(more)


def _inserted(budget: Budget, values: list[Any], place: int, new: Any) -> None:
    budget.sized(len(values), share=CHARACTERS)
    values.insert(place, new)


def _appended(budget: Budget, values: list[Any], new: Any) -> None:
    budget.sized(len(values) + 1, share=1024)
    values.append(new)


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function in whose result is no longer than what it gets."""

    def call(budget: Budget, *args: Any, **options: Any) -> Any:
        for each in args:
            if type(each) in WALKED and type(each) is not range:
                budget.spend(1 + len(each) // 64)
        return budget.made(function(*args, **options))

    return call


def _of_lists(function: Callable[..., Iterable[Any]]) -> Callable[..., Any]:
    """Let a function in that goes through its arguments and gives a list."""

    def call(budget: Budget, *args: Any, **options: Any) -> Any:
        return budget.listed(iter(function(*map(budget.listed, args), **options)))

    return call


def _numbered(budget: Budget, values: Any, start: int = 0) -> Any:
    return budget.listed(enumerate(budget.listed(values), start))


def _filled(budget: Budget, text: str, *values: Any, **named: Any) -> Any:
    """Fill the fields of a text as `str.format` does, but for what leads into a value."""
    parts: list[str] = []
    following = iter(range(len(values)))
    for literal, name, spec, conversion in string.Formatter().parse(text):
        parts.append(literal)
        if name is None:
            continue
        is_plain = not name or name.isidentifier() or name.isdecimal()
        if conversion or not is_plain:
            raise RefusedError(f"the field {name!r} in a format")
        place: Any = name if name.isidentifier() else int(name) if name else next(following)
        value = named[place] if name.isidentifier() else values[place]
        parts.append(budget.formatted(value, spec or ""))
    return budget.made("".join(parts))


def _arrangements(function: Callable[..., Iterator[tuple[Any, ...]]]) -> Callable[..., Any]:
    """Let a function of `itertools` in: it makes tuples one by one."""

    def call(budget: Budget, *args: Any, **options: Any) -> Any:
        sizes = [each for each in (*args, *options.values()) if isinstance(each, int)]
        if any(size > 20 for size in sizes):  # noqa: PLR2004 -- nobody goes through more
            raise RefusedError(f"{function.__name__} of more than 20")
        given = [each if isinstance(each, int) else budget.listed(each) for each in args]
        return iter(function(*given, **options))

    return call


def _made_of(kind: type) -> Callable[..., Any]:
    def call(budget: Budget, values: Any = ()) -> Any:
        return kind(budget.listed(values))

    return call


def _table(budget: Budget, pairs: Any = (), **named: Any) -> Any:
    return budget.made(dict(pairs if type(pairs) is dict else budget.listed(pairs), **named))


def _range(_budget: Budget, *ends: Any) -> range:
    return range(*ends)


def _next(_budget: Budget, values: Any, *default: Any) -> Any:
    if not isinstance(values, Iterator):
        raise RefusedError("next() of what is no iterator")
    return next(values, *default)


def _any(budget: Budget, values: Any) -> bool:
    return any(budget.walk(values))


def _all(budget: Budget, values: Any) -> bool:
    return all(budget.walk(values))


def _as_text(budget: Budget, value: Any = "") -> str:
    return budget.text(value)


def _format(budget: Budget, value: Any, spec: str = "") -> str:
    return budget.formatted(value, spec)


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "Eq": equation,
    "Rational": lambda budget, over, under=1: budget.made(over / under),
    "Symbol": symbol,
    "abs": _plain(abs),
    "all": _all,
    "any": _any,
    "bool": _plain(bool),
    "dict": _table,
    "divmod": _plain(divmod),
    "enumerate": _numbered,
    "float": _plain(float),
    "format": _format,
    "int": _plain(int),
    "iter": lambda budget, values: iter(budget.listed(values)),
    "len": lambda _budget, values: len(values),
    "list": _made_of(list),
    "next": _next,
    "ord": _plain(ord),
    "pow": power,
    "range": _range,
    "reversed": lambda budget, values: budget.listed(values)[::-1],
    "round": _rounded,
    "set": _made_of(set),
    "solve": solve,
    "solve_it": solve_it,
    "str": _as_text,
    "sum": _total,
    "symbols": symbols,
    "tuple": _made_of(tuple),
    "zip": _of_lists(zip),
}
"""Each takes the budget first. Those that call the program's own functions are the evaluator's."""

TYPES: Final[dict[str, type]] = {
    "bool": bool,
    "dict": dict,
    "float": float,
    "int": int,
    "list": list,
    "set": set,
    "str": str,
    "tuple": tuple,
}
"""What `isinstance` can be asked about."""

_MATH: Final[dict[str, Any]] = {
    name: _plain(getattr(math, name))
    for name in [
        "acos",
        "asin",
        "atan",
        "atan2",
        "ceil",
        "cos",
        "cosh",
        "degrees",
        "dist",
        "exp",
        "fabs",
        "floor",
        "fmod",
        "gcd",
        "hypot",
        "isclose",
        "isfinite",
        "isinf",
        "isnan",
        "isqrt",
        "log",
        "log10",
        "log1p",
        "log2",
        "modf",
        "pow",
        "radians",
        "sin",
        "sinh",
        "sqrt",
        "tan",
        "tanh",
        "trunc",
    ]
} | {
    "comb": _counted(math.comb),
    "factorial": _counted(math.factorial),
    "fsum": _total,
    "lcm": _common_multiple,
    "perm": _counted(math.perm),
    "prod": _product,
    "e": math.e,
    "inf": math.inf,
    "pi": math.pi,
    "tau": math.tau,
}

MODULES: Final[dict[str, Module]] = {
    "math": Module("math", _MATH),
    "datetime": Module(
        "datetime",
        {
            "date": Module("date", {"fromisoformat": _plain(dt.date.fromisoformat)}),
            "datetime": Module(
                "datetime",
                {
                    "fromisoformat": _plain(dt.datetime.fromisoformat),
                    "strptime": _plain(dt.datetime.strptime),
                },
            ),
            "timedelta": _plain(dt.timedelta),
        },
    ),
    "sympy": Module(
        "sympy",
        {name: FUNCTIONS[name] for name in ("Eq", "Rational", "Symbol", "solve", "symbols")},
    ),
    "typing": Module("typing", dict.fromkeys(["Any", "Dict", "List", "Optional", "Tuple"])),
    "itertools": Module(
        "itertools",
        {
            "combinations": _arrangements(itertools.combinations),
            "permutations": _arrangements(itertools.permutations),
            "product": _arrangements(itertools.product),
        },
    ),
}
"""What can be imported. A class with functions of its own is a module that can be called."""

MAKERS: Final[dict[str, Callable[..., Any]]] = {
    "date": _plain(dt.date),
    "datetime": _plain(dt.datetime),
}

FIELDS: Final[dict[type, tuple[str, ...]]] = {
    dt.date: ("year", "month", "day"),
    dt.datetime: ("year", "month", "day", "hour", "minute", "second"),
    dt.timedelta: ("days", "seconds"),
}

_TEXT_METHODS: Final = [
    "capitalize",
    "count",
    "endswith",
    "find",
    "index",
    "isalpha",
    "isdigit",
    "islower",
    "isspace",
    "isupper",
    "lower",
    "lstrip",
    "rstrip",
    "split",
    "startswith",
    "strip",
    "title",
    "upper",
]
_DATE_METHODS: Final[dict[str, Callable[..., Any]]] = {
    "isoformat": _plain(dt.date.isoformat),
    "isoweekday": _plain(dt.date.isoweekday),
    "replace": lambda _budget, date, **parts: date.replace(**parts),
    "strftime": lambda _budget, date, spec: strftime(date, spec),
    "weekday": _plain(dt.date.weekday),
}

METHODS: Final[dict[type, dict[str, Callable[..., Any]]]] = {
    str: {name: _plain(getattr(str, name)) for name in _TEXT_METHODS}
    | {"format": _filled, "join": _strung, "replace": _replaced},
    list: {name: _plain(getattr(list, name)) for name in ("copy", "count", "index", "pop")}
    | {name: _plain(getattr(list, name)) for name in ("clear", "remove", "reverse")}
    | {"append": _appended, "extend": extended, "insert": _inserted},
    tuple: {name: _plain(getattr(tuple, name)) for name in ("count", "index")},
    dict: {name: _plain(getattr(dict, name)) for name in ("copy", "get", "pop", "setdefault")}
    | {
        "items": lambda budget, table: budget.made(list(table.items())),
        "keys": lambda budget, table: budget.made(list(table)),
        "update": lambda budget, table, more: table.update(_table(budget, more)),
        "values": lambda budget, table: budget.made(list(table.values())),
    },
    set: {
        name: _plain(getattr(set, name))
        for name in [
            "add",
            "copy",
            "difference",
            "discard",
            "intersection",
            "issubset",
            "remove",
            "union",
        ]
    },
    Linear: {"subs": lambda _budget, total, unknown, value: total.subs(unknown, value)},
    float: {"is_integer": _plain(float.is_integer)},
    dt.date: _DATE_METHODS,
    dt.datetime: _DATE_METHODS
    | {"date": _plain(dt.datetime.date), "isoformat": _plain(dt.datetime.isoformat)},
    dt.timedelta: {"total_seconds": _plain(dt.timedelta.total_seconds)},
}
