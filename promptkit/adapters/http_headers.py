"""Which headers of an answer are kept: rate limits and request numbers, by lower-case names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_KEPT_PREFIXES: Final = (
    "x-ratelimit-",
    "x-tokenlimit-",
    "ratelimit-",
    "anthropic-ratelimit-",
    "retry-after",
    "x-should-retry",
    "x-request-id",
    "request-id",
    "openai-",
    "apim-request-id",
    "azureml-",
    "x-ms-region",
    "x-ms-request-id",
    "x-together-",
)
_PERSONAL: Final = ("openai-organization", "openai-project")

_MOST_NAMES: Final = 1024
"""How many spellings are remembered: a server that invents names must not fill the memory."""

_kept_names: Final[dict[str, str]] = {}
"""From a header's name as it came to its lower-case name; empty for one that is not kept."""


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep rate limits and request numbers, by lower-case names; nothing that names a person.

    >>> kept_headers({"X-RateLimit-Limit-Requests": "60", "Set-Cookie": "id=1"})
    {'x-ratelimit-limit-requests': '60'}
    """
    kept = {}
    known = _kept_names
    for name, value in headers.items():
        lower = known.get(name)
        if lower is None:
            lower = kept_name(name)
            if len(known) < _MOST_NAMES:
                known[str(name)] = lower
        if lower:
            kept[lower] = value
    return kept


def kept_name(name: str) -> str:
    """Return the lower-case name of a header that is kept; an empty text for all others.

    >>> kept_name("X-Request-ID"), kept_name("OpenAI-Organization")
    ('x-request-id', '')
    """
    lower = name.lower()
    return lower if lower.startswith(_KEPT_PREFIXES) and lower not in _PERSONAL else ""
