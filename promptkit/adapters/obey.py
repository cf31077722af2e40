"""Whether an answer obeys a JSON schema, a regular expression or a grammar, and what it says.

The door that `promptkit.constraint` opens at the first check: each package is loaded by the kind
of constraint that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, get_origin

from promptkit.constraint import DISOBEYS, Constraint

UNCHECKED: Final = "whether it obeys was not found out within the bounds of a check"


def read(kind: str, value: str, text: str) -> tuple[dict[str, Any] | None, str]:
    """Return what a constraint names in a text; or None, and why the text does not count.

    >>> read("json_schema", '{"type": "object"}', '{"a": 1}')
    ({'a': 1}, '')

    Raises:
        OptionError: When the schema or grammar itself cannot be read.
    """
    from promptkit.adapters.regex_match import TooMuchWorkError

    reader = _reader(kind)
    try:
        found = reader(value, text)
        if found is None and text != text.strip():
            found = reader(value, text.strip())
    except TooMuchWorkError:
        return None, UNCHECKED
    return found, DISOBEYS if found is None else ""


def _reader(kind: str) -> Callable[[str, str], dict[str, Any] | None]:
    if kind == "json_schema":
        return _fields
    if kind == "regex":
        from promptkit.adapters.regex_match import groups

        return groups
    from promptkit.adapters.grammar_match import captures

    return captures


def _fields(schema: str, text: str) -> dict[str, Any] | None:
    from promptkit.adapters.schema_check import NOTHING, fitting

    data = fitting(schema, text)
    if data is NOTHING:
        return None
    return data if isinstance(data, dict) else {}


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
