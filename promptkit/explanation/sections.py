"""What an explanation is made of: paragraphs, bars, graphs and tables.

Evidence describes itself: it has a method `sections()` that yields values of this module, and
knows nothing of how they are drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

Mood = Literal["given", "inferred", "true", "false", "chosen", "plain"]
"""What a node or bar stands for; a colour in pictures, a sign in texts."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences under an optional heading."""

    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A quantity: `value` from 0 on, drawn as a share of the largest bar or of `Bars.full`."""

    label: str
    value: float
    note: str = ""
    mood: Mood = "plain"


@dataclass(frozen=True, slots=True)
class Bars:
    """Quantities one below the other: votes, scores, probabilities.

    Attributes:
        full: What a whole bar stands for; None for the largest value.
    """

    title: str
    bars: tuple[Bar, ...]
    full: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A statement in a graph."""

    id: str
    text: str
    mood: Mood = "plain"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow from `source` to `target`, by the ids of nodes.

    Attributes:
        is_kept: False when broken.
        is_mutual: Whether it holds both ways, and has two heads.
    """

    source: str
    target: str
    label: str = ""
    is_kept: bool = True
    is_mutual: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """Statements and what they have to do with each other: a proof tree, a graph of beliefs."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under headings."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Section = Paragraph | Bars | Graph | Table


@runtime_checkable
class Explains(Protocol):
    """Evidence that can describe itself."""

    def sections(self) -> Iterable[Section]:
        """Yield what there is to see, the most telling first."""
        ...
