"""Which part of a large graph, list or table is drawn, and a line on what is left out."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import replace
from typing import Final

from promptkit.explanation.sections import Bars, Edge, Graph, Node

WHOLE: Final = 40
"""Nodes of a graph that is drawn whole; of a larger one, what leads to the answer is."""

MOST: Final = 200
"""The most nodes that are drawn."""

MOST_EDGES: Final = 600
MOST_BARS: Final = 30
MOST_ROWS: Final = 60


def shown_graph(graph: Graph) -> tuple[Graph, str]:
    """Return what is drawn of a graph, and what is not; arrows to nowhere are never drawn."""
    nodes = list({node.id: node for node in reversed(graph.nodes)}.values())[::-1]
    known = {node.id for node in nodes}
    edges = [e for e in graph.edges if e.source in known and e.target in known]
    edges = [e for e in edges if e.source != e.target]
    if len(nodes) > WHOLE:
        order = _by_importance(nodes, edges)
        wanted = set(order[:MOST])
        nodes = [node for node in nodes if node.id in wanted]
        edges = [e for e in edges if e.source in wanted and e.target in wanted]
    related = len(edges)
    if related > MOST_EDGES:
        first = sorted(range(related), key=lambda place: edges[place].is_kept)[:MOST_EDGES]
        edges = [edges[place] for place in sorted(first)]
    missing = len(graph.nodes) - len(nodes)
    told = f"{_count(missing, 'statement')} left out" if missing else ""
    if missing and any(node.mood == "chosen" for node in nodes):
        told += ": only what leads to the answer is drawn"
    if related > MOST_EDGES:
        told += f"{'; ' if told else ''}{MOST_EDGES} of {related:,} relations are drawn"
    return replace(graph, nodes=tuple(nodes), edges=tuple(edges)), told and f"{told}."


def is_branching(graph: Graph) -> bool:
    """Whether the arrows lead from a root to its branches, as in a tree of thoughts.

    Such a graph is drawn from its root; any other from what its arrows lead to.
    """
    to, of = Counter(e.target for e in graph.edges), Counter(e.source for e in graph.edges)
    return max(to.values(), default=0) <= 1 < max(of.values(), default=0)


def _by_importance(nodes: list[Node], edges: list[Edge]) -> list[str]:
    """The ids of what leads to the answer, the nearest first; without one, of what is related."""
    below = defaultdict(list)
    for edge in edges:
        below[edge.target].append(edge.source)
    chosen = [node.id for node in nodes if node.mood == "chosen"]
    if not chosen:
        broken = {end for e in edges if not e.is_kept for end in (e.source, e.target)}
        related = {end for e in edges for end in (e.source, e.target)}
        return sorted(
            (n.id for n in nodes), key=lambda id_: (id_ not in broken, id_ not in related)
        )
    seen = dict.fromkeys(chosen)
    waiting = deque(chosen)
    while waiting:
        for source in below[waiting.popleft()]:
            if source not in seen:
                seen[source] = None
                waiting.append(source)
    return list(seen)


def shown_bars(bars: Bars) -> tuple[Bars, str]:
    """Return the bars that are drawn: the first ones, and of the others those that stand out."""
    if len(bars.bars) <= MOST_BARS:
        return bars, ""
    rest = [bar for bar in bars.bars[MOST_BARS:] if bar.mood == "plain"]
    some = tuple(bar for bar in bars.bars if bar not in set(rest))[: 2 * MOST_BARS]
    full = bars.full or max(bar.value for bar in bars.bars)
    missing = len(bars.bars) - len(some)
    told = f"{_count(missing, 'bar')} left out, {sum(bar.value for bar in rest):.6g} together."
    return replace(bars, bars=some, full=full), told


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
