"""Sending constraints in the form an endpoint obeys, and reading the constrained answer.

| constraint | OpenAI, Azure | other «json_schema» | llama.cpp | vLLM |
|---|---|---|---|---|
| choice | `enum` in an object | the same | GBNF | choice |
| JSON schema | json_schema | the same | json_schema | json |
| pattern | custom tool, regex | nothing | GBNF | regex |
| grammar | custom tool, Lark | nothing | as it is | grammar |

A choice wrapped in an object is unwrapped, and a tool's input becomes the text: so the answer's
text is what was asked for on every backend. What a backend cannot be told is not sent, and the
answer shows it: `Constraint.allows` is the check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from promptkit.adapters.dialect import Dialect
from promptkit.adapters.gbnf import choice_grammar, plain_regex, regex_grammar
from promptkit.adapters.gbnf_reader import lark_of
from promptkit.adapters.grammar_match import is_lark, with_attributes
from promptkit.constraint import Constraint
from promptkit.errors import OptionError
from promptkit.request import Request

ANSWER: Final = "answer"
"""The property that holds a wrapped choice, and the name of the tool that takes an answer."""

_TOOL_SAYS: Final = "Takes the whole answer, in the form its grammar describes."

# -- JSON schemas ---------------------------------------------------------------------------


def schema_of(constraint: Constraint) -> dict[str, Any] | None:
    """Return the JSON schema to send for a constraint; None when no schema can say it.

    >>> schema_of(Constraint.choice(["yes", "no"]))["properties"]
    {'answer': {'type': 'string', 'enum': ['yes', 'no']}}
    """
    if constraint.kind == "choice":
        return _wrapped({"type": "string", "enum": list(constraint.value)})
    if constraint.kind == "json_schema":
        schema: dict[str, Any] = json.loads(str(constraint.value))
        return schema
    return None


def _wrapped(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {ANSWER: schema},
        "required": [ANSWER],
        "additionalProperties": False,
    }


def schema_format(request: Request, dialect: Dialect) -> dict[str, Any] | None:
    """Return name, schema and strictness as OpenAI's `json_schema` formats take them."""
    constraint = request.options.constraint
    if constraint is None or not _takes_format(request, dialect):
        return None
    schema = schema_of(constraint)
    if schema is None:
        return None
    schema = _closed(schema)
    if is_wrapped(request, dialect) and constraint.kind == "json_schema":
        shared = schema.pop("$defs", None)
        schema = _wrapped(schema) | ({"$defs": shared} if shared else {})
    return {"name": ANSWER, "schema": schema, "strict": _can_be_strict(schema)}


def _takes_format(request: Request, dialect: Dialect) -> bool:
    """Whether a constraint goes into the API's own field for JSON schemas."""
    return dialect.constraints == "json_schema" or (
        dialect.constraints == "vllm" and request.api == "responses"
    )


def _closed(schema: Any) -> Any:
    """Return a schema whose objects say that they have no further properties.

    Only those all of whose properties are required: so a pydantic model becomes one that OpenAI's
    strict mode takes, and what fits the closed schema fits the open one.
    """
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    names = schema.get("properties")
    is_open = schema.get("type") == "object" and "additionalProperties" not in schema
    if is_open and names and set(schema.get("required", ())) == set(names):
        closed["additionalProperties"] = False
    return closed


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


# -- fields of their own --------------------------------------------------------------------


def constraint_fields(request: Request, dialect: Dialect) -> dict[str, Any]:
    """Return llama.cpp's or vLLM's body fields for a constraint; empty when there are none.

    >>> from promptkit.request import Options
    >>> options = Options(constraint=["yes", "no"])
    >>> asked = Request(messages=(), model="m", options=options)
    >>> constraint_fields(asked, Dialect("grammar"))
    {'grammar': 'root ::= "yes" | "no"'}
    >>> constraint_fields(asked, Dialect("vllm"))
    {'structured_outputs': {'choice': ['yes', 'no']}}
    """
    constraint = request.options.constraint
    if constraint is None:
        return {}
    if dialect.constraints == "grammar":
        return _llama_fields(constraint)
    if dialect.constraints not in ("vllm", "vllm_guided") or request.api == "responses":
        return {}
    fields = _vllm_fields(constraint)
    if not fields or dialect.constraints == "vllm":
        return {"structured_outputs": fields} if fields else {}
    return {f"guided_{name}": value for name, value in fields.items()}


def _llama_fields(constraint: Constraint) -> dict[str, Any]:
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


