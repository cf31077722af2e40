"""Where a request goes and what proves who sends it.

No function here that can raise holds a key in a local variable: a traceback with locals would
show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlsplit

from promptkit.errors import AuthenticationError, CallError, InterruptedStreamError
from promptkit.response import Choice, Response
from promptkit.secret import MaskedHeader, Secret, mask

_SHORTEST_KEY: Final = 12
"""Characters. What is shorter is no secret but a placeholder for a server that wants none."""

_DEPLOYMENT_PATHS: Final = ("/chat/completions", "/completions", "/embeddings")
"""What Azure's dated API serves below a deployment; the rest carries the model in the body."""


def address(base_url: str, path: str, model: str, api_version: str | None = None) -> str:
    """Return the address of one request.

    >>> address("https://api.openai.com/v1", "/embeddings", "m")
    'https://api.openai.com/v1/embeddings'
    >>> address("https://x.openai.azure.com", "/embeddings", "m", "2024-10-21")
    'https://x.openai.azure.com/openai/deployments/m/embeddings?api-version=2024-10-21'
    """
    if api_version is None:
        return base_url + path
    base = base_url if base_url.endswith("/openai") else f"{base_url}/openai"
    if path in _DEPLOYMENT_PATHS:
        base = f"{base}/deployments/{quote(model, safe='')}"
    return f"{base}{path}?api-version={quote(api_version, safe='')}"


def proxy_of(base_url: str) -> str | None:
    """Return the proxy that the environment names for an address; None for a direct way."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base_url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def key_header(key: Secret, *, azure: bool) -> dict[str, str]:
    """Return the header that carries a key.

    Raises:
        AuthenticationError: When the key is empty or cannot stand in a header.
    """
    if not key.reveal():
        raise AuthenticationError("the key is empty", hint="set it, or pass api_key")
    if not _is_sendable(key):
        hint = "copy the key again: it is one line of letters, digits, hyphens and underscores"
        raise AuthenticationError("the key holds a character that no key has", hint=hint)
    if azure:
        return {"api-key": MaskedHeader(key.reveal())}
    return {"Authorization": MaskedHeader(f"Bearer {key.reveal()}")}


def _is_sendable(key: Secret) -> bool:
    value = key.reveal()
    return value.isascii() and value.isprintable() and " " not in value


class EchoMask:
    """Masks a key wherever a server echoes it.

    >>> EchoMask(Secret("0123456789abcd")).on_bytes(b"wrong key: 0123456789abcd").decode()
    'wrong key: …abcd'
    """

    __slots__ = ("_bytes", "_key", "_text")

    def __init__(self, key: Secret) -> None:
        """Keep the key, and the bytes to look for."""
        self._key = key
        self._bytes = _SecretBytes(key.reveal().encode("utf-8", "replace"))
        self._text = MaskedHeader(key.reveal())

    def on_bytes(self, raw: bytes) -> bytes:
        """Return a body without the key."""
        if raw.find(self._bytes) < 0:
            return raw
        return raw.replace(self._bytes, mask(self._key.reveal()).encode())

    def on_headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return headers without the key."""
        for text in headers.values():
            if self._text in text:
                return {name: self.on_text(text) for name, text in headers.items()}
        return headers

    def on_error(self, error: CallError) -> None:
        """Take the key out of what an error tells."""
        error.headers = dict(self.on_headers(error.headers))
        error.message = self.on_text(error.message)
        error.hint = self.on_text(error.hint)
        if isinstance(error, InterruptedStreamError):
            error.text = self.on_text(error.text)
        error.args = (error.message,)

    def on_response(self, response: Response) -> Response:
        """Return an answer without the key: JSON can spell it so that no body shows it."""
        for choice in response.choices:
            if self._text in choice.text or self._text in (choice.finish_reason or ""):
                break
        else:
            if self._text not in response.model:
                return response
        choices = tuple([self._on_choice(choice) for choice in response.choices])
        return replace(response, choices=choices, model=self.on_text(response.model))

    def _on_choice(self, choice: Choice) -> Choice:
        """Return a choice without the key; its tokens, which join to it, go with it."""
        text, reason = self.on_text(choice.text), choice.finish_reason
        if text == choice.text and self._text not in (reason or ""):
            return choice
        return Choice(text, None if reason is None else self.on_text(reason))

    def on_text(self, text: str) -> str:
        """Return a text without the key."""
        return text.replace(self._text, mask(self._key.reveal()))

    def in_pieces(self) -> PieceMask:
        """Return what masks the key in one text that comes in pieces."""
        return PieceMask(self._text)

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be pickled, as a Secret does."""
        return self._key.__reduce__()


class PieceMask:
    """Masks a key in a text that comes in pieces, wherever it is cut.

    Only what may be the beginning of the key waits for the next piece. What is handed on joins to
    what `EchoMask.on_text` makes of the whole.

    >>> hold = EchoMask(Secret("0123456789abcd")).in_pieces()
    >>> hold.feed("my key 0123456"), hold.feed("789abcd."), hold.rest()
    ('my key ', '…abcd.', '')
    """

    __slots__ = ("_first", "_held", "_key", "_most")

    def __init__(self, key: MaskedHeader) -> None:
        """Begin with nothing held back."""
        self._key = key
        self._first = key[:1]
        self._most = len(key) - 1
        self._held = ""

    def feed(self, piece: str) -> str:
        """Take the next piece; return what may be shown."""
        if not self._held and len(piece) <= self._most:  # most pieces: no whole key fits in
            start = self._beginning(piece, 0)
            if start < 0:
                return piece
            self._held = piece[start:]
            return piece[:start]
        text = MaskedHeader(self._held + piece)
        shown = ""
        if self._key in text:
            *heads, tail = text.split(self._key)
            shown = "".join([f"{head}{mask(self._key)}" for head in heads])
            text = MaskedHeader(tail)
        start = self._beginning(text, max(0, len(text) - self._most))
        if start < 0:
            start = len(text)
        self._held = MaskedHeader(text[start:])
        return shown + text[:start]

    def _beginning(self, text: str, start: int) -> int:
        """Return from where on the end of `text` may begin the key; -1 where it does not."""
        start = text.find(self._first, start)
        while start >= 0 and not self._key.startswith(text[start:]):
            start = text.find(self._first, start + 1)
        return start

    def rest(self) -> str:
        """Return what was held back, when the text has ended."""
        held, self._held = self._held, ""
        return str(held)

    def rest_of_break(self) -> str:
        """Return what was held back when the text broke off; so much of a key is masked too."""
        held = self.rest()
        return held if len(held) < _SHORTEST_KEY else "…"


def mask_of(key: Secret | None) -> EchoMask | None:
    """Return what masks a key; None where there is none, or a placeholder such as «none».

    A word that short is in many a good answer, and no provider gives out such keys.
    """
    return EchoMask(key) if key is not None and len(key.reveal()) >= _SHORTEST_KEY else None


class _SecretBytes(bytes):
    """A key as bytes, not shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "<key>"
