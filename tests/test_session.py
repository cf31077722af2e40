from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tags import plain

import promptkit as pk
from promptkit import Message, Prompt, Request, Session
from promptkit.defaults import DRAWS
from promptkit.errors import OptionError, PromptError
from promptkit.testing import Scripted
from promptkit.trace import KEPT

pytestmark = pytest.mark.anyio


def scripted(answer: Any = "yes", **settings: Any) -> tuple[Session, Scripted]:
    model = Scripted(answer)
    return pk.connect(transport=model, model="scripted", **settings), model


async def text_of(session: Session, item: object) -> str:
    return (await session.ask(f"item {item}")).text


async def test_a_question_may_be_a_text_a_prompt_messages_or_a_request() -> None:
    session, model = scripted()
    literal = "Braces {stay} braces"
    await session.ask(literal)
    await session.ask(Prompt("A {slot}").fill(slot="b"))
    await session.ask([Message("system", "s"), Message("user", "u")])
    await session.ask(Request(messages=(Message("user", "r"),), model="other"))
    assert plain(model.requests[0].text) == f"user: {literal}"
    assert "<slot>b</slot>" in plain(model.requests[1].text)
    assert [m.role for m in model.requests[2].messages] == ["system", "user"]
    assert model.requests[3].model == "other"


async def test_options_of_a_call_win_over_the_sessions() -> None:
    session, model = scripted()
    await session.using(temperature=0, max_tokens=5).ask("Hi", max_tokens=9)
    assert model.requests[0].options.temperature == 0
    assert model.requests[0].options.max_tokens == 9


async def test_bad_questions_are_refused_before_anything_is_sent() -> None:
    session, model = scripted()
    for bad in (None, 5, [], ["text"], b"bytes"):
        with pytest.raises(OptionError):
            await session.ask(bad)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="sample"):
        await session.ask("Hi", sample=-1)
    with pytest.raises(OptionError, match="api"):
        await session.ask("Hi", api="smoke signals")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="did you mean 'temperature'"):
        await session.ask("Hi", temprature=0)
    with pytest.raises(PromptError, match="no value for slot"):
        await session.ask(Prompt("{a}"))
    assert model.requests == []


async def test_without_a_model_the_error_says_where_to_name_one() -> None:
    with pytest.raises(OptionError, match=r"connect\(model=…\)"):
        await pk.connect(base_url="http://127.0.0.1:1/v1").ask("Hi")


async def test_map_keeps_the_order_of_the_items() -> None:
    async def answer(request: Request) -> str:
        number = int(plain(request.text).split()[-1])
        await asyncio.sleep(0.02 - number * 0.002)
        return str(number)

    session, _ = scripted(answer)
    assert await session.map(text_of, range(10)) == [str(i) for i in range(10)]


async def test_map_takes_async_iterables_and_generators() -> None:
    async def numbers() -> AsyncIterator[int]:
        for i in range(5):
            await asyncio.sleep(0)
            yield i

    session, _ = scripted()
    assert len(await session.map(text_of, numbers())) == 5
    assert len(await session.map(text_of, (i for i in range(5)))) == 5
    assert await session.map(text_of, []) == []


async def test_map_fills_a_prompt_from_rows() -> None:
    session, model = scripted()
    await session.map(
        Prompt("Is {animal} a bird?"), [{"animal": "a wren", "id": 1}, {"animal": "a cat"}]
    )
    assert ["wren" in r.text or "cat" in r.text for r in model.requests] == [
        True,
        True,
    ]


async def test_no_more_than_the_window_is_under_way() -> None:
    under_way = most = 0

    async def answer(request: Request) -> str:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        return "x"

    session, _ = scripted(answer)
    await session.map(text_of, range(50), concurrency=7)
    assert most == 7


