"""One connection of the fast client: writes a request, and reads its answer with httptools.

All work is done in the callbacks of the event loop, without a task or a timer of its own: an
answer that comes in one piece wakes its caller once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade

from promptkit.adapters.http_client import (
    DRAIN_TIMEOUT_S,
    LARGEST_ANSWER,
    Answer,
    Sink,
    bad_coding,
    lost_within,
    no_answer,
    not_http,
    too_large,
)
from promptkit.adapters.http_reader import AnswerReader

_LARGEST_HEAD: Final = 64 * 1024
"""Bytes of status line and headers; the limit of common servers is 8 to 32 KiB."""


class MaskedBytes(bytes):
    """Bytes that go out whole and are not shown: the head of a request holds the key."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show how long they are."""
        return f"<{len(self)} bytes>"

    __str__ = __repr__


class Connection(AnswerReader, asyncio.Protocol):
    """A connection that carries one exchange at a time.

    Attributes:
        is_closed: Whether it is gone.
        idle_since: When it went back to the pool, in the loop's time.
    """

    __slots__ = (
        "_drain",
        "_host",
        "_loop",
        "_on_closed",
        "_transport",
        "_waiter",
        "idle_since",
        "is_closed",
    )

    def __init__(
        self,
        host: str,
        on_closed: Callable[[Connection], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Prepare for a transport; `on_closed` is called with this connection at its end."""
        super().__init__()
        self._host = host
        self._on_closed = on_closed
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._drain: asyncio.TimerHandle | None = None
        self.is_closed = False
        self.idle_since = 0.0

    # -- what the pool calls ----------------------------------------------------------------

    def send(
        self, head: bytes, payload: bytes, sink: Sink | None, *, is_last: bool
    ) -> asyncio.Future[None]:
        """Write a request; the future ends with its answer.

        Args:
            head: Request line and headers, all but the length.
            payload: The body.
            sink: Takes a streamed answer.
            is_last: Whether the connection is not to be used again.
        """
        self._begin(sink, is_last=is_last)
        waiter = self._waiter = self._loop.create_future()
        transport = cast("asyncio.Transport", self._transport)
        transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(payload), payload))
        return waiter

    def answer(self) -> Answer:
        """Return the answer, once it is whole."""
        if self._streams:
            return self._status, cast("Sink", self._sink).headers, None
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return self._status, self._kept(), body

    def abort(self) -> None:
        """Close at once; a server that is still working learns of it."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    def abandon(self) -> None:
        """Close the socket of a loop that will not run again."""
        self.is_closed = True
        transport, self._transport, self._parser = self._transport, None, None
        with suppress(Exception):  # its loop is gone; there is nothing to wait for
            cast("asyncio.Transport", transport).abort()

    def is_quiet(self) -> bool:
        """Whether all that was to be sent is sent."""
        return self._transport is not None and not self._transport.get_write_buffer_size()

    def file_number(self) -> int:
        """Return the socket's number; -1 when it is closed."""
        transport = self._transport
        plug = transport.get_extra_info("socket") if transport is not None else None
        return plug.fileno() if plug is not None else -1

    # -- what the event loop calls ----------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read the next bytes."""
        if self._waiter is None or self._parser is None or self._is_complete:
            self.abort()  # an answer to nothing: whatever it is, it is not the next one's
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.is_reusable = False
            if not self._is_complete:
                self._fail_with(not_http(self._host))
                return
        if not self._head_is_over:
            self._head_size += len(data)
            if self._head_size > _LARGEST_HEAD:
                self._fail_with(not_http(self._host))
            return
        if self._size > LARGEST_ANSWER:
            self._fail_with(too_large())
            return
        self._take()

    def eof_received(self) -> bool:
        """Take the end of the connection for the end of an answer that names no length."""
        framed = "content-length" in self._control or "transfer-encoding" in self._control
        if self._waiter is not None and self._head_is_over and not framed:
            self._is_complete = True
            self._take()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits; why it was lost makes no difference."""
        del exc
        self.is_closed = True
        self._fail(lost_within(self._host) if self._head_is_over else no_answer(self._host))
        self._transport = None
        self._parser = None  # it holds this object, which holds it
        self._on_closed(self)

    # -- within -----------------------------------------------------------------------------

    def _take(self) -> None:
        """Hand on what came; wake the caller when it is all."""
        if self._chunks and (self._streams or (self._is_complete and self._inflater is not None)):
            failure = self._hand_on()
            if failure is not None:
                self._fail_with(failure)
                return
        if self._is_complete:
            if self._inflater is not None and not self._inflater.is_whole:
                self._fail_with(lost_within(self._host))
            else:
                self._wake()
        elif self._streams and self._drain is None and cast("Sink", self._sink).done:
            self._drain = self._loop.call_later(DRAIN_TIMEOUT_S, self._wake)

    def _hand_on(self) -> Exception | None:
        """Unpack what came, and feed it to the sink of a stream; return what went wrong."""
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        try:
            if self._inflater is not None:
                data = self._inflater.feed(data)
                if self._inflater.is_past_bound:
                    return too_large()
        except ValueError:
            return bad_coding(self._host)
        if not self._streams:
            self._chunks = [data]
            return None
        self._chunks = []
        try:
            cast("Sink", self._sink).feed(data)
        except Exception as error:  # noqa: BLE001 -- it goes to the caller as it is
            return error
        return None

    def _wake(self) -> None:
        waiter = self._waiter
        self._rest()
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fail_with(self, error: Exception) -> None:
        self.abort()
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        waiter = self._waiter
        self._rest()
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)

    def _rest(self) -> None:
        self._waiter = None
        if self._drain is not None:
            self._drain.cancel()
            self._drain = None
