"""The store in a file: what it keeps, for how long, how much of it, and what it survives."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import responses

from promptkit import Cache, Message, Request, Response
from promptkit.adapters.cache_file import APPLICATION_ID
from promptkit.adapters.sqlite import SqliteStore
from promptkit.codec import response_to_json
from promptkit.errors import StoreError
from promptkit.response import Alternative, Choice, TokenLogprob, Usage
from promptkit.transports.store import CacheWarning

LOGPROBS = (TokenLogprob("4", -0.25, (Alternative("4", -0.25), Alternative("five", -1.5))),)
ANSWER = Response((Choice("4", "stop"),), Usage(5, 1, 2, 1), "m-1", 0.25)


def asked(text: str = "Hi", sample: int = 0, model: str = "m") -> Request:
    return Request(messages=(Message("user", text),), model=model, sample=sample)


def same(found: Response | None, kept: Response) -> bool:
    return found is not None and replace(found, log=kept.log, headers=kept.headers) == kept


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(responses, min_size=1, max_size=5))
def test_what_was_put_is_what_is_got(tmp_path: Path, some: list[Response]) -> None:
    async def check() -> None:
        store = SqliteStore(tmp_path / "c.sqlite")
        requests = [asked(sample=number) for number in range(len(some))]
        await asyncio.gather(*map(store.put, requests, some))
        assert all(same(store.get(r), kept) for r, kept in zip(requests, some, strict=True))
        await store.aclose()

    asyncio.run(check())


async def test_answers_that_come_together_are_committed_together(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    commits = []
    write = store._commits._write
    store._commits._write = lambda rows: (commits.append(len(rows)), write(rows))[1]
    await store.put(asked("first"), ANSWER)
    await asyncio.gather(*(store.put(asked(f"{i}"), ANSWER) for i in range(100)))
    assert commits == [1, 100]
    await store.aclose()


async def test_an_answer_is_told_of_only_when_another_process_could_read_it(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    done = store.put(asked(), ANSWER)
    with sqlite3.connect(tmp_path / "c.sqlite") as other:
        assert not done.done()
        await done
        assert other.execute("SELECT count(*) FROM answers").fetchone() == (1,)
    other.close()
    await store.aclose()


KILLED = """
import asyncio, os, signal, sys
from promptkit import Message, Request, Response
from promptkit.adapters.sqlite import SqliteStore
from promptkit.response import Choice
store = SqliteStore(sys.argv[1])
async def put(number):
    request = Request(messages=(Message("user", str(number)),), model="m")
    await store.put(request, Response((Choice("x"),)))
    print(number, flush=True)
async def main():
    await asyncio.gather(*(put(number) for number in range(700)))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_what_was_told_survives_a_killed_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "c.sqlite"], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    told = done.stdout.split()
    assert len(told) == 700
    store = SqliteStore(tmp_path / "c.sqlite")
    assert all(store.get(asked(number.decode())) for number in told)


async def test_an_answer_that_cannot_be_kept_does_not_sink_its_neighbours(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    odd = replace(ANSWER, usage=Usage(2**70, 1))
    results = await asyncio.gather(
        store.put(asked("a"), ANSWER),
        store.put(asked("b"), odd),
        store.put(asked("c"), ANSWER),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), StoreError, type(None)]
    assert store.get(asked("a"))
    assert store.get(asked("c"))
    await store.aclose()


