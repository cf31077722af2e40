from __future__ import annotations

import itertools
import math
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.errors import OptionError
from promptkit.explanation import Graph, Paragraph
from promptkit.primitives import solve_beliefs
from promptkit.primitives.solve_beliefs import Belief, Link, reconcile, weight_of

probability = st.one_of(st.none(), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), st.floats(0, 1))
belief = st.tuples(probability, probability, st.booleans())
NAMES = ["Q", "QF0", "QT0", "QT1", "QT1F0", "z", "ä", "7"]


@st.composite
def instances(draw: st.DrawFn) -> tuple[dict[str, Belief], list[Link]]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=8, unique=True))
    link = st.tuples(
        st.sampled_from(names),
        st.sampled_from(["entails", "contradicts"]),
        st.sampled_from(names),
        st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 3)),
    )
    beliefs = {name: draw(belief) for name in names}
    links: list[Link] = draw(st.lists(link, max_size=20))  # type: ignore[arg-type]
    return beliefs, links


def kept_weight(beliefs: dict[str, Belief], links: list[Link], values: dict[str, bool]) -> float:
    """The weight that an assignment satisfies, straight from the definition."""
    total = 0.0
    for name, (p, q, is_integral) in beliefs.items():
        if is_integral and p is not None and q is not None and p + q > 0:
            weight = (p - q) / (p + q)
            total += abs(weight) if values[name] == (weight > 0) else 0.0
    for one, kind, other, weight in links:
        assert isinstance(one, str)
        wanted = values[other] == (kind == "entails")
        total += weight if not values[one] or wanted else 0.0
    return total


@given(instances())
def test_it_keeps_as_much_weight_as_brute_force_finds(
    instance: tuple[dict[str, Belief], list[Link]],
) -> None:
    beliefs, links = instance
    every = (
        dict(zip(beliefs, values, strict=True))
        for values in itertools.product((True, False), repeat=len(beliefs))
    )
    most = max(kept_weight(beliefs, links, values) for values in every)
    found = solve_beliefs(beliefs, links)
    assert list(found) == list(beliefs)
    assert kept_weight(beliefs, links, found) == pytest.approx(most, abs=1e-7)
    assert reconcile(beliefs, links).kept_weight == pytest.approx(most, abs=1e-7)


@given(instances(), st.randoms(use_true_random=False))
def test_the_order_of_the_arguments_makes_no_difference(
    instance: tuple[dict[str, Belief], list[Link]], rng: random.Random
) -> None:
    beliefs, links = instance
    names, shuffled = list(beliefs), list(links)
    rng.shuffle(names)
    rng.shuffle(shuffled)
    again = solve_beliefs({name: beliefs[name] for name in names}, shuffled)
    assert again == solve_beliefs(beliefs, links)


@given(st.dictionaries(st.sampled_from(NAMES), belief, min_size=1))
def test_without_relations_everything_is_as_believed(beliefs: dict[str, Belief]) -> None:
    found = solve_beliefs(beliefs, [])
    for name, (p, q, _) in beliefs.items():
        assert found[name] == (p is None or q is None or p >= q)


def test_a_tie_goes_by_the_names_each_as_it_was_believed() -> None:
    weak: Belief = (0.4, 0.3, False)
    both: list[Link] = [("b", "contradicts", "a", 1.0)]
    assert solve_beliefs({"b": weak, "a": weak}, both) == {"b": False, "a": True}
    doubted: Belief = (0.3, 0.4, False)
    assert solve_beliefs({"b": weak, "a": doubted}, both) == {"b": True, "a": False}
    # What is believed by weight comes before what comes first.
    strong: Belief = (0.9, 0.1, True)
    assert solve_beliefs({"b": strong, "a": weak}, both) == {"b": True, "a": False}


