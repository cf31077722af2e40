"""The batch API through an AsyncOpenAI or AsyncAzureOpenAI client that the user already has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from promptkit.adapters.address import EchoMask, mask_of
from promptkit.adapters.batch_send import Reply, Upload, cut_lines, reply_of
from promptkit.adapters.dialect import endpoint_name, is_azure
from promptkit.adapters.http_client import no_answer, no_connection
from promptkit.errors import CallError
from promptkit.secret import Secret

if TYPE_CHECKING:
    from openai import AsyncOpenAI


class OpenAISender:
    """Sends through an AsyncOpenAI or AsyncAzureOpenAI client."""

    def __init__(self, client: AsyncOpenAI) -> None:
        """Take over the client's settings; its retries are switched off here."""
        self._client = client.with_options(max_retries=0)
        url = str(client.base_url).rstrip("/")
        version = getattr(client, "_api_version", None)
        self.endpoint = endpoint_name(url, client.organization, client.project, version)
        self.azure = version is not None or is_azure(url)

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
        import httpx2
        import openai

        options: Any = {"params": dict(query)} if query else {}
        more: dict[str, Any] = {"options": options}
        if method == "POST":
            more["body"] = fields
        if upload is not None:
            more["files"] = [("file", (upload.name, upload.data))]
            options["headers"] = {"Content-Type": "multipart/form-data"}
        ask = getattr(self._client, method.lower())
        try:
            answer = await ask(path, cast_to=httpx2.Response, **more)
            return self._reply(answer)
        except openai.APIStatusError as error:
            return self._reply(error.response)
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            failure = self._failure(error)
        raise failure

    async def lines(self, path: str) -> AsyncIterator[Reply | bytes]:
        """Yield the lines of a file; see `Sender`."""
        import httpx2
        import openai

        files, mask = self._client.files.with_streaming_response, self._mask()
        try:
            async with files.content(path.split("/")[2]) as answer:
                async for line in cut_lines(answer.iter_bytes()):
                    yield line if mask is None else mask.on_bytes(line)
                return
        except openai.APIStatusError as error:
            yield self._reply(error.response)
            return
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            failure = self._failure(error)
        raise failure

    def _reply(self, answer: Any) -> Reply:
        try:
            raw: bytes = answer.content
        except RuntimeError:  # an error whose body was never read
            raw = b""
        return reply_of(answer.status_code, raw, answer.headers, self._mask())

    def _mask(self) -> EchoMask | None:
        return mask_of(Secret(self._client.api_key or ""))

    def _failure(self, error: Exception) -> CallError:
        import httpx2

        host = self._client.base_url.host
        origin = error.__cause__ or error
        if isinstance(origin, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            return no_connection(str(host), type(origin).__name__)
        return no_answer(str(host))

    def __repr__(self) -> str:
        """Show the endpoint; never the key."""
        return f"OpenAISender({self.endpoint})"
