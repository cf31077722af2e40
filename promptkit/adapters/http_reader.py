"""Reading one answer after the other with httptools: the callbacks of its parser."""

from __future__ import annotations

from typing import Final

from httptools import HttpResponseParser

from promptkit.adapters.http_client import LARGEST_ANSWER, Sink, is_event_stream
from promptkit.adapters.http_coding import Inflater, is_plain
from promptkit.adapters.http_headers import kept_name

_FIRST_FINAL: Final = 200
_CONTROL: Final = (
    "content-encoding",
    "content-length",
    "content-type",
    "transfer-encoding",
)
_MOST_NAMES: Final = 1024
_names: Final[dict[bytes, str]] = {}
"""From a header's name as it came to its lower-case name; empty for one that nobody needs."""


class AnswerReader:
    """Holds what has come of one answer.

    Attributes:
        is_reusable: Whether the next request may go over the connection.
    """

    __slots__ = (
        "_chunks",
        "_control",
        "_fields",
        "_head_is_over",
        "_head_size",
        "_inflater",
        "_is_complete",
        "_is_last",
        "_parser",
        "_sink",
        "_size",
        "_status",
        "_streams",
        "is_reusable",
    )

    def __init__(self) -> None:
        """Begin with a parser of its own."""
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._begin(None, is_last=False)

    def _begin(self, sink: Sink | None, *, is_last: bool) -> None:
        self._sink = sink
        self._is_last = is_last
        self._status = 0
        self._fields: dict[str, bytes] = {}
        self._control: dict[str, bytes] = {}
        self._chunks: list[bytes] = []
        self._size = 0
        self._head_size = 0
        self._head_is_over = False
        self._streams = False
        self._inflater: Inflater | None = None
        self._is_complete = False
        self.is_reusable = False

    def on_message_begin(self) -> None:
        """Notice a second answer to one request."""
        if self._is_complete:
            self.is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header that somebody needs."""
        known = _names.get(name)
        if known is None:
            known = _learn(name)
        if known and not self._head_is_over:
            fields = self._control if known in _CONTROL else self._fields
            fields[known] = value

    def on_headers_complete(self) -> None:
        """Read the status, and how the body comes."""
        status = self._parser.get_status_code() if self._parser is not None else 0
        if status < _FIRST_FINAL or self._is_complete:
            return
        self._status = status
        self._head_is_over = True
        if "content-encoding" in self._control:
            coding = self._control["content-encoding"].decode("latin-1")
            self._inflater = None if is_plain(coding) else Inflater(LARGEST_ANSWER, coding)
        if self._sink is not None:
            kind = self._control.get("content-type", b"").decode("latin-1")
            self._streams = is_event_stream(status, kind)
            self._sink.headers = self._kept()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if not self._is_complete:
            self._size += len(body)
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Note the end of the answer, or forget the headers of an interim one."""
        if not self._head_is_over:
            self._fields.clear()
            self._control.clear()
        elif not self._is_complete:
            self._is_complete = True
            keeps = self._parser is not None and self._parser.should_keep_alive()
            self.is_reusable = keeps and not self._is_last

    def _kept(self) -> dict[str, str]:
        return {name: value.decode("latin-1") for name, value in self._fields.items()}


def _learn(name: bytes) -> str:
    """Return a header's lower-case name, empty when nobody needs it; remember that."""
    text = name.decode("latin-1")
    lower = text.lower()
    known = lower if lower in _CONTROL else kept_name(text)
    if len(_names) < _MOST_NAMES:
        _names[name] = known
    return known
