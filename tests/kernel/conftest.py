"""A real kernel that cells are run in, and a slow local server that it calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import time
from dataclasses import dataclass, field
from queue import Empty

import pytest
from jupyter_client.manager import KernelManager

SETUP = """
%load_ext promptkit
import asyncio, time
import promptkit as pk
model = pk.testing.Scripted(lambda request: "four")
session = pk.connect(transport=model, model="gpt-4o-mini")
"""


@dataclass
class Ran:
    """A cell that ran: its outputs as a front end holds them, updates applied."""

    msg_id: str
    outputs: list[dict] = field(default_factory=list)
    messages: list[dict] = field(default_factory=list)
    reply: dict | None = None
    is_idle: bool = False

    @property
    def displays(self):
        return [out for out in self.outputs if out["type"] == "display_data"]

    @property
    def text(self):
        return "\n".join(out["data"]["text/plain"] for out in self.displays)

    @property
    def html(self):
        return "\n".join(out["data"]["text/html"] for out in self.displays)

    @property
    def error(self):
        return next((out for out in self.outputs if out["type"] == "error"), None)


class Notebook:
    """Runs cells in one kernel and keeps their outputs as JupyterLab would."""

    def __init__(self, env):
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env={**os.environ, **env})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.cells = {}

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.context.destroy(linger=0)

    def start(self, code):
        ran = Ran(self.client.execute(code, store_history=True))
        self.cells[ran.msg_id] = ran
        return ran

    def run(self, code, timeout=60):
        return self.finish(self.start(code), timeout)

    def finish(self, ran, timeout=60):
        self.until(lambda: ran.is_idle, timeout)
        while ran.reply is None:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == ran.msg_id:
                ran.reply = reply["content"]
        return ran

    def until(self, condition, timeout=30):
        """Read messages until `condition` holds."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"nothing of the kind in {timeout} s: {self._all_text()}")
            with contextlib.suppress(Empty):
                self._take(self.client.get_iopub_msg(timeout=0.2))

    def _all_text(self):
        return [out for ran in self.cells.values() for out in ran.outputs]

    def _take(self, message):
        kind, content = message["msg_type"], message["content"]
        ran = self.cells.get(message["parent_header"].get("msg_id"))
        if kind == "update_display_data":
            self._update(content)
        if ran is None:
            return
        ran.messages.append(message)
        if kind == "status":
            ran.is_idle = ran.is_idle or content["execution_state"] == "idle"
        elif kind in ("display_data", "execute_result", "error", "stream"):
            ran.outputs.append({"type": kind, **content})

    def _update(self, content):
        name = content["transient"]["display_id"]
        for ran in self.cells.values():
            for out in ran.displays:
                if out.get("transient", {}).get("display_id") == name:
                    out["data"] = content["data"]


@pytest.fixture(scope="module")
def new_notebook(tmp_path_factory):
    """Start kernels with an environment of the test's choosing."""
    opened = []
    folder = tmp_path_factory.mktemp("home")

    def start(**env):
        folders = {"IPYTHONDIR": str(folder / "ipython"), "PROMPTKIT_HOME": str(folder / "home")}
        notebook = Notebook({"PROMPTKIT_DISPLAY": "", "PROMPTKIT_READOUT": "1", **folders, **env})
        opened.append(notebook)
        return notebook

    yield start
    for notebook in opened:
        notebook.close()


@pytest.fixture(scope="module")
def _shared(new_notebook):
    return new_notebook()


@pytest.fixture
def notebook(_shared):
    """A kernel with the extension loaded and a new session on a scripted model."""
    ran = _shared.run(SETUP)
    assert ran.reply["status"] == "ok", ran.outputs
    return _shared


class SlowServer:
    """An OpenAI-compatible endpoint that answers the first few requests and lets the rest wait."""

    def __init__(self, answers):
        self.answers = answers
        self.requests = 0
        self.open = 0
        self.closed_at = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    async def _serve(self, reader, writer):
        self.open += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            self.closed_at.append(time.monotonic())
            writer.close()

    async def _answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        await reader.readexactly(length)
        self.requests += 1
        if self.requests > self.answers:
            await reader.read(1)  # until the client goes away
            return False
        body = json.dumps(_COMPLETION).encode()
        start = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        writer.write(start + b"content-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        return True

    def close(self):
        async def end():
            self._server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


_COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "four"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
}


@pytest.fixture
def slow_server():
    """A server whose first eight answers come at once and whose others never come."""
    server = SlowServer(answers=8)
    yield server
    server.close()
