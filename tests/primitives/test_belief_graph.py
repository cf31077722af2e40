"""Of a graph of beliefs, what is drawn implies all that is kept, and what is broken is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from promptkit.explanation import Edge
from promptkit.primitives.belief_graph import MOST_RELATIONS, drawn_relations
from promptkit.primitives.solve_beliefs import Demand

NAMES = "abcdef"
DEMANDS = st.builds(
    Demand,
    st.tuples(st.sampled_from(NAMES)),
    st.sampled_from(["entails", "contradicts"]),
    st.sampled_from(NAMES),
    st.just(1.0),
    st.booleans(),
)


def told(edges: Sequence[Edge]) -> set[tuple[str, str, str]]:
    """The relations that kept arrows stand for, one for each head."""
    ways = set()
    for edge in edges:
        if edge.is_kept:
            kind = edge.label[:6]
            ways.add((edge.source, kind, edge.target))
            if edge.is_mutual:
                ways.add((edge.target, kind, edge.source))
    return ways


def closed(ways: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """All that follows: by passing on, and for both sides of a contradiction."""
    known = ways | {(name, "entail", name) for name in NAMES}
    while True:
        new = {(b, k, a) for a, k, b in known if k == "contra"}
        new |= {(a, k, c) for a, e, b in known if e == "entail" for x, k, c in known if x == b}
        if new <= known:
            return known
        known |= new


@given(st.lists(DEMANDS, max_size=25))
def test_what_is_drawn_implies_all_that_is_kept_and_no_more(demands: list[Demand]) -> None:
    edges, _ = drawn_relations(demands)
    kept = {(d.premises[0], d.kind[:6], d.name) for d in demands if d.is_kept}
    assert closed(told(edges)) == closed(kept)
    assert told(edges) <= kept


@given(st.lists(DEMANDS, max_size=25))
def test_what_is_broken_is_drawn(demands: list[Demand]) -> None:
    edges, _ = drawn_relations(demands)
    for each in demands:
        if not each.is_kept:
            ends = {each.premises[0], each.name}
            assert any({e.source, e.target} == ends and not e.is_kept for e in edges)


def test_six_that_agree_and_contradict_are_six_arrows() -> None:
    kinds = {
        (x, y): "entails" if (x < "d") == (y < "d") else "contradicts" for x in NAMES for y in NAMES
    }
    demands = [Demand((x,), kinds[x, y], y, 1.0) for x, y in permutations(NAMES, 2)]  # type: ignore[arg-type]
    edges, left_out = drawn_relations(demands)
    assert [(e.source, e.target, e.label) for e in edges] == [
        ("b", "a", "entail each other (2)"),
        ("c", "a", "entail each other (2)"),
        ("d", "a", "contradict each other (2)"),
        ("e", "d", "entail each other (2)"),
        ("f", "d", "entail each other (2)"),
    ]
    assert left_out == 20


def test_of_very_many_relations_all_are_drawn() -> None:
    names = [f"b{i}" for i in range(MOST_RELATIONS + 2)]
    demands = [Demand((x,), "entails", y, 1.0) for x, y in pairwise(names)]
    demands.append(Demand(("b0",), "entails", "b2", 1.0))
    edges, left_out = drawn_relations(demands)
    assert (len(edges), left_out) == (len(demands), 0)


def test_what_several_entail_together_is_drawn_from_each() -> None:
    edges, left_out = drawn_relations([Demand(("a", "b"), "entails", "c", 0.5)])
    assert edges == (Edge("a", "c", "entails (0.5)"), Edge("b", "c", "entails (0.5)"))
    assert left_out == 0
