"""AsyncOpenAI, with its own HTTP client or with aiohttp, in a window of tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from child import KEY, MARK, MODEL, Setting, windowed


@asynccontextmanager
async def opened(setting: Setting, failed: dict[str, int] | None = None) -> AsyncIterator[Any]:
    import openai

    http = openai.DefaultAioHttpClient() if setting.variant == "aiohttp" else None
    async with openai.AsyncOpenAI(
        base_url=setting.url, api_key=KEY, timeout=120, http_client=http
    ) as client:

        async def ask(prompt: str) -> str:
            messages: Any = [{"role": "user", "content": prompt}]
            answer = await client.chat.completions.create(
                model=MODEL, messages=messages, temperature=0
            )
            return answer.choices[0].message.content or ""

        async def stream(prompt: str) -> str:
            messages: Any = [{"role": "user", "content": prompt}]
            text = ""
            async for event in await client.chat.completions.create(
                model=MODEL,
                messages=messages,
                temperature=0,
                stream=True,
                stream_options={"include_usage": True},
            ):
                if event.choices:
                    text += event.choices[0].delta.content or ""
            return text

        async def ask_or_fail(prompt: str) -> str:
            try:
                return await ask(prompt)
            except openai.OpenAIError as error:
                name = type(error).__name__
                failed[name] = failed.get(name, 0) + 1  # type: ignore[index]
                return MARK

        async def run(prompts: Iterable[str]) -> int:
            call = stream if setting.kind == "stream" else ask
            call = call if failed is None else ask_or_fail
            return await windowed(call, prompts, setting.window)

        yield run
