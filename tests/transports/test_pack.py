from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.openai_server import OpenAIServer

import promptkit as pk
from promptkit import Limits, Message, Options, Packing, Request, Response, RetryPolicy, Usage
from promptkit.adapters.dialect import Dialect
from promptkit.adapters.wire import decode, encode
from promptkit.errors import (
    CallError,
    ConnectionFailedError,
    OptionError,
    ProtocolError,
    RateLimitError,
    RefusedRequestError,
)
from promptkit.request import Api
from promptkit.response import Choice
from promptkit.testing import FakeClock
from promptkit.transport import OnText
from promptkit.transports.limit import LimitLayer
from promptkit.transports.pack import Departures, PackLayer
from promptkit.transports.packed import Pack, shares, unpack
from promptkit.transports.retry import RetryLayer

pytestmark = pytest.mark.anyio
ALL = Packing(completions=2_048)


def asked(text: str, api: Api = "embeddings", **options: object) -> Request:
    return Request(
        messages=(Message("user", text),),
        model="m",
        api=api,
        options=Options().replace(**options),
    )


class Endpoint:
    """Takes lists; knows which texts it refuses, and how many it takes at most."""

    def __init__(self, *, bad: Iterable[str] = (), most: int = 2_048) -> None:
        self.bad = set(bad)
        self.most = most
        self.sizes: list[int] = []
        self.errors: list[CallError] = []
        self.gate: asyncio.Event | None = None
        self.cancelled = 0

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        texts = [message.text for message in request.messages]
        self.sizes.append(len(texts))
        if self.gate is not None:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        else:
            await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        if len(texts) > self.most or self.bad & set(texts):
            raise RefusedRequestError("HTTP 400: an input is wrong", status=400)
        n = (request.options.n or 1) // (len(texts) if request.api == "completions" else 1)
        if request.api == "completions":
            answers = [Choice(f"{text}:{i}") for text in texts for i in range(max(1, n))]
            return Response(tuple(answers), Usage(7 * len(texts), 3 * len(answers)))
        vectors = tuple((float(len(text)), 1.0) for text in texts)
        return Response(usage=Usage(sum(map(len, texts)) + 3), vectors=vectors)


def packing(endpoint: Endpoint, packing: Packing = ALL) -> PackLayer:
    return PackLayer(Departures(endpoint), packing)


async def all_of(layer: PackLayer | RetryLayer, requests: Iterable[Request]) -> list[object]:
    return await asyncio.gather(*(layer(r) for r in requests), return_exceptions=True)


