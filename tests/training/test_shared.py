"""The rules that keep the training figures honest."""

from __future__ import annotations

import random

import numpy as np
from training.grammar import drawn, texts
from training.shared import (
    Example,
    auroc,
    auroc_interval,
    clusters,
    folds,
    key,
    out_of_fold,
    platt,
    threshold_for,
    unique,
    without,
)

LONG = "the quick brown fox jumps over the lazy dog and runs into the dark wood at night "


def test_texts_that_share_their_wording_are_one_cluster():
    found = clusters([LONG, LONG + "again", "an altogether different text of seven words"])
    assert found[0] == found[1] != found[2]


def test_a_group_is_never_split_between_folds():
    groups = [f"g{index % 7}" for index in range(50)]
    fold = folds(groups, 3)
    for group in set(groups):
        assert len({int(fold[i]) for i, one in enumerate(groups) if one == group}) == 1


def test_no_row_is_scored_by_a_fit_that_saw_it():
    fold = folds(list(range(20)), 4)

    def fit(train, rest):
        assert not set(train) & set(rest)
        return np.array(rest, float)

    assert out_of_fold(fold, fit).tolist() == list(range(20))


def test_later_texts_of_the_same_beginning_are_dropped():
    first, twin, other = Example("A  b", 1, "x"), Example("a B", 0, "y"), Example("c", 0, "y")
    assert unique([first, twin, other]) == [first, other]
    assert without([twin, other], [first]) == [other]
    assert len(key("x" * 300)) == 200


def test_calibration_recovers_the_slope_that_made_the_labels():
    draw = np.random.default_rng(0)
    logits = draw.normal(size=20_000)
    labels = draw.random(20_000) < 1 / (1 + np.exp(-(2 * logits - 1)))
    slope, offset = platt(logits, labels)
    assert abs(slope - 2) < 0.1
    assert abs(offset + 1) < 0.1


def test_at_most_the_allowed_share_reaches_the_threshold():
    scores = np.array([0.1, 0.5, 0.5, 0.9, 0.2])
    assert (scores >= threshold_for(scores, 0.2)).mean() <= 0.2
    assert (scores >= threshold_for(scores, 0.0)).mean() == 0.0


def test_the_interval_holds_the_area():
    labels, scores = [0, 0, 0, 1, 1, 1], [0.1, 0.4, 0.35, 0.8, 0.3, 0.7]
    low, high = auroc_interval(labels, scores, draws=200)
    assert low <= auroc(labels, scores) <= high


def test_choices_may_hold_choices_and_fillers():
    draw = random.Random(1)
    found = {drawn("{a|{b|c} <thing>}", {"thing": ["x", "y"]}, draw) for _ in range(200)}
    assert found == {"a", "b x", "b y", "c x", "c y"}


def test_a_template_gives_the_same_texts_each_time():
    assert texts("{a|b|c} {d|e}", {}, 4) == texts("{a|b|c} {d|e}", {}, 4)
