"""How /files and /batches are reached: a request goes out, a reply comes back, whatever its status.

The rules of the adapters that answer questions hold here too: no redirects, no retries, no error
of the client library chained to ours, no key in what is returned.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from promptkit.adapters.address import EchoMask, address, key_header, mask_of, proxy_of
from promptkit.adapters.dialect import checked_base_url, endpoint_name, is_azure
from promptkit.adapters.http_client import bad_certificate, no_answer, no_connection
from promptkit.adapters.http_headers import kept_headers
from promptkit.errors import CallError, ConnectionFailedError
from promptkit.response import NO_HEADERS
from promptkit.secret import Secret

_CONNECT_TIMEOUT_S: Final = 10.0
_SILENCE_S: Final = 300.0
"""How long the server may say nothing, in seconds: it checks a whole file before it answers."""

_LONGEST_LINE: Final = 64 << 20
"""Bytes of one line of output; what is longer is no answer."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send: its name and its bytes."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the HTTP status, the whole body, and the headers that are kept."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)


class Sender(Protocol):
    """Sends one request to an endpoint.

    Attributes:
        endpoint: Who answers: address, organisation, project. Never a key.
        azure: Whether it is Azure's service.
    """

    endpoint: str
    azure: bool

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        fields: Mapping[str, Any] | None = None,
        upload: Upload | None = None,
    ) -> Reply:
        """Send and return the reply, whatever its status.

        Raises:
            CallError: When there is none.
        """
        ...

    def lines(self, path: str) -> AsyncIterator[Reply | bytes]:
        """Yield the lines of a file as they come; a Reply in their place says why not.

        Raises:
            CallError: When the connection is lost.
        """
        ...


class HttpSender:
    """Sends with a key, over a connection of its own for each request: they are few."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: Secret | None = None,
        organization: str | None = None,
        project: str | None = None,
        api_version: str | None = None,
    ) -> None:
        """Prepare; the arguments are those of `HttpAdapter`."""
        self._url = checked_base_url(base_url)
        self.endpoint = endpoint_name(self._url, organization, project, api_version)
        self.azure = api_version is not None or is_azure(self._url)
        self._api_version = api_version
        self._mask = mask_of(api_key)
        self._proxy = proxy_of(self._url)
        self._headers = {"User-Agent": "promptkit"}
        if api_key is not None:
            self._headers |= key_header(api_key, azure=self.azure)
        if organization:
            self._headers["OpenAI-Organization"] = organization
        if project:
            self._headers["OpenAI-Project"] = project

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        fields: Mapping[str, Any] | None = None,
        upload: Upload | None = None,
    ) -> Reply:
        """Send and return the reply; see `Sender`."""
        import aiohttp

        body: dict[str, Any] = {}
        if upload is not None:
            form = aiohttp.FormData(dict(fields or {}))
            # From memory, but as a stream: the library would hold up the loop with one piece.
            form.add_field("file", io.BytesIO(upload.data), filename=upload.name)
            body = {"data": form}
        elif fields is not None:
            body = {"json": fields}
        try:
            async with self._request(method, path, params=query, **body) as answer:
                raw = await answer.read()
                return self._reply(answer.status, raw, answer.headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = self._failure(error)
        raise failure

    async def lines(self, path: str) -> AsyncIterator[Reply | bytes]:
        """Yield the lines of a file; see `Sender`."""
        import aiohttp

        try:
            async with self._request("GET", path) as answer:
                if answer.status != 200:  # noqa: PLR2004 -- OK
                    yield self._reply(answer.status, await answer.read(), answer.headers)
                    return
                async for line in cut_lines(answer.content.iter_any()):
                    yield line if self._mask is None else self._mask.on_bytes(line)
                return
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = self._failure(error)
        raise failure

    @asynccontextmanager
    async def _request(self, method: str, path: str, **more: Any) -> AsyncIterator[Any]:
        import aiohttp

        timeout = aiohttp.ClientTimeout(
            total=None,
            connect=_CONNECT_TIMEOUT_S,
            sock_connect=_CONNECT_TIMEOUT_S,
            sock_read=_SILENCE_S,
        )
        url = address(self._url, path, "", self._api_version)
        jar = aiohttp.DummyCookieJar()
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=jar, trust_env=False) as session,
            session.request(
                method,
                url,
                headers=self._headers,
                allow_redirects=False,
                proxy=self._proxy,
                **more,
            ) as answer,
        ):
            yield answer

    def _reply(self, status: int, raw: bytes, headers: Mapping[str, str]) -> Reply:
        return reply_of(status, raw, headers, self._mask)

    def _failure(self, error: Exception) -> CallError:
        import aiohttp

        host = self._url.partition("//")[2].partition("/")[0]
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return bad_certificate(host, type(error.certificate_error).__name__)
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return no_connection(host, type(error).__name__)
        return no_answer(host)

    def __repr__(self) -> str:
        """Show the endpoint; never the key."""
        return f"HttpSender({self.endpoint})"


def reply_of(status: int, raw: bytes, headers: Mapping[str, str], mask: EchoMask | None) -> Reply:
    """Return a reply of which nothing shows the key."""
    kept: Mapping[str, str] = kept_headers(headers)
    if mask is None:
        return Reply(status, raw, kept)
    return Reply(status, mask.on_bytes(raw), mask.on_headers(kept))


async def cut_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the lines in a stream of bytes; a line feed alone ends one, as JSONL has it."""
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        if b"\n" not in chunk:
            if len(held) > _LONGEST_LINE:
                raise ConnectionFailedError("a line of the batch's output has no end")
            continue
        *whole, rest = bytes(held).split(b"\n")
        held = bytearray(rest)
        for line in whole:
            if line.strip():
                yield line
    if held.strip():
        yield bytes(held)
