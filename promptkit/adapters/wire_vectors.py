"""Embeddings and Moderations: bodies and answers. Each message is one input."""

from __future__ import annotations

import base64
import binascii
import sys
from array import array
from collections.abc import Mapping
from typing import Any

from promptkit.adapters.dialect import Dialect
from promptkit.adapters.wire_chat import in_order, model_name
from promptkit.adapters.wire_usage import parse_usage
from promptkit.errors import ProtocolError
from promptkit.request import Request
from promptkit.response import CallLog, Response

_FLOAT_BYTES = 4


def embeddings_body(request: Request, dialect: Dialect) -> dict[str, Any]:
    """Return the fields of an Embeddings request; base64 is a quarter of the size of digits."""
    body: dict[str, Any] = {"input": [message.text for message in request.messages]}
    if dialect.is_openai:
        body["encoding_format"] = "base64"
    return body


def moderations_body(request: Request, _: Dialect) -> dict[str, Any]:
    """Return the fields of a Moderations request."""
    return {"input": [message.text for message in request.messages]}


def parse_embeddings(
    request: Request,
    data: Mapping[str, Any],
    _: Dialect,
    headers: Mapping[str, str],
    log: CallLog,
) -> Response:
    """Read an Embeddings answer: one vector per message, in their order."""
    items = data.get("data")
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise ProtocolError("the answer has no list of embeddings")
    if len(items) != len(request.messages):
        msg = f"{len(items)} embeddings came for {len(request.messages)} texts"
        raise ProtocolError(msg)
    return Response(
        usage=parse_usage(data.get("usage"), request, ""),
        model=model_name(data, request),
        vectors=tuple(parse_vector(item.get("embedding")) for item in in_order(items)),
        headers=headers,
        log=log,
    )


def parse_vector(data: object) -> tuple[float, ...]:
    """Read an embedding: a list of numbers, or base64 of little-endian 32-bit floats.

    >>> parse_vector("AACAPwAAAMA=")
    (1.0, -2.0)
    """
    if isinstance(data, list):
        try:
            return tuple(float(value) for value in data)
        except (TypeError, ValueError):
            raise ProtocolError("an embedding holds something that is no number") from None
    if not isinstance(data, str):
        msg = f"an embedding is of type {type(data).__name__}"
        raise ProtocolError(msg)
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("an embedding is no base64") from None
    if len(raw) % _FLOAT_BYTES:
        raise ProtocolError("an embedding ends within a number")
    floats = array("f", raw)
    if sys.byteorder == "big":
        floats.byteswap()
    return tuple(floats)


def parse_moderations(
    request: Request,
    data: Mapping[str, Any],
    _: Dialect,
    headers: Mapping[str, str],
    log: CallLog,
) -> Response:
    """Read a Moderations answer: one result per message, as the endpoint gives it."""
    results = data.get("results")
    if not isinstance(results, list) or not all(isinstance(item, Mapping) for item in results):
        raise ProtocolError("the answer has no list of results")
    if len(results) != len(request.messages):
        msg = f"{len(results)} results came for {len(request.messages)} texts"
        raise ProtocolError(msg)
    return Response(
        usage=parse_usage(data.get("usage"), request, ""),
        model=model_name(data, request),
        moderations=tuple(results),
        headers=headers,
        log=log,
    )
