"""`Session.batch` end to end, on a server that has files and batches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from servers.batch_server import BatchServer, chat_answer
from servers.batches import Plan
from tags import plain

import promptkit as pk
from promptkit.batch import BatchPolicy
from promptkit.errors import BlockedError
from promptkit.safety import Policy, guard

KEY = "sk-test-0123456789abcdefWXYZ"
QUICK = BatchPolicy(first_poll_s=0.01, longest_poll_s=0.05, lease_s=0.5)
QUESTIONS = [f"question {number}" for number in range(10)]


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(key=KEY) as running:
        yield running


def connect(server: BatchServer, **settings: Any) -> pk.Session:
    settings = {"model": "gpt-4o-mini", "cache": True, "api_key": KEY} | settings
    return pk.connect(base_url=server.url, **settings)


async def test_answers_come_in_the_order_of_the_questions_at_half_price(
    server: BatchServer,
) -> None:
    async with connect(server) as session:
        responses = await session.batch(QUESTIONS, policy=QUICK, max_tokens=20)
        asked = await session.batch([QUESTIONS[3]], policy=QUICK, max_tokens=20)
    assert [r.text for r in responses] == [f"{q} has {len(q)} characters" for q in QUESTIONS]
    price = pk.Price(input=0.15, output=0.60).cost(responses[0].usage)
    assert responses[0].cost_usd == pytest.approx(price / 2)
    assert session.usage.cost_usd == pytest.approx(10 * price / 2)
    assert asked[0].log.source == "cache"
    assert server.batches.created == 1


async def test_the_cache_answers_for_ask_and_batch_alike(server: BatchServer) -> None:
    prompt = pk.Prompt("Count {text}")
    async with connect(server) as session:
        question = prompt.fill(text="<text>this</text>")
        (batched,) = await session.batch([question], policy=QUICK, temperature=0)
        asked = await session.ask(question, temperature=0)
        both = await session.batch([question, "new"], policy=QUICK, temperature=0)
    assert asked.log.source == "cache"
    assert asked.text == batched.text
    assert "<text>‹text>this‹/text></text>" in plain(batched.text)  # spotlit like any other
    assert "<text-" in batched.text
    assert [r.log.source for r in both] == ["cache", "endpoint"]


async def test_equal_questions_are_sent_once(server: BatchServer) -> None:
    async with connect(server) as session:
        responses = await session.batch(["a", "b", "a"], policy=QUICK)
    assert [r.log.source for r in responses] == ["endpoint", "endpoint", "joined"]
    assert sum(server.batches.billed.values()) == 2
    assert session.usage.requests == 3


async def test_files_are_split_by_lines_bytes_model_and_address(server: BatchServer) -> None:
    small = BatchPolicy(first_poll_s=0.01, max_lines=4)
    async with connect(server) as session:
        await session.batch(QUESTIONS, policy=small)
        assert server.batches.created == 3
        other = [session.request("x", model="gpt-4.1-mini"), session.request("y")]
        await session.batch(other, policy=small)
        assert server.batches.created == 5
        tiny = BatchPolicy(first_poll_s=0.01, max_bytes=400)
        long, short = await session.batch(["z" * 400, "w"], policy=tiny, on_error="keep")
    assert isinstance(long, pk.errors.RefusedRequestError)
    assert "a batch file may have 400" in str(long)
    assert short.text


async def test_a_refused_line_fails_alone_with_a_typed_error(server: BatchServer) -> None:
    async with connect(server) as session:
        kept = await session.batch(["a", "refuse", "b"], policy=QUICK, on_error="keep")
        assert isinstance(kept[1], pk.errors.RefusedRequestError)
        assert kept[0].text
        assert kept[2].text
        with pytest.raises(pk.errors.RefusedRequestError) as raised:
            await session.batch(["a", "refuse"], policy=QUICK)
    assert "in item 1 of the batch" in raised.value.__notes__[0]
    assert session.usage.failed == 2
    assert sum(server.batches.billed.values()) == 2


async def test_expired_and_lost_lines_go_into_a_further_batch(server: BatchServer) -> None:
    server.batches.plans.append(Plan(expire_after=4))
    async with connect(server) as session:
        responses = await session.batch(QUESTIONS, policy=QUICK)
    assert server.batches.created == 2
    assert set(server.batches.billed.values()) == {1}
    assert [r.log.attempts for r in responses] == [1] * 4 + [2] * 6


async def test_lines_that_fail_again_and_again_keep_their_last_error(server: BatchServer) -> None:
    server.batches.default = Plan(expire_after=0)
    async with connect(server) as session:
        (error,) = await session.batch(["a"], policy=QUICK, on_error="keep")
    assert isinstance(error, pk.errors.ServerError)
    assert error.attempts == server.batches.created == QUICK.max_attempts


async def test_a_line_that_the_endpoint_fails_for_a_moment_is_asked_again() -> None:
    seen: dict[str, int] = {}

    def flaky(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        text = body["messages"][0]["content"]
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 1 and text == "a":
            return 500, {"error": {"message": "The server had an error", "type": "server_error"}}
        return chat_answer(path, body)

    with BatchServer(flaky) as server:
        async with connect(server) as session:
            responses = await session.batch(["a", "b"], policy=QUICK)
    assert [r.log.attempts for r in responses] == [2, 1]
    assert seen == {"a": 2, "b": 1}


async def test_a_full_queue_is_waited_for_and_a_wrong_model_is_not(server: BatchServer) -> None:
    full = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached", "line": None}
    wrong = {"code": "model_not_found", "message": "no such model", "line": None}
    server.batches.plans.extend([Plan(refusal=full), Plan(), Plan(), Plan(refusal=wrong)])
    async with connect(server) as session:
        two = BatchPolicy(first_poll_s=0.01, max_lines=1, max_attempts=1)
        responses = await session.batch(["a", "b"], policy=two)
        assert all(r.text for r in responses)
        with pytest.raises(pk.errors.UnknownModelError):
            await session.batch(["c"], policy=QUICK)


async def test_only_the_line_that_spoils_a_file_fails(server: BatchServer) -> None:
    bad = {"code": "invalid_request", "message": "no", "line": 2, "param": None}
    server.batches.plans.append(Plan(refusal=bad))
    async with connect(server) as session:
        kept = await session.batch(["a", "b", "c"], policy=QUICK, on_error="keep")
    assert [type(k).__name__ for k in kept] == ["Response", "RefusedRequestError", "Response"]


async def test_the_worst_case_of_all_lines_must_fit_the_budget_at_half_price(
    server: BatchServer,
) -> None:
    async with connect(server, cache=None) as session:
        request = session.request("question 1", options={"max_tokens": 1000})
        price = pk.Price(input=0.15, output=0.60)
        worst = price.cost(pk.Usage(10 + 16 + 32, 1000))
    assert request.options.max_tokens == 1000
    async with connect(server, cache=None, budget=worst * 10 / 2 * 0.99) as session:
        with pytest.raises(pk.errors.BudgetError, match="a batch of 10 requests"):
            await session.batch(QUESTIONS, policy=QUICK, max_tokens=1000)
        assert server.batches.uploads == 0
    async with connect(server, cache=None, budget=worst * 10 / 2 * 1.01) as session:
        responses = await session.batch(QUESTIONS, policy=QUICK, max_tokens=1000)
        (meter,) = session.trace.meters
        assert meter.spent_usd == pytest.approx(sum(r.cost_usd for r in responses))
        assert meter.reserved_usd == pytest.approx(0)


async def test_nothing_asked_is_nothing_sent(server: BatchServer) -> None:
    async with connect(server) as session:
        assert await session.batch([]) == []
    assert not server.batches.requests


async def test_questions_may_come_from_an_async_iterable(server: BatchServer) -> None:
    async def questions() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    async with connect(server) as session:
        responses = await session.batch(questions(), policy=QUICK)
    assert [r.text for r in responses] == ["a has 1 characters", "b has 1 characters"]


async def test_an_option_that_the_api_does_not_have_fails_its_line_alone(
    server: BatchServer,
) -> None:
    async with connect(server, budget=1) as session:
        odd = session.request("odd", api="responses", options={"seed": 1, "max_tokens": 5})
        kept = await session.batch([odd, "a"], policy=QUICK, on_error="keep", max_tokens=5)
        (meter,) = session.trace.meters
    assert [type(k).__name__ for k in kept] == ["OptionError", "Response"]
    assert meter.reserved_usd == pytest.approx(0)


async def test_what_cannot_batch_says_so() -> None:
    session = pk.connect(transport=pk.testing.Scripted("4"), model="scripted")
    with pytest.raises(pk.errors.OptionError, match="has no batch API"):
        await session.batch(["What is 2 + 2?"])


async def test_an_endpoint_without_batches_says_so(server: BatchServer) -> None:
    async with pk.connect(base_url=server.url + "x", api_key=KEY, model="gpt-4o-mini") as session:
        with pytest.raises(pk.errors.OptionError, match="has no batch API"):
            await session.batch(["a"], policy=QUICK)


async def test_a_wrong_key_is_an_error_of_each_line(server: BatchServer) -> None:
    async with connect(server, api_key="sk-wrong-0123456789abcd") as session:
        with pytest.raises(pk.errors.AuthenticationError) as raised:
            await session.batch(["a"], policy=QUICK)
    assert "0123456789" not in str(raised.value)


def test_a_policy_that_cannot_work_is_refused() -> None:
    for wrong in ({"max_lines": 0}, {"max_bytes": True}, {"max_attempts": 0}, {"lease_s": 0}):
        with pytest.raises(pk.errors.OptionError):
            BatchPolicy(**wrong)


async def test_settings_that_are_misspelt_are_refused_before_anything_is_sent(
    server: BatchServer,
) -> None:
    async with connect(server) as session:
        for wrong, right in (("on_eror", "on_error"), ("temprature", "temperature")):
            with pytest.raises(pk.errors.OptionError, match=f"did you mean '{right}'"):
                await session.batch([], **{wrong: "keep"})
        with pytest.raises(pk.errors.OptionError, match="BatchPolicy"):
            await session.batch([], policy={"max_lines": 3})
    assert not server.batches.requests


async def test_the_readout_says_failed_once_and_no_latency(
    server: BatchServer, capsys: pytest.CaptureFixture[str]
) -> None:
    async with connect(server) as session:
        await session.batch(["a", "refuse", "b"], policy=QUICK, on_error="keep")
    shown = capsys.readouterr().err
    assert "batch: 3 of 3 · 3 calls · 1 failed · " in shown
    assert shown.count("failed") == 1
    assert "median" not in shown


async def test_batches_are_shown_in_short(server: BatchServer) -> None:
    server.batches.default = Plan(running_s=3600)
    async with connect(server) as session:
        assert repr(session.batches) == f"Batches({server.url})"
        task = asyncio.create_task(session.batch(["a"], policy=QUICK, on_error="keep"))
        while not (found := await session.batches.under_way()):
            await asyncio.sleep(0.01)
        assert "gpt-4o-mini, " in repr(found[0])
        assert repr(found[0]).endswith("0 of 1 answered)")
        await session.batches.cancel(found[0].batch_id)
        await task


async def test_a_policy_holds_for_a_batch_as_for_any_other_call(server: BatchServer) -> None:
    policy = {"input": {"personal": "redact", "max_characters": 60}}
    questions = ["Mail ann@example.com", "x" * 61, "Count me"]
    async with connect(server, policy=policy, cache=None) as session:
        answers = await session.batch(questions, policy=QUICK, on_error="keep")
    assert answers[0].text == "Mail [EMAIL_1] has 14 characters".replace(
        "[EMAIL_1]", "ann@example.com"
    )
    assert isinstance(answers[1], BlockedError)
    assert answers[2].text == "Count me has 8 characters"
    assert sum(server.batches.billed.values()) == 2


async def test_answers_of_a_batch_are_judged_and_two_policies_both_hold(
    server: BatchServer,
) -> None:
    inner = {"input": {"personal": "redact"}}
    async with connect(server, policy=inner, cache=None) as session:

        async def ask_all(here: pk.Session, questions: list[str]) -> list[Any]:
            return await here.batch(questions, policy=QUICK, on_error="keep")

        outer = Policy.of({"output": {"max_characters": 40}, "input": {"max_characters": 50}})
        short, long = await guard(ask_all, outer)(session, ["ann@example.com", "x" * 40])
    assert short.text == "ann@example.com has 9 characters".replace("9", str(len("[EMAIL_1]")))
    assert isinstance(long, BlockedError)
    assert long.stage == "output"
