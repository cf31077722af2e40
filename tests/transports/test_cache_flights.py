"""Who waits for whom: no order of asking, cancelling and answering sends a question twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptkit import Message, Request, Response, Session, connect
from promptkit.errors import OptionError, RateLimitError
from promptkit.response import Choice, Usage
from promptkit.testing import Scripted
from promptkit.transports.cache import CacheLayer
from promptkit.transports.store import MemoryStore

KEYS = 2


def asked(key: int = 0, cache: Any = "use") -> Request:
    return Request(messages=(Message("user", f"{key}"),), model="m", cache=cache)


class World:
    """Askers, an endpoint that answers when told to, and a store that does likewise."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.answers: dict[str, list[asyncio.Future[None]]] = {}
        self.puts: list[asyncio.Future[None]] = []
        self.layer = CacheLayer(self.endpoint, SlowStore(self))  # type: ignore[arg-type]
        self.tasks: list[tuple[int, asyncio.Task[Response]]] = []
        self.cancelled: set[int] = set()

    async def endpoint(self, request: Request, on_text: object = None, /) -> Response:
        name = request.messages[0].text
        self.sent[name] += 1
        go = asyncio.get_running_loop().create_future()
        self.answers.setdefault(name, []).append(go)
        try:
            await go
        finally:
            self.ended[name] += 1
        return Response((Choice(f"answer {name}"),), Usage(1, 1), cost_usd=1.0)

    def ask(self, key: int) -> None:
        self.tasks.append((key, asyncio.create_task(self.layer(asked(key)))))

    def cancel(self, place: int) -> None:
        if self.tasks and not self.tasks[place % len(self.tasks)][1].done():
            self.cancelled.add(place % len(self.tasks))
            self.tasks[place % len(self.tasks)][1].cancel()

    def answer(self, key: int) -> None:
        for future in self.answers.get(f"{key}", []):
            if not future.done():
                future.set_result(None)

    def keep(self) -> None:
        for future in self.puts:
            if not future.done():
                future.set_result(None)

    async def finish(self) -> list[Response | BaseException]:
        for _ in range(20):
            for key in range(KEYS):
                self.answer(key)
            self.keep()
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            return await asyncio.gather(*(t for _, t in self.tasks), return_exceptions=True)


class SlowStore(MemoryStore):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    async def put(self, request: Request, response: Response, /) -> None:
        done = asyncio.get_running_loop().create_future()
        self.world.puts.append(done)
        await done
        await super().put(request, response)


steps = st.one_of(
    st.tuples(st.just("ask"), st.integers(0, KEYS - 1)),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("answer"), st.integers(0, KEYS - 1)),
    st.tuples(st.just("keep"), st.just(0)),
    st.tuples(st.just("turn"), st.integers(1, 3)),
)


async def play(script: list[tuple[str, int]]) -> tuple[World, list[Response | BaseException]]:
    world = World()
    for step, number in script:
        if step == "ask":
            world.ask(number)
        elif step == "cancel":
            world.cancel(number)
        elif step == "answer":
            world.answer(number)
        elif step == "keep":
            world.keep()
        else:
            for _ in range(number):
                await asyncio.sleep(0)
    return world, await world.finish()


@settings(max_examples=300)
@given(st.lists(steps, max_size=25))
def test_no_interleaving_loses_an_answer_or_pays_for_one_twice(
    script: list[tuple[str, int]],
) -> None:
    async def check() -> None:
        world, results = await play(script)
        for place, result in enumerate(results):
            if place not in world.cancelled:
                assert isinstance(result, Response), "only who was cancelled goes without"
                assert result.text == f"answer {world.tasks[place][0]}"
        assert world.sent == world.ended, "nothing is left running"
        assert not world.layer._flights
        for key in range(KEYS):
            mine = [r for (k, _), r in zip(world.tasks, results, strict=True) if k == key]
            paid = [r for r in mine if isinstance(r, Response) and r.log.source == "endpoint"]
            given_up = [r for r in mine if getattr(r, "unsettled_usd", 0.0)]
            assert len(paid) + len(given_up) <= world.sent[f"{key}"], "one bill a request"
            if not world.cancelled:
                assert world.sent[f"{key}"] == min(1, len(mine))
                assert len(paid) == min(1, len(mine))

    asyncio.run(check())


