"""The table of the scripted reasoner is made as its page says."""

from __future__ import annotations

import pytest
from benchmarks.reasoner import BEGIN, END, PAGE, RATES, TECHNIQUES, lines, majority, table
from replication.recorded import load

pytestmark = pytest.mark.anyio


async def test_a_small_table_has_every_technique_at_every_rate() -> None:
    items = load("reliability/logic_lm/data/ProntoQA/dev.json.gz")[::250]
    cells = await table("ProntoQA", items, (0.0, 0.1))
    assert list(cells) == list(TECHNIQUES)
    for row in cells.values():
        assert row[0.0].right == 1.0
        assert row[0.1].right < 1.0 or row[0.1].calls >= row[0.0].calls
    assert cells["chain of thought"][0.1].expected == pytest.approx(0.9**5)
    said = "\n".join(lines("ProntoQA", len(items), cells))
    assert "| direct | 100.0 (100.0) |" in said


def test_a_vote_of_answers_that_are_mostly_right_is_righter_and_of_wrong_ones_wronger() -> None:
    assert majority(0.7) > 0.7
    assert majority(0.3) < 0.3
    assert majority(0.5) == pytest.approx(0.5)


def test_the_page_holds_a_table_for_each_rate() -> None:
    text = PAGE.read_text("utf-8")
    tables = text.partition(BEGIN)[2].partition(END)[0]
    for rate in RATES:
        assert f"e = {rate:g} " in tables
    for technique in TECHNIQUES:
        assert f"| {technique} |" in tables
