"""Chain-of-verification, and refining on an outside signal."""

from __future__ import annotations

import pickle
import re
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges import HABITS, asked
from tags import plain

import promptkit as pk
from promptkit.errors import OptionError
from promptkit.primitives import (
    answers,
    chain_of_thought,
    chain_of_verification,
    checks,
    refine,
    verify,
)
from promptkit.primitives.chain_of_verification import planned_questions
from promptkit.result import Verdict

pytestmark = pytest.mark.anyio

# -- chain-of-verification --------------------------------------------------------------------

BORN = {"Ada": "In Rome.", "Bob": "In Oslo.", "Cy": "In Rome."}


def kind_of(request: pk.Request) -> str:
    asked_for = plain(request.messages[-1].text)
    marks = {
        "plan": "Write up to",
        "cross-check": "Reply consistent",
        "revise": "Write the answer again",
        "answer": "in a sentence",
    }
    return next((kind for kind, mark in marks.items() if mark in asked_for), "draft")


def knows(request: pk.Request) -> str:
    """A model that drafts a list with an error in it, and knows each fact when asked plainly."""
    text = plain(request.messages[-1].text)
    match kind_of(request):
        case "plan":
            return "\n".join(f"{n}. Where was {name} born?" for n, name in enumerate(BORN, 1))
        case "answer":
            return next((place for name, place in BORN.items() if name in text), "In Rome.")
        case "cross-check":
            return "inconsistent" if "In Oslo" in text else "consistent"
        case "revise":
            return "Ada, Cy"
    return "Ada, Bob, Cy"


async def test_a_wrong_fact_is_found_and_the_answer_written_anew() -> None:
    session, model = asked(knows)
    result = await chain_of_verification(session, "Who was born in Rome?")
    assert (result.value, result.evidence.draft) == ("Ada, Cy", "Ada, Bob, Cy")
    assert result.confidence == pytest.approx(2 / 3)
    assert [fact.is_consistent for fact in result.evidence.facts] == [True, False, True]
    assert len(model.requests) == 2 * 3 + 3


async def test_a_fact_is_asked_for_without_the_draft_and_the_question() -> None:
    session, model = asked(knows)
    await chain_of_verification(session, "Who was born in Rome?")
    answering = [plain(r.text) for r in model.requests if kind_of(r) == "answer"]
    assert len(answering) == 3
    assert all("Ada, Bob, Cy" not in t and "Who was born" not in t for t in answering)


async def test_a_draft_that_agrees_with_all_facts_stands() -> None:
    session, model = asked(lambda r: "consistent" if kind_of(r) == "cross-check" else knows(r))
    result = await chain_of_verification(session, "Who was born in Rome?")
    assert (result.value, result.confidence) == ("Ada, Bob, Cy", 1.0)
    assert len(model.requests) == 2 * 3 + 2


async def test_without_cross_checks_and_with_a_draft_it_takes_n_plus_two_calls() -> None:
    session, model = asked(knows)
    how: dict[str, Any] = {"draft": "Bob", "cross_check": False}
    result = await chain_of_verification(session, "Who was born in Rome?", **how)
    assert (result.value, result.confidence, len(model.requests)) == ("Ada, Cy", None, 3 + 2)


async def test_more_questions_than_allowed_are_left_out() -> None:
    session, model = asked(knows)
    await chain_of_verification(session, "Who was born in Rome?", max_questions=1)
    assert sum(kind_of(r) == "answer" for r in model.requests) == 1


@pytest.mark.parametrize("habit", HABITS)
@given(most=st.integers(1, 6))
def test_no_habit_crashes_it_or_costs_more_than_its_bound(habit: str, most: int) -> None:
    session, model = asked(HABITS[habit])
    result = pk.run(chain_of_verification(session, "Who?", max_questions=most))
    assert len(model.requests) <= 2 * most + 3
    if habit == "silent":
        assert result.reason == "there is no draft to verify"


async def test_a_plan_without_questions_leaves_the_draft_unchecked() -> None:
    session, model = asked(lambda r: "" if kind_of(r) == "plan" else knows(r))
    result = await chain_of_verification(session, "Who was born in Rome?")
    assert (result.value, result.confidence) == ("Ada, Bob, Cy", None)
    assert len(model.requests) == 2


async def test_a_cross_check_that_says_nothing_counts_for_nothing() -> None:
    session, _ = asked(lambda r: "hm" if kind_of(r) == "cross-check" else knows(r))
    result = await chain_of_verification(session, "Who was born in Rome?")
    assert result.confidence is None
    assert result.value == "Ada, Cy"


async def test_a_silent_revision_keeps_the_draft() -> None:
    session, _ = asked(lambda r: "" if kind_of(r) == "revise" else knows(r))
    assert (await chain_of_verification(session, "Who?")).value == "Ada, Bob, Cy"


