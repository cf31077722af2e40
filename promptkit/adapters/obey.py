"""Whether an answer obeys a JSON schema, a regular expression or a grammar, and what it says.

The door that `promptkit.constraint` opens at the first check: each package is loaded by the kind
of constraint that needs it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Never, get_origin

from promptkit.constraint import Constraint
from promptkit.errors import OptionError


def captures_of(kind: str, value: str, text: str) -> dict[str, Any] | None:
    """Return what a constraint names in a text; None when the text does not obey.

    >>> captures_of("json_schema", '{"type": "object"}', '{"a": 1}')
    {'a': 1}

    Raises:
        OptionError: When the schema or grammar itself cannot be read.
    """
    if kind == "json_schema":
        return _fields(value, text)
    read = _reader(kind)
    found = read(value, text)
    return found if found is not None or text == text.strip() else read(value, text.strip())


def _reader(kind: str) -> Callable[[str, str], dict[str, Any] | None]:
    if kind == "regex":
        from promptkit.adapters.regex_match import groups

        return groups
    from promptkit.adapters.grammar_match import captures

    return captures


# -- JSON -----------------------------------------------------------------------------------


def _fields(schema: str, text: str) -> dict[str, Any] | None:
    fits = _validator(schema)
    try:
        data = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    if not fits(data):
        return None
    return data if isinstance(data, dict) else {}


def _no_json(name: str) -> Never:
    """Refuse NaN and Infinity, which Python's reader takes for JSON."""
    raise ValueError(name)


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
    validator = kind(loaded, registry=REGISTRY)  # which fetches nothing

    def fits(data: object) -> bool:
        try:
            return bool(validator.is_valid(data))
        except RecursionError:
            return False
        except Unresolvable:
            hint = "put what it refers to under $defs"
            raise OptionError("a reference in the JSON schema leads nowhere", hint=hint) from None

    return fits


def schema_of_type(form: Any) -> Mapping[str, Any] | None:
    """Return the JSON schema of a type or TypeAdapter; None for what pydantic cannot read.

    >>> schema_of_type(list[int])
    {'items': {'type': 'integer'}, 'type': 'array'}
    """
    import pydantic

    is_adapter = isinstance(form, pydantic.TypeAdapter)
    is_form = isinstance(form, type) or get_origin(form) is not None
    if not (is_adapter or is_form or type(form).__name__ == "TypeAliasType"):
        return None  # pydantic would describe the arguments of whatever can be called
    adapter = form
    try:
        if not is_adapter:
            adapter = pydantic.TypeAdapter(form)
        schema: Mapping[str, Any] = adapter.json_schema()
    except (pydantic.PydanticUserError, pydantic.errors.PydanticSchemaGenerationError, TypeError):
        return None
    return schema


def is_type(form: Any) -> bool:
    """Whether a constraint was given as something that pydantic reads.

    >>> is_type(list[int]), is_type({"type": "array"})
    (True, False)
    """
    return not isinstance(form, (Mapping, Constraint))


def instance_of(form: Any, text: str) -> tuple[bool, Any]:
    """Return whether JSON text is an instance of a type, by its own validators too, and that.

    >>> instance_of(list[int], "[1, 2]"), instance_of(list[int], "[1, 2.5]")
    ((True, [1, 2]), (False, None))
    """
    import pydantic

    adapter = form if isinstance(form, pydantic.TypeAdapter) else pydantic.TypeAdapter(form)
    try:
        return True, adapter.validate_json(text)
    except pydantic.ValidationError:
        return False, None