def test_weights_are_the_margin_over_the_sum_and_a_relation_may_overrule_a_belief() -> None:
    beliefs: dict[str, Belief] = {"a": (0.9, 0.1, True), "b": (0.3, 0.6, True)}
    found = reconcile(beliefs, [("a", "entails", "b", 0.5)])
    assert found.values == {"a": True, "b": True}
    assert found.kept_weight == pytest.approx(0.8 + 0.5)
    assert [(d.name, d.kind) for d in found.broken] == [("b", "false")]
    assert found.broken_weight == pytest.approx(1 / 3)
    assert reconcile(beliefs, [("a", "entails", "b", 0.3)]).values == {"a": True, "b": False}


def test_only_integral_beliefs_weigh() -> None:
    relation: list[Link] = [("a", "contradicts", "b", 0.1)]
    weighs = solve_beliefs({"a": (0.5, 0.4, False), "b": (0.9, 0.1, True)}, relation)
    assert weighs == {"a": False, "b": True}
    assert [d.name for d in reconcile({"a": (0.9, 0.1, False)}, []).demands] == []


def test_relations_to_itself_equal_ones_and_zero_weights() -> None:
    sure: dict[str, Belief] = {"a": (0.9, 0.1, True)}
    assert solve_beliefs(sure, [("a", "entails", "a", 9.0)]) == {"a": True}
    assert solve_beliefs(sure, [("a", "contradicts", "a", 0.7)]) == {"a": True}
    assert solve_beliefs(sure, [("a", "contradicts", "a", 0.9)]) == {"a": False}
    assert solve_beliefs(sure, [("a", "contradicts", "a", 0.45)] * 2) == {"a": False}
    assert solve_beliefs(sure, [("a", "contradicts", "a", 0.0)] * 9) == {"a": True}


def test_probabilities_that_are_missing_or_zero_weigh_nothing() -> None:
    for p, q in ((None, None), (None, 0.9), (0.1, None), (0.0, 0.0)):
        assert weight_of("a", (p, q, True)) == 0
        assert solve_beliefs({"a": (p, q, True)}, []) == {"a": True}


def test_nothing_to_solve_is_solved() -> None:
    assert solve_beliefs({}, []) == {}


@pytest.mark.parametrize("limit", [0, -1, math.nan])
def test_a_time_limit_is_above_zero(limit: float) -> None:
    with pytest.raises(OptionError, match="seconds above 0"):
        solve_beliefs({}, [], time_limit_s=limit)


