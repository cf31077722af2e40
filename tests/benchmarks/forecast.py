"""Forecasts beside what the runs then cost, on three kinds of prompt.

    python tests/benchmarks/forecast.py                 # a stand-in with answers of varied length
    python tests/benchmarks/forecast.py --embedded      # the embedded model, a few minutes
    python tests/benchmarks/forecast.py --url http://127.0.0.1:8080/v1      # a test server

The stand-in draws the length of each answer from a log-normal distribution that grows with the
prompt, and lets selection-inference halt after a random number of steps; draws depend on the
request alone, so a run does not see the answers the forecast was made from unless it is cached.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promptkit as pk
from promptkit.primitives import selection_inference, vote

PRICE = pk.Price(input=0.75, output=4.5)
WORDS = (
    *("the", "a", "of", "mice", "wolf", "afraid", "green", "slow"),
    *("train", "delay", "invoice", "paid", "late", "refund", "order", "box"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A forecast and what came of it."""

    kind: str
    forecast: Any
    requests: int
    cost_usd: float
    elapsed_s: float

    @property
    def error(self) -> float:
        """How far the forecast of the cost was off, as a share of the cost."""
        return self.forecast.cost_usd.value / self.cost_usd - 1

    @property
    def holds(self) -> bool:
        """Whether the cost lay in the interval."""
        return bool(self.forecast.cost_usd.low <= self.cost_usd <= self.forecast.cost_usd.high)


def stand_in(seed: int, latency_s: float = 0.04) -> Callable[[pk.Request], Any]:
    """Return a model whose answers vary as real ones do."""

    async def answer(request: pk.Request) -> pk.Response:
        chance = random.Random(request.key + seed.to_bytes(4, "big"))
        await asyncio.sleep(latency_s * chance.uniform(0.5, 1.5))
        text = request.text
        tokens_in = len(text) // 4 + 7
        longest = request.options.max_tokens or 4096
        if request.options.constraint is not None:
            words = _picked(request, chance)
            tokens_out = 4
        else:
            median = 40 + 0.05 * tokens_in
            tokens_out = min(longest, max(1, round(chance.lognormvariate(0, 0.6) * median)))
            words = f"In case {chance.randrange(10**6)} the answer is {chance.choice('778')}."
        return pk.Response((pk.Choice(words, "stop"),), pk.Usage(tokens_in, tokens_out))

    return answer


def _picked(request: pk.Request, chance: random.Random) -> str:
    """Pick one of the texts a constraint allows; «yes» one time in three."""
    value = request.options.constraint.value if request.options.constraint else ()
    options = [str(option) for option in value]
    if sorted(option.strip() for option in options) == ["no", "yes"]:
        is_yes = chance.random() < 1 / 3
        return next(option for option in options if (option.strip() == "yes") == is_yes)
    return chance.choice(options)


def tickets(number: int, seed: int) -> list[str]:
    """Texts of very different lengths."""
    chance = random.Random(seed)
    return [
        f"{place} " + " ".join(chance.choices(WORDS, k=round(chance.lognormvariate(3.5, 0.8))))
        for place in range(number)
    ]


def riddles(number: int, seed: int) -> list[dict[str, Any]]:
    """Contexts of 4 to 12 sentences, each with a question."""
    chance = random.Random(seed)
    names = ["Gertrude", "Emily", "Winona", "Jessica", "Max", "Sam", "Nina", "Otto"]
    kinds = ["mouse", "wolf", "cat", "sheep"]
    made = []
    for place in range(number):
        facts = [
            f"{chance.choice(names)}{n} is a {chance.choice(kinds)}."
            for n in range(chance.randint(3, 11))
        ]
        rule = f"Mice{place} are afraid of {chance.choice(kinds)}."
        made.append(
            {
                "context": [rule, *facts],
                "question": f"What is {facts[0].split()[0]} afraid of in case {place}?",
            }
        )
    return made


async def infer(session: pk.Session, item: dict[str, Any]) -> Any:
    """Answer one riddle."""
    return await selection_inference(session, item["context"], item["question"], max_steps=6)


