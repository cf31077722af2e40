"""A Response as the columns of one row, and back without decoding more than is asked for.

Nearly every answer is one text with a few numbers: it stands in columns, which SQLite hands over
as Python objects, and no JSON is parsed for it. What some answers have besides (log-probabilities,
further choices, vectors) is the `body`: JSON behind a checksum, decoded when somebody reads it.
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple
from zlib import crc32

from promptkit.adapters.encryption import Sealer
from promptkit.codec import response_from_json, response_to_json
from promptkit.errors import StoreError
from promptkit.request import is_encodable
from promptkit.response import NO_HEADERS, Choice, Deferred, Response, Usage
from promptkit.transports.store import FROM_CACHE

_CHECKSUM_BYTES: Final = 4


class Row(NamedTuple):
    """What of a response is kept, in the order of the table's columns.

    `text` and `finish_reason` are those of the only choice; `text` is None where the choices
    stand in the body, and where the whole row does because it is encrypted.
    """

    text: str | None
    finish_reason: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    estimated: int | None
    cost_usd: float | None
    body: bytes | None


COLUMNS: Final = ", ".join(Row._fields)


def to_row(response: Response) -> Row:
    """Return the row of a response: all of it but its log and headers."""
    text: str | None = None
    finish_reason: str | None = None
    body: bytes | None = None
    choices = response.choices
    if len(choices) == 1 and response.vectors is None and response.moderations is None:
        (choice,) = choices
        text, finish_reason = choice.text, choice.finish_reason
        if not is_encodable(text) or not is_encodable(finish_reason or ""):
            text = finish_reason = None
        elif choice.logprobs is not None:
            body = _packed(response_to_json(response)["choices"][0][2])
    if text is None:
        kept = response_to_json(response)
        body = _packed({name: kept.get(name) for name in ("choices", "vectors", "moderations")})
    usage = response.usage
    return Row(
        text,
        finish_reason,
        _encodable(response.model),
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
        int(usage.estimated),
        response.cost_usd,
        body,
    )


def from_row(row: Row) -> Response:
    """Return the response that a row was made of, as an answer from the cache.

    Raises:
        ValueError: When the row is damaged.
    """
    body = row[9]
    if body is not None:
        if crc32(body[_CHECKSUM_BYTES:]) != int.from_bytes(body[:_CHECKSUM_BYTES], "big"):
            raise ValueError("its checksum is wrong")
    elif type(row[0]) is not str:
        raise ValueError("its text is none")
    response: Response = _new(Response)
    _set_cost(response, row[8])
    _set_log(response, FROM_CACHE)
    _set_deferred(response, (_decode_field, row))
    return response


def seal_row(row: Row, sealer: Sealer, place: bytes) -> Row:
    """Return the row with all of it encrypted in the body."""
    plain: list[Any] = list(row)
    plain[-1] = None if row.body is None else row.body.decode("latin-1")
    body = sealer.seal(json.dumps(plain).encode(), place)
    return Row(None, None, None, None, None, None, None, None, None, body)


def unseal_row(body: bytes, sealer: Sealer, place: bytes) -> Row:
    """Return the row that `seal_row` was given.

    Raises:
        ValueError: When it does not decrypt.
    """
    plain = json.loads(sealer.unseal(body, place))
    if plain[-1] is not None:
        plain[-1] = plain[-1].encode("latin-1")
    return Row._make(plain)


# -- the deferred fields ------------------------------------------------------------------

_new: Any = object.__new__


# The fastest way to fill a slot of a frozen dataclass.
_set_cost: Any = Response.__dict__["cost_usd"].__set__
_set_log: Any = Response.__dict__["log"].__set__
_set_deferred: Any = Deferred.__dict__["_deferred"].__set__


def _decode_field(response: Response, name: str, row: Row) -> None:
    """Fill one field of a response."""
    if name == "usage":
        value: Any = Usage(row[3] or 0, row[4] or 0, row[5] or 0, row[6] or 0, row[7] == 1)
    elif name == "headers":
        value = NO_HEADERS
    elif name == "model":
        value = row[2]
    elif name == "constraint":
        value = None  # the question's, and not stored with its answer
    elif row[0] is None:
        _decode_body(response, row[9])
        return
    elif name == "choices":
        value = (_choice(row),)
    else:
        value = None  # vectors and moderations come without a text
    object.__setattr__(response, name, value)


def _choice(row: Row) -> Choice:
    if row[9] is None:
        return Choice(row[0] or "", row[1])
    choice: Choice = _new(Choice)
    object.__setattr__(choice, "text", row[0])
    object.__setattr__(choice, "finish_reason", row[1])
    _set_deferred(choice, (_decode_logprobs, row[9]))
    return choice


def _decode_body(response: Response, body: bytes | None) -> None:
    decoded = response_from_json({**_EMPTY, **_unpacked(body)})
    for name in ("choices", "vectors", "moderations"):
        object.__setattr__(response, name, getattr(decoded, name))


def _decode_logprobs(choice: Choice, _: str, body: bytes) -> None:
    decoded = response_from_json({**_EMPTY, "choices": [["", None, _unpacked(body)]]})
    object.__setattr__(choice, "logprobs", decoded.choices[0].logprobs)


_EMPTY: Final = {"usage": (0, 0, 0, 0, 0), "model": "", "cost_usd": None}


def _packed(data: Any) -> bytes:
    plain = json.dumps(data, separators=(",", ":")).encode("ascii")
    return crc32(plain).to_bytes(_CHECKSUM_BYTES, "big") + plain


def _unpacked(body: bytes | None) -> Any:
    try:
        return json.loads((body or b"")[_CHECKSUM_BYTES:])
    except ValueError as error:  # the checksum was right: it was written wrong
        raise StoreError(f"a cached answer cannot be decoded ({error})") from None


def _encodable(text: str) -> str:
    """Return a text that SQLite can keep: with a «?» for each half of a surrogate pair."""
    return text if is_encodable(text) else text.encode("utf-8", "replace").decode()
