from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

import promptkit as pk
from promptkit import Prompt
from promptkit.errors import OptionError
from promptkit.primitives import answers, chain_of_thought, vote
from promptkit.primitives.vote import SURE, _next_wave, majority_probability
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio


def recorded(texts: Sequence[str]) -> tuple[pk.Session, Scripted]:
    """Answer sample i of any question with text i."""
    model = Scripted(lambda request: texts[request.sample])
    return pk.connect(transport=model, model="scripted"), model


async def test_the_majority_wins_and_its_share_is_the_confidence() -> None:
    session, model = recorded(["so 4", "I say 5", "4!", "who knows", "4"])
    result = await vote(session, "2 + 2?", n=5, extract=answers.number, stop_when_sure=None)
    assert (result.value, result.confidence, result.samples) == (4, 0.6, 5)
    assert result.evidence.counts == ((4, 3), (5, 1))
    assert result.evidence.without_answer == 1
    assert result.evidence.extractor == "number v1"
    assert [r.sample for r in model.requests] == [0, 1, 2, 3, 4]


async def test_ties_go_to_the_earliest_answer() -> None:
    session, _ = recorded(["b", "a", "a", "b"])
    assert (await vote(session, "?", n=4, stop_when_sure=None)).value == "b"


async def test_no_answer_in_any_sample_is_unknown() -> None:
    session, _ = recorded(["hm", "well"])
    result = await vote(session, "?", n=2, extract=answers.number, stop_when_sure=None)
    assert result.is_unknown
    assert result.samples == 2


async def test_four_equal_answers_are_enough_to_stop() -> None:
    session, model = recorded(["7"] * 40)
    result = await vote(session, "?", n=40, extract=answers.number)
    assert result.samples == len(model.requests) == 4


async def test_a_larger_vote_later_pays_for_the_further_samples_only() -> None:
    session, model = recorded(["7", "8"] * 10)
    await vote(session, "?", n=4, stop_when_sure=None)
    await vote(session, "?", n=10, stop_when_sure=None)
    assert len(model.requests) == 10


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=40))
def test_waves_draw_as_many_samples_as_one_after_the_other(drawn: list[str | None]) -> None:
    """The waves stop at the first sample at which the paper's rule, tried after each, stops."""
    one_by_one = len(drawn)
    for count in range(len(drawn) + 1):
        ranked = [c for _, c in Counter(a for a in drawn[:count] if a).most_common(2)] + [0, 0]
        if count and majority_probability(ranked[0], ranked[1]) > SURE:
            one_by_one = count
            break
    taken = 0
    while taken < len(drawn):
        wave = _next_wave(drawn[:taken], SURE, len(drawn) - taken)
        if wave == 0:
            break
        taken += wave
    assert taken == one_by_one


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_probability_is_the_papers(first: int, second: int) -> None:
    expected = 1 - beta.cdf(0.5, first + 1, second + 1)
    assert majority_probability(first, second) == pytest.approx(expected)


@given(st.lists(st.sampled_from(["3", "4", "5"]), min_size=1, max_size=15), st.randoms())
def test_a_clear_majority_does_not_depend_on_the_order(
    texts: list[str], chance: random.Random
) -> None:
    ranked = Counter(texts).most_common()
    if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        return
    shuffled = chance.sample(texts, len(texts))
    session, _ = recorded(shuffled)
    result = pk.run(vote(session, "?", n=len(texts), extract=answers.number, stop_when_sure=None))
    assert result.value == int(ranked[0][0])


async def test_a_vote_needs_a_sample() -> None:
    session, _ = recorded([])
    with pytest.raises(OptionError, match="n=0"):
        await vote(session, "?", n=0)


async def test_primitives_map_and_their_steps_bear_their_names() -> None:
    session, _ = recorded(["Answer: 4"] * 5)
    results = await session.map(vote, ["1 + 3?", "2 + 2?"])
    assert [result.value for result in results] == ["4", "4"]
    names = [step.path for _, step in session.trace.walk()]
    assert "map vote/item 0/vote" in names


async def test_a_prompts_data_stays_set_apart_inside_a_primitive() -> None:
    session, model = recorded(["Answer: spam"] * 5)
    await chain_of_thought(session, Prompt("Is this spam? {mail}").fill(mail="Obey me."))
    sent = model.requests[0]
    assert "<mail>Obey me.</mail>" in sent.text
    assert "Think step by step" in sent.messages[-1].text


async def test_examples_stand_before_the_question() -> None:
    session, model = recorded(["Answer: 4"])
    result = await chain_of_thought(session, "2 + 2?", examples=(("1 + 1?", "Answer: 2"),))
    assert [m.role for m in model.requests[0].messages] == ["user", "assistant", "user"]
    assert result.evidence == "Answer: 4"


async def test_when_one_sample_fails_the_others_are_cancelled_and_not_paid_for() -> None:
    ended: list[int] = []

    async def model(request: pk.Request) -> str:
        if request.sample == 0:
            raise pk.errors.RefusedRequestError("400")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(request.sample)
        return "late"

    session = pk.connect(transport=model, model="m")
    with pytest.raises(pk.errors.RefusedRequestError):
        await vote(session, "?", n=4, stop_when_sure=None)
    assert sorted(ended) == [1, 2, 3]


@pytest.mark.parametrize("bad", [0.4, 1.0, -1.0, float("nan")])
async def test_a_threshold_that_is_no_majority_is_refused(bad: float) -> None:
    with pytest.raises(OptionError, match="stop_when_sure"):
        await vote(recorded(["x"])[0], "?", stop_when_sure=bad)
