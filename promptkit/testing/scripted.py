"""A model that answers with a function."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from promptkit.request import Request
from promptkit.response import Response
from promptkit.transport import FunctionTransport, OnText

Answer = Callable[[Request], "str | Response | Awaitable[str | Response]"]


class Scripted:
    """A Transport that answers with a function, and remembers what it was asked.

    >>> import promptkit as pk
    >>> model = Scripted(lambda request: "4" if "2 + 2" in request.text else "?")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> pk.run(session.ask("What is 2 + 2?")).text
    '4'
    >>> len(model.requests)
    1

    An answer given as a text gets a usage estimated from its length, marked as estimated, so
    that budgets and readouts have something to count.
    """

    model = "scripted"
    """Its name in sessions that name no model."""

    def __init__(self, answer: Answer | str | Response) -> None:
        """Take the function; a text or Response is the answer to everything."""
        self._answer = FunctionTransport(answer if callable(answer) else lambda _: answer)
        self.requests: list[Request] = []

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Answer; a stream gets the text word by word."""
        self.requests.append(request)
        response = await self._answer(request)
        if response.usage.estimated and not response.model:
            response = replace(response, model=request.model)
        if on_text:
            for word in re.findall(r"\S+\s*|\s+", response.text):
                on_text(word)
        return response

    def __repr__(self) -> str:
        """Say how often it was asked, not what."""
        return f"Scripted(requests={len(self.requests)})"
