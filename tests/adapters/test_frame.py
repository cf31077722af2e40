"""DataFrames go in as rows and come out with answers."""

from __future__ import annotations

import asyncio

import numpy as np
import pandas as pd
import pytest

from promptkit.adapters.frame import rows, with_answers
from promptkit.errors import OptionError, TableError
from promptkit.response import CallLog, Choice, Response, Usage
from promptkit.result import Result, Verdict
from promptkit.session import Defaults, Session
from promptkit.testing import Scripted

ANSWER = Response(
    choices=(Choice("yes"),), usage=Usage(10, 2), cost_usd=0.5, log=CallLog(source="cache")
)


def test_rows_are_python_values_in_order_with_none_for_what_is_missing():
    frame = pd.DataFrame(
        {
            "whole": np.array([1, 2], dtype="int64"),
            "real": [0.5, np.nan],
            "text": ["a", None],
            "when": [pd.Timestamp("2026-11-22"), pd.NaT],
            "maybe": pd.array([True, pd.NA], dtype="boolean"),
            "list": [["x"], None],
        },
        index=[7, 3],
    )
    first, second = rows(frame)
    when = pd.Timestamp("2026-11-22")
    assert list(first.values()) == [1, 0.5, "a", when, True, ["x"]]
    assert type(first["whole"]) is int
    assert second == {"whole": 2} | dict.fromkeys(["real", "text", "when", "maybe", "list"])


def test_rows_are_made_as_they_are_asked_for_and_counted_at_once():
    frame = pd.DataFrame({"x": range(2_500)})
    found = rows(frame)
    assert len(found) == 2_500
    assert [row["x"] for row in found] == list(range(2_500))
    assert len(list(rows(pd.DataFrame(index=range(3))))) == 3
    assert list(rows(pd.DataFrame({"x": []}))) == []


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(TableError, match="2 columns named 'a'"):
        rows(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(OptionError, match="a list in place of a DataFrame"):
        rows([{"a": 1}])


def test_responses_bring_their_tokens_and_cost_and_errors_their_text():
    frame = pd.DataFrame({"x": ["a", "b"]}, index=["second", "first"])
    found = with_answers(frame, [ANSWER, ValueError("no")], "answer")
    assert list(frame.columns) == ["x"]
    assert list(found.index) == ["second", "first"]
    first, second = found.loc["second"], found.loc["first"]
    assert first["answer"] == "yes"
    assert (first["answer_input_tokens"], first["answer_cost_usd"]) == (10, 0.5)
    assert first["answer_cached"]
    assert pd.isna(first["answer_error"])
    assert pd.isna(second["answer"])
    assert second["answer_error"] == "ValueError: no"
    assert pd.isna(second["answer_input_tokens"])


def test_results_bring_their_confidence_and_verdicts_their_reason():
    frame = pd.DataFrame({"x": [1, 2]})
    found = with_answers(frame, [Result("blue", 0.75), Result.unknown()], "colour")
    assert found["colour"].tolist()[0] == "blue"
    assert pd.isna(found["colour"][1])
    assert found["colour_confidence"].tolist()[0] == 0.75
    judged = with_answers(frame, [Verdict("pass", "fine"), Verdict("unsure")], "judged")
    assert judged["judged"].tolist() == ["pass", "unsure"]
    assert judged["judged_reason"].tolist() == ["fine", ""]


def test_results_that_do_not_match_the_rows_are_refused():
    with pytest.raises(TableError, match="1 results for 2 rows"):
        with_answers(pd.DataFrame({"x": [1, 2]}), ["a"], "y")


def test_an_empty_frame_gets_empty_columns():
    found = with_answers(pd.DataFrame({"x": []}), [], "answer")
    assert list(found.columns) == ["x", "answer", "answer_error"]


async def test_a_session_maps_a_template_over_a_frame():
    model = Scripted(lambda request: "bird" if "wren" in request.text else "mammal")
    session = Session(model, Defaults(model="scripted"))
    frame = pd.DataFrame({"animal": ["wren", "fox", None]}, index=[5, 1, 3])
    found = await session.map_frame("What is a {animal}?", frame, into="kind")
    assert found["kind"].tolist()[:2] == ["bird", "mammal"]
    assert list(found.index) == [5, 1, 3]
    assert found["kind_error"][3].startswith("PromptError: slot 'animal' got a missing value")


async def test_rows_that_come_too_late_for_the_frame_get_an_error():
    async def answer(request):
        await asyncio.sleep(60 if "fox" in request.text else 0)
        return "bird"

    session = Session(Scripted(answer), Defaults(model="scripted"))
    frame = pd.DataFrame({"animal": ["wren", "fox"]})
    found = await session.map_frame("What is a {animal}?", frame, into="kind", deadline_s=0.2)
    assert found["kind"][0] == "bird"
    assert found["kind_error"][1].startswith("DeadlineError: the map did not end within 0.2 s")
