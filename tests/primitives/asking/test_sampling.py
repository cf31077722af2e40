from __future__ import annotations

import asyncio
import copy
import pickle

import pytest

import promptkit as pk
from promptkit import Request, Response
from promptkit.errors import OptionError, RefusedRequestError
from promptkit.primitives import answers, chain_of_thought, partial, vote
from promptkit.primitives.asking.sampling import Candidate, draw, told
from promptkit.response import Choice, TokenLogprob
from promptkit.result import Result
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio


def scripted(answer: object) -> tuple[pk.Session, Scripted]:
    model = Scripted(answer)  # type: ignore[arg-type]
    return pk.connect(transport=model, model="m"), model


async def test_sample_i_is_the_request_with_sample_i_at_one_temperature() -> None:
    session, model = scripted(lambda r: f"It is {r.sample}.")
    drawn = await draw(session, "Which?", (3, 1), extract=answers.number, instruction="Think.")
    assert [(each, each.value) for each in drawn] == [("It is 3.", 3), ("It is 1.", 1)]
    assert [r.sample for r in model.requests] == [3, 1]
    assert {r.options.temperature for r in model.requests} == {0.7}
    assert all(r.text.endswith("Which?\n\nThink.") for r in model.requests)


async def test_a_candidate_is_its_text_and_knows_what_was_read_from_it() -> None:
    session, _ = scripted(
        Response(choices=(Choice("4", logprobs=(TokenLogprob("4", -0.5), TokenLogprob("", -1.5))),))
    )
    (found,) = await draw(session, "2 + 2?", [0], extract=answers.number)
    assert (found, found.value, found.logprob) == ("4", 4, -1.0)
    for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert (again, again.value, again.logprob, again.evidence) == ("4", 4, -1.0, None)


async def test_a_text_without_an_answer_is_kept_as_a_text() -> None:
    session, _ = scripted("")
    (found,) = await draw(session, "2 + 2?", [0], extract=answers.number)
    assert (found, found.value, found.logprob) == ("", None, None)


async def test_a_primitive_is_handed_its_own_draw_and_its_value_is_the_answer() -> None:
    session, model = scripted(lambda r: f"So {r.sample}")
    solve = partial(chain_of_thought, extract=answers.number)
    drawn = await draw(session, "Which?", range(3), extract=answers.final, of=solve)
    assert [(each, each.value) for each in drawn] == [("So 0", 0), ("So 1", 1), ("So 2", 2)]
    assert [r.sample for r in model.requests] == [0, 1, 2]
    assert {r.options.temperature for r in model.requests} == {0.7}


async def test_a_text_that_no_extractor_read_is_read_by_this_one() -> None:
    async def solve(_: pk.Session, __: object) -> Result[str]:
        return Result("The answer is 7.")

    session, _ = scripted("")
    (found,) = await draw(session, "?", [0], extract=answers.number, of=solve)
    assert found.value == 7


async def test_a_text_that_an_extractor_has_read_is_not_read_again() -> None:
    async def solve(_: pk.Session, __: object) -> Result[str]:
        return Result("all 7 of them", extractor="whole_text v1")

    session, _ = scripted("")
    (found,) = await draw(session, "?", [0], extract=answers.number, of=solve)
    assert found.value == "all 7 of them"


async def test_a_text_that_nobody_chose_an_extractor_for_is_taken_as_it_is() -> None:
    async def solve(_: pk.Session, __: object) -> Result[str]:
        return Result("So.\nAnswer: 7")

    session, _ = scripted("")
    (found,) = await draw(session, "?", [0], extract=answers.final, of=solve)
    assert found.value == "So.\nAnswer: 7"


async def test_votes_over_votes_share_no_request() -> None:
    session, model = scripted(lambda r: str(r.sample % 2))
    inner = partial(vote, n=3, extract=answers.number, stop_when_sure=None)
    drawn = await draw(session, "?", range(2), extract=answers.number, of=inner)
    assert len({request.sample for request in model.requests}) == len(model.requests) == 6
    assert [each.value for each in drawn] == [0, 1]


