"""Best of n and the weighted vote: what verifiers are handed, what they decide, what is paid."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges import HABITS, asked, sure_of

import promptkit as pk
from promptkit.errors import OptionError
from promptkit.primitives import (
    answers,
    best_of,
    chain_of_thought,
    checks,
    verify,
    vote,
    weighted_vote,
)
from promptkit.primitives.asking.sampling import Candidate
from promptkit.result import Result, Verdict
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio

BOTH = [best_of, weighted_vote]


def recorded(texts: Sequence[str]) -> pk.Session:
    return pk.connect(transport=Scripted(lambda r: texts[r.sample]), model="m")


def by_table(table: dict[str, Any]) -> Any:
    """A verifier that looks an answer's text up."""

    async def score(session: pk.Session, question: str, answer: str) -> Any:
        return table[str(answer)]

    return score


# -- what they decide -------------------------------------------------------------------------


async def test_the_highest_score_wins_and_ties_go_to_the_earliest() -> None:
    session = recorded(["a", "b", "c", "d"])
    score = by_table({"a": 0.2, "b": 0.9, "c": 0.9, "d": 0.1})
    result = await best_of(session, "?", n=4, verifier=score)
    assert (result.value, result.confidence, result.samples) == ("b", 0.9, 4)
    assert [each.score for each in result.evidence.judged] == [0.2, 0.9, 0.9, 0.1]


async def test_scores_of_any_size_rank_but_are_no_confidence() -> None:
    session = recorded(["a", "b"])
    result = await best_of(session, "?", n=2, verifier=by_table({"a": -30, "b": 12.5}))
    assert (result.value, result.confidence) == ("b", None)
    worse = await best_of(session, "?", n=2, verifier=by_table({"a": -3, "b": -12.5}))
    assert (worse.value, worse.confidence) == ("a", None)


async def test_the_weighted_vote_sums_the_scores_of_each_answer() -> None:
    session = recorded(["It is 3.", "It is 4.", "So 4."])
    score = by_table({"It is 3.": 0.9, "It is 4.": 0.5, "So 4.": 0.5})
    result = await weighted_vote(session, "?", n=3, verifier=score, extract=answers.number)
    assert (result.value, result.confidence) == (4, pytest.approx(1 / 1.9))
    assert result.evidence.weights == ((4, 1.0), (3, 0.9))
    best = await best_of(session, "?", n=3, verifier=score, extract=answers.number)
    assert best.value == 3


async def test_equal_weights_go_to_the_earliest() -> None:
    session = recorded(["b", "a"])
    score = by_table({"a": 0.5, "b": 0.5})
    assert (await weighted_vote(session, "?", n=2, verifier=score)).value == "b"


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=12))
def test_with_a_judge_that_always_says_yes_the_weighted_vote_is_the_vote(texts: list[str]) -> None:
    n = len(texts)
    weighted = pk.run(weighted_vote(recorded(texts), "?", n=n, verifier=lambda *_: True))
    voted = pk.run(vote(recorded(texts), "?", n=n, stop_when_sure=None))
    assert (weighted.value, weighted.confidence) == (voted.value, pytest.approx(voted.confidence))
    best = pk.run(best_of(recorded(texts), "?", n=n, verifier=lambda *_: True))
    assert best.value == texts[0]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 1)), min_size=1, max_size=12))
def test_the_best_is_never_below_any_and_the_weights_are_all_scores(
    drawn: list[tuple[str, float]],
) -> None:
    texts = [f"{letter}{place}" for place, (letter, _) in enumerate(drawn)]
    score = by_table({text: p for text, (_, p) in zip(texts, drawn, strict=True)})
    first = answers.regex("[a-d]")
    how: dict[str, Any] = {"n": len(texts), "verifier": score, "extract": first}
    best = pk.run(best_of(recorded(texts), "?", **how))
    assert best.confidence == max(p for _, p in drawn)
    weighted = pk.run(weighted_vote(recorded(texts), "?", **how))
    total = sum(weight for _, weight in weighted.evidence.weights)
    assert total == pytest.approx(sum(p for _, p in drawn))


# -- what the verifier is handed and may return -----------------------------------------------


