from __future__ import annotations

import importlib

import pytest

from tests.safety_report.__main__ import LIMITS, PARTS, table
from tests.safety_report.row import Row


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_the_report_can_be_run_and_says_what_is_not_covered(part: str) -> None:
    assert callable(importlib.import_module(f"tests.safety_report.{part}").rows)
    assert LIMITS[part]


def test_a_row_is_written_with_its_interval_and_whether_its_goal_is_reached() -> None:
    rows = [
        Row(
            check="redact",
            what="recall",
            data="a | b",
            value=0.5,
            low=0.25,
            high=0.75,
            count=8,
            goal="≥ 90 %",
            is_reached=False,
        ),
        Row(check="redact", what="AUROC", data="c", value=0.9, is_reached=True, goal="≥ 0.85"),
    ]
    text = table(rows)
    assert "| `redact` | recall | a \\| b | 8 |" in text
    assert "25.0\u202f% to 75.0\u202f% | ≥ 90 % | **no** |" in text
    assert "| 0.900 |  | ≥ 0.85 | yes |" in text
