"""Writing and reading the JSON of the hot path.

All but the messages of a body is the same for all requests with equal options, so it is written
once for each set of options; only the messages are written per request. What is sent is the same
JSON object that `wire.encode` makes, its fields in another order.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring  # the compiled one, where there is one
from typing import Any, Final

from promptkit.adapters.address import address
from promptkit.adapters.dialect import Dialect
from promptkit.adapters.wire import encode
from promptkit.adapters.wire_chat import completion_text
from promptkit.request import Request

try:
    import orjson
except ImportError:
    _loads: Callable[[bytes | str], Any] = json.loads
else:
    _loads = orjson.loads

_CONTENT: Final = {"chat": "messages", "responses": "input", "completions": "prompt"}
"""The field that holds what differs from request to request."""

_MOST_FRAMES: Final = 256

Frame = tuple[str, bytes, str]
"""Address, all of the body up to the content, and the content's field."""


class BodyWriter:
    """Writes bodies for one endpoint."""

    def __init__(self, base_url: str, api_version: str | None, dialect: Dialect) -> None:
        """Prepare; nothing is written yet."""
        self._base_url = base_url
        self._api_version = api_version
        self._dialect = dialect
        self._frames: dict[tuple[bytes, str, str, bool, bool], Frame | None] = {}
        kept = () if dialect.is_openai else (("developer", "system"),)
        roles = {role: role for role in ("system", "developer", "user", "assistant", "tool")}
        self._roles = {
            role: f'{{"role":"{sent}","content":' for role, sent in (roles | dict(kept)).items()
        }

    def __call__(self, request: Request, *, stream: bool) -> tuple[str, bytes]:
        """Return a request's address and body.

        Raises:
            OptionError: For an option the API has no field for.
        """
        if type(request) is not Request or request.end_user:
            # A pack of several is written whole, and so is what names its asker.
            return self._whole(request, stream=stream)
        # A message that is begun adds fields of its own.
        is_begun = request.messages[-1:] != () and request.messages[-1].role == "assistant"
        what = (request.options.digest, request.model, request.api, stream, is_begun)
        if what in self._frames:
            frame = self._frames[what]
        else:
            frame = self._frame(request, stream=stream)
            if len(self._frames) >= _MOST_FRAMES:
                self._frames.clear()
            self._frames[what] = frame
        if frame is None:
            return self._whole(request, stream=stream)
        url, head, field = frame
        if field == "prompt":
            content = encode_basestring(completion_text(request.messages))
        else:
            roles = self._roles
            turns = [
                f"{roles[message.role]}{encode_basestring(message.text)}}}"
                for message in request.messages
            ]
            content = f"[{','.join(turns)}]"
        return url, b"%b%b}" % (head, content.encode("utf-8", "replace"))

    def _whole(self, request: Request, *, stream: bool) -> tuple[str, bytes]:
        path, body = encode(request, self._dialect, stream=stream)
        return address(self._base_url, path, request.model, self._api_version), dumps(body)

    def _frame(self, request: Request, *, stream: bool) -> Frame | None:
        """Return what is the same for all such requests; None when that cannot be told apart."""
        path, body = encode(request, self._dialect, stream=stream)
        field = _CONTENT.get(request.api)
        if field is None or (request.options.extra is not None and field in request.options.extra):
            return None
        del body[field]
        url = address(self._base_url, path, request.model, self._api_version)
        return url, dumps(body)[:-1] + f',"{field}":'.encode(), field


def dumps(body: dict[str, Any]) -> bytes:
    """Write JSON as it is sent: without spaces, in UTF-8.

    >>> dumps({"model": "m", "n": 1})
    b'{"model":"m","n":1}'
    """
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def loads(raw: bytes | str) -> Any:
    """Read JSON, with orjson where it is installed.

    The standard library has the last word, because it takes what orjson refuses, such as NaN and
    deeper nesting. Integers beyond 64 bits are floats to orjson; no API has any.

    Raises:
        ValueError: When it is no JSON.
        RecursionError: When it is nested too deeply.

    >>> loads(b'{"a": NaN}')
    {'a': nan}
    """
    try:
        return _loads(raw)
    except ValueError:
        return json.loads(raw)
