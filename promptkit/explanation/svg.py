"""Explanations as pictures: graphs in layers, the answer on top, and bars.

Colours are readable on white and on near-black, and never the only sign: what is broken is dashed
and crossed out, what is true or false has a mark. Text is drawn in the page's own colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from promptkit.explanation.kept import is_branching, shown_bars, shown_graph
from promptkit.explanation.layout import Place, laid_out
from promptkit.explanation.plain import clean, columns, one_line, shortened, wrap
from promptkit.explanation.sections import Bars, Edge, Graph, Mood, Node, Section
from promptkit.explanation.text import drawn as as_text
from promptkit.explanation.text import named

COLOUR: Final[dict[Mood, str]] = {
    "given": "#8a8f98",
    "inferred": "#3e7bd6",
    "true": "#2b9a66",
    "false": "#d9483b",
    "chosen": "#b7791f",
    "plain": "#8a8f98",
}
BROKEN: Final = "#d9483b"
FONT: Final = "system-ui,-apple-system,'Segoe UI','Noto Sans',sans-serif"
_MONO: Final = "ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace"
_SIGN: Final[dict[str, str]] = {"true": "✓", "false": "✗", "chosen": "★"}

_COLUMN: Final = 6.6
"""Width of a column of the text, in pixels at a size of 12; wide enough for most fonts."""

_LINE: Final = 16.0
_BOX: Final = 30
"""Columns of a box."""

_BOX_LINES: Final = 6
_MANY_EDGES: Final = 40
"""Beyond this, only broken arrows have their label."""

_DARK: Final = (
    "<style>svg{color:#1c1f24;background:#fff}"
    "@media(prefers-color-scheme:dark){svg{color:#e4e6ea;background:#16181c}}</style>"
)


def drawn(title: str, parts: Iterable[Section]) -> str:
    """Return a picture of all graphs and bars, one below the other; of the text where none is."""
    pieces: list[tuple[str, float, float]] = []
    sections = [part for part in parts if isinstance(part, (Graph, Bars)) and not _is_empty(part)]
    for part in sections:
        body, width, height = graph(part) if isinstance(part, Graph) else bars(part)
        heading, tall = _heading(part.title, 13)
        pieces.append(
            (f"{heading}<g transform='translate(0 {tall:g})'>{body}</g>", width, tall + height)
        )
    top, tall = _heading(title, 15)
    if not sections:
        lines = as_text("", parts).strip("\n").split("\n")
        pieces.append(_plain_lines(lines))
    y, width, inner = tall, 480.0, [top]
    for body, wide, height in pieces:
        inner.append(f"<g transform='translate(0 {y:g})'>{body}</g>")
        y += height + 20
        width = max(width, wide)
    return _root("".join(inner), width, y, one_line(title, 200), is_file=True)


def _is_empty(part: Graph | Bars) -> bool:
    return not (part.nodes if isinstance(part, Graph) else part.bars)


def _heading(title: str, size: int) -> tuple[str, float]:
    lines = wrap(one_line(title, 1_000), round(100 * 13 / size)) if title.strip() else []
    text = "".join(
        _text(0, 18 + place * (size + 5), line, f"font-size='{size}' font-weight='600'")
        for place, line in enumerate(lines)
    )
    return text, len(lines) * (size + 5) + (12 if lines else 0)


def _plain_lines(lines: Sequence[str]) -> tuple[str, float, float]:
    text = "".join(
        _text(0, 14 + place * _LINE, line, f"font-family=\"{_MONO}\" xml:space='preserve'")
        for place, line in enumerate(lines)
    )
    return text, max((columns(line) for line in lines), default=0) * 7.4, len(lines) * _LINE


def figure(part: Graph | Bars) -> str:
    """Return one graph or histogram as a picture inside of a page."""
    body, width, height = graph(part) if isinstance(part, Graph) else bars(part)
    return _root(body, width, height, one_line(part.title, 200), is_file=False)


def _root(body: str, width: float, height: float, title: str, *, is_file: bool) -> str:
    pad = 14 if is_file else 3
    box = f"{-pad} {-pad} {width + 2 * pad:.0f} {height + 2 * pad:.0f}"
    size = f"width='{width + 2 * pad:.0f}' height='{height + 2 * pad:.0f}'"
    style = _DARK if is_file else ""
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='{box}' {size} role='img' "
        f"font-family=\"{FONT}\" font-size='12' fill='currentColor' "
        f"style='max-width:100%;height:auto'>"
        f"<title>{_escaped(title)}</title>{style}{body}</svg>"
    )


def _escaped(text: str) -> str:
    return escape(text, quote=True)


def _text(x: float, y: float, text: str, more: str = "") -> str:
    # A front end may typeset «$1 + $2» as a formula, but not across tags.
    said = _escaped(text).replace("$", "<tspan>$</tspan>")
    return f"<text x='{x:g}' y='{y:g}' {more} style='unicode-bidi:plaintext'>{said}</text>"


# -- graphs -----------------------------------------------------------------------------------


def graph(part: Graph) -> tuple[str, float, float]:
    """Return a graph's drawing, its width and its height."""
    part, left_out = shown_graph(part)
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
        _arrow(edge, way, label, at, is_down=is_down != from_root)
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
    lines = wrap(named(node), _BOX - 3 if node.mood in _SIGN else _BOX)
    if len(lines) > _BOX_LINES:
        lines = [*lines[: _BOX_LINES - 1], f"{lines[_BOX_LINES - 1][: _BOX - 4]} …"]
    notes = wrap(one_line(node.note, 200), _BOX + 2)[:3] if node.note else []
    return lines, notes


