"""Whether JSON text fits a schema, with a bound on the work that no text can break.

`jsonschema` judges, but for things of its own that a text could abuse or that are not exact:
patterns go through `regex_match`; what must be unique is compared by a key and not pair by pair; a
reference is followed once for each part of the text, where `anyOf` within `anyOf` would follow it
twice as often at each depth; and multiples are reckoned in fractions of what is written, so that
0.29 is one of 0.01.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, Never

from promptkit.adapters.regex_match import TooMuchWorkError, Work, searches
from promptkit.errors import OptionError

NOTHING: Final = object()
"""What `fitting` returns for a text that does not fit."""


_work: Final[ContextVar[Work]] = ContextVar("work")
"""What all patterns together may still take; set for each text."""

_known: Final[ContextVar[dict[tuple[int, int], bool]]] = ContextVar("known")
"""Whether a part of the text fits a part of the schema that is referred to; set for each text."""


def fitting(schema: str, text: str) -> Any:
    """Return what a JSON text says; `NOTHING` where it is no JSON or does not fit the schema.

    >>> fitting('{"type": "object"}', '{"a": 1}')
    {'a': 1}
    >>> fitting('{"type": "number"}', "1e999") is NOTHING
    True

    Raises:
        OptionError: When the schema itself cannot be read.
        TooMuchWorkError: When a pattern in it would take too long.
    """
    fits = _validator(schema)
    try:
        data = json.loads(text, parse_constant=_no_json, parse_float=_finite)
    except (ValueError, RecursionError):
        return NOTHING
    return data if fits(data) else NOTHING


def _no_json(name: str) -> Never:
    """Refuse NaN and Infinity, which Python's reader takes for JSON."""
    raise ValueError(name)


def _finite(written: str) -> float:
    """Refuse a number that would be read as infinite."""
    number = float(written)
    if math.isinf(number):
        raise ValueError(written)
    return number


@lru_cache(maxsize=256)
def _validator(schema: str) -> Callable[[object], bool]:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for
    from jsonschema_specifications import REGISTRY
    from referencing.exceptions import Unresolvable

    loaded = json.loads(schema)
    kind = validator_for(loaded, default=Draft202012Validator)
    try:
        kind.check_schema(loaded)
    except SchemaError as error:
        raise OptionError(f"the JSON schema is wrong ({error.message[:200]})") from None
    judge: Any = kind
    bounded = _bounded(judge, schema)
    validator = bounded(loaded, registry=REGISTRY)  # which fetches nothing

    def fits(data: object) -> bool:
        _work.set(Work())
        _known.set({})
        try:
            return bool(validator.is_valid(data))
        except RecursionError:
            return False
        except re.error as error:
            raise OptionError(f"a pattern in the JSON schema is wrong ({error})") from None
        except Unresolvable:
            hint = "put what it refers to under $defs"
            raise OptionError("a reference in the JSON schema leads nowhere", hint=hint) from None

    return fits


@lru_cache(maxsize=256)
def _bounded(kind: Any, schema: str) -> Any:
    """Return a kind of validator with our own judgement where its own is not bounded."""
    from attrs import fields
    from jsonschema.validators import extend

    name_patterns = frozenset(_name_patterns(json.loads(schema)))
    own = {
        "additionalProperties": _additional_properties,
        "divisibleBy": _multiple_of,
        "multipleOf": _multiple_of,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "uniqueItems": _unique_items,
    }
    given = kind.VALIDATORS
    mine = {name: judge for name, judge in own.items() if name in given}
    if "unevaluatedProperties" in given:
        mine["unevaluatedProperties"] = _guarded(given["unevaluatedProperties"], name_patterns)
    if "$dynamicRef" not in schema and "$recursiveRef" not in schema:  # which depend on the way
        mine["$ref"] = _once(given["$ref"])
    bounded = extend(kind, mine)
    evolve = bounded.evolve

    def evolve_bounded(self: Any, **changes: Any) -> Any:
        """Keep to ours where a part of the schema names the standard again."""
        evolved = evolve(self, **changes)
        kind: Any = type(evolved)
        if kind is bounded:
            return evolved
        parts = {f.alias: getattr(evolved, f.name) for f in fields(kind) if f.init}
        return _bounded(kind, schema)(**parts)

    bounded.evolve = evolve_bounded
    return bounded


