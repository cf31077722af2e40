"""LangChain's ChatOpenAI: abatch for lists, astream in a window of tasks."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from child import KEY, MARK, MODEL, Setting, windowed


@asynccontextmanager
async def opened(setting: Setting, failed: dict[str, int] | None = None) -> AsyncIterator[Any]:
    del failed
    from langchain_core.globals import set_llm_cache
    from langchain_openai import ChatOpenAI

    set_llm_cache(_cache(setting) if setting.kind == "cached" else None)
    model = ChatOpenAI(
        model=MODEL, base_url=setting.url, api_key=KEY, temperature=0, timeout=120, max_retries=0
    )

    async def stream(prompt: str) -> str:
        return "".join([str(piece.content) async for piece in model.astream(prompt)])

    async def run(prompts: Iterable[str]) -> int:
        if setting.kind == "stream":
            return await windowed(stream, prompts, setting.window)
        answers = await model.abatch(list(prompts), config={"max_concurrency": setting.window})
        return sum(MARK in str(answer.content) for answer in answers)

    yield run


def _cache(setting: Setting) -> Any:
    if setting.store == "memory":
        from langchain_core.caches import InMemoryCache

        return InMemoryCache()
    from langchain_community.cache import SQLiteCache

    return SQLiteCache(os.fspath(Path(setting.folder) / "langchain.sqlite"))
