"""A Transport takes a Request and returns a Response. All of promptkit's layers are Transports.

A plain `async def answer(request) -> Response` (or `-> str`) is one too. What streams takes a
second argument, a function to call with each piece of text as it comes; the Response at the end
is the same with and without it. So every layer is written once and serves both `ask` and
`stream`.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol, cast, runtime_checkable

from promptkit.errors import OptionError
from promptkit.request import Request
from promptkit.response import NO_USAGE, Response, Usage, as_response
from promptkit.tokens import Ratio, tokens_of

OnText = Callable[[str], None]
"""Called with each piece of text, in order, on the event loop. It must not block."""


@runtime_checkable
class Transport(Protocol):
    """From request to response."""

    def __call__(self, request: Request, on_text: OnText | None = None, /) -> Awaitable[Response]:
        """Answer `request`; hand pieces of text to `on_text` as they come, when it is given."""
        ...


class FunctionTransport:
    """Lets a plain function be a Transport: sync or async, text or Response.

    Where the function does not tell the usage, it is estimated from the lengths of the texts and
    marked as estimated: what is unknown must not count as 0 against a budget.

    >>> import asyncio
    >>> answer = FunctionTransport(lambda request: "Blue.")
    >>> response = asyncio.run(answer(Request(messages=(), model="m")))
    >>> response.usage.output_tokens, response.usage.estimated
    (1, True)
    """

    def __init__(self, function: Callable[[Request], Any]) -> None:
        """Wrap `function`."""
        self.function = function

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Call the function; its whole text is one piece."""
        answer = self.function(request)
        if inspect.isawaitable(answer):
            answer = await answer
        if not isinstance(answer, (str, Response)):
            msg = f"the transport {self.function!r} returned {type(answer).__name__}"
            raise OptionError(msg, hint="return a str or a promptkit.Response")
        response = as_response(answer)
        if response.usage is NO_USAGE:  # nobody said that there were none
            usage = Usage(Ratio().estimate(request), tokens_of(response.text), estimated=True)
            response = replace(response, usage=usage)
        if on_text and response.text:
            on_text(response.text)
        return response


def as_transport(candidate: Any) -> Transport:
    """Return `candidate` as a Transport, wrapping functions of one argument.

    Raises:
        OptionError: When it is not callable.
    """
    if not callable(candidate):
        msg = f"{candidate!r} is no transport"
        raise OptionError(msg, hint="pass an async function from Request to Response")
    try:
        parameters = inspect.signature(candidate).parameters.values()
    except ValueError:
        return FunctionTransport(candidate)
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_on_text = len(positional) > 1 and positional[1].name == "on_text"
    return cast("Transport", candidate) if takes_on_text else FunctionTransport(candidate)
