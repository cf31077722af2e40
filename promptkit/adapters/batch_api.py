"""The batch API: files that are uploaded, batches that are made of them, and their output.

Each method is one operation, tried once; what may be tried again is for the caller to decide,
who reads it from the error. A batch carries a token in its metadata: with it, a batch whose
maker died before it could write the number down is found again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from promptkit.adapters.batch_send import Reply, Sender, Upload
from promptkit.adapters.classify import error_of
from promptkit.adapters.dialect import Dialect
from promptkit.errors import CallError, OptionError, ProtocolError, ServerError
from promptkit.request import Request

ENDED: Final = ("completed", "failed", "expired", "cancelled")
"""The states in which a batch stays."""

TOKEN: Final = "promptkit"  # noqa: S105 -- the name of a metadata field
"""The metadata field that holds the token."""

_PAGE: Final = 100
_MOST_PAGES: Final = 100
_MARGIN_S: Final = 86_400.0
"""How far the server's clock may be from ours when old batches are passed over, in seconds."""

_NO_SUCH_ADDRESS: Final = (404, 405, 501)
_FIRST_ERROR: Final = 300
_FILE_PERIOD_S: Final = 1.0
_FILE_CHECKS: Final = 600


class BatchApi:
    """The operations of one endpoint on files and batches.

    Attributes:
        endpoint: Who answers, as in a request's key.
        dialect: What the endpoint understands.
        owner: Tells keys apart without being one: a batch is its key's.
        azure: Whether it is Azure's service.
    """

    def __init__(self, sender: Sender, dialect: Dialect, owner: str = "") -> None:
        """Speak through `sender`."""
        self._sender = sender
        self.endpoint = sender.endpoint
        self.azure = sender.azure
        self.dialect = dialect
        self.owner = owner

    async def upload(self, name: str, data: bytes) -> str:
        """Upload a file of requests and return its id once the endpoint has taken it in.

        Raises:
            OptionError: When the endpoint has no batch API.
            CallError: When the file was not taken.
        """
        upload = Upload(name, data)
        reply = await self._sender.send(
            "POST", "/files", fields={"purpose": "batch"}, upload=upload
        )
        if reply.status in _NO_SUCH_ADDRESS:
            msg = f"{self.endpoint.split(' ', maxsplit=1)[0]} has no batch API"
            hint = f"HTTP {reply.status} for /files; use session.map there"
            raise OptionError(msg, hint=hint)
        file = self._object(reply)
        for _ in range(_FILE_CHECKS):  # Azure checks a file before a batch may be made of it
            if file.get("status") not in ("pending", "running", "notRunning"):
                break
            await asyncio.sleep(_FILE_PERIOD_S)
            file = self._object(await self._sender.send("GET", f"/files/{file['id']}"))
        if file.get("status") == "error":
            self._object(Reply(400, json.dumps({"error": file.get("error") or {}}).encode()))
        return str(file["id"])

    async def create(self, file_id: str, path: str, window: str, token: str) -> dict[str, Any]:
        """Make a batch of a file.

        Raises:
            CallError: When none was made, or when nobody knows (its `billed` tells).
        """
        fields = {
            "input_file_id": file_id,
            "endpoint": path,
            "completion_window": window,
            "metadata": {TOKEN: token},
        }
        return self._object(await self._sender.send("POST", "/batches", fields=fields))

    async def batch(self, batch_id: str) -> dict[str, Any] | None:
        """Return a batch as it is now; None when this key knows no such batch.

        Raises:
            CallError: When the endpoint does not say.
        """
        reply = await self._sender.send("GET", f"/batches/{batch_id}")
        return None if reply.status == 404 else self._object(reply)  # noqa: PLR2004 -- Not Found

    async def find(self, token: str, since: float) -> list[dict[str, Any]]:
        """Return the batches that carry a token, the first made first.

        Args:
            token: What `create` was given.
            since: Unix seconds before which none of them was made.

        Raises:
            CallError: When the endpoint does not say.
        """
        found = []
        query = {"limit": str(_PAGE)}
        for _ in range(_MOST_PAGES):
            page = self._object(await self._sender.send("GET", "/batches", query=query))
            batches = [entry for entry in page.get("data") or [] if isinstance(entry, Mapping)]
            found += [
                dict(batch)
                for batch in batches
                if (batch.get("metadata") or {}).get(TOKEN) == token
            ]
            oldest = min((_created(batch) for batch in batches), default=0.0)
            if not page.get("has_more") or not batches or oldest < since - _MARGIN_S:
                break
            query = {"limit": str(_PAGE), "after": str(page.get("last_id") or batches[-1]["id"])}
        return sorted(found, key=_created)

    async def cancel(self, batch_id: str) -> None:
        """Cancel a batch: what it has answered is kept and charged for, the rest is not run.

        Raises:
            CallError: When the endpoint did not do it.
        """
        reply = await self._sender.send("POST", f"/batches/{batch_id}/cancel", fields={})
        if reply.status not in (400, 404, 409):  # it ended by itself, or is gone
            self._object(reply)

    async def lines(self, file_id: str) -> AsyncIterator[bytes]:
        """Yield the lines of a file as they come.

        Raises:
            CallError: When it cannot be read to its end.
        """
        async for line in self._sender.lines(f"/files/{file_id}/content"):
            if isinstance(line, Reply):
                self._object(line)
                raise ProtocolError(f"HTTP {line.status} in place of a file", status=line.status)
            yield line

    async def delete(self, file_id: str) -> None:
        """Delete a file; one that is gone already is no error.

        Raises:
            CallError: When the endpoint did not do it.
        """
        reply = await self._sender.send("DELETE", f"/files/{file_id}")
        if reply.status != 404:  # noqa: PLR2004 -- Not Found
            self._object(reply)

    def _object(self, reply: Reply) -> dict[str, Any]:
        """Return the object in a reply, or raise the error that it means."""
        if reply.status >= _FIRST_ERROR:
            about = Request(messages=(), model="(batch)", endpoint=self.endpoint)
            error = error_of(about, reply.status, reply.body, reply.headers)
            error.message = error.message.replace(" for model '(batch)'", " from the batch API", 1)
            # A gateway that failed may have passed the request on all the same.
            error.billed = isinstance(error, ServerError)
            raise error
        try:
            data = json.loads(reply.body)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise ProtocolError("the batch API's answer is no JSON object", status=reply.status)
        return data

    def __repr__(self) -> str:
        """Show the endpoint; never the key."""
        return f"BatchApi({self.endpoint})"


def _created(batch: Mapping[str, Any]) -> float:
    created = batch.get("created_at")
    return float(created) if isinstance(created, (int, float)) else 0.0


def is_uncertain(error: CallError) -> bool:
    """Whether a batch may have been made although `create` raised this error.

    >>> is_uncertain(CallError("refused"))
    False
    """
    return error.billed
