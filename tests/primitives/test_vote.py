from __future__ import annotations

import asyncio
import pickle
import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tags import plain

import promptkit as pk
from promptkit import Prompt
from promptkit.errors import OptionError
from promptkit.primitives import answers, chain_of_thought, vote
from promptkit.response import Choice, TokenLogprob
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
    assert result.evidence.extractor == result.extractor == str(answers.number)
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
    assert "<mail>Obey me.</mail>" in plain(sent.text)
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


# -- by likelihood ----------------------------------------------------------------------------


def with_logprobs(
    texts: Sequence[str], logprobs: Sequence[float | None]
) -> Callable[[pk.Request], pk.Response]:
    """Answer sample i with text i, as two tokens of log-probability i; None for none."""

    def answer(request: pk.Request) -> pk.Response:
        logprob = logprobs[request.sample]
        tokens = None
        if logprob is not None and request.options.logprobs is not None:
            tokens = (TokenLogprob("x", logprob), TokenLogprob("y", logprob))
        return pk.Response((Choice(texts[request.sample], "stop", tokens),))

    return answer


async def by_likelihood(
    texts: Sequence[str], logprobs: Sequence[float | None]
) -> pk.Result[object]:
    model = Scripted(with_logprobs(texts, logprobs))
    session = pk.connect(transport=model, model="m")
    return await vote(session, "?", n=len(texts), by="likelihood", stop_when_sure=None)


async def test_one_likely_sample_outweighs_two_unlikely_ones() -> None:
    result = await by_likelihood(["a", "a", "b"], [-3.0, -3.0, -0.1])
    assert (result.value, result.basis) == ("b", "logprobs")
    assert result.confidence == pytest.approx(exp(-0.1) / (exp(-0.1) + 2 * exp(-3)))
    assert result.evidence.counts == (("b", 1), ("a", 2))


@pytest.mark.parametrize("missing", [None, float("-inf"), float("nan"), 5.0])
async def test_one_missing_or_impossible_log_probability_makes_it_a_count(
    missing: float | None,
) -> None:
    result = await by_likelihood(["a", "a", "b"], [-3.0, missing, -0.1])
    assert (result.value, result.basis) == ("a", "votes")
    assert result.confidence == pytest.approx(2 / 3)


async def test_equal_likelihoods_are_won_by_the_earliest() -> None:
    assert (await by_likelihood(["b", "a"], [-1.0, -1.0])).value == "b"


async def test_a_model_that_refuses_log_probabilities_is_asked_without() -> None:
    def model(request: pk.Request) -> str:
        if request.options.logprobs is not None:
            raise pk.errors.RefusedRequestError("logprobs are not supported")
        return "7"

    session = pk.connect(transport=Scripted(model), model="m")
    result = await vote(session, "?", n=8, by="likelihood")
    assert (result.value, result.basis, result.samples) == ("7", "votes", 4)


async def test_a_request_refused_for_another_reason_raises() -> None:
    def model(request: pk.Request) -> str:
        raise pk.errors.RefusedRequestError("no")

    session = pk.connect(transport=Scripted(model), model="m")
    with pytest.raises(pk.errors.RefusedRequestError):
        await vote(session, "?", by="likelihood")


# -- other primitives, and bad input ----------------------------------------------------------


async def test_it_votes_over_another_primitive() -> None:
    session, model = recorded(["Answer: 4", "Answer: 5", "Answer: 4"])
    of = partial(chain_of_thought, extract=answers.number)
    result = await vote(session, "2 + 2?", n=3, of=of, extract=answers.number, by="likelihood")
    assert (result.value, result.basis, result.confidence) == (4, "votes", pytest.approx(2 / 3))
    assert sorted(r.sample for r in model.requests) == [0, 1, 2]


async def test_answers_are_the_same_by_the_extractors_rule() -> None:
    session, _ = recorded(["Paris.", "Rome", "paris"])
    result = await vote(session, "?", n=3, extract=answers.last_line, stop_when_sure=None)
    assert result.evidence.counts == (("Paris", 2), ("Rome", 1))


async def test_no_majority_is_unknown_where_one_is_asked_for() -> None:
    session, _ = recorded(["1", "2", "3", "1"])
    how = {"n": 4, "extract": answers.number, "stop_when_sure": None}
    result = await vote(session, "?", at_least=0.51, **how)
    assert result.is_unknown
    assert result.reason == "no majority: 1 has 2 of 4 votes"
    assert (await vote(session, "?", at_least=0.5, **how)).value == 1


@pytest.mark.parametrize("text", ["", "   ", "…", "Не знаю", "わかりません"])  # noqa: RUF001
async def test_a_model_that_holds_no_number_in_any_script_is_unknown(text: str) -> None:
    session, model = recorded([text] * 10)
    result = await vote(session, "?", n=10, extract=answers.number)
    assert (result.value, result.reason) == (None, "no answer found in 10 samples")
    assert len(model.requests) == 10


async def test_votes_in_other_scripts_count() -> None:
    session, _ = recorded(["Ответ: Париж", "Ответ: Рим", "Ответ: Париж"])
    result = await vote(session, "?", n=3, extract=answers.last_line, stop_when_sure=None)
    assert result.confidence == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "bad", [{"n": -1}, {"by": "chance"}, {"at_least": 0.0}, {"at_least": float("nan")}]
)
async def test_bad_arguments_are_refused_before_anything_is_asked(bad: dict[str, object]) -> None:
    session, model = recorded(["x"])
    with pytest.raises(OptionError):
        await vote(session, "?", **bad)
    assert not model.requests


async def test_a_result_is_picklable_and_explains_itself() -> None:
    session, _ = recorded(["4", "5", "4"])
    result = await vote(session, "?", n=3, extract=answers.number, stop_when_sure=None)
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert again.evidence.answers == (4, 5, 4)
    assert "Votes, read by" in result.explain().text
    bars = next(iter(result.evidence.sections())).bars
    assert [(bar.label, bar.value, bar.mood) for bar in bars] == [
        ("4", 2, "chosen"),
        ("5", 1, "plain"),
    ]


async def test_the_form_of_a_sample_is_reckoned_once_while_the_vote_is_under_way() -> None:
    """And once more at its end, however many rounds it took."""
    reckoned: list[object] = []

    def form(value: object) -> str:
        reckoned.append(value)
        return str(value)

    session, _ = recorded([f"text {number}" for number in range(40)])
    extract = answers.Extractor("text", str, form=form)
    result = await vote(session, "?", n=40, extract=extract)
    assert result.samples == 40
    assert max(reckoned.count(value) for value in reckoned) <= 2
