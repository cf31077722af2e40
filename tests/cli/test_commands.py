"""The command line as a whole: help that teaches, mistakes that are met with a suggestion."""

from __future__ import annotations

import json
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
from promptkit.trace import Call, Step


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
        assert all(len(line) <= 100 for line in text.splitlines())
        assert main(["help", command]) == 0
        assert capsys.readouterr().out == text


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
