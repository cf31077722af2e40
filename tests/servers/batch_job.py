"""Files and batches as the fault-free part of `batches` keeps them, and how a file is checked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

ENDED = ("completed", "failed", "expired", "cancelled")
MAX_LINES = 50_000
_DAY_S = 86_400
_NEEDED = ("custom_id", "method", "url", "body")


@dataclass
class Plan:
    """What becomes of one batch.

    Attributes:
        validating_s: How long its file is checked.
        running_s: How long its lines take; they are answered evenly over that time.
        finalizing_s: How long its output takes.
        expire_after: After how many answered lines it expires.
        refusal: The error that its validation ends with.
        lose: Lines that come out in neither file.
        drop_reply: Whether the reply to its creation is lost on the way.
    """

    validating_s: float = 0.0
    running_s: float = 0.0
    finalizing_s: float = 0.0
    expire_after: int | None = None
    refusal: dict[str, Any] | None = None
    lose: frozenset[str] = frozenset()
    drop_reply: bool = False


@dataclass
class BatchFile:
    """A file as it was uploaded or written."""

    id: str
    owner: str
    name: str
    purpose: str
    data: bytes
    created_at: float

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.data),
            "created_at": int(self.created_at),
            "expires_at": int(self.created_at) + 30 * _DAY_S,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


@dataclass
class BatchJob:
    """A batch, its lines and what came of them."""

    id: str
    owner: str
    plan: Plan
    endpoint: str
    input_file_id: str
    metadata: dict[str, str]
    created_at: float
    status: str = "validating"
    at: dict[str, float] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    output: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    done: int = 0
    output_file_id: str | None = None
    error_file_id: str | None = None

    def enter(self, status: str, now: float) -> None:
        self.status = status
        self.at[status] = now

    def shown(self) -> dict[str, Any]:
        completed = sum(1 for _ in self.output)
        failed = sum(1 for line in self.failures if line["response"] is not None)
        stamps = {
            f"{name}_at": int(self.at[name]) if name in self.at else None
            for name in ("in_progress", "finalizing", "cancelling", *ENDED)
        }
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.input_file_id,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "created_at": int(self.created_at),
            "expires_at": int(self.created_at) + _DAY_S,
            **stamps,
            "request_counts": {
                "total": len(self.entries),
                "completed": completed,
                "failed": failed,
            },
            "metadata": self.metadata or None,
        }


def check(data: bytes, endpoint: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the lines of a batch's file and what the API finds wrong with them."""
    entries: list[dict[str, Any]] = []
    faults: list[dict[str, Any]] = []
    for number, raw in enumerate(data.split(b"\n"), 1):
        if not raw.strip():
            continue
        try:
            entry = json.loads(raw)
        except ValueError:
            faults.append(_fault("invalid_json_line", "This line is not valid JSON.", number))
            continue
        missing = [name for name in _NEEDED if name not in entry]
        if missing:
            code = "missing_required_parameter"
            faults.append(_fault(code, f"Missing required parameter: {missing[0]!r}.", number))
            continue
        if entry["method"] != "POST":
            faults.append(_fault("invalid_method", "The method must be POST.", number))
        if entry["url"] != endpoint:
            message = "The URL does not match the batch's endpoint."
            faults.append(_fault("mismatched_url", message, number))
        entries.append(entry)
    return entries, faults + _faults_of_all(entries)


def _faults_of_all(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    faults = []
    seen: set[str] = set()
    for number, entry in enumerate(entries, 1):
        if entry["custom_id"] in seen:
            message = "The custom_id is not unique in the file."
            faults.append(_fault("duplicate_custom_id", message, number))
        seen.add(entry["custom_id"])
    if not entries:
        faults.append(_fault("empty_file", "The input file has no lines.", None))
    if len(entries) > MAX_LINES:
        faults.append(_fault("too_many_tasks", f"The limit is {MAX_LINES} lines.", None))
    if len({str(entry["body"].get("model")) for entry in entries}) > 1:
        faults.append(_fault("mismatched_model", "All lines must name the same model.", None))
    return faults


def _fault(code: str, message: str, line: int | None) -> dict[str, Any]:
    return {"code": code, "line": line, "message": message, "param": None}


class NotFound(web.HTTPNotFound):
    """Raised for a file or batch that is not there, or not this key's."""

    def __init__(self, message: str) -> None:
        super().__init__(text=error_body(message, "id", None), content_type="application/json")


def error_body(message: str, param: str | None, code: str | None) -> str:
    detail = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return json.dumps({"error": detail})


def refusal(
    status: int, message: str, param: str | None, *, code: str | None = None
) -> web.Response:
    body = error_body(message, param, code)
    return web.Response(status=status, text=body, content_type="application/json")