class Metronome:
    """A clock whose sleepers all wake in the loop's next turn; it notes how long they asked for."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def now(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


# -- together -------------------------------------------------------------------------------


async def test_requests_that_wait_together_go_out_as_one_and_come_back_in_order() -> None:
    endpoint = Endpoint()
    texts = ["x" * (i % 7 + 1) for i in range(50)]
    responses = await all_of(packing(endpoint), [asked(text) for text in texts])
    assert endpoint.sizes == [50]
    assert [r.vectors for r in responses] == [((float(len(t)), 1.0),) for t in texts]
    assert all(r.log.packed == 50 for r in responses)


async def test_a_request_alone_goes_as_it_is_within_one_turn_of_the_loop() -> None:
    endpoint = Endpoint()
    task = asyncio.create_task(packing(endpoint)(asked("alone")))  # type: ignore[arg-type]
    for _ in range(4):
        await asyncio.sleep(0)
    assert endpoint.sizes == [1]
    assert (await task).log.packed == 1


async def test_requests_with_other_options_or_another_model_go_by_themselves() -> None:
    endpoint = Endpoint()
    requests = [asked(str(i), extra={"dimensions": 8 * (i % 2)}) for i in range(6)]
    requests += [asked(str(i)).replace(model="other") for i in range(3)]
    await all_of(packing(endpoint), requests)
    assert sorted(endpoint.sizes) == [3, 3, 3]


async def test_chats_and_streams_are_left_alone() -> None:
    endpoint = Endpoint()
    layer = packing(endpoint)
    await asyncio.gather(*(layer(asked(str(i), "chat")) for i in range(3)))
    await asyncio.gather(*(layer(asked(str(i), "completions"), print) for i in range(3)))
    assert endpoint.sizes == [1] * 6


async def test_no_pack_is_larger_than_it_may_be() -> None:
    endpoint = Endpoint()
    await all_of(packing(endpoint, Packing(embeddings=16)), [asked(str(i)) for i in range(40)])
    assert max(endpoint.sizes) == 16
    assert sum(endpoint.sizes) == 40
    endpoint = Endpoint()
    await all_of(packing(endpoint, Packing(max_bytes=100)), [asked("x" * 30) for _ in range(10)])
    assert endpoint.sizes == [3, 3, 3, 1]


async def test_while_one_pack_waits_for_its_limit_the_next_one_grows() -> None:
    clock = FakeClock(autojump=False)
    endpoint = Endpoint()
    limits = Limits(requests_per_minute=60)
    limited = LimitLayer(Departures(endpoint), limits, clock=clock, gates={})  # type: ignore[arg-type]
    layer = PackLayer(limited, ALL)
    tasks = []
    for i in range(40):
        tasks.append(asyncio.ensure_future(layer(asked(str(i)))))
        for _ in range(5):
            await asyncio.sleep(0)
    assert endpoint.sizes == [1]
    for _ in range(3):
        clock.advance(1.1)
        for _ in range(20):
            await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert endpoint.sizes == [1, 1, 38]


async def test_several_texts_of_one_request_stay_together() -> None:
    endpoint = Endpoint()
    pair = asked("a").replace(messages=(Message("user", "a"), Message("user", "bb")))
    one, two = await all_of(packing(endpoint), [pair, asked("ccc")])
    assert one.vectors == ((1.0, 1.0), (2.0, 1.0))
    assert two.vectors == ((3.0, 1.0),)


@pytest.mark.parametrize("n", [None, 1, 3])
async def test_completions_keep_their_n_answers_in_order(n: int | None) -> None:
    endpoint = Endpoint()
    requests = [asked(text, "completions", n=n, max_tokens=4) for text in "abcd"]
    responses = await all_of(packing(endpoint), requests)
    assert endpoint.sizes == [4]
    for text, response in zip("abcd", responses, strict=True):
        assert [choice.text for choice in response.choices] == [
            f"{text}:{i}" for i in range(n or 1)
        ]


def test_a_pack_of_completions_has_the_size_of_all_its_answers_and_a_body_for_each() -> None:
    parts = [asked(text, "completions", n=2, max_tokens=9) for text in "abc"]
    pack = Pack.of(parts, lambda: None)
    assert pack.options.n == 6
    path, body = encode(pack, Dialect())
    assert path == "/completions"
    assert (body["prompt"], body["n"], body["max_tokens"]) == (["a", "b", "c"], 2, 9)
    choices = [{"index": i, "text": str(i), "finish_reason": "stop"} for i in (5, 1, 0, 4, 2, 3)]
    usage = {"prompt_tokens": 10, "completion_tokens": 6}
    whole = decode(pack, {"choices": choices, "usage": usage}, Dialect())
    assert [[c.text for c in r.choices] for r in unpack(pack, whole)] == [
        ["0", "1"],
        ["2", "3"],
        ["4", "5"],
    ]


def test_completions_are_packed_only_when_told_to() -> None:
    assert Packing().completions == 1
    with pytest.raises(OptionError):
        Packing(embeddings=0)
    with pytest.raises(OptionError):
        pk.connect(transport=lambda _: "x", pack={"chat": 3})


# -- shares ---------------------------------------------------------------------------------


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=50))
def test_shares_add_up_and_none_is_off_by_one(total: int, weights: list[int]) -> None:
    parts = shares(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    if whole:
        assert all(
            abs(p - total * w / whole) < 1 + 1e-6 * total
            for p, w in zip(parts, weights, strict=True)
        )


@given(
    st.lists(st.text(max_size=20), min_size=2, max_size=20),
    st.integers(0, 10**5),
    st.integers(0, 10**5),
    st.integers(0, 10**5),
    st.floats(0, 10),
)
def test_usage_and_cost_of_the_parts_add_up_to_those_of_the_whole(
    texts: list[str], tin: int, out: int, cached: int, cost: float
) -> None:
    pack = Pack.of([asked(text, "completions") for text in texts], lambda: None)
    usage = Usage(tin, out, min(cached, tin), min(cached, out))
    whole = Response(tuple(Choice(t) for t in texts), usage, cost_usd=cost)
    parts = [response.usage for response in unpack(pack, whole)]
    for name in ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"):
        assert sum(getattr(part, name) for part in parts) == getattr(usage, name)
    assert all(part.cached_tokens <= part.input_tokens for part in parts)
    assert all(part.reasoning_tokens <= part.output_tokens for part in parts)
    assert sum(r.cost_usd or 0.0 for r in unpack(pack, whole)) == pytest.approx(cost)


# -- errors ---------------------------------------------------------------------------------


@given(st.sets(st.integers(0, 63), max_size=10), st.integers(1, 64))
def test_whoever_is_refused_is_refused_alone(guilty: set[int], count: int) -> None:
    bad = {f"text {i}" for i in guilty}
    endpoint = Endpoint(bad=bad)
    texts = [f"text {i}" for i in range(count)]

    async def run() -> list[object]:
        return await all_of(packing(endpoint), [asked(text) for text in texts])

    for text, outcome in zip(texts, asyncio.run(run()), strict=True):
        assert isinstance(outcome, RefusedRequestError if text in bad else Response), text
    assert len(endpoint.sizes) <= 15 + 2 * 6 * max(1, len(bad)) + count


async def test_one_bad_item_among_many_costs_few_requests() -> None:
    endpoint = Endpoint(bad=["bad"])
    requests = [asked("bad" if i == 77 else str(i)) for i in range(1024)]
    outcomes = await all_of(packing(endpoint), requests)
    assert sum(isinstance(outcome, Response) for outcome in outcomes) == 1023
    assert len(endpoint.sizes) == 21


async def test_an_error_in_all_of_them_costs_little_more_than_without_packs() -> None:
    endpoint = Endpoint(bad=[str(i) for i in range(256)])
    outcomes = await all_of(packing(endpoint), [asked(str(i)) for i in range(256)])
    assert all(isinstance(outcome, RefusedRequestError) for outcome in outcomes)
    assert len(endpoint.sizes) <= 256 + 15


async def test_how_many_a_server_takes_is_learned() -> None:
    endpoint = Endpoint(most=1)
    layer = packing(endpoint)
    for _ in range(5):
        endpoint.sizes.clear()
        outcomes = await all_of(layer, [asked(str(i)) for i in range(32)])
        assert all(isinstance(outcome, Response) for outcome in outcomes)
    assert endpoint.sizes == [1] * 32


async def test_a_pack_above_the_tokens_of_a_minute_is_halved_and_not_waited_for() -> None:
    class Small(Endpoint):
        async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
            if len(request.messages) > 8:
                self.sizes.append(len(request.messages))
                raise RateLimitError("HTTP 429: Request too large for m: Limit 80, Requested 320")
            return await super().__call__(request, on_text)

    endpoint = Small()
    layer = packing(endpoint)
    for _ in range(2):
        outcomes = await all_of(layer, [asked(str(i)) for i in range(32)])
        assert all(isinstance(outcome, Response) for outcome in outcomes)
    assert endpoint.sizes == [32, 16, 16, 8, 8, 8, 8, 8, 8, 8, 8]


async def test_what_may_pass_is_told_to_each_and_they_come_back_together() -> None:
    endpoint = Endpoint()
    endpoint.errors = [ConnectionFailedError("lost"), RateLimitError("slow down", retry_after_s=5)]
    clock = Metronome()
    call = RetryLayer(packing(endpoint), RetryPolicy(), clock, random.Random(1))
    outcomes = await all_of(call, [asked(str(i)) for i in range(20)])
    assert endpoint.sizes == [20, 20, 20]
    assert len(set(clock.waits[:20])) == len(set(clock.waits[20:])) == 1
    assert clock.waits[20] >= 5 > clock.waits[0]
    assert all(isinstance(o, Response) and o.log.attempts == 3 for o in outcomes)


async def test_each_gets_an_error_of_its_own() -> None:
    endpoint = Endpoint()
    endpoint.errors = [RateLimitError("slow down")]
    outcomes = await all_of(packing(endpoint), [asked(str(i)) for i in range(3)])
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert all(isinstance(outcome, RateLimitError) for outcome in outcomes)


async def test_a_server_that_answers_the_first_prompt_alone_is_sent_no_more_lists() -> None:
    class FirstOnly(Endpoint):
        async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
            self.sizes.append(len(request.messages))
            return Response((Choice(request.messages[0].text),), Usage(1, 1))

    endpoint = FirstOnly()
    call = RetryLayer(packing(endpoint), RetryPolicy(), Metronome(), random.Random(1))
    requests = [asked(str(i), "completions") for i in range(10)]
    outcomes = await all_of(call, requests)
    assert [o.text for o in outcomes] == [str(i) for i in range(10)]
    assert endpoint.sizes[:2] == [10, 10]
    with pytest.raises(ProtocolError, match="1 results came for 2"):
        unpack(Pack.of(requests[:2], lambda: None), Response((Choice("x"),)))


async def test_a_server_whose_index_names_no_place_is_asked_one_by_one() -> None:
    class Restarting(Endpoint):
        async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
            texts = [message.text for message in request.messages]
            self.sizes.append(len(texts))
            items = [
                {"index": i % 20, "embedding": [float(len(text))]} for i, text in enumerate(texts)
            ]
            return decode(request, {"data": items}, Dialect())

    endpoint = Restarting()
    call = RetryLayer(packing(endpoint), RetryPolicy(), Metronome(), random.Random(1))
    outcomes = await all_of(call, [asked("z" * i) for i in range(1, 40)])
    assert [o.vectors[0][0] for o in outcomes] == [float(i) for i in range(1, 40)]
    assert endpoint.sizes[:2] == [39, 39]
    assert set(endpoint.sizes[2:]) == {1}


# -- leaving --------------------------------------------------------------------------------


async def test_who_is_cancelled_does_not_take_the_others_along() -> None:
    endpoint = Endpoint()
    endpoint.gate = asyncio.Event()
    layer = packing(endpoint)
    tasks = [asyncio.ensure_future(layer(asked(str(i)))) for i in range(3)]
    while not endpoint.sizes:
        await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    endpoint.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "CancelledError",
        "Response",
        "Response",
    ]
    assert not getattr(outcomes[0], "unsent", False)
    assert not layer._groups


async def test_when_all_are_cancelled_the_request_is_too() -> None:
    endpoint = Endpoint()
    endpoint.gate = asyncio.Event()
    layer = packing(endpoint)
    tasks = [asyncio.ensure_future(layer(asked(str(i)))) for i in range(3)]
    while not endpoint.sizes:
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert endpoint.cancelled == 1
    assert not layer._groups


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_who_is_cancelled_before_it_was_sent_says_so(turns: int) -> None:
    endpoint = Endpoint()
    layer = packing(endpoint)

    async def one(text: str) -> Response | BaseException:
        try:
            return await layer(asked(text))
        except BaseException as error:
            return error

    tasks = [asyncio.create_task(one(str(i))) for i in range(2)]
    for _ in range(turns):
        await asyncio.sleep(0)
        if endpoint.sizes:
            break
    tasks[0].cancel()
    gone, stayed = await asyncio.gather(*tasks)
    assert isinstance(stayed, Response)
    assert getattr(gone, "unsent", False) is (endpoint.sizes == [1])
    for _ in range(3):
        await asyncio.sleep(0)
    assert not layer._groups


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 8)), max_size=40))
def test_nobody_is_forgotten_whoever_leaves_and_whenever(
    plan: list[tuple[int, bool, int]],
) -> None:
    async def run() -> None:
        endpoint = Endpoint(bad=["3", "4"], most=8)
        layer = packing(endpoint, Packing(embeddings=16))

        async def one(i: int, turns: int, leaves: bool, after: int) -> None:  # noqa: FBT001
            for _ in range(turns):
                await asyncio.sleep(0)
            task = asyncio.ensure_future(layer(asked(str(i))))
            for _ in range(after):
                await asyncio.sleep(0)
            if leaves:
                task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            assert isinstance(outcome, (Response, RefusedRequestError, asyncio.CancelledError))

        async with asyncio.timeout(20):
            await asyncio.gather(*(one(i, *step) for i, step in enumerate(plan)))
            for _ in range(20):
                await asyncio.sleep(0)
        assert not layer._groups
        assert not [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]

    asyncio.run(run())


# -- over HTTP ------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["embeddings", "moderations"])
async def test_a_map_over_an_endpoint_sends_lists(api: Api) -> None:
    with OpenAIServer() as server:
        session = pk.connect(
            base_url=server.url,
            api_key=server.key,
            model="test-model",
            cache=None,
            ledger=False,
            limits=Limits(concurrency=8),
        )
        async with session:
            many = session.using(api=api)
            texts = [{"text": f"text {i}"} for i in range(200)]
            responses = await many.map("{text:trusted}", texts, concurrency=50)
            assert len(server.requests) < 20
            sent = [text for seen in server.requests for text in seen.body["input"]]
            assert len(sent) == 200
            results = [r.vectors if api == "embeddings" else r.moderations for r in responses]
            assert all(result is not None and len(result) == 1 for result in results)
            assert session.usage.requests == 200


async def test_packs_may_be_switched_off() -> None:
    with OpenAIServer() as server:
        session = pk.connect(
            base_url=server.url, api_key=server.key, model="test-model", cache=None, pack=False
        )
        async with session:
            await session.using(api="embeddings").map("{t:trusted}", [{"t": "a"}] * 9)
            assert len(server.requests) == 9


async def test_every_route_packs_as_the_group_is_told() -> None:
    with OpenAIServer() as one, OpenAIServer() as two:
        session = pk.connect(
            routes=[pk.Route(base_url=each.url, api_key=each.key) for each in (one, two)],
            model="test-model",
            cache=None,
            pack=Packing(embeddings=5),
        )
        async with session:
            texts = [{"t": str(i)} for i in range(60)]
            answers = await session.using(api="embeddings").map("{t:trusted}", texts)
            assert {answer.log.packed for answer in answers} == {5}
            assert one.requests
            assert two.requests


async def test_who_leaves_a_pack_that_others_stay_in_may_be_billed_though_it_had_not_left() -> None:
    may_go = asyncio.Event()

    async def held(request: Request, on_text: object = None, /) -> Response:
        await may_go.wait()  # as a rate limit would
        if isinstance(request, Pack):
            request.departed()
        vectors = tuple((0.0,) for _ in request.messages)
        return Response(usage=Usage(10 * len(request.messages)), vectors=vectors)

    layer = PackLayer(held, Packing())  # type: ignore[arg-type]
    asked = [
        Request(messages=(Message("user", text),), model="m", api="embeddings") for text in "abc"
    ]
    first, *others = (asyncio.ensure_future(layer(request)) for request in asked)
    await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await first
    may_go.set()
    await asyncio.gather(*others)
    assert not getattr(caught.value, "unsent", False)
