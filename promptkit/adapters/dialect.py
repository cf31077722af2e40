"""What an endpoint understands: which fields it takes, and how it can be held to a constraint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from promptkit.errors import OptionError

ConstraintSupport = Literal["vllm", "vllm_guided", "json_schema", "grammar", "none"]
"""How a backend can be made to obey a constraint while it writes.

«json_schema»: `response_format` with a schema (OpenAI, Azure and many others; OpenAI and Azure
also take patterns and grammars, as the input of a custom tool). «grammar»: llama.cpp's `grammar`
and `json_schema` fields. «vllm»: its `structured_outputs` field; «vllm_guided»: the `guided_…`
fields it had before version 0.12. «none»: nothing is sent, and whoever asks checks the answer.
"""

_AZURE_HOSTS: Final = (
    ".openai.azure.com",
    ".cognitiveservices.azure.com",
    ".services.ai.azure.com",
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The variant of the API that an endpoint speaks.

    Attributes:
        constraints: How it can be held to a constraint.
        is_openai: Whether it is OpenAI's own service or Azure's: they alone know
            `max_completion_tokens`, the developer role and `store`.
        takes_end_user: Whether it takes a `safety_identifier`: OpenAI's own service alone does.
    """

    constraints: ConstraintSupport = "none"
    is_openai: bool = False
    takes_end_user: bool = field(default=False, repr=False)


def is_azure(base_url: str) -> bool:
    """Whether an address is Azure's.

    >>> is_azure("https://contoso.openai.azure.com")
    True
    """
    return (urlsplit(base_url).hostname or "").endswith(_AZURE_HOSTS)


def dialect_of(base_url: str, constraints: ConstraintSupport | None = None) -> Dialect:
    """Tell the dialect from an address; `constraints` overrides what is known of the host.

    Raises:
        OptionError: When `constraints` is none of these kinds.

    >>> dialect_of("https://api.openai.com/v1")
    Dialect(constraints='json_schema', is_openai=True)
    >>> dialect_of("http://127.0.0.1:8080/v1", "grammar")
    Dialect(constraints='grammar', is_openai=False)
    """
    allowed = get_args(ConstraintSupport)
    if constraints is not None and constraints not in allowed:
        raise OptionError(f"constraints={constraints!r}", hint=f"one of {', '.join(allowed)}")
    host = urlsplit(base_url).hostname or ""
    is_own = host == "api.openai.com" or host.endswith(".api.openai.com")
    is_openai = is_own or is_azure(base_url)
    return Dialect(constraints or ("json_schema" if is_openai else "none"), is_openai, is_own)


def checked_base_url(base_url: str) -> str:
    """Return an address without trailing slashes.

    Raises:
        OptionError: When it is no http address, or holds a password or a query.

    >>> checked_base_url("https://api.openai.com/v1/")
    'https://api.openai.com/v1'
    """
    hint = "write it like https://api.openai.com/v1"
    try:
        parts = urlsplit(base_url.strip())
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise OptionError("base_url is not an address", hint=hint) from None
    if parts.username or parts.password:
        hint = "pass the key as api_key, or name its source in the profile"
        raise OptionError("base_url holds a user name or password", hint=hint)
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        raise OptionError(f"base_url={base_url!r} is not an http address", hint=hint)
    if parts.query or parts.fragment:
        raise OptionError("base_url holds a query", hint="for Azure pass api_version instead")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def endpoint_name(
    base_url: str,
    organization: str | None = None,
    project: str | None = None,
    api_version: str | None = None,
) -> str:
    """Name who answers, as it stands in a request's key. The address comes first; no key in it.

    >>> endpoint_name("https://api.openai.com/v1", project="proj_1")
    'https://api.openai.com/v1 project=proj_1'
    """
    named = {"organization": organization, "project": project, "api-version": api_version}
    return " ".join([base_url, *(f"{name}={value}" for name, value in named.items() if value)])
