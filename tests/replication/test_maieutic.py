"""Maieutic trees that text-davinci-001 once grew for Com2Sense, reconciled by `maieutic`.

Jung et al. 2022 (arXiv:2205.11822) released statements, negations, beliefs and structure of 782
trees, but not what their entailment classifier said of the pairs. So the paper's own figure cannot
be replayed; what can are the model's belief in the statement alone, and MAX-SAT on the structure.

Of the 782 trees, three were pruned away whole and 301 are a single statement. As in the reference
code, what is neither believed nor disbelieved counts as true.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import pytest

import promptkit as pk
from promptkit import primitives as p
from promptkit.primitives.solve_beliefs import Belief, Link, reconcile, weight_of
from promptkit.response import Alternative, Choice, Response, TokenLogprob
from promptkit.testing import Scripted

from .recorded import Row, load, per_cent

pytestmark = pytest.mark.anyio

Tree = dict[str, Any]

NEVER: Final = -1e9
"""The logarithm of no probability."""


def trees() -> list[Tree]:
    """Return the recorded trees."""
    found: list[Tree] = load("reliability/maieutic/Com2Sense.dev.trees.jsonl.gz")
    return found


def reasoner(tree: Tree) -> Scripted:
    """Answer from a tree. Each statement begins with its id, so that equal texts are told apart."""
    nodes = {node["id"]: node for node in tree["tree"]}
    nothing = dict.fromkeys(("E", "E_tilde"), "Nothing.") | dict.fromkeys(
        ("p_true_E", "p_true_E_tilde")
    )

    def answer(request: pk.Request) -> str | Response:
        asked = request.messages[-1].text
        found = re.search(r"\[(not )?([QTF\d]+)\]", asked)
        assert found
        node = nodes.get(found[2], nothing)
        if "Write the negation" in asked:
            return f"[not {found[2]}] {node['E_tilde']}"
        if "true or false" in asked:
            return told(node["p_true_E_tilde" if found[1] else "p_true_E"])
        child = f"{found[2]}{'T' if 'it is true' in asked else 'F'}{request.sample}"
        return f"[{child}] {nodes[child]['E']}" if child in nodes else ""

    return Scripted(answer)


def told(probability: float | None) -> str | Response:
    """Return what a model that reports log-probabilities says of a statement."""
    if probability is None:
        return "It depends."
    shares = (("true", probability), ("false", 1 - probability))
    top = [Alternative(word, math.log(p) if p > 0 else NEVER) for word, p in shares]
    likeliest = max(top, key=lambda each: each.logprob)
    token = TokenLogprob(likeliest.token, likeliest.logprob, tuple(top))
    return Response(choices=(Choice(likeliest.token, "stop", (token,)),))


async def replayed(tree: Tree, **how: Any) -> pk.Result[bool]:
    """Ask the primitive about a statement."""
    session = pk.connect(transport=reasoner(tree), model="text-davinci-001", cache=None)
    result: pk.Result[bool] = await p.maieutic(session, f"[Q] {tree['Q']}", **how)
    return result


def right(value: bool | None, tree: Tree) -> bool:  # noqa: FBT001
    """Whether a value is the gold label; what is unknown counts as true."""
    return (True if value is None else value) == tree["A"]


def beliefs(tree: Tree) -> dict[str, Belief]:
    """Return the beliefs of a tree as `solve_beliefs` takes them."""
    return {
        node["id"]: (node["p_true_E"], node["p_true_E_tilde"], node["integral"])
        for node in tree["tree"]
    }


def structure(tree: Tree) -> list[Link]:
    """Return the relations by which a tree was grown."""
    return [
        (node["id"], "entails" if node["id"][-2] == "T" else "contradicts", node["parent"], 1.0)
        for node in tree["tree"]
        if node["parent"]
    ]


def solved(tree: Tree) -> bool | None:
    """Return the value of the statement by `solve_beliefs`."""
    return p.solve_beliefs(beliefs(tree), structure(tree)).get("Q")


def belief_by_hand(tree: Tree) -> bool:
    """The stored belief in the statement; a missing probability counts as one half."""
    stored = beliefs(tree).get("Q", (None, None, False))
    known = [0.5 if each is None else each for each in stored[:2]]
    return known[0] >= known[1]


def structure_by_hand(tree: Tree) -> bool:
    """MAX-SAT over the stored tree by brute force; a tie goes to the stored belief."""
    stored, links = beliefs(tree), structure(tree)
    if len(stored) < 2:
        return belief_by_hand(tree)
    best = {True: -1.0, False: -1.0}
    for values in itertools.product((True, False), repeat=len(stored)):
        value = dict(zip(stored, values, strict=True))
        weight = sum(
            abs(weight_of(name, stored[name]))
            for name in stored
            if stored[name][2] and value[name] == (weight_of(name, stored[name]) > 0)
        )
        for child, kind, parent, _ in links:
            weight += not value[str(child)] or value[parent] == (kind == "entails")
        best[value["Q"]] = max(best[value["Q"]], weight)
    if abs(best[True] - best[False]) < 1e-9:
        return weight_of("Q", stored["Q"]) >= 0
    return best[True] > best[False]


def parity(tree: Tree) -> bool:
    """A plain vote of the integral statements; those below an odd number of «false» speak against.

    It is no technique of the paper's: a baseline.
    """
    stored = beliefs(tree)
    if len(stored) < 2:
        return belief_by_hand(tree)
    votes = [(-1) ** name.count("F") * weight_of(name, b) for name, b in stored.items() if b[2]]
    return math.fsum(votes) >= 0


async def maieutic_rows() -> list[Row]:
    """Replay the trees."""
    every = trees()
    alone = [await replayed(tree, depth=0) for tree in every]
    whole = [await replayed(tree, judge=None) for tree in every]
    row = partial(Row, published=None, n=len(every))
    by_hand = per_cent([right(structure_by_hand(tree), tree) for tree in every])
    return [
        row(
            name="Com2Sense trees, belief in the statement alone (maieutic, depth 0)",
            recorded=per_cent([right(belief_by_hand(tree), tree) for tree in every]),
            ours=per_cent([right(r.value, tree) for r, tree in zip(alone, every, strict=True)]),
        ),
        row(
            name="Com2Sense trees, MAX-SAT on the structure (maieutic, depth 2)",
            recorded=by_hand,
            ours=per_cent([right(r.value, tree) for r, tree in zip(whole, every, strict=True)]),
        ),
        row(
            name="Com2Sense trees, MAX-SAT on the structure (solve_beliefs)",
            recorded=by_hand,
            ours=per_cent([right(solved(tree), tree) for tree in every]),
        ),
    ]


def rows() -> Iterator[Row]:
    """Return all rows."""
    yield from pk.run(maieutic_rows())


async def test_belief_alone_and_structure_give_the_recorded_figures() -> None:
    alone, whole, direct = await maieutic_rows()
    assert alone.n == whole.n == direct.n == 782
    assert alone.ours * 7.82 == pytest.approx(528)
    assert whole.ours * 7.82 == direct.ours * 7.82 == pytest.approx(509)
    assert [row.difference for row in (alone, whole, direct)] == [0, 0, 0]


async def test_the_tree_that_maieutic_grows_is_the_recorded_one() -> None:
    for tree in trees()[:100]:
        result = await replayed(tree, judge=None)
        stored = beliefs(tree) or {"Q": (None, None, False)}
        grown = {
            each.text[1:].partition("]")[0]: each.belief for each in result.evidence.statements
        }
        assert grown.keys() == stored.keys()
        for name, (p_true, q, is_integral) in stored.items():
            assert grown[name][:2] == (pytest.approx(p_true), pytest.approx(q))
            # Fifteen statements that stand alone are stored as not integral, at p + q = 1.
            assert grown[name][2] == is_integral or len(stored) == 1


def test_how_ties_are_settled_moves_the_figure_by_up_to_eleven_trees() -> None:
    every = trees()
    tied = [tree for tree in every if len(tree["tree"]) > 1 and is_tied(tree)]
    assert len(tied) == 36
    others = sum(right(solved(tree), tree) for tree in every if tree not in tied)
    assert others + sum(tree["A"] for tree in tied) == 508  # as true, as the reference code does
    assert others + sum(not tree["A"] for tree in tied) == 498
    assert others + sum(right(solved(tree), tree) for tree in tied) == 509


def is_tied(tree: Tree) -> bool:
    """Whether the statement may be true or false at the same weight."""
    true, false = (
        reconcile(beliefs(tree), structure(tree), given={"Q": value}) for value in (True, False)
    )
    return abs(true.broken_weight - false.broken_weight) < 1e-9


def test_a_vote_without_max_sat_comes_out_between_the_two() -> None:
    every = trees()
    assert sum(right(parity(tree), tree) for tree in every) == 516  # 65.98 %
