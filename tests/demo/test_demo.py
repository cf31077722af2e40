from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import promptkit as pk
from promptkit.demo import run as demo
from promptkit.demo.page import write_page
from promptkit.demo.techniques import TECHNIQUES, Puzzle, load_puzzles
from promptkit.request import Request
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio


def perfect(request: Request) -> str:
    """Answer any question of the demo rightly, by reading the puzzle it belongs to."""
    text = request.messages[-1].text
    (puzzle,) = [p for p in load_puzzles() if p.question in text or _fact(p) in text][:1]
    subject = _fact(puzzle).split()[0]
    rule = next(s for s in puzzle.context if puzzle.answer in s)
    for ending, reply in {
        "Fact:": _fact(puzzle),
        "Rule:": rule,
        "Therefore,": f"{subject} has {puzzle.answer}.",
        "statement?": "yes",
        "step.": f"So the answer is {puzzle.answer}.",
    }.items():
        if text.endswith(ending):
            return f" {reply}"
    return f" {puzzle.answer}"


def _fact(puzzle: Puzzle) -> str:
    names = puzzle.question.replace("?", "").split()
    return next(s for s in puzzle.context if s.split()[0] in names)


def test_the_puzzles_are_sixty_different_ones_that_no_position_solves() -> None:
    puzzles = load_puzzles()
    assert len({(p.context, p.question) for p in puzzles}) == len(puzzles) >= 60
    assert all(p.answer in p.choices and len(set(p.choices)) == 4 for p in puzzles)
    places = Counter(p.choices.index(p.answer) for p in puzzles)
    assert max(places.values()) <= len(puzzles) / 3


async def test_a_model_that_answers_rightly_is_scored_as_right_by_every_technique() -> None:
    session = pk.connect(transport=Scripted(perfect), model="m").using(api="completions")
    puzzles = load_puzzles(6)
    for name in TECHNIQUES:
        outcome = await demo._measure(session, name, puzzles)
        assert outcome.right == 6, name
        assert outcome.interval[0] > 0.5


async def test_a_model_that_says_nothing_abstains_and_its_page_is_still_written(
    tmp_path: Path,
) -> None:
    session = pk.connect(transport=Scripted("<script>alert(1)</script>"), model="m")
    hostile = Puzzle(
        "x", ("<b>A</b> is b.", "C is d."), "<i>?", ("one", "two", "three", "four"), "one"
    )
    outcomes = [await demo._measure(session, name, [hostile]) for name in TECHNIQUES]
    assert [outcome.abstentions for outcome in outcomes] == [1, 1, 1]
    write_page(tmp_path / "demo.html", [hostile], outcomes)
    page = (tmp_path / "demo.html").read_text("utf-8")
    assert "<script>" not in page
    assert "&lt;b&gt;A&lt;/b&gt; is b." in page
    assert "unknown" in page
