"""`promptkit run` over tables of each format, and over tables that cannot be used."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from promptkit.cli import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here: Path, endpoint: Any, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `promptkit run` in this process; return exit code, output and errors."""

    def run(*words: object) -> tuple[int, str, str]:
        who = ("--model", "gpt-5-mini", "--base-url", endpoint.url)
        code = main(["run", *map(str, words), *who])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return run


def read_csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_json_lines_get_answers_as_further_members(here, run, endpoint):
    endpoint.answer = lambda _: 'a "fine" answer'
    (here / "in.jsonl").write_text('{"text": "a", "n": 1.50}\n{"answer": 1, "text": "b"}\n')
    code, out, _ = run("in.jsonl", "--prompt", "Say {text}", "--out", "out.jsonl")
    assert code == 0
    assert "2 rows · 2 answered · 0 failed" in out
    lines = (here / "out.jsonl").read_text().splitlines()
    assert lines[0].startswith('{"text": "a", "n": 1.50, "answer_2": "a \\"fine\\" answer", ')
    second = json.loads(lines[1])
    assert second["answer"] == 1
    assert second["input_tokens"] == 10
    assert second["error"] is None


def test_parquet_gets_typed_columns(here, run):
    parquet.write_table(pa.table({"text": ["a", "b"], "n": [1, None]}), here / "in.parquet")
    code, _, _ = run("in.parquet", "--prompt", "Say {text}", "--out", "out.parquet")
    assert code == 0
    found = parquet.read_table(here / "out.parquet")
    assert found["n"].to_pylist() == [1, None]
    assert found["output_tokens"].to_pylist() == [5, 5]
    assert found.schema.field("cost_usd").type == pa.float64()
    assert found["error"].null_count == 2


