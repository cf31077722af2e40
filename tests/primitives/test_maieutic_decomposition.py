from __future__ import annotations

import pickle
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from tags import plain

import promptkit as pk
from promptkit.errors import OptionError
from promptkit.explanation import Graph, Table
from promptkit.primitives import (
    entailment,
    maieutic,
    maieutic_decomposition,
    maieutic_prompts,
)
from promptkit.response import Response
from promptkit.testing import Scripted

from .maieutic_world import World

pytestmark = pytest.mark.anyio

CLAIM = "Owls, which hunt at night, eat grass."
NIGHT = "Owls hunt at night."
GRASS = "Owls eat grass."
SURE = (0.95, 0.05)
WRONG = (0.05, 0.95)


def owls(split: str = f"1. {NIGHT}\n2. {GRASS}", **facts: Any) -> tuple[pk.Session, Scripted]:
    """A model that splits the claim, believes it a little, and knows better of one part."""
    beliefs = {CLAIM: (0.7, 0.4), NIGHT: SURE, GRASS: WRONG}
    world = World(**({"beliefs": beliefs} | facts))

    def answer(request: pk.Request) -> str | Response:
        asked = plain(request.messages[-1].text)
        if "Split the claim" in asked:
            return split
        reply: str | Response = world.answer(request)
        return reply

    model = Scripted(answer)
    return pk.connect(transport=model, model="scripted", cache=None), model


async def test_a_claim_fails_with_the_part_that_is_false() -> None:
    session, model = owls()
    result = await maieutic_decomposition(session, CLAIM)
    assert (result.value, result.basis) == (False, "logprobs")
    assert result.evidence.failing == (GRASS,)
    assert [part.text for part in result.evidence.parts] == [NIGHT, GRASS]
    assert len(model.requests) == 1 + 3 * 3


async def test_a_claim_whose_parts_are_all_true_is_true_though_it_was_doubted() -> None:
    session, _ = owls(beliefs={CLAIM: (0.3, 0.5), NIGHT: SURE, GRASS: SURE})
    result = await maieutic_decomposition(session, CLAIM)
    assert result.value is True
    assert result.evidence.failing == ()
    assert 0.5 < result.confidence < 1


async def test_a_strong_belief_in_the_claim_overrules_a_weak_doubt_of_a_part() -> None:
    session, _ = owls(beliefs={CLAIM: SURE, NIGHT: SURE, GRASS: (0.4, 0.5)})
    result = await maieutic_decomposition(session, CLAIM)
    assert result.value is True
    assert [demand.name for demand in result.evidence.solution.broken] == ["part 2"]


async def test_parts_may_be_given() -> None:
    session, model = owls()
    result = await maieutic_decomposition(session, CLAIM, parts=[NIGHT, f" {NIGHT}\n", "", CLAIM])
    assert [part.text for part in result.evidence.parts] == [NIGHT]
    assert not any("Split" in request.messages[-1].text for request in model.requests)


async def test_another_primitive_may_judge_the_parts() -> None:
    session, model = owls()
    of = partial(maieutic, depth=0)
    result = await maieutic_decomposition(session, CLAIM, of=of)
    assert result.value is False
    assert [each.value for each in result.evidence.results] == [True, False]
    assert [part.p for part in result.evidence.parts] == pytest.approx([0.95, 0.05])
    assert len(model.requests) == 1 + 3 * 3


async def says(value: object, confidence: float | None, *_: Any) -> pk.Result[Any]:
    return pk.Result(value, confidence)


@pytest.mark.parametrize(
    ("value", "confidence", "p"),
    [("yes", 0.9, 0.9), ("No.", None, 0.0), (True, 0.2, 0.5), (None, None, None), ("so", 1, None)],
)
async def test_what_judges_a_part_may_answer_in_words_or_abstain(
    value: object, confidence: float | None, p: float | None
) -> None:
    session, _ = owls()
    of = partial(says, value, confidence)
    result = await maieutic_decomposition(session, CLAIM, parts=[GRASS], of=of)
    assert result.evidence.parts[0].p == (None if p is None else pytest.approx(p))


