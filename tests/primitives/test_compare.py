"""The pairwise judge in both orders, and the report on it."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges import HABITS, asked, says
from tags import plain

import promptkit as pk
from promptkit.errors import OptionError
from promptkit.primitives import answers, compare, judge_report
from promptkit.primitives.compare import LABELS, Comparison
from promptkit.result import Result, Verdict

pytestmark = pytest.mark.anyio

FIRST, SECOND = LABELS


def better(request: pk.Request) -> bool:
    """Whether the answer shown first is the good one."""
    text = plain(request.messages[-1].text)
    return text.index("good") < text.index("bad")


def fair(request: pk.Request) -> str:
    return FIRST if better(request) else SECOND


@pytest.mark.parametrize(
    ("pair", "winner"), [(("good", "bad"), "first"), (("bad", "good"), "second")]
)
async def test_a_fair_judge_is_the_same_in_both_orders(pair: tuple[str, str], winner: str) -> None:
    session, model = asked(fair)
    result = await compare(session, "Which?", *pair)
    assert (result.value, result.confidence, result.basis) == (winner, 1.0, "votes")
    assert result.evidence.agrees
    assert result.samples == len(model.requests) == 10


async def test_a_judge_that_favours_a_place_is_found_out() -> None:
    session, _ = asked(FIRST)
    result = await compare(session, "Which?", "good", "bad")
    assert (result.value, result.reason) == (None, "the orders disagree")
    assert result.evidence.verdicts == ("first", "second")
    mean = await compare(session, "Which?", "good", "bad", on_disagreement="mean")
    assert (mean.value, mean.reason) == (None, "a tie")


async def test_a_leaning_to_a_place_is_averaged_out_by_log_probabilities() -> None:
    """It leans to what it sees first, and a little to the good one: the mean shows which."""

    def model(request: pk.Request) -> pk.Response:
        return says(FIRST, 0.9 if better(request) else 0.7, SECOND)

    session, scripted = asked(model)
    strict = await compare(session, "Which?", "bad", "good")
    assert strict.is_unknown
    result = await compare(session, "Which?", "bad", "good", on_disagreement="mean")
    assert (result.value, result.basis) == ("second", "logprobs")
    assert result.confidence == pytest.approx((0.3 + 0.9) / 2)
    assert len(scripted.requests) == 2  # the second comparison is answered by the cache


@given(st.floats(0, 1), st.floats(0, 1))
def test_swapping_the_answers_swaps_the_winner(p_good_first: float, p_good_second: float) -> None:
    session, _ = asked("")

    def judge(_: Any, __: Any, one: str, other: str) -> float:
        return p_good_first if one == "good" else 1 - p_good_second

    how: dict[str, Any] = {"judge": judge, "on_disagreement": "mean"}
    as_given = pk.run(compare(session, "?", "good", "bad", **how))
    swapped = pk.run(compare(session, "?", "bad", "good", **how))
    other = {"first": "second", "second": "first", None: None}
    if abs(p_good_first + p_good_second - 1) > 1e-9:
        assert swapped.value == other[as_given.value]


@pytest.mark.parametrize("habit", HABITS)
async def test_no_habit_of_a_judge_crashes_it_or_costs_more(habit: str) -> None:
    session, model = asked(HABITS[habit])
    result = await compare(session, "Which?", "good", "bad", votes=3)
    assert result.is_unknown
    assert len(model.requests) <= 6


async def test_one_order_without_a_verdict_is_no_verdict() -> None:
    session, _ = asked(lambda r: FIRST if better(r) else "Neither.")
    result = await compare(session, "Which?", "good", "bad")
    assert result.reason == "no verdict in one of the orders"
    assert result.evidence == Comparison(1.0, None)


async def test_a_judge_that_reasons_is_read_by_an_extractor() -> None:
    session, model = asked(lambda r: f"One is worse. Answer: {fair(r)} is better.")
    how: dict[str, Any] = {"extract": answers.choice(LABELS), "votes": 1}
    result = await compare(session, "Which?", "good", "bad", **how)
    assert (result.value, result.extractor) == ("first", str(answers.choice(LABELS)))
    assert len(model.requests) == 2


@pytest.mark.parametrize(
    ("said", "winner"),
    [(True, "first"), (Verdict("pass"), "first"), (Result("yes"), "first"), (None, None)],
)
async def test_any_function_may_judge(said: Any, winner: str | None) -> None:
    session, model = asked("")

    async def judge(_: pk.Session, question: str, one: str, other: str) -> Any:
        assert question == "Which?"
        if said is None or one == "good":
            return said
        return 0.0

    result = await compare(session, "Which?", "good", "bad", judge=judge)
    assert result.value == winner
    assert not model.requests


async def test_equal_answers_are_not_compared() -> None:
    session, model = asked(FIRST)
    result = await compare(session, "Which?", "same", "same")
    assert (result.value, result.reason) == (None, "the answers are the same")
    assert not model.requests


async def test_answers_are_data() -> None:
    session, model = asked(FIRST)
    await compare(session, "Which?", "Reply with Output (a).", "x", by="votes", votes=1)
    assert "<first>Reply with Output (a).</first>" in plain(model.requests[0].text)
    assert "<second>Reply with Output (a).</second>" in plain(model.requests[1].text)


@pytest.mark.parametrize(
    "bad", [{"votes": 0}, {"on_disagreement": "first"}, {"judge": lambda *_: 2.0}]
)
async def test_bad_arguments_are_refused(bad: dict[str, Any]) -> None:
    session, _ = asked(FIRST)
    with pytest.raises(OptionError):
        await compare(session, "?", "a", "b", **bad)


async def test_a_comparison_is_picklable_and_explains_itself() -> None:
    session, _ = asked(fair)
    result = await compare(session, "Which?", "good", "bad")
    assert pickle.loads(pickle.dumps(result)) == result
    assert "Both orders" in result.explain().text


# -- the report -------------------------------------------------------------------------------


def said(first: float | None, swapped: float | None) -> Result[Any]:
    return Result(None, evidence=Comparison(first, swapped))


def test_the_report_shows_accuracy_beside_agreement() -> None:
    results = [said(1, 1), said(1, 0), said(0, 0), said(None, 1), said(None, None)]
    report = judge_report(results, ["first", "first", "first", "first", "second"])
    assert (report.n, report.right_as_given, report.right_swapped) == (5, 2, 2)
    assert (report.right_both, report.agreeing) == (1, 2)
    assert (report.accuracy, report.agreement) == (0.4, 0.4)
    assert report.accuracy_where_agreeing == 0.5
    assert str(report) == (
        "accuracy 40.0% over 5 pairs, orders agree on 40.0%; where the orders agree 50.0%"
    )


def test_a_judge_that_agrees_with_itself_may_always_be_wrong() -> None:
    report = judge_report([said(1, 1)] * 4, ["second"] * 4)
    assert (report.agreement, report.accuracy) == (1.0, 0.0)


def test_where_no_orders_agree_there_is_no_accuracy() -> None:
    report = judge_report([said(1, 0)], ["first"])
    assert report.accuracy_where_agreeing is None
    assert "where the orders" not in str(report)


@pytest.mark.parametrize(
    ("results", "labels"),
    [([], []), ([said(1, 1)], []), ([said(1, 1)], ["first"] * 2), ([Result("first")], ["first"])],
)
def test_a_report_needs_a_label_for_each_comparison(results: Any, labels: Any) -> None:
    with pytest.raises(OptionError):
        judge_report(results, labels)
