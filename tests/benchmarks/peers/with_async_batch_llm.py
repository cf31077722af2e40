"""async-batch-llm: a whole list of prompts at once.

Its own client stands on AsyncOpenAI; the variant «aiohttp» gives it a function on aiohttp, which is
the leanest that it can run. For maps without a network the function answers at once.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from child import KEY, MARK, MODEL, Setting


@asynccontextmanager
async def opened(setting: Setting, failed: dict[str, int] | None = None) -> AsyncIterator[Any]:
    del failed
    import async_batch_llm as batch

    async with _function(setting) as function:

        def strategy() -> Any:
            if function is None:
                name = f"openai-compatible:{MODEL}"
                return batch.llm(name, base_url=setting.url, api_key=KEY, temperature=0.0)
            identity = batch.ArtifactIdentity(provider="function", model=MODEL)
            return batch.CallableStrategy(function, identity=identity)

        async def run(prompts: Iterable[str]) -> int:
            items = list(prompts)
            done = await batch.process_prompts(strategy(), items, concurrency=setting.window)
            succeeded: int = done.succeeded
            return succeeded

        yield run


@asynccontextmanager
async def _function(setting: Setting) -> AsyncIterator[Any]:
    """Yield the function that asks; None for the library's own client."""
    if setting.kind == "noop":
        yield _answer_at_once
        return
    if setting.variant != "aiohttp":
        yield None
        return
    import aiohttp
    from async_batch_llm import CallOutcome

    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    url = f"{setting.url}/chat/completions"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as client:

        async def ask(prompt: str, *, attempt: Any, timeout: Any, state: Any) -> Any:  # noqa: ASYNC109 -- its signature
            del attempt, timeout, state
            messages = [{"role": "user", "content": prompt}]
            body = json.dumps({"model": MODEL, "messages": messages, "temperature": 0})
            async with client.post(url, data=body.encode()) as answer:
                told = json.loads(await answer.read())
            text, usage = told["choices"][0]["message"]["content"], told["usage"]
            tokens = {
                "input_tokens": usage["prompt_tokens"],
                "output_tokens": usage["completion_tokens"],
                "total_tokens": usage["total_tokens"],
            }
            return CallOutcome(text, token_usage=tokens)

        yield ask


async def _answer_at_once(prompt: str, *, attempt: Any, timeout: Any, state: Any) -> Any:  # noqa: ASYNC109 -- its signature
    del prompt, attempt, timeout, state
    from async_batch_llm import CallOutcome

    usage = {"input_tokens": 25, "output_tokens": 15, "total_tokens": 40}
    return CallOutcome(MARK, token_usage=usage)