async def majority(session: pk.Session, question: str) -> Any:
    """Vote until it is sure."""
    return await vote(session, question, n=9, max_tokens=200)


async def compare(
    kind: str, session: pk.Session, fn: Any, items: Sequence[Any], **options: Any
) -> Outcome:
    """Forecast a run, then make it."""
    forecast = await session.estimate(fn, items, **options)
    run = session.step("run")
    loop = asyncio.get_running_loop()
    started = loop.time()
    await run.map(fn, items, on_error="keep")
    usage = run.usage
    sent = usage.requests - usage.cached
    return Outcome(kind, forecast, sent, usage.cost_usd or 0.0, loop.time() - started)


def kinds(number: int, seed: int) -> list[tuple[str, Any, list[Any]]]:
    """The three kinds of prompt, with their items."""
    template = pk.Prompt("Which team takes this ticket, and why?\n{ticket:trusted}")
    return [
        ("a template, lengths vary", template, tickets(number, seed)),
        ("vote, stops when sure", majority, tickets(number, seed + 1)),
        ("selection-inference", infer, riddles(number, seed + 2)),
    ]


async def measure(
    number: int,
    seed: int,
    *,
    embedded: bool = False,
    url: str | None = None,
    only: str = "",
    **options: Any,
) -> list[Outcome]:
    """Compare forecast and run for each kind."""
    outcomes = []
    for kind, fn, items in kinds(number, seed):
        if only and only not in kind:
            continue
        with tempfile.TemporaryDirectory() as folder:
            cache = Path(folder) / "cache.sqlite"
            model = "stand-in"
            who: dict[str, Any] = {"transport": stand_in(seed)}
            if url is not None:
                who = {"base_url": url, "api_key": "any"}
            if embedded:
                async with pk.connect(model="embedded", cache=None, ledger=False) as asked:
                    model, who = str(asked.defaults.model), {}
            profile = pk.Profile(name="forecast", prices={model: PRICE})
            async with pk.connect(
                profile,
                model="embedded" if embedded else model,
                cache=cache,
                ledger=False,
                budget=100,
                **who,
            ) as session:
                asked = session.using(max_tokens=48 if embedded else 400)
                outcomes.append(await compare(kind, asked, fn, items, **options))
    return outcomes


def row(outcome: Outcome) -> str:
    """Write one line of the table."""
    cost = outcome.forecast.cost_usd
    span = f"{cost.value:.4f} ({cost.low:.4f} to {cost.high:.4f})"
    calls = f"{outcome.forecast.calls.value:.0f} / {outcome.requests}"
    time = outcome.forecast.duration_s
    wait = f"{time.value:.1f} ({time.low:.1f} to {time.high:.1f}) / {outcome.elapsed_s:.1f}"
    return (
        f"{outcome.kind:<26}{outcome.forecast.tried:>6}  {span:<29}{outcome.cost_usd:>8.4f}"
        f"{outcome.error:>+8.1%}{outcome.holds!s:>7}  {calls:>13}  {wait:>26}"
    )


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--items", type=int, default=1000)
    words.add_argument("--seeds", type=int, default=1)
    words.add_argument("--pilot", type=int)
    words.add_argument("--within", type=float, default=0.1)
    words.add_argument("--only", default="", help="a word of the kind")
    words.add_argument("--url", help="an endpoint of this machine to ask in place of the stand-in")
    words.add_argument("--embedded", action="store_true")
    given = words.parse_args()
    print(
        f"{'kind':<26}{'tried':>6}  {'forecast, US dollars (95 %)':<29}{'cost':>8}{'off':>8}"
        f"{'inside':>7}  {'requests':>13}  {'seconds':>26}"
    )
    for seed in range(given.seeds):
        for outcome in asyncio.run(
            measure(
                given.items,
                seed,
                embedded=given.embedded,
                url=given.url,
                only=given.only,
                pilot=given.pilot,
                within=given.within,
            )
        ):
            print(row(outcome))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
