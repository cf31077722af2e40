"""The stopping rules of adaptive consistency."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

import promptkit as pk
from promptkit.primitives import answers, vote
from promptkit.primitives.adaptive import (
    SURE,
    StopRule,
    leader_probability,
    majority_probability,
    next_wave,
)
from promptkit.testing import Scripted

rules: st.SearchStrategy[StopRule] = st.sampled_from(["beta", "dirichlet"])
ranked = st.lists(st.integers(1, 30), min_size=1, max_size=6).map(lambda c: sorted(c, reverse=True))


def counts(found: list[str | None]) -> list[int]:
    return [count for _, count in Counter(a for a in found if a is not None).most_common()]


@given(st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=30), rules)
def test_waves_draw_as_many_samples_as_one_after_the_other(
    drawn: list[str | None], rule: StopRule
) -> None:
    """The waves stop at the first sample at which the paper's rule, tried after each, stops."""
    one_by_one = len(drawn)
    for number in range(1, len(drawn) + 1):
        if leader_probability(counts(drawn[:number]), rule) > SURE:
            one_by_one = number
            break
    taken = 0
    while taken < len(drawn):
        wave = next_wave(counts(drawn[:taken]), SURE, len(drawn) - taken, rule)
        if wave == 0:
            break
        taken += wave
    assert taken == one_by_one


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_beta_probability_is_the_papers(first: int, second: int) -> None:
    expected = 1 - beta.cdf(0.5, first + 1, second + 1)
    assert majority_probability(first, second) == pytest.approx(expected)


@pytest.mark.parametrize(
    "seen", [[4, 1, 1], [10, 8, 1], [3, 3, 3], [1, 1, 1, 1, 1], [30, 20, 9, 2]]
)
def test_the_dirichlet_probability_is_that_of_the_largest_share(seen: list[int]) -> None:
    shares = np.random.default_rng(7).dirichlet([count + 1 for count in seen], 400_000)
    expected = float((shares.argmax(axis=1) == 0).mean())
    assert leader_probability(seen, "dirichlet") == pytest.approx(expected, abs=0.004)


@given(ranked)
def test_more_answers_never_make_the_leader_surer(seen: list[int]) -> None:
    beta_only = leader_probability(seen, "beta")
    assert 0 <= leader_probability(seen, "dirichlet") <= beta_only + 1e-9
    assert leader_probability(seen[:2], "dirichlet") == pytest.approx(beta_only)


@given(ranked)
def test_the_quadrature_keeps_its_promise(seen: list[int]) -> None:
    """Over all answers as the leader in turn, the probabilities sum to one."""
    top = seen[:5]
    if len(top) < 3:
        return
    orders = [[top[place], *top[:place], *top[place + 1 :]] for place in range(len(top))]
    total = sum(leader_probability(order, "dirichlet") for order in orders)
    assert total == pytest.approx(1, abs=1e-8)


async def test_the_dirichlet_rule_draws_more_where_a_third_answer_is_close() -> None:
    texts = ["a", "b", "c", "a", "a", "b", "c", "a", "a", "a", *["a"] * 30]
    session = pk.connect(transport=Scripted(lambda r: texts[r.sample]), model="m")
    how = {"n": 40, "extract": answers.last_line}
    by_beta = await vote(session, "?", **how)
    by_dirichlet = await vote(session, "?", stop_rule="dirichlet", **how)
    assert by_beta.value == by_dirichlet.value == "a"
    assert by_beta.samples < by_dirichlet.samples < 40


def test_a_hostile_number_of_different_answers_takes_no_longer() -> None:
    assert next_wave([1] * 5000, SURE, 1000, "dirichlet") > 0
