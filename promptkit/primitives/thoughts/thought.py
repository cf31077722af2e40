"""Thoughts and their tree: what a search over steps of reasoning went through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from promptkit.explanation import Edge, Graph, Mood, Node, Paragraph, Section
from promptkit.primitives.list_items import list_items

Thoughts = tuple[str, ...]
"""The steps of one path, from the first on."""


def so_far(thoughts: Thoughts) -> str:
    """Return the thoughts, one a line: the state where a problem has no better one."""
    return "\n".join(thoughts) or "(none yet)"


def lines(_: Thoughts, reply: str) -> list[str]:
    r"""Return the lines of a reply, without the marks of a list.

    >>> lines((), "1. add 4 and 6\n- take 1 from 5\n")
    ['add 4 and 6', 'take 1 from 5']
    """
    return list_items(reply)


@dataclass(frozen=True, slots=True)
class Thought:
    """One node of a tree.

    Attributes:
        path: The thoughts that lead to it, its own last.
        state: What remains, as the prompts show it.
        value: How promising it was judged; None where nobody was asked.
        is_pruned: Whether it was given up because it was judged impossible.
    """

    path: Thoughts
    state: str
    value: float | None = None
    is_pruned: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """All thoughts there were, and the path that was chosen. As a text it is that path.

    Attributes:
        thoughts: In the order in which they came up.
        path: The chosen path; empty where none was.
        expanded: How many nodes were asked for next thoughts.
    """

    thoughts: tuple[Thought, ...]
    path: Thoughts
    expanded: int

    def sections(self) -> Iterator[Section]:
        """Yield the chosen path, then the thoughts that were gone on from or given up."""
        if self.path:
            yield Paragraph("\n".join(self.path), "Chosen path")
        parents = {thought.path[:-1] for thought in self.thoughts}
        shown = [t for t in self.thoughts if t.path in parents or self._mood(t) != "plain"]
        ids = {thought.path: f"T{number}" for number, thought in enumerate(shown, 1)}
        nodes = tuple(
            Node(ids[each.path], each.path[-1], self._mood(each), _note(each)) for each in shown
        )
        edges = tuple(
            Edge(ids[each.path[:-1]], ids[each.path], is_kept=not each.is_pruned)
            for each in shown
            if each.path[:-1] in ids
        )
        title = f"{len(shown)} of {len(self.thoughts)} thoughts; {self.expanded} nodes expanded"
        yield Graph(title, nodes, edges)

    def _mood(self, thought: Thought) -> Mood:
        if self.path[: len(thought.path)] == thought.path:
            return "chosen"
        return "false" if thought.is_pruned else "plain"

    def __str__(self) -> str:
        """Show the chosen path."""
        return "\n".join(self.path) or f"(no path among {len(self.thoughts)} thoughts)"


def _note(thought: Thought) -> str:
    return "" if thought.value is None else f"value {thought.value:g}"