async def test_the_loop_goes_on_while_another_process_holds_the_file(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    other = sqlite3.connect(tmp_path / "c.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    put = asyncio.ensure_future(store.put(asked(), ANSWER))
    turns = 0
    while turns < 5:  # the loop turns: had the commit waited, it would stand still for seconds
        await asyncio.sleep(0.01)
        turns += 1
    assert not put.done()
    other.execute("COMMIT")
    await put
    assert store.get(asked())
    other.close()
    await store.aclose()


# -- for how long, and how much --------------------------------------------------------------


async def test_an_answer_is_served_until_its_time_is_over(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "c.sqlite"
    store = SqliteStore(path, Cache(ttl_s=60))
    await store.put(asked(), ANSWER)
    assert store.get(asked())
    _pass(monkeypatch, 61)
    assert store.get(asked()) is None
    forever = SqliteStore(path)
    assert forever.get(asked()) is None, "what was kept for a minute is over for all"
    await store.put(asked("another"), ANSWER)
    assert _count(path) == 1, "what is over is deleted with the next commit"
    await store.aclose()
    await forever.aclose()


async def test_a_session_with_a_time_limit_does_not_serve_older_answers_of_others(
    tmp_path: Path, monkeypatch
) -> None:
    path = tmp_path / "c.sqlite"
    forever, limited = SqliteStore(path), SqliteStore(path, Cache(ttl_s=60))
    await forever.put(asked(), ANSWER)
    _pass(monkeypatch, 61)
    assert limited.get(asked()) is None
    assert forever.get(asked())
    await forever.aclose()
    await limited.aclose()


async def test_beyond_the_bound_the_answers_longest_unused_go_first(
    tmp_path: Path, monkeypatch
) -> None:
    store = SqliteStore(tmp_path / "c.sqlite", Cache(max_bytes=400_000))
    long = replace(ANSWER, choices=(Choice("x" * 1_500),))
    for number in range(100):
        await store.put(asked(f"{number}"), long)
    _pass(monkeypatch, 2 * 86_400)
    assert store.get(asked("0")), "used again two days later"
    for number in range(100, 220):
        await store.put(asked(f"{number}"), long)
    live = store._database.execute("PRAGMA page_count").fetchone()[0] * 4096
    assert live <= 500_000
    assert store.get(asked("0"))
    assert store.get(asked("1")) is None
    assert store.get(asked("219"))
    await store.aclose()


def _pass(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time()
    monkeypatch.setattr("promptkit.adapters.sqlite.time.time", lambda: now + seconds)


def _count(path: Path) -> int:
    with sqlite3.connect(path) as database:
        (number,) = database.execute("SELECT count(*) FROM answers").fetchone()
    database.close()
    return int(number)


# -- damage ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE answers SET text = x'c328'",
        "UPDATE answers SET text = CAST(x'c328' AS TEXT)",
        "UPDATE answers SET text = NULL",
        "UPDATE answers SET body = x'0000000000'",
    ],
)
async def test_a_damaged_answer_is_a_miss_and_the_others_are_not(
    tmp_path: Path, damage: str
) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    await store.put(asked("a"), ANSWER)
    await store.aclose()
    with sqlite3.connect(tmp_path / "c.sqlite") as other:
        other.execute(damage)
    other.close()
    await store.put(asked("b"), ANSWER)
    with pytest.warns(CacheWarning, match="asked for again"):
        assert store.get(asked("a")) is None
    assert store.get(asked("a")) is None
    assert store.get(asked("b"))
    await store.aclose()


# -- versions --------------------------------------------------------------------------------


async def test_a_cache_of_version_1_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    kept = Response((Choice("4", "stop", LOGPROBS),), Usage(5, 1), "m-1", 0.25)
    rows = [(asked(f"{i}").key, json.dumps(response_to_json(kept)), 1e9 + i) for i in range(2_500)]
    with sqlite3.connect(path) as old:
        old.execute("PRAGMA journal_mode = WAL")
        old.execute(
            "CREATE TABLE answers (key BLOB PRIMARY KEY, response TEXT NOT NULL, "
            "created_at REAL NOT NULL) WITHOUT ROWID"
        )
        old.executemany("INSERT INTO answers VALUES (?, ?, ?)", rows)
        old.execute("INSERT INTO answers VALUES (?, ?, ?)", (b"unreadable", "{", 0.0))
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("PRAGMA user_version = 1")
    old.close()
    store = SqliteStore(path)
    assert all(same(store.get(asked(f"{i}")), kept) for i in (0, 1_000, 2_499))
    await store.put(asked("new"), kept)
    await store.aclose()
    assert _count(path) == 2_501


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
async def test_a_forked_child_has_a_connection_of_its_own(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    await store.put(asked("a"), ANSWER)
    store.put(asked("parent's"), ANSWER)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if store.get(asked("a")) and not store._commits._waiting else 2
        finally:
            os._exit(code)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    await store.aclose()
    assert _count(tmp_path / "c.sqlite") == 2


async def test_what_the_cache_saved_is_counted_without_closing_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    await store.put(asked(), ANSWER)
    for _ in range(1_000):
        store.get(asked())
    await asyncio.sleep(0.01)
    with sqlite3.connect(tmp_path / "c.sqlite") as other:
        saved = dict(other.execute("SELECT name, value FROM meta"))
    other.close()
    assert saved == {"hits": 1_000, "saved_usd": 250.0, "unpriced": 0}
    await store.aclose()
