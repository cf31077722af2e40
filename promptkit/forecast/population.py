"""What is to be run: the items, how long each is, and which of them the cache answers already."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Sized,
)
from dataclasses import dataclass, field
from typing import Any, Final

from promptkit.errors import MissingExtraError, OptionError
from promptkit.pricing import Price
from promptkit.prompt import Prompt
from promptkit.request import Request
from promptkit.tokens import Ratio, count
from promptkit.transports.budget import BudgetLayer
from promptkit.transports.cache import CacheLayer
from promptkit.transports.gate import Gate
from promptkit.transports.limit import LimitLayer
from promptkit.transports.screen import ScreenLayer
from promptkit.transports.spotlight import spotlit
from promptkit.transports.worst_case import longest_output, worst_case

MOST_READ: Final = 20_000
"""Of more items than this, so many are drawn, and stand for all."""

_TURN: Final = 64
"""Items looked at before others get a turn of the event loop."""

_PER_MESSAGE: Final = 4
_PER_REQUEST: Final = 3
"""What a chat adds to the text, in tokens, by OpenAI's cookbook («How to count tokens»)."""


@dataclass(slots=True)
class Population:
    """The items that a run would have to pay for.

    Attributes:
        items: Those that the cache does not answer; some of them where `scale` is above 1.
        lengths: The length of each, in tokens for templates and bytes for functions.
        scale: How many items each of these stands for.
        total: All items, the cached ones included.
        cached: How many the cache answers, as far as that can be told beforehand.
        is_exact: Whether lengths are exact token counts.
        longest: The most output tokens of each, where known.
        worst_usd: The most that each can cost, where known.
        has_store: Whether answers are kept, so that nothing is paid twice.
    """

    total: float
    scale: float
    has_store: bool
    items: list[Any] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    cached: float = 0.0
    is_exact: bool = False
    is_prompt: bool = False
    longest: list[int | None] = field(default_factory=list)
    worst_usd: list[float | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of a session that know something of what is to come."""

    cache: CacheLayer | None = None
    budget: BudgetLayer | None = None
    limit: LimitLayer | None = None
    screen: ScreenLayer | None = None

    @classmethod
    def of(cls, transport: Any) -> Layers:
        """Find them, from the outermost layer inwards."""
        found: dict[str, Any] = {}
        kinds = {
            "cache": CacheLayer,
            "budget": BudgetLayer,
            "limit": LimitLayer,
            "screen": ScreenLayer,
        }
        for layer in _inwards(transport):
            for name, kind in kinds.items():
                if isinstance(layer, kind):
                    found.setdefault(name, layer)
        return cls(**found)

    def screened(self, request: Request) -> Request:
        """Return a request as the cache knows it."""
        return request if self.screen is None else self.screen.screen(request)

    def sent(self, request: Request) -> Request:
        """Return a screened request as the endpoint gets it, which is what it costs."""
        return request if self.screen is None else spotlit(request, self.screen.mode)


def gates_of(layers: Layers, endpoint: str, model: str | None) -> list[Gate]:
    """Return the gates that requests to this model have gone through so far."""
    known = list(layers.limit.gates.items()) if layers.limit else []
    return [gate for place, gate in known if (place[0], place[2]) == (endpoint, model)]


def _inwards(layer: Any) -> Iterator[Any]:
    while layer is not None:
        yield layer
        layer = getattr(layer, "inner", None)


async def read(
    items: Iterable[Any] | AsyncIterable[Any], total: int | None, chance: random.Random
) -> tuple[list[Any], float]:
    """Return the items, or a random part of them, and the number of all.

    Raises:
        OptionError: When nobody says how many there are.
    """
    if total is not None and (not isinstance(total, int) or total < 0):
        raise OptionError(f"total={total!r}", hint="the number of all items")
    if isinstance(items, Sized) and isinstance(items, Iterable):
        number = len(items)
        if isinstance(items, Sequence) and number > MOST_READ:
            some = [items[place] for place in chance.sample(range(number), MOST_READ)]
        else:
            some = list(items)
            some = chance.sample(some, MOST_READ) if number > MOST_READ else some
        return some, float(number if total is None else total)
    if total is None:
        msg = f"items of type {type(items).__name__} do not tell their number"
        raise OptionError(msg, hint="pass a list, or total=…; what is read of them is used up")
    return [item async for item in _first(items)], float(total)


async def _first(items: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    """Yield as many of the items as are looked at."""
    number = 0
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
            if (number := number + 1) >= MOST_READ:
                return
    else:
        for item in itertools.islice(items, MOST_READ):
            yield item


async def of_template(
    session: Any, prompt: Prompt, items: list[Any], total: float, layers: Layers
) -> Population:
    """Look at every request that a template makes: its tokens, its bound, whether it is cached."""
    store = layers.cache.store if layers.cache else None
    scale = total / len(items) if items else 1.0
    people = Population(total, scale, store is not None, is_prompt=True)
    seen: set[bytes] = set()
    counter: Counter | None = None
    for number, item in enumerate(items):
        if number % _TURN == 0:
            await asyncio.sleep(0)
        request = layers.screened(session.request(prompt.for_item(item)))
        counter = counter or await Counter.of(request, layers)
        if store is not None:
            known = request.key in seen
            if not known:
                seen.add(request.key)
                known = store.holds(request)
            if known:
                people.cached += scale
                continue
        request = layers.sent(request)
        price = layers.budget.price(request) if layers.budget else None
        people.items.append(item)
        people.lengths.append(counter.tokens(request))
        people.longest.append(longest_output(request, price))
        people.worst_usd.append(None if price is None else _input_cost(request, price, counter))
    people.is_exact = counter is not None and counter.is_exact
    return people


def _input_cost(request: Request, price: Price, counter: Counter) -> float | None:
    """The most a request costs: a counted prompt at its count, any other at its bytes."""
    tokens_out = longest_output(request, price)
    if not counter.is_exact or tokens_out is None:
        return worst_case(request, price)
    rates = Price(price.input, price.output)
    if type(price) is not Price:
        return worst_case(request, price)
    return (counter.tokens(request) * rates.input + tokens_out * rates.output) / 1_000_000


def of_function(items: list[Any], total: float, layers: Layers) -> Population:
    """Take the items as they are; what a function asks for them is known only by trying."""
    scale = total / len(items) if items else 1.0
    people = Population(total, scale, layers.cache is not None)
    seen: set[str] = set()
    for item in items:
        text = text_of(item)
        if people.has_store and text in seen:
            people.cached += scale  # what an equal item asked is cached by then
            continue
        seen.add(text)
        people.items.append(item)
        people.lengths.append(float(len(text.encode("utf-8", "replace"))))
    return people


def text_of(item: Any) -> str:
    """Write an item as text, to tell how long it is.

    >>> text_of({"question": "Why?", "id": 7})
    'Why? 7'
    """
    if isinstance(item, str):
        return item
    values = tuple(item.values()) if isinstance(item, Mapping) else item
    if isinstance(values, (tuple, list)):
        return " ".join(value if isinstance(value, str) else repr(value) for value in values)
    return repr(item)


class Counter:
    """Counts the tokens of requests: exactly where the model's encoding is known."""

    def __init__(self, model: str, *, is_exact: bool, ratio: Ratio) -> None:
        """Count for one model."""
        self.model = model
        self.is_exact = is_exact
        self.ratio = ratio

    @classmethod
    async def of(cls, request: Request, layers: Layers) -> Counter:
        """Find out how the tokens of such requests can be counted."""
        gates = gates_of(layers, request.endpoint, request.model)
        ratio = gates[0].ratio if gates else Ratio()
        try:  # in a thread, because a table may have to be downloaded first
            await asyncio.to_thread(count, "", request.model)
        except (OptionError, MissingExtraError):
            return cls(request.model, is_exact=False, ratio=ratio)
        return cls(request.model, is_exact=True, ratio=ratio)

    def tokens(self, request: Request) -> float:
        """Count the input tokens of a request."""
        if not self.is_exact:
            return float(self.ratio.estimate(request))
        if request.api in ("completions", "embeddings", "moderations"):
            return float(sum(count(message.text, self.model) for message in request.messages))
        texts = sum(count(message.text, self.model) for message in request.messages)
        return float(texts + _PER_MESSAGE * len(request.messages) + _PER_REQUEST)
