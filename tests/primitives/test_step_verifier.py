"""Step-aware verification."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges import HABITS, asked, sure_of

import promptkit as pk
from promptkit.errors import OptionError
from promptkit.primitives import answers, best_of, step_verifier

pytestmark = pytest.mark.anyio

REASONING = "Mice fear cats.\n\nGert is a mouse.\nSo Gert fears dogs."


def step_in(request: pk.Request) -> str:
    return request.messages[-1].text.partition("Next step:")[2]


def doubts_dogs(request: pk.Request) -> float:
    return 0.1 if "dogs" in step_in(request) else 0.9


async def test_the_score_is_the_product_of_the_steps() -> None:
    session, model = asked(sure_of(doubts_dogs))
    verdict = await step_verifier(session, "What does Gert fear?", REASONING)
    assert (verdict.outcome, verdict.basis) == ("fail", "logprobs")
    assert verdict.score == pytest.approx(0.9 * 0.9 * 0.1)
    assert verdict.reason == "the weakest step is 3, at 10%"
    assert len(model.requests) == 3
    assert verdict.evidence.weakest.text == "So Gert fears dogs."


async def test_the_minimum_does_not_punish_length() -> None:
    session, _ = asked(sure_of(lambda _: 0.9))
    long = "\n".join(f"Step {letter}." for letter in "abcdefghij")
    product = await step_verifier(session, "?", long)
    least = await step_verifier(session, "?", long, reduce="min")
    assert product.outcome == "fail"
    assert (least.outcome, least.score) == ("pass", pytest.approx(0.9))


async def test_each_step_is_judged_with_those_before_it_and_none_after() -> None:
    session, model = asked(sure_of(lambda _: 0.9))
    await step_verifier(session, "What does Gert fear?", REASONING)
    texts = [request.messages[-1].text for request in model.requests]
    assert "(none)" in texts[0]
    assert "Gert is a mouse" not in texts[0]
    assert "Mice fear cats" in texts[1].partition("Next step:")[0]
    assert all("What does Gert fear?" in text for text in texts)


async def test_a_wrong_sum_is_refused_and_no_step_is_judged() -> None:
    session, model = asked("yes")
    verdict = await step_verifier(session, "?", "3 * 4 = 12\n12 + 5 = 18\nAnswer: 18")
    assert (verdict.outcome, verdict.score) == ("fail", 0.0)
    assert verdict.reason == "step 2: 12 + 5 is 17, not 18"
    assert [step.score for step in verdict.evidence.steps] == [None, 0.0, None]
    assert not model.requests


@pytest.mark.parametrize("habit", HABITS)
async def test_no_habit_of_a_judge_crashes_it_or_costs_more(habit: str) -> None:
    session, model = asked(HABITS[habit])
    verdict = await step_verifier(session, "?", REASONING, votes=2)
    expected = {"always yes": "pass", "always no": "fail"}
    assert verdict.outcome == expected.get(habit, "unsure")
    assert len(model.requests) <= 6


async def test_log_probabilities_missing_for_one_step_make_the_basis_votes() -> None:
    def model(request: pk.Request) -> pk.Response | str:
        has = "mouse" not in step_in(request)
        return sure_of(lambda _: 0.8)(request) if has else "yes"

    session, _ = asked(model)
    verdict = await step_verifier(session, "?", REASONING, reduce="min")
    assert (verdict.basis, verdict.score) == ("votes", pytest.approx(0.8))


@pytest.mark.parametrize("answer", ["", " \n \n"])
async def test_without_a_step_it_is_unsure(answer: str) -> None:
    session, model = asked("yes")
    verdict = await step_verifier(session, "?", answer)
    assert (verdict.outcome, verdict.reason) == ("unsure", "there is no step to judge")
    assert not model.requests


@given(st.integers(1, 60), st.integers(1, 10))
def test_the_calls_are_bounded_and_nothing_is_left_out(lines: int, most: int) -> None:
    session, model = asked(sure_of(lambda _: 1.0))
    answer = "\n".join(f"Line {number}." for number in range(lines))
    verdict = pk.run(step_verifier(session, "?", answer, max_steps=most))
    assert len(model.requests) == min(lines, most)
    assert "\n".join(step.text for step in verdict.evidence.steps) == answer


async def test_it_is_a_verifier_for_best_of() -> None:
    def model(request: pk.Request) -> str:
        if "Next step" in request.text:
            return "no" if "dogs" in step_in(request) else "yes"
        return ["So: dogs\nAnswer: dogs", "So: cats\nAnswer: cats"][request.sample]

    session, _ = asked(model)
    result = await best_of(session, "What does Gert fear?", n=2, verifier=step_verifier)
    assert (result.value, result.confidence, result.basis) == ("cats", 1.0, "votes")


@pytest.mark.parametrize(
    "bad",
    [
        {"max_steps": 0},
        {"reduce": "mean"},
        {"pass_at": 0.2},
        {"votes": 0},
        {"by": "logprobs", "extract": answers.yes_no},
    ],
)
async def test_bad_arguments_are_refused(bad: dict[str, Any]) -> None:
    session, model = asked("yes")
    with pytest.raises(OptionError):
        await step_verifier(session, "?", "A step.", **bad)
    assert not model.requests


async def test_a_verdict_is_picklable_and_explains_itself() -> None:
    session, _ = asked("yes")
    verdict = await step_verifier(session, "?", REASONING, votes=1)
    assert pickle.loads(pickle.dumps(verdict)) == verdict
    assert "Steps" in verdict.explain().text
