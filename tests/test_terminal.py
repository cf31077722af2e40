"""What a terminal, a pipe and a log show of a running map."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

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
