"""Any AsyncOpenAI or AsyncAzureOpenAI client that the user already has.

The client keeps its address, key, proxies and hooks. Only its retries are switched off, because
promptkit has its own. Bodies and answers are written and read by `wire`, as for `HttpAdapter`.
Errors of the SDK are never chained to ours: they hold the request's headers.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
import weakref
from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from promptkit.adapters.address import EchoMask, mask_of
from promptkit.adapters.classify import error_of
from promptkit.adapters.dialect import ConstraintSupport, dialect_of, endpoint_name
from promptkit.adapters.http_answer import OverHttp
from promptkit.adapters.http_client import is_event_stream, unsent
from promptkit.adapters.http_headers import kept_headers
from promptkit.adapters.loops import PerLoop
from promptkit.adapters.streaming import StreamedAnswer
from promptkit.adapters.wire import encode
from promptkit.errors import (
    AuthenticationError,
    CallError,
    ConnectionFailedError,
    DeadlineError,
    ProtocolError,
)
from promptkit.request import Api, Request
from promptkit.response import Response
from promptkit.secret import Secret

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_OK: Final = 200
_RESOURCES: Final[Mapping[Api, str]] = {
    "chat": "chat.completions",
    "responses": "responses",
    "completions": "completions",
    "embeddings": "embeddings",
    "moderations": "moderations",
}


def is_client(candidate: object) -> bool:
    """Whether an object is an asynchronous OpenAI client; the SDK is not imported to tell.

    >>> is_client("https://api.openai.com/v1")
    False
    """
    sdk = sys.modules.get("openai")
    return sdk is not None and isinstance(candidate, sdk.AsyncOpenAI)


class OpenAIAdapter(OverHttp):
    """A Transport through an OpenAI SDK client.

    Attributes:
        endpoint: Who answers, for a request's key: address, organisation, project.
        concurrency: How many requests it is good for at once.
        dialect: What the endpoint understands.
    """

    def __init__(
        self,
        client: AsyncOpenAI,
        *,
        constraints: ConstraintSupport | None = None,
        concurrency: int = 64,
    ) -> None:
        """Take over the client's settings; the client itself stays as it is, and stays open.

        Args:
            client: An AsyncOpenAI or AsyncAzureOpenAI.
            constraints: How the endpoint is held to constraints; None to tell by its host.
            concurrency: How many requests to have under way at once.
        """
        self._client = client.with_options(max_retries=0)
        self._home: weakref.ref[asyncio.AbstractEventLoop] | None = None
        self._elsewhere = PerLoop(self._copy, _close_client, lambda _: None)
        url = str(client.base_url).rstrip("/")
        version = getattr(client, "_api_version", None)
        self.endpoint = endpoint_name(url, client.organization, client.project, version)
        self.dialect = dialect_of(url, constraints)
        self.concurrency = concurrency
        self._host = urlsplit(url).netloc

    async def _attempt(
        self, request: Request, streamed: StreamedAnswer | None
    ) -> Response | CallError:
        import httpx2
        import openai

        _, body = encode(request, self.dialect, stream=streamed is not None)
        started = time.monotonic()
        resource: Any = await self._client_here()
        for name in _RESOURCES[request.api].split("."):
            resource = getattr(resource, name)
        arguments = _arguments(resource, body)
        try:
            if streamed is None:
                answer = await resource.with_raw_response.create(**arguments)
                whole = (_OK, kept_headers(answer.headers), answer.content)
            else:
                async with resource.with_streaming_response.create(**arguments) as answer:
                    whole = await _read_stream(answer, streamed)
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            return self._translate(request, error)
        return self._read(request, whole, streamed, started)

    async def _client_here(self) -> AsyncOpenAI:
        """Return the client; in a further event loop a copy, whose connections are that loop's.

        A client around an HTTP client of the user's own is never copied.
        """
        loop = asyncio.get_running_loop()
        if self._home is None:
            self._home = weakref.ref(loop)
        is_own = type(self._client._client).__name__ != "AsyncHttpxClientWrapper"  # noqa: SLF001
        return self._client if is_own or self._home() is loop else await self._elsewhere.here()

    def _copy(self) -> AsyncOpenAI:
        fresh = type(self._client._client)  # noqa: SLF001 -- the SDK's default HTTP client
        http_client = fresh(base_url=self._client.base_url, timeout=self._client.timeout)
        return self._client.copy(http_client=http_client)

    def _translate(self, request: Request, error: Exception) -> CallError:
        """Return our error for one of the SDK's or its HTTP client's."""
        import httpx2
        import openai

        if isinstance(error, openai.APIStatusError):
            mask, body = self._mask(), _content(error.response)
            body = mask.on_bytes(body) if mask is not None else body
            return error_of(request, error.status_code, body, dict(error.response.headers))
        origin = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
        if isinstance(origin, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            hint = "is the address right, and is the server running?"
            return unsent(ConnectionFailedError(f"no connection to {self._host}", hint=hint))
        if isinstance(error, openai.APITimeoutError) or isinstance(origin, httpx2.TimeoutException):
            return DeadlineError(f"{self._host} did not answer within the client's timeout")
        if isinstance(origin, httpx2.HTTPError | httpx2.StreamError | OSError):
            return ConnectionFailedError(f"the connection to {self._host} was lost")
        if isinstance(error, openai.APIError):
            return ProtocolError(f"{self._host} gave an answer that the OpenAI SDK cannot read")
        # What is left is raised before anything is sent, mostly about missing credentials.
        msg = f"the OpenAI client could not send the request ({type(error).__name__})"
        return AuthenticationError(msg, hint="check the client's key")

    def _mask(self) -> EchoMask | None:
        return mask_of(Secret(self._client.api_key or ""))

    async def aclose(self) -> None:
        """Close what was opened here; the client belongs to whoever handed it in."""
        await self._elsewhere.aclose()


async def _read_stream(
    answer: Any, streamed: StreamedAnswer
) -> tuple[int, dict[str, str], bytes | None]:
    streamed.headers = kept_headers(answer.headers)
    if not is_event_stream(_OK, answer.headers.get("content-type", "")):
        return _OK, streamed.headers, await answer.read()
    async for chunk in answer.iter_bytes():
        streamed.feed(chunk)
        if streamed.done:
            break
    return _OK, streamed.headers, None


async def _close_client(client: AsyncOpenAI) -> None:
    await client.close()


def _arguments(resource: Any, body: dict[str, Any]) -> dict[str, Any]:
    """Sort a body into the arguments that the SDK's method knows, and the rest."""
    known = _known(cast("Hashable", type(resource)))
    arguments = {name: value for name, value in body.items() if name in known}
    rest = {name: value for name, value in body.items() if name not in known}
    return arguments | ({"extra_body": rest} if rest else {})


@lru_cache(maxsize=16)
def _known(resource: Any) -> frozenset[str]:
    parameters = inspect.signature(resource.create).parameters
    own = ("self", "extra_headers", "extra_query", "extra_body", "timeout")
    return frozenset(name for name in parameters if name not in own)


def _content(response: Any) -> bytes:
    """Return an error's body; one that was never read counts as empty."""
    try:
        content: bytes = response.content
    except RuntimeError:
        return b""
    return content
