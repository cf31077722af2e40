"""What the adapters over HTTP do alike: ask once, read what came, show no key.

A subclass sends the request its own way. An error is raised here and not where it was caught, so
that nothing of a client library is chained to it.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping

from promptkit.adapters.address import EchoMask
from promptkit.adapters.classify import error_in_answer, error_of, unreadable
from promptkit.adapters.dialect import Dialect
from promptkit.adapters.http_client import LARGEST_ANSWER, too_large
from promptkit.adapters.streaming import StreamedAnswer
from promptkit.adapters.wire import STREAMING, decode
from promptkit.adapters.wire_bytes import loads
from promptkit.errors import CallError
from promptkit.request import Request
from promptkit.response import CallLog, Response
from promptkit.transport import OnText

_FIRST_ERROR = 300


class OverHttp(ABC):
    """A Transport to one OpenAI-compatible endpoint.

    Attributes:
        endpoint: Who answers, for a request's key: address, organisation, project.
        concurrency: How many requests it is good for at once.
        dialect: What the endpoint understands.
    """

    endpoint: str
    concurrency: int
    dialect: Dialect

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Ask once.

        Raises:
            CallError: One of its kinds.
            OptionError: For an option the API has no field for.
        """
        streamed = None
        if on_text is not None and request.api in STREAMING:
            streamed = StreamedAnswer(request, self.dialect, on_text, self._mask())
        try:
            outcome = await self._attempt(request, streamed)
        except CallError as error:
            outcome = error
        if isinstance(outcome, Response):
            return outcome
        mask = self._mask()
        if streamed is not None:
            if mask is not None:
                streamed.headers = dict(mask.on_headers(streamed.headers))
            outcome = streamed.ended_in(outcome)
            if isinstance(outcome, Response):
                return outcome
        if mask is not None:
            mask.on_error(outcome)
        raise outcome

    @abstractmethod
    async def _attempt(
        self, request: Request, streamed: StreamedAnswer | None
    ) -> Response | CallError:
        """Send the request; return or raise what comes of it."""

    @abstractmethod
    def _mask(self) -> EchoMask | None:
        """Return what masks the key wherever a server echoes it; None without a key."""

    def _read(
        self,
        request: Request,
        answer: tuple[int, Mapping[str, str], bytes | None],
        streamed: StreamedAnswer | None,
        started: float,
    ) -> Response | CallError:
        """Read an answer.

        Args:
            request: What was asked.
            answer: Status, kept headers, and the body; no body when `streamed` took it.
            streamed: What took the stream, if one was asked for.
            started: When the request was sent, in seconds of the monotonic clock.
        """
        status, headers, raw = answer
        mask = self._mask()
        if mask is not None:
            headers, raw = mask.on_headers(headers), raw and mask.on_bytes(raw)
        log = CallLog("endpoint", 1, time.monotonic() - started)
        if raw is None:
            return streamed.response(headers, log) if streamed is not None else too_large()
        if len(raw) > LARGEST_ANSWER:
            return too_large()
        if status >= _FIRST_ERROR:
            return error_of(request, status, raw, headers)
        try:
            data = loads(raw)
        except (ValueError, RecursionError):
            return unreadable(request, raw, headers)
        if isinstance(data, dict) and ("error" in data or data.get("type") is not None):
            reported = error_in_answer(request, data, headers)
            if reported is not None:
                return reported
        response = decode(request, data, self.dialect, headers, log)
        if mask is not None:
            response = mask.on_response(response)
        if streamed is not None and response.text:
            streamed.hand_on(response.text)
        return response

    def __repr__(self) -> str:
        """Show the endpoint; never the key."""
        return f"{type(self).__name__}({self.endpoint})"
