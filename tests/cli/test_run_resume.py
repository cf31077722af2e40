"""A run over a table that is killed, interrupted or refused goes on where it was."""

from __future__ import annotations

import csv
import json
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROWS = 300
WINDOW = 8


def write_rows(path: Path, rows: int = ROWS) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows([number, f"row {number}, «ja»"] for number in range(rows))


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def command(endpoint: Any, *more: object) -> list[object]:
    return [
        *("run", "in.csv", "--prompt", "Say {text}", "--out", "out.csv", "--model", "gpt-5-mini"),
        *("--base-url", endpoint.url, "--concurrency", WINDOW, *more),
    ]


def row_of(text: str) -> int:
    found = re.search(r"row (\d+)", text)
    assert found
    return int(found[1])


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not condition() and process.poll() is None:
        time.sleep(0.002)


def journaled(path: Path) -> set[int]:
    """Read what a killed run left, from a copy, as the next run will find it."""
    copy = path.parent / "copy"
    copy.mkdir(exist_ok=True)
    for file in path.parent.glob(f"{path.name}*"):
        (copy / file.name).write_bytes(file.read_bytes())
    database = sqlite3.connect(copy / path.name)
    rows = {number for (number,) in database.execute("SELECT row FROM entries")}
    database.close()
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_a_run_killed_at_random_moments_asks_no_answered_row_again(endpoint, shell, seed):
    write_rows(shell.folder / "in.csv")
    endpoint.delay_s = 0.01
    draw = random.Random(seed)
    kills = 0
    known: set[int] = set()
    while True:
        asked = endpoint.asked.copy()
        process = shell.start(*command(endpoint))
        goal = sum(endpoint.asked.values()) + draw.randint(30, 120)
        wait_until(lambda goal=goal: sum(endpoint.asked.values()) >= goal, process)
        if process.poll() is not None:
            break
        time.sleep(draw.random() / 100)
        process.kill()
        process.communicate()
        again = {row_of(text) for text, times in endpoint.asked.items() if times > asked[text]}
        assert not again & known, "a row with an entry in the journal was asked again"
        known = journaled(shell.folder / "out.csv.journal")
        kills += 1
        assert not (shell.folder / "out.csv").exists()
    process.communicate()
    assert process.returncode == 0
    assert kills >= 2
    # Only what was on the wire at a kill is asked once more: never more than the window.
    assert sum(endpoint.asked.values()) <= ROWS + kills * WINDOW
    rows = read_rows(shell.folder / "out.csv")
    assert [row["id"] for row in rows] == [str(number) for number in range(ROWS)]
    assert all(f"row {row['id']}, «ja»" in row["answer"] for row in rows)
    assert not list(shell.folder.glob("*-reserve"))


def test_a_run_that_is_done_asks_nothing_when_it_is_given_again(endpoint, shell):
    write_rows(shell.folder / "in.csv", 5)
    assert shell.run(*command(endpoint)).returncode == 0
    before = (shell.folder / "out.csv").read_bytes()
    again = shell.run(*command(endpoint))
    assert again.returncode == 0
    assert "5 from before" in again.stdout
    assert sum(endpoint.asked.values()) == 5
    assert (shell.folder / "out.csv").read_bytes() == before


def test_a_trial_of_some_rows_goes_on_to_all_of_them(endpoint, shell):
    write_rows(shell.folder / "in.csv", 9)
    assert shell.run(*command(endpoint, "--limit", 4)).returncode == 0
    assert len(read_rows(shell.folder / "out.csv")) == 4
    assert shell.run(*command(endpoint)).returncode == 0
    assert len(read_rows(shell.folder / "out.csv")) == 9
    assert sum(endpoint.asked.values()) == 9


def test_rows_added_to_the_table_are_asked_and_the_others_are_not(endpoint, shell):
    write_rows(shell.folder / "in.csv", 3)
    shell.run(*command(endpoint))
    write_rows(shell.folder / "in.csv", 5)
    assert shell.run(*command(endpoint)).returncode == 0
    assert sum(endpoint.asked.values()) == 5


def test_a_changed_row_is_refused_and_named(endpoint, shell):
    write_rows(shell.folder / "in.csv", 3)
    shell.run(*command(endpoint))
    text = (shell.folder / "in.csv").read_text("utf-8").replace("row 1,", "another,")
    (shell.folder / "in.csv").write_text(text, "utf-8")
    refused = shell.run(*command(endpoint))
    assert refused.returncode == 2
    assert "row 2 is not the one that was answered" in refused.stderr
    assert "--restart" in refused.stderr
    assert shell.run(*command(endpoint, "--restart")).returncode == 0
    assert sum(endpoint.asked.values()) == 6