async def test_an_abstention_is_an_answer_without_a_value() -> None:
    async def solve(_: pk.Session, __: object) -> Result[str]:
        return Result.unknown("no idea")

    session, _ = scripted("")
    (found,) = await draw(session, "?", [0], extract=answers.number, of=solve)
    assert (found, found.value) == ("", None)


async def test_what_is_no_primitive_is_refused() -> None:
    async def solve(_: pk.Session, __: object) -> str:
        return "7"

    session, _ = scripted("")
    with pytest.raises(OptionError, match="sample of type str"):
        await draw(session, "?", [0], extract=answers.number, of=solve)  # type: ignore[arg-type]


async def test_when_one_sample_fails_the_others_are_cancelled() -> None:
    ended: list[int] = []

    async def answer(request: Request) -> str:
        if request.sample == 0:
            await asyncio.sleep(0)
            msg = "down"
            raise RefusedRequestError(msg)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append(request.sample)
            raise
        return "late"

    session, _ = scripted(answer)
    with pytest.raises(RefusedRequestError):
        await draw(session, "?", range(3), extract=answers.number)
    assert ended == [1, 2]


def test_what_a_result_says_is_the_text_it_stands_on() -> None:
    assert told(Result(4, evidence="so 4")) == "so 4"
    assert told(Result(4, evidence=("a", "b"))) == "4"
    assert told(Result.unknown()) == ""


def test_a_candidate_stands_for_a_text_everywhere() -> None:
    candidate = Candidate("so 4", 4)
    assert candidate == "so 4"
    assert hash(candidate) == hash("so 4")
    assert answers.number(candidate) == 4


async def true(_: pk.Session, __: object) -> Result[str]:
    return Result("True")


@pytest.mark.parametrize("primitive", ["vote", "best_of", "weighted_vote"])
async def test_a_value_that_came_from_a_primitive_passes_through_as_it_is(primitive: str) -> None:
    session, _ = scripted("yes")
    result = await getattr(pk.primitives, primitive)(session, "Is it so?", n=2, of=true)
    assert result.value == "True"


async def test_a_text_that_is_written_in_several_ways_is_one_answer_as_the_first_has_it() -> None:
    session, _ = scripted(
        lambda r: ["Answer: Marie Curie", "Answer: «MARIE CURIE».", "Answer: Ada"][r.sample]
    )
    result = await vote(session, "Who?", n=3, stop_when_sure=None)
    assert (result.value, result.evidence.counts[0]) == ("Marie Curie", ("Marie Curie", 2))


CONTEXT = "Mice fear cats. Gert is a mouse."


def reasoner(request: Request) -> str:
    said = request.messages[-1].text
    if "chosen so far" in said:
        return "enough" if "Gert" in said.partition("chosen so far")[2] else "S2"
    if "with none" in said:
        return "S1"
    if "follows" in said:
        return "Gert fears cats."
    return "yes" if "yes or no" in said else "cats"


@pytest.mark.parametrize("primitive", ["vote", "best_of", "weighted_vote"])
async def test_the_proof_of_the_winning_sample_is_shown_and_has_a_name(primitive: str) -> None:
    session, _ = scripted(reasoner)
    solve = partial(pk.primitives.selection_inference, CONTEXT, premises=2)
    result = await getattr(pk.primitives, primitive)(session, "What does Gert fear?", n=2, of=solve)
    assert result.evidence.winner.evidence.conclusion
    text = result.explain().text
    assert "The winning sample: Proof" in text
    assert "Gert fears cats." in text


async def test_where_nothing_won_there_is_no_winning_sample() -> None:
    session, _ = scripted("")
    result = await vote(session, "Who?", n=2)
    assert result.evidence.winner is None
    assert "winning" not in result.explain().text
