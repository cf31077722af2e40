"""A graph as a picture: boxes in layers, the answer or the root on top.

What is broken is dashed and crossed out; what is true, false or chosen has a mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from promptkit.explanation.layout import Place, laid_out
from promptkit.explanation.paint import BROKEN, COLOUR, COLUMN, LINE, SIGN, escaped, text_at
from promptkit.explanation.plain import clean, columns, one_line, shortened, wrap
from promptkit.explanation.sections import Edge, Graph, Node
from promptkit.explanation.shown import is_branching, shown_graph
from promptkit.explanation.text import named

_BOX: Final = 30
"""Columns of a box."""

_BOX_LINES: Final = 6
_MANY_EDGES: Final = 40
"""Beyond this, only broken arrows have their label."""


def graph(part: Graph) -> tuple[str, float, float]:
    """Return a graph's drawing, its width and its height."""
    part, left_out = shown_graph(part)
    both = _mutual(part.edges)
    twins = set(both.values())
    part = replace(part, edges=tuple(edge for edge in part.edges if edge not in twins))
    place_of = {node.id: place for place, node in enumerate(part.nodes)}
    boxes = [_lines_of(node) for node in part.nodes]
    sizes = [_size(lines, notes) for lines, notes in boxes]
    is_dense = len(part.edges) > _MANY_EDGES
    labels = [_label(edge, is_dense) for edge in part.edges]
    from_root = is_branching(part)
    ends = [(place_of[edge.source], place_of[edge.target]) for edge in part.edges]
    layout = laid_out(
        sizes,
        [(target, source) for source, target in ends] if from_root else ends,
        [(columns(label) * 6.4 + 6, 14.0) if label else None for label in labels],
    )
    arrows = zip(part.edges, layout.ways, labels, layout.labels, layout.is_down, strict=True)
    out = [
        _arrow(
            edge,
            way,
            label,
            at,
            _Look(is_down != from_root, edge.is_mutual or edge in both, is_dense),
        )
        for edge, way, label, at, is_down in sorted(
            arrows, key=lambda arrow: arrow[0].is_kept, reverse=True
        )
    ]
    out += [
        _box(node, place, lines, notes)
        for node, place, (lines, notes) in zip(part.nodes, layout.boxes, boxes, strict=True)
    ]
    legend, tall = _legend(part, left_out, layout.height + 22)
    return "".join(out) + legend, max(layout.width, 420), layout.height + tall


def _lines_of(node: Node) -> tuple[list[str], list[str]]:
    lines = wrap(named(node), _BOX - 3 if node.mood in SIGN else _BOX)
    if len(lines) > _BOX_LINES:
        lines = [*lines[: _BOX_LINES - 1], f"{lines[_BOX_LINES - 1][: _BOX - 4]} …"]
    notes = wrap(one_line(node.note, 200), _BOX + 2)[:3] if node.note else []
    return lines, notes


def _size(lines: list[str], notes: list[str]) -> tuple[float, float]:
    widest = max([columns(line) + 3 for line in lines] + [columns(n) * 0.92 for n in notes])
    return max(widest, 8) * COLUMN + 20, (len(lines) + len(notes)) * LINE + 12


def _box(node: Node, place: Place, lines: list[str], notes: list[str]) -> str:
    x, y = place.x - place.width / 2, place.y - place.height / 2
    colour = COLOUR[node.mood]
    is_strong = node.mood == "chosen"
    look = f"fill='{colour}' fill-opacity='.13' stroke='{colour}' "
    look += f"stroke-width='{2.4 if is_strong else 1.3}'"
    look += " stroke-dasharray='1 3' stroke-linecap='round'" if node.mood == "false" else ""
    radius = 2 if node.mood == "given" else 9
    full = escaped(" · ".join(clean(t, 2_000) for t in (node.text, node.note) if t))
    out = f"<g><title>{full}</title><rect x='{x:.1f}' y='{y:.1f}' width='{place.width:.1f}' "
    out += f"height='{place.height:.1f}' rx='{radius}' {look}/>"
    sign = SIGN.get(node.mood, "")
    middle = place.x
    if sign:
        out += text_at(
            round(x + 13, 1), round(y + 21, 1), sign,
            f"text-anchor='middle' font-size='14' font-weight='700' fill='{colour}'",
        )  # fmt: skip
        middle += 8
    weight = " font-weight='600'" if is_strong else ""
    for number, line in enumerate(lines):
        baseline = round(y + 20 + number * LINE, 1)
        out += text_at(round(middle, 1), baseline, line, f"text-anchor='middle'{weight}")
    for number, line in enumerate(notes, len(lines)):
        baseline = round(y + 20 + number * LINE, 1)
        out += text_at(
            round(place.x, 1), baseline, line, "text-anchor='middle' font-size='11' opacity='.75'"
        )
    return out + "</g>"


