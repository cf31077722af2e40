"""The readout under a cell, in a real kernel."""

from __future__ import annotations

SLOW = """
async def slow(request):
    await asyncio.sleep(0.4)
    return "four"
lazy = pk.connect(transport=pk.testing.Scripted(slow), model="gpt-4o-mini", cache=None)
"""


def test_a_cell_that_calls_a_model_has_a_readout_under_it(notebook):
    ran = notebook.run("(await session.ask('2 + 2?')).text")
    assert ran.outputs[-1]["type"] == "display_data"
    assert ran.text.startswith("promptkit: 1 call · ")
    assert "tokens in" in ran.text
    assert "(estimated)" in ran.text
    assert "$0.0000" in ran.text
    assert "<script" not in ran.html
    assert "<style" not in ran.html


def test_a_cell_that_calls_nothing_has_none(notebook):
    assert notebook.run("1 + 1").displays == []
    assert notebook.run("import math").outputs == []


def test_the_cell_that_loads_the_extension_is_counted_too(new_notebook):
    notebook = new_notebook()
    ran = notebook.run(
        "%load_ext promptkit\nimport promptkit as pk\n"
        "session = pk.connect(transport=pk.testing.Scripted('x'), model='m')\n"
        "(await session.ask('a')).text"
    )
    assert "1 call" in ran.text
    assert "unknown cost" in ran.text
    assert notebook.run("1").displays == []


def test_an_answer_from_the_cache_is_told_with_what_it_saved(notebook):
    notebook.run("await session.ask('a')")
    ran = notebook.run("await session.ask('a')")
    assert "1 call · all cached · $0 · cache saved $0.0000" in ran.text


def test_a_cell_that_fails_after_calling_still_has_its_readout(notebook):
    ran = notebook.run("await session.ask('a')\n1 / 0")
    assert ran.error["ename"] == "ZeroDivisionError"
    assert "1 call" in ran.text


def test_a_cell_without_await_is_counted_through_run(notebook):
    ran = notebook.run("answers = pk.run(session.map(lambda s, i: s.ask(f'{i}'), range(5)))")
    assert "5 calls" in ran.text
    assert "5 of 5" in ran.text


def test_threads_count_for_the_running_cell(notebook):
    ran = notebook.run(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as pool:\n"
        "    list(pool.map(lambda i: pk.run(session.ask(f'{i}')), range(4)))"
    )
    assert "4 calls" in ran.text


def test_tasks_that_outlive_their_cell_refresh_its_own_readout(notebook):
    notebook.run(SLOW)
    first = notebook.run("(await lazy.ask('a')).text\ntask = asyncio.create_task(lazy.ask('b'))")
    assert "1 call " in first.text
    second = notebook.run("(await session.ask('c')).text")
    notebook.until(lambda: "2 calls" in first.text)
    assert "1 call " in second.text
    assert len(first.displays) == 1


def test_a_cell_whose_only_call_ends_late_gets_its_readout_late(notebook):
    notebook.run(SLOW)
    ran = notebook.run("task = asyncio.create_task(lazy.ask('b'))")
    assert ran.displays == []
    notebook.until(lambda: "1 call" in ran.text)


def test_a_map_shows_a_row_that_moves_and_then_stands(notebook):
    notebook.run(SLOW)
    ran = notebook.run(
        "answers = await lazy.map(lambda s, i: s.ask(f'{i}'), range(12), concurrency=4)"
    )
    row, readout = ran.displays
    assert "[████████████████████] 12 of 12" in row["data"]["text/plain"]
    assert "in flight" not in row["data"]["text/plain"]
    assert "12 calls" in readout["data"]["text/plain"]
    updates = [m for m in ran.messages if m["msg_type"] == "update_display_data"]
    assert updates
    assert any(
        "in flight" in m["content"]["data"]["text/plain"]
        for m in ran.messages
        if m["msg_type"] in ("display_data", "update_display_data")
    )
    assert all(
        "application/vnd.jupyter.widget-view+json" not in m["content"].get("data", {})
        for m in ran.messages
    )


def test_a_map_inside_a_map_has_no_row_of_its_own(notebook):
    ran = notebook.run(
        "async def inner(s, i):\n"
        "    return await s.map(lambda t, j: t.ask(f'{i} {j}'), range(3))\n"
        "answers = await session.map(inner, range(4))"
    )
    assert "12 calls" in ran.text
    assert "map inner" in ran.text
    assert "map <lambda>" not in ran.text


def test_final_display_is_one_output_and_no_update(new_notebook):
    notebook = new_notebook(PROMPTKIT_DISPLAY="final")
    notebook.run("%load_ext promptkit\nimport asyncio\nimport promptkit as pk" + SLOW)
    ran = notebook.run("a = await lazy.map(lambda s, i: s.ask(f'{i}'), range(6), concurrency=3)")
    assert len(ran.displays) == 1
    assert "6 of 6" in ran.text
    assert "6 calls" in ran.text
    assert not [m for m in ran.messages if m["msg_type"] == "update_display_data"]


def test_readouts_can_be_switched_off_and_on(notebook):
    notebook.run("import os; os.environ['PROMPTKIT_READOUT'] = '0'")
    assert notebook.run("a = await session.map(lambda s, i: s.ask('x'), range(6))").outputs == []
    notebook.run("os.environ['PROMPTKIT_READOUT'] = '1'")
    assert "1 call" in notebook.run("a = await session.ask('y')").text


def test_an_unloaded_extension_leaves_nothing_behind(notebook):
    notebook.run("%unload_ext promptkit")
    assert notebook.run("a = await session.ask('x')").displays == []
    assert notebook.run("%%budget $1\n1").reply["status"] == "error"
    notebook.run("%load_ext promptkit")
    assert len(notebook.run("a = await session.ask('y')").displays) == 1