async def test_the_first_error_ends_a_map_and_says_which_item_it_was() -> None:
    ended = 0

    async def work(session: Session, item: int) -> int:
        nonlocal ended
        if item == 3:
            raise LookupError("poison")
        try:
            await asyncio.sleep(10)
        finally:
            ended += 1
        return item

    session, _ = scripted()
    with pytest.raises(LookupError, match="poison") as caught:
        await session.map(work, range(5))
    assert caught.value.__notes__ == ["in item 3 of the map"]
    assert ended == 4, "nobody works on in the background"


async def test_errors_can_be_kept_in_place() -> None:
    async def work(session: Session, item: int) -> int:
        return 1 // item

    session, _ = scripted()
    results: list[Any] = await session.map(work, [1, 0, 1], on_error="keep")
    assert results[0] == results[2] == 1
    assert isinstance(results[1], ZeroDivisionError)


async def test_an_error_of_the_items_themselves_is_raised() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the file ended early")

    session, _ = scripted()
    with pytest.raises(OSError, match="the file ended early"):
        await session.map(text_of, items(), on_error="keep")


@pytest.mark.parametrize(
    "bad",
    [
        {"concurrency": 0},
        {"concurrency": 2.5},
        {"concurrency": True},
        {"on_error": "ignore"},
        {"deadline_s": "5"},
        {"deadline_s": True},
    ],
)
async def test_a_window_that_cannot_run_is_refused(bad: dict[str, Any]) -> None:
    session, _ = scripted()
    with pytest.raises(OptionError):
        await session.map(text_of, [1], **bad)


async def test_imap_reads_no_faster_than_its_results_are_taken() -> None:
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        for i in range(100_000):
            read += 1
            yield i

    session, _ = scripted()
    async for _ in session.imap(text_of, items(), concurrency=4):
        break
    assert read < 20


async def test_cancelling_a_map_cancels_its_calls_and_counts_them() -> None:
    async def hang(request: Request) -> str:
        await asyncio.sleep(60)
        return "never"

    session, _ = scripted(hang)
    before = asyncio.all_tasks()
    task = asyncio.create_task(session.map(text_of, range(8)))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert session.usage.requests == session.usage.failed == 8
    assert asyncio.all_tasks() == before


async def test_a_stream_yields_its_text_and_then_has_its_response() -> None:
    session, _ = scripted("one two three")
    stream = session.stream("Count.")
    assert "".join([piece async for piece in stream]) == "one two three"
    assert stream.response is not None
    assert stream.response.text == "one two three"
    assert session.usage.output_tokens > 0


async def test_leaving_a_stream_early_cancels_the_call() -> None:
    ended = asyncio.Event()

    async def model(request: Request, on_text: Any = None, /) -> pk.Response:
        try:
            on_text("first")
            await asyncio.sleep(60)
        finally:
            ended.set()
        return pk.Response()

    session = pk.connect(transport=model, model="m")
    async for piece in session.stream("Hi"):
        assert piece == "first"
        break
    await asyncio.wait_for(ended.wait(), 5)


class Endless:
    """Writes one word, and then nothing for a minute."""

    def __init__(self) -> None:
        self.ended = 0

    async def __call__(self, request: Request, on_text: Any = None, /) -> pk.Response:
        try:
            on_text("first")
            await asyncio.sleep(60)
        finally:
            self.ended += 1
        return pk.Response()


async def test_a_closed_stream_has_ended_its_call() -> None:
    model = Endless()
    session = pk.connect(transport=model, model="m")
    async with contextlib.aclosing(session.stream("Hi")) as stream:
        async for piece in stream:
            assert piece == "first"
            break
    assert model.ended == 1
    assert session.usage.failed == 1
    assert [piece async for piece in stream] == []
    assert repr(stream) == "TextStream(closed)"


async def test_who_reads_a_stream_that_another_task_closes_comes_to_its_end() -> None:
    model = Endless()
    stream = pk.connect(transport=model, model="m").stream("Hi")

    async def read() -> list[str]:
        return [piece async for piece in stream]

    reader = asyncio.create_task(read())
    while repr(stream) != "TextStream(begun)":
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    await stream.aclose()
    assert await reader == ["first"]
    assert model.ended == 1


