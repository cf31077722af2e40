"""Makes untrusted text clean, before anything else sees the request.

Only parts that came through an untrusted slot are touched: they are brought to composed form and
freed of what Unicode hides (`promptkit.safety.sanitize`). They stay parts, so that what is kept and
recorded is what was asked. How they look on their way to the model is the spotlight layer's
business, which stands inside the cache because it draws a random number for each call; the note in
the system message that explains its tags is put here, without that number. What untrusted text says
never changes the number of messages or their roles.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import replace
from itertools import groupby

from promptkit.prompt import Message, Part
from promptkit.request import Request
from promptkit.response import Response
from promptkit.safety.sanitizing import sanitize
from promptkit.safety.spotlighting import Mode, note_on
from promptkit.transport import OnText, Transport
from promptkit.transports.spotlight import mode_of


def screen(request: Request, mode: Mode | None = "delimit") -> Request:
    """Return the request as it is kept and recorded: its untrusted parts are clean and told apart.

    Args:
        request: As it was asked.
        mode: How untrusted parts are spotlighted whose template does not say it; None for not at
            all.
    """
    for message in request.messages:
        if type(message.content) is not str:
            break
    else:
        return request  # literals alone, as they mostly are
    modes = _modes(request.messages, mode)
    if not modes:
        return request
    messages = [Message(m.role, _screened(m.content)) for m in request.messages]
    if request.api in ("embeddings", "moderations"):
        # Nobody obeys these, and tags would be embedded and judged with the text.
        return request.replace(messages=tuple([Message(m.role, m.text) for m in messages]))
    spotlit = {slot: own for slot, own in modes.items() if own is not None}
    if spotlit:
        note = note_on(spotlit)
        first = messages[0]
        if first.role in ("system", "developer"):
            messages[0] = Message(first.role, f"{first.text}\n\n{note}")
        else:
            messages.insert(0, Message("system", note))
    return request.replace(messages=tuple(messages))


def _modes(messages: Iterable[Message], mode: Mode | None) -> dict[str, Mode | None]:
    """Return the untrusted slots in their order, and how each is spotlighted."""
    return {
        _name(part): mode_of(part, mode)
        for message in messages
        if not isinstance(message.content, str)
        for part in message.content
        if not part.trusted
    }


def _name(part: Part) -> str:
    """Return what a part's tags are named after; what is no name could say anything."""
    return part.slot if part.slot.isidentifier() else "data"


def _screened(content: str | tuple[Part, ...]) -> str | tuple[Part, ...]:
    """Clean the untrusted parts, and put trusted ones that meet into one: they are literals."""
    if isinstance(content, str):
        return content
    parts: list[Part] = []
    for is_trusted, run in groupby(content, key=lambda part: part.trusted):
        if is_trusted:
            parts.append(Part("".join([part.text for part in run])))
        else:
            parts += [replace(p, text=_clean(p.text), slot=_name(p)) for p in run]
    return "".join([p.text for p in parts]) if all(p.trusted for p in parts) else tuple(parts)


def _clean(text: str) -> str:
    """Return a text in composed form, without what hides in it and between its characters."""
    return sanitize(text, form="NFC").text


class ScreenLayer:
    """Screens each request on its way in."""

    def __init__(self, inner: Transport, mode: Mode | None = "delimit") -> None:
        """Wrap `inner`; `mode` is how untrusted text is spotlighted."""
        self.inner = inner
        self.mode = mode

    def screen(self, request: Request) -> Request:
        """Return the request as it goes to the next layer."""
        return screen(request, self.mode)

    def __call__(self, request: Request, on_text: OnText | None = None, /) -> Awaitable[Response]:
        """Screen, then ask: what the next layer returns is awaited by whoever called."""
        return self.inner(screen(request, self.mode), on_text)