# -- judges, as `jsonschema` calls them -----------------------------------------------------


def _error(message: str) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message)


def _pattern(validator: Any, pattern: Any, data: Any, _schema: Any) -> Iterator[Any]:
    if validator.is_type(data, "string") and not searches(pattern, data, _work.get()):
        yield _error("a text does not match its pattern")


def _pattern_properties(validator: Any, patterns: Any, data: Any, _schema: Any) -> Iterator[Any]:
    if not validator.is_type(data, "object"):
        return
    for pattern, inner in patterns.items():
        for name, value in data.items():
            if searches(pattern, name, _work.get()):
                yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional_properties(validator: Any, inner: Any, data: Any, schema: Any) -> Iterator[Any]:
    if not validator.is_type(data, "object"):
        return
    work, patterns = _work.get(), schema.get("patternProperties", {})
    for name, value in data.items():
        if name in schema.get("properties", {}):
            continue
        if any(searches(pattern, name, work) for pattern in patterns):
            continue
        if validator.is_type(inner, "object"):
            yield from validator.descend(value, inner, path=name)
        elif not inner:
            yield _error("a property that is not allowed")


def _once(judge: Callable[..., Any]) -> Callable[..., Any]:
    """Let `jsonschema` follow a reference, but not twice for the same part of a text."""

    def once(validator: Any, reference: Any, data: Any, schema: Any) -> Iterator[Any]:
        target = validator._resolver.lookup(reference).contents  # noqa: SLF001 -- nothing else tells
        known, key = _known.get(), (id(target), id(data))
        if key not in known:
            known[key] = next(iter(judge(validator, reference, data, schema) or ()), None) is None
        if not known[key]:
            yield _error("does not fit what is referred to")

    return once


def _guarded(judge: Callable[..., Any], patterns: frozenset[str]) -> Callable[..., Any]:
    """Let `jsonschema` judge by itself, but only where its use of `re` cannot take long."""

    def guarded(validator: Any, inner: Any, data: Any, schema: Any) -> Iterator[Any]:
        work = _work.get()
        names = data if validator.is_type(data, "object") else ()
        for pattern in patterns:
            if not all(work.pay(pattern, name, is_search=True) for name in names):
                raise TooMuchWorkError
        yield from judge(validator, inner, data, schema) or ()

    return guarded


def _name_patterns(schema: Any) -> Iterator[str]:
    """All patterns for names of properties that are somewhere in a schema."""
    parts = schema if isinstance(schema, list) else []
    if isinstance(schema, dict):
        patterns = schema.get("patternProperties")
        yield from patterns if isinstance(patterns, dict) else ()
        parts = list(schema.values())
    for part in parts:
        yield from _name_patterns(part)


def _unique_items(validator: Any, is_asked: Any, data: Any, _schema: Any) -> Iterator[Any]:
    if is_asked and validator.is_type(data, "array"):
        keys = {json.dumps(_plain(each), sort_keys=True) for each in data}
        if len(keys) < len(data):
            yield _error("an element occurs twice")


def _plain(value: Any) -> Any:
    """Return a value so that equal ones are written alike: 1.0 is 1, and True is neither."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _multiple_of(validator: Any, factor: Any, data: Any, _schema: Any) -> Iterator[Any]:
    if not validator.is_type(data, "number"):
        return
    try:
        float(data)
    except OverflowError:  # more than the numbers that others can read
        yield _error("a number out of range")
        return
    if (Fraction(str(data)) / Fraction(str(factor))).denominator != 1:
        yield _error("not a multiple")
