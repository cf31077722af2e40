"""A run over a table, with a scripted model: what is asked, what is kept, what stops it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptkit.adapters.table import open_table
from promptkit.errors import AuthenticationError, BudgetError, ContextLengthError, TableError
from promptkit.operations.journal import Journal
from promptkit.operations.rows import Source
from promptkit.operations.table_out import look, write_out
from promptkit.operations.table_run import Outcome, TableRun, ask_all, journal_of
from promptkit.prompt import Prompt
from promptkit.response import CallLog, Choice, Response, Usage
from promptkit.session import Defaults, Session
from promptkit.testing import Scripted

PROMPT = Prompt("row {n}")


def table(folder: Path, rows: int) -> Path:
    path = folder / "in.jsonl"
    path.write_text("".join(f'{{"n": {number}}}\n' for number in range(rows)))
    return path


def session_of(answer: Any) -> Session:
    return Session(Scripted(answer), Defaults(model="scripted", concurrency=3))


async def go(folder: Path, session: Session, task: Any = PROMPT, **options: Any) -> Outcome:
    source = Source(open_table(folder / "in.jsonl"), task)
    run = TableRun(source=source, out=folder / "out.jsonl", **options)
    journal = Journal(journal_of(run.out), {})
    try:
        found = look(run, journal)
        outcome = await ask_all(run, journal, found, session)
        if outcome.stopped is None:
            write_out(run, journal, found)
        return outcome
    finally:
        journal.close()


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


@settings(deadline=None, max_examples=25)
@given(rows=st.integers(1, 30), stops=st.lists(st.integers(0, 10), max_size=4))
def test_however_often_it_stops_each_row_is_asked_once(tmp_path_factory, rows, stops):
    folder = tmp_path_factory.mktemp("run")
    table(folder, rows)
    asked: list[str] = []

    async def several_runs() -> None:
        for left in [*stops, None]:
            most = rows if left is None else len(asked) + left

            async def answer(request: Any, most: int = most) -> str:
                if len(asked) >= most:
                    raise BudgetError("no money left")
                asked.append(request.text)
                await asyncio.sleep(0)
                return request.text

            outcome = await go(folder, session_of(answer))
            assert outcome.answered == len(asked)
            if outcome.stopped is not None:
                assert isinstance(outcome.stopped, BudgetError)

    asyncio.run(several_runs())
    assert sorted(asked) == sorted(f"user: row {number}" for number in range(rows))
    found = written(folder)
    assert [row["n"] for row in found] == list(range(rows))
    assert [row["answer"] for row in found] == [f"user: row {number}" for number in range(rows)]


async def test_rows_under_way_are_waited_for_when_the_run_stops(tmp_path):
    table(tmp_path, 10)
    begun = asyncio.Semaphore(0)
    stopped = asyncio.Event()

    async def answer(request: Any) -> str:
        if "row 0" in request.text:
            await begun.acquire()
            await begun.acquire()
            stopped.set()
            raise AuthenticationError("wrong key")
        begun.release()
        await stopped.wait()
        return "yes"

    outcome = await go(tmp_path, session_of(answer))
    assert isinstance(outcome.stopped, AuthenticationError)
    assert (outcome.answered, outcome.failed) == (2, 0)


async def test_an_error_of_one_row_is_kept_in_its_place(tmp_path):
    table(tmp_path, 3)

    def answer(request: Any) -> str:
        if "row 1" in request.text:
            raise ContextLengthError("the prompt has 9,000 tokens", hint="shorten it")
        return "yes"

    outcome = await go(tmp_path, session_of(answer))
    assert (outcome.answered, outcome.failed, outcome.stopped) == (2, 1, None)
    assert written(tmp_path)[1]["error"] == (
        "ContextLengthError: the prompt has 9,000 tokens: shorten it"
    )


async def test_tokens_are_those_of_all_calls_of_a_row_and_cost_is_what_was_paid(tmp_path):
    table(tmp_path, 1)

    def answer(request: Any) -> Response:
        source = "cache" if "again" in request.text else "endpoint"
        return Response((Choice("x"),), Usage(100, 10), "m", 0.25, CallLog(source=source))

    async def twice(session: Session, row: dict[str, Any]) -> str:
        await session.ask("once")
        return (await session.step("second").ask("again")).text

    await go(tmp_path, session_of(answer), twice)
    (row,) = written(tmp_path)
    assert (row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (200, 20, 0.25)


async def test_a_cost_that_is_unknown_is_left_empty(tmp_path):
    table(tmp_path, 1)
    await go(tmp_path, session_of("yes"))
    assert written(tmp_path)[0]["cost_usd"] is None


async def test_values_of_other_kinds_are_stored_as_text_or_numbers(tmp_path):
    table(tmp_path, 1)

    async def strange(session: Session, row: dict[str, Any]) -> Any:
        return {"path": Path("a"), 1: (float("nan"), True, None)}

    await go(tmp_path, session_of(""), strange)
    assert written(tmp_path)[0]["answer"] == {"path": "a", "1": [None, True, None]}


async def test_the_progress_display_knows_how_many_rows_there_are(tmp_path):
    table(tmp_path, 5)
    totals: list[int | None] = []

    class Watch:
        def on_call(self, *_: Any) -> None:
            pass

        def on_progress(self, progress: Any) -> None:
            totals.append(progress.total)

    session = session_of("yes")
    session.trace.observers.append(Watch())
    await go(tmp_path, session)
    assert totals == [5, 5]


async def test_a_missing_column_names_the_near_ones(tmp_path):
    table(tmp_path, 2)
    with pytest.raises(TableError, match=r"no column 'm', which .* its columns are n"):
        await go(tmp_path, session_of("yes"), Prompt("{m}"))
