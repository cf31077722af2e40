"""Explanations for a terminal: trees of box-drawing characters, bars, tables; 100 columns."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from promptkit.explanation.paint import SIGN
from promptkit.explanation.plain import (
    clean,
    columns,
    is_number,
    isolated,
    one_line,
    shortened,
    wrap,
)
from promptkit.explanation.sections import Bars, Edge, Graph, Node, Paragraph, Section, Table
from promptkit.explanation.shown import MOST_ROWS, is_branching, shown_bars, shown_graph

WIDTH: Final = 100
_BAR: Final = 30
_LABEL: Final = 40
_DEEPEST: Final = 20
"""Levels of a tree that are indented; deeper ones stand below each other."""

_SIGN: Final = {mood: f"{sign} " for mood, sign in SIGN.items()}


def drawn(title: str, parts: Iterable[Section]) -> str:
    """Return the explanation as lines of at most 100 columns."""
    blocks = ["\n".join(_lines(clean(title), WIDTH))]
    blocks += ["\n".join(_section(part)) for part in parts]
    return "\n\n".join(block.rstrip() for block in blocks if block.strip())


def _section(part: Section) -> Iterator[str]:
    if part.title:
        yield from _lines(one_line(part.title), WIDTH)
    match part:
        case Paragraph() if part.text.strip():
            yield from _lines(clean(part.text), WIDTH)
        case Paragraph():
            yield ""
        case Bars():
            yield from _bars(part)
        case Graph():
            yield from tree(part)
        case Table():
            yield from _table(part)


def _lines(text: str, width: int) -> list[str]:
    return [isolated(line) for line in wrap(text, width)]


def _bars(bars: Bars) -> Iterator[str]:
    bars, left_out = shown_bars(bars)
    full = bars.full or max((bar.value for bar in bars.bars), default=0.0)
    labels = [wrap(one_line(bar.label) or " ", _LABEL) for bar in bars.bars]
    width = max((columns(line) for lines in labels for line in lines), default=0)
    for bar, lines in zip(bars.bars, labels, strict=True):
        share = min(max(bar.value / full, 0.0), 1.0) if full > 0 else 0.0
        filled = "█" * round(_BAR * share) or ("▏" if share else "")
        note = one_line(bar.note) or f"{bar.value:.4g}"
        sign = f" {SIGN[bar.mood]}" if bar.mood == "chosen" else ""
        told = wrap(note + sign, WIDTH - width - _BAR - 4)
        start = f"{_padded(lines[0], width)}  {filled:░<{_BAR}}  "
        yield start + told[0]
        for place in range(1, max(len(lines), len(told))):
            label = lines[place] if place < len(lines) else ""
            more = told[place] if place < len(told) else ""
            yield f"{_padded(label, width)}  {'':{_BAR}}  {more}".rstrip()
    if not bars.bars:
        yield "(nothing)"
    if left_out:
        yield f"({left_out})"


def _padded(text: str, width: int) -> str:
    return isolated(text) + " " * (width - columns(text))


def tree(graph: Graph) -> Iterator[str]:
    """Yield a graph as trees: what is concluded, and below it what it stands on; else the root.

    What stands on several others is drawn below the first that leads to it on the shortest way,
    and named below the others, so a graph with cycles ends.
    """
    graph, left_out = shown_graph(graph)
    nodes = {node.id: node for node in graph.nodes}
    below: defaultdict[str, list[Edge]] = defaultdict(list)
    from_root = is_branching(graph)
    for edge in graph.edges:
        below[edge.source if from_root else edge.target].append(edge)
    lower = {edge.target if from_root else edge.source for edge in graph.edges}
    roots = sorted(nodes.values(), key=lambda n: (from_root or n.mood != "chosen", n.id in lower))
    if not nodes:
        yield "(nothing)"
    found: set[str] = set()
    printed: set[str] = set()
    for root in roots:
        if root.id not in found:
            yield from _tree(root, nodes, below, _first_ways(root.id, below, found), printed)
    if left_out:
        yield f"({left_out})"


def _first_ways(root: str, below: dict[str, list[Edge]], found: set[str]) -> set[int]:
    """The arrows by which each node is reached first, going level by level; marks what is found."""
    found.add(root)
    waiting, ways = deque([root]), set()
    while waiting:
        here = waiting.popleft()
        for edge in below.get(here, ()):
            end = edge.target if edge.source == here else edge.source
            if end not in found:
                found.add(end)
                ways.add(id(edge))
                waiting.append(end)
    return ways


def _tree(
    root: Node,
    nodes: dict[str, Node],
    below: dict[str, list[Edge]],
    ways: set[int],
    printed: set[str],
) -> Iterator[str]:
    """One tree; a stack and not recursion, for a proof may be a thousand steps deep."""
    waiting: list[tuple[Node, Edge | None, str, bool]] = [(root, None, "", True)]
    while waiting:
        node, edge, indent, is_last = waiting.pop()
        is_here = edge is None or id(edge) in ways
        children = below.get(node.id, []) if is_here else []
        branch, further = "", ""
        if edge is not None:
            branch = f"{'└' if is_last else '├'}{'─' if edge.is_kept else '╌'} "
            further = "   " if is_last else "│  "
        inner = indent + further if len(indent) < 3 * _DEEPEST else indent
        there = f"{_short(node)} (see {'above' if node.id in printed else 'below'})"
        label = _edge_label(edge) + (_node_text(node) if is_here else there)
        if is_here:
            printed.add(node.id)
        first, *rest = _lines(label, WIDTH - len(indent) - 3) or [""]
        yield indent + branch + first
        for line in rest:
            yield inner + ("│  " if children else "   ")[: 3 if edge or children else 0] + line
        waiting += [
            (nodes[_other_end(each, node)], each, inner, place == 0)
            for place, each in enumerate(reversed(children))
        ]


def _other_end(edge: Edge, node: Node) -> str:
    return edge.target if edge.source == node.id else edge.source


def _edge_label(edge: Edge | None) -> str:
    if edge is None:
        return ""
    said = one_line(edge.label, 200)
    if edge.is_kept:
        return f"{said}: " if said else ""
    return f"✗ broken, {said}: " if said else "✗ dropped: "


def named(node: Node) -> str:
    """Return a node's text with its id before it, where that is a short name for it."""
    text, name = one_line(node.text, 2_000), one_line(node.id, 60)
    if not text or text == name or len(name) > 12:  # noqa: PLR2004 -- a name, no sentence
        return text or name
    return f"{name}: {text}"


