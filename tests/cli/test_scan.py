"""`promptkit scan` as a person, a pre-commit hook and a CI job run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptkit.cli import main
from promptkit.operations.secret_scan import PRAGMA
from tests.safety.credential_samples import Draw

KEY = f"sk-ant-api03-{Draw(1)('url', 93)}AA"
ROOT = Path(__file__).parents[2]


def notebook(source: str, output: str) -> str:
    shown = {"name": "stdout", "output_type": "stream", "text": [f"{output}\n"]}
    code = {"cell_type": "code", "execution_count": 3, "id": "a", "metadata": {}}
    cell = {**code, "outputs": [shown], "source": [source]}
    page = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(page, indent=1) + "\n"


def test_a_notebook_with_a_planted_key_fails_and_passes_after_fix(shell):
    path = shell.folder / "analysis.ipynb"
    path.write_text(notebook("print(client.api_key)", KEY), encoding="utf-8")
    found = shell.run("scan", "analysis.ipynb")
    assert found.returncode == 1
    assert "analysis.ipynb:9 (cell 1, output): anthropic_key" in found.stdout
    assert "--fix clears them" in found.stdout
    assert KEY not in found.stdout + found.stderr
    fixed = shell.run("scan", "analysis.ipynb", "--fix")
    assert (fixed.returncode, fixed.stderr) == (0, "")
    assert "outputs cleared" in fixed.stdout
    assert "revoke" in fixed.stdout
    again = shell.run("scan", "analysis.ipynb")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert path.read_text(encoding="utf-8") == notebook("print(client.api_key)", "").replace(
        json.dumps(json.loads(notebook("", ""))["cells"][0]["outputs"], indent=1).replace(
            "\n", "\n   "
        ),
        "[]",
    ).replace('"execution_count": 3', '"execution_count": null')


def test_a_key_in_the_source_still_fails_after_fix_and_is_not_rewritten(shell):
    path = shell.folder / "a.ipynb"
    path.write_text(notebook(f"key = '{KEY}'", KEY), encoding="utf-8")
    fixed = shell.run("scan", "--fix", "a.ipynb")
    assert fixed.returncode == 1
    assert "(cell 1, line 1): anthropic_key" in fixed.stdout
    assert "from the environment" in fixed.stdout
    assert KEY in path.read_text(encoding="utf-8")


def test_json_is_for_programs_and_shows_no_key(tmp_path, capsys):
    (tmp_path / "a.env").write_text(f"\nKEY={KEY}\n", encoding="utf-8")
    assert main(["scan", str(tmp_path), "--json"]) == 1
    out = capsys.readouterr().out
    (found,) = json.loads(out)
    assert (found["kind"], found["line"], found["is_output"]) == ("anthropic_key", 2, False)
    assert KEY not in out
    (tmp_path / "a.env").unlink()
    assert main(["scan", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "needs something to scan"),
        (["no-such-file.py"], "does not exist"),
        ([".", "--fixx"], "did you mean --fix?"),
        (["--min-confidence", "7", "."], "from 0 to 1"),
        (["--baseline", "no.json", "."], "cannot be read"),
    ],
)
def test_wrong_usage_is_2(capsys, words, expected):
    assert main(["scan", *words]) == 2
    assert expected in capsys.readouterr().err


def test_a_baseline_lets_pass_what_it_knows_and_nothing_else(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, known = tmp_path / "a.py", tmp_path / "known.json"
    path.write_text(f"a = '{KEY}'\n", encoding="utf-8")
    assert main(["scan", "a.py", "--write-baseline", "known.json"]) == 0
    assert KEY not in known.read_text(encoding="utf-8")
    assert main(["scan", ".", "--baseline", "known.json"]) == 0
    other = f"sk-ant-api03-{Draw(2)('url', 93)}AA"
    path.write_text(f"\na = '{KEY}'\nb = '{other}'\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["scan", ".", "--baseline", "known.json"]) == 1
    assert "a.py:3" in capsys.readouterr().out
    known.write_text("{}", encoding="utf-8")
    assert main(["scan", ".", "--baseline", "known.json"]) == 2


def test_promptkits_own_folder_is_scanned(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PROMPTKIT_HOME", str(tmp_path / "home"))
    assert main(["scan", "--own"]) == 0
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "audit.jsonl").write_text(json.dumps({"a": KEY}), encoding="utf-8")
    assert main(["scan", "--own"]) == 1
    assert "audit.jsonl:1: anthropic_key" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_fails_and_says_why(tmp_path, capsys):
    (tmp_path / "a.sqlite").write_bytes(b"SQLite format 3\x00" + b"\x07" * 5000)
    assert main(["scan", str(tmp_path)]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_a_long_line_and_a_file_with_the_pragma_pass(tmp_path):
    (tmp_path / "a.min.js").write_text("var a=function(){return b.token};" * 100_000)
    (tmp_path / "a.py").write_text(f"key = '{KEY}'  # {PRAGMA}\n", encoding="utf-8")
    assert main(["scan", str(tmp_path)]) == 0


def test_promptkits_own_repository_passes(capsys):
    assert main(["scan", str(ROOT), "--exclude", "*/sealed/*"]) == 0, capsys.readouterr().out


def test_the_hooks_for_pre_commit_name_this_command():
    import yaml

    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["entry"] for hook in hooks] == ["promptkit scan", "promptkit scan --fix"]
