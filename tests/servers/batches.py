"""/v1/files and /v1/batches as OpenAI has them, in memory, for tests.

    batches = Batches(lambda path, body: (200, {…}))
    batches.add_to(app)

Time passes when somebody looks: a batch moves on by the clock whenever it is asked for, so the
server has no tasks of its own. What becomes of the batches to come is told by `plans`, one for
each; `batch_server` runs it all on a port.
"""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from aiohttp import web
from servers.batch_files import Files
from servers.batch_job import (
    ENDED,
    BatchJob,
    NotFound,
    Plan,
    check,
    refusal,
)

__all__ = ["Answer", "Batches", "Plan"]

Answer = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]
"""From an address and a body to the status and body of the answer."""

ENDPOINTS = (
    "/v1/responses",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/moderations",
    "/chat/completions",  # Azure's name for it
)


class Batches(Files):
    """The two resources.

    Attributes:
        plans: What becomes of the next batches; `default` when there is none left.
        default: What becomes of all others.
        billed: How often each custom id was answered and charged for.
        created: How many batches were made.
        uploads: How many files were uploaded.
        refusals: Statuses with which the next creations are refused.
        held: Replies that wait: «upload», «create» (made or not: «before create»), «content».
        requests: How often each operation was asked for.
    """

    def __init__(self, answer: Answer, *, key: str | None = None) -> None:
        """Answer lines with `answer`; with `key`, that one alone is let in."""
        super().__init__(key)
        self.answer = answer
        self.plans: deque[Plan] = deque()
        self.default = Plan()
        self.billed: Counter[str] = Counter()
        self.created = 0
        self.refusals: deque[int] = deque()
        self._batches: dict[str, BatchJob] = {}

    def add_to(self, app: web.Application, prefix: str = "/v1") -> None:
        """Serve below `prefix`; Azure's is «/openai»."""
        router = app.router
        router.add_post(f"{prefix}/files", self._upload)
        router.add_get(f"{prefix}/files", self._list_files)
        router.add_get(f"{prefix}/files/{{id}}", self._show_file)
        router.add_get(f"{prefix}/files/{{id}}/content", self._content)
        router.add_delete(f"{prefix}/files/{{id}}", self._delete_file)
        router.add_post(f"{prefix}/batches", self._create)
        router.add_get(f"{prefix}/batches", self._list)
        router.add_get(f"{prefix}/batches/{{id}}", self._show)
        router.add_post(f"{prefix}/batches/{{id}}/cancel", self._cancel)

    # -- batches --------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.Response:
        owner = self._owner(request, "create")
        if self.refusals:
            status = self.refusals.popleft()
            code = "rate_limit_exceeded" if status == 429 else "server_error"
            return refusal(status, "Try again later", None, code=code)
        fields = await request.json()
        await self._hold("before create")
        wrong = self._wrong(owner, fields)
        if wrong is not None:
            return refusal(400, *wrong)
        plan = self.plans.popleft() if self.plans else self.default
        batch = BatchJob(
            f"batch_{next(self._numbers):08}",
            owner,
            plan,
            fields["endpoint"],
            fields["input_file_id"],
            fields.get("metadata") or {},
            time.time(),
        )
        self._batches[batch.id] = batch
        self.created += 1
        await self._hold("create")
        if plan.drop_reply:
            assert request.transport
            request.transport.abort()
        return web.json_response(batch.shown())

    def _wrong(self, owner: str, fields: dict[str, Any]) -> tuple[str, str] | None:
        """Return what is wrong with the fields of a batch to be made, and with which."""
        file = self._files.get(str(fields.get("input_file_id")))
        if file is None or file.owner != owner:
            return f"Invalid file id: {fields.get('input_file_id')}", "input_file_id"
        if file.purpose != "batch":
            return "The file's purpose must be 'batch'", "input_file_id"
        if fields.get("endpoint") not in ENDPOINTS:
            return f"Invalid value: {fields.get('endpoint')!r}", "endpoint"
        if fields.get("completion_window") != "24h":
            return "Invalid completion_window: it is '24h'", "completion_window"
        metadata = fields.get("metadata") or {}
        if len(metadata) > 16 or any(
            len(name) > 64 or not isinstance(value, str) or len(value) > 512
            for name, value in metadata.items()
        ):
            return "Invalid metadata", "metadata"
        return None

    def _batch(self, request: web.Request, what: str) -> BatchJob:
        owner = self._owner(request, what)
        batch = self._batches.get(request.match_info["id"])
        if batch is None or batch.owner != owner:
            raise NotFound(f"No batch found with id '{request.match_info['id']}'.")
        self._advance(batch)
        return batch

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(self._batch(request, "show").shown())

    async def _list(self, request: web.Request) -> web.Response:
        owner = self._owner(request, "list")
        limit, after = int(request.query.get("limit", "20")), request.query.get("after")
        if not 1 <= limit <= 100:
            return refusal(400, "limit is 1 to 100", "limit")
        mine = [batch for batch in self._batches.values() if batch.owner == owner][::-1]
        if after is not None:
            ids = [batch.id for batch in mine]
            if after not in ids:
                return refusal(400, f"Invalid cursor: {after}", "after")
            mine = mine[ids.index(after) + 1 :]
        page = mine[:limit]
        for batch in page:
            self._advance(batch)
        data = [batch.shown() for batch in page]
        return web.json_response(
            {
                "object": "list",
                "data": data,
                "first_id": data[0]["id"] if data else None,
                "last_id": data[-1]["id"] if data else None,
                "has_more": len(mine) > limit,
            }
        )

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self._batch(request, "cancel")
        if batch.status in ENDED:
            message = f"Cannot cancel a batch with status '{batch.status}'."
            return refusal(409, message, None)
        self.cancel(batch.id)
        return web.json_response(batch.shown() | {"status": "cancelling"})

    def cancel(self, batch_id: str) -> None:
        """Cancel a batch as its owner would: what is answered stays, the rest is not run."""
        batch = self._batches[batch_id]
        self._advance(batch)
        batch.enter("cancelling", time.time())
        self._close(batch, "cancelled", "batch_cancelled", "This request was cancelled.")

    # -- time -----------------------------------------------------------------------------

    def finish_all(self) -> None:
        """Let all batches end now."""
        for batch in self._batches.values():
            batch.plan = Plan(expire_after=batch.plan.expire_after, lose=batch.plan.lose)
            self._advance(batch)

    def _advance(self, batch: BatchJob) -> None:
        """Bring a batch to where it is by now."""
        now, plan = time.time(), batch.plan
        if batch.status == "validating" and now >= batch.created_at + plan.validating_s:
            self._validate(batch, now)
        if batch.status == "in_progress":
            self._run(batch, now)
        if batch.status == "finalizing" and now >= batch.at["finalizing"] + plan.finalizing_s:
            self._close(batch, "completed", "", "")

    def _validate(self, batch: BatchJob, now: float) -> None:
        plan = batch.plan
        data = self._files[batch.input_file_id].data
        batch.entries, batch.errors = check(data, batch.endpoint)
        if plan.refusal:
            batch.errors = [plan.refusal]
        batch.enter("failed" if batch.errors else "in_progress", now)

    def _run(self, batch: BatchJob, now: float) -> None:
        """Answer the lines whose time has come."""
        plan, total = batch.plan, len(batch.entries)
        passed = now - batch.at["in_progress"]
        share = 1.0 if plan.running_s <= 0 else min(1.0, passed / plan.running_s)
        due = int(total * share)
        if plan.expire_after is not None:
            due = min(due, plan.expire_after)
        while batch.done < due:
            self._answer(batch, batch.entries[batch.done])
            batch.done += 1
        if plan.expire_after is not None and share >= 1.0 and due < total:
            message = "This request could not be executed before the completion window expired."
            self._close(batch, "expired", "batch_expired", message)
        elif batch.done == total:
            batch.enter("finalizing", now)

    def _answer(self, batch: BatchJob, entry: dict[str, Any]) -> None:
        status, body = self.answer(entry["url"], entry["body"])
        if status < 300:
            self.billed[entry["custom_id"]] += 1
        if entry["custom_id"] in batch.plan.lose:
            return
        number = next(self._numbers)
        line = {
            "id": f"batch_req_{number:08}",
            "custom_id": entry["custom_id"],
            "response": {"status_code": status, "request_id": f"req_{number:08}", "body": body},
            "error": None,
        }
        (batch.output if status < 300 else batch.failures).append(line)

    def _close(self, batch: BatchJob, status: str, code: str, message: str) -> None:
        """End a batch: write its files; lines that were not run say why."""
        for entry in batch.entries[batch.done :]:
            line = {
                "id": f"batch_req_{next(self._numbers):08}",
                "custom_id": entry["custom_id"],
                "response": None,
                "error": {"code": code, "message": message},
            }
            batch.failures.append(line)
        # In reverse: the API does not promise the order of the input.
        for name, lines in (("output", batch.output[::-1]), ("error", batch.failures)):
            if lines:
                data = "".join(json.dumps(line) + "\n" for line in lines).encode()
                file = self._add(batch.owner, f"{batch.id}_{name}.jsonl", "batch_output", data)
                setattr(batch, f"{name}_file_id", file.id)
        batch.enter(status, time.time())
