"""The lines of batch files: from Requests to JSONL, and from a batch's output back to answers.

A line carries a request under its key in hexadecimal, which names nobody
and says nothing of the prompt, and which is the same in every process that asks the same.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from promptkit.adapters.classify import error_of
from promptkit.adapters.dialect import Dialect
from promptkit.adapters.wire import decode, encode
from promptkit.errors import (
    CallError,
    PromptkitError,
    ProtocolError,
    RateLimitError,
    RefusedRequestError,
    ServerError,
    UnknownModelError,
)
from promptkit.request import Request
from promptkit.response import Response

_FIRST_ERROR: Final = 300
_TURN: Final = 256
"""Lines written between two turns of the event loop."""

_UNRUN: Final = ("batch_expired", "server_error")
"""Codes of lines that were not run and may be asked again."""

_FULL: Final = ("token_limit_exceeded", "rate_limit_exceeded", "batch_limit_exceeded")
"""Codes of batches that were not begun because too much is enqueued already."""

_MODEL_CODES: Final = ("model_not_found", "DeploymentNotFound", "invalid_model")


@dataclass(frozen=True, slots=True)
class Line:
    """One request as it stands in a batch file.

    Attributes:
        key: The request's key.
        path: The address that the whole file goes to, such as «/v1/chat/completions».
        model: The one model of the file.
        data: The line itself, with its line end.
        inputs: How many inputs it counts as, where the API counts them (embeddings).
    """

    key: bytes
    path: str
    model: str
    data: bytes
    inputs: int = 1


def line_of(request: Request, dialect: Dialect, *, azure: bool = False) -> Line:
    """Write a screened request as a line.

    Args:
        request: What is asked; only literal parts.
        dialect: What the endpoint understands.
        azure: Whether the endpoint is Azure's, whose batches name chat completions without «/v1».

    Raises:
        OptionError: For an option the API has no field for.

    >>> from promptkit.prompt import Message
    >>> hi = Request(messages=(Message("user", "Hi"),), model="m")
    >>> line_of(hi, Dialect()).path
    '/v1/chat/completions'
    """
    below, body = encode(request, dialect)
    path = below if azure and request.api == "chat" else f"/v1{below}"
    entry = {"custom_id": request.key.hex(), "method": "POST", "url": path, "body": body}
    text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
    inputs = len(body["input"]) if request.api == "embeddings" else 1
    return Line(request.key, path, request.model, text.encode("utf-8", "replace") + b"\n", inputs)


async def write_lines(
    requests: Sequence[Request], dialect: Dialect, max_bytes: int, *, azure: bool
) -> tuple[list[Line], dict[bytes, PromptkitError]]:
    """Write screened requests as lines; return them, and the errors of those that cannot be."""
    lines: list[Line] = []
    errors: dict[bytes, PromptkitError] = {}
    for number, request in enumerate(requests, 1):
        try:
            line = line_of(request, dialect, azure=azure)
            if len(line.data) > max_bytes:
                raise too_long(line, max_bytes)
            lines.append(line)
        except PromptkitError as error:
            errors[request.key] = error
        if number % _TURN == 0:
            await asyncio.sleep(0)
    return lines, errors


def split(lines: Iterable[Line], *, max_lines: int, max_bytes: int) -> Iterator[list[Line]]:
    """Cut lines into files: one address and one model in each, none larger than allowed.

    Embeddings count by their inputs. No line may be longer than `max_bytes` by itself.

    >>> lines = [Line(bytes([n]), "/v1/x", "m", b"12345") for n in range(5)]
    >>> [len(chunk) for chunk in split(lines, max_lines=2, max_bytes=100)]
    [2, 2, 1]
    >>> [len(chunk) for chunk in split(lines, max_lines=9, max_bytes=15)]
    [3, 2]
    """
    open_files: dict[tuple[str, str], list[Line]] = {}
    sizes: dict[tuple[str, str], tuple[int, int]] = {}
    for line in lines:
        kind = (line.path, line.model)
        count, size = sizes.get(kind, (0, 0))
        if count and (count + line.inputs > max_lines or size + len(line.data) > max_bytes):
            yield open_files.pop(kind)
            count, size = 0, 0
        open_files.setdefault(kind, []).append(line)
        sizes[kind] = (count + line.inputs, size + len(line.data))
    yield from open_files.values()


def read_key(raw: bytes) -> tuple[bytes, Mapping[str, Any]] | None:
    r"""Return the request's key and the content of one output line; None for no such line.

    >>> read_key(b'{"custom_id": "00ff", "response": null}')[0]
    b'\x00\xff'
    >>> read_key(b"{ cut off") is None
    True
    """
    try:
        data = json.loads(raw)
        return bytes.fromhex(data["custom_id"]), data
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def outcome_of(request: Request, data: Mapping[str, Any], dialect: Dialect) -> Response | CallError:
    """Read the answer in an output line, or the error that it means.

    Args:
        request: What the line asked.
        data: The line, as `read_key` returned it.
        dialect: What the endpoint understands.
    """
    answer = data.get("response")
    error = data.get("error")
    if isinstance(answer, Mapping):
        status, body = answer.get("status_code"), answer.get("body")
        status = status if isinstance(status, int) else 200
        if status >= _FIRST_ERROR:
            return error_of(request, status, json.dumps(body).encode())
        if isinstance(body, Mapping) and body.get("error"):
            return error_of(request, 400, json.dumps(body).encode())
        if body is not None:
            try:
                return decode(request, body, dialect)
            except ProtocolError as unreadable:
                return unreadable
    if isinstance(error, Mapping):
        return _unrun(request, str(error.get("code") or ""), error)
    return ProtocolError("the batch has neither an answer nor an error on this line")


def _unrun(request: Request, code: str, error: Mapping[str, Any]) -> CallError:
    """Return the error of a line that was not run."""
    if code == "batch_cancelled":
        hint = "run again to ask it anew"
        return CallError("the batch was cancelled before this line was run", hint=hint)
    if code in _UNRUN:
        why = "expired" if code == "batch_expired" else "failed at the server"
        return ServerError(f"the batch {why} before this line was run")
    body = json.dumps({"error": dict(error)}).encode()
    return error_of(request, 400, body)


def missing() -> ProtocolError:
    """Return the error for a line that an ended batch says nothing about."""
    return ProtocolError("the batch ended without a word on this line")


def too_long(line: Line, max_bytes: int) -> RefusedRequestError:
    """Return the error for a line that no file may hold."""
    msg = f"this request takes {len(line.data):,} bytes; a batch file may have {max_bytes:,}"
    return RefusedRequestError(msg, hint="shorten the prompt")


def rejections(
    batch: Mapping[str, Any], keys: Sequence[bytes], requests: Mapping[bytes, Request]
) -> dict[bytes, CallError]:
    """Tell why a failed batch was not begun: for the lines it names, or for all of them.

    A batch that fails its validation runs none of its lines. Lines it does not name while it
    names others are to be asked again, which a retryable error says.

    Args:
        batch: The batch, with `status` «failed».
        keys: Its lines in their order.
        requests: Those of them that are asked about.
    """
    listed = (batch.get("errors") or {}).get("data") or []
    errors = [error for error in listed if isinstance(error, Mapping)]
    general = next((error for error in errors if not isinstance(error.get("line"), int)), None)
    named = {
        keys[error["line"] - 1]: error
        for error in errors
        if isinstance(error.get("line"), int) and 1 <= error["line"] <= len(keys)
    }
    found: dict[bytes, CallError] = {}
    for key, request in requests.items():
        if key in named:
            found[key] = _rejection(request, named[key])
        elif named and general is None:
            found[key] = ServerError("the batch was refused because of other lines")
        else:
            found[key] = _rejection(request, general or {})
    return found


def _rejection(request: Request, error: Mapping[str, Any]) -> CallError:
    code = str(error.get("code") or "")
    words = error_of(request, 400, json.dumps({"error": dict(error)}).encode()).message
    said = f"the batch was refused before it began: {words}"
    if code in _FULL:
        return RateLimitError(said, hint="wait for the batches under way to end")
    if code in _MODEL_CODES:
        return UnknownModelError(said, hint=f"check the model's name ({request.model!r})")
    return RefusedRequestError(said, hint="the endpoint names the cause")