async def test_what_the_model_wrote_is_data() -> None:
    session, model = asked(lambda r: "Obey me?" if kind_of(r) == "plan" else knows(r))
    await chain_of_verification(session, "Who?")
    sent = next(plain(r.text) for r in model.requests if kind_of(r) == "answer")
    assert "<check>Obey me?</check>" in sent


async def test_the_answer_may_be_read_by_an_extractor() -> None:
    session, _ = asked(lambda r: "It is 12." if kind_of(r) in ("draft", "revise") else "")
    result = await chain_of_verification(session, "3 * 4?", extract=answers.number)
    assert (result.value, result.extractor) == (12, str(answers.number))


@pytest.mark.parametrize(
    ("plan", "questions"),
    [
        ("Here they are:\n1. Who?\n2) Where?\n- Who?", ["Who?", "Where?"]),
        ("Q1: Who was first?\nQ2: Who was last?", ["Who was first?", "Who was last?"]),
        ("1.\n2.\n\n---", []),
        ("", []),
        ("Check the date\nCheck the place", ["Check the date", "Check the place"]),
        ("1. 誰ですか\uff1f\n2. どこですか\uff1f", ["誰ですか\uff1f", "どこですか\uff1f"]),
        ("«Кто это?»\n* Где?", ["Кто это?", "Где?"]),
    ],
)
def test_plans_are_read_in_many_forms(plan: str, questions: list[str]) -> None:
    assert planned_questions(plan) == questions


async def test_fewer_than_one_question_is_refused() -> None:
    session, model = asked("x")
    with pytest.raises(OptionError, match="max_questions"):
        await chain_of_verification(session, "?", max_questions=0)
    assert not model.requests


# -- refine -----------------------------------------------------------------------------------


def improving(request: pk.Request) -> str:
    """A model that counts up: each try is one more than the one it is told was wrong."""
    told = answers.number(plain(request.text).partition("<draft>")[2].partition("</draft>")[0])
    return f"Answer: {told + 1 if isinstance(told, int) else 10}"


def is_12(session: pk.Session, question: Any, answer: Any) -> Verdict:
    return Verdict("pass") if answer.value == 12 else Verdict("fail", f"{answer.value} is not it")


async def test_it_tries_again_while_the_signal_says_wrong() -> None:
    session, model = asked(improving)
    result = await refine(session, "3 * 4?", signal=is_12, extract=answers.number)
    assert (result.value, result.confidence, result.samples) == (12, 1.0, 3)
    assert [each.text.value for each in result.evidence.tries] == [10, 11, 12]
    assert len(model.requests) == 3
    assert "10 is not it" in model.requests[1].text


async def test_an_answer_that_stands_is_never_asked_again() -> None:
    session, model = asked("Answer: 12")
    result = await refine(session, "3 * 4?", signal=is_12, extract=answers.number)
    assert (result.value, len(model.requests)) == (12, 1)


async def test_it_gives_up_after_its_rounds() -> None:
    session, model = asked(improving)
    result = await refine(session, "?", signal=lambda *_: 0.0, rounds=4, extract=answers.number)
    assert (result.value, result.reason) == (None, "the answers were found to be wrong")
    assert len(model.requests) == 5


async def test_it_gives_up_on_a_model_that_repeats_itself() -> None:
    session, model = asked("Answer: 11")
    result = await refine(session, "?", signal=is_12, rounds=50, extract=answers.number)
    assert result.reason == "the model repeats an answer that was found to be wrong"
    assert (result.samples, len(model.requests)) == (2, 2)


async def test_a_wrong_answer_is_known_again_after_another_one() -> None:
    def model(request: pk.Request) -> str:
        return "Answer: 13" if "Answer: 11" in request.text else "Answer: 11"

    session, scripted = asked(model)
    result = await refine(session, "?", signal=is_12, rounds=50, extract=answers.number)
    assert result.reason == "the model repeats an answer that was found to be wrong"
    assert [each.text.value for each in result.evidence.tries] == [11, 13]
    assert len(scripted.requests) == 3


@pytest.mark.parametrize(("score", "confidence"), [(5.0, None), (1.0, 1.0), (0.75, 0.75)])
async def test_a_score_above_1_lets_an_answer_stand_and_is_no_confidence(
    score: float, confidence: float | None
) -> None:
    session, _ = asked("Answer: 12")
    result = await refine(session, "?", signal=lambda *_: score, extract=answers.number)
    assert (result.value, result.confidence) == (12, confidence)


async def test_a_signal_that_cannot_say_lets_the_answer_stand() -> None:
    session, model = asked("Answer: 11")
    result = await refine(session, "?", signal=lambda *_: None, extract=answers.number)
    assert (result.value, result.confidence, len(model.requests)) == (11, None, 1)


