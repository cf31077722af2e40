"""Explanations as HTML: a piece of a page with inline styles only.

No script, no style sheet, nothing from elsewhere: so it survives saving, nbconvert, GitHub (which
drops the styles and keeps the words) and a notebook that nobody has trusted. All text is the
page's own colour, on no background of ours: so it is read on light and dark pages alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from promptkit.explanation.paint import COLOUR, FONT, SIGN
from promptkit.explanation.plain import clean, is_number, one_line
from promptkit.explanation.sections import Bar, Bars, Graph, Paragraph, Section, Table
from promptkit.explanation.shown import MOST_ROWS, shown_bars
from promptkit.explanation.svg import figure
from promptkit.explanation.text import tree

_NO_MATHS: Final = "tex2jax_ignore mathjax_ignore"
"""Classes that keep MathJax from reading two dollar signs as the borders of a formula."""

_BOX: Final = (
    f"font-family:{FONT};font-size:13px;line-height:1.5;font-variant-numeric:tabular-nums;"
    "margin:4px 0;padding:2px 0 2px 11px;border-left:3px solid rgba(128,128,128,.4);"
    "max-width:1000px"
)
_HEAD: Final = "font-weight:600;margin:10px 0 3px"
_PRE: Final = (
    "white-space:pre-wrap;overflow-wrap:anywhere;font-family:ui-monospace,Menlo,Consolas,"
    "'DejaVu Sans Mono',monospace;font-size:12px;line-height:1.35;margin:4px 0;background:none;"
    "color:inherit;border:0;padding:0"
)
_CELL: Final = (
    "padding:2px 14px 2px 0;text-align:{align};vertical-align:top;white-space:pre-wrap;"
    "overflow-wrap:anywhere;background:none;border:0;border-bottom:1px solid rgba(128,128,128,.25)"
)
_MUTED: Final = "opacity:.72"


def drawn(title: str, parts: Iterable[Section]) -> str:
    """Return the explanation as a piece of HTML."""
    inner = f'<div dir="auto" style="font-weight:600;font-size:14px">{_said(clean(title))}</div>'
    inner += "".join("".join(_section(part)) for part in parts)
    return f'<div class="{_NO_MATHS}" style="{_BOX}">{inner}</div>'


def page(title: str, parts: Iterable[Section]) -> str:
    """Return a whole page, in the light or the dark as its reader likes."""
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(one_line(title, 100))}</title></head>"
        f'<body style="margin:24px">{drawn(title, parts)}</body></html>\n'
    )


def _said(text: str) -> str:
    # A front end may typeset «$1 + $2» whatever the classes say, but not across tags.
    return escape(text, quote=True).replace("$", "<span>$</span>")


def _section(part: Section) -> Iterator[str]:
    if part.title:
        yield f'<div dir="auto" style="{_HEAD}">{_said(one_line(part.title))}</div>'
    match part:
        case Paragraph():
            style = "white-space:pre-wrap;overflow-wrap:anywhere;margin:3px 0"
            yield f'<div dir="auto" style="{style}">{_said(clean(part.text))}</div>'
        case Bars():
            yield from _bars(part)
        case Graph() if part.nodes:
            yield f'<div style="overflow-x:auto">{figure(part)}</div>'
            lines = _said("\n".join(tree(part)))
            fold = f'<summary style="{_MUTED};cursor:pointer">as text</summary>'
            yield f'<details style="margin:2px 0">{fold}<pre style="{_PRE}">{lines}</pre></details>'
        case Graph():
            yield f'<div style="{_MUTED}">Nothing was inferred.</div>'
        case Table():
            yield from _table(part)


def _bars(part: Bars) -> Iterator[str]:
    part, left_out = shown_bars(part)
    full = part.full or max((bar.value for bar in part.bars), default=0.0)
    yield '<table style="border-collapse:collapse;border:0;margin:3px 0;font-size:13px">'
    for bar in part.bars:
        yield _bar(bar, min(max(bar.value / full, 0.0), 1.0) if full > 0 else 0.0)
    yield "</table>"
    if left_out:
        yield f'<div style="{_MUTED}">{_said(left_out)}</div>'


def _bar(bar: Bar, share: float) -> str:
    is_chosen = bar.mood == "chosen"
    weight = "font-weight:600;" if is_chosen else ""
    cell = "border:0;background:none;vertical-align:middle;padding:2px 10px 2px 0;"
    colour = COLOUR["inferred"] if bar.mood == "plain" else COLOUR[bar.mood]
    track = "width:240px;height:11px;border-radius:3px;background-color:rgba(128,128,128,.2)"
    fill = f"width:{100 * share:.4g}%;height:11px;border-radius:3px;background-color:{colour}"
    sign = f"{SIGN[bar.mood]} " if bar.mood in SIGN else ""
    note = sign + (one_line(bar.note) or f"{bar.value:.4g}")
    label = _said(one_line(bar.label))
    wide = "text-align:right;max-width:320px;overflow-wrap:anywhere"
    return (
        f'<tr style="background:none"><td dir="auto" style="{cell}{weight}{wide}">{label}</td>'
        f'<td style="{cell}"><div style="{track}"><div style="{fill}"></div></div></td>'
        f'<td dir="auto" style="{cell}{weight}text-align:left">{_said(note)}</td></tr>'
    )


def _table(part: Table) -> Iterator[str]:
    rows = part.rows[:MOST_ROWS]
    numeric = [
        bool(rows) and all(is_number(row[place]) for row in rows if place < len(row))
        for place in range(len(part.headings))
    ]
    aligns = ["right" if each else "left" for each in numeric]
    yield '<table style="border-collapse:collapse;border:0;margin:3px 0;font-size:13px"><tr>'
    for heading, align in zip(part.headings, aligns, strict=True):
        style = _CELL.format(align=align)
        yield f'<th dir="auto" style="{style};font-weight:600">{_said(one_line(heading))}</th>'
    yield "</tr>"
    for row in rows:
        yield '<tr style="background:none">'
        for cell, align in zip(row, aligns, strict=False):
            indent = min(len(cell) - len(cell.lstrip(" ")), 20)
            style = _CELL.format(align=align if indent == 0 else "left")
            style += f";padding-left:{0.55 * indent:.3g}em" if indent else ""
            yield f'<td dir="auto" style="{style}">{_said(one_line(cell))}</td>'
        yield "</tr>"
    yield "</table>"
    if len(part.rows) > MOST_ROWS:
        yield f'<div style="{_MUTED}">{len(part.rows) - MOST_ROWS:,} more rows.</div>'
