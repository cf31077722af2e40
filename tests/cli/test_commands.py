"""The command line as a whole: help that teaches, mistakes that are met with a suggestion."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from promptkit.adapters.ledger import Ledger
from promptkit.adapters.model_file import model_path
from promptkit.cli import COMMANDS, main
from promptkit.folders import data_folder
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.response import CallLog, Choice, Response, Usage
from promptkit.totals import Call
from promptkit.trace import Step


def spend(profile: str, model: str, cost_usd: float | None, source: str = "endpoint") -> None:
    ledger = Ledger(data_folder() / "profiles" / profile / "ledger.sqlite", profile=profile)
    answer = Response((Choice("yes"),), Usage(1000, 10), model, cost_usd, CallLog(source=source))
    request = Request(messages=(Message("user", "?"),), model=model)
    ledger.on_call(Step(), Call(request, answer, None, time.time(), 0.1, 1))
    ledger.flush()


@pytest.fixture
def spent() -> None:
    spend("staging", "gpt-5-mini", 0.25)
    spend("staging", "gpt-5-mini", 0.25, "cache")
    spend("production", "gpt-5", 1.5)
    spend("production", "own-model", None)


def test_every_command_teaches_by_example(capsys):
    for command in COMMANDS:
        assert main([command, "--help"]) == 0
        text = capsys.readouterr().out
        assert text.startswith(f"promptkit {command}")
        assert f"\n  promptkit {command}" in text
        assert main(["help", command]) == 0
        assert capsys.readouterr().out == text


@pytest.mark.parametrize("words", [[], *([command] for command in COMMANDS)])
def test_help_fits_into_80_columns(capsys, words):
    assert main([*words, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 79] == []


def test_no_command_shows_the_help_and_version_the_version(capsys):
    assert main([]) == 0
    assert "promptkit demo" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("promptkit 0.")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rum"], "there is no command 'rum': did you mean 'run'?"),
        (["--versoin"], "there is no option '--versoin'"),
        (["usage", "--by", "modle"], "did you mean model?"),
        (["usage", "--since", "tuesday"], "--since tuesday is no time"),
        (["usage", "more"], "'more' is one word too many"),
        (["model", "instal"], "did you mean 'install'?"),
        (["run"], "needs file, --out"),
    ],
)
def test_a_mistake_is_met_with_one_line(capsys, words, expected):
    assert main(words) == 2
    said = capsys.readouterr()
    assert expected in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_debug_shows_the_traceback(capsys):
    assert main(["usage", "--since", "tuesday", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_usage_adds_up_all_profiles(spent, capsys):
    assert main(["usage"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        *("model", "calls", "cached", "failed", "tokens", "in", "tokens", "out", "cost", "saved")
    ]
    assert lines[1].split() == ["gpt-5", "1", "0", "0", "1,000", "10", "$1.50", "$0"]
    assert lines[2].split() == ["gpt-5-mini", "2", "1", "0", "1,000", "10", "$0.25", "$0.25"]
    assert lines[3].split() == ["own-model", "1", "0", "0", "1,000", "10", "unknown", "$0"]
    assert lines[4].split() == ["total", "4", "1", "0", "3,000", "30", "$1.75", "$0.25"]
    assert lines[5] == "The cost leaves out 1 answer of unknown price."


def test_usage_groups_by_profile_and_by_day(spent, capsys):
    assert main(["usage", "--by", "profile", "--json"]) == 0
    found = {each["profile"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["production"]["cost_usd"] == 1.5
    assert found["production"]["unpriced"] == 1
    assert found["staging"]["saved_usd"] == 0.25
    assert main(["usage", "--by", "day", "--since", "7d", "--json"]) == 0
    (day,) = json.loads(capsys.readouterr().out)
    assert day["calls"] == 4


def test_usage_without_calls_says_so(capsys):
    assert main(["usage"]) == 0
    assert capsys.readouterr().out == "no calls yet\n"
    assert main(["usage", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def usage_in_terminal(columns: int) -> list[str]:
    """Run `promptkit usage` in a terminal so wide; return its lines."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "promptkit", "usage"]
    with subprocess.Popen(command, env=environment, stdout=slave) as process:
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # Linux says so when the other end is closed
            while piece := os.read(master, 65536):
                shown += piece
    os.close(master)
    assert process.returncode == 0
    return re.sub(r"\x1b\[[\d;]*m", "", shown.decode()).splitlines()


def test_usage_cuts_nothing_off_in_80_columns():
    spend("staging", "gpt-5.4-mini", 0.00002)
    spend("staging", "gpt-4o-mini", 0.0000123, "cache")
    head, *lines = usage_in_terminal(80)
    assert re.split(r"\s{2,}", head.strip()) == [
        *("model", "calls", "cached", "failed", "tokens in", "tokens out", "cost", "saved")
    ]
    assert [line.split() for line in lines] == [
        ["gpt-5.4-mini", "1", "0", "0", "1,000", "10", "$0.00002", "$0"],
        ["gpt-4o-mini", "1", "1", "0", "0", "0", "$0", "$0.000012"],
        ["total", "2", "1", "0", "1,000", "10", "$0.00002", "$0.000012"],
    ]
    assert all(len(line) <= 80 for line in [head, *lines])


def test_usage_breaks_a_long_name_and_no_number():
    spend("staging", "some-organization/a-model-of-a-long-name-7b-instruct", 0.00002)
    head, first, *more = usage_in_terminal(80)
    name, *numbers = first.split()
    assert numbers == ["1", "0", "0", "1,000", "10", "$0.00002", "$0"]
    rest = "".join(line.strip() for line in more)
    assert name + rest == "some-organization/a-model-of-a-long-name-7b-instruct"
    assert "…" not in head


def test_usage_cuts_nothing_off_where_hardly_anything_fits():
    spend("staging", "gpt-5.4-mini", 0.00002)
    _, line = usage_in_terminal(40)
    assert line.split() == ["gpt-5.4-mini", "1", "0", "0", "1,000", "10", "$0.00002", "$0"]


def test_a_damaged_ledger_is_one_line(spent, capsys):
    (data_folder() / "profiles" / "staging" / "ledger.sqlite").write_bytes(b"no database" * 100)
    assert main(["usage"]) == 2
    assert "move it away" in capsys.readouterr().err


def test_model_path_says_where_the_model_is(capsys):
    assert main(["model", "path"]) == 0
    assert capsys.readouterr().out == f"{model_path()}\n"


def test_a_pipe_that_closes_early_is_no_error(spent):
    program = "import sys, promptkit.cli as c; sys.exit(c.main(['run', '--help']))"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait() == 141
    process.stderr.close()


def test_the_package_runs_as_a_module(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "promptkit", "model", "path"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.strip().endswith(".gguf")
