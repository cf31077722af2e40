from __future__ import annotations

import math

import pytest

import promptkit as pk
from promptkit import Request, Session
from promptkit.primitives import faithful_reasoning, selection_inference
from promptkit.primitives.asking.primitive import Asked
from promptkit.primitives.proofs.proof import Proof
from promptkit.primitives.proofs.value import JudgedValue
from promptkit.response import Alternative, Choice, Response, TokenLogprob
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio

CONTEXT = ["Mice fear cats.", "Gert is a mouse.", "Sheep fear wolves.", "Bea is a sheep."]
QUESTION = "What does Gert fear?"
CHOICES = ("cats", "wolves")


def model_of(rules: dict[int, str], *, judge: str = "correct", halt: str = "yes") -> Scripted:
    """Picks, in draw i of the first step, the i-th rule; all else it does soundly."""

    def answer(request: Request) -> str:
        text = request.messages[-1].text
        if "correct or incorrect" in text:
            return judge if "wolves." in text.partition("Reasoning")[2] else "correct"
        if "chosen so far" in text:
            return "enough" if "Gert" in text.partition("so far")[2] else "S2"
        if "label only" in text:
            return rules[request.sample % 4096]
        if "that follows from this" in text:
            return "Gert fears wolves." if "wolves" in text else "Gert fears cats."
        if "Reply yes or no" in text:
            return halt
        return "wolves" if "fears wolves" in text else "cats"

    return Scripted(answer)


def session_of(model: Scripted) -> Session:
    return pk.connect(transport=model, model="m", cache=None)


async def test_the_halted_trace_with_the_best_value_answers() -> None:
    model = model_of({0: "S3", 1: "S1"}, judge="incorrect")
    result = await faithful_reasoning(session_of(model), CONTEXT, QUESTION, choices=CHOICES)
    assert result.value == "cats"
    assert result.evidence.check(CONTEXT) == ()


async def test_a_judge_that_finds_all_correct_leaves_the_order_of_drawing() -> None:
    model = model_of({0: "S3", 1: "S1"})
    result = await faithful_reasoning(session_of(model), CONTEXT, QUESTION, choices=CHOICES)
    assert result.value == "wolves"


async def test_any_function_can_value_a_trace() -> None:
    valued: list[str] = []

    async def value(session: Session, question: Asked, proof: Proof) -> float:
        assert question == QUESTION
        valued.append(proof.statements[-1].text)
        return math.nan if "wolves" in proof.statements[-1].text else -5.0

    model = model_of({0: "S3", 1: "S1"})
    result = await selection_inference(
        session_of(model), CONTEXT, QUESTION, choices=CHOICES, beam=2, value=value
    )
    assert result.value == "cats"
    assert sorted(valued) == ["Gert fears cats.", "Gert fears wolves."]
    assert not any("correct or incorrect" in request.text for request in model.requests)


async def test_a_beam_of_one_asks_for_no_value_and_costs_nothing_extra() -> None:
    model = model_of({0: "S1"}, judge="incorrect")
    plain = await selection_inference(session_of(model), CONTEXT, QUESTION, beam=1)
    assert plain.value == "cats"
    assert len(model.requests) == 6
    assert {request.options.temperature for request in model.requests} == {0}


async def test_traces_that_come_to_the_same_are_followed_once() -> None:
    halts_late = model_of(dict.fromkeys(range(4), "S1"), halt="no")
    result = await selection_inference(
        session_of(halts_late), CONTEXT, QUESTION, beam=3, samples=2, max_steps=2
    )
    assert result.is_unknown
    firsts = [r for r in halts_late.requests if "label only" in r.text and "so far" not in r.text]
    assert len(firsts) == 2 + 2  # one trace in each step, continued twice


async def test_a_beam_goes_on_with_no_more_traces_than_its_width_and_with_the_best() -> None:
    worth = {"Fact S1.": -3.0, "Fact S2.": -1.0, "Fact S3.": -2.0}

    def answer(request: Request) -> str:
        text = request.messages[-1].text
        if "chosen so far" in text:
            return "S4"
        if "label only" in text:
            return f"S{request.sample % 4096 + 1}"
        if "that follows from this" in text:
            picked = text.partition(" We know")[0]
            return next(f"Fact S{i}." for i, each in enumerate(CONTEXT, 1) if each in picked)
        return "no"

    async def value(session: Session, question: Asked, proof: Proof) -> float:
        return worth.get(proof.statements[-1].text, 0.0)

    model = Scripted(answer)
    result = await selection_inference(
        session_of(model),
        CONTEXT,
        QUESTION,
        beam=2,
        samples=3,
        premises=2,
        max_steps=2,
        value=value,
    )
    assert result.reason == "no answer within 2 steps"
    firsts = [r.text for r in model.requests if "label only" in r.text and "so far" not in r.text]
    assert len(firsts) == 3 + 2 * 3
    assert sum("Fact S2." in text for text in firsts) == 3
    assert sum("Fact S3." in text for text in firsts) == 3


async def test_samples_of_a_beam_are_drawn_and_differ() -> None:
    model = model_of({0: "S3", 1: "S1"})
    await faithful_reasoning(session_of(model), CONTEXT, QUESTION)
    first = [r for r in model.requests if "label only" in r.text and "so far" not in r.text]
    assert [request.sample for request in first] == [0, 1]
    assert {request.options.temperature for request in first} == {0.7}


async def test_a_value_is_less_where_the_judge_would_rather_have_said_something_else() -> None:
    tops = tuple(Alternative(w, math.log(p)) for w, p in (("correct", 0.4), ("incorrect", 0.1)))
    token = TokenLogprob("correct", math.log(0.4), tops)
    model = Scripted(Response((Choice("correct", "stop", (token,)),)))
    proof = Proof.label(CONTEXT)
    value = await JudgedValue()(session_of(model), QUESTION, proof.infer("So.", proof.statements))
    assert math.exp(value) == pytest.approx(0.4)


async def test_where_every_trace_ends_without_an_answer_the_reason_is_told() -> None:
    model = model_of({0: "none", 1: "S99"})
    result = await faithful_reasoning(session_of(model), CONTEXT, QUESTION, samples=1)
    assert result.reason == "step 1: no statement helps"
    assert (await faithful_reasoning(session_of(model), [], QUESTION)).is_unknown
