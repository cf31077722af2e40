"""litellm's acompletion in a window of tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from child import KEY, MODEL, Setting, windowed


@asynccontextmanager
async def opened(setting: Setting, failed: dict[str, int] | None = None) -> AsyncIterator[Any]:
    del failed
    import litellm

    litellm.suppress_debug_info = True
    more: dict[str, Any] = {"api_base": setting.url, "api_key": KEY, "temperature": 0}
    if setting.kind == "cached":
        from litellm.caching.caching import Cache

        kept = {"type": "disk", "disk_cache_dir": setting.folder} if setting.store == "file" else {}
        litellm.cache = Cache(**kept)
        more["caching"] = True

    async def ask(prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        answer: Any = await litellm.acompletion(model=f"openai/{MODEL}", messages=messages, **more)
        return answer.choices[0].message.content or ""

    async def stream(prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        text = ""
        events: Any = await litellm.acompletion(
            model=f"openai/{MODEL}", messages=messages, stream=True, **more
        )
        async for event in events:
            if event.choices:
                text += event.choices[0].delta.content or ""
        return text

    async def run(prompts: Iterable[str]) -> int:
        call = stream if setting.kind == "stream" else ask
        return await windowed(call, prompts, setting.window)

    yield run