@settings(max_examples=100)
@given(st.integers(2, 6), st.data())
def test_while_one_asker_is_left_the_request_is_not_cancelled_nor_sent_again(
    askers: int, data: st.DataObject
) -> None:
    stays = data.draw(st.integers(0, askers - 1))
    others = data.draw(st.permutations([n for n in range(askers) if n != stays]))
    turns = data.draw(st.lists(st.integers(0, 2), min_size=askers, max_size=askers))

    async def check() -> None:
        world = World()
        for turn in turns:
            world.ask(0)
            for _ in range(turn):
                await asyncio.sleep(0)
        for other in others:
            world.cancel(other)
            await asyncio.sleep(0)
        results = await world.finish()
        assert world.sent == {"0": 1}
        assert isinstance(results[stays], Response)
        assert results[stays].log.source == "endpoint", "the bill must be paid by someone"

    asyncio.run(check())


async def test_an_answer_that_came_as_everybody_left_is_kept_and_its_cost_is_told() -> None:
    world = World()
    world.ask(0)
    await asyncio.sleep(0.01)
    world.answer(0)
    await asyncio.sleep(0.01)  # it is being stored now
    (_, task) = world.tasks[0]
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as gone:
        await task
    assert gone.value.unsettled_usd == 1.0  # type: ignore[attr-defined]
    world.keep()
    await asyncio.sleep(0.01)
    assert (await world.layer(asked(0))).log.source == "cache"
    assert world.sent == {"0": 1}


async def test_refresh_asks_anew_and_the_new_answer_takes_the_old_ones_place() -> None:
    model = Scripted(lambda request: f"answer {len(model.requests)}")
    session = connect(transport=model, model="m", cache="memory")
    assert (await session.ask("Hi")).text == "answer 1"
    assert (await session.ask("Hi", cache="refresh")).text == "answer 2"
    again = await session.ask("Hi")
    assert (again.text, again.log.source) == ("answer 2", "cache")


async def test_off_neither_reads_nor_writes_nor_joins() -> None:
    model = Scripted(lambda request: f"answer {len(model.requests)}")
    session = connect(transport=model, model="m", cache="memory")
    off = session.using(cache="off")
    answers = await asyncio.gather(*(off.ask("Hi") for _ in range(3)))
    assert sorted(a.text for a in answers) == ["answer 1", "answer 2", "answer 3"]
    assert (await session.ask("Hi")).text == "answer 4"
    assert (await off.ask("Hi")).text == "answer 5"
    assert (await off.ask("Hi", cache="use")).text == "answer 4"


@pytest.mark.parametrize("use", ["never", "", True])
def test_another_word_for_the_use_of_the_cache_is_refused(use: Any) -> None:
    session = Session(Scripted("x"))
    with pytest.raises(OptionError, match="use, refresh, off"):
        session.request("Hi", "m", cache=use)
    if use:
        with pytest.raises(OptionError, match="use, refresh, off"):
            session.using(cache=use)


def test_the_use_of_the_cache_is_not_part_of_the_key() -> None:
    assert asked(cache="refresh").key == asked().key
    assert asked(cache="refresh") == asked()


async def test_an_error_is_not_kept_and_the_next_asker_tries_again() -> None:
    failing = True

    async def endpoint(request: Request, on_text: object = None, /) -> Response:
        if failing:
            raise RateLimitError("slow down")
        return Response((Choice("x"),))

    layer = CacheLayer(endpoint, MemoryStore())  # type: ignore[arg-type]
    with pytest.raises(RateLimitError):
        await layer(asked())
    failing = False
    assert (await layer(asked())).text == "x"


async def test_answers_in_memory_have_the_same_bounds() -> None:
    answer, clock = Response((Choice("x"),)), [0.0]
    store = MemoryStore(max_bytes=10_000, ttl_s=60, now=lambda: clock[0])
    for number in range(20):
        await store.put(asked(number), answer)
    assert store.get(asked(0)) is None
    assert store.get(asked(19))
    clock[0] = 61
    assert store.get(asked(19)) is None


async def test_answers_in_memory_are_dropped_by_use_not_by_age() -> None:
    answer, store = Response((Choice("x"),)), MemoryStore(max_entries=2)
    for number in (0, 1):
        await store.put(asked(number), answer)
    store.get(asked(0))
    await store.put(asked(2), answer)
    assert store.get(asked(0))
    assert store.get(asked(1)) is None