async def test_the_verifier_is_handed_the_whole_text_which_knows_its_value() -> None:
    seen: list[tuple[Any, str, Any]] = []

    async def score(session: pk.Session, question: str, answer: Candidate) -> float:
        seen.append((question, str(answer), answer.value))
        assert isinstance(session, pk.Session)
        assert isinstance(answer, str)
        return 1.0

    how: dict[str, Any] = {"verifier": score, "extract": answers.number}
    await best_of(recorded(["3 * 4 = 12"]), "3 * 4?", n=1, **how)
    assert seen == [("3 * 4?", "3 * 4 = 12", 12)]


@pytest.mark.parametrize("primitive", BOTH)
@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0.1, 0.9),
        (False, True),
        (Verdict("fail"), Verdict("pass")),
        (Result(False, 0.9), Result(True, 0.9)),
        (0, 1),
    ],
)
async def test_it_may_return_numbers_bools_verdicts_and_results(
    primitive: Any, low: Any, high: Any
) -> None:
    score = by_table({"a": low, "b": high})
    assert (await primitive(recorded(["a", "b"]), "?", n=2, verifier=score)).value == "b"
    sync = {"a": low, "b": high}
    value = await primitive(recorded(["a", "b"]), "?", n=2, verifier=lambda *t: sync[str(t[2])])
    assert value.value == "b"


@pytest.mark.parametrize("primitive", BOTH)
async def test_a_score_that_is_missing_is_unsure_and_not_wrong(primitive: Any) -> None:
    score = by_table({"a": math.nan, "b": 0.1, "c": None})
    result = await primitive(recorded(["a", "b", "c"]), "?", n=3, verifier=score)
    assert result.value == "b"
    scores = result.evidence if primitive is best_of else result.evidence.scores
    assert scores.unsure == 2
    none = by_table({"a": math.nan, "b": None, "c": Verdict("unsure", "hm")})
    unknown = await primitive(recorded(["a", "b", "c"]), "?", n=3, verifier=none)
    assert unknown.reason == "the verifier could not say of 3 answers"


@pytest.mark.parametrize("primitive", BOTH)
@pytest.mark.parametrize("bad", [math.inf, "0.9", Result("Paris"), object()])
async def test_what_is_no_score_is_an_error(primitive: Any, bad: Any) -> None:
    with pytest.raises(OptionError, match="a verifier returned"):
        await primitive(recorded(["a"]), "?", n=1, verifier=lambda *_: bad)


async def test_a_negative_weight_is_an_error() -> None:
    with pytest.raises(OptionError, match=r"-0\.5"):
        await weighted_vote(recorded(["a"]), "?", n=1, verifier=lambda *_: -0.5)


async def test_all_zero_is_told() -> None:
    session = recorded(["a", "b"])
    weighted = await weighted_vote(session, "?", n=2, verifier=lambda *_: 0)
    assert weighted.reason == "the verifier gave 0 to all 2 answers"
    best = await best_of(session, "?", n=2, verifier=lambda *_: 0)
    assert (best.value, best.confidence) == ("a", 0.0)
    strict = await best_of(session, "?", n=2, verifier=lambda *_: 0, at_least=0.5)
    assert strict.reason == "the best score is 0, below 0.5"


async def test_a_verifier_that_fails_ends_it() -> None:
    async def score(session: pk.Session, question: str, answer: str) -> float:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await best_of(recorded(["a", "b"]), "?", n=2, verifier=score)


# -- what is paid -----------------------------------------------------------------------------


@pytest.mark.parametrize("primitive", BOTH)
async def test_equal_samples_are_verified_once_and_those_without_answer_never(
    primitive: Any,
) -> None:
    seen: list[str] = []

    async def score(session: pk.Session, question: str, answer: str) -> float:
        seen.append(str(answer))
        return 0.5

    texts = ["4", "none", "4", "5", "4", ""]
    how: dict[str, Any] = {"verifier": score, "extract": answers.number}
    result = await primitive(recorded(texts), "?", n=6, **how)
    assert seen == ["4", "5"]
    assert result.value == 4
    judged = (result.evidence if primitive is best_of else result.evidence.scores).judged
    assert [each.score for each in judged] == [0.5, None, 0.5, 0.5, 0.5, None]
    assert judged[1].reason == "no answer found"


@pytest.mark.parametrize("primitive", BOTH)
async def test_no_judge_is_paid_for_what_a_check_refused(primitive: Any) -> None:
    def model(request: pk.Request) -> str:
        if "proposed answer" in request.text:
            return "yes"
        return ["3 * 4 = 13", "3 * 4 = 12"][request.sample]

    session, scripted = asked(model)
    how: dict[str, Any] = {"checks": [checks.arithmetic], "extract": answers.number}
    result = await primitive(session, "3 * 4?", n=2, **how)
    assert result.value == 12
    judged = [r for r in scripted.requests if "proposed answer" in r.text]
    assert judged
    assert all("= 12" in r.text for r in judged)
    scores = result.evidence if primitive is best_of else result.evidence.scores
    assert scores.judged[0].is_refused
    assert scores.judged[0].reason == "3 * 4 is 12, not 13"


