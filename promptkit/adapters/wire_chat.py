"""Chat Completions and Completions: bodies, answers and streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from promptkit.adapters.dialect import Dialect
from promptkit.adapters.structured import (
    chat_tool,
    constraint_fields,
    is_wrapped,
    schema_format,
    tool_grammar,
    tool_input,
    unwrap,
)
from promptkit.adapters.wire_logprobs import choice_of
from promptkit.adapters.wire_usage import parse_usage
from promptkit.errors import OptionError, ProtocolError
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.response import CallLog, Choice, Response
from promptkit.transports.packed import Pack

_Item = TypeVar("_Item", bound=Mapping[str, Any])

_SAME_NAME: Final = (
    "temperature",
    "top_p",
    "n",
    "seed",
    "presence_penalty",
    "frequency_penalty",
)


# -- bodies ---------------------------------------------------------------------------------


def chat_body(request: Request, dialect: Dialect) -> dict[str, Any]:
    """Return the fields of a Chat Completions request."""
    options = request.options
    body: dict[str, Any] = {"messages": chat_messages(request, dialect)}
    body |= _common(request)
    if options.max_tokens is not None:
        field = "max_completion_tokens" if dialect.is_openai else "max_tokens"
        body[field] = options.max_tokens
    if options.logprobs is not None:
        body["logprobs"] = True
        if options.logprobs:
            body["top_logprobs"] = options.logprobs
    if options.reasoning_effort is not None:
        body["reasoning_effort"] = options.reasoning_effort
    if options.constraint is not None:
        body |= _constraint(request, dialect)
    if request.messages[-1:] and request.messages[-1].role == "assistant":
        body |= _GOES_ON.get(dialect.constraints, {})
    return body


def _constraint(request: Request, dialect: Dialect) -> dict[str, Any]:
    schema = schema_format(request, dialect)
    if schema:
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    grammar = tool_grammar(request, dialect)
    return chat_tool(grammar) if grammar else constraint_fields(request, dialect)


_CONTINUES: Final = {"continue_final_message": True, "add_generation_prompt": False}
_GOES_ON: Final = {"vllm": _CONTINUES, "vllm_guided": _CONTINUES}
"""What makes a server go on with an assistant's last message; llama.cpp does it anyway."""


def chat_messages(request: Request, dialect: Dialect) -> list[dict[str, str]]:
    """Return the messages; only OpenAI itself knows the developer role."""
    roles = {} if dialect.is_openai else {"developer": "system"}
    return [{"role": roles.get(m.role, m.role), "content": m.text} for m in request.messages]


def completion_text(messages: Sequence[Message]) -> str:
    r"""Write a conversation as one text to go on with; one message is sent word for word.

    >>> turns = [("user", "2 + 2 ="), ("assistant", "4"), ("user", "3 + 4 =")]
    >>> completion_text([Message(role, text) for role, text in turns])
    '2 + 2 = 4\n\n3 + 4 ='
    """
    pieces = []
    for message, following in zip(messages, [*messages[1:], None], strict=True):
        is_answered = following is not None and following.role == "assistant"
        end = "" if following is None else " " if is_answered else "\n\n"
        pieces.append(message.text + end)
    return "".join(pieces)


def completions_body(request: Request, dialect: Dialect) -> dict[str, Any]:
    """Return the fields of a Completions request; one message is sent word for word."""
    options = request.options
    if options.reasoning_effort is not None:
        msg = "the completions API has no reasoning_effort"
        raise OptionError(msg, hint='use api="chat" or api="responses"')
    body: dict[str, Any] = {"prompt": completion_text(request.messages)}
    body |= _common(request)
    if options.max_tokens is not None:
        body["max_tokens"] = options.max_tokens
    if options.logprobs is not None:
        # llama.cpp reports nothing at all for 0.
        body["logprobs"] = options.logprobs if dialect.is_openai else max(1, options.logprobs)
    return body | constraint_fields(request, dialect)


def _common(request: Request) -> dict[str, Any]:
    options = request.options
    body = {name: getattr(options, name) for name in _SAME_NAME}
    body["stop"] = list(options.stop) if options.stop else None
    return {name: value for name, value in body.items() if value is not None}


# -- answers --------------------------------------------------------------------------------


def parse_chat(
    request: Request,
    data: Mapping[str, Any],
    dialect: Dialect,
    headers: Mapping[str, str],
    log: CallLog,
) -> Response:
    """Read a Chat Completions answer."""
    wrapped = is_wrapped(request, dialect)
    choices = tuple([_chat_choice(choice, wrapped=wrapped) for choice in _choices(request, data)])
    if request.messages and request.messages[-1].role == "assistant" and _is_llama(data, dialect):
        begun = request.messages[-1].text
        choices = tuple([replace(c, text=c.text.removeprefix(begun)) for c in choices])
    return _response(request, data, choices, dialect, headers=headers, log=log)


