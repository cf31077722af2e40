"""The hot path: OpenAI-compatible APIs over a lean HTTP client.

Which client: the own one on httptools where that is installed and the server is reached
directly; aiohttp everywhere else, and always behind a proxy.
"""

from __future__ import annotations

import time
from functools import partial
from importlib.util import find_spec
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from promptkit.adapters.address import EchoMask, key_header, mask_of, proxy_of
from promptkit.adapters.dialect import (
    ConstraintSupport,
    checked_base_url,
    dialect_of,
    endpoint_name,
    is_azure,
)
from promptkit.adapters.http_answer import OverHttp
from promptkit.adapters.http_client import HttpClient, HttpSettings
from promptkit.adapters.loops import PerLoop
from promptkit.adapters.streaming import StreamedAnswer
from promptkit.adapters.wire_bytes import BodyWriter
from promptkit.errors import CallError, MissingExtraError, OptionError
from promptkit.request import Request
from promptkit.response import Response
from promptkit.secret import Secret

ClientName = Literal["aiohttp", "httptools"]
_NAMES: Final = get_args(ClientName)


class HttpAdapter(OverHttp):
    """A Transport to one OpenAI-compatible endpoint. Safe to use from several event loops.

    Attributes:
        endpoint: Who answers, for a request's key: address, organisation, project.
        concurrency: How many requests it is good for at once.
        dialect: What the endpoint understands.
        client: Which HTTP client carries the requests.
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
        client: ClientName | None = None,
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
            client: Which HTTP client to use; None for the fastest that can.

        Raises:
            OptionError: For an address that is none, or a client that cannot be used here.
            MissingExtraError: For a client that is not installed.
            AuthenticationError: For a key that cannot be sent.
        """
        url = checked_base_url(base_url)
        _check_host(url)
        self.endpoint = endpoint_name(url, organization, project, api_version)
        self.concurrency = concurrency
        self.dialect = dialect_of(url, constraints)
        self._echo = mask_of(api_key)
        self._body = BodyWriter(url, api_version, self.dialect)
        headers = {"Content-Type": "application/json", "User-Agent": "promptkit"}
        if api_key is not None:
            headers |= key_header(api_key, azure=api_version is not None or is_azure(url))
        if organization:
            headers["OpenAI-Organization"] = _header_value("organization", organization)
        if project:
            headers["OpenAI-Project"] = _header_value("project", project)
        self._proxy = proxy_of(url)
        self.client = _client_name(client, self._proxy)
        self._settings = HttpSettings(
            url, headers, closes_streams=self.dialect.constraints == "grammar", proxy=self._proxy
        )
        self._clients: PerLoop[HttpClient] = PerLoop(
            partial(_open, self.client, self._settings), _close, _abandon
        )

    async def _attempt(
        self, request: Request, streamed: StreamedAnswer | None
    ) -> Response | CallError:
        url, payload = self._body(request, stream=streamed is not None)
        started = time.monotonic()
        client = self._clients.made_here() or await self._clients.here()
        answer = await client.post(url, payload, streamed)
        return self._read(request, answer, streamed, started)

    def _mask(self) -> EchoMask | None:
        return self._echo

    async def aclose(self) -> None:
        """Close the running loop's connections; those of other loops close with their loops."""
        await self._clients.aclose()


def _open(client: ClientName, settings: HttpSettings) -> HttpClient:
    if client == "httptools":
        from promptkit.adapters.http_fast import FastClient

        return FastClient(settings)
    from promptkit.adapters.http_aiohttp import AiohttpClient

    return AiohttpClient(settings)


async def _close(client: HttpClient) -> None:
    await client.aclose()


def _abandon(client: HttpClient) -> None:
    client.abandon()


def _check_host(url: str) -> None:
    """Refuse a host that no look-up takes, before a request runs into it."""
    host = urlsplit(url).hostname or ""
    try:
        host.encode("idna")
    except UnicodeError:
        hint = "write it like https://api.openai.com/v1"
        raise OptionError(f"base_url names the host {host!r}", hint=hint) from None


def _header_value(name: str, value: str) -> str:
    """Return a value that can stand in a header."""
    if not (value.isascii() and value.isprintable()):
        raise OptionError(f"{name}={value!r} cannot be sent", hint="copy the id again")
    return value


def _client_name(wanted: ClientName | None, proxy: str | None) -> ClientName:
    """Return the client to use."""
    is_fast_here = find_spec("httptools") is not None
    if wanted is None:
        return "httptools" if is_fast_here and proxy is None else "aiohttp"
    if wanted not in _NAMES:
        raise OptionError(f"client={wanted!r}", hint=f"one of {', '.join(_NAMES)}")
    if wanted == "httptools":
        if not is_fast_here:
            hint = "pip install httptools, or leave out client"
            raise MissingExtraError("httptools is not installed", hint=hint)
        if proxy is not None:
            raise OptionError("httptools does not go through a proxy", hint="leave out client")
    return wanted