def _label(edge: Edge, is_dense: bool) -> str:  # noqa: FBT001 -- what the graph is
    said = shortened(one_line(edge.label, 200), 40)
    if edge.is_kept:
        return "" if is_dense else said
    return f"✗ {said}" if said else ""


@dataclass(frozen=True, slots=True)
class _Look:
    """How an arrow is drawn: pointing down, with two heads, among many others."""

    is_down: bool
    is_mutual: bool
    is_dense: bool


def _mutual(edges: Sequence[Edge]) -> dict[Edge, Edge]:
    """The arrows between two boxes that say the same both ways: the first, and its twin."""
    known: dict[Edge, Edge] = {}
    for edge in edges:
        twin = replace(edge, source=edge.target, target=edge.source)
        if edge.label and twin in known and known[twin] is twin:
            known[twin] = edge
        elif edge.label:
            known[edge] = edge
    return {edge: twin for edge, twin in known.items() if edge is not twin}


def _arrow(edge: Edge, way: list[Place], label: str, at: Place | None, how: _Look) -> str:
    upper, lower = way[0], way[-1]
    start = _port(upper, way[1].x, upper.y + upper.height / 2)
    end = _port(lower, way[-2].x, lower.y - lower.height / 2)
    points = [start, *((p.x, p.y - p.height / 2) for p in way[1:-1]), end]
    bends = list(way[1:-1])
    colour = "currentColor" if edge.is_kept else BROKEN
    thin = f"stroke-opacity='{'.3' if how.is_dense else '.5'}' stroke-width='1.2'"
    look = thin if edge.is_kept else "stroke-width='1.9' stroke-dasharray='6 4'"
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    last = points[0]
    for number, point in enumerate(points[1:]):
        half = (point[1] - last[1]) / 2
        path += f"C{last[0]:.1f} {last[1] + half:.1f} {point[0]:.1f} {point[1] - half:.1f} "
        path += f"{point[0]:.1f} {point[1]:.1f}"
        last = point
        if number < len(bends):  # past a row, with a gap where the label stands
            last = (point[0], point[1] + bends[number].height)
            path += f"{'M' if bends[number] is at else 'L'}{last[0]:.1f} {last[1]:.1f}"
    out = f"<path d='{path}' fill='none' stroke='{colour}' {look}/>"
    tip = "fill-opacity='.6'" if edge.is_kept else ""
    if how.is_down or how.is_mutual:
        out += f"<path d='M{end[0]:.1f} {end[1] - 1:.1f}l-4 -8h8z' fill='{colour}' {tip}/>"
    if not how.is_down or how.is_mutual:
        out += f"<path d='M{start[0]:.1f} {start[1] + 1:.1f}l-4 8h8z' fill='{colour}' {tip}/>"
    if at is not None and label:
        tone = f"fill='{BROKEN}' font-weight='600'" if not edge.is_kept else "opacity='.8'"
        out += text_at(
            round(at.x, 1), round(at.y + 4, 1), label,
            f"text-anchor='middle' font-size='11' {tone}",
        )  # fmt: skip
    return out


def _port(box: Place, towards: float, y: float) -> tuple[float, float]:
    """Where an arrow meets a box: nearer to where it comes from, but not at a corner."""
    room = max(box.width / 2 - 16, 0)
    shift = (towards - box.x) * 0.35
    return box.x + max(-room, min(room, shift)), y


def _legend(part: Graph, left_out: str, y: float) -> tuple[str, float]:
    said = [
        f"{sign} {mood}" for mood, sign in SIGN.items() if any(n.mood == mood for n in part.nodes)
    ]
    if any(not edge.is_kept for edge in part.edges):
        is_told = any(edge.label for edge in part.edges)
        said.append(f"solid: kept, dashed: {'broken' if is_told else 'dropped'}")
    if len(part.edges) > _MANY_EDGES:
        said.append("labels of broken relations only")
    lines = [" · ".join(said)] if said else []
    lines += [left_out] if left_out else []
    text = "".join(
        text_at(0, y + place * 15, line, "font-size='11' opacity='.75'")
        for place, line in enumerate(lines)
    )
    return text, 15 * len(lines) + (14 if lines else 0)
