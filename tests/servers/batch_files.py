"""/v1/files as OpenAI has it, in memory: what `batches` stands on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from itertools import count

from aiohttp import web
from servers.batch_job import BatchFile, NotFound, error_body, refusal


class Files:
    """The files of all who ask; each key sees its own."""

    def __init__(self, key: str | None) -> None:
        """Let everybody in, or one key alone."""
        self.key = key
        self.uploads = 0
        self.held: set[str] = set()
        self.requests: Counter[str] = Counter()
        self._files: dict[str, BatchFile] = {}
        self._numbers = count(1)

    async def _upload(self, request: web.Request) -> web.Response:
        owner = self._owner(request, "upload")
        if not request.content_type.startswith("multipart/"):
            return refusal(400, "'file' is a required property", None)
        form = await request.post()
        file, purpose = form.get("file"), form.get("purpose")
        if not isinstance(file, web.FileField):
            return refusal(400, "'file' is a required property", None)
        if purpose not in ("batch", "fine-tune", "user_data", "assistants", "vision", "evals"):
            return refusal(400, f"{purpose!r} is not one of the purposes", "purpose")
        data = file.file.read()
        if purpose == "batch" and not file.filename.endswith(".jsonl"):
            return refusal(400, "Invalid file format. Must be .jsonl", "file")
        self.uploads += 1
        await self._hold("upload")
        return web.json_response(self._add(owner, file.filename, str(purpose), data).shown())

    def _add(self, owner: str, name: str, purpose: str, data: bytes) -> BatchFile:
        file = BatchFile(f"file-{next(self._numbers):08}", owner, name, purpose, data, time.time())
        self._files[file.id] = file
        return file

    async def _list_files(self, request: web.Request) -> web.Response:
        owner = self._owner(request, "list files")
        mine = [file.shown() for file in self._files.values() if file.owner == owner]
        return web.json_response({"object": "list", "data": mine[::-1], "has_more": False})

    def _file(self, request: web.Request, what: str) -> BatchFile:
        owner = self._owner(request, what)
        file = self._files.get(request.match_info["id"])
        if file is None or file.owner != owner:
            raise NotFound(f"No such File object: {request.match_info['id']}")
        return file

    async def _show_file(self, request: web.Request) -> web.Response:
        return web.json_response(self._file(request, "show file").shown())

    async def _content(self, request: web.Request) -> web.Response:
        file = self._file(request, "content")
        await self._hold("content")
        return web.Response(body=file.data, content_type="application/octet-stream")

    async def _delete_file(self, request: web.Request) -> web.Response:
        file = self._file(request, "delete file")
        del self._files[file.id]
        return web.json_response({"id": file.id, "object": "file", "deleted": True})

    async def _hold(self, what: str) -> None:
        while what in self.held:
            await asyncio.sleep(0.01)

    # -- who asks -------------------------------------------------------------------------

    def _owner(self, request: web.Request, what: str) -> str:
        self.requests[what] += 1
        sent = request.headers.get("api-key") or request.headers.get("Authorization", "")
        sent = sent.removeprefix("Bearer ")
        if self.key is not None and sent != self.key:
            body = error_body(f"Incorrect API key provided: {sent}.", None, "invalid_api_key")
            raise web.HTTPUnauthorized(text=body, content_type="application/json")
        return sent
