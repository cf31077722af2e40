"""Completions of several prompts in one request.

Embeddings and moderations need nothing of the kind: each of their messages is an input anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from promptkit.adapters.dialect import Dialect
from promptkit.adapters.wire_chat import completion_text, completions_body, parse_completions
from promptkit.request import Request
from promptkit.response import CallLog, Response
from promptkit.tokens import Ratio
from promptkit.transports.packed import Pack


def prompts_body(request: Request, dialect: Dialect) -> dict[str, Any]:
    """Return the fields of a Completions request, which may be a pack of them."""
    if not isinstance(request, Pack):
        return completions_body(request, dialect)
    body = completions_body(request.parts[0], dialect)
    if len(request.parts) > 1:
        body["prompt"] = [completion_text(part.messages) for part in request.parts]
    return body


def parse_prompts(
    request: Request,
    data: Mapping[str, Any],
    dialect: Dialect,
    headers: Mapping[str, str],
    log: CallLog,
) -> Response:
    """Read a Completions answer; that to a pack has the answers to all of its prompts."""
    response = parse_completions(request, data, dialect, headers, log)
    if dialect.constraints != "grammar" or not isinstance(request, Pack):
        return response
    # llama.cpp counts the tokens of one prompt.
    tokens_in = max(response.usage.input_tokens, Ratio().estimate(request))
    return replace(response, usage=replace(response.usage, input_tokens=tokens_in, estimated=True))
