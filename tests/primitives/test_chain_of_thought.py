from __future__ import annotations

import pickle
from functools import partial

import pytest
from tags import plain

import promptkit as pk
from promptkit import Prompt
from promptkit.adapters.wire_chat import completion_text
from promptkit.errors import OptionError
from promptkit.primitives import answers, chain_of_thought, vote
from promptkit.request import Request
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio

QUESTION = "A juggler has 16 balls; half are golf balls. How many are not?"


def staged(reasoning: str, answer: str) -> tuple[pk.Session, Scripted]:
    """Answer the first stage with the reasoning, the second with the answer."""

    def reply(request: Request) -> str:
        return answer if len(request.messages) > 1 else reasoning

    model = Scripted(reply)
    return pk.connect(transport=model, model="scripted"), model


async def test_one_recorded_chain_is_one_call() -> None:
    model = Scripted("Half of 16 are 8. The answer is 8.")
    session = pk.connect(transport=model, model="scripted")
    result = await chain_of_thought(session, QUESTION, extract=answers.number)
    assert (result.value, result.evidence) == (8, "Half of 16 are 8. The answer is 8.")
    assert result.extractor == str(answers.number)
    assert len(model.requests) == 1


async def test_two_stages_ask_as_the_paper_does() -> None:
    session, model = staged("Half of 16 are 8.", "8.")
    result = await chain_of_thought(session, QUESTION, stages=2, extract=answers.number)
    first, second = model.requests
    assert completion_text(first.messages) == f"Q: {QUESTION}\nA: Let's think step by step."
    assert completion_text(second.messages) == (
        f"Q: {QUESTION}\nA: Let's think step by step. Half of 16 are 8.\n\n"
        "Therefore, the answer (arabic numerals) is"
    )
    assert result.value == 8


async def test_the_evidence_of_two_stages_holds_both_texts() -> None:
    session, _ = staged("Half of 16 are 8.", "8.")
    result = await chain_of_thought(session, QUESTION, stages=2)
    assert result.evidence == "Half of 16 are 8.\nTherefore, the answer is 8."


async def test_what_is_said_first_in_the_second_stage_counts() -> None:
    session, _ = staged("…", "8, which is half of 16")
    assert (await chain_of_thought(session, "?", stages=2, extract=answers.number)).value == 8


@pytest.mark.parametrize(
    ("extract", "words"),
    [
        (answers.number, "(arabic numerals)"),
        (answers.yes_no, "(Yes or No)"),
        (answers.choice(["(A)", "(B)"]), "the answer is"),
    ],
)
async def test_the_second_stage_asks_for_the_kind_that_is_read(
    extract: answers.Extractor, words: str
) -> None:
    session, model = staged("Hm.", "no")
    await chain_of_thought(session, "?", stages=2, extract=extract)
    assert words in plain(model.requests[1].messages[-1].text)


async def test_silence_in_the_first_stage_spares_the_second() -> None:
    session, model = staged("  ", "8")
    result = await chain_of_thought(session, "?", stages=2)
    assert result.is_unknown
    assert result.reason == "no answer found in the text"
    assert len(model.requests) == 1


async def test_silence_in_the_second_stage_is_no_answer() -> None:
    session, _ = staged("8 or 9.", "")
    assert (await chain_of_thought(session, "?", stages=2, extract=answers.number)).is_unknown


async def test_an_anchored_pattern_reads_the_second_stage_too() -> None:
    session, _ = staged("Hm.", "(B) red")
    result = await chain_of_thought(session, "?", stages=2, extract=answers.regex(r"^\((\w)\)"))
    assert result.value == "B"


async def test_data_in_the_question_stays_set_apart_in_both_stages() -> None:
    session, model = staged("Hm {x}.", "yes")
    question = Prompt("Is this spam? {mail}").fill(mail="{Obey} me.")
    result = await chain_of_thought(
        session, question, stages=2, instruction="Think in {braces}.", extract=answers.yes_no
    )
    assert result.value == "yes"
    for request in model.requests:
        assert "Is this spam? <mail>{Obey} me.</mail>\nA: Think in {braces}." in plain(request.text)


async def test_examples_stand_before_the_question_in_two_stages() -> None:
    session, model = staged("Hm.", "2")
    await chain_of_thought(session, "1 + 1?", stages=2, examples=(("2 + 2?", "4"),))
    assert [m.text for m in model.requests[0].messages[:2]] == ["2 + 2?", "4"]


@pytest.mark.parametrize("stages", [0, 3, "2"])
async def test_other_numbers_of_stages_are_refused(stages: object) -> None:
    session, model = staged("", "")
    with pytest.raises(OptionError, match="stages"):
        await chain_of_thought(session, "?", stages=stages)  # type: ignore[arg-type]
    assert not model.requests


async def test_a_vote_over_two_stages_draws_whole_chains() -> None:
    texts = ["I say 7.", "I say 8.", "I say 8."]

    def reply(request: Request) -> str:
        if len(request.messages) == 1:
            return texts[request.sample]
        return request.messages[1].text[6]

    model = Scripted(reply)
    session = pk.connect(transport=model, model="scripted")
    two = partial(chain_of_thought, stages=2, extract=answers.number)
    result = await vote(session, "?", n=3, of=two, stop_when_sure=None)
    assert (result.value, result.samples) == (8, 3)
    assert len(model.requests) == 6


async def test_it_maps_and_survives_a_pickle() -> None:
    session, _ = staged("Hm.", "8")
    fn = pickle.loads(pickle.dumps(partial(chain_of_thought, stages=2)))
    assert [r.value for r in await session.map(fn, ["a?", "b?"])] == ["8", "8"]
    result = await fn(session, "?")
    assert pickle.loads(pickle.dumps(result)) == result


async def test_what_is_asked_once_is_asked_at_0_unless_somebody_names_a_temperature() -> None:
    model = Scripted("Answer: 12")
    session = pk.connect(transport=model, model="m")
    await chain_of_thought(session, "3 * 4?")
    await chain_of_thought(session.using(temperature=0.4), "3 * 4?")
    await chain_of_thought(session, "3 * 4?", temperature=0.9, stages=2)
    assert [request.options.temperature for request in model.requests] == [0, 0.4, 0.9, 0.9]
