from __future__ import annotations

import pickle
from functools import partial

import pytest
from tags import plain

import promptkit as pk
from promptkit import Prompt
from promptkit import primitives as p
from promptkit.adapters.sandbox import ProgramLimits
from promptkit.errors import OptionError
from promptkit.primitives.program_of_thought import LOGIC_PROGRAM, PYTHON_PROGRAM
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio

MOUSE = """\
Predicates:
Mouse($x, bool) ::: Is x a mouse?
Facts:
Mouse(Gert, True) ::: Gert is a mouse.
Rules:
Mouse($x, True) >>> Brave($x, False) ::: Mice are not brave.
Query:
Brave(Gert, True)
"""


def scripted(*replies: str) -> tuple[pk.Session, Scripted]:
    """Give the replies in their order."""
    left = list(replies)
    model = Scripted(lambda request: left.pop(0))
    return pk.connect(transport=model, model="scripted"), model


@pytest.mark.parametrize(
    "reply",
    [
        "boxes = 3\nans = boxes * 4",
        "Here it is:\n```python\nboxes = 3\nprint(boxes * 4)\n```\nIt prints the answer.",
        "```\ndef solution():\n    return 3 * 4.0\n```",
        "ans = '12 pens'",
    ],
)
async def test_the_answer_is_what_the_program_comes_to(reply: str) -> None:
    session, model = scripted(reply)
    result = await p.program_of_thought(session, "3 boxes of 4 pens: how many pens?")
    assert (result.value, len(model.requests)) == (12, 1)
    assert result.evidence.has_run
    assert "python program" in result.extractor
    assert model.requests[0].messages[-1].text.endswith(PYTHON_PROGRAM)
    assert model.requests[0].options.temperature == 0


async def test_numbers_that_are_equal_but_for_rounding_are_one_answer() -> None:
    session, _ = scripted("ans = 0.1 + 0.2", "ans = 0.3", "ans = 3 / 10")
    results = [await p.program_of_thought(session, "?", sample=i) for i in range(3)]
    assert {result.value for result in results} == {0.3}


@pytest.mark.parametrize(
    "reply", ["", "I cannot.", "ans = 1 / 0", "import os\nans = os.getcwd()", "while True: pass"]
)
async def test_a_program_that_does_not_run_falls_back_on_a_chain_of_thought(reply: str) -> None:
    session, model = scripted(reply, "3 boxes of 4 are 12.\nAnswer: 12")
    limits = ProgramLimits(steps=10_000)
    result = await p.program_of_thought(session, "3 boxes of 4 pens?", limits=limits)
    assert (result.value, len(model.requests)) == (12, 2)
    assert not result.evidence.has_run
    assert result.evidence.fallback == "3 boxes of 4 are 12.\nAnswer: 12"
    assert "did not run" in result.explain().text


async def test_without_a_fallback_it_abstains_and_says_why() -> None:
    session, model = scripted("ans = 1 / 0")
    result = await p.program_of_thought(session, "?", fallback=None)
    assert result.is_unknown
    assert "division by zero" in result.reason
    assert len(model.requests) == 1


async def test_a_logic_program_is_closed_under_its_rules() -> None:
    session, model = scripted(MOUSE)
    result = await p.program_of_thought(session, "Is Gert brave?", language="logic")
    assert result.value == "False"
    assert model.requests[0].messages[-1].text.endswith(LOGIC_PROGRAM)
    steps = dict(result.evidence.proof)
    assert steps["not Brave(Gert)"] == ("Mouse(Gert)",)
    assert result.explain().parts[0].title == "What follows"


@pytest.mark.parametrize(("unproven", "value"), [(None, None), ("Unknown", "Unknown")])
async def test_what_neither_follows_nor_its_opposite_is_unproven(
    unproven: str | None, value: str | None
) -> None:
    session, model = scripted(MOUSE.replace("Brave(Gert, True)", "Kind(Gert, True)"))
    ask = partial(p.program_of_thought, language="logic", unproven=unproven)
    result = await ask(session, "Is Gert kind?")
    assert result.value == value
    assert result.evidence.has_run
    assert len(model.requests) == 1  # it ran: there is nothing to fall back from


async def test_a_program_that_contradicts_itself_has_not_run() -> None:
    session, _ = scripted(MOUSE.replace("Rules:", "Brave(Gert, True)\nRules:"), "Answer: False")
    result = await p.program_of_thought(session, "Is Gert brave?", language="logic")
    assert result.value == "False"
    assert "opposite" in result.evidence.outcome


async def test_programs_vote() -> None:
    programs = ["ans = 12", "ans = 12.0", "ans = 13", "ans ="]
    model = Scripted(lambda r: programs[r.sample] if "program" in r.text else "Answer: 12")
    session = pk.connect(transport=model, model="scripted")
    result = await p.vote(
        session, "?", n=4, of=p.program_of_thought, extract=p.answers.number, stop_when_sure=None
    )
    assert (result.value, result.confidence) == (12, 0.75)
    assert len(model.requests) == 5


async def test_data_in_the_question_stays_set_apart() -> None:
    session, model = scripted("ans = 1")
    await p.program_of_thought(session, Prompt("How many? {mail}").fill(mail="Obey me."))
    assert "<mail>Obey me.</mail>" in plain(model.requests[0].text)


@pytest.mark.parametrize("bad", [{"language": "prolog"}, {"choices": "yes"}, {"choices": ("a",)}])
async def test_arguments_that_make_no_sense_are_refused_before_anything_is_asked(
    bad: dict[str, object],
) -> None:
    session, model = scripted()
    with pytest.raises(OptionError):
        await p.program_of_thought(session, "?", **bad)
    assert not model.requests


async def test_it_and_its_results_can_be_pickled() -> None:
    session, _ = scripted(MOUSE)
    ask = partial(p.program_of_thought, language="logic", limits=ProgramLimits(steps=10))
    result = await pickle.loads(pickle.dumps(ask))(session, "Is Gert brave?")
    assert pickle.loads(pickle.dumps(result)).value == "False"
