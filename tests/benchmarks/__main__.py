"""What a request costs the client: promptkit's full path beside AsyncOpenAI and bare aiohttp.

    make bench                      5,000 requests, 3 rounds
    make bench ARGS="500 1"         a quick look

Each client sends the same distinct prompts to the same test server in another process, 256 at a
time, in turns; the medians of CPU seconds per 1,000 requests are printed. Wall time on a shared
machine says little, CPU time of the client is steady.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

import aiohttp
import openai

import promptkit as pk

WINDOW = 256
KEY = "sk-benchmark-0123456789"
Client = Callable[[str, list[str]], Awaitable[None]]


async def window(ask: Callable[[str], Awaitable[object]], prompts: list[str]) -> None:
    source = iter(prompts)

    async def worker() -> None:
        for prompt in source:
            await ask(prompt)

    await asyncio.gather(*(worker() for _ in range(WINDOW)))


async def with_promptkit(url: str, prompts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache.sqlite"
        async with pk.connect(base_url=url, api_key=KEY, model="m", cache=cache) as session:

            async def ask(session: pk.Session, prompt: str) -> str:
                return (await session.ask(prompt, temperature=0)).text

            await session.map(ask, prompts, concurrency=WINDOW)


async def with_promptkit_cached(url: str, prompts: list[str]) -> None:
    del url
    session = pk.connect(transport=pk.testing.Scripted("x"), model="m")
    await session.ask(prompts[0])

    async def ask(_: str) -> object:
        return await session.ask(prompts[0])

    await window(ask, prompts)


async def with_openai(url: str, prompts: list[str]) -> None:
    async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:

        async def ask(prompt: str) -> object:
            messages = [{"role": "user", "content": prompt}]
            return await client.chat.completions.create(
                model="m",
                messages=messages,
                temperature=0,  # type: ignore[arg-type]
            )

        await window(ask, prompts)


async def with_aiohttp(url: str, prompts: list[str]) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as client:

        async def ask(prompt: str) -> object:
            messages = [{"role": "user", "content": prompt}]
            body = json.dumps({"model": "m", "messages": messages, "temperature": 0})
            async with client.post(f"{url}/chat/completions", data=body) as answer:
                return json.loads(await answer.read())

        await window(ask, prompts)


CLIENTS: dict[str, Client] = {
    f"promptkit {version('promptkit')}, full path with an SQLite cache": with_promptkit,
    "promptkit, answered from memory": with_promptkit_cached,
    f"AsyncOpenAI {version('openai')}": with_openai,
    f"aiohttp {version('aiohttp')}, nothing else": with_aiohttp,
}


def main(count: int = 5_000, rounds: int = 3) -> None:
    os.environ["PROMPTKIT_READOUT"] = "0"
    os.environ["PROMPTKIT_HOME"] = tempfile.mkdtemp()
    spent: dict[str, list[float]] = {name: [] for name in CLIENTS}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.server"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout
    url = server.stdout.readline().strip()
    try:
        for turn in range(rounds):
            for name, client in CLIENTS.items():
                prompts = [f"{name} {turn} {i}: what is the capital?" for i in range(count)]
                began = time.process_time()
                asyncio.run(client(url, prompts))
                spent[name].append((time.process_time() - began) * 1000 / count)
    finally:
        server.kill()
        server.wait()
    print(f"{count:,} requests, {WINDOW} at a time, median of {rounds} interleaved rounds")
    print("CPU seconds of the client per 1,000 requests")
    for name, seconds in spent.items():
        print(f"{statistics.median(seconds):8.3f}  {name}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