def _node_text(node: Node) -> str:
    note = f" ({one_line(node.note, 500)})" if node.note else ""
    return f"{_SIGN.get(node.mood, '')}{named(node)}{note}"


def _short(node: Node) -> str:
    said = named(node)
    return f"{_SIGN.get(node.mood, '')}{shortened(said, 40)}"


def _table(table: Table) -> Iterator[str]:
    rows = [_cells(row, len(table.headings)) for row in table.rows[:MOST_ROWS]]
    lines = [[*map(one_line, table.headings)], *rows]
    widths = _widths(lines)
    numeric = [
        all(is_number(row[place]) for row in rows) and bool(rows)
        for place in range(len(table.headings))
    ]
    for number, line in enumerate(lines):
        wrapped = [wrap(cell, width) for cell, width in zip(line, widths, strict=True)]
        for place in range(max(map(len, wrapped), default=0)):
            cells = [cell[place] if place < len(cell) else "" for cell in wrapped]
            yield _row(cells, widths, numeric)
        if number == 0:
            yield "─" * min(sum(widths) + 2 * (len(widths) - 1), WIDTH)
    if not table.rows:
        yield "(nothing)"
    if len(table.rows) > MOST_ROWS:
        yield f"({len(table.rows) - MOST_ROWS:,} more rows.)"


def _cells(row: Sequence[str], number: int) -> list[str]:
    """A row's cells with their indent, as many as there are headings."""
    cells = [*row, *[""] * number][:number]
    indents = [" " * min(len(cell) - len(cell.lstrip(" ")), 20) for cell in cells]
    return [indent + one_line(cell) for indent, cell in zip(indents, cells, strict=True)]


def _widths(lines: list[list[str]]) -> list[int]:
    """How wide each column may be: as it likes, the widest cut first until all fit."""
    widths = [max(map(columns, column), default=0) or 1 for column in zip(*lines, strict=True)]
    room = WIDTH - 2 * (len(widths) - 1)
    while widths and sum(widths) > room and max(widths) > 4:  # noqa: PLR2004 -- still legible
        widest = max(widths)
        second = max((w for w in widths if w < widest), default=4)
        ties = widths.count(widest)
        cut = max(second, 4, widest - -(-(sum(widths) - room) // ties))
        widths = [min(w, cut if cut < widest else widest - 1) for w in widths]
    return widths


def _row(cells: list[str], widths: list[int], numeric: list[bool]) -> str:
    padded = [
        " " * (width - columns(cell)) + cell if right else _padded(cell, width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    ]
    return "  ".join(padded).rstrip()