def test_values_with_line_ends_and_quotes_reach_the_output_as_they_were(here, run):
    with (here / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text"], ['two\nlines, "quoted"'], ["a\rb"], [" x "]])
    assert run("in.csv", "--prompt", "{text}", "--out", "out.csv")[0] == 0
    assert [row[0] for row in read_csv(here / "out.csv")] == [
        *("text", 'two\nlines, "quoted"', "a\rb", " x ")
    ]


def test_names_that_are_taken_are_numbered(here, run):
    (here / "in.csv").write_text("answer,error,text\n1,2,x\n")
    assert run("in.csv", "--prompt", "{text}", "--out", "out.csv")[0] == 0
    header = read_csv(here / "out.csv")[0]
    assert header == [
        *("answer", "error", "text", "answer_2"),
        *("input_tokens", "output_tokens", "cost_usd", "error_2"),
    ]
    code, _, err = run("in.csv", "--prompt", "{text}", "--out", "o.csv", "--column", "text")
    assert code == 2
    assert "has a column 'text' already" in err


def test_the_column_of_answers_can_be_named(here, run):
    (here / "in.csv").write_text("text\nx\n")
    assert run("in.csv", "--prompt", "{text}", "--out", "out.csv", "--column", "team")[0] == 0
    assert read_csv(here / "out.csv")[0][1] == "team"


def test_a_table_of_a_header_alone_gives_a_header_alone(here, run, endpoint):
    (here / "in.csv").write_text("text\n")
    for _ in range(2):
        code, out, _ = run("in.csv", "--prompt", "{text}", "--out", "out.csv")
        assert code == 0
        assert "0 rows" in out
    assert read_csv(here / "out.csv") == [
        ["text", "answer", "input_tokens", "output_tokens", "cost_usd", "error"]
    ]
    assert not endpoint.asked


def test_a_row_without_the_templates_column_gets_an_error_of_its_own(here, run):
    (here / "in.jsonl").write_text('{"text": "a"}\n{"txt": "b"}\n{"text": null}\n')
    assert run("in.jsonl", "--prompt", "{text}", "--out", "out.jsonl")[0] == 0
    errors = [json.loads(line)["error"] for line in (here / "out.jsonl").read_text().splitlines()]
    assert errors[0] is None
    assert errors[1].startswith("PromptError: no column for slot 'text'")
    assert errors[2].startswith("PromptError: slot 'text' got a missing value")


def test_lists_and_dates_go_into_a_prompt_as_text(here, run, endpoint):
    (here / "in.jsonl").write_text('{"text": ["a", "ü"]}\n')
    assert run("in.jsonl", "--prompt", "{text:trusted}", "--out", "out.jsonl")[0] == 0
    assert list(endpoint.asked) == ['["a", "ü"]']


def test_a_template_and_a_system_message_can_be_files(here, run, endpoint):
    (here / "in.csv").write_text("text\nx\n")
    (here / "ask.txt").write_text("Say {text:trusted}\n")
    assert run("in.csv", "--prompt", "@ask.txt", "--system", "Brief.", "--out", "out.csv")[0] == 0
    assert list(endpoint.asked) == ["Say x"]


def test_an_answer_that_no_file_can_hold_is_escaped(here, run, endpoint):
    endpoint.answer = lambda _: "half \ud83d pair \0"
    (here / "in.csv").write_text("text\nx\n")
    assert run("in.csv", "--prompt", "{text}", "--out", "out.csv")[0] == 0
    assert read_csv(here / "out.csv")[1][1] == "half \\ud83d pair \0"


def test_all_rows_failing_is_a_failure(here, run, endpoint):
    endpoint.fails = lambda _: 400
    (here / "in.csv").write_text("text\nx\ny\n")
    code, _, err = run("in.csv", "--prompt", "{text}", "--out", "out.csv")
    assert code == 1
    assert "2 rows failed" in err


@pytest.mark.parametrize(
    ("name", "content", "words", "expected"),
    [
        ("in.csv", "txet,n\na,1\n", (), "no column 'text', which the template uses: did you mean"),
        ("in.csv", "a;text\n1;2\n", (), "try --delimiter ';'"),
        ("in.csv", "n\n1\n", (), "its columns are n"),
        ("in.jsonl", '{"txt": 1}\n', (), "did you mean 'txt'"),
        ("in.csv", "text\nok\na,b\n", (), "line 3 has 2 fields"),
        ("in.csv", "text,text\n", (), "both named 'text'"),
        ("in.csv", "", (), "is empty"),
        ("in.csv", "text\nx\n", ("--column", "error"), "--column error"),
        ("in.csv", "text\nx\n", ("--out", "out.jsonl"), "name it out.csv"),
        ("in.csv", "text\nx\n", ("--out", "in.csv"), "is the input itself"),
        ("in.csv", "text\nx\n", ("--out", "no/out.csv"), "there is no folder no"),
        ("in.csv", "text\nx\n", ("--prompt", "Hello"), "the same about each row"),
        ("in.csv", "text\nx\n", ("--prompt", "{text"), "does not parse"),
        ("in.csv", "text\nx\n", ("--prompt", "@none.txt"), "none.txt cannot be read"),
        ("in.csv", "text\nx\n", ("--encoding", "utf9"), "no text encoding 'utf9'"),
        ("in.csv", "text\nx\n", ("--limit", "0"), "--limit: '0' is not a whole number from 1 on"),
        ("in.csv", "text\nx\n", ("--temperature", "hot"), "--temperature: 'hot'"),
        ("in.csv", "text\nx\n", ("--budget", "lots"), "budget='lots'"),
        ("in.csv", "text\nx\n", ("--on-error", "kep"), "did you mean keep"),
        ("in.csv", "text\nx\n", ("--colum", "x"), "no option --colum: did you mean --column?"),
        ("in.csv", "text\nx\n", ("--profile", "nope"), "no profile 'nope'"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_asks_nothing(  # noqa: PLR0917 -- fixtures
    here, run, endpoint, name, content, words, expected
):
    (here / name).write_text(content)
    suffix = Path(name).suffix
    code, _, err = run(name, "--prompt", "{text}", "--out", f"out{suffix}", *words)
    assert code == 2
    assert expected in err
    assert err.count("\n") == 1
    assert not endpoint.asked
    assert sorted(path.name for path in here.iterdir() if path.name != "home") == [name]


def test_a_byte_that_cannot_be_read_is_found_before_any_row_is_paid_for(here, run, endpoint):
    (here / "in.csv").write_bytes(b"text\n" + b"good\n" * 2_000 + b"na\xefve\n")
    code, _, err = run("in.csv", "--prompt", "{text}", "--out", "out.csv")
    assert code == 2
    assert "line 2002: byte 10,008 (0xef) is not utf-8" in err
    assert "--encoding" in err
    assert not endpoint.asked


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("tasks", "names no function"),
        ("nowhere:ask", "nowhere cannot be imported"),
        ("broken.py:ask", "broken.py cannot be imported"),
        ("tasks.py:aks", "has no function 'aks': it has ask"),
    ],
)
def test_a_function_that_is_not_there_is_an_error(here, run, place, expected):
    (here / "tasks.py").write_text("async def ask(session, row): ...\n")
    (here / "broken.py").write_text("def")
    (here / "in.csv").write_text("text\nx\n")
    code, _, err = run("in.csv", "--fn", place, "--out", "out.csv")
    assert code == 2
    assert expected in err


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def g(session, row):\n    return 'x'\n", "g is not async"),
        ("async def g(session, row):\n    yield 'x'\n", "g is not async"),
        ("class g:\n    async def __call__(self, session, row): ...\n", "g is not async"),
        ("async def g(row): ...\n", "g does not take a session and a row"),
        ("async def g(session, row, more): ...\n", "g does not take a session and a row"),
    ],
)
def test_a_function_of_a_wrong_kind_is_refused_before_the_first_row(here, run, code, expected):
    (here / "tasks.py").write_text(code)
    (here / "in.csv").write_text("text\nx\n")
    exit_code, out, err = run("in.csv", "--fn", "tasks.py:g", "--out", "out.csv")
    assert exit_code == 2
    assert expected in err
    assert "write it as «async def g(session, row)»" in err
    assert err.count("\n") == 1
    assert out == ""
    assert not list(here.glob("out.csv*"))


