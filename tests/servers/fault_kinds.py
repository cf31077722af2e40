"""Every fault the server can commit, by name.

A request asks for one by its model: `fault:502` is always answered so, `fault:502:2` the first two
times that item is asked. `FAULTS` tells of each whether the provider worked for it (and so bills
it), and whether a client can read what came.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from .fault_answers import Answer

End = Literal["refused", "broken", "whole"]
Act = Callable[[web.Request, Answer, dict[str, str]], Awaitable[None]]

HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>"
ELSEWHERE = "http://127.0.0.1:1/v1/elsewhere"
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{told}"
_PAUSE_S = 0.02
_BLANKS = b"1000\r\n" + b" " * 0x1000 + b"\r\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong.

    Attributes:
        end: How the attempt ends in the books.
        status: For an error status: the status, code and type of OpenAI's error object.
        act: For an answer gone wrong: writes it, and ends the connection where that is the fault.
        change: For a whole answer that is odd: changes it or the events of its stream.
        streams_only: Commits its fault in a stream; a request without one is answered well.
    """

    end: End
    status: tuple[int, str | None, str] | None = None
    act: Act | None = None
    change: Callable[[Answer, list[str]], list[str]] | None = None
    usage: str = ""
    streams_only: bool = False


# -- the wire ---------------------------------------------------------------------------------


def _body(answer: Answer) -> bytes:
    return json.dumps(answer.whole(), ensure_ascii=False).encode()


def _wire(request: web.Request) -> asyncio.Transport:
    if request.transport is None:
        raise asyncio.CancelledError  # the client has left already
    return request.transport


def _head(told: dict[str, str], kind: str = "application/json") -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return _HEAD.format(kind=kind, told=lines).encode()


async def _reset(request: web.Request, answer: Answer, told: dict[str, str]) -> None:
    _wire(request).abort()


