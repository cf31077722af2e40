"""A proof: labelled sentences of a context, what was inferred from which, and what answers.

An inference is the model's; what it stands on is not: every leaf of the tree is a sentence of the
context, to the letter. So a reader checks the inferences one by one, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from promptkit.explanation import Edge, Graph, Mood, Node, Section

_STOPS: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*")  # noqa: RUF001 -- meant
"""Where sentences end that stand on one line; ideographic full stops are followed by no space."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that is known: of the context, or inferred (then `premises` are its labels)."""

    label: str
    text: str
    premises: tuple[str, ...] = ()

    @property
    def is_given(self) -> bool:
        """Whether it is a sentence of the context."""
        return not self.premises


@dataclass(frozen=True, slots=True, repr=False)
class Branch:
    """A statement of the tree, over the statements it was inferred from. A leaf has none."""

    statement: Statement
    premises: tuple[Branch, ...] = ()

    def __str__(self) -> str:
        """Draw the tree: the answer on top, what it stands on below it."""
        return "\n".join(_drawn(self, "", set()))

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known, and why the reasoning ended.

    Attributes:
        statements: The context's, then those inferred, in their order.
        ending: "answered", or why there is no answer.
        conclusion: The label of the statement that the answer was read from; empty without one.
    """

    statements: tuple[Statement, ...]
    ending: str = ""
    conclusion: str = ""

    @classmethod
    def label(cls, context: str | Sequence[str]) -> Proof:
        """Label the sentences of a context S1, S2 and so on.

        >>> [
        ...     s.label + " " + s.text
        ...     for s in Proof.label("Mice fear cats. Gert is a mouse.").statements
        ... ]
        ['S1 Mice fear cats.', 'S2 Gert is a mouse.']
        """
        lines = context.splitlines() if isinstance(context, str) else context
        sentences = [" ".join(line.split()) for line in lines if line.strip()]
        if isinstance(context, str) and len(sentences) == 1:
            sentences = [part for part in _STOPS.split(sentences[0]) if part]
        return cls(tuple(Statement(f"S{i}", text) for i, text in enumerate(sentences, 1)))

    def infer(self, text: str, premises: Sequence[Statement]) -> Proof:
        """Add a statement inferred from `premises`."""
        label = f"S{len(self.statements) + 1}"
        inferred = Statement(label, text, tuple(premise.label for premise in premises))
        return replace(self, statements=(*self.statements, inferred))

    def find(self, text: str) -> Statement | None:
        """Return the statement that says the same as `text`, but for case and punctuation."""
        wanted = plain(text)
        return next((s for s in self.statements if plain(s.text) == wanted), None)

    @property
    def steps(self) -> tuple[Statement, ...]:
        """All inferred statements, those that led nowhere included."""
        return tuple(statement for statement in self.statements if statement.premises)

    @property
    def used(self) -> tuple[Statement, ...]:
        """The statements that the answer stands on, in their order; none without an answer."""
        wanted = {self.conclusion}
        for statement in reversed(self.statements):  # premises come before what stands on them
            if statement.label in wanted:
                wanted.update(statement.premises)
        return tuple(statement for statement in self.statements if statement.label in wanted)

    @property
    def leaves(self) -> tuple[Statement, ...]:
        """The sentences of the context that the answer stands on."""
        return tuple(statement for statement in self.used if statement.is_given)

    def tree(self) -> Branch | None:
        """Return the answer's tree, whose every leaf is a sentence of the context.

        >>> proof = Proof.label("Mice fear cats. Gert is a mouse. Bea is a sheep.")
        >>> proof = proof.infer("Gert fears cats.", proof.statements[:2])
        >>> print(replace(proof, conclusion="S4").tree())
        S4: Gert fears cats.
        ├─ S1: Mice fear cats.
        └─ S2: Gert is a mouse.
        """
        branches: dict[str, Branch] = {}
        for statement in self.used:
            below = tuple(branches[label] for label in statement.premises)
            branches[statement.label] = Branch(statement, below)
        return branches.get(self.conclusion)

    def check(self, context: str | Sequence[str] | None = None) -> tuple[str, ...]:
        """Return what is wrong with the proof; nothing, for one that this package made.

        Args:
            context: Compare the leaves with its sentences too.
        """
        flaws = []
        seen: set[str] = set()
        given = None if context is None else {s.text for s in Proof.label(context).statements}
        for statement in self.statements:
            flaws += [
                f"{statement.label} stands on {label}, which does not come before it"
                for label in statement.premises
                if label not in seen
            ]
            if statement.label in seen:
                flaws.append(f"there are two statements {statement.label}")
            if given is not None and statement.is_given and statement.text not in given:
                flaws.append(f"{statement.label} is no sentence of the context")
            seen.add(statement.label)
        if self.conclusion and self.conclusion not in seen:
            flaws.append(f"the answer stands on {self.conclusion}, which is not there")
        return tuple(flaws)

    def sections(self) -> Iterator[Section]:
        """Yield the tree of the answer; without an answer, all that was inferred."""
        shown = self.used
        if not shown:
            wanted = {label for step in self.steps for label in (step.label, *step.premises)}
            shown = tuple(s for s in self.statements if s.label in wanted)
        nodes = tuple(Node(s.label, s.text, self._mood(s)) for s in shown)
        edges = tuple(Edge(label, s.label) for s in shown for label in s.premises)
        yield Graph(f"Proof ({self.ending})" if self.ending else "Proof", nodes, edges)

    def _mood(self, statement: Statement) -> Mood:
        if statement.label == self.conclusion:
            return "chosen"
        return "given" if statement.is_given else "inferred"

    def __str__(self) -> str:
        """Show each step that led to the answer with the sentences it stands on."""
        texts = {statement.label: statement.text for statement in self.statements}
        steps = [s for s in self.used if s.premises] if self.conclusion else self.steps
        lines = []
        for step in steps:
            lines += [f"   {label}: {texts[label]}" for label in step.premises]
            lines.append(f"⟹ {step.label}: {step.text}")
        if self.conclusion and not steps:
            lines.append(f"   {self.conclusion}: {texts[self.conclusion]}")
        return "\n".join([*lines, f"({self.ending})"])


def plain(text: str) -> str:
    """Return a sentence without what does not change what it says.

    >>> plain(" Mice fear  cats. ") == plain("mice fear cats")
    True
    """
    return " ".join(text.casefold().split()).rstrip(".!。")


def _drawn(branch: Branch, indent: str, seen: set[str]) -> Iterator[str]:
    """Yield the lines of a tree; what was drawn before is only named again."""
    again = branch.statement.label in seen and branch.premises
    seen.add(branch.statement.label)
    yield f"{branch.statement.label}: {branch.statement.text}{' (see above)' if again else ''}"
    below = () if again else branch.premises
    for place, premise in enumerate(below, 1):
        first, rest = ("└─ ", "   ") if place == len(below) else ("├─ ", "│  ")
        for number, line in enumerate(_drawn(premise, indent + rest, seen)):
            yield f"{first if number == 0 else rest}{line}"
