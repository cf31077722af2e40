"""Scanning files: every place of a notebook, stores, logs, and files that cannot be read."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.adapters.ledger import Ledger
from promptkit.adapters.sqlite import SqliteStore
from promptkit.errors import StoreError
from promptkit.operations.notebook_text import without_outputs
from promptkit.operations.secret_scan import PRAGMA, Leak, Note, clear_outputs, files_in, scan
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.response import CallLog, Choice, Response, TokenLogprob, Usage
from promptkit.totals import Call
from promptkit.trace import Step
from tests.safety.credential_samples import Draw

KEY = f"sk-ant-api03-{Draw(1)('url', 93)}AA"


def leaks(*paths: Path) -> list[Leak]:
    return [found for found in scan(paths) if isinstance(found, Leak)]


def notes(*paths: Path) -> list[Note]:
    return [found for found in scan(paths) if isinstance(found, Note)]


def notebook(**cell: object) -> dict[str, object]:
    code = {
        "cell_type": "code",
        "execution_count": 7,
        "metadata": {},
        "outputs": [],
        "source": ["x = 1\n", "x"],
        **cell,
    }
    first = {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]}
    return {"cells": [first, code], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def written(path: Path, content: object, indent: int | None = 1) -> Path:
    path.write_text(json.dumps(content, indent=indent) + "\n", encoding="utf-8")
    return path


OUTPUTS = {
    "stream": {"output_type": "stream", "name": "stdout", "text": ["a\n", f"{KEY}\n"]},
    "result": {"output_type": "execute_result", "data": {"text/plain": [f"'{KEY}'"]}},
    "html": {"output_type": "display_data", "data": {"text/html": f"<td>{KEY}</td>"}},
    "json": {"output_type": "display_data", "data": {"application/json": {"token": KEY}}},
    "error": {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "no",
        "traceback": [f"\x1b[0;31m{KEY}\x1b[0m"],
    },
    "evalue": {"output_type": "error", "ename": "E", "evalue": f"key {KEY}", "traceback": []},
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_key_in_any_kind_of_output_is_found_and_cleared(tmp_path, name):
    path = written(tmp_path / "a.ipynb", notebook(outputs=[OUTPUTS[name]]))
    (leak,) = leaks(path)
    assert (leak.is_output, leak.where) == (True, "cell 2, output")
    assert path.read_text(encoding="utf-8").splitlines()[leak.line - 1].strip() == "{"
    assert clear_outputs(path)
    assert leaks(path) == []
    cell = json.loads(path.read_text(encoding="utf-8"))["cells"][1]
    assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_a_key_in_a_source_is_found_with_cell_and_line(tmp_path):
    path = written(tmp_path / "a.ipynb", notebook(source=["import os\n", f"key = '{KEY}'\n"]))
    (leak,) = leaks(path)
    assert leak.where == "cell 2, line 2"
    assert KEY in path.read_text(encoding="utf-8").splitlines()[leak.line - 1]
    assert not leak.is_output


@pytest.mark.parametrize(
    "content",
    [
        notebook(metadata={"note": KEY}),
        {**notebook(), "metadata": {"params": {"key": KEY}}},
        notebook(attachments={"k.txt": {"text/plain": base64.b64encode(KEY.encode()).decode()}}),
        {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": KEY}]}]},
    ],
)
def test_metadata_attachments_and_old_notebooks_are_read(tmp_path, content):
    assert len(leaks(written(tmp_path / "a.ipynb", content))) == 1


def test_saved_widgets_are_cleared_with_the_outputs(tmp_path):
    content = {**notebook(), "metadata": {"kernelspec": {"name": "x"}, "widgets": {"a": KEY}}}
    path = written(tmp_path / "a.ipynb", content)
    assert [leak.where for leak in leaks(path)] == ["saved widgets"]
    clear_outputs(path)
    assert leaks(path) == []
    assert json.loads(path.read_text(encoding="utf-8"))["metadata"]["kernelspec"] == {"name": "x"}


@pytest.mark.parametrize("indent", [None, 1, 2, 4])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_clearing_leaves_every_other_byte(tmp_path, indent, end):
    shown = {"output_type": "stream", "name": "stdout", "text": KEY}
    full = notebook(outputs=[shown], source=['s = "é \\u00e9 outputs: [1]"'])
    clean = notebook(outputs=[], execution_count=None, source=full["cells"][1]["source"])
    old = json.dumps(full, indent=indent, ensure_ascii=False) + end
    new = json.dumps(clean, indent=indent, ensure_ascii=False) + end
    if end == "\r\n":
        old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + old.encode())
    path.chmod(0o640)
    assert clear_outputs(path)
    assert path.read_bytes() == b"\xef\xbb\xbf" + new.encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert not clear_outputs(path)
    assert [each.name for each in tmp_path.iterdir()] == ["a.ipynb"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(_JSON, _JSON, st.sampled_from([None, 1, 3]))
def test_clearing_changes_outputs_and_counts_alone(metadata, output, indent):
    full = notebook(metadata=metadata, outputs=[output])
    text = json.dumps(full, indent=indent)
    assert json.loads(without_outputs(text)) == notebook(
        metadata=metadata, outputs=[], execution_count=None
    )
    assert without_outputs(without_outputs(text)) == without_outputs(text)


def test_a_linked_notebook_is_cleared_where_it_lies(tmp_path):
    path = written(tmp_path / "a.ipynb", notebook(outputs=[OUTPUTS["stream"]]))
    link = tmp_path / "link.ipynb"
    link.symlink_to(path)
    assert clear_outputs(link)
    assert link.is_symlink()
    assert leaks(path) == []


def test_a_broken_notebook_is_said_to_be_broken_and_scanned_as_text(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text('{"cells": [' + KEY, encoding="utf-8")
    (note,) = notes(path)
    assert "scanned as text" in note.text
    assert len(leaks(path)) == 1
    with pytest.raises(ValueError, match=r"."):
        clear_outputs(path)
    (tmp_path / "deep.ipynb").write_text("[" * 200_000, encoding="utf-8")
    assert "scanned as text" in notes(tmp_path / "deep.ipynb")[0].text


@pytest.mark.parametrize("name", [".env", "a.py", "a.toml", "a.yaml", "a.json", "a.md", "a.txt"])
def test_text_files_of_any_kind_are_scanned_with_their_lines(tmp_path, name):
    path = tmp_path / name
    path.write_text(f"one\ntwo\nKEY={KEY}\n", encoding="utf-8")
    (leak,) = leaks(tmp_path)
    assert (leak.path, leak.line, leak.where) == (path, 3, "")
    assert KEY not in repr(leak)
    assert leak.preview.endswith(KEY[-4:])
    assert len(leak.preview) < 10


def test_a_line_with_the_pragma_is_let_pass_and_the_next_is_not(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(f"a = '{KEY}'  # {PRAGMA}\nb = '{KEY}'\n", encoding="utf-8")
    assert [leak.line for leak in leaks(path)] == [2]


def test_folders_of_tools_environments_links_and_binary_files_are_passed_over(tmp_path):
    for name in (".git", ".venv", "node_modules", "myenv"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text(KEY, encoding="utf-8")
    (tmp_path / "myenv" / "pyvenv.cfg").touch()
    (tmp_path / "a.bin").write_bytes(b"\x00" + KEY.encode())
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert list(scan([tmp_path])) == []
    assert len(leaks(tmp_path / ".git" / "a.py")) == 1  # what is named is scanned


def test_a_file_is_scanned_once_however_often_it_is_named(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(KEY, encoding="utf-8")
    assert list(files_in([path, tmp_path, path])) == [path]
    assert list(files_in([tmp_path], ("*.py",))) == []


def test_a_path_that_is_not_there_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(StoreError, match="does not exist"):
        list(scan([tmp_path / "no"]))
    (tmp_path / "dangling").symlink_to(tmp_path / "no")
    with pytest.raises(StoreError, match="does not exist"):
        list(scan([tmp_path / "dangling"]))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_noted(tmp_path):
    path = tmp_path / "a.py"
    path.touch(mode=0)
    assert notes(path)[0].is_unread


def test_named_pipes_are_noted_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert notes(tmp_path / "pipe")[0].is_unread


def test_files_above_the_limit_are_noted(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("x\n" * 1000, encoding="utf-8")
    (note,) = scan([path], largest_bytes=100)
    assert isinstance(note, Note)
    assert "left out" in note.text


@pytest.mark.parametrize("filler", ["x", "ab c\n", "Zm9v", "var a=1;"])
def test_a_key_deep_in_megabytes_is_found_once(tmp_path, filler):
    path = tmp_path / "a.js"
    half = filler * (3_000_000 // len(filler))
    path.write_text(f"{half}\n{KEY}\n{half}", encoding="utf-8")
    (leak,) = leaks(path)
    assert leak.line == half.count("\n") + 2


def test_a_private_key_across_two_pieces_is_found_once(tmp_path):
    path = tmp_path / "a.txt"
    pem = Draw(2).pem("RSA ")
    path.write_text("line\n" * ((1 << 20) // 5 - 20) + pem + "\nend\n" * 9, encoding="utf-8")
    assert len(leaks(path)) == 1


def test_utf_16_and_broken_utf_8_are_read(tmp_path):
    (tmp_path / "a.txt").write_text(f"KEY={KEY}", encoding="utf-16")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\xff "[2:] + KEY.encode())
    assert len(leaks(tmp_path)) == 2


async def test_caches_are_read_with_what_is_packed_in_them(tmp_path):
    store = SqliteStore(tmp_path / "cache.sqlite")
    plain = Response((Choice(f"it is {KEY}"),), Usage(1, 1), "m", None, CallLog())
    token = TokenLogprob("x", -0.1, ())
    packed = Response(
        (Choice("a", "stop", (token,)), Choice(f"b {KEY}", "stop", (token,))),
        Usage(1, 1),
        "m",
        None,
        CallLog(),
    )
    for number, response in enumerate((plain, packed)):
        request = Request(messages=(Message("user", str(number)),), model="m")
        await store.put(request, response)
    await store.aclose()
    found = leaks(tmp_path)
    assert {leak.where for leak in found} == {
        "table answers, row 1, column text",
        "table answers, row 2, column body",
    }


def test_ledgers_are_read_while_others_write(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite", keep_text=True)
    request = Request(messages=(Message("user", "Hi"),), model="m")
    answer = Response((Choice("yes"),), Usage(1, 1), "m", None, CallLog())
    ledger.on_call(Step(), Call(request, answer, None, time.time(), 0.1, 1))
    ledger.flush()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as database:
        # As a ledger that was written before its texts were redacted.
        database.execute("UPDATE calls SET question = ?", (f"use {KEY}",))
        database.commit()
        database.execute("BEGIN IMMEDIATE")
        (leak,) = leaks(tmp_path)
        database.rollback()
    assert leak.where == "table calls, row 1, column question"


def test_a_damaged_database_is_noted(tmp_path):
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"SQLite format 3\x00" + b"\x07" * 5000)
    assert notes(path)[0].is_unread


def _clear(path: str) -> None:
    clear_outputs(Path(path))


def test_two_at_once_leave_a_whole_notebook_without_outputs(tmp_path):
    cells = [notebook(outputs=[OUTPUTS["stream"]])["cells"][1] for _ in range(200)]
    path = written(tmp_path / "a.ipynb", {**notebook(), "cells": cells})
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=_clear, args=(str(path),)) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join(60)
    assert [other.exitcode for other in others] == [0, 0, 0]
    assert all(not cell["outputs"] for cell in json.loads(path.read_text())["cells"])
    assert [each.name for each in tmp_path.iterdir()] == ["a.ipynb"]


def test_a_kill_in_the_middle_leaves_the_old_or_the_new_notebook(tmp_path):
    cells = [notebook(outputs=[OUTPUTS["html"]])["cells"][1] for _ in range(3000)]
    path = written(tmp_path / "a.ipynb", {**notebook(), "cells": cells})
    before = path.read_bytes()
    code = f"from promptkit.operations.secret_scan import *; clear_outputs(Path({str(path)!r}))"
    for delay_s in (0.1, 0.3, 0.5):
        process = subprocess.Popen([sys.executable, "-c", code])
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = path.read_bytes()
        assert now in (before, without_outputs(before.decode()).encode())


def test_what_somebody_saved_meanwhile_is_not_lost(tmp_path, monkeypatch):
    path = written(tmp_path / "a.ipynb", notebook(outputs=[OUTPUTS["stream"]]))
    later = notebook(outputs=[OUTPUTS["stream"]], source=["new = 2"])
    saved = iter([True])
    fsync = os.fsync

    def save_first(number: int) -> None:
        fsync(number)
        if next(saved, False):
            written(path, later)

    monkeypatch.setattr(os, "fsync", save_first)
    assert clear_outputs(path)
    cell = json.loads(path.read_text(encoding="utf-8"))["cells"][1]
    assert (cell["source"], cell["outputs"]) == (["new = 2"], [])