def _vllm_fields(constraint: Constraint) -> dict[str, Any]:
    match constraint.kind:
        case "choice":
            return {"choice": list(constraint.value)}
        case "json_schema":
            return {"json": schema_of(constraint)}
        case "grammar":
            return {"grammar": constraint.value}
        case "regex":
            pattern = plain_regex(str(constraint.value))
            return {"regex": pattern} if pattern is not None else {}


# -- custom tools ---------------------------------------------------------------------------


def tool_grammar(request: Request, dialect: Dialect) -> dict[str, str] | None:
    """Return the grammar that a custom tool's input is held to, as OpenAI takes it.

    None where none is sent: for other constraints, other endpoints, other APIs, and for what its
    Lark has no words for.
    """
    constraint = request.options.constraint
    if constraint is None or not dialect.is_openai or request.api not in ("chat", "responses"):
        return None
    if dialect.constraints != "json_schema":
        return None
    return _tool_grammar(constraint)


@lru_cache(maxsize=256)
def _tool_grammar(constraint: Constraint) -> dict[str, str] | None:
    if constraint.kind == "regex":
        pattern = plain_regex(str(constraint.value))
        return None if pattern is None else {"syntax": "regex", "definition": pattern}
    if constraint.kind != "grammar":
        return None
    text = str(constraint.value)
    try:
        lark = _standard_lark(text if is_lark(text) else lark_of(text))
    except OptionError:
        return None
    return None if lark is None else {"syntax": "lark", "definition": lark}


def _standard_lark(grammar: str) -> str | None:
    """Return a grammar without llguidance's own additions; None where it needs them."""
    means_nothing = ("capture", "max_tokens", "temperature")
    text, attributes = with_attributes(grammar, lambda name: name not in means_nothing)
    _, _, text = text.partition("\n")  # «%llguidance {}»
    has_more = any(mark in text for mark in ("%json", "%lark", "%regex", "%llguidance"))
    return None if attributes or has_more else text.strip() + "\n"


def chat_tool(grammar: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a Chat Completions request that make the model call the tool."""
    form = {"type": "grammar", "grammar": dict(grammar)}
    custom = {"name": ANSWER, "description": _TOOL_SAYS, "format": form}
    return {
        "tools": [{"type": "custom", "custom": custom}],
        "tool_choice": {"type": "custom", "custom": {"name": ANSWER}},
        "parallel_tool_calls": False,
    }


def responses_tool(grammar: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a Responses request that make the model call the tool."""
    form = {"type": "grammar", **grammar}
    tool = {"type": "custom", "name": ANSWER, "description": _TOOL_SAYS, "format": form}
    return {
        "tools": [tool],
        "tool_choice": {"type": "custom", "name": ANSWER},
        "parallel_tool_calls": False,
    }


# -- answers --------------------------------------------------------------------------------


def is_wrapped(request: Request, dialect: Dialect) -> bool:
    """Whether answers to `request` come as an object around what was asked for.

    Choices do; with OpenAI also JSON that is no object, which its schemas cannot have at the top.
    """
    constraint = request.options.constraint
    if constraint is None or request.api not in ("chat", "responses"):
        return False
    if constraint.kind == "choice":
        return _takes_format(request, dialect)
    if constraint.kind != "json_schema" or not dialect.is_openai:
        return False
    return dialect.constraints == "json_schema" and _is_no_object(str(constraint.value))


@lru_cache(maxsize=256)
def _is_no_object(schema: str) -> bool:
    loaded = json.loads(schema)
    kind = loaded.get("type", "object") if isinstance(loaded, dict) else "object"
    return kind != "object" and '"#"' not in schema  # such as a tree that refers to its top


def unwrap(text: str) -> str:
    """Return what a wrapped answer holds; a text that is none stays as it is.

    >>> unwrap('{"answer": "yes"}'), unwrap('{"answer": [1]}'), unwrap('{"ans')
    ('yes', '[1]', '{"ans')
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(data, dict) or set(data) != {ANSWER}:
        return text
    answer = data[ANSWER]
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def tool_input(calls: object) -> str | None:
    """Return what was put into the answer's tool; None when it was not called.

    >>> tool_input([{"type": "custom", "custom": {"name": "answer", "input": "12"}}])
    '12'
    """
    for call in calls if isinstance(calls, list) else ():
        custom = call.get("custom", call) if isinstance(call, Mapping) else None
        if isinstance(custom, Mapping) and custom.get("name") == ANSWER:
            text = custom.get("input")
            return text if isinstance(text, str) else None
    return None