def test_a_shorter_table_is_refused(endpoint, shell):
    write_rows(shell.folder / "in.csv", 3)
    shell.run(*command(endpoint))
    write_rows(shell.folder / "in.csv", 2)
    refused = shell.run(*command(endpoint))
    assert refused.returncode == 2
    assert "has 2 rows, and row 3 was answered" in refused.stderr


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--max-tokens", "7"), "--max-tokens was not given"),
        (("--system", "Be brief."), "the system message was not given"),
        (("--model", "gpt-5-nano"), "the model was «gpt-5-mini»"),
        (("--prompt", "Shout {text}"), "the template was «Say {text}»"),
    ],
)
def test_another_question_on_the_same_output_is_refused(endpoint, shell, more, words):
    write_rows(shell.folder / "in.csv", 2)
    shell.run(*command(endpoint))
    refused = shell.run(*command(endpoint, *more))
    assert refused.returncode == 2
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert sum(endpoint.asked.values()) == 2


def test_a_run_that_asked_nothing_leaves_nothing_behind(endpoint, shell):
    write_rows(shell.folder / "in.csv", 2)
    wrong = command(endpoint, "--prompt", "Say {txet}")
    assert shell.run(*wrong).returncode == 2
    assert sorted(path.name for path in shell.folder.glob("*.csv*")) == ["in.csv"]


def test_an_output_of_other_making_is_not_replaced(endpoint, shell):
    write_rows(shell.folder / "in.csv", 2)
    (shell.folder / "out.csv").write_text("mine\n")
    refused = shell.run(*command(endpoint))
    assert refused.returncode == 2
    assert "out.csv exists" in refused.stderr
    assert (shell.folder / "out.csv").read_text() == "mine\n"
    assert shell.run(*command(endpoint, "--restart")).returncode == 0


def test_an_output_edited_by_hand_is_not_replaced(endpoint, shell):
    write_rows(shell.folder / "in.csv", 2)
    shell.run(*command(endpoint))
    with (shell.folder / "out.csv").open("a") as file:
        file.write("a note\n")
    refused = shell.run(*command(endpoint))
    assert refused.returncode == 2
    assert "not as this run wrote it" in refused.stderr


