"""What a person sees in JupyterLab, live and afterwards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter

SETUP = """%load_ext promptkit
import asyncio, random
import promptkit as pk

async def think(request):
    await asyncio.sleep(random.uniform(0.2, 0.6))
    if "13" in request.text:
        raise ValueError("unlucky")
    return "The answer is four, give or take."

session = pk.connect(transport=pk.testing.Scripted(think), model="gpt-4o-mini")"""
ASK = "(await session.ask('What is two and two?')).text"
MAP = """async def classify(session, number):
    return (await session.ask(f"Is {number} a nice number?")).text

answers = await session.map(classify, range(60), concurrency=8, on_error="keep")
len(answers)"""
CACHED = "answers = await session.map(classify, range(10))"
BUDGET = "%%budget $0.00003\nawait session.ask('Tell me all about it.', max_tokens=100)"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_a_row_moves_while_a_map_runs_and_stands_when_it_has_ended(
    lab, open_notebook, tmp_path, theme
):
    path = lab.write(f"{theme[-5:].strip()}.ipynb", SETUP, ASK, MAP, CACHED, BUDGET)
    view = open_notebook(path, theme=theme)
    view.run_all()
    view.wait_for_text(2, "in flight")
    view.page.wait_for_timeout(1500)
    view.page.screenshot(path=tmp_path / "live.png")
    assert "left" in view.outputs(2)[0]
    view.wait_until_run()
    view.wait_for_text(2, "60 calls")
    view.page.wait_for_timeout(500)
    view.page.screenshot(path=tmp_path / "finished.png")
    print(f"screenshots: {tmp_path}")  # noqa: T201 -- to be looked at

    row, value, readout = view.outputs(2)
    assert row.startswith("map classify")
    assert "60 of 60 · 1 failed" in row
    assert value == "60"
    assert readout.startswith("60 calls · 1 failed")
    assert "10 calls · all cached · $0 · cache saved $" in view.outputs(3)[0]
    assert "1 refused by the budget" in view.outputs(4)[-1]


def test_the_first_lesson_runs_from_its_recording(lab, open_notebook, tmp_path):
    lessons = Path(__file__).parents[2] / "notebooks"
    shutil.copytree(lessons / "recordings", lab.notebooks / "recordings")
    path = Path(shutil.copy(lessons / "01_first_steps.ipynb", lab.notebooks))
    lesson = nbformat.read(path, as_version=4)
    for cell in lesson.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    nbformat.write(lesson, path)
    view = open_notebook(path)
    view.run_all()
    view.wait_until_run()
    view.page.get_by_text("6 of 8 are right").first.scroll_into_view_if_needed()
    view.page.wait_for_timeout(500)
    view.page.screenshot(path=tmp_path / "lesson.png")
    print(f"screenshot: {tmp_path / 'lesson.png'}")  # noqa: T201 -- to be looked at
    shown = view.page.inner_text(".jp-Notebook")
    assert "8 calls · all replayed" in shown
    assert "Traceback" not in shown


def test_the_stop_button_ends_a_map(lab, open_notebook):
    path = lab.write("stop.ipynb", SETUP, MAP.replace("range(60)", "range(5000)"))
    view = open_notebook(path)
    view.run_all()
    view.wait_for_text(1, "in flight")
    view.interrupt()
    view.wait_for_text(1, "interrupted")
    assert "stopped at" in view.outputs(1)[0]
    assert "stopped" in view.outputs(1)[-1]


def test_a_saved_notebook_shows_row_and_readout_without_javascript(
    lab, open_notebook, chromium, tmp_path
):
    path = lab.write("saved.ipynb", SETUP, ASK, MAP)
    view = open_notebook(path)
    view.run_all()
    view.wait_until_run()
    view.wait_for_text(2, "60 calls")
    view.save()

    saved = nbformat.read(path, as_version=4)
    assert "widgets" not in saved.metadata
    assert "widget-view" not in json.dumps(saved)
    page_text, _ = HTMLExporter().from_notebook_node(saved)
    (tmp_path / "saved.html").write_text(page_text)
    context = chromium.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto((tmp_path / "saved.html").as_uri())
    page.screenshot(path=tmp_path / "saved.png", full_page=True)
    print(f"screenshot: {tmp_path / 'saved.png'}")  # noqa: T201 -- to be looked at
    shown = page.inner_text("body")
    context.close()
    assert "60 of 60 · 1 failed" in shown
    assert "60 calls" in shown
    assert "in flight" not in shown
