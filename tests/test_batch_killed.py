"""A process that batches is killed at every moment that matters; the next one goes on.

As a program, `python tests/test_batch_killed.py`, it prints what happens.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))  # as pytest's own setting does, for the program

from servers.batch_server import BatchServer
from servers.batches import Plan

KEY = "sk-test-0123456789abcdefWXYZ"
COUNT = 50
WORST = 0.5 * (len("question 1") + 16 + 32 + 0.60 / 0.15 * 20) * 0.15 / 1e6
"""What a line may cost at most, about: its text and what is around it, and 20 tokens."""

CHILD = Path(__file__).parent / "servers" / "batch_child.py"
MOMENTS = ("upload", "before create", "create", "polling", "content")
"""Where the first process is when it is killed: waiting for the reply to this."""


def start(server: BatchServer, home: Path, cache: str, *budget: str) -> subprocess.Popen[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")
    }
    return subprocess.Popen(
        [sys.executable, str(CHILD), server.url, KEY, str(COUNT), cache, *budget],
        env=environment | {"PROMPTKIT_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_while(moment: str, server: BatchServer, home: Path, cache: str, *budget: str) -> None:
    """Start a process, and kill it when the server has just that to reply to."""
    batches = server.batches
    if moment == "polling":
        batches.default = Plan(running_s=3600)
    else:
        batches.held.add(moment)
    asked = {"polling": "show", "before create": "create"}.get(moment, moment)
    first = start(server, home, cache, *budget)
    wait_until(lambda: batches.requests[asked] > 0 or first.poll() is not None)
    time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    out, errors = first.communicate(timeout=30)
    assert first.returncode == -signal.SIGKILL, errors
    assert not out
    batches.held.clear()
    batches.default = Plan()
    batches.finish_all()


def wait_until(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.01)


def finish(server: BatchServer, home: Path, cache: str, *budget: str) -> dict[str, Any]:
    second = start(server, home, cache, *budget)
    out, errors = second.communicate(timeout=80)
    assert second.returncode == 0, errors
    found: dict[str, Any] = json.loads(out)
    return found


def ledger_cost(home: Path) -> float:
    (path,) = home.rglob("ledger.sqlite")
    with sqlite3.connect(path) as database:
        (cost,) = database.execute("SELECT sum(cost_usd) FROM calls WHERE NOT cached").fetchone()
    database.close()
    return float(cost)


@pytest.mark.parametrize("cache", ["disk", "none"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_process_never_pays_twice_and_the_next_one_has_all_answers(
    moment: str, cache: str, tmp_path: Path
) -> None:
    with BatchServer(key=KEY) as server:
        kill_while(moment, server, tmp_path, cache)
        found = finish(server, tmp_path, cache)
        billed = server.batches.billed
    questions = [f"question {number}" for number in range(COUNT)]
    assert found["texts"] == [f"{text} has {len(text)} characters" for text in questions]
    assert found["sources"] == ["endpoint"]
    assert len(billed) == COUNT
    assert set(billed.values()) == {1}
    assert ledger_cost(tmp_path) == pytest.approx(found["cost_usd"])


def test_two_processes_at_once_share_the_work_and_pay_for_each_line_once(tmp_path: Path) -> None:
    with BatchServer(key=KEY) as server:
        server.batches.default = Plan(validating_s=0.5)
        both = [start(server, tmp_path, "disk") for _ in range(2)]
        ended = [process.communicate(timeout=80) for process in both]
        billed = server.batches.billed
    assert [process.returncode for process in both] == [0, 0], ended
    one, two = (json.loads(out) for out, _ in ended)
    assert one["texts"] == two["texts"]
    assert set(billed.values()) == {1}
    assert len(billed) == COUNT
    price = 0.5 * (2 * 0.15 + 4 * 0.60) / 1e6
    assert one["cost_usd"] + two["cost_usd"] == pytest.approx(COUNT * price)


def book_amounts(home: Path) -> dict[str, dict[str, float]]:
    """What stands in the spending book: for «all» and «day», by holder."""
    (path,) = home.rglob("spending.sqlite")
    found: dict[str, dict[str, float]] = {}
    with sqlite3.connect(path) as database:
        for meter, holder, usd in database.execute("SELECT meter, holder, usd FROM amounts"):
            found.setdefault(meter, {})[holder] = usd
    database.close()
    return found


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_batch_of_a_killed_process_stands_in_the_profiles_book_at_its_true_cost_once(
    moment: str, tmp_path: Path
) -> None:
    """The limit has room for the worst case once, and not for half of it again."""
    limit = str(COUNT * WORST * 1.4)
    with BatchServer(key=KEY) as server:
        kill_while(moment, server, tmp_path, "disk", limit)
        if moment == "polling":
            promised = {who: usd for who, usd in book_amounts(tmp_path)["all"].items() if who}
            batches = [usd for who, usd in promised.items() if who.startswith("batch ")]
            assert sum(batches) == pytest.approx(COUNT * WORST, rel=0.05)
        found = finish(server, tmp_path, "disk", limit)
        assert set(server.batches.billed.values()) == {1}
        book = book_amounts(tmp_path)
        for meter in ("all", "day"):
            assert book[meter].pop("") == pytest.approx(found["cost_usd"])
            assert book[meter] == {}, "nothing is held or promised any more"
        finish(server, tmp_path, "none", limit)  # all of it once more, and it fits
    after = book_amounts(tmp_path)
    assert after["all"] == {"": pytest.approx(2 * found["cost_usd"])}


def main() -> None:
    for moment in MOMENTS:
        with tempfile.TemporaryDirectory() as folder, BatchServer(key=KEY) as server:
            kill_while(moment, server, Path(folder), "disk")
            made = server.batches.created
            began = time.monotonic()
            found = finish(server, Path(folder), "disk")
            times = sorted(set(server.batches.billed.values()))
            print(  # noqa: T201 -- a program that shows what happens
                f"killed while {moment!r}: {made} batches made; then resumed in "
                f"{time.monotonic() - began:.1f} s: {len(found['texts'])} answers, "
                f"{server.batches.created} batches in all, {len(server.batches.billed)} lines "
                f"billed {times} time(s), ${found['cost_usd']:.7f} in the session, "
                f"${ledger_cost(Path(folder)):.7f} in the ledger"
            )


if __name__ == "__main__":
    main()
