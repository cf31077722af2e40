from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.primitives.chain_of_verification import planned_questions
from promptkit.primitives.least_to_most import read_reduction
from promptkit.primitives.list_items import list_items
from promptkit.primitives.thoughts.thought import lines

MARKS = ["- ", "* ", "• ", "1. ", "1: ", "1) ", "(1) ", "Q1. ", "Question 1: ", "**1.** "]


@pytest.mark.parametrize("mark", MARKS)
def test_every_primitive_reads_every_mark(mark: str) -> None:
    text = f"{mark}Who was Ada?"
    assert lines((), text) == ["Who was Ada?"]
    assert planned_questions(text) == ["Who was Ada?"]
    assert read_reduction(text) == ("Who was Ada?",)


@pytest.mark.parametrize(
    "line", ["1.5 litres", "10:30 is early", "-3 + 4", "4 + 6 = 10", "Q and A"]
)
def test_what_only_looks_like_a_mark_stays(line: str) -> None:
    assert list_items(line) == [line]


def test_a_mark_alone_is_no_item() -> None:
    assert list_items("1.\n-\n\n") == []


@given(st.text())
def test_no_item_is_empty_and_none_is_made_up(text: str) -> None:
    assert all(item and item in text for item in list_items(text))
