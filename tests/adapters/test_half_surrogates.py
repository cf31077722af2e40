"""Half of a surrogate pair, which servers do send and UTF-8 has no bytes for, stops no store."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import promptkit as pk
from promptkit import Cache, Message, Request, Response
from promptkit.adapters import group_commit
from promptkit.adapters.ledger import Ledger
from promptkit.adapters.sqlite import SqliteStore
from promptkit.errors import OptionError, StoreError
from promptkit.response import Choice, Usage
from promptkit.totals import Call
from promptkit.trace import Step

ANSWER = Response((Choice("4", "stop"),), Usage(5, 1), "m-1", 0.25)
HALF = "st\ud800op"


def asked(text: str = "Hi", model: str = "m") -> Request:
    return Request(messages=(Message("user", text),), model=model)


async def outcomes(*puts: asyncio.Future[None]) -> list[Any]:
    return await asyncio.wait_for(asyncio.gather(*puts, return_exceptions=True), 5)


@pytest.mark.parametrize("secret", [None, "a secret of the file"])
async def test_an_answer_with_half_a_pair_anywhere_is_kept_with_its_neighbours(
    tmp_path: Path, secret: str | None
) -> None:
    store = SqliteStore(tmp_path / "c.sqlite", Cache(secret=secret))
    reason = replace(ANSWER, choices=(Choice("4", HALF),))
    model = replace(ANSWER, model=HALF)
    text = replace(ANSWER, choices=(Choice(HALF, "stop"),))
    kept = {asked(f"{place}"): each for place, each in enumerate((reason, ANSWER, model, text))}
    assert await outcomes(*(store.put(*pair) for pair in kept.items())) == [None] * 4
    found = [store.get(request) for request in kept]
    assert [each and each.choices for each in found] == [each.choices for each in kept.values()]
    assert [each and each.model for each in found] == ["m-1", "m-1", "st?op", "m-1"]
    await store.aclose()


async def test_a_row_that_cannot_be_written_is_told_and_its_neighbours_are_kept(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    bad = store.put(asked(model="m\udcff"), ANSWER)
    told = await outcomes(store.put(asked("1"), ANSWER), bad, store.put(asked("2"), ANSWER))
    assert [type(each) for each in told] == [type(None), StoreError, type(None)]
    assert store.get(asked("1")) is not None
    assert store.get(asked("2")) is not None
    assert await outcomes(store.put(asked("3"), ANSWER)) == [None]
    await store.aclose()


async def test_an_answer_that_is_no_answer_is_told_and_not_raised(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    strange: Any = replace(ANSWER, choices=(Choice("4"), Choice({1, 2})))  # type: ignore[arg-type]
    assert [type(e) for e in await outcomes(store.put(asked(), strange))] == [StoreError]
    await store.aclose()


@pytest.mark.parametrize("failure", [RuntimeError("odd"), sqlite3.OperationalError("full")])
async def test_everybody_is_told_whatever_a_commit_raises(
    tmp_path: Path, failure: Exception
) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    write = store._commits._write

    def fail(rows: list[group_commit.Row]) -> None:
        raise failure

    store._commits._write = fail
    told = await outcomes(store.put(asked("1"), ANSWER), store.put(asked("2"), ANSWER))
    assert [type(each) for each in told] == [StoreError, StoreError]
    store._commits._write = write
    assert await outcomes(store.put(asked("3"), ANSWER)) == [None]
    await store.aclose()


def test_rows_whose_commit_was_interrupted_are_committed_a_little_later(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    write = store._commits._write
    calls = []

    def interrupt_once(rows: list[group_commit.Row]) -> None:
        calls.append(len(rows))
        if len(calls) == 1:
            raise KeyboardInterrupt
        write(rows)

    store._commits._write = interrupt_once
    loop = asyncio.new_event_loop()
    try:

        async def put() -> None:
            await store.put(asked(), ANSWER)

        done = loop.create_task(put())
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(done)
        loop.run_until_complete(asyncio.wait_for(done, 5))
    finally:
        loop.close()
    assert calls == [1, 1]
    store.close()


async def test_a_model_or_tag_with_half_a_pair_is_refused_before_anything_is_sent() -> None:
    async def never(_: Request) -> str:
        raise AssertionError

    session = pk.connect(transport=never, model="m")
    for question in ("Hi", asked(model="m\udcff")):
        with pytest.raises(OptionError, match="half of a surrogate pair"):
            await session.ask(question, model="m\udcff" if question == "Hi" else None)
    with pytest.raises(OptionError, match="it is a text"):
        await session.ask("Hi", model=5)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="half of a surrogate pair"):
        Cache(tag="a\udcff")
    await session.aclose()


async def test_the_ledger_keeps_calls_with_half_a_pair_in_their_texts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite", keep_text=True)
    for text in ("fine", "q\udcff", "fine too"):
        answer = replace(ANSWER, choices=(Choice(text, "stop"),))
        call = Call(asked(text), answer, None, 1.0, 0.1, attempts=1, unsettled_usd=0.0)
        ledger.on_call(Step("map \ud800"), call)
    await ledger.aclose()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as file:
        rows = file.execute("SELECT answer, question, step FROM calls ORDER BY id").fetchall()
    assert [row[0] for row in rows] == ["fine", "q?", "fine too"]
    assert [row[1] for row in rows] == ["user: fine", "user: q?", "user: fine too"]
    assert {row[2] for row in rows} == {"map ?"}


async def test_a_count_that_is_too_large_for_the_ledger_costs_no_other_record(
    tmp_path: Path,
) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    for count in (1, 10**400, 2):
        answer = replace(ANSWER, usage=Usage(count, 1))
        ledger.on_call(Step(), Call(asked(), answer, None, 1.0, 0.1, 1, 0.0))
    await ledger.aclose()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as file:
        rows = file.execute("SELECT input_tokens FROM calls ORDER BY id").fetchall()
    assert rows == [(1,), (2**63 - 1,), (2,)]
