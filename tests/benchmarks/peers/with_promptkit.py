"""promptkit, with everything on that a careful user has on.

The full path is: key, single flight, look-up in an SQLite cache, reservation in the budgets of
the session and of its profile at a known price, retry, limits, accounting, trace, and the ledger.
The variant «fast» runs on uvloop and finds orjson; the plain one must not see them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from child import KEY, MARK, MODEL, Setting, windowed


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


@asynccontextmanager
async def opened(setting: Setting, failed: dict[str, int] | None = None) -> AsyncIterator[Any]:
    import promptkit as pk

    async with _connected(setting, pk, is_limited=failed is not None) as session:

        async def ask(session: Any, prompt: str) -> bool:
            return MARK in (await session.ask(prompt, temperature=0, max_tokens=100)).text

        async def stream(session: Any, prompt: str) -> bool:
            pieces = [piece async for piece in session.stream(prompt, max_tokens=100)]
            return MARK in "".join(pieces)

        async def run(prompts: Iterable[str]) -> int:
            function = stream if setting.kind == "stream" else ask
            policy: Any = "raise" if failed is None else "keep"
            right = 0
            async for _, result in session.imap(
                function, prompts, concurrency=setting.window, on_error=policy
            ):
                if isinstance(result, Exception) and failed is not None:
                    name = type(result).__name__
                    failed[name] = failed.get(name, 0) + 1
                else:
                    right += result
            return right

        async def called(prompts: Iterable[str]) -> int:
            async def one(prompt: str) -> str:
                answer: str = (await session.ask(prompt, temperature=0, max_tokens=100)).text
                return answer

            return await windowed(one, prompts, setting.window)

        yield called if setting.store in ("file", "memory") else run


def _connected(setting: Setting, pk: Any, *, is_limited: bool) -> Any:
    if setting.kind == "noop":
        return pk.connect(transport=_answer_at_once, model=MODEL)
    if is_limited:
        return pk.connect(base_url=setting.url, api_key=KEY, model=MODEL)
    from promptkit.profile import Profile

    price = pk.Price(input=0.15, output=0.60, longest_answer=16_384)
    profile = Profile(
        name="benchmark",
        base_url=setting.url,
        model=MODEL,
        prices={MODEL: price},
        budget=pk.Budget(hard=1_000_000),
    )
    cache: Any = "memory" if setting.store == "memory" else Path(setting.folder) / "cache.sqlite"
    if setting.variant == "no cache":
        cache = None
    ledger = setting.store not in ("file", "memory")
    return pk.connect(profile, api_key=KEY, cache=cache, budget=100_000, ledger=ledger)


async def _answer_at_once(request: Any) -> str:
    del request
    return MARK
