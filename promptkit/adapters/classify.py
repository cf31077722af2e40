"""From an HTTP status, headers and body to the error they mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from promptkit.adapters.http_headers import kept_headers
from promptkit.adapters.retry_after import retry_after
from promptkit.errors import (
    AuthenticationError,
    CallError,
    ContextLengthError,
    ProtocolError,
    QuotaError,
    RateLimitError,
    RefusedRequestError,
    ServerError,
    UnknownModelError,
)
from promptkit.request import Request
from promptkit.response import NO_HEADERS
from promptkit.secret import without_keys

_LONGEST: Final = 300
"""Characters of a server's own words that an error shows."""

_SHORTEST_SECRET: Final = 12
"""A line of the prompt from this length on is cut out of what a server echoes."""

_REFUSALS: Final = (400, 413, 422)
_ERRORS: Final = range(400, 600)
_AGAIN: Final = (408, 409, 425)
"""Timed out while the request came, in conflict with another, too early: ask again."""

_NEVER: Final = (501, 505, 511)
"""The server has no such thing, does not speak this HTTP, or a network asks for a login first:
asking again would not help."""

_STATUS_OF: Final = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "overloaded_error": 529,
    "server_error": 500,
    "api_error": 500,
    "timeout_error": 504,
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    "content_filter": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "model_not_found": 404,
    "not_found_error": 404,
}
"""What an error that comes with status 200 would have had, by its code or type."""
_CONTEXT_CODES: Final = ("context_length_exceeded", "exceed_context_size_error")
_CONTEXT_WORDS: Final = re.compile(
    r"maximum context length|exceeds? the (available |model's )?context|context window"
    r"|prompt is too long|exceeds the context size",
    re.IGNORECASE,
)
_QUOTA_CODES: Final = ("insufficient_quota", "billing_hard_limit_reached", "insufficient_balance")
_FILTER_CODES: Final = ("content_filter", "content_policy_violation")
_MODEL_CODES: Final = ("model_not_found", "DeploymentNotFound", "invalid_model", "unknown_model")


def error_of(
    request: Request, status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS
) -> CallError:
    """Return the error that an answer with a status of 300 or more means.

    The header `x-should-retry`, which OpenAI's clients obey too, has the last word on whether to
    ask again.

    Args:
        request: What was asked; its model is named, its text is cut out of the server's words.
        status: The HTTP status.
        body: The answer's body, of any type.
        headers: The answer's headers, by lower-case names.
    """
    kept = kept_headers(headers)
    error = _error_of(request, status, body, kept)
    wish = kept.get("x-should-retry")
    if wish in ("true", "false"):
        error.retryable = wish == "true"
    return error


def _error_of(request: Request, status: int, body: bytes, kept: dict[str, str]) -> CallError:
    detail = _detail(body)
    words = _clean(detail["message"] or _summary(body), request)
    said = f"{_subject(request, status)}: {words}" if words else _subject(request, status)
    code, kind = str(detail["code"] or ""), str(detail["type"] or "")
    codes = {code, kind}
    if status in _REFUSALS and (
        codes & set(_CONTEXT_CODES) or _CONTEXT_WORDS.search(words) is not None
    ):
        hint = "shorten the prompt, lower max_tokens, or ask a model with a longer context"
        return ContextLengthError(said, hint=hint, status=status, headers=kept)
    if status == HTTPStatus.PAYMENT_REQUIRED or (status in (403, 429) and _is_quota(codes, words)):
        hint = "add credit or raise the monthly limit at the provider"
        return QuotaError(said, hint=hint, status=status, headers=kept)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = retry_after(kept, words)
        hint = "lower concurrency, or give the limits in the profile"
        return RateLimitError(said, hint=hint, status=status, retry_after_s=wait, headers=kept)
    if status == HTTPStatus.NOT_FOUND or (
        status == HTTPStatus.BAD_REQUEST and codes & set(_MODEL_CODES)
    ):
        hint = f"check the model's name ({request.model!r}) and base_url"
        return UnknownModelError(said, hint=hint, status=status, headers=kept)
    if status in _REFUSALS and codes & set(_FILTER_CODES):
        hint = "the provider's content filter stopped the prompt: rephrase it"
        return RefusedRequestError(said, hint=hint, status=status, headers=kept)
    return _by_status(said, status, kept)


def _is_quota(codes: set[str], words: str) -> bool:
    return bool(codes & set(_QUOTA_CODES)) or "exceeded your current quota" in words.lower()