async def test_a_tie_goes_to_the_belief_in_the_claim_and_without_one_is_unknown() -> None:
    nothing = (0.5, 0.5)
    session, _ = owls(beliefs={CLAIM: (0.6, 0.5), NIGHT: nothing, GRASS: nothing})
    assert (await maieutic_decomposition(session, CLAIM)).value is True
    session, _ = owls(beliefs={CLAIM: nothing, NIGHT: nothing, GRASS: nothing})
    result = await maieutic_decomposition(session, CLAIM)
    assert result.is_unknown
    assert "ties" in result.reason


async def test_parts_may_be_related_to_each_other() -> None:
    session, model = owls(relations={(NIGHT, GRASS): "contradicts"})
    result = await maieutic_decomposition(session, CLAIM, judge=entailment)
    kinds = [(d.premises, d.kind, d.name) for d in result.evidence.solution.demands]
    assert (("part 1",), "contradicts", "part 2") in kinds
    assert len([r for r in model.requests if "Premise" in r.messages[-1].text]) == 2


@pytest.mark.parametrize("split", ["", " \n\n", "…", CLAIM, f"- {CLAIM.lower()}"])
async def test_a_claim_that_is_not_split_is_believed_or_not(split: str) -> None:
    session, _ = owls(split)
    result = await maieutic_decomposition(session, CLAIM)
    assert result.value is True
    if split != "…":
        assert result.evidence.parts == ()


def read(result: pk.Result[bool]) -> Sequence[str]:
    return [part.text for part in result.evidence.parts]


async def test_lines_bullets_and_bars_are_read_and_too_many_left_out() -> None:
    session, _ = owls("* A is so.\n(2) B is so. | 3.5 percent is C.\n\n- A is so.\n4) D\n5: E")
    parts = read(await maieutic_decomposition(session, CLAIM))
    assert parts == ["A is so.", "B is so.", "3.5 percent is C.", "D", "E"]
    session, model = owls("\n".join(f"Part {i}." for i in range(1000)))
    assert len(read(await maieutic_decomposition(session, CLAIM, most_parts=3))) == 3
    assert len(model.requests) == 1 + 4 * 3


async def test_a_silent_model_is_unknown() -> None:
    session = pk.connect(transport=Scripted(""), model="scripted", cache=None)
    assert (await maieutic_decomposition(session, CLAIM)).is_unknown


@pytest.mark.parametrize(
    "wrong", [{"most_parts": 0}, {"parts": "one text"}, {"claim": ""}, {"weight": -1.0}]
)
async def test_wrong_arguments_are_told(wrong: dict[str, Any]) -> None:
    session, model = owls()
    with pytest.raises(OptionError):
        await maieutic_decomposition(session, **({"claim": CLAIM} | wrong))
    assert not model.requests


async def test_parts_that_are_no_texts_are_refused_before_anything_is_asked() -> None:
    session, model = owls()
    for parts in ([1], "one text", 5):
        with pytest.raises(OptionError, match="list of sentences"):
            await maieutic_decomposition(session, CLAIM, parts=parts)
    assert not model.requests


async def test_prompts_that_are_to_be_completed_go_to_the_completions_api() -> None:
    model = Scripted(lambda request: "true")
    session = pk.connect(transport=model, model="scripted", cache=None)
    await maieutic_decomposition(session, CLAIM, parts=[NIGHT], prompts=maieutic_prompts.COMPLETED)
    assert {request.api for request in model.requests} == {"completions"}


async def test_the_explanation_shows_the_parts_and_what_fails() -> None:
    session, _ = owls()
    result = await maieutic_decomposition(session, CLAIM)
    table, graph, *_ = result.explain().parts
    assert isinstance(table, Table)
    assert isinstance(graph, Graph)
    assert table.rows[2] == (GRASS, "0.05", "0.95", "false")
    assert [node.text for node in graph.nodes] == [CLAIM, NIGHT, GRASS]
    assert pickle.loads(pickle.dumps(result)).value is False
