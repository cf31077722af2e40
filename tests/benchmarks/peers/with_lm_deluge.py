"""lm-deluge: a whole list of prompts at once, with limits set too high to matter."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from child import MARK, MODEL, Setting


@asynccontextmanager
async def opened(setting: Setting, failed: dict[str, int] | None = None) -> AsyncIterator[Any]:
    del failed
    import lm_deluge
    from lm_deluge.cache import SqliteCache
    from lm_deluge.models import register_model

    register_model(
        id="benchmark",
        name=MODEL,
        api_base=setting.url,
        api_key_env_var="OPENAI_API_KEY",
        api_spec="openai",
        supports_json=True,
        regions=[],
    )
    path = os.fspath(Path(setting.folder) / "lm_deluge.sqlite")
    client = lm_deluge.LLMClient(
        "benchmark",
        max_requests_per_minute=10_000_000,
        max_tokens_per_minute=10_000_000_000,
        max_concurrent_requests=setting.window,
        temperature=0.0,
        cache=SqliteCache(path) if setting.kind == "cached" else None,
    )

    async def run(prompts: Iterable[str]) -> int:
        answers = await client.process_prompts_async(
            list(prompts), return_completions_only=True, show_progress=False
        )
        return sum(MARK in (answer or "") for answer in answers)

    yield run
