"""The hot path: OpenAI-compatible APIs over a lean HTTP client.

Rules: one client session per event loop; no retries and no overall deadline (the retry layer has
both); no redirects, because the key would go along; no error of the client library is ever
chained to ours, because it holds the request's headers.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from promptkit.adapters.address import address, key_header, masked, proxy_of, without_key
from promptkit.adapters.classify import (
    error_in_answer,
    error_of,
    kept_headers,
    unreadable,
    unsent,
)
from promptkit.adapters.dialect import (
    ConstraintSupport,
    checked_base_url,
    dialect_of,
    endpoint_name,
    is_azure,
)
from promptkit.adapters.loops import PerLoop
from promptkit.adapters.streaming import LARGEST_ANSWER, StreamedAnswer, too_large
from promptkit.adapters.wire import can_stream, decode, encode
from promptkit.errors import CallError, ConnectionFailedError, ProtocolError
from promptkit.request import Request
from promptkit.response import Response
from promptkit.secret import Secret
from promptkit.transport import OnText

if TYPE_CHECKING:
    import aiohttp

_CONNECT_TIMEOUT_S: Final = 10.0
_KEEP_ALIVE_S: Final = 4.0
"""Below the five seconds after which common servers close an idle connection: a request sent on a
connection that is just being closed is lost, and nobody knows whether it was worked on."""

_DRAIN_TIMEOUT_S: Final = 0.25
"""How long to wait for the last bytes after the end of an answer, to keep the connection."""

_OK: Final = 200
_FIRST_ERROR: Final = 300


class HttpAdapter:
    """A Transport to one OpenAI-compatible endpoint. Safe to use from several event loops.

    Attributes:
        endpoint: Who answers, for a request's key: address, organisation, project.
        concurrency: How many requests it is good for at once.
        dialect: What the endpoint understands.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: Secret | None = None,
        organization: str | None = None,
        project: str | None = None,
        api_version: str | None = None,
        constraints: ConstraintSupport | None = None,
        concurrency: int = 64,
    ) -> None:
        """Prepare; nothing is opened before the first request.

        Args:
            base_url: Such as https://api.openai.com/v1, or Azure's resource address.
            api_key: None for servers that want none.
            organization: OpenAI's organisation id.
            project: OpenAI's project id.
            api_version: Azure's dated API; None for its v1 API and for everyone else.
            constraints: How the endpoint is held to constraints; None to tell by its host.
            concurrency: How many requests to have under way at once.

        Raises:
            OptionError: For an address that is none.
            AuthenticationError: For a key that cannot be sent.
        """
        url = checked_base_url(base_url)
        self.endpoint = endpoint_name(url, organization, project, api_version)
        self.concurrency = concurrency
        self.dialect = dialect_of(url, constraints)
        self._url = url
        self._api_version = api_version
        self._key = api_key
        self._proxy = proxy_of(url)
        self._headers = {"Content-Type": "application/json", "User-Agent": "promptkit"}
        if api_key is not None:
            azure = api_version is not None or is_azure(url)
            self._headers |= key_header(api_key, azure=azure)
        if organization:
            self._headers["OpenAI-Organization"] = organization
        if project:
            self._headers["OpenAI-Project"] = project
        # llama.cpp closes the connection after a stream without saying so.
        closes = self.dialect.constraints == "grammar"
        self._stream_headers = self._headers | ({"Connection": "close"} if closes else {})
        self._sessions = PerLoop(_open_session, _close_session, _abandon_session)

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Ask once.

        Raises:
            CallError: One of its kinds.
            OptionError: For an option the API has no field for.
        """
        streamed = (
            StreamedAnswer(request, self.dialect, on_text)
            if on_text is not None and can_stream(request)
            else None
        )
        path, body = encode(request, self.dialect, stream=streamed is not None)
        started = time.monotonic()
        url = address(self._url, path, request.model, self._api_version)
        try:
            outcome = await self._attempt(request, url, body, streamed)
        except CallError as error:
            outcome = error
        outcome = masked(outcome, self._key)
        # Raised here and not where it was caught: so nothing of the client library is chained.
        if isinstance(outcome, CallError):
            raise outcome
        return outcome.with_log(latency_s=time.monotonic() - started)

    async def _attempt(
        self,
        request: Request,
        url: str,
        body: Mapping[str, Any],
        streamed: StreamedAnswer | None,
    ) -> Response | CallError:
        """Send one request; what the client library raises comes back as one of our errors."""
        import aiohttp

        payload = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        try:
            async with (await self._sessions.here()).post(
                url,
                data=payload.encode("utf-8", "replace"),
                headers=self._headers if streamed is None else self._stream_headers,
                allow_redirects=False,
                proxy=self._proxy,
            ) as answer:
                if streamed is not None and _is_event_stream(answer):
                    return await _read_stream(answer, streamed)
                whole = await self._read(request, answer)
                if streamed is not None and isinstance(whole, Response) and whole.text:
                    streamed.hand_on(whole.text)
                return whole
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = _translate(error, self._url)
        return streamed.broken(failure) if streamed else failure

    async def _read(self, request: Request, answer: aiohttp.ClientResponse) -> Response | CallError:
        """Read an answer that comes whole."""
        raw = await _bounded_body(answer)
        headers = kept_headers(answer.headers)
        if raw is None:
            return too_large()
        raw = without_key(raw, self._key)
        if answer.status >= _FIRST_ERROR:
            return error_of(request, answer.status, raw, headers)
        try:
            data = json.loads(raw)
        except (ValueError, RecursionError):
            return unreadable(request, raw, headers)
        if isinstance(data, Mapping):
            reported = error_in_answer(request, data, headers)
            if reported is not None:
                return reported
        return decode(request, data, self.dialect, headers)

    async def aclose(self) -> None:
        """Close the running loop's connections; those of other loops close with their loops."""
        await self._sessions.aclose()

    def __repr__(self) -> str:
        """Show the endpoint; never the key."""
        return f"HttpAdapter({self.endpoint})"