def _size(lines: list[str], notes: list[str]) -> tuple[float, float]:
    widest = max([columns(line) + 3 for line in lines] + [columns(n) * 0.92 for n in notes])
    return max(widest, 8) * _COLUMN + 20, (len(lines) + len(notes)) * _LINE + 12


def _box(node: Node, place: Place, lines: list[str], notes: list[str]) -> str:
    x, y = place.x - place.width / 2, place.y - place.height / 2
    colour = COLOUR[node.mood]
    is_strong = node.mood == "chosen"
    look = f"fill='{colour}' fill-opacity='.13' stroke='{colour}' "
    look += f"stroke-width='{2.4 if is_strong else 1.3}'"
    look += " stroke-dasharray='1 3' stroke-linecap='round'" if node.mood == "false" else ""
    radius = 2 if node.mood == "given" else 9
    full = _escaped(" · ".join(clean(t, 2_000) for t in (node.text, node.note) if t))
    out = f"<g><title>{full}</title><rect x='{x:.1f}' y='{y:.1f}' width='{place.width:.1f}' "
    out += f"height='{place.height:.1f}' rx='{radius}' {look}/>"
    sign = _SIGN.get(node.mood, "")
    middle = place.x
    if sign:
        out += _text(
            round(x + 13, 1), round(y + 21, 1), sign,
            f"text-anchor='middle' font-size='14' font-weight='700' fill='{colour}'",
        )  # fmt: skip
        middle += 8
    weight = " font-weight='600'" if is_strong else ""
    for number, line in enumerate(lines):
        baseline = round(y + 20 + number * _LINE, 1)
        out += _text(round(middle, 1), baseline, line, f"text-anchor='middle'{weight}")
    for number, line in enumerate(notes, len(lines)):
        baseline = round(y + 20 + number * _LINE, 1)
        out += _text(
            round(place.x, 1), baseline, line, "text-anchor='middle' font-size='11' opacity='.75'"
        )
    return out + "</g>"


def _label(edge: Edge, is_dense: bool) -> str:  # noqa: FBT001 -- what the graph is
    said = shortened(one_line(edge.label, 200), 40)
    if edge.is_kept:
        return "" if is_dense else said
    return f"✗ {said}" if said else ""