@pytest.mark.parametrize("primitive", BOTH)
async def test_checks_alone_decide_where_there_is_no_verifier(primitive: Any) -> None:
    how: dict[str, Any] = {"verifier": None, "checks": [lambda answer: answer == "b"]}
    result = await primitive(recorded(["a", "b"]), "?", n=2, **how)
    assert (result.value, result.confidence) == ("b", 1.0)
    none = await primitive(recorded(["a", "c"]), "?", n=2, **how)
    assert none.reason == "the checks refused all 2 answers"


async def test_drawing_stops_at_a_score_that_is_enough() -> None:
    texts = [f"{number}" for number in range(100)]
    session, model = asked(lambda r: texts[r.sample])
    how: dict[str, Any] = {"n": 100, "extract": answers.number, "stop_at": 1.0}
    result = await best_of(session, "?", verifier=lambda s, q, a: float(a.value == 11), **how)
    assert (result.value, result.samples, len(model.requests)) == (11, 16, 16)
    late = await best_of(session, "?", verifier=lambda s, q, a: float(a.value == 99), **how)
    assert (late.value, late.samples) == (99, 100)


async def test_what_comes_again_in_a_later_wave_is_not_judged_again() -> None:
    session, model = asked(lambda r: str(r.sample % 3))
    judged: list[int] = []

    def verifier(session: pk.Session, question: Any, answer: Candidate) -> float:
        judged.append(int(answer))
        return 0.1 * int(answer)

    result = await best_of(session, "?", n=20, verifier=verifier, stop_at=0.9)
    assert (result.value, result.samples, len(model.requests)) == ("2", 20, 20)
    assert judged == [0, 1, 2]
    assert [each.score for each in result.evidence.judged] == [0.1 * (i % 3) for i in range(20)]


@pytest.mark.parametrize("primitive", BOTH)
@pytest.mark.parametrize(
    ("bases", "basis"),
    [(("votes", "logprobs"), "votes"), (("", ""), ""), (("", "logprobs"), "logprobs")],
)
async def test_the_basis_is_votes_where_any_score_stands_on_them(
    primitive: Any, bases: tuple[str, str], basis: str
) -> None:
    def verifier(session: pk.Session, question: Any, answer: Candidate) -> Verdict:
        return Verdict("pass", "", 0.9, basis=bases[int(answer)])  # type: ignore[arg-type]

    result = await primitive(recorded(["0", "1"]), "?", n=2, verifier=verifier)
    assert result.basis == basis


async def test_the_default_verifier_is_the_judge_by_log_probabilities() -> None:
    def model(request: pk.Request) -> pk.Response | str:
        if "proposed answer" not in request.text:
            return ["11", "12"][request.sample]
        return sure_of(lambda r: 0.9 if "12" in r.text else 0.2)(request)

    session, scripted = asked(model)
    result = await best_of(session, "3 * 4?", n=2)
    assert (result.value, result.confidence, result.basis) == ("12", pytest.approx(0.9), "logprobs")
    assert len(scripted.requests) == 4


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("primitive", BOTH)
async def test_no_habit_of_the_judge_crashes_it_or_costs_more(primitive: Any, habit: str) -> None:
    def model(request: pk.Request) -> str:
        if "proposed answer" in request.text:
            return HABITS[habit](request)
        return ["11", "12", "12"][request.sample]

    session, scripted = asked(model)
    result = await primitive(session, "3 * 4?", n=3)
    assert len(scripted.requests) <= 3 + 2 * 5
    if habit == "always yes":
        assert result.value == ("11" if primitive is best_of else "12")
    elif habit != "always no":
        assert result.reason == "the verifier could not say of 3 answers"


# -- composition ------------------------------------------------------------------------------


@pytest.mark.parametrize("primitive", BOTH)
async def test_they_take_another_primitive_for_their_samples(primitive: Any) -> None:
    session, model = asked(lambda r: f"Answer: {r.sample}")
    of = partial(chain_of_thought, extract=answers.number)
    how: dict[str, Any] = {"of": of, "extract": answers.number}
    result = await primitive(session, "?", n=3, verifier=lambda s, q, a: a.value / 4, **how)
    assert result.value == 2
    assert sorted(r.sample for r in model.requests) == [0, 1, 2]