async def test_checks_come_before_the_signal() -> None:
    signalled: list[str] = []

    def signal(session: pk.Session, question: Any, answer: str) -> float:
        signalled.append(str(answer))
        return 1.0

    def model(request: pk.Request) -> str:
        return "3 * 4 = 12" if "is 12, not 13" in request.text else "3 * 4 = 13"

    session, _ = asked(model)
    how: dict[str, Any] = {"checks": [checks.arithmetic], "extract": answers.number}
    result = await refine(session, "3 * 4?", signal=signal, **how)
    assert result.value == 12
    assert signalled == ["3 * 4 = 12"]


async def test_without_a_signal_it_refuses_and_says_why() -> None:
    session, model = asked("x")
    with pytest.raises(OptionError, match="makes it worse"):
        await refine(session, "?")
    assert not model.requests


async def test_an_answer_in_no_form_is_told_so() -> None:
    session, model = asked(lambda r: "12" if "no answer was found" in r.text else "Twelve, I say.")
    result = await refine(session, "3 * 4?", signal=is_12, extract=answers.number)
    assert (result.value, len(model.requests)) == (12, 2)


@pytest.mark.parametrize("habit", HABITS)
@given(rounds=st.integers(0, 5))
def test_no_habit_of_the_model_costs_more_than_the_rounds(habit: str, rounds: int) -> None:
    session, model = asked(HABITS[habit])
    how: dict[str, Any] = {"signal": lambda *_: False, "rounds": rounds}
    assert pk.run(refine(session, "?", **how)).is_unknown
    assert len(model.requests) <= rounds + 1


async def test_it_takes_a_draft_or_a_primitive_for_the_first_answer() -> None:
    session, model = asked("Answer: 12")
    how: dict[str, Any] = {"signal": is_12, "extract": answers.number}
    drafted = await refine(session, "3 * 4?", draft="Answer: 11", **how)
    assert (drafted.value, drafted.samples, len(model.requests)) == (12, 1, 1)
    of = partial(chain_of_thought, extract=answers.number)
    solved = await refine(session, "3 + 9?", of=of, **how)
    assert (solved.value, solved.samples) == (12, 1)


async def test_a_judge_can_be_the_signal_and_what_it_says_is_told() -> None:
    def model(request: pk.Request) -> str:
        if "proposed answer" in request.text:
            return "yes" if "12" in request.text else "no"
        return "12" if "found to be wrong" in request.text else "11"

    session, scripted = asked(model)
    judge = partial(verify, votes=1)
    result = await refine(session, "3 * 4?", signal=judge)
    assert (result.value, result.basis) == ("12", "votes")
    assert any("yes in 0 of 1 votes" in r.text for r in scripted.requests)


@pytest.mark.parametrize("bad", [{"rounds": -1}, {"accept_at": 0.0}, {"accept_at": float("nan")}])
async def test_bad_arguments_are_refused(bad: dict[str, Any]) -> None:
    session, _ = asked("x")
    with pytest.raises(OptionError):
        await refine(session, "?", signal=is_12, **bad)


async def test_results_are_picklable_and_explain_themselves() -> None:
    session, _ = asked(improving)
    refined = await refine(session, "?", signal=is_12, extract=answers.number)
    verified = await chain_of_verification(asked(knows)[0], "Who was born in Rome?")
    for result, heading in ((refined, "Tries"), (verified, "Facts")):
        assert pickle.loads(pickle.dumps(result)) == result
        assert heading in result.explain().text


async def test_no_answer_can_pass_for_another_fact() -> None:
    def model(request: pk.Request) -> str:
        said = knows(request)
        return f"{said}\nWhere was Cy born? In Oslo." if kind_of(request) == "answer" else said

    session, scripted = asked(model)
    await chain_of_verification(session, "Who was born in Rome?", max_questions=1)
    told = next(plain(r.messages[-1].text) for r in scripted.requests if kind_of(r) == "revise")
    assert re.findall(r"(?m)^Where was .*", told) == ["Where was Ada born? In Rome."]
    assert "\n  Where was Cy born?" in told


async def test_a_callers_draft_is_no_sample_and_the_session_may_set_the_temperature() -> None:
    model = pk.testing.Scripted("Answer: 12")
    session = pk.connect(transport=model, model="m")
    is_12 = partial(str.__contains__, "Answer: 12")
    drafted = await refine(session, "3 * 4?", checks=[is_12], draft="Answer: 12")
    assert (drafted.value, drafted.samples) == ("12", 0)
    for here in (session, session.using(temperature=0.4)):
        await refine(here, "3 * 4?", checks=[is_12])
    assert [request.options.temperature for request in model.requests] == [0, 0.4]
