"""Runs one client in its own interpreter and measures it: `python child.py MODULE`.

Orders come as lines of JSON on standard input, one answer goes out for each. Nothing here imports
anything of promptkit: this file and its neighbours run in the environments of the peers.

Each round opens a new client, lets it open its connections with untimed requests, and then times
the answers and the closing, because what is written at the end belongs to the work. CPU seconds
are those of the whole process, all threads counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import importlib.util
import itertools
import json
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

KEY = "sk-benchmark-0123456789"
MODEL = "gpt-4o-mini"
MARK = "42"

Ask = Callable[[str], Awaitable[str]]
Answerer = Callable[[Iterable[str]], AsyncIterator[Any]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a client is opened for.

    Attributes:
        url: The server, up to and with «/v1».
        kind: "ask", "stream", "cached" or "noop".
        window: Requests under way at once.
        variant: Which of its own kinds of client, such as another HTTP library.
        folder: Where it may keep files.
        store: For "cached": "file", "memory", or "map" for a file used by a map.
    """

    url: str
    kind: str = "ask"
    window: int = 256
    variant: str = ""
    folder: str = ""
    store: str = ""


async def windowed(ask: Ask, prompts: Iterable[str], window: int) -> int:
    """Ask all prompts with a window of tasks; return how many answers were right."""
    source = iter(prompts)
    right = 0

    async def worker() -> None:
        nonlocal right
        for prompt in source:
            answer = await ask(prompt)
            right += MARK in answer  # added after the await: the others count meanwhile

    await asyncio.gather(*(worker() for _ in range(window)))
    return right


def prompts(tag: str, count: int | None = None) -> Iterable[str]:
    """Yield prompts that no other tag has; without `count` they do not end."""
    numbers = itertools.count() if count is None else range(count)
    return (
        f"Question {tag}-{i}: what is the capital of country {i}? Answer in one short sentence."
        for i in numbers
    )


class Child:
    """Carries out orders with the functions of one peer's module."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.kept: tuple[contextlib.AsyncExitStack, Any] | None = None

    def hello(self, distributions: list[str]) -> dict[str, Any]:
        """Tell the versions of what is measured."""
        return {"versions": {name: _version(name) for name in distributions}}

    async def round(
        self, setting: dict[str, Any], tag: str, count: int, warm_up: int
    ) -> dict[str, Any]:
        """Open, warm up, measure `count` answers and the closing."""
        chosen = Setting(**setting)
        async with contextlib.AsyncExitStack() as stack:
            run = await stack.enter_async_context(self.module.opened(chosen))
            await run(prompts(f"{tag}-warm", warm_up))
            with _Stopwatch() as watch:
                right = await run(prompts(tag, count))
                await stack.aclose()
        return {"right": right, **watch.read()}

    async def again(self, setting: dict[str, Any], tag: str, count: int) -> dict[str, Any]:
        """Ask the same prompts until the second time: answers kept in a file or in memory.

        With a file the client is closed in between, so that the second time reads it.
        """
        chosen = Setting(**setting)
        async with contextlib.AsyncExitStack() as stack:
            run = await stack.enter_async_context(self.module.opened(chosen))
            await run(prompts(tag, count))
            if chosen.store != "memory":
                await stack.aclose()
                run = await stack.enter_async_context(self.module.opened(chosen))
            before = await asyncio.to_thread(_asked, chosen.url)
            with _Stopwatch() as watch:
                right = await run(prompts(tag, count))
            sent = await asyncio.to_thread(_asked, chosen.url) - before
        return {"right": right, "sent": sent, **watch.read()}

    async def for_seconds(
        self, setting: dict[str, Any], tag: str, seconds: float
    ) -> dict[str, Any]:
        """Ask as much as the client can in a time; items that fail are counted."""
        chosen = Setting(**setting)
        failed: dict[str, int] = {}
        with _Stopwatch() as watch:
            async with self.module.opened(chosen, failed=failed) as run:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await run(prompts(tag))
        return {"failed": failed, **watch.read()}

    async def items(self, setting: dict[str, Any], tag: str, count: int) -> dict[str, Any]:
        """Run `count` items through a transport that does nothing; tell the memory it took."""
        chosen = Setting(**setting)
        before = _peak_mb()
        with _Stopwatch() as watch:
            async with self.module.opened(chosen) as run:
                right = await run(prompts(tag, count))
        return {"right": right, "peak_mb": _peak_mb(), "before_mb": before, **watch.read()}


class _Stopwatch:
    """CPU and wall seconds of a block."""

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self._cpu = time.process_time() - self._cpu
        self._wall = time.perf_counter() - self._wall

    def read(self) -> dict[str, float]:
        return {"cpu_s": self._cpu, "wall_s": self._wall}


def _peak_mb() -> float:
    """The most memory that this process ever held, in MB (ru_maxrss is in KiB on Linux)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1024)


def _asked(url: str) -> int:
    from urllib.request import urlopen

    with urlopen(url.removesuffix("/v1") + "/stats") as answer:  # noqa: S310 -- our own server
        total: int = json.load(answer)["total"]
    return total


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _load(name: str) -> Any:
    """Load a neighbour by its path: its folder must not hide the packages of the peers."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


async def main(module: Any, answers: Any) -> None:
    """Carry out one order after the other, on one event loop."""
    child = Child(module)
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        try:
            told = getattr(child, order.pop("do"))(**order)
            answer = await told if asyncio.iscoroutine(told) else told
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    sys.modules["child"] = sys.modules["__main__"]  # what the neighbours import
    here = str(Path(__file__).resolve().parent)
    sys.path[:] = [place for place in sys.path if place != here]
    faulthandler.enable()  # so that a client that is aborted because it hangs says where
    # Clients print what they like: answers go out on a descriptor of their own.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for blocked in filter(None, os.environ.get("BENCHMARK_WITHOUT", "").split(",")):
        sys.modules[blocked] = None  # type: ignore[assignment]
    peer = _load(sys.argv[1])
    runner = asyncio.Runner(loop_factory=getattr(peer, "loop_factory", lambda: None)())
    with runner:
        runner.run(main(peer, replies))
        replies.flush()
        os._exit(0)  # whatever threads a client has left behind
