"""What a terminal, a pipe and a log show of a running map."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import os
import re
import subprocess
import sys
import time

import pytest
from rich.console import Console

import promptkit as pk
from promptkit.errors import CallError
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.response import CallLog, Response, Usage
from promptkit.terminal import _table
from promptkit.totals import Call
from promptkit.trace import Progress, Step

pytestmark = pytest.mark.anyio

PROGRAM = """
import asyncio, sys
import promptkit as pk

async def think(request):
    await asyncio.sleep(0.3)
    if "7" in request.text:
        raise ValueError("unlucky")
    return "four"

async def inner(session, number):
    await session.map(lambda s, i: s.ask(f"{number}?"), [1])

session = pk.connect(transport=pk.testing.Scripted(think), model="gpt-4o-mini")
pk.run(session.map(inner, range(10), concurrency=5, on_error="keep"))
print("the program's own output")
"""


def run(**env):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_a_log_gets_one_line_when_the_outermost_map_has_ended():
    done = run()
    assert done.stdout == "the program's own output\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith("promptkit: map inner: 10 of 10 · 10 calls · 1 failed · ")
    assert "tokens in" in line
    assert "$0.0000" in line


def test_the_readout_can_be_switched_off():
    assert run(PROMPTKIT_READOUT="0").stderr == ""


def in_terminal(**env):
    """Run the program with stderr on a terminal; return what the terminal was sent."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "160", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
    ) as process:
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # Linux says so when the other end is closed
            while piece := os.read(master, 65536):
                shown += piece
        os.close(master)
        assert process.stdout.read() == b"the program's own output\n"
    return shown.decode()


def test_a_terminal_gets_a_bar_that_moves_and_stays():
    shown = in_terminal()
    assert "in flight" in shown
    assert "10 of 10" in shown
    assert "1 failed" in shown
    assert "map inner" in shown
    assert "map <lambda>" not in shown
    assert "promptkit:" not in shown


def test_a_terminal_that_wants_the_end_only_gets_one_line():
    shown = in_terminal(PROMPTKIT_DISPLAY="final")
    assert "in flight" not in shown
    assert shown.startswith("promptkit: map inner: 10 of 10")


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_bar_never_takes_a_second_line(columns):
    shown = in_terminal(COLUMNS=str(columns))
    assert "map inner" in shown
    assert "10 of 10 · 1 failed" in re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert "\x1b[1A" not in shown, "the display moved up a line, so it had more than one"


def running(name, total, done, failed=0, cost_usd=0.000123):
    """A map that has been going on for 100 s, 64 items under way."""
    progress = Progress(Step(name), total, time.monotonic() - 100, None, 64, done, failed)
    response = Response((), Usage(1000, 10), "gpt-5.4-mini", cost_usd, CallLog())
    request = Request(messages=(Message("user", "?"),), model="gpt-5.4-mini")
    progress.step.record(Call(request, response, None, 0.0, 0.1, 1))
    return progress


def drawn(width, *rows):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(_table(rows, width))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_every_map_has_one_line_at_any_width(width):
    names = ("map prompt", "map selection_inference", "map " + "long" * 30)
    sizes = ((1_000_000, 123_456, 17), (10, 0, 0), (None, 5_000, 3))
    rows = [running(name, *size) for name, size in itertools.product(names, sizes)]
    lines = drawn(width, *rows)
    assert len(lines) == len(rows)
    assert all(len(line) <= width for line in lines)
    for row in rows:
        assert len(drawn(width, row)) == 1
        row.ended_at = time.monotonic()
        assert len(drawn(width, row)) == 1


@pytest.mark.parametrize("width", [54, 60, 80, 120])
def test_a_narrow_line_leaves_out_what_can_be_spared_and_keeps_the_rest(width):
    (line,) = drawn(width, running("map prompt", 1000, 333, 3))
    assert line.startswith("map prompt ")
    assert "336 of 1,000 · 3 failed" in line
    assert "$0.00012 so far" in line
    assert (" left" in line) == (width >= 80)
    assert ("in flight" in line) == (width >= 120)
    assert ("━" in line) == (width >= 60)


def test_a_wide_line_tells_all():
    (line,) = drawn(160, running("map prompt", 1000, 333, 3))
    told = ("64 in flight", "3.36/s", "about $0.00037 in all", "left", "━" * 5)
    assert [part for part in told if part not in line] == []


async def test_the_line_tells_items_that_failed_without_a_call(capsys):
    async def work(session, number):
        if number == 3:
            raise ValueError("no call for this one")
        await session.ask(f"{number}?")

    session = pk.connect(transport=pk.testing.Scripted("yes"), model="gpt-4o-mini")
    await session.map(work, range(4), on_error="keep")
    line = capsys.readouterr().err
    assert line.startswith("promptkit: map work: 4 of 4 · 1 failed · 3 calls · ")


async def test_the_line_tells_cancelled_calls_as_stopped(capsys):
    under_way = asyncio.Barrier(3)

    async def answer(request):
        await under_way.wait()
        if "0?" in request.text:
            raise CallError("wrong")
        await asyncio.Event().wait()

    async def work(session, number):
        await session.ask(f"{number}?")

    session = pk.connect(transport=answer, model="gpt-4o-mini")
    with pytest.raises(CallError):
        await session.map(work, range(3), concurrency=3)
    line = capsys.readouterr().err
    assert "stopped at 1 of 3 · 1 failed · 3 calls · 1 failed · 2 stopped" in line


async def test_the_line_tells_calls_that_the_budget_refused(capsys):
    async def work(session, number):
        inner = session.step("deeper")
        await inner.ask(f"{number}?", max_tokens=1000)

    session = pk.connect(
        transport=pk.testing.Scripted("yes"), model="gpt-4o-mini", budget=0.0000001
    )
    await session.map(work, range(2), on_error="keep")
    line = capsys.readouterr().err
    assert "2 of 2 · 2 failed · 2 calls · 2 refused by the budget" in line
