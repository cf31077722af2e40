"""Sessions that nobody closes give their threads and files back, and forked children start anew."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import promptkit as pk
from promptkit.adapters import holder, ledger_writer
from promptkit.adapters.book_meter import BookMeter
from promptkit.adapters.holder import Holder
from promptkit.adapters.ledger import Ledger
from promptkit.adapters.spending_book import SpendingBook
from promptkit.errors import StoreError
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.response import Choice, Response, Usage
from promptkit.totals import Call
from promptkit.trace import Step
from promptkit.transports.meter import Budget, lock

REQUEST = Request(messages=(Message("user", "Hi"),), model="m")
CALL = Call(REQUEST, Response((Choice("4"),), Usage(1, 1)), None, 1.0, 0.1, 1, 0.0)

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="it has no /proc")


def written(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute("SELECT count(*) FROM calls").fetchone()[0])


def open_files(folder: Path) -> list[str]:
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except OSError:
            continue  # the listing's own
    return [link for link in links if link.startswith(str(folder))]


def test_a_ledger_that_nobody_has_any_more_writes_what_waits_and_ends_its_thread(
    tmp_path: Path,
) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.on_call(Step(), CALL)
    thread = ledger._writer.thread
    assert thread is not None
    del ledger
    thread.join(10)
    assert not thread.is_alive()
    assert written(tmp_path / "ledger.sqlite") == 1


def test_an_idle_ledger_has_no_thread_and_starts_one_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_writer, "_IDLE_S", 0.01)
    ledger = Ledger(tmp_path / "ledger.sqlite")
    for count in (1, 2):
        ledger.on_call(Step(), CALL)
        thread = ledger._writer.thread
        assert thread is not None
        thread.join(10)
        assert ledger._writer.thread is None
        assert ledger._writer._database is None
        assert written(tmp_path / "ledger.sqlite") == count


def test_what_an_abandoned_ledger_holds_is_written_at_the_end_of_the_process(
    tmp_path: Path,
) -> None:
    script = """
        import sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        from test_unclosed import CALL, Ledger, Step
        ledger = Ledger(Path(sys.argv[2]))
        ledger.on_call(Step(), CALL)
        del ledger
    """
    here, path = str(Path(__file__).parent), tmp_path / "ledger.sqlite"
    command = [sys.executable, "-c", textwrap.dedent(script), here, str(path)]
    subprocess.run(command, check=True, timeout=60)
    assert written(path) == 1


@needs_proc
def test_sessions_that_are_not_closed_leave_no_open_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTKIT_HOME", str(tmp_path))

    async def answer(_: Request) -> str:
        return "fine"

    async def ask() -> None:
        session = pk.connect(transport=answer, model="m", cache=tmp_path / "c.sqlite")
        session.trace.observers.append(Ledger(tmp_path / "ledger.sqlite"))
        await session.ask("Hi")

    for _ in range(5):
        asyncio.run(ask())
    gc.collect()
    for thread in threading.enumerate():
        if thread.name == "ledger":
            thread.join(10)
    assert open_files(tmp_path) == []


@needs_proc
async def test_an_idle_meter_keeps_no_open_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promptkit.adapters.book_meter._IDLE_S", 0.01)
    meter = BookMeter(SpendingBook(tmp_path / "spending.sqlite"), Budget(hard=1.0), "p")
    for _ in range(2):
        with lock():
            meter.extend(0.1)
            meter.reserve(0.1)
            meter.settle(0.1, 0.05)
        assert open_files(tmp_path)
        while open_files(tmp_path):
            await asyncio.sleep(0.01)
    assert meter.left() == pytest.approx(0.9)


# -- a full disk --------------------------------------------------------------------------


def test_a_holder_that_was_written_in_part_is_refused_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(holder.os, "write", lambda file, data: write(file, data[:100]))
    for _ in range(3):
        with pytest.raises(OSError, match="space") as caught:
            Holder(tmp_path)
        assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []
    assert open_files(tmp_path) == [] if Path("/proc/self/fd").exists() else True


def test_a_budget_on_a_full_disk_refuses_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = BookMeter(SpendingBook(tmp_path / "spending.sqlite"), Budget(hard=1.0), "p")
    with monkeypatch.context() as full:
        write = os.write
        full.setattr(holder.os, "write", lambda file, data: write(file, data[:100]))
        with lock(), pytest.raises(StoreError, match="space"):
            meter.extend(0.1)
    assert list((tmp_path / "spending.holders").iterdir()) == []
    with lock():
        meter.extend(0.1)
        assert meter.room() >= 0.1
    meter.end()


# -- forks --------------------------------------------------------------------------------

FORKED = """
import asyncio, faulthandler, os, sys, threading
from pathlib import Path
from promptkit import Message, Request
from promptkit.adapters.lease import SqliteLease
from promptkit.response import Usage
from promptkit.transports.gate import Gate

REQUEST = Request(messages=(Message("user", "Hi"),), model="m")
lease = SqliteLease(Path(sys.argv[1]))
gate = Gate(60_000, None, lease=lease, place="m")

async def go():
    gate.leave(REQUEST, await gate.enter(REQUEST), {}, Usage(1, 1))

async def main():
    await go()
    await gate.enter(REQUEST)  # under way in the parent when it forks

asyncio.run(main())
gate._synced_at = float("-inf")  # the child looks at the lease at once
held, over = threading.Event(), threading.Event()

def hold():
    with gate._lock, lease._lock:
        held.set()
        over.wait()

threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if not child:
    faulthandler.dump_traceback_later(10, exit=True)
    assert gate.under_way == 0
    asyncio.run(go())
    assert gate.under_way == 0
    os._exit(0)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
over.set()
assert gate.under_way == 1
sys.exit(code)
"""


@needs_fork
def test_a_child_forked_while_the_gate_and_the_lease_are_locked_can_use_both(
    tmp_path: Path,
) -> None:
    command: list[Any] = [sys.executable, "-c", FORKED, tmp_path / "limits.sqlite"]
    done = subprocess.run(command, timeout=60, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
