"""`Batches` on a port, with answers to chat lines that a test can tell apart.

with BatchServer() as server:
    pk.connect(base_url=server.url, api_key="sk-test", model="gpt-4o-mini")
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Self

from aiohttp import web
from servers.batches import Answer, Batches


def chat_answer(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Answer a chat line with the length of its last message, and count its words as tokens."""
    text = str(body["messages"][-1]["content"])
    if "refuse" in text:
        detail = {"message": "Invalid value", "type": "invalid_request_error", "code": "bad"}
        return 400, {"error": detail}
    message = {"role": "assistant", "content": f"{text} has {len(text)} characters"}
    usage = {"prompt_tokens": len(text.split()), "completion_tokens": 4}
    usage["total_tokens"] = sum(usage.values())
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return 200, {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [choice],
        "usage": usage,
    }


class BatchServer:
    """`Batches` on a port of this machine, in a thread of its own; a context manager.

    Attributes:
        batches: The resources, to be steered and asked what they saw.
        url: The base address, up to and with «/v1».
    """

    def __init__(self, answer: Answer = chat_answer, *, key: str | None = None) -> None:
        """Prepare; `with` starts it."""
        self.batches = Batches(answer, key=key)
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(client_max_size=1 << 30)
        self.batches.add_to(app)
        self.batches.add_to(app, "/openai")
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