async def test_another_primitive_can_be_the_verifier_and_map_takes_both() -> None:
    def model(request: pk.Request) -> str:
        return "yes" if "proposed answer" in request.text else "7"

    session, _ = asked(model)
    strict = partial(verify, rubric="It is a prime number.", votes=1)
    function = partial(best_of, n=2, verifier=strict)
    results = await session.map(pickle.loads(pickle.dumps(function)), ["2 + 5?", "3 + 4?"])
    assert [result.value for result in results] == ["7", "7"]


async def test_example_sets_take_turns_over_the_samples() -> None:
    session, model = asked(lambda r: f"{r.sample}")
    sets = [(("1 + 1?", "2"),), (("2 + 2?", "4"),)]
    result = await weighted_vote(session, "?", n=5, example_sets=sets, verifier=lambda *_: 1)
    by_sample = {r.sample: r.messages[0].text for r in model.requests}
    assert [by_sample[i] for i in range(5)] == ["1 + 1?", "2 + 2?", "1 + 1?", "2 + 2?", "1 + 1?"]
    assert [str(each.text) for each in result.evidence.scores.judged] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("primitive", BOTH)
@pytest.mark.parametrize(
    "bad", [{"n": 0}, {"n": -3}, {"verifier": None}, {"checks": checks.arithmetic}]
)
async def test_bad_arguments_are_refused(primitive: Any, bad: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        await primitive(recorded(["a"]), "?", **{"n": 1, **bad})


async def test_example_sets_stand_alone() -> None:
    with pytest.raises(OptionError, match="example_sets"):
        await weighted_vote(recorded([]), "?", example_sets=[()], examples=(("a", "b"),))


@pytest.mark.parametrize("primitive", BOTH)
async def test_results_are_picklable_and_explain_themselves(primitive: Any) -> None:
    result = await primitive(recorded(["4", "x"]), "?", n=2, verifier=lambda *_: 0.5)
    assert pickle.loads(pickle.dumps(result)) == result
    assert "cores" in result.explain().text
    assert result.steps[0].name == primitive.__name__


# -- what is no probability -------------------------------------------------------------------


@pytest.mark.parametrize("primitive", BOTH)
@pytest.mark.parametrize("nothing", [Result(True, math.nan), Verdict("pass", score=math.nan)])
async def test_a_verifier_that_is_sure_to_a_degree_of_nan_cannot_say(
    primitive: Any, nothing: Any
) -> None:
    score = by_table({"a": nothing, "b": Result(True, 0.9), "c": Result(True, 0.8)})
    result = await primitive(recorded(["a", "b", "c"]), "?", n=3, verifier=score)
    assert result.value == "b"
    assert not math.isnan(result.confidence)
    scores = result.evidence if primitive is best_of else result.evidence.scores
    assert (scores.judged[0].score, scores.unsure) == (None, 1)


@pytest.mark.parametrize("primitive", BOTH)
@pytest.mark.parametrize(
    "bad",
    [
        Result(True, 7.0),
        Result(False, -0.1),
        Result(True, math.inf),
        Result(True, "0.9"),  # type: ignore[arg-type]
        Verdict("pass", score=7.0),
    ],
    ids=repr,
)
async def test_a_probability_that_is_none_is_an_error(primitive: Any, bad: Any) -> None:
    with pytest.raises(OptionError, match="from 0 to 1"):
        await primitive(recorded(["a"]), "?", n=1, verifier=lambda *_: bad)


async def test_scores_that_add_up_to_more_than_a_float_holds_are_weighed() -> None:
    session = recorded(["a", "b", "a"])
    score = by_table({"a": 1e308, "b": 1e308})
    result = await weighted_vote(session, "?", n=3, verifier=score)
    assert (result.value, result.confidence) == ("a", pytest.approx(2 / 3))
    assert result.evidence.weights == (("a", 2.0), ("b", 1.0))
    assert "a" in result.explain().text


@pytest.mark.parametrize("bad", [10**400, Result(10**400)], ids=["number", "result"])
async def test_a_score_beyond_a_float_is_an_error(bad: Any) -> None:
    with pytest.raises(OptionError, match="a verifier returned"):
        await best_of(recorded(["a"]), "?", n=1, verifier=lambda *_: bad)
