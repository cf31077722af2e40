"""From a Request to the path and JSON body that ask it, and from JSON back to a Response.

Everything here is pure: no socket, no clock, no key. Both adapters that speak HTTP stand on it,
so that they cannot differ in what they send and read. An option that is None is not sent. An
option that an API has no field for is refused, because dropping it would change the answer
silently; embeddings and moderations, which write nothing, pass over how to write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

from promptkit.adapters import wire_chat, wire_packed, wire_responses, wire_stream, wire_vectors
from promptkit.adapters.dialect import Dialect
from promptkit.errors import OptionError, ProtocolError
from promptkit.request import Request
from promptkit.response import NO_HEADERS, CallLog, Response

NO_LOG: Final = CallLog()

_PATHS = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "moderations": "/moderations",
}

_WRITERS = {
    "chat": wire_chat.chat_body,
    "responses": wire_responses.responses_body,
    "completions": wire_packed.prompts_body,
    "embeddings": wire_vectors.embeddings_body,
    "moderations": wire_vectors.moderations_body,
}

_READERS = {
    "chat": wire_chat.parse_chat,
    "responses": wire_responses.parse_responses,
    "completions": wire_packed.parse_prompts,
    "embeddings": wire_vectors.parse_embeddings,
    "moderations": wire_vectors.parse_moderations,
}


class StreamReader(Protocol):
    """Puts the events of one stream together.

    Attributes:
        usage: The latest token counts, as they came; None when there are none yet.
    """

    usage: object

    @property
    def ends_stream(self) -> bool:
        """Whether nothing more is to come, though the stream has no end mark."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the answer is whole."""
        ...

    @property
    def text(self) -> str:
        """All text so far, of all answers."""
        ...

    def feed(self, event: Mapping[str, Any]) -> str:
        """Take the data of one event; return the text it adds to the first answer."""
        ...

    def body(self) -> dict[str, Any]:
        """Return what the API would have sent without streaming."""
        ...


STREAMING: Final = ("chat", "responses", "completions")
"""The APIs that stream text."""


def encode(
    request: Request, dialect: Dialect, *, stream: bool = False
) -> tuple[str, dict[str, Any]]:
    """Return the path below the base address and the JSON body.

    Raises:
        OptionError: For an option the API has no field for, or an `extra` that is no object.

    >>> from promptkit.prompt import Message
    >>> hi = Request(messages=(Message("user", "Hi"),), model="m")
    >>> encode(hi, Dialect())
    ('/chat/completions', {'model': 'm', 'messages': [{'role': 'user', 'content': 'Hi'}]})
    """
    body = {"model": request.model, **_WRITERS[request.api](request, dialect)}
    if request.end_user and dialect.takes_end_user and request.api in ("chat", "responses"):
        body["safety_identifier"] = request.end_user
    body |= _extra(request)
    # Whoever calls decides about streaming: an `extra` that did would break the reader.
    body.pop("stream", None)
    if stream:
        body["stream"] = True
        if request.api != "responses":
            body["stream_options"] = {"include_usage": True}
    return _PATHS[request.api], body


def decode(
    request: Request,
    data: object,
    dialect: Dialect,
    headers: Mapping[str, str] = NO_HEADERS,
    log: CallLog = NO_LOG,
) -> Response:
    """Read an answer's JSON.

    Raises:
        ProtocolError: When it is not what the API promises.
    """
    if not isinstance(data, dict):
        msg = f"the answer is JSON of type {type(data).__name__}, not an object"
        raise ProtocolError(msg, hint=_HINT)
    return _READERS[request.api](request, data, dialect, headers, log)


def stream_reader(request: Request) -> StreamReader:
    """Return a new reader for a stream that answers `request`."""
    if request.api == "responses":
        return wire_responses.ResponsesStream()
    return wire_stream.ChoiceStream(is_chat=request.api == "chat")


def _extra(request: Request) -> dict[str, Any]:
    if request.options.extra is None:
        return {}
    try:
        extra = json.loads(request.options.extra)
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise OptionError("`extra` is no JSON object", hint="pass a mapping of body fields")
    return extra


_HINT = "is base_url the address of an OpenAI-compatible API?"
