"""The limit of aiohttp: nothing but the request and the answer's text."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from child import KEY, MODEL, Setting, windowed


@asynccontextmanager
async def opened(setting: Setting, failed: dict[str, int] | None = None) -> AsyncIterator[Any]:
    del failed
    import aiohttp

    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    url = f"{setting.url}/chat/completions"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as client:

        async def ask(prompt: str) -> str:
            async with client.post(url, data=_body(prompt)) as answer:
                text: str = json.loads(await answer.read())["choices"][0]["message"]["content"]
            return text

        async def stream(prompt: str) -> str:
            text = ""
            async with client.post(url, data=_body(prompt, stream=True)) as answer:
                async for line in answer.content:
                    if line.startswith(b"data: {") and (choices := json.loads(line[6:])["choices"]):
                        text += choices[0]["delta"].get("content") or ""
            return text

        async def run(prompts: Iterable[str]) -> int:
            call = stream if setting.kind == "stream" else ask
            return await windowed(call, prompts, setting.window)

        yield run


def _body(prompt: str, **more: object) -> bytes:
    messages = [{"role": "user", "content": prompt}]
    return json.dumps({"model": MODEL, "messages": messages, "temperature": 0, **more}).encode()
