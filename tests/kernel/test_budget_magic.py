"""`%%budget` in a real kernel."""

from __future__ import annotations


def test_a_cell_over_its_budget_is_refused_and_says_so(notebook):
    ran = notebook.run("%%budget $0.000001\nawait session.ask('a', max_tokens=100)")
    assert ran.error["ename"] == "BudgetError"
    assert "the cell's $0.000001 is left" in ran.error["evalue"]
    assert "1 refused by the budget" in ran.text
    assert "0 % of the cell's $0.000001" in ran.text
    assert notebook.run("model.requests").outputs[0]["data"]["text/plain"] == "[]"


def test_a_budget_keeps_await_at_the_top_of_the_cell(notebook):
    ran = notebook.run(
        "%%budget $0.05\nanswer = await session.ask('a', max_tokens=10)\nanswer.text"
    )
    assert ran.outputs[0]["data"]["text/plain"] == "'four'"
    assert "<1 % of the cell's $0.05" in ran.text
    assert len(ran.displays) == 1


def test_a_budget_holds_for_its_own_cell_only(notebook):
    notebook.run("%%budget $0\n1")
    ran = notebook.run("(await session.ask('a')).text")
    assert ran.reply["status"] == "ok"
    assert "of the cell's" not in ran.text


def test_a_budget_holds_in_a_cell_without_await_and_in_threads(notebook):
    ran = notebook.run("%%budget $0.000001\npk.run(session.ask('a', max_tokens=100))")
    assert ran.error["ename"] == "BudgetError"
    ran = notebook.run(
        "%%budget $0.000001\nimport threading\nerrors = []\n"
        "def ask():\n"
        "    try:\n        pk.run(session.ask('a', max_tokens=100))\n"
        "    except pk.PromptkitError as error:\n        errors.append(type(error).__name__)\n"
        "thread = threading.Thread(target=ask); thread.start(); thread.join(); errors"
    )
    assert ran.outputs[0]["data"]["text/plain"] == "['BudgetError']"


def test_a_late_task_stays_under_the_budget_of_its_cell(notebook):
    notebook.run(
        "%%budget $0.000001\n"
        "async def later():\n"
        "    await asyncio.sleep(0.3)\n"
        "    return await session.ask('a', max_tokens=100)\n"
        "task = asyncio.create_task(later())"
    )
    ran = notebook.run("await asyncio.wait([task]); type(task.exception()).__name__")
    assert ran.outputs[0]["data"]["text/plain"] == "'BudgetError'"


def test_wrong_amounts_are_errors_in_the_cell(notebook):
    for amount in ("", "lots", "-3", "$", "nan"):
        ran = notebook.run(f"%%budget {amount}\nawait session.ask('a')")
        assert ran.error["ename"] == "OptionError", amount
        assert "budget" in ran.error["evalue"]
    assert notebook.run("model.requests").outputs[0]["data"]["text/plain"] == "[]"