async def test_a_stream_closed_before_its_first_piece_asks_nothing() -> None:
    session, model = scripted()
    stream = session.stream("Hi")
    assert repr(stream) == "TextStream(not begun)"
    await stream.aclose()
    assert [piece async for piece in stream] == []
    assert model.requests == []


async def test_the_difference_of_two_usages_is_what_came_between() -> None:
    session, _ = scripted()
    await session.ask("One?")
    before = session.usage.copy()
    await session.map("{q:trusted}", ["One?", "Two?", "Three?"])
    assert before.requests == 1
    assert before.latencies is not session.usage.latencies
    since = session.usage - before
    assert (since.requests, since.cached, since.failed) == (3, 0, 0)
    assert since.output_tokens == session.usage.output_tokens - before.output_tokens
    assert since.cost_usd is None


async def test_what_is_shown_of_a_usage_and_a_model_is_short_and_holds_no_text() -> None:
    session, model = scripted("A private answer.")
    await session.ask("A private question?")
    assert repr(session.usage).startswith("Totals(requests=1, input_tokens=")
    assert repr(session.usage).endswith("cost_usd=None)")
    assert repr(model) == "Scripted(requests=1)"
    assert len(repr(session.usage)) < 120


async def test_a_cached_rerun_sends_nothing_and_costs_nothing() -> None:
    session, model = scripted(lambda r: pk.Response((pk.Choice("x"),), pk.Usage(1000, 100)))
    session = session.using(model="gpt-4o-mini")
    await session.map(text_of, range(3))
    paid = session.usage.cost_usd
    await session.map(text_of, range(3))
    assert len(model.requests) == 3
    assert session.usage.cost_usd == paid == pytest.approx(3 * 0.00021)
    assert session.usage.saved_usd == pytest.approx(paid)
    assert (session.usage.requests, session.usage.cached) == (6, 3)


async def test_an_unknown_price_is_none_and_never_zero() -> None:
    session, _ = scripted()
    response = await session.ask("Hi")
    assert response.cost_usd is None
    assert session.usage.cost_usd is None


async def test_steps_nest_and_their_totals_add_up() -> None:
    session, _ = scripted()
    outer = session.step("outer")
    await asyncio.gather(outer.step("a").ask("1"), outer.step("b").ask("2"), session.ask("3"))
    assert session.usage.requests == 3
    assert outer.usage.requests == 2
    assert [(d, s.name) for d, s in session.trace.walk()] == [
        (0, ""),
        (1, "outer"),
        (2, "a"),
        (2, "b"),
    ]


async def test_the_trace_keeps_the_latest_and_counts_all() -> None:
    session, _ = scripted()
    await session.map(text_of, range(KEPT + 50))
    (step,) = session.trace.children
    assert len(step.children) == KEPT
    assert session.usage.requests == KEPT + 50


def test_run_works_without_and_within_a_running_loop() -> None:
    session, _ = scripted()
    assert pk.run(session.ask("Hi")).text == "yes"

    async def main() -> str:
        return pk.run(session.ask("Ho")).text

    assert asyncio.run(main()) == "yes"


def test_run_refuses_to_wait_for_itself() -> None:
    session, _ = scripted()

    async def inner() -> None:
        pk.run(session.ask("Hi"))

    with pytest.raises(OptionError, match="use await there"):
        pk.run(inner())


def test_run_passes_errors_on() -> None:
    session, _ = scripted()
    with pytest.raises(OptionError):
        pk.run(session.ask(""[0:0], temprature=1))


def test_one_session_serves_many_threads() -> None:
    session, _ = scripted()
    results: list[list[str]] = []
    threads = [
        threading.Thread(
            target=lambda k: results.append(
                asyncio.run(session.map(text_of, range(k * 50, k * 50 + 50)))
            ),
            args=(i,),
        )
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(r) for r in results] == [50] * 4
    assert session.usage.requests == 200


