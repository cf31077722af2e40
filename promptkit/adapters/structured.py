"""Sending constraints in the form an endpoint obeys, and reading the constrained answer.

A choice is an `enum` in a JSON object where only JSON schemas are understood: the object is
unwrapped, so that the answer's text is the chosen text on every backend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from promptkit.adapters.dialect import Dialect
from promptkit.adapters.gbnf import choice_grammar, regex_grammar
from promptkit.constraint import Constraint
from promptkit.request import Request

_WRAP: Final = "answer"
"""The property that holds a wrapped choice."""


def schema_of(constraint: Constraint) -> dict[str, Any] | None:
    """Return the JSON schema to send for a constraint; None when no schema can say it.

    >>> schema_of(Constraint.choice(["yes", "no"]))["properties"]
    {'answer': {'type': 'string', 'enum': ['yes', 'no']}}
    """
    if constraint.kind == "choice":
        return {
            "type": "object",
            "properties": {_WRAP: {"type": "string", "enum": list(constraint.value)}},
            "required": [_WRAP],
            "additionalProperties": False,
        }
    if constraint.kind == "json_schema":
        schema: dict[str, Any] = json.loads(str(constraint.value))
        return schema
    return None


def schema_format(constraint: Constraint | None, dialect: Dialect) -> dict[str, Any] | None:
    """Return name, schema and strictness as OpenAI's `json_schema` formats take them."""
    if constraint is None or dialect.constraints != "json_schema":
        return None
    schema = schema_of(constraint)
    if schema is None:
        return None
    return {"name": "answer", "schema": schema, "strict": _can_be_strict(schema)}


def _can_be_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes a schema: each object closed, each property required.

    A schema outside of it is sent without `strict`, which steers and does not force.
    """
    if isinstance(schema, list):
        return all(_can_be_strict(item) for item in schema)
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object":
        names = schema.get("properties", {})
        is_closed = schema.get("additionalProperties") is False
        if not is_closed or set(schema.get("required", ())) != set(names):
            return False
    return all(_can_be_strict(value) for value in schema.values())


def grammar_fields(constraint: Constraint | None, dialect: Dialect) -> dict[str, Any]:
    """Return llama.cpp's body fields for a constraint; empty when nothing can be sent.

    >>> grammar_fields(Constraint.choice(["yes", "no"]), Dialect("grammar"))
    {'grammar': 'root ::= "yes" | "no"'}
    """
    if constraint is None or dialect.constraints != "grammar":
        return {}
    match constraint.kind:
        case "choice":
            return {"grammar": choice_grammar(constraint.value)}
        case "json_schema":
            return {"json_schema": schema_of(constraint)}
        case "grammar":
            return {"grammar": constraint.value}
        case "regex":
            grammar = regex_grammar(str(constraint.value))
            return {"grammar": grammar} if grammar else {}


def is_wrapped(request: Request, dialect: Dialect) -> bool:
    """Whether answers to `request` come as an object around the chosen text."""
    constraint = request.options.constraint
    return (
        constraint is not None
        and constraint.kind == "choice"
        and dialect.constraints == "json_schema"
        and request.api in ("chat", "responses")
    )


def unwrap(text: str) -> str:
    """Return the chosen text of a wrapped choice; a text that is none stays as it is.

    >>> unwrap('{"answer": "yes"}'), unwrap('{"ans')
    ('yes', '{"ans')
    """
    try:
        data = json.loads(text)
    except ValueError:
        return text
    answer = data.get(_WRAP) if isinstance(data, dict) else None
    return answer if isinstance(answer, str) else text
