"""Record what a model answered, and replay it with no model, no key and no network.

A recording is a JSON-lines file: a header, then one line per answered request with the request in
full, so that it can be read, compared and put under version control. Where a request stands there
twice, the later answer holds. The endpoint is not part of a request here: a recording is replayed
wherever it is.
"""

from __future__ import annotations

import difflib
import json
import os
import threading
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from promptkit.codec import request_from_json, request_to_json, response_from_json, response_to_json
from promptkit.errors import ReplayError, StoreError
from promptkit.request import Request
from promptkit.response import Response
from promptkit.transport import OnText, Transport
from promptkit.transports.store import Keeps

FORMAT: Final = "promptkit-recording"
VERSION: Final = 1

_COMPARED: Final = 200
"""How many recorded requests are compared closely to say what differs."""

_PLAIN: Final = ("model", "api", "sample")
_UNSET: Final = {"api": "chat", "sample": 0}
"""What is not written down because it is the default."""

_SHOWN: Final = 40
"""How many characters are shown around the first difference."""


class Recorder:
    """A layer that writes each request and its answer to a recording."""

    def __init__(
        self,
        inner: Transport,
        path: str | os.PathLike[str],
        model: str | None,
        keeps: Keeps | None = None,
    ) -> None:
        """Wrap `inner`; begin the file, or go on with one that is there.

        What `keeps` says no to is answered, and not recorded.
        """
        self.inner = inner
        self.keeps = keeps
        self.path = Path(path)
        self._lock = threading.Lock()
        self._known: set[str] = set()
        if self.path.exists() and self.path.stat().st_size:
            _, entries = _read(self.path)
            _cut_torn_line(self.path)
            self._known = {_canonical(entry["request"]) for entry in entries}
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._append({"format": FORMAT, "version": VERSION, "model": model})

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Ask, then write both down."""
        response = await self.inner(request, on_text)
        if self.keeps is not None and not self.keeps(request, response):
            text = f"promptkit: {self.path} leaves out an answer that the policy does not store"
            warnings.warn(text, RecordingWarning, stacklevel=2)
            return response
        asked = request_to_json(request.asked)
        name = _canonical(asked)
        if name not in self._known or response.log.source == "endpoint":
            self._known.add(name)
            self._append({"request": asked, "response": response_to_json(response)})
        return response

    def _append(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        try:
            with self._lock, self.path.open("ab") as file:
                file.write(line.encode("utf-8", "surrogatepass"))
        except OSError as error:
            text = f"promptkit: {self.path} cannot be written ({error.strerror}): not recorded"
            warnings.warn(text, RecordingWarning, stacklevel=2)


class RecordingWarning(UserWarning):
    """Answers are not recorded: the disk is full, or the policy forbids it. They are returned."""


class Replay:
    """A Transport that answers from a recording.

    Attributes:
        model: The model the recording was made with, for sessions that name none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read the recording.

        Raises:
            StoreError: When the file is missing or is no recording.
        """
        self.path = Path(path)
        header, entries = _read(self.path)
        self.model: str | None = header.get("model")
        self._answers: dict[str, Any] = {}
        self._asked: list[dict[str, Any]] = []
        for entry in entries:
            self._answers[_canonical(entry["request"])] = entry["response"]
            self._asked.append(entry["request"])

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Answer as recorded.

        Raises:
            ReplayError: When this request is not in the recording; it names what differs.
        """
        asked = request_to_json(request.asked)
        answer = self._answers.get(_canonical(asked))
        if answer is None:
            msg = f"{self.path.name} has no answer to this request ({self._difference(asked)})"
            raise ReplayError(
                msg, hint="undo the change, or record it again with connect(record=…)"
            )
        response = response_from_json(answer)
        if on_text and response.text:
            on_text(response.text)
        return response.with_log(
            source="replay", attempts=0, latency_s=answer.get("latency_s", 0.0)
        )

    def _difference(self, asked: dict[str, Any]) -> str:
        if not self._asked:
            return "it is empty"
        texts = _texts(asked)

        def likeness(recorded: dict[str, Any]) -> tuple[float, int]:
            matcher = difflib.SequenceMatcher(None, texts[-2000:], _texts(recorded)[-2000:])
            same = sum(asked.get(name) == recorded.get(name) for name in (*asked, *recorded))
            return matcher.quick_ratio(), same

        nearest = max(self._asked[:_COMPARED], key=likeness)
        return "; ".join(_differences(nearest, asked))


def _differences(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterable[str]:
    """Say how a request differs from the recorded one that is most like it."""
    old = {name: recorded[name] for name in _PLAIN if name in recorded} | recorded.get(
        "options", {}
    )
    new = {name: asked[name] for name in _PLAIN if name in asked} | asked.get("options", {})
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            unset = _UNSET.get(name, "unset")
            before, after = (fields.get(name, unset) for fields in (old, new))
            yield f"{name}: recorded {before!r}, asked {after!r}"
    before, after = recorded["messages"], asked["messages"]
    if len(before) != len(after):
        yield f"recorded with {len(before)} messages, asked with {len(after)}"
    for number, (one, other) in enumerate(zip(before, after, strict=False), 1):
        if one["role"] != other["role"]:
            yield f"message {number}: recorded from {one['role']}, asked from {other['role']}"
        elif one["content"] != other["content"]:
            yield f"message {number} ({one['role']}) {_text_difference(one, other)}"


def _text_difference(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    one, other = _text(recorded), _text(asked)
    place = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    start = max(0, place - _SHOWN // 2)
    shown = [repr(text[start : start + _SHOWN]) for text in (one, other)]
    return f"differs at character {place}: recorded …{shown[0]}…, asked …{shown[1]}…"


def _text(message: Mapping[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _texts(request: Mapping[str, Any]) -> str:
    return "\n".join(_text(message) for message in request["messages"])


def _canonical(request: Mapping[str, Any]) -> str:
    return json.dumps(request, sort_keys=True)


def _cut_torn_line(path: Path) -> None:
    """Drop a last line that a killed process left without its end."""
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def _read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        msg = f"the recording {path} cannot be read ({error.strerror})"
        raise StoreError(msg, hint="make it with connect(record=…)") from None
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            entries.append(json.loads(line.decode("utf-8", "surrogatepass")))
        except ValueError:
            if number == len(lines) and number > 1:
                break  # the process was killed while it wrote its last line
            raise StoreError(
                f"{path}, line {number}: not JSON", hint="is it a recording?"
            ) from None
    header = entries[0] if entries else None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise StoreError(
            f"{path} is no promptkit recording", hint="make one with connect(record=…)"
        )
    if header.get("version") != VERSION:
        found = header.get("version")
        msg = f"{path} is a recording of version {found}, this promptkit reads {VERSION}"
        raise StoreError(msg, hint="record it again")
    for number, entry in enumerate(entries[1:], 2):
        try:
            request_from_json(entry["request"])
            response_from_json(entry["response"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            msg = f"{path}, line {number}: no request with its response ({type(error).__name__})"
            raise StoreError(msg, hint="record it again") from None
    return header, entries[1:]
