"""What led to the answer of maieutic prompting, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from promptkit.explanation import Edge, Graph, Mood, Node, Paragraph, Section
from promptkit.primitives.beliefs.relations import by_belief
from promptkit.primitives.beliefs.tree import Statement
from promptkit.primitives.solve_beliefs import Reconciliation

Decider = Literal["explanations", "belief"]
"""What gave the answer: what the explanations say, or the model's own belief."""


@dataclass(frozen=True, slots=True)
class BeliefTree:
    """The statement, its explanations, and how they were reconciled.

    Attributes:
        statements: The root, then the explanations on paths to integral ones, each in the polarity
            it was related in.
        pruned: How many explanations were left out.
        decided_by: "explanations", or "belief" where none were left or they tied.
        solution: How the beliefs were reconciled; None where there were no explanations.
        readings: What each true explanation says about the statement, from -2 to 2.
    """

    statements: tuple[Statement, ...]
    pruned: int
    decided_by: Decider
    solution: Reconciliation | None = None
    readings: tuple[tuple[str, int], ...] = ()

    def sections(self) -> Iterator[Section]:
        """Yield the graph of beliefs with kept and broken relations, and how it was decided."""
        root = self.statements[0]
        drawn = Graph("Beliefs", (), ())
        if self.solution:
            texts = {each.id: each.text for each in self.statements}
            drawn = self.solution.graph(texts, notes={e.id: chances(e) for e in self.statements})
        nodes = drawn.nodes
        if root.id not in [node.id for node in nodes]:
            nodes = (Node(root.id, root.text, self._mood(), chances(root)), *nodes)
        yield replace(drawn, nodes=nodes, edges=(*drawn.edges, *self._says(drawn)))
        told = [f"{chances(root)}.", f"Decided by the {self.decided_by}."]
        if self.pruned:
            told.append(f"Explanations that led to nothing integral: {self.pruned}.")
        yield Paragraph(" ".join(told), "The statement")
        if self.solution:
            yield self.solution.summary()

    def _mood(self) -> Mood:
        """Whether the statement came out true, by what decided."""
        root, total = self.statements[0], sum(score for _, score in self.readings)
        value: bool | None = total > 0
        if self.decided_by == "belief":
            value = by_belief(root, None, "a tie" if self.solution else "").value
        return "given" if value is None else "true" if value else "false"

    def _says(self, drawn: Graph) -> list[Edge]:
        """Arrows to the statement: what speaks for or against it, else what was to explain it."""
        root = self.statements[0].id
        says = [
            Edge(name, root, f"speaks {'for' if score > 0 else 'against'} it ({score:+d})")
            for name, score in self.readings
            if score
        ]
        if says or any(root in (edge.source, edge.target) for edge in drawn.edges):
            return says
        return [
            Edge(each.id, root, f"asked why it is {'true' if each.explains_truth else 'false'}")
            for each in self.statements
            if each.parent == root
        ]


def chances(statement: Statement) -> str:
    """Say how likely a statement and its negation are.

    >>> chances(Statement(id="Q", text="Fish swim.", p=0.95))
    'p = 0.95, of the negation unknown'
    """
    p, q = ("unknown" if x is None else f"{x:.2f}" for x in (statement.p, statement.q))
    return f"p = {p}, of the negation {q}"
