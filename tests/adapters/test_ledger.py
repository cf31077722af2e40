"""The ledger holds every call, whatever happens, and never costs an answer."""

from __future__ import annotations

import random
import sqlite3
import stat
import string
import subprocess
import sys
import textwrap
import threading
import warnings
from contextlib import closing
from pathlib import Path

import pytest

import promptkit as pk
from promptkit.adapters.frame import read_ledger
from promptkit.adapters.ledger import Ledger, LedgerWarning, cell_labels
from promptkit.errors import RateLimitError, StoreError
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.response import CallLog, Choice, Response, Usage
from promptkit.session import Defaults, Session
from promptkit.testing import Scripted
from promptkit.totals import Call
from promptkit.trace import Step

REQUEST = Request(
    messages=(Message("user", "the secret question"),),
    model="m-1",
    endpoint="https://example.test/v1",
)


def call(response: Response | None = None, error: BaseException | None = None) -> Call:
    return Call(REQUEST, response, error, 1_800_000_000.0, 0.25, attempts=2, unsettled_usd=0.01)


def answer(cost_usd: float | None = 0.5, **log: object) -> Response:
    return Response(
        choices=(Choice("the secret answer"),),
        usage=Usage(100, 20, cached_tokens=30),
        cost_usd=cost_usd,
        log=CallLog(latency_s=0.2, **log),
    )


