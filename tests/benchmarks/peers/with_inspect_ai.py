"""inspect_ai's get_model().generate in a window of tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from child import KEY, MODEL, Setting, windowed


@asynccontextmanager
async def opened(setting: Setting, failed: dict[str, int] | None = None) -> AsyncIterator[Any]:
    del failed
    from inspect_ai.model import GenerateConfig, get_model

    config = GenerateConfig(max_connections=setting.window, temperature=0)
    async with get_model(
        f"openai/{MODEL}", base_url=setting.url, api_key=KEY, config=config, memoize=False
    ) as model:

        async def ask(prompt: str) -> str:
            return (await model.generate(prompt, cache=setting.kind == "cached")).completion

        async def run(prompts: Iterable[str]) -> int:
            return await windowed(ask, prompts, setting.window)

        yield run
