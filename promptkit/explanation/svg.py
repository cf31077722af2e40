"""Explanations as pictures: graphs in layers, the answer on top, and bars.

Text is drawn in the page's own colour, or, in a file of its own, as light or dark as its viewer is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from promptkit.explanation.paint import FONT, LINE, escaped, text_at
from promptkit.explanation.plain import columns, one_line, wrap
from promptkit.explanation.sections import Bars, Graph, Section
from promptkit.explanation.svg_bars import bars
from promptkit.explanation.svg_graph import graph
from promptkit.explanation.text import drawn as as_text

_MONO: Final = "ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace"
_DARK: Final = (
    "<style>svg{color:#1c1f24;background:#fff}"
    "@media(prefers-color-scheme:dark){svg{color:#e4e6ea;background:#16181c}}</style>"
)


def drawn(title: str, parts: Sequence[Section]) -> str:
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
        text_at(0, 18 + place * (size + 5), line, f"font-size='{size}' font-weight='600'")
        for place, line in enumerate(lines)
    )
    return text, len(lines) * (size + 5) + (12 if lines else 0)


def _plain_lines(lines: Sequence[str]) -> tuple[str, float, float]:
    text = "".join(
        text_at(0, 14 + place * LINE, line, f"font-family=\"{_MONO}\" xml:space='preserve'")
        for place, line in enumerate(lines)
    )
    return text, max((columns(line) for line in lines), default=0) * 7.4, len(lines) * LINE


def figure(part: Graph | Bars) -> str:
    """Return one graph or histogram as a picture inside of a page."""
    body, width, height = graph(part) if isinstance(part, Graph) else bars(part)
    return _root(body, width, height, one_line(part.title, 200), is_file=False)


def _root(body: str, width: float, height: float, title: str, *, is_file: bool) -> str:
    pad = 14 if is_file else 3
    box = f"{-pad} {-pad} {width + 2 * pad:.0f} {height + 2 * pad:.0f}"
    size = f"width='{width + 2 * pad:.0f}' height='{height + 2 * pad:.0f}'"
    style = _DARK if is_file else ""
    # A page shrinks it a little; what is still too wide is scrolled, for small print helps nobody.
    fits = f"width:100%;max-width:{width + 2 * pad:.0f}px;min-width:{0.8 * width:.0f}px;height:auto"
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='{box}' {size} role='img' "
        f"font-family=\"{FONT}\" font-size='12' fill='currentColor' "
        f"style='{fits}'>"
        f"<title>{escaped(title)}</title>{style}{body}</svg>"
    )
