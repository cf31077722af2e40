"""Gives untrusted text the form in which it goes to the model: between tags that nobody can forge.

The tags carry a random number, drawn for each call. It must reach neither a key nor a recording,
or no answer would ever be found again: so this layer stands inside record and cache, and outside
retry, whose attempts are one call. What it hands on keeps the key of what was asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any

from promptkit.prompt import INPUT, Message, Part
from promptkit.request import Request
from promptkit.response import Response
from promptkit.safety.spotlighting import Mode, check_mode, defuse, mark_of, new_nonce, set_apart
from promptkit.transport import OnText, Transport


def mode_of(part: Part, mode: Mode | None) -> Mode | None:
    """Return how a part is spotlighted: as its template says, else as the session does."""
    if part.spotlight == INPUT:
        return None
    return check_mode(part.spotlight) if part.spotlight else mode


def spotlit(request: Request, mode: Mode | None = "delimit", nonce: str | None = None) -> Request:
    """Return a screened request as it is sent: every part is a literal now.

    Args:
        request: What the screen layer hands on.
        mode: How untrusted parts are spotlighted whose template does not say it.
        nonce: The number in the tags; a random one when left alone.
    """
    for message in request.messages:
        if type(message.content) is not str:
            break
    else:
        return request
    slots = _slots(request.messages)
    nonce = new_nonce() if nonce is None else nonce
    messages = [Message(m.role, _rendered(m.content, slots, mode, nonce)) for m in request.messages]
    return request.rendered(tuple(messages))


def _slots(messages: Iterable[Message]) -> tuple[str, ...]:
    names = (
        part.slot
        for message in messages
        if not isinstance(message.content, str)
        for part in message.content
        if not part.trusted
    )
    return tuple(dict.fromkeys(names))


def _rendered(
    content: str | tuple[Part, ...], slots: tuple[str, ...], mode: Mode | None, nonce: str
) -> str:
    if isinstance(content, str):
        return content
    pieces: list[str] = []
    # Parts without tags that meet are one text: a mark could be put together of two of them.
    for is_plain, run in groupby(content, key=lambda p: not p.trusted and not mode_of(p, mode)):
        if is_plain:
            pieces.append(defuse("".join([part.text for part in run])))
        else:
            pieces += [_one(part, slots, mode_of(part, mode), nonce) for part in run]
    return "".join(pieces)


def _one(part: Part, slots: tuple[str, ...], mode: Mode | None, nonce: str) -> str:
    if part.trusted or mode is None:
        return part.text
    return set_apart(part.text, part.slot, slots, mode=mode, nonce=nonce)


class SpotlightLayer:
    """Spotlights the untrusted parts of each request that the cache does not answer."""

    def __init__(
        self,
        inner: Transport,
        mode: Mode | None = "delimit",
        *,
        nonce: Callable[[], str] = new_nonce,
    ) -> None:
        """Wrap `inner`.

        Args:
            inner: The next layer.
            mode: How untrusted parts are spotlighted whose template does not say it.
            nonce: Draws the number of a call; a seam for tests.
        """
        self.inner = inner
        self.mode = mode
        self.nonce = nonce

    def __call__(self, request: Request, on_text: OnText | None = None, /) -> Awaitable[Response]:
        """Spotlight, then ask: what the next layer returns is awaited by whoever called."""
        for message in request.messages:
            if type(message.content) is not str:
                return self._spotlit(request, on_text)
        return self.inner(request, on_text)  # literals alone, as they mostly are

    def _spotlit(self, request: Request, on_text: OnText | None) -> Awaitable[Response]:
        nonce = self.nonce()
        sent = spotlit(request, self.mode, nonce)
        if any(self._is_marked(message.content) for message in request.messages):
            return self._unmarked(sent, on_text, mark_of(nonce))
        return self.inner(sent, on_text)

    def _is_marked(self, content: str | tuple[Part, ...]) -> bool:
        return not isinstance(content, str) and any(
            not part.trusted and mode_of(part, self.mode) == "datamark" for part in content
        )

    async def _unmarked(self, sent: Request, on_text: OnText | None, mark: str) -> Response:
        """Ask, and put blanks in place of marks that the answer quotes with the data."""
        heard = on_text and (lambda piece: on_text(piece.replace(mark, " ")))
        response = await self.inner(sent, heard)
        if not any(mark in choice.text for choice in response.choices):
            return response
        clean: Any = [replace(c, text=c.text.replace(mark, " ")) for c in response.choices]
        return replace(response, choices=tuple(clean))
