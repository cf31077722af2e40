"""The Responses API: bodies, answers and streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from promptkit.adapters.dialect import Dialect
from promptkit.adapters.structured import (
    constraint_fields,
    is_wrapped,
    responses_tool,
    schema_format,
    tool_grammar,
    tool_input,
    unwrap,
)
from promptkit.adapters.wire_chat import chat_messages, model_name
from promptkit.adapters.wire_logprobs import parse_token_list
from promptkit.adapters.wire_usage import parse_usage
from promptkit.errors import OptionError, ProtocolError
from promptkit.request import Request
from promptkit.response import CallLog, Choice, Response, TokenLogprob

_ABSENT: Final = ("stop", "n", "seed", "presence_penalty", "frequency_penalty")
"""Options that this API has no field for."""

_FINISH: Final = {"max_output_tokens": "length", "max_tokens": "length"}
"""Reasons for an incomplete answer, in the words the other APIs have for them."""


def responses_body(request: Request, dialect: Dialect) -> dict[str, Any]:
    """Return the fields of a Responses request.

    `store` is switched off, because OpenAI would else keep prompt and answer for 30 days; whoever
    wants that passes `extra={"store": True}`.
    """
    options = request.options
    absent = [name for name in _ABSENT if getattr(options, name) not in (None, ())]
    if absent and (absent != ["n"] or options.n != 1):
        msg = f"the responses API has no {', '.join(absent)}"
        raise OptionError(msg, hint='leave it out, or use api="chat"')
    body: dict[str, Any] = {"input": chat_messages(request, dialect)}
    if dialect.is_openai:
        body["store"] = False
    for name in ("temperature", "top_p"):
        if getattr(options, name) is not None:
            body[name] = getattr(options, name)
    if options.max_tokens is not None:
        body["max_output_tokens"] = options.max_tokens
    if options.logprobs is not None:
        body["include"] = ["message.output_text.logprobs"]
        body["top_logprobs"] = options.logprobs
        if not dialect.is_openai:
            body["logprobs"] = True  # llama.cpp asks for it, as in its chat
    if options.reasoning_effort is not None:
        body["reasoning"] = {"effort": options.reasoning_effort}
    return body if options.constraint is None else body | _constraint(request, dialect)


def _constraint(request: Request, dialect: Dialect) -> dict[str, Any]:
    schema = schema_format(request, dialect)
    if schema:
        return {"text": {"format": {"type": "json_schema", **schema}}}
    grammar = tool_grammar(request, dialect)
    return responses_tool(grammar) if grammar else constraint_fields(request, dialect)


def parse_responses(
    request: Request,
    data: Mapping[str, Any],
    dialect: Dialect,
    headers: Mapping[str, str],
    log: CallLog,
) -> Response:
    """Read a Responses answer: the text of all its messages, as one choice."""
    output = data.get("output")
    if not isinstance(output, list):
        raise ProtocolError("the answer has no output")
    parts = [part for item in output for part in _parts(item)]
    text = "".join(_text(part, "output_text", "text") for part in parts)
    reason = _finish_reason(data)
    refusal = "".join(_text(part, "refusal", "refusal") for part in parts)
    put_in = None if text else tool_input([i for i in output if _is_tool_call(i)])
    if put_in is not None:
        text = put_in
    elif refusal and not text:
        text, reason = refusal, "refusal"
    elif is_wrapped(request, dialect):
        text = unwrap(text)
    return Response(
        choices=(Choice(text, reason, _logprobs(parts)),),
        usage=parse_usage(data.get("usage"), request, text),
        model=model_name(data, request),
        headers=headers,
        log=log,
    )


def _parts(item: object) -> list[Mapping[str, Any]]:
    """Return the parts of an output item; only messages have any that are shown."""
    if not isinstance(item, Mapping) or item.get("type") != "message":
        return []
    content = item.get("content")
    parts = content if isinstance(content, list) else []
    return [part for part in parts if isinstance(part, Mapping)]


def _is_tool_call(item: object) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "custom_tool_call"


def _text(part: Mapping[str, Any], kind: str, field: str) -> str:
    text = part.get(field) if part.get("type") == kind else None
    return text if isinstance(text, str) else ""


def _logprobs(parts: list[Mapping[str, Any]]) -> tuple[TokenLogprob, ...] | None:
    tokens = [
        token
        for part in parts
        if isinstance(part.get("logprobs"), list)
        for token in part["logprobs"]
    ]
    return parse_token_list(tokens) if tokens else None


def _finish_reason(data: Mapping[str, Any]) -> str | None:
    status = data.get("status")
    if status == "incomplete":
        details = data.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, Mapping) else None
        return _FINISH.get(reason, reason) if isinstance(reason, str) else "length"
    return "stop" if status in ("completed", None) else str(status)


class ResponsesStream:
    """Puts together a Responses stream, whose last event holds the whole answer."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.finished = False
        self.usage: object = None
        self._body: dict[str, Any] = {}
        self._deltas: list[str] = []
        self._last = -1

    @property
    def ends_stream(self) -> bool:
        """Whether the last event came: this API sends no end mark."""
        return self.finished

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._deltas)

    def feed(self, event: Mapping[str, Any]) -> str:
        """Take one event; return the text it adds. An event that comes again adds nothing."""
        number = event.get("sequence_number")
        if type(number) is int:
            if number <= self._last:
                return ""
            self._last = number
        kind = event.get("type")
        if kind in ("response.output_text.delta", "response.custom_tool_call_input.delta"):
            delta = event.get("delta")
            if not isinstance(delta, str):
                return ""
            self._deltas.append(delta)
            return delta
        if kind in ("response.completed", "response.incomplete"):
            whole = event.get("response")
            if not isinstance(whole, Mapping):
                raise ProtocolError("the stream's last event holds no response")
            self._body = dict(whole)
            self.usage = whole.get("usage")
            self.finished = True
        return ""

    def body(self) -> dict[str, Any]:
        """Return the answer as it would have come whole."""
        return self._body