@pytest.mark.parametrize(
    ("beliefs", "relations", "message"),
    [
        ({"rain": (0.9, 0.1, True)}, [("rian", "entails", "rain", 1.0)], "did you mean 'rain'"),
        ({"a": (0.9, 0.1, True)}, [("a", "entails", "b", 1.0)], "no belief"),
        ({"a": (0.9, 0.1, True)}, [("a", "implies", "a", 1.0)], "entails"),
        ({"a": (0.9, 0.1, True)}, [("a", "entails", "a", -1.0)], "from 0 on"),
        ({"a": (0.9, 0.1, True)}, [("a", "entails", "a", math.nan)], "from 0 on"),
        ({"a": (0.9, 0.1, True)}, [("a", "entails", "a", math.inf)], "from 0 on"),
        ({"a": (0.9, 0.1, True)}, [("a", "entails", "a", "1,0")], "from 0 on"),
        ({"a": (0.9, 0.1, True)}, [("a", "entails", "a")], "it is"),
        ({"a": (0.9, 0.1, True)}, [((), "entails", "a", 1.0)], "entails"),
        ({"a": (-0.1, 0.1, True)}, [], "from 0 to 1"),
        ({"a": (0.9, math.nan, True)}, [], "from 0 to 1"),
        ({"a": (1.2, 0.1, True)}, [], "from 0 to 1"),
        ({"a": ("much", 0.1, True)}, [], "from 0 to 1"),
        ({"a": 0.9}, [], "the belief 'a'"),
    ],
)
def test_what_makes_no_sense_is_told(beliefs: object, relations: object, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        solve_beliefs(beliefs, relations)  # type: ignore[arg-type]


def test_several_premises_are_taken_together() -> None:
    beliefs: dict[str, Belief] = {
        "a": (0.9, 0.1, True),
        "b": (0.9, 0.1, True),
        "c": (0.4, 0.6, True),
    }
    together: list[Link] = [(("a", "b"), "entails", "c", 1.0)]
    assert solve_beliefs(beliefs, together)["c"]
    beliefs["b"] = (0.1, 0.9, True)
    assert not solve_beliefs(beliefs, together)["c"]


def test_what_is_given_stays_and_the_rest_gives_way() -> None:
    beliefs: dict[str, Belief] = {"a": (1.0, 0.0, True), "b": (0.6, 0.4, True)}
    links: list[Link] = [("a", "contradicts", "b", 5.0)]
    assert reconcile(beliefs, links).values == {"a": True, "b": False}
    assert reconcile(beliefs, links, given={"b": True}).values == {"a": False, "b": True}
    with pytest.raises(OptionError):
        reconcile(beliefs, links, given={"c": True})


def test_huge_and_tiny_weights_stand_side_by_side() -> None:
    beliefs: dict[str, Belief] = {"a": (0.9, 0.1, True), "b": (0.9, 0.1, True)}
    assert solve_beliefs(beliefs, [("a", "contradicts", "b", 1e300)]) == {"a": True, "b": False}
    assert solve_beliefs(beliefs, [("a", "contradicts", "b", 1e-300)]) == {"a": True, "b": True}


def test_two_hundred_beliefs_that_all_have_to_do_with_each_other_end_in_time() -> None:
    rng = random.Random(7)
    names = [f"n{i}" for i in range(200)]
    beliefs: dict[str, Belief] = {name: (rng.random(), rng.random(), True) for name in names}
    links: list[Link] = [
        (one, rng.choice(["entails", "contradicts"]), other, 1.0)
        for one, other in itertools.permutations(names, 2)
        if rng.random() < 0.1
    ]
    found = reconcile(beliefs, links, time_limit_s=1.0)
    kept = kept_weight(beliefs, links, dict(found.values))
    assert found.kept_weight == pytest.approx(kept)
    for value in (True, False):
        assert kept >= kept_weight(beliefs, links, dict.fromkeys(names, value)) - 1e-6
    assert not found.is_settled
    assert "ran out" in found.summary().text


def test_two_hundred_beliefs_in_a_chain_are_solved_exactly() -> None:
    names = [f"n{i:03}" for i in range(200)]
    beliefs: dict[str, Belief] = dict.fromkeys(names, (0.5, 0.5, False))
    beliefs[names[0]] = (0.9, 0.1, True)
    links: list[Link] = [(a, "entails", b, 1.0) for a, b in itertools.pairwise(names)]
    assert all(solve_beliefs(beliefs, links, time_limit_s=120).values())
    beliefs[names[-1]] = (0.05, 0.95, True)
    found = reconcile(beliefs, links, time_limit_s=120)
    assert found.is_proven
    assert found.broken_weight == pytest.approx(0.8)  # the first gives way: the least
    assert not any(found.values.values())


def test_the_explanation_shows_kept_and_broken_clauses() -> None:
    beliefs: dict[str, Belief] = {"a": (0.9, 0.1, True), "b": (0.2, 0.8, True)}
    found = reconcile(beliefs, [("a", "entails", "b", 0.5), ("b", "entails", "a", 1.0)])
    graph, summary = found.sections()
    assert isinstance(graph, Graph)
    assert isinstance(summary, Paragraph)
    assert [(n.id, n.mood) for n in graph.nodes] == [("a", "true"), ("b", "false")]
    assert [(e.source, e.target, e.is_kept) for e in graph.edges] == [
        ("a", "b", False),
        ("b", "a", True),
    ]
    assert "2.40 of 2.90 is kept" in summary.text
    assert "Broken: a entails b (0.50)" in summary.text
    assert found.graph({"a": "It rains."}).nodes[0].text == "It rains."
    assert pickle.loads(pickle.dumps(found)) == found
