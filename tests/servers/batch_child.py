"""A program that asks its questions by batch and prints what came: one to be killed.

`python batch_child.py URL KEY COUNT CACHE [BUDGET]` with CACHE «disk» or «none»; BUDGET is the
profile's, for good and for a day, in US dollars.
"""

from __future__ import annotations

import asyncio
import json
import sys

import promptkit as pk
from promptkit.batch import BatchPolicy


async def main(url: str, key: str, count: str, cache: str, budget: str = "") -> None:
    policy = BatchPolicy(max_lines=20, first_poll_s=0.05, longest_poll_s=0.2, lease_s=1.5)
    questions = [f"question {number}" for number in range(int(count))]
    limit = float(budget) if budget else None
    profile = pk.Profile(base_url=url, name="p", budget=pk.Budget(hard=limit, day=limit))
    whom = {"profile": profile} if budget else {"base_url": url}
    async with pk.connect(
        **whom, api_key=key, model="gpt-4o-mini", cache=cache == "disk" or None, ledger=True
    ) as session:
        responses = await session.batch(questions, policy=policy, max_tokens=20)
        found = {
            "texts": [response.text for response in responses],
            "sources": sorted({response.log.source for response in responses}),
            "cost_usd": session.usage.spent_usd,
        }
    print(json.dumps(found))  # noqa: T201 -- for whoever started it


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
