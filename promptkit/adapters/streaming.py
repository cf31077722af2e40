"""Turning the bytes of a streamed answer into pieces of text and, at the end, a Response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from promptkit.adapters.classify import error_in_answer
from promptkit.adapters.dialect import Dialect
from promptkit.adapters.sse import EventParser
from promptkit.adapters.structured import is_wrapped
from promptkit.adapters.wire import decode, stream_reader
from promptkit.errors import (
    CallError,
    ConnectionFailedError,
    InterruptedStreamError,
    ProtocolError,
)
from promptkit.request import Request
from promptkit.response import NO_HEADERS, Response
from promptkit.transport import OnText

LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes. Far above any honest answer; below what would hurt the process."""


class StreamedAnswer:
    """Collects one stream. Feed it bytes until `done`, then take the `response`.

    An answer that is a choice wrapped in JSON is handed on at the end, unwrapped: so the pieces
    always join to the Response's text.

    Attributes:
        done: Whether the server has said that nothing more comes.
    """

    def __init__(self, request: Request, dialect: Dialect, on_text: OnText) -> None:
        """Begin with nothing."""
        self.done = False
        self._request = request
        self._dialect = dialect
        self._on_text = on_text
        self._holds_back = is_wrapped(request, dialect)
        self._events = EventParser()
        self._reader = stream_reader(request)
        self._handed_on: list[str] = []
        self._size = 0

    @property
    def is_whole(self) -> bool:
        """Whether the answer is complete, even if the connection breaks now."""
        return self._reader.finished

    @property
    def text(self) -> str:
        """The text handed on so far."""
        return "".join(self._handed_on)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes and hand on the text in them.

        Raises:
            CallError: When the stream reports an error or cannot be read; an
                InterruptedStreamError once text has been handed on.
        """
        self._size += len(chunk)
        if self._size > LARGEST_ANSWER:
            raise self.broken(too_large())
        for event in self._events.feed(chunk):
            if event.data.strip() == "[DONE]":
                self.done = True
            elif not self.done:
                self._take(event.data)

    def _take(self, text: str) -> None:
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, Mapping):
            raise self.broken(ProtocolError("an event of the stream is no JSON object"))
        error = error_in_answer(self._request, data)
        if error is not None:
            raise self.broken(error)
        piece = self._reader.feed(data)
        if piece and not self._holds_back:
            self.hand_on(piece)
        if self._request.api == "responses" and self._reader.finished:
            self.done = True

    def hand_on(self, piece: str) -> None:
        """Hand on a piece of text and remember it."""
        self._handed_on.append(piece)
        self._on_text(piece)

    def broken(self, error: CallError) -> CallError:
        """Return the error for a stream that ends in `error`: what was shown is not asked again."""
        if not self._handed_on:
            return error
        msg = f"the stream broke after {len(self.text):,} characters: {error.message}"
        return InterruptedStreamError(msg, text=self.text, hint="`text` holds what came")

    def response(self, headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """Return the whole answer.

        Raises:
            CallError: When the stream ended before the answer did.
        """
        if not (self._reader.finished or self.done):
            raise self.broken(ConnectionFailedError("the stream ended before the answer did"))
        try:
            response = decode(self._request, self._reader.body(), self._dialect, headers)
        except ProtocolError as error:
            failure = self.broken(error)
        else:
            if response.text and not self._handed_on:
                self.hand_on(response.text)
            return response
        raise failure


def too_large() -> ProtocolError:
    """Return the error for an answer past the bound."""
    return ProtocolError(f"the answer is larger than {LARGEST_ANSWER // 1024**2} MiB")
