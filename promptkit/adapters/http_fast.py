"""The fast client: a pool of connections, each an own protocol on httptools.

It speaks HTTP/1.1 to one server that is reached directly; whatever lies behind a proxy goes
through aiohttp. It asks for bodies as they are: to unpack one costs more time than to receive it.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import ssl
import warnings
from collections import deque
from contextlib import suppress
from typing import Final
from urllib.parse import quote, urlsplit

from promptkit.adapters.http_client import (
    CONNECT_TIMEOUT_S,
    KEEP_ALIVE_S,
    Answer,
    HttpSettings,
    Sink,
    bad_certificate,
    connect_timed_out,
    no_connection,
)
from promptkit.adapters.http_connection import Connection, MaskedBytes
from promptkit.adapters.http_dial import Names, connect, tls_context
from promptkit.errors import ConnectionFailedError

_TRUSTED_S: Final = 0.05
"""A connection that was idle for longer is asked for its health before the next request."""

_GOODBYE_S: Final = 1.0
"""How long closing waits for the sockets to be gone."""

_MOST_HEADS: Final = 64
_IN_PATH: Final = "/%:@!$&'()*+,;=~-._?"


class FastClient:
    """An HttpClient for one event loop and one server."""

    def __init__(self, settings: HttpSettings) -> None:
        """Prepare for a running loop; nothing is opened before the first request."""
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._settings = settings
        parts = urlsplit(settings.base_url)
        self._host = (parts.hostname or "").encode("idna").decode()
        self._shown = parts.netloc
        self._tls = tls_context() if parts.scheme == "https" else None
        self._names = Names(self._host, parts.port or (443 if self._tls else 80))
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._all_gone: asyncio.Future[None] | None = None
        self._heads: dict[tuple[str, bool], MaskedBytes] = {}
        self._is_closed = False

    async def post(self, url: str, payload: bytes, sink: Sink | None = None) -> Answer:
        """Send one request; see `HttpClient`."""
        is_last = sink is not None and self._settings.closes_streams
        head = self._heads.get((url, is_last)) or self._head(url, is_last=is_last)
        connection = self._take_idle() or await self._connect()
        waiter = connection.send(head, payload, sink, is_last=is_last)
        try:
            await waiter
        except BaseException:
            connection.abort()  # so that the server stops working for nobody
            raise
        answer = connection.answer()
        is_fit = connection.is_reusable and not connection.is_closed and connection.is_quiet()
        if is_fit and not self._is_closed:
            self._put_back(connection)
        else:
            connection.abort()
        return answer

    def _head(self, url: str, *, is_last: bool) -> MaskedBytes:
        """Write request line and headers, all but the length."""
        parts = urlsplit(url)
        target = quote(parts.path, safe=_IN_PATH) or "/"
        if parts.query:
            target += "?" + quote(parts.query, safe=_IN_PATH)
        headers = {"Host": self._host_header(), "Accept": "*/*", "Accept-Encoding": "identity"}
        headers |= self._settings.headers
        if is_last:
            headers["Connection"] = "close"
        lines = [f"POST {target} HTTP/1.1", *(": ".join(pair) for pair in headers.items()), ""]
        head = MaskedBytes("\r\n".join(lines).encode("utf-8"))
        if len(self._heads) >= _MOST_HEADS:
            self._heads.clear()
        self._heads[url, is_last] = head
        return head

    def _host_header(self) -> str:
        parts = urlsplit(self._settings.base_url)
        host = f"[{self._host}]" if ":" in self._host else self._host
        return host if parts.port is None else f"{host}:{parts.port}"

    # -- the pool ---------------------------------------------------------------------------

    def _take_idle(self) -> Connection | None:
        """Return the connection used last, which is the least likely to be stale."""
        idle = self._idle
        now = self._loop.time() if idle else 0.0
        while idle:
            connection = idle.pop()
            if connection.is_closed:
                continue
            age = now - connection.idle_since
            if age < _TRUSTED_S or (age < KEEP_ALIVE_S and not _has_news(connection)):
                return connection
            connection.abort()
        return None

    def _put_back(self, connection: Connection) -> None:
        connection.idle_since = self._loop.time()
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(KEEP_ALIVE_S, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for too long: one timer for all connections."""
        self._sweeper = None
        idle = self._idle
        oldest = self._loop.time() - KEEP_ALIVE_S
        while idle and (idle[0].is_closed or idle[0].idle_since <= oldest):
            idle.popleft().abort()
        if idle:
            wait = max(0.1, idle[0].idle_since - oldest)
            self._sweeper = self._loop.call_later(wait, self._sweep)

    def _on_closed(self, connection: Connection) -> None:
        self._open.discard(connection)
        if self._all_gone is not None and not self._open and not self._all_gone.done():
            self._all_gone.set_result(None)

    # -- opening and closing ----------------------------------------------------------------

    async def _connect(self) -> Connection:
        """Open a connection.

        Raises:
            ConnectionFailedError: When there is none; nothing was sent then.
        """
        failure: ConnectionFailedError
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                connection = await self._connected()
        except ssl.SSLCertVerificationError as error:
            failure = bad_certificate(self._shown, error.verify_message)
        except ssl.SSLError as error:
            failure = no_connection(self._shown, f"TLS: {error.reason or 'it failed'}")
        except TimeoutError:
            failure = connect_timed_out(self._shown)
        except OSError as error:
            self._names.forget()
            failure = no_connection(self._shown, _why(error))
        else:
            if not self._is_closed:
                return connection
            connection.abort()
            failure = no_connection(self._shown, "the session was closed")
        raise failure

    async def _connected(self) -> Connection:
        plug = await connect(await self._names.addresses())
        connection = Connection(self._shown, self._on_closed, self._loop)
        try:
            await self._loop.create_connection(
                lambda: connection,
                sock=plug,
                ssl=self._tls,
                server_hostname=self._host if self._tls else None,
            )
        except BaseException:
            plug.close()
            raise
        self._open.add(connection)
        return connection

    async def aclose(self) -> None:
        """Close all connections and wait until their sockets are gone; open no further ones."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        for connection in list(self._open):
            connection.abort()
        if self._open:
            self._all_gone = self._loop.create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await self._all_gone
            self._all_gone = None

    def abandon(self) -> None:
        """Drop all connections without a word: their loop is gone, or runs in another process."""
        connections = list(self._open)
        self._open.clear()
        self._idle.clear()
        if self._process != os.getpid():
            # After a fork the sockets are the parent's: to close one here by its loop would also
            # take it out of the poll that both processes share.
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            for connection in connections:
                connection.abandon()


def _has_news(connection: Connection) -> bool:
    """Whether an idle connection was closed by the server, or has bytes that nobody asked for."""
    number = connection.file_number()
    if number < 0:
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([number], (), (), 0)[0])


def _why(error: OSError) -> str:
    """Say in words why a connection failed."""
    if isinstance(error, socket.gaierror):
        return "the name is not known"
    return os.strerror(error.errno) if error.errno else type(error).__name__
