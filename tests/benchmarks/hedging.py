"""Tail latency with and without hedging: `python -m tests.benchmarks.hedging`.

A local server answers after a time drawn from a log-normal distribution with a median of 50 ms,
and every fiftieth answer takes 2 s more. Both sessions ask it the same number of questions, in
interleaved rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

import promptkit as pk

MEDIAN_S = 0.05
SPREAD = 0.4
SLOW_SHARE = 0.02
SLOW_S = 2.0


class Tail:
    """Answers late, now and then very late."""

    def __init__(self) -> None:
        self.draw = random.Random(7)
        self.requests = 0

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        self.requests += 1
        seconds = MEDIAN_S * self.draw.lognormvariate(0.0, SPREAD)
        seconds += SLOW_S if self.draw.random() < SLOW_SHARE else 0.0
        await asyncio.sleep(seconds)
        message = {"role": "assistant", "content": "4"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 1}
        return web.json_response({"model": "m", "choices": [choice], "usage": usage})


@asynccontextmanager
async def serving(tail: Tail) -> AsyncIterator[str]:
    """Serve on a free port of this machine."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", tail.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


async def asked(session: pk.Session, count: int, concurrency: int) -> list[float]:
    """Ask `count` questions; return how long each took, in seconds."""
    latencies: list[float] = []

    async def one(here: pk.Session, number: int) -> None:
        started = time.perf_counter()
        await here.ask(f"What is {number} + {number}?", max_tokens=5)
        latencies.append(time.perf_counter() - started)

    async for _ in session.imap(one, range(count), concurrency=concurrency):
        pass
    return latencies


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500, help="questions a round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--concurrency", type=int, default=20)
    given = parser.parse_args()
    tails = {"without": Tail(), "with": Tail()}
    seconds: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(given.rounds):
        for name, tail in tails.items():
            async with serving(tail) as url:
                hedge = pk.Hedge() if name == "with" else None
                key = "sk-pretend"
                session = pk.connect(
                    base_url=url, api_key=key, model="m", cache=None, ledger=False, hedge=hedge
                )
                async with session:
                    seconds[name] += await asked(session, given.count, given.concurrency)
    for name, values in seconds.items():
        cuts = statistics.quantiles(values, n=1000, method="inclusive")
        places = " ".join(f"p{p / 10:g} {cuts[p - 1] * 1000:.0f} ms" for p in (500, 950, 990, 999))
        extra = tails[name].requests / len(values) - 1
        print(f"{name:7} hedging: {places}, {extra:.1%} more requests")


if __name__ == "__main__":
    asyncio.run(main())