def _by_status(said: str, status: int, kept: dict[str, str]) -> CallError:
    """Return the error where the status alone tells."""
    if status in (401, 403):
        hint = (
            "check the key: pass api_key=…, set OPENAI_API_KEY, or name its source in the profile"
            if status == HTTPStatus.UNAUTHORIZED
            else "this key may not do this: check its permissions, organisation and project"
        )
        return AuthenticationError(said, hint=hint, status=status, headers=kept)
    is_failure = status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in _NEVER
    if status in _AGAIN or is_failure:
        wait = retry_after(kept)
        return ServerError(said, status=status, retry_after_s=wait, headers=kept)
    if status < HTTPStatus.BAD_REQUEST:
        hint = "set base_url to the address it redirects to: a key is not sent on"
        return RefusedRequestError(f"{said} (a redirect)", hint=hint, status=status, headers=kept)
    return RefusedRequestError(said, status=status, headers=kept)


def error_in_answer(
    request: Request, data: Mapping[str, Any], headers: Mapping[str, str] = NO_HEADERS
) -> CallError | None:
    """Return the error that an answer with status 200, or an event of a stream, reports.

    Some gateways put the status they had from behind into the error's `code`; it counts.
    """
    error = data.get("error")
    if data.get("type") == "response.failed" and isinstance(data.get("response"), Mapping):
        error = data["response"].get("error") or {"message": "the response failed"}
    elif data.get("type") == "error" and not error:
        error = data
    if not error:
        return None
    body = json.dumps({"error": error}).encode()
    status = _status_in(error)
    if status is not None:
        return error_of(request, status, body, headers)
    words = _clean(_detail(body)["message"], request) or "no message"
    msg = f"the server reported an error in place of an answer: {words}"
    return ProtocolError(msg, status=200, headers=kept_headers(headers))


def _status_in(error: object) -> int | None:
    """Return the status that an error names in its code or type."""
    if not isinstance(error, Mapping):
        return None
    for name in ("code", "status", "type"):
        value = error.get(name)
        if isinstance(value, str):
            value = int(value) if value.isdecimal() else _STATUS_OF.get(value)
        if type(value) is int and value in _ERRORS:
            return value
    return None


def unreadable(
    request: Request, body: bytes, headers: Mapping[str, str] = NO_HEADERS
) -> ProtocolError:
    """Return the error for an answer with status 200 that is no JSON."""
    words = _clean(_summary(body), request)
    msg = f"the answer is no JSON: {words}" if words else "the answer is empty"
    hint = "is base_url the address of an OpenAI-compatible API?"
    return ProtocolError(msg, hint=hint, status=200, headers=kept_headers(headers))


# -- the server's own words -----------------------------------------------------------------


def _detail(body: bytes) -> dict[str, Any]:
    """Find message, code and type in the shapes that servers give an error."""
    nothing: dict[str, Any] = {"message": "", "code": None, "type": None}
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return nothing
    if isinstance(data, list) and data:
        data = data[0]
    if not isinstance(data, Mapping):
        return nothing
    error = data.get("error", data)
    if isinstance(error, str):
        return nothing | {"message": error}
    if not isinstance(error, Mapping):
        return nothing
    message = error.get("message") or error.get("detail") or data.get("message") or ""
    if not isinstance(message, str):
        message = json.dumps(message)
    return {"message": message, "code": error.get("code"), "type": error.get("type")}


def _summary(body: bytes) -> str:
    """Return a page's title or the beginning of its text, on one line."""
    import html

    text = body[:20_000].decode("utf-8", "replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    if title:
        return html.unescape(title.group(1))
    text = re.sub(r"(?is)<(script|style).*?</\1>", " ", text)
    return html.unescape(re.sub(r"<[^>]*>", " ", text)) if "<" in text else text


def _clean(words: str, request: Request) -> str:
    """Make a server's words fit to show: one line, short, no key, nothing of the prompt."""
    words = _without_prompt(words, request)
    words = "".join(char if char.isprintable() else " " for char in without_keys(words))
    words = " ".join(words.split())
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"


def _without_prompt(words: str, request: Request) -> str:
    if len(words) < _SHORTEST_SECRET:
        return words
    for message in request.messages:
        for line in message.text.splitlines():
            echo = line.strip()
            for form in (echo, json.dumps(echo)[1:-1], repr(echo)[1:-1]):
                if len(form) >= _SHORTEST_SECRET and form in words:
                    words = words.replace(form, "[…]")
    return words


def _subject(request: Request, status: int) -> str:
    return f"HTTP {status} for model {request.model!r}"
