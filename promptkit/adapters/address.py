"""Where a request goes and what proves who sends it.

No function here that can raise holds a key in a local variable: a traceback with locals would
show it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlsplit

from promptkit.errors import AuthenticationError, CallError
from promptkit.response import Response
from promptkit.secret import MaskedHeader, Secret, mask

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


def masked(outcome: Response | CallError, key: Secret | None) -> Response | CallError:
    """Mask a key that a server echoed in its headers, or in words that became an error."""
    value = key.reveal() if key is not None else ""
    if not value:
        return outcome
    shown = mask(value)
    if any(value in text for text in outcome.headers.values()):
        kept = {name: text.replace(value, shown) for name, text in outcome.headers.items()}
        if isinstance(outcome, Response):
            return replace(outcome, headers=kept)
        outcome.headers = kept
    if isinstance(outcome, CallError):
        outcome.message = outcome.message.replace(value, shown)
        outcome.hint = outcome.hint.replace(value, shown)
        outcome.args = (outcome.message,)
    return outcome


def without_key(raw: bytes, key: Secret | None) -> bytes:
    """Mask a key wherever a server echoes it.

    >>> without_key(b"wrong key: 0123456789abcd", Secret("0123456789abcd")).decode()
    'wrong key: …abcd'
    """
    value = key.reveal() if key is not None else ""
    return raw.replace(value.encode(), mask(value).encode()) if value else raw
