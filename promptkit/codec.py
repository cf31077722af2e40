"""Requests and responses as JSON: what caches and recordings keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptkit.constraint import Constraint
from promptkit.prompt import Message, Part
from promptkit.request import Options, Request
from promptkit.response import Alternative, Choice, Response, TokenLogprob, Usage


def request_to_json(request: Request) -> dict[str, Any]:
    """Return a request as plain data, without its endpoint.

    >>> request_to_json(Request(messages=(Message("user", "Hi"),), model="m"))
    {'model': 'm', 'messages': [{'role': 'user', 'content': 'Hi'}]}
    """
    data: dict[str, Any] = {"model": request.model}
    if request.api != "chat":
        data["api"] = request.api
    if request.sample:
        data["sample"] = request.sample
    options = {name: _option_to_json(value) for name, value in request.options.items()}
    if options:
        data["options"] = options
    data["messages"] = [
        {"role": message.role, "content": _content_to_json(message.content)}
        for message in request.messages
    ]
    return data


def request_from_json(data: Mapping[str, Any], endpoint: str = "") -> Request:
    """Return the request that `request_to_json` was given."""
    options = dict(data.get("options", {}))
    if "constraint" in options:
        kind, value = options["constraint"]
        options["constraint"] = Constraint(kind, tuple(value) if kind == "choice" else value)
    return Request(
        messages=tuple(
            Message(message["role"], _content_from_json(message["content"]))
            for message in data["messages"]
        ),
        model=data["model"],
        options=Options().replace(**options),
        api=data.get("api", "chat"),
        sample=data.get("sample", 0),
        endpoint=endpoint,
    )


def response_to_json(response: Response) -> dict[str, Any]:
    """Return what is worth keeping of a response: all but its log and headers."""
    usage = response.usage
    data: dict[str, Any] = {
        "model": response.model,
        "choices": [_choice_to_json(choice) for choice in response.choices],
        "usage": [
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_tokens,
            usage.reasoning_tokens,
            int(usage.estimated),
        ],
        "cost_usd": response.cost_usd,
        "latency_s": round(response.log.latency_s, 3),
    }
    if response.vectors is not None:
        data["vectors"] = response.vectors
    if response.moderations is not None:
        data["moderations"] = response.moderations
    return data


def response_from_json(data: Mapping[str, Any]) -> Response:
    """Return the response that `response_to_json` was given."""
    vectors, moderations = data.get("vectors"), data.get("moderations")
    tokens_in, tokens_out, cached, reasoning, estimated = data["usage"]
    return Response(
        choices=tuple(_choice_from_json(choice) for choice in data["choices"]),
        usage=Usage(tokens_in, tokens_out, cached, reasoning, bool(estimated)),
        model=data["model"],
        cost_usd=data["cost_usd"],
        vectors=None if vectors is None else tuple(tuple(vector) for vector in vectors),
        moderations=None if moderations is None else tuple(moderations),
    )


def _option_to_json(value: Any) -> Any:
    if isinstance(value, Constraint):
        return [value.kind, value.value]
    return list(value) if isinstance(value, tuple) else value


def _content_to_json(content: str | tuple[Part, ...]) -> Any:
    if isinstance(content, str):
        return content
    return [_part_to_json(part) for part in content]


def _part_to_json(part: Part) -> dict[str, Any]:
    data: dict[str, Any] = {"text": part.text, "slot": part.slot, "trusted": part.trusted}
    return data | {"spotlight": part.spotlight} if part.spotlight else data


def _content_from_json(content: Any) -> str | tuple[Part, ...]:
    return content if isinstance(content, str) else tuple(Part(**part) for part in content)


def _choice_to_json(choice: Choice) -> list[Any]:
    if choice.logprobs is None:
        return [choice.text, choice.finish_reason]
    tokens = [
        [place.token, place.logprob, [[top.token, top.logprob] for top in place.top]]
        for place in choice.logprobs
    ]
    return [choice.text, choice.finish_reason, tokens]


def _choice_from_json(data: list[Any]) -> Choice:
    text, finish_reason, *rest = data
    if not rest:
        return Choice(text, finish_reason)
    tokens = tuple(
        TokenLogprob(token, logprob, tuple(Alternative(*pair) for pair in top))
        for token, logprob, top in rest[0]
    )
    return Choice(text, finish_reason, tokens)