async def test_every_call_is_a_record(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite", profile="staging")
    step = Step("map").child("item 3")
    ledger.on_call(step, call(answer()))
    ledger.on_call(step, call(answer(None, source="cache")))
    ledger.on_call(step, call(error=RateLimitError("too fast")))
    await ledger.aclose()
    found = read_ledger(tmp_path / "ledger.sqlite")
    paid, cached, failed = (found.iloc[place] for place in range(3))
    assert paid["profile"] == "staging"
    assert (paid["model"], paid["api"], paid["endpoint"]) == ("m-1", "chat", REQUEST.endpoint)
    assert (paid["input_tokens"], paid["output_tokens"], paid["cached_tokens"]) == (100, 20, 30)
    assert (paid["cost_usd"], paid["latency_s"], paid["attempts"]) == (0.5, 0.2, 2)
    assert paid["step"] == "map/item 3"
    assert str(paid["time"]) == "2027-01-15 08:00:00+00:00"
    assert not paid["cached"]
    assert cached["cached"]
    assert cached["source"] == "cache"
    assert cached.isna()["cost_usd"]
    assert failed["error"] == "RateLimitError"
    assert failed["unsettled_usd"] == 0.01
    assert found["question"].isna().all()


async def test_texts_are_written_only_when_asked_for(tmp_path):
    for keep in (False, True):
        path = tmp_path / f"{keep}.sqlite"
        ledger = Ledger(path, keep_text=keep)
        ledger.on_call(Step(), call(answer()))
        await ledger.aclose()
        everything = b"".join(file.read_bytes() for file in tmp_path.glob(f"{keep}.sqlite*"))
        assert (b"secret question" in everything) is keep
        assert (b"secret answer" in everything) is keep


async def test_a_session_writes_its_calls(tmp_path):
    session = Session(Scripted("4"), Defaults(model="scripted"))
    ledger = Ledger(tmp_path / "ledger.sqlite")
    session.trace.observers.append(ledger)
    await session.map(lambda each, item: each.ask(f"{item}?"), range(600))
    await ledger.aclose()
    await session.ask("once more")
    await ledger.aclose()
    assert len(read_ledger(tmp_path / "ledger.sqlite")) == 601


async def test_the_running_cell_is_in_the_record(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    cell_labels.append(lambda: "In [3]")
    try:
        ledger.on_call(Step(), call(answer()))
    finally:
        cell_labels.clear()
    await ledger.aclose()
    assert read_ledger(tmp_path / "ledger.sqlite")["cell"].tolist() == ["In [3]"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_nobody_else_can_read_it(tmp_path):
    ledger = Ledger(tmp_path / "deep" / "ledger.sqlite")
    ledger.on_call(Step(), call(answer()))
    ledger.flush()
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600


def test_records_that_wait_are_written_when_the_interpreter_ends(tmp_path):
    program = """
        import sys
        from promptkit.adapters.ledger import Ledger
        from promptkit.testing import Scripted
        from promptkit.session import Defaults, Session
        import asyncio
        session = Session(Scripted("4"), Defaults(model="scripted"))
        session.trace.observers.append(Ledger(sys.argv[1]))
        asyncio.run(session.ask("2 + 2"))
    """
    run(program, tmp_path / "ledger.sqlite")
    assert len(read_ledger(tmp_path / "ledger.sqlite")) == 1


def test_several_processes_write_one_ledger_at_once(tmp_path):
    program = """
        import asyncio, sys
        from promptkit.adapters.ledger import Ledger
        from promptkit.testing import Scripted
        from promptkit.session import Defaults, Session
        session = Session(Scripted("4"), Defaults(model="scripted"))
        session.trace.observers.append(Ledger(sys.argv[1], profile=sys.argv[2]))
        asyncio.run(session.map(lambda s, item: s.ask(str(item)), range(500)))
    """
    path = tmp_path / "ledger.sqlite"
    threads = [threading.Thread(target=run, args=(program, path, name)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = read_ledger(path)["profile"].value_counts()
    assert dict(counts) == dict.fromkeys("abcd", 500)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX")
def test_a_full_disk_warns_once_and_costs_no_answer(tmp_path):
    program = """
        import asyncio, resource, sys, time
        from promptkit.adapters.ledger import Ledger
        from promptkit.testing import Scripted
        from promptkit.session import Defaults, Session
        async def main():
            session = Session(Scripted("4"), Defaults(model="scripted"))
            ledger = Ledger(sys.argv[1])
            session.trace.observers.append(ledger)
            await session.ask("first")
            await ledger.aclose()
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, most))
            for turn in range(3):
                answers = await session.map(lambda s, item: s.ask(f"{turn} {item}"), range(300))
                await ledger.aclose()
                print(len(answers))
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            await session.ask("last")
            await ledger.aclose()
        asyncio.run(main())
    """
    done = run(program, tmp_path / "ledger.sqlite")
    assert done.stdout.split() == ["300", "300", "300"]
    assert done.stderr.count("LedgerWarning") == 1
    assert len(read_ledger(tmp_path / "ledger.sqlite")) == 902


def test_a_ledger_that_was_taken_away_is_made_anew(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.path.unlink()
    ledger.on_call(Step(), call(answer()))
    ledger.flush()
    assert len(read_ledger(ledger.path)) == 1


def test_a_warning_that_is_an_error_costs_no_answer_either(tmp_path):
    ledger = Ledger(tmp_path / "folder" / "ledger.sqlite")
    ledger.path.unlink()
    ledger.path.parent.rmdir()
    ledger.path.parent.write_text("in the way")
    with warnings.catch_warnings():
        warnings.simplefilter("error", LedgerWarning)
        ledger.on_call(Step(), call(answer()))
        ledger.flush()
    ledger.path.parent.unlink()
    ledger.on_call(Step(), call(answer()))
    ledger.flush()
    assert len(read_ledger(ledger.path)) == 2


@pytest.mark.parametrize("content", [b"my diary", b"SQLite format 3\0" + bytes(100)])
def test_a_file_that_is_no_ledger_is_refused(tmp_path, content):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="move it away"):
        Ledger(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path):
    path = tmp_path / "ledger.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE calls (x)")
    other.close()
    with pytest.raises(StoreError, match="belongs to another program"):
        Ledger(path)
    with pytest.raises(StoreError, match="there is no ledger"):
        read_ledger(tmp_path / "none.sqlite")


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done


async def test_a_ledger_with_texts_holds_no_secrets(tmp_path: Path) -> None:
    key = "ghp_" + "".join(random.Random(5).choices(string.ascii_letters, k=30))
    secret = f'password = "{key}x9Q"'
    ledger = Ledger(tmp_path / "ledger.sqlite", keep_text=True)
    session = pk.connect(transport=Scripted(f"You said {secret}"), model="m")
    session.trace.observers.append(ledger)
    await session.ask(f"Set {secret}")
    ledger.flush()
    with closing(sqlite3.connect(ledger.path)) as file:
        [(question, answer)] = file.execute("SELECT question, answer FROM calls")
    assert question.startswith("user: Set ")
    assert key not in question + answer