# -- sessions -------------------------------------------------------------------------------


def _open_session() -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
        # No total: the retry layer holds the deadline.
        timeout=aiohttp.ClientTimeout(
            total=None, connect=_CONNECT_TIMEOUT_S, sock_connect=_CONNECT_TIMEOUT_S
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        # Proxies are looked up once per adapter; netrc must not replace the key.
        trust_env=False,
    )


async def _close_session(session: aiohttp.ClientSession) -> None:
    await session.close()


def _abandon_session(session: aiohttp.ClientSession) -> None:
    """Drop a session whose loop is gone, without the library's complaint about it."""
    connector = session.connector
    session.detach()
    if connector is not None:
        with suppress(Exception):  # its loop is gone; there is nothing to wait for
            connector._close()  # noqa: SLF001 -- the public close() needs a running loop


# -- reading --------------------------------------------------------------------------------


def _is_event_stream(answer: aiohttp.ClientResponse) -> bool:
    """Whether the answer is a stream; a server that cannot stream sends plain JSON."""
    return answer.status == _OK and answer.content_type != "application/json"


async def _read_stream(
    answer: aiohttp.ClientResponse, streamed: StreamedAnswer
) -> Response | CallError:
    import aiohttp

    try:
        async for chunk in answer.content.iter_any():
            streamed.feed(chunk)
            if streamed.done:
                break
    except (aiohttp.ClientError, OSError):
        if not streamed.is_whole:
            raise
    else:
        # Reading to the very end leaves the connection fit for the next request.
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with asyncio.timeout(_DRAIN_TIMEOUT_S):
                async for _ in answer.content.iter_any():
                    pass
    return streamed.response(kept_headers(answer.headers))


async def _bounded_body(answer: aiohttp.ClientResponse) -> bytes | None:
    """Read a body; None when it is larger than an answer can be."""
    chunks = []
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > LARGEST_ANSWER:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _translate(error: Exception, url: str) -> CallError:
    """Return our error for one of the client library's."""
    import aiohttp

    host = urlsplit(url).netloc
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            why = f"no answer within {_CONNECT_TIMEOUT_S:.0f} s"
        else:
            why = error.strerror or type(error.os_error).__name__
        hint = "is the address right, and is the server running?"
        return unsent(ConnectionFailedError(f"no connection to {host} ({why})", hint=hint))
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return unsent(ConnectionFailedError(f"the proxy refused with HTTP {error.status}"))
    if isinstance(error, aiohttp.ClientResponseError):
        return ProtocolError(f"{host} does not answer in HTTP")
    if isinstance(error, aiohttp.ClientPayloadError):
        return ConnectionFailedError(f"the connection to {host} was lost within the answer")
    return ConnectionFailedError(f"{host} closed the connection without an answer")