async def _reset_in_body(request: web.Request, answer: Answer, told: dict[str, str]) -> None:
    body = _body(answer)
    head = _head(told) + f"Content-Length: {len(body)}\r\n\r\n".encode()
    _wire(request).write(head + body[: len(body) // 2])
    await asyncio.sleep(_PAUSE_S)  # so that the half arrives before the reset does
    _wire(request).abort()


async def _hang(request: web.Request, answer: Answer, told: dict[str, str]) -> None:
    await asyncio.Event().wait()  # until the client leaves, which cancels this


async def _endless(request: web.Request, answer: Answer, told: dict[str, str]) -> None:
    _wire(request).write(_head(told) + b"Transfer-Encoding: chunked\r\n\r\n")
    while not _wire(request).is_closing():
        _wire(request).write(_BLANKS)
        await asyncio.sleep(_PAUSE_S)


def _length(difference: int) -> Act:
    """A body whose Content-Length is wrong by `difference` bytes, and then the end."""

    async def act(request: web.Request, answer: Answer, told: dict[str, str]) -> None:
        body = _body(answer)
        head = _head(told) + f"Content-Length: {len(body) + difference}\r\n\r\n".encode()
        _wire(request).write(head + body)
        if difference > 0:
            _wire(request).close()
        # With too small a length the rest lies in the way of the next answer on the connection,
        # which stays open: that is the fault.

    return act


def _text(write: Callable[[bytes], bytes]) -> Act:
    """A body that is sent correctly and is not what it should be."""

    async def act(request: web.Request, answer: Answer, told: dict[str, str]) -> None:
        body = write(_body(answer))
        length = f"Content-Length: {len(body)}\r\n\r\n".encode()
        _wire(request).write(_head(told) + length + body)

    return act


def _stream_cut(cut: Callable[[bytes], bytes]) -> Act:
    """A chunked stream that ends in the middle, with the connection."""

    async def act(request: web.Request, answer: Answer, told: dict[str, str]) -> None:
        sent = cut("".join(answer.events()).encode())
        head = _head(told, "text/event-stream") + b"Transfer-Encoding: chunked\r\n\r\n"
        _wire(request).write(head + f"{len(sent):x}\r\n".encode() + sent + b"\r\n")
        await asyncio.sleep(_PAUSE_S)
        _wire(request).close()

    return act


def _within_event(stream: bytes) -> bytes:
    return stream[: stream.index(b"data:", len(stream) // 2) + 9]


def _within_character(stream: bytes) -> bytes:
    """Cut after the first byte of the first character that has more than one."""
    return stream[: next(place for place, byte in enumerate(stream) if byte >= 0xC0) + 1]


def _error_event(stream: bytes) -> bytes:
    half = stream[: stream.index(b"data:", len(stream) // 2)]
    told = {"error": {"message": "The server had an error", "type": "server_error", "code": None}}
    return half + f"data: {json.dumps(told)}\n\n".encode()


def _twice(answer: Answer, events: list[str]) -> list[str]:
    """Events come twice: all that add no text, and where they are numbered, the others too."""
    if answer.kind == "responses":
        return [event for event in events for _ in range(2)]
    copies = []
    for event in events:
        has_text = '"content": "' in event or '"text": "' in event
        copies += [event] if has_text else [event, event]
    return copies


def _strangers(answer: Answer, events: list[str]) -> list[str]:
    """Comments, events of unknown types, unknown fields and CRLF line ends in between."""
    strange = (
        ": keep-alive\r\n\r\n",
        'event: from.the.future\r\ndata: {"type": "from.the.future", "x": [1]}\r\n\r\n',
        "id: 7\r\nretry: 10\r\n\r\n",
    )
    return [part for event in events for part in (*strange, event)]


# -- the list ---------------------------------------------------------------------------------

FAULTS: dict[str, Fault] = {
    "400": Fault("refused", (400, "invalid_value", "invalid_request_error")),
    "401": Fault("refused", (401, "invalid_api_key", "invalid_request_error")),
    "404": Fault("refused", (404, "model_not_found", "invalid_request_error")),
    "408": Fault("refused", (408, None, "timeout")),
    "409": Fault("refused", (409, None, "conflict")),
    "413": Fault("refused", (413, "context_length_exceeded", "invalid_request_error")),
    "429": Fault("refused", (429, "rate_limit_exceeded", "requests")),
    "429-bare": Fault("refused", (429, None, "requests")),
    "429-quota": Fault("refused", (429, "insufficient_quota", "insufficient_quota")),
    "500": Fault("refused", (500, None, "server_error")),
    "502": Fault("refused", (502, None, "")),
    "503": Fault("refused", (503, None, "server_error")),
    "redirect": Fault("refused", (307, None, "")),
    "reset": Fault("broken", act=_reset),
    "reset-in-body": Fault("broken", act=_reset_in_body),
    "hang": Fault("broken", act=_hang),
    "endless-body": Fault("broken", act=_endless),
    "length-too-long": Fault("broken", act=_length(64)),
    "length-too-short": Fault("broken", act=_length(-20)),
    "truncated-json": Fault("broken", act=_text(lambda body: body[: len(body) * 2 // 3])),
    "invalid-json": Fault("broken", act=_text(lambda body: b"{'no': json" + body)),
    "empty-body": Fault("broken", act=_text(lambda body: b"")),
    "no-choices": Fault("broken", act=_text(lambda body: b'{"id": "x"}')),
    "error-in-200": Fault("broken", act=_text(lambda body: b'{"error": {"message": "upstream"}}')),
    "usage-missing": Fault("whole", usage="missing"),
    "usage-absurd": Fault("whole", usage="absurd"),
    "sse-cut-event": Fault("broken", act=_stream_cut(_within_event), streams_only=True),
    "sse-cut-utf8": Fault("broken", act=_stream_cut(_within_character), streams_only=True),
    "sse-error": Fault("broken", act=_stream_cut(_error_event), streams_only=True),
    "sse-duplicates": Fault("whole", change=_twice, streams_only=True),
    "sse-unknown": Fault("whole", change=_strangers, streams_only=True),
}


def error_answer(
    name: str, fault: Fault, told: dict[str, str], refusal: dict[str, str]
) -> web.Response:
    """Write the error status that a fault is."""
    assert fault.status is not None
    status, code, kind = fault.status
    if name == "502":
        return web.Response(status=502, text=HTML, content_type="text/html", headers=told)
    if name == "redirect":
        return web.Response(status=status, headers=told | {"Location": ELSEWHERE})
    if name == "429-bare":
        return web.Response(status=429, text="")
    told = told | (refusal if status == 429 else {})
    return error_json(status, f"This is the fault {name}.", code, kind, told)


def error_json(
    status: int, message: str, code: str | None, kind: str, told: dict[str, str]
) -> web.Response:
    """Write OpenAI's error object."""
    body: dict[str, Any] = {"message": message, "type": kind, "param": None, "code": code}
    return web.json_response({"error": body}, status=status, headers=told)


def asked_by_name(model: str, number: int) -> str:
    """The fault that a model's name asks for the item's attempt number `number`.

    >>> asked_by_name("fault:502:2", 1), asked_by_name("fault:502:2", 2), asked_by_name("m", 0)
    ('502', '', '')
    """
    if not model.startswith("fault:"):
        return ""
    name, _, times = model.removeprefix("fault:").partition(":")
    return name if not times or number < int(times) else ""
