"""Turning the bytes of a streamed answer into pieces of text and, at the end, a Response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from promptkit.adapters.address import EchoMask
from promptkit.adapters.classify import error_in_answer
from promptkit.adapters.dialect import Dialect
from promptkit.adapters.http_client import LARGEST_ANSWER, too_large
from promptkit.adapters.sse import EventParser
from promptkit.adapters.structured import is_wrapped
from promptkit.adapters.wire import NO_LOG, decode, stream_reader
from promptkit.adapters.wire_bytes import loads
from promptkit.adapters.wire_usage import parse_usage
from promptkit.errors import (
    CallError,
    ConnectionFailedError,
    InterruptedStreamError,
    ProtocolError,
)
from promptkit.request import Request
from promptkit.response import CallLog, Response
from promptkit.transport import OnText


class StreamedAnswer:
    """Collects one stream. Feed it bytes until `done`, then take the `response`.

    An answer that is a choice wrapped in JSON is handed on at the end, unwrapped: so the pieces
    always join to the Response's text.

    Attributes:
        done: Whether the server has said that nothing more comes.
        headers: The answer's kept headers.
    """

    def __init__(
        self, request: Request, dialect: Dialect, on_text: OnText, mask: EchoMask | None = None
    ) -> None:
        """Begin with nothing; `mask` takes out the key where the server echoes it."""
        self.done = False
        self.headers: dict[str, str] = {}
        self._request = request
        self._dialect = dialect
        self._on_text = on_text
        self._holds_back = is_wrapped(request, dialect)
        self._events = EventParser()
        self._reader = stream_reader(request)
        self._handed_on: list[str] = []
        self._mask = mask
        self._pieces = None if mask is None else mask.in_pieces()
        self._size = 0

    @property
    def text(self) -> str:
        """The text handed on so far."""
        return "".join(self._handed_on)

    def feed(self, chunk: bytes, /) -> None:
        """Take the next bytes and hand on the text in them.

        Raises:
            CallError: When the stream reports an error or cannot be read.
        """
        self._size += len(chunk)
        if self._size > LARGEST_ANSWER:
            raise too_large()
        for data, kind in self._events.feed(chunk):
            if self.done:
                break
            if data == b"[DONE]" or data.strip() == b"[DONE]":
                self.done = True
            else:
                self._take(data, kind)

    def _take(self, raw: bytes, kind: str) -> None:
        event = _json(raw)
        if not isinstance(event, dict):
            if kind not in _OWN_KINDS and not kind.startswith("response."):
                return  # an event of some other kind, such as a gateway's heartbeat
            raise ProtocolError("an event of the stream is no JSON object")
        if "error" in event or event.get("type") in _FAILURES:
            error = error_in_answer(self._request, event, self.headers)
            if error is not None:
                raise error
        piece = self._reader.feed(event)
        if piece and not self._holds_back:
            if self._pieces is not None:
                piece = self._pieces.feed(piece)
            if piece:
                self.hand_on(piece)
        if self._reader.ends_stream:
            self.done = True

    def hand_on(self, piece: str) -> None:
        """Hand on a piece of text and remember it."""
        self._handed_on.append(piece)
        self._on_text(piece)

    def ended_in(self, error: CallError) -> Response | CallError:
        """Return what a stream that ends in `error` means.

        An answer that was whole before the connection broke is an answer. What was shown in part
        is not asked again: the error holds the text, and an estimate of what it costs.
        """
        if isinstance(error, ConnectionFailedError) and self._reader.finished:
            try:
                return self.response(self.headers)
            except CallError as unreadable:
                error = unreadable
        if self._pieces is not None and (rest := self._pieces.rest_of_break()):
            self.hand_on(rest)
        if not self._handed_on or isinstance(error, InterruptedStreamError):
            return error
        text = self.text
        broken = InterruptedStreamError(
            f"the stream broke after {len(text):,} characters: {error.message}",
            text=text,
            hint="`text` holds what came",
        )
        usage = parse_usage(self._reader.usage, self._request, self._reader.text)
        broken.input_tokens, broken.output_tokens = usage.input_tokens, usage.output_tokens
        broken.status, broken.headers = error.status, error.headers or self.headers
        broken.fault = error.fault
        return broken

    def response(self, headers: Mapping[str, str], log: CallLog = NO_LOG) -> Response:
        """Return the whole answer.

        Raises:
            CallError: When the stream ended before the answer did, or cannot be read.
        """
        if not (self._reader.finished or self.done):
            raise ConnectionFailedError("the stream ended before the answer did")
        response = decode(self._request, self._reader.body(), self._dialect, headers, log)
        if self._mask is not None and self._pieces is not None:
            response = self._mask.on_response(response)
            if rest := self._pieces.rest():
                self.hand_on(rest)
        if response.text and not self._handed_on:
            self.hand_on(response.text)
        return response


def _json(raw: bytes) -> object:
    """Read an event's data; None for what is no JSON."""
    try:
        return loads(raw)
    except (ValueError, RecursionError):
        pass
    try:  # a server that cuts characters in two loses these, not the answer
        return loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


_FAILURES: Final = ("error", "response.failed")
"""Types of the events that report an error."""

_OWN_KINDS: Final = ("", "message", "error")
"""Types of the events that must hold JSON."""
