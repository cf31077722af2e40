from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from promptkit.explanation import Graph
from promptkit.primitives.proofs.proof import Proof
from promptkit.result import Result

SENTENCES = ["Mice fear cats.", "Gert is a mouse.", "Cats are quick.", "Bea is a sheep."]


def grown(picks: list[tuple[int, ...]]) -> Proof:
    """A proof whose step i is inferred from the statements at these places, as far as there are."""
    proof = Proof.label(SENTENCES)
    for number, places in enumerate(picks):
        known = proof.statements
        proof = proof.infer(f"Fact {number}.", [known[i % len(known)] for i in places])
    return proof


STEPS = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=4).map(tuple), max_size=12)


@given(STEPS)
def test_every_leaf_of_every_tree_is_a_sentence_of_the_context(
    picks: list[tuple[int, ...]],
) -> None:
    proof = grown(picks)
    for statement in proof.statements:
        answered = replace(proof, conclusion=statement.label, ending="answered")
        assert answered.check(SENTENCES) == ()
        assert {leaf.text for leaf in answered.leaves} <= set(SENTENCES)
        assert answered.leaves
        (graph,) = answered.sections()
        assert isinstance(graph, Graph)
        ids = {node.id for node in graph.nodes}
        assert {end for edge in graph.edges for end in (edge.source, edge.target)} <= ids
        assert [node.id for node in graph.nodes if node.mood == "chosen"] == [statement.label]
        assert str(answered.tree())


def test_a_proof_in_which_all_stands_on_all_is_drawn_once_each() -> None:
    proof = grown([tuple(range(4 + number)) for number in range(60)])
    answered = replace(proof, conclusion="S64")
    drawn = str(answered.tree())
    assert drawn.count("see above") > 50
    assert len(drawn.splitlines()) < 60 * 70


def test_a_proof_that_was_meddled_with_is_found_out() -> None:
    proof = grown([(0, 1)])
    invented = replace(proof.statements[0], text="Mice fear nothing.")
    meddled = replace(proof, statements=(invented, *proof.statements[1:]))
    assert meddled.check(SENTENCES) == ("S1 is no sentence of the context",)
    step = replace(proof.statements[4], premises=("S9",))
    flaws = replace(proof, statements=(*proof.statements[:4], step), conclusion="S7").check()
    assert len(flaws) == 2
    doubled = replace(proof, statements=(*proof.statements, proof.statements[0]))
    assert doubled.check() == ("there are two statements S1",)


def test_without_an_answer_all_steps_are_shown_and_there_is_no_tree() -> None:
    proof = replace(grown([(0, 1)]), ending="no answer within 1 steps")
    assert proof.tree() is None
    assert proof.used == ()
    (graph,) = proof.sections()
    assert isinstance(graph, Graph)
    assert [node.mood for node in graph.nodes] == ["given", "given", "inferred"]
    assert str(proof).endswith("(no answer within 1 steps)")
    assert "Proof (no answer within 1 steps)" in Result.unknown("?", evidence=proof).explain().text
