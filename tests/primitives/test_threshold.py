from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import promptkit as pk
from promptkit.errors import OptionError
from promptkit.primitives import answers
from promptkit.primitives.cascade import cascade
from promptkit.primitives.threshold import Trial, fit_threshold, threshold_curve
from promptkit.testing import Scripted

trials = st.lists(
    st.builds(
        Trial,
        share=st.integers(0, 10).map(lambda k: k / 10),
        small=st.booleans(),
        large=st.booleans(),
        small_usd=st.just(0.001),
        large_usd=st.just(0.02),
    ),
    min_size=1,
    max_size=30,
)


@given(trials)
def test_a_higher_threshold_escalates_more_and_costs_more(known: list[Trial]) -> None:
    curve = threshold_curve(known)
    assert [p.escalated for p in curve] == sorted(p.escalated for p in curve)
    assert [p.cost_usd for p in curve] == sorted(p.cost_usd for p in curve)
    for point in curve:
        assert point.cost_usd == pytest.approx(0.001 + 0.02 * point.escalated)
        assert point.interval[0] - 1e-9 <= point.accuracy <= point.interval[1] + 1e-9


@given(trials, st.floats(0, 1))
def test_the_fit_is_the_cheapest_that_is_right_often_enough(
    known: list[Trial], accuracy: float
) -> None:
    fit = fit_threshold(known, accuracy=accuracy)
    fitting = [p for p in fit.curve if p.accuracy >= accuracy]
    if fitting:
        assert fit.chosen.escalated == min(p.escalated for p in fitting)
        assert fit.chosen.accuracy >= accuracy
    else:
        assert fit.chosen.accuracy == max(p.accuracy for p in fit.curve)
        assert "no threshold reaches" in fit.notes[0]


def test_a_budget_and_a_share_choose_the_most_accurate_within_them() -> None:
    known = [Trial(share=k / 10, small=k > 5, large=True, large_usd=1.0) for k in range(1, 11)]
    assert fit_threshold(known, budget_usd=0.3).chosen.escalated == 0.3
    assert fit_threshold(known, escalated=0.5).chosen.accuracy == 1.0
    assert fit_threshold(known, escalated=1.0).chosen.escalated == 0.5, "no more than it needs"


def test_few_examples_are_said_to_be_few() -> None:
    few = [Trial(share=1.0, small=True, large=True)] * 20
    assert "20 examples are few" in str(fit_threshold(few, accuracy=0.9))
    assert not fit_threshold(few * 50, accuracy=0.9).notes


@pytest.mark.parametrize(("number", "are_few"), [(34, True), (35, False)])
def test_examples_are_few_where_the_accuracy_is_known_to_5_points_or_worse(
    *, number: int, are_few: bool
) -> None:
    """Of so many that are all right, Wilson's interval begins at n / (n + 3.84)."""
    fit = fit_threshold([Trial(share=1.0, small=True, large=True)] * number, accuracy=0.5)
    assert any("are few" in note for note in fit.notes) is are_few


def test_an_aim_inside_the_interval_may_be_missed_and_one_below_it_is_not_told_so() -> None:
    known = [Trial(share=1.0, small=k < 80, large=True) for k in range(100)]
    low, _ = fit_threshold(known, accuracy=0.5).chosen.interval

    def is_warned(accuracy: float) -> bool:
        notes = fit_threshold(known, accuracy=accuracy).notes
        return any("inside the interval" in note for note in notes)

    assert [is_warned(each) for each in (low - 0.01, low, low + 1e-6, 0.8)] == [
        False,
        False,
        True,
        True,
    ]
    assert not any("inside" in note for note in fit_threshold(known, accuracy=0.81).notes)
    all_right = [Trial(share=1.0, small=True, large=True)] * 100
    assert fit_threshold(all_right, accuracy=1.0).notes == (
        "100% lies inside the interval: other examples may miss it",
    )


def test_the_explanation_marks_the_chosen_threshold() -> None:
    known = [Trial(share=k / 10, small=k > 5, large=True) for k in range(1, 11)]
    *_, table = fit_threshold(known, accuracy=0.7).sections()
    assert [row[0] for row in table.rows if "←" in row[0]] == ["0.30 ←"]


def test_what_the_curve_says_the_cascade_does() -> None:
    """The same examples, once counted here and once asked for."""
    small = {f"q{k}": ["1"] * k + [str(i + 2) for i in range(10 - k)] for k in range(1, 11)}
    small["q0"] = ["-"] * 10
    known = [
        Trial(share=k / 10, small=k % 2 == 0 and k > 0, large=k % 3 == 0) for k in range(11)
    ]  # small is right on even, large on multiples of 3
    model = Scripted(lambda r: small[r.messages[-1].text][r.sample] if r.model == "small" else "9")
    for point in threshold_curve(known):
        right = escalated = 0
        for k, question in enumerate(f"q{k}" for k in range(11)):
            asked = cascade(
                pk.connect(transport=model),
                question,
                models=("small", "large"),
                n=(10, 1),
                accept_at=point.accept_at,
                extract=answers.number,
                instruction="",
            )
            result = pk.run(asked)
            is_large = result.evidence.model == "large"
            assert result.value == (9 if is_large else 1)
            escalated += is_large
            right += known[k].large if is_large else known[k].small
        assert (right / 11, escalated / 11) == (point.accuracy, point.escalated)


@pytest.mark.parametrize("aims", [{}, {"accuracy": 0.9, "budget_usd": 1.0}, {"accuracy": -1}])
def test_a_fit_has_one_aim(aims: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=r"aims|accuracy"):
        fit_threshold([Trial(share=1.0, small=True, large=True)], **aims)


@pytest.mark.parametrize("bad", [[], [Trial(share=1.5, small=True, large=True)]])
def test_a_curve_needs_trials_with_shares(bad: list[Trial]) -> None:
    with pytest.raises(OptionError, match="trials"):
        threshold_curve(bad)


def test_money_is_written_as_readouts_write_it() -> None:
    known = [Trial(share=k / 10, small=True, large=True, small_usd=12.5) for k in range(1, 11)]
    fit = fit_threshold(known, accuracy=0.7)
    assert "$12.50 each" in str(fit)
    *_, table = fit.sections()
    assert {row[-1] for row in table.rows} == {"$12.50"}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, "1"])
def test_a_cost_is_an_amount(bad: float) -> None:
    with pytest.raises(OptionError, match=r"trials\[0\].large_usd"):
        threshold_curve([Trial(share=1.0, small=True, large=True, large_usd=bad)])