def test_a_second_run_on_the_same_output_is_refused_while_the_first_goes_on(endpoint, shell):
    write_rows(shell.folder / "in.csv", 30)
    go_on = threading.Event()
    endpoint.fails = lambda text: None if row_of(text) < WINDOW else go_on.wait(60) and None
    first = shell.start(*command(endpoint))
    wait_until(lambda: sum(endpoint.answered.values()) == WINDOW, first)
    second = shell.run(*command(endpoint))
    assert second.returncode == 2
    assert "another run is writing out.csv" in second.stderr
    restarted = shell.run(*command(endpoint, "--restart"))
    assert restarted.returncode == 2
    go_on.set()
    first.communicate()
    assert first.returncode == 0
    assert sum(endpoint.asked.values()) == 30


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is POSIX")
def test_an_interrupt_keeps_what_is_answered_and_says_how_to_go_on(endpoint, shell):
    write_rows(shell.folder / "in.csv", 40)
    slow_from = 20
    endpoint.fails = lambda text: time.sleep(30) if row_of(text) >= slow_from else None
    process = shell.start(*command(endpoint))
    wait_until(lambda: sum(endpoint.answered.values()) == slow_from, process)
    wait_until(lambda: len(journaled(shell.folder / "out.csv.journal")) == slow_from, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert f"{slow_from} answers are kept" in err
    assert "Traceback" not in err
    endpoint.fails = lambda _: None
    assert shell.run(*command(endpoint)).returncode == 0
    once = [text for text in endpoint.asked if row_of(text) < slow_from]
    assert all(endpoint.asked[text] == 1 for text in once)


def test_a_budget_stops_the_run_and_the_next_one_goes_on(endpoint, shell):
    write_rows(shell.folder / "in.csv", 60)
    limited = shell.run(*command(endpoint, "--max-tokens", 50, "--budget", "0.0006"))
    assert limited.returncode == 3
    assert "raise the budget" in limited.stderr
    assert "run the same command to go on" in limited.stderr
    assert "Traceback" not in limited.stderr
    answered = sum(endpoint.answered.values())
    assert 0 < answered < 60
    assert len(journaled(shell.folder / "out.csv.journal")) == answered
    done = shell.run(*command(endpoint, "--max-tokens", 50, "--budget", "1"))
    assert done.returncode == 0
    assert sum(endpoint.asked.values()) == 60
    assert all(row["answer"] for row in read_rows(shell.folder / "out.csv"))


def test_partial_writes_what_is_answered_so_far(endpoint, shell):
    write_rows(shell.folder / "in.csv", 60)
    limit = ("--max-tokens", 50)
    shell.run(*command(endpoint, *limit, "--budget", "0.0006"))
    answered = sum(endpoint.answered.values())
    assert shell.run(*command(endpoint, *limit, "--partial")).returncode == 0
    rows = read_rows(shell.folder / "out.csv")
    assert len(rows) == 60
    assert sum(row["error"] == "not asked yet" for row in rows) == 60 - answered
    assert sum(endpoint.asked.values()) == answered
    assert shell.run(*command(endpoint, *limit)).returncode == 0
    assert all(row["answer"] for row in read_rows(shell.folder / "out.csv"))


def test_a_failed_row_keeps_its_error_until_it_is_asked_again(endpoint, shell):
    write_rows(shell.folder / "in.csv", 6)
    endpoint.fails = lambda text: 400 if row_of(text) == 3 else None
    done = shell.run(*command(endpoint))
    assert done.returncode == 0
    assert "5 answered · 1 failed" in done.stdout
    assert "--retry-errors" in done.stderr
    rows = read_rows(shell.folder / "out.csv")
    assert rows[3]["answer"] == ""
    assert rows[3]["error"].startswith("RefusedRequestError: ")
    endpoint.fails = lambda _: None
    assert shell.run(*command(endpoint)).returncode == 0
    assert sum(endpoint.asked.values()) == 6
    assert shell.run(*command(endpoint, "--retry-errors")).returncode == 0
    assert sum(endpoint.asked.values()) == 7
    assert read_rows(shell.folder / "out.csv")[3]["error"] == ""


def test_with_on_error_stop_the_first_failure_ends_the_run(endpoint, shell):
    write_rows(shell.folder / "in.csv", 60)
    endpoint.fails = lambda text: 400 if row_of(text) == 20 else None
    stopped = shell.run(*command(endpoint, "--on-error", "stop"))
    assert stopped.returncode == 1
    assert not (shell.folder / "out.csv").exists()
    assert sum(endpoint.asked.values()) < 60
    endpoint.fails = lambda _: None
    assert shell.run(*command(endpoint, "--on-error", "stop")).returncode == 0
    assert sum(endpoint.asked.values()) == 61


def test_a_wrong_key_stops_the_run_before_every_row_fails(endpoint, shell):
    write_rows(shell.folder / "in.csv", 60)
    endpoint.fails = lambda _: 401
    stopped = shell.run(*command(endpoint))
    assert stopped.returncode == 1
    assert sum(endpoint.asked.values()) <= 2 * WINDOW
    endpoint.fails = lambda _: None
    assert shell.run(*command(endpoint)).returncode == 0


@pytest.mark.parametrize("damage", [b"SQLite format 3\0" + bytes(200), b"not a database at all"])
def test_a_damaged_journal_is_an_error_that_restart_gets_over(endpoint, shell, damage):
    write_rows(shell.folder / "in.csv", 2)
    (shell.folder / "out.csv.journal").write_bytes(damage)
    refused = shell.run(*command(endpoint))
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert shell.run(*command(endpoint, "--restart")).returncode == 0


def test_another_programs_file_in_the_journals_place_is_left_alone(endpoint, shell):
    write_rows(shell.folder / "in.csv", 2)
    other = sqlite3.connect(shell.folder / "out.csv.journal")
    other.execute("CREATE TABLE mine (x)")
    other.close()
    before = (shell.folder / "out.csv.journal").read_bytes()
    refused = shell.run(*command(endpoint, "--restart"))
    assert refused.returncode == 2
    assert "belongs to another program" in refused.stderr
    assert (shell.folder / "out.csv.journal").read_bytes() == before


def test_a_function_sees_each_row_and_its_value_is_the_answer(endpoint, shell):
    (shell.folder / "tasks.py").write_text(
        "async def sized(session, row):\n"
        "    answer = await session.ask('Say row ' + row['id'])\n"
        "    if row['id'] == '2':\n"
        "        raise ValueError('two is too much')\n"
        "    return {'length': len(answer.text), 'id': row['id']}\n"
    )
    write_rows(shell.folder / "in.csv", 4)
    words = ["run", "in.csv", "--out", "out.csv", "--model", "gpt-5-mini"]
    done = shell.run(*words, "--fn", "tasks:sized", "--base-url", endpoint.url)
    assert done.returncode == 0, done.stderr
    rows = read_rows(shell.folder / "out.csv")
    assert json.loads(rows[1]["answer"]) == {"length": len("You said Say row 1"), "id": "1"}
    assert rows[2]["error"] == "ValueError: two is too much"
    assert rows[2]["input_tokens"] == "10"
    assert float(rows[1]["cost_usd"]) == pytest.approx(10 * 0.25e-6 + 5 * 2e-6)
