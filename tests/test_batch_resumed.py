"""Batches that go on without the call that made them, and calls that share a batch."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.batch_server import BatchServer
from servers.batches import Plan

import promptkit as pk
from promptkit.adapters import book_meter
from promptkit.batch import BatchPolicy

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


async def test_a_creation_whose_reply_is_lost_is_found_and_not_repeated(
    server: BatchServer,
) -> None:
    server.batches.plans.append(Plan(drop_reply=True))
    async with connect(server) as session:
        responses = await session.batch(QUESTIONS, policy=QUICK)
    assert all(r.text for r in responses)
    assert server.batches.created == 1


async def test_a_refused_creation_is_tried_again(server: BatchServer) -> None:
    server.batches.refusals.extend([429, 429])
    async with connect(server) as session:
        await session.batch(["a"], policy=QUICK)
    assert server.batches.created == 1
    assert server.batches.requests["create"] == 3


async def test_a_stopped_call_says_that_its_batch_goes_on_and_the_next_one_collects_it(
    server: BatchServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.batches.default = Plan(running_s=3600)
    async with connect(server, budget=1) as session:
        task = asyncio.create_task(session.batch(QUESTIONS, policy=QUICK, max_tokens=20))
        while not server.batches.requests["show"]:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert "run again to collect the answers" in capsys.readouterr().err
        (meter,) = session.trace.meters
        assert meter.spent_usd > 0
        assert meter.reserved_usd == pytest.approx(0)
        (still,) = await session.batches.under_way()
        assert (still.lines, still.answered, still.status) == (10, 0, "in_progress")

        server.batches.default = Plan()
        server.batches.finish_all()
        responses = await session.batch([*QUESTIONS[5:], "new"], policy=QUICK, max_tokens=20)
        assert [r.log.source for r in responses] == ["endpoint"] * 6
        assert server.batches.created == 2
        assert len(await session.batches.under_way()) == 1
        await session.batch(QUESTIONS[:5], policy=QUICK, max_tokens=20)
        assert await session.batches.under_way() == []
        assert meter.spent_usd == pytest.approx(session.usage.cost_usd)
    assert set(server.batches.billed.values()) == {1}


async def test_a_cancelled_batch_gives_what_it_has_and_typed_errors_for_the_rest(
    server: BatchServer,
) -> None:
    server.batches.default = Plan(running_s=3600)
    async with connect(server) as session:
        task = asyncio.create_task(session.batch(QUESTIONS, policy=QUICK, on_error="keep"))
        while not (found := await session.batches.under_way()):
            await asyncio.sleep(0.01)
        await session.batches.cancel(found[0].batch_id)
        errors = await task
        assert {type(error) for error in errors} == {pk.errors.CallError}
        assert "cancelled before" in str(errors[0])
        server.batches.default = Plan()
        assert all(r.text for r in await session.batch(QUESTIONS, policy=QUICK))


async def test_two_sessions_at_once_on_one_set_pay_for_each_line_once(
    server: BatchServer,
) -> None:
    server.batches.default = Plan(validating_s=0.1)
    async with connect(server) as one, connect(server) as two:
        both = await asyncio.gather(
            one.batch(QUESTIONS, policy=QUICK), two.batch(QUESTIONS[::-1], policy=QUICK)
        )
    assert [r.text for r in both[0]] == [r.text for r in both[1][::-1]]
    assert set(server.batches.billed.values()) == {1}
    assert one.usage.spent_usd + two.usage.spent_usd == pytest.approx(
        sum(r.cost_usd for r in both[0])
    )


async def test_a_claim_that_was_never_made_is_no_attempt(server: BatchServer) -> None:
    once = BatchPolicy(first_poll_s=0.01, lease_s=0.2, max_attempts=1)
    async with connect(server) as session:
        server.batches.held.add("upload")
        task = asyncio.create_task(session.batch(["a"], policy=once))
        while not server.batches.requests["upload"]:
            await asyncio.sleep(0.01)
        (path,) = Path(os.environ["PROMPTKIT_HOME"]).rglob("batches.sqlite")
        kept = path.with_name("kept.sqlite")
        with sqlite3.connect(path) as source, sqlite3.connect(kept) as copy:
            source.backup(copy)
        source.close()
        copy.close()
        task.cancel()
        await asyncio.wait([task])
        server.batches.held.clear()
        for file in path.parent.glob("batches.sqlite*"):
            file.unlink()
        kept.rename(path)  # as if the process had died there
        (response,) = await session.batch(["a"], policy=once)
    assert response.log.attempts == 1
    assert server.batches.created == 1


async def test_without_a_cache_each_call_pays_anew(server: BatchServer) -> None:
    async with connect(server, cache=None) as session:
        await session.batch(["a"], policy=QUICK)
        await session.batch(["a"], policy=QUICK)
    assert list(server.batches.billed.values()) == [2]


async def test_a_key_of_another_project_does_not_join_a_batch_it_cannot_see() -> None:
    with BatchServer() as server:
        server.batches.default = Plan(running_s=3600)
        async with connect(server, api_key="sk-test-aaaaaaaaaaaaaaaa") as session:
            task = asyncio.create_task(session.batch(["a"], policy=QUICK))
            while not await session.batches.under_way():
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])
        server.batches.default = Plan()
        async with connect(server, api_key="sk-test-bbbbbbbbbbbbbbbb") as session:
            (response,) = await session.batch(["a"], policy=QUICK)
    assert response.text
    assert server.batches.created == 2


async def test_no_prompt_and_no_key_stands_in_the_journal(
    server: BatchServer, tmp_path: Path
) -> None:
    async with connect(server) as session:
        await session.batch(["a secret question"], policy=QUICK)
    files = list((tmp_path / "home").rglob("batches.sqlite*"))
    assert files
    for file in files:
        data = file.read_bytes()
        assert b"secret" not in data
        assert KEY.encode() not in data


@pytest.mark.parametrize("is_budgeted", [True, False])
async def test_a_batch_of_a_closed_session_stands_in_the_profiles_book_until_it_is_collected(
    server: BatchServer, *, is_budgeted: bool
) -> None:
    """Whoever collects it, also a session that has no budget."""
    limit = pk.Budget(hard=0.0003, day=0.0004)
    profile = pk.Profile(name="p", base_url=server.url, budget=limit)
    asked = {"policy": QUICK, "max_tokens": 50}
    server.batches.default = Plan(running_s=3600)
    async with pk.connect(profile=profile, model="gpt-4o-mini", api_key=KEY) as session:
        await stopped(session, server, asked)
        with pytest.raises(pk.errors.BudgetError):  # what is under way leaves no room
            await session.batch([f"another {n}" for n in range(10)], **asked)
    book_meter._shared.clear()  # as in another process
    server.batches.default = Plan()
    server.batches.finish_all()
    other = profile if is_budgeted else pk.Profile(name="p", base_url=server.url)
    async with pk.connect(profile=other, model="gpt-4o-mini", api_key=KEY) as session:
        await session.batch(QUESTIONS, **asked)
        spent = session.usage.spent_usd
    book_meter._shared.clear()
    async with pk.connect(profile=profile, model="gpt-4o-mini", api_key=KEY) as session:
        for meter in session.trace.meters:
            assert meter.spent_usd == pytest.approx(spent)
            assert meter.promised_usd == 0
        await session.batch([f"another {n}" for n in range(10)], **asked)
        for meter in session.trace.meters:
            assert meter.spent_usd == pytest.approx(spent + session.usage.spent_usd)


async def stopped(session: pk.Session, server: BatchServer, asked: dict[str, Any]) -> None:
    task = asyncio.create_task(session.batch(QUESTIONS, **asked))
    while not server.batches.requests["show"]:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])


async def test_a_stopped_batch_shows_what_it_may_still_cost_until_it_is_collected(
    server: BatchServer, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"policy": QUICK, "max_tokens": 20}
    server.batches.default = Plan(running_s=3600)
    async with connect(server) as session:
        await stopped(session, server, asked)
        shown = capsys.readouterr().err
        assert "batch: stopped at 0 of 10 · 10 calls · 10 stopped · $0 + up to $0.0001 for" in shown
        assert session.usage.unsettled_usd > 0
        server.batches.finish_all()
        await session.batch(QUESTIONS, **asked)
        assert session.usage.unsettled_usd == pytest.approx(0)
        assert "up to" not in capsys.readouterr().err
