"""The lessons as they are saved: what a reader sees on a page that runs nothing."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter

LESSONS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(lesson):
    return [cell for cell in lesson.cells if cell.cell_type == "code"]


def test_there_is_a_first_lesson():
    assert LESSONS[0].stem == "01_first_steps"


def test_a_lesson_is_saved_as_run_from_top_to_bottom(lesson):
    nbformat.validate(lesson)
    counts = [cell.execution_count for cell in code_cells(lesson)]
    assert counts == list(range(1, len(counts) + 1))
    assert not [
        out for cell in code_cells(lesson) for out in cell.outputs if out.output_type == "error"
    ]


def test_a_lesson_holds_no_widget_no_script_and_no_path_of_a_machine(lesson):
    assert "widgets" not in lesson.metadata
    text = json.dumps(lesson)
    assert "widget-view" not in text
    assert "<script" not in text
    assert "/home/" not in text
    assert "/root/" not in text
    assert "sk-" not in text


def test_the_first_lesson_shows_progress_and_readouts_on_a_plain_page():
    lesson = nbformat.read(LESSONS[0], as_version=4)
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(lesson)
    assert "map prompt" in page
    assert "8 of 8" in page
    assert "8 calls" in page
    assert "all cached" in page
    assert "refused by the budget" in page