def _is_llama(data: Mapping[str, Any], dialect: Dialect) -> bool:
    """Whether an answer repeats the message it goes on with: llama.cpp's do, its streams do not."""
    return dialect.constraints == "grammar" and data.get("object") == "chat.completion"


def parse_completions(
    request: Request,
    data: Mapping[str, Any],
    dialect: Dialect,
    headers: Mapping[str, str],
    log: CallLog,
) -> Response:
    """Read a Completions answer."""
    choices = tuple([_text_choice(choice) for choice in _choices(request, data)])
    return _response(request, data, choices, dialect, headers=headers, log=log)


def _response(
    request: Request,
    data: Mapping[str, Any],
    choices: tuple[Choice, ...],
    dialect: Dialect,
    *,
    headers: Mapping[str, str],
    log: CallLog,
) -> Response:
    text = choices[0].text if len(choices) == 1 else "".join([choice.text for choice in choices])
    usage = parse_usage(data.get("usage"), request, text)
    if dialect.constraints == "grammar" and len(choices) > 1:
        # llama.cpp counts one of the answers.
        tokens_out = usage.output_tokens * len(choices)
        usage = replace(usage, output_tokens=tokens_out, estimated=True)
    return Response(
        choices=choices,
        usage=usage,
        model=model_name(data, request),
        headers=headers,
        log=log,
    )


def model_name(data: Mapping[str, Any], request: Request) -> str:
    """Return the model's own name for itself; the asked one where it says none."""
    name = data.get("model")
    return name if isinstance(name, str) and name else request.model


def _choices(request: Request, data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices:
        raise ProtocolError("the answer has no choices")
    for choice in choices:
        if not isinstance(choice, dict):
            raise ProtocolError("a choice of the answer is no object")
    if isinstance(request, Pack) and len(request.parts) > 1:
        return in_order(choices)
    try:
        return in_order(choices)
    except ProtocolError:
        return choices  # answers to one and the same prompt: any order will do


def in_order(items: list[_Item]) -> list[_Item]:
    """Put the parts of an answer into the order of their `index`.

    Servers that number nothing keep the order of what they were asked. Numbers that are not
    each place once tell that the server counts something else, so that whose a part is would be
    guessed.

    Raises:
        ProtocolError: When that is so.

    >>> in_order([{"index": 1, "text": "b"}, {"index": 0, "text": "a"}])[0]["text"]
    'a'
    """
    if len(items) == 1:
        return items
    indices: list[Any] = [item.get("index") for item in items]
    places = list(range(len(items)))
    if indices == places or not any(index is not None for index in indices):
        return items
    if any(type(index) is not int for index in indices) or sorted(indices) != places:
        msg = f"the index of {len(items)} results is not each of 0 to {len(items) - 1} once"
        raise ProtocolError(msg, hint="connect(pack=False) sends no lists")
    return sorted(items, key=lambda item: item["index"])


def index_of(value: object) -> int:
    """Return a choice's place; 0 where it is none."""
    return value if type(value) is int and value >= 0 else 0


def _chat_choice(choice: Mapping[str, Any], *, wrapped: bool) -> Choice:
    message = choice.get("message")
    if not isinstance(message, dict):
        raise ProtocolError("a choice of the answer has no message")
    text = content_text(message.get("content"))
    reason = _reason(choice)
    refusal = None if text else message.get("refusal")
    put_in = None if text else tool_input(message.get("tool_calls"))
    if put_in is not None:
        text, reason = put_in, "stop" if reason == "tool_calls" else reason
    elif isinstance(refusal, str) and refusal:
        text, reason = refusal, "refusal"
    elif wrapped:
        text = unwrap(text)
    return choice_of(text, reason, choice.get("logprobs"))


def content_text(content: object) -> str:
    """Return the text of a message's content: a text, a list of parts, or null.

    >>> content_text([{"type": "text", "text": "Hello"}, {"type": "image_url"}])
    'Hello'
    """
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "".join(text for text in texts if isinstance(text, str))
    msg = f"a message's content is of type {type(content).__name__}"
    raise ProtocolError(msg)


def _text_choice(choice: Mapping[str, Any]) -> Choice:
    text = choice.get("text")
    if not isinstance(text, str):
        raise ProtocolError("a choice of the answer has no text")
    return choice_of(text, _reason(choice), choice.get("logprobs"))


def _reason(choice: Mapping[str, Any]) -> str | None:
    reason = choice.get("finish_reason")
    return reason if isinstance(reason, str) else None