async def test_a_text_is_a_template_in_a_map() -> None:
    session, model = scripted()
    await session.map("Is {animal} a bird?", [{"animal": "a wren"}])
    assert "a wren" in model.requests[0].text


async def test_a_function_that_is_not_async_is_named() -> None:
    session, _ = scripted()
    with pytest.raises(OptionError, match="returned int, nothing to await"):
        await session.map(lambda session, item: item, [1])


async def test_the_median_latency_is_of_the_answers_that_were_waited_for() -> None:
    totals = pk.trace.Totals()
    request = Request(messages=(Message("user", "x"),), model="m")

    def add(latency: float, source: Any) -> None:
        response = pk.Response(log=pk.response.CallLog(source=source, latency_s=latency))
        totals.add(pk.trace.Call(request, response, None, 0.0, 0.0, 1))

    for _ in range(500):
        add(1.0, "endpoint")
    for _ in range(5_000):
        add(0.0, "cache")
    for _ in range(5_000):
        add(9.0, "endpoint")
    assert totals.median_latency_s == 9.0


async def test_each_outermost_map_waits_in_a_lane_of_its_own() -> None:
    lanes: dict[str, set[int]] = {}

    async def answer(request: pk.Request) -> str:
        lanes.setdefault(plain(request.text)[-1], set()).add(request.lane)
        return "x"

    session = pk.connect(transport=answer, model="m", cache=None)

    async def outer(here: pk.Session, item: str) -> None:
        await here.map(lambda inner, text: inner.ask(text), [item, item])

    await asyncio.gather(session.map(outer, ["a"]), session.map(outer, ["b"]))
    await session.ask("c")
    assert len(lanes["a"]) == len(lanes["b"]) == 1  # a map within a map keeps its lane
    assert lanes["c"] == {0}
    assert len(lanes["a"] | lanes["b"] | lanes["c"]) == 3


async def test_draw_i_asks_for_sample_i_first() -> None:
    session, model = scripted(lambda r: str(r.sample))
    assert [(await session.draw(i).ask("Hi")).text for i in range(3)] == ["0", "1", "2"]
    assert (await session.draw(2).ask("Hi")).log.source == "cache"
    assert session.draw(0).request("Hi").key == session.request("Hi").key
    assert len(model.requests) == 3


async def test_a_draw_keeps_its_samples_through_steps_options_and_maps() -> None:
    session, model = scripted()
    drawn = session.draw(5)
    await drawn.step("a").using(temperature=0.5).ask("Hi")
    await drawn.map("{a}", [{"a": "b"}])
    async for _ in drawn.stream("Hi"):
        pass
    assert {request.sample for request in model.requests} == {5}


paths = st.lists(st.one_of(st.integers(0, 2), st.integers(0, DRAWS - 1)), max_size=3)
numbers = st.one_of(st.integers(0, 2), st.integers(0, DRAWS - 1))


@given(paths, numbers, paths, numbers)
def test_two_draws_never_share_a_request(
    one: list[int], sample: int, other: list[int], other_sample: int
) -> None:
    def request(path: list[int], number: int) -> Request:
        here, _ = scripted()
        for draw in path:
            here = here.draw(draw)
        return here.request("Hi", sample=number)

    if len(one) == len(other):
        is_same = (one, sample) == (other, other_sample)
        found = request(one, sample).key == request(other, other_sample).key
        assert found == is_same


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_all_small_draws_and_samples_are_different_requests(depth: int) -> None:
    keys = set()
    for path in itertools.product(range(3), repeat=depth):
        here, _ = scripted()
        for draw in path:
            here = here.draw(draw)
        keys |= {here.request("Hi", sample=number).key for number in range(3)}
    assert len(keys) == 3 ** (depth + 1)


@pytest.mark.parametrize("bad", [-1, DRAWS, 1.0, True, "1", None])
def test_a_draw_has_a_whole_number_below_the_bound(bad: Any) -> None:
    session, _ = scripted()
    with pytest.raises(OptionError, match="4096"):
        session.draw(bad)
