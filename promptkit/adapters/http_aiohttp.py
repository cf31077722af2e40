"""The HTTP client on aiohttp: behind proxies, and wherever httptools is not installed."""

from __future__ import annotations

import asyncio
import os
import ssl
import warnings
from contextlib import suppress
from io import BytesIO
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from promptkit.adapters.http_client import (
    CONNECT_TIMEOUT_S,
    DRAIN_TIMEOUT_S,
    KEEP_ALIVE_S,
    LARGEST_ANSWER,
    Answer,
    HttpSettings,
    Sink,
    bad_certificate,
    bad_coding,
    connect_timed_out,
    is_event_stream,
    lost_within,
    no_answer,
    no_connection,
    not_http,
    too_large,
    unsent,
)
from promptkit.adapters.http_dial import tls_context
from promptkit.adapters.http_headers import kept_headers
from promptkit.errors import CallError, ConnectionFailedError

_MOST_URLS: Final = 64
_LARGE: Final = 1024 * 1024


class AiohttpClient:
    """An HttpClient for one event loop."""

    def __init__(self, settings: HttpSettings) -> None:
        """Open a session; no connection yet."""
        self._process = os.getpid()
        self._host = urlsplit(settings.base_url).netloc
        self._proxy = URL(settings.proxy) if settings.proxy else None
        self._stream_headers: CIMultiDict[str] | None = None
        headers = CIMultiDict(settings.headers)
        headers["Accept-Encoding"] = "identity"
        self._headers = headers
        if settings.closes_streams:
            self._stream_headers = CIMultiDict(headers)
            self._stream_headers["Connection"] = "close"
        self._urls: dict[str, URL] = {}
        is_tls = settings.base_url.startswith("https:")
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=tls_context() if is_tls else True
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            # No total: the retry layer holds the deadline. A timeout for `connect` would cost a
            # timer per request; a proxy needs it, because its CONNECT comes after the socket's.
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=CONNECT_TIMEOUT_S if self._proxy else None,
                sock_connect=CONNECT_TIMEOUT_S,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            # Proxies are looked up once per adapter; netrc must not replace the key.
            trust_env=False,
        )

    async def post(self, url: str, payload: bytes, sink: Sink | None = None) -> Answer:
        """Send one request; see `HttpClient`."""
        address = self._urls.get(url) or self._address(url)
        headers = self._headers if sink is None else self._stream_headers or self._headers
        answer: aiohttp.ClientResponse | None = None
        failure: CallError
        try:
            answer = await self._session.post(
                address,
                # The library warns of large bytes, which would be written at once.
                data=payload if len(payload) < _LARGE else BytesIO(payload),
                headers=headers,
                allow_redirects=False,
                proxy=self._proxy,
            )
            if sink is not None:
                sink.headers = kept_headers(answer.headers)
                if is_event_stream(answer.status, answer.headers.get("Content-Type", "")):
                    await _read_stream(answer, sink)
                    return answer.status, sink.headers, None
            body = await _body(answer)
            if body is not None:
                return answer.status, kept_headers(answer.headers), body
            failure = too_large()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = _translate(error, self._host)
        finally:
            # A whole answer has given its connection back already; any other is closed with it.
            if answer is not None:
                answer.close()
        raise failure

    def _address(self, url: str) -> URL:
        if len(self._urls) >= _MOST_URLS:
            self._urls.clear()
        address = self._urls[url] = URL(url)
        return address

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()

    def abandon(self) -> None:
        """Drop the session without the library's complaint about it."""
        connector = self._session.connector
        self._session.detach()
        if connector is None:
            return
        with suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            if self._process == os.getpid():
                connector._close()  # noqa: SLF001 -- the public close() needs a running loop
            else:
                # After a fork the sockets are the parent's: were they closed here by their loop,
                # it would take them out of the poll that both processes share.
                connector._conns.clear()  # noqa: SLF001 -- what its destructor closes


async def _read_stream(answer: aiohttp.ClientResponse, sink: Sink) -> None:
    async for chunk in answer.content.iter_any():
        sink.feed(chunk)
        if sink.done:
            break
    else:
        return
    # Reading to the very end leaves the connection fit for the next request.
    with suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            async for _ in answer.content.iter_any():
                pass


async def _body(answer: aiohttp.ClientResponse) -> bytes | None:
    """Read a body; None when it is larger than an answer can be."""
    length = answer.content_length
    if length is not None and length <= LARGEST_ANSWER and not _is_packed(answer):
        return await answer.read()
    chunks = []
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > LARGEST_ANSWER:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _is_packed(answer: aiohttp.ClientResponse) -> bool:
    return "Content-Encoding" in answer.headers


def _translate(error: Exception, host: str) -> CallError:
    """Return our error for one of the client library's."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        inner = error.certificate_error
        why = getattr(inner, "verify_message", "") or type(inner).__name__
        return bad_certificate(host, why)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return _unreached(error, host)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return unsent(ConnectionFailedError(f"the proxy refused with HTTP {error.status}"))
    if isinstance(error, aiohttp.ClientResponseError):
        return bad_coding(host) if "content-encoding" in error.message else not_http(host)
    if isinstance(error, aiohttp.ClientPayloadError):
        is_coding = isinstance(error.__cause__, aiohttp.http_exceptions.ContentEncodingError)
        return bad_coding(host) if is_coding else lost_within(host)
    return no_answer(host)


def _unreached(
    error: aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError, host: str
) -> CallError:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return connect_timed_out(host)
    inner = error.os_error
    if isinstance(inner, ssl.SSLError):
        return no_connection(host, f"TLS: {inner.reason or 'it failed'}")
    return no_connection(host, error.strerror or type(inner).__name__)