@pytest.mark.parametrize(
    "code",
    [
        "from functools import partial\nasync def f(s, row, *, e): ...\ng = partial(f, e=1)\n",
        "class Ask:\n    async def __call__(self, session, row): ...\ng = Ask()\n",
        "class Ask:\n    async def ask(self, session, row): ...\ng = Ask().ask\n",
        """
from functools import wraps
async def f(session, row): ...
@wraps(f)
def g(*given): return f(*given)
""",
    ],
)
def test_a_function_may_be_a_partial_an_object_a_method_or_decorated(here, run, code):
    (here / "tasks.py").write_text(code)
    (here / "in.csv").write_text("text\nx\n")
    assert run("in.csv", "--fn", "tasks.py:g", "--out", "out.csv")[0] == 0
    assert read_csv(here / "out.csv")[1][-1] == ""


def test_a_run_that_stops_before_any_answer_promises_nothing(here, run, endpoint):
    endpoint.fails = lambda _: 404
    (here / "in.csv").write_text("text\nx\ny\n")
    code, out, err = run("in.csv", "--prompt", "{text}", "--out", "out.csv")
    assert code == 1
    assert out.startswith("in.csv: 2 rows · 0 answered")
    assert "stopped with 2 rows to go" in err
    assert "is kept" not in err
    assert "go on" not in err
    assert not list(here.glob("out.csv*"))


def test_a_result_brings_its_confidence(here, run):
    (here / "tasks.py").write_text(
        "from promptkit import Result\n"
        "async def sure(session, row):\n"
        "    return Result(row['text'].upper(), 0.75) if row['text'] else Result.unknown()\n"
    )
    (here / "in.csv").write_text("text,n\nx,1\n,2\n")
    assert run("in.csv", "--fn", "tasks.py:sure", "--out", "out.csv")[0] == 0
    header, first, second = read_csv(here / "out.csv")
    assert header[2:5] == ["confidence", "answer", "input_tokens"]
    assert first[2:4] == ["0.75", "X"]
    assert second[2:4] == ["", ""]


def test_the_last_line_tells_of_retries_where_there_were_any(here, run, endpoint):
    (here / "in.csv").write_text("text\na\nb\n")
    endpoint.fails = lambda text: 503 if once(text) else None
    seen: set[str] = set()

    def once(text: str) -> bool:
        is_first = text not in seen
        seen.add(text)
        return is_first

    code, out, _ = run("in.csv", "--prompt", "Say {text}", "--out", "out.csv")
    assert (code, " · 0 cached · 2 retries · " in out) == (0, True)
    endpoint.fails = lambda _: None
    assert "retr" not in run("in.csv", "--prompt", "Tell {text}", "--out", "more.csv")[1]