def _arrow(edge: Edge, way: list[Place], label: str, at: Place | None, *, is_down: bool) -> str:
    upper, lower = way[0], way[-1]
    start = _port(upper, way[1].x, upper.y + upper.height / 2)
    end = _port(lower, way[-2].x, lower.y - lower.height / 2)
    points = [start, *((p.x, p.y - p.height / 2) for p in way[1:-1]), end]
    bends = list(way[1:-1])
    colour = "currentColor" if edge.is_kept else BROKEN
    look = "stroke-opacity='.5' stroke-width='1.2'" if edge.is_kept else (
        "stroke-width='1.9' stroke-dasharray='6 4'"
    )  # fmt: skip
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
    (x, y), turn = (end, -1) if is_down else (start, 1)
    tip = "fill-opacity='.6'" if edge.is_kept else ""
    out += (
        f"<path d='M{x:.1f} {y + turn:.1f}l-4 {turn * 8}h8z' fill='{colour}' {tip}/>"
        if turn == 1
        else f"<path d='M{x:.1f} {y + turn:.1f}l-4 -8h8z' fill='{colour}' {tip}/>"
    )
    if at is not None and label:
        tone = f"fill='{BROKEN}' font-weight='600'" if not edge.is_kept else "opacity='.8'"
        out += _text(
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
        f"{sign} {mood}" for mood, sign in _SIGN.items() if any(n.mood == mood for n in part.nodes)
    ]
    if any(not edge.is_kept for edge in part.edges):
        is_told = any(edge.label for edge in part.edges)
        said.append(f"solid: kept, dashed: {'broken' if is_told else 'dropped'}")
    if len(part.edges) > _MANY_EDGES:
        said.append("labels of broken relations only")
    lines = [" · ".join(said)] if said else []
    lines += [left_out] if left_out else []
    text = "".join(
        _text(0, y + place * 15, line, "font-size='11' opacity='.75'")
        for place, line in enumerate(lines)
    )
    return text, 15 * len(lines) + (14 if lines else 0)


# -- bars -------------------------------------------------------------------------------------


def bars(part: Bars) -> tuple[str, float, float]:
    """Return bars' drawing, its width and its height."""
    part, left_out = shown_bars(part)
    full = part.full or max((bar.value for bar in part.bars), default=0.0)
    labels = [wrap(one_line(bar.label, 300) or " ", 38)[:4] for bar in part.bars]
    edge = max((columns(line) for lines in labels for line in lines), default=0) * _COLUMN + 10
    out, y, track, width = [], 0.0, 260.0, 0.0
    for bar, lines in zip(part.bars, labels, strict=True):
        tall = max(len(lines) * _LINE, 18)
        out += [
            _text(edge - 10, round(y + tall / 2 - len(lines) * _LINE / 2 + 12 + i * _LINE, 1), line,
                  "text-anchor='end'" + (" font-weight='600'" if bar.mood == "chosen" else ""))
            for i, line in enumerate(lines)
        ]  # fmt: skip
        share = min(max(bar.value / full, 0.0), 1.0) if full > 0 else 0.0
        middle = y + tall / 2 - 6
        filled = max(track * share, 1.5) if share else 0
        colour = COLOUR["inferred"] if bar.mood == "plain" else COLOUR[bar.mood]
        strength = ".55" if bar.mood == "plain" else ".95"
        out.append(
            f"<rect x='{edge:g}' y='{middle:g}' width='{track:g}' height='12' rx='3' "
            "fill='currentColor' fill-opacity='.1'/>"
            f"<rect x='{edge:g}' y='{middle:g}' width='{filled:.1f}' "
            f"height='12' rx='3' fill='{colour}' fill-opacity='{strength}'/>"
        )
        sign = {"chosen": "★ ", "true": "✓ ", "false": "✗ "}.get(bar.mood, "")
        note = sign + (one_line(bar.note, 120) or f"{bar.value:.4g}")
        weight = " font-weight='600'" if bar.mood == "chosen" else " opacity='.85'"
        out.append(_text(edge + track + 9, middle + 10.5, note, f"font-size='11.5'{weight}"))
        width = max(width, edge + track + 9 + columns(note) * _COLUMN)
        y += tall + 7
    if left_out:
        out.append(_text(0, y + 12, left_out, "font-size='11' opacity='.75'"))
        y += 20
    return "".join(out), width, y
