"""The process that the campaign kills: maps all items through promptkit and tells what came.

    python campaign_client.py SETTINGS     a JSON object, see `Settings` in campaign.py

Each item's outcome goes to a file as soon as `imap` tells it, by a write that a SIGKILL cannot
take back; at the end a line about the whole.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import psutil
from faults.http_clients import choose_client
from servers.fault_answers import vector_of

import promptkit as pk
from promptkit.pricing import Price
from promptkit.profile import Profile
from promptkit.transports.budget import Budget
from promptkit.transports.retry import RetryPolicy

MODEL = "campaign"
MAX_TOKENS = 16
POISON = ("400", "401", "404", "413", "429-quota", "redirect", "500", "invalid-json", "reset")
EVERY_POISON = 500
"""One item in so many meets a fault that never passes."""


def text_of(index: int) -> str:
    """An item's question, short enough to be its own label in the server's books."""
    return f"item {index:07d} of the campaign"


def model_of(index: int) -> str:
    """The model an item asks; a poisonous item asks one that always fails."""
    place, rest = divmod(index, EVERY_POISON)
    return f"fault:{POISON[place % len(POISON)]}" if rest == 7 else MODEL


async def ask(session: pk.Session, index: int) -> bool:
    """Ask an item in the way that belongs to it; tell whether the answer is its own."""
    text, kind = text_of(index), index % 20
    options: dict[str, Any] = {"model": model_of(index), "max_tokens": MAX_TOKENS}
    if kind < 3:
        stream = session.stream(text, **options)
        heard = "".join([piece async for piece in stream])
        return heard.startswith(text) and heard == stream.response.text
    if kind == 18:
        response = await session.ask(text, api="embeddings", model=options["model"])
        return response.vectors == (tuple(vector_of(text)),)
    if kind == 19:
        response = await session.ask(text, api="moderations", model=options["model"])
        return response.moderations is not None and not response.moderations[0]["flagged"]
    api = {16: "completions", 17: "responses"}.get(kind, "chat")
    return (await session.ask(text, api=api, **options)).text.startswith(text)


def connect(settings: dict[str, Any]) -> pk.Session:
    price = Price(**settings["price"])
    models = (MODEL, *(f"fault:{name}" for name in POISON))
    profile = Profile(
        name="campaign",
        base_url=settings["url"],
        model=MODEL,
        budget=Budget(hard=settings["total_budget"]),
        prices=dict.fromkeys(models, price),
        ledger=True,
    )
    retry = RetryPolicy(
        max_attempts=6, deadline_s=settings["deadline_s"], first_wait_s=0.05, longest_wait_s=0.5
    )
    return pk.connect(
        profile,
        api_key=settings["key"],
        cache=settings["cache"],
        budget=settings["budget"],
        retry=retry,
    )


async def run(settings: dict[str, Any], outcomes: int) -> dict[str, Any]:
    async with connect(settings) as session:
        window = settings["concurrency"]
        stream = session.imap(ask, range(settings["items"]), concurrency=window, on_error="keep")
        async for index, result in stream:
            error = result if isinstance(result, BaseException) else None
            told = {
                "index": index,
                "own": result is True,
                "error": "" if error is None else type(error).__name__,
                "typed": error is None or isinstance(error, pk.errors.PromptkitError),
                "words": str(error or ""),
            }
            os.write(outcomes, json.dumps(told).encode() + b"\n")
        usage = session.usage
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    own = psutil.Process()
    return {
        "requests": usage.requests,
        "cached": usage.cached,
        "failed": usage.failed,
        "retries": usage.retries,
        "cost_usd": usage.cost_usd,
        "unsettled_usd": usage.unsettled_usd,
        "tasks": [repr(task) for task in tasks],
        "sockets": len(own.net_connections("inet")),
        "peak_mib": own.memory_info().rss / 2**20,
        "cpu_s": sum(own.cpu_times()[:2]),
    }


def main() -> None:
    settings = json.loads(sys.argv[1])
    if settings["client"]:
        choose_client(settings["client"])
    outcomes = os.open(settings["outcomes"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    summary = asyncio.run(run(settings, outcomes))
    os.write(outcomes, json.dumps({"summary": summary}).encode() + b"\n")


if __name__ == "__main__":
    main()
