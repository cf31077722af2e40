"""Turns parts into what a notebook shows: HTML with inline styles only, and the same as text.

No script, no style sheet, no widget, no image from elsewhere: so it survives saving, nbconvert,
GitHub (which drops the styles and keeps the words) and a notebook that nobody has trusted.
Colours are chosen to be read on white and on near-black; all else is the theme's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from promptkit.format import Part, plain, progress_parts
from promptkit.trace import Progress

_COLOUR: Final = {"good": "#2b9a66", "warn": "#c27803", "bad": "#d9483b", "busy": "#3e7bd6"}
_STYLE: Final = {
    "plain": "",
    "strong": "font-weight:600",
    "muted": "opacity:.72",
    "good": f"color:{_COLOUR['good']}",
    "warn": f"color:{_COLOUR['warn']}",
    "bad": f"color:{_COLOUR['bad']};font-weight:600",
}
_BOX: Final = (
    "font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:12.5px;line-height:1.7;"
    "font-variant-numeric:tabular-nums;margin:3px 0;padding:1px 0 1px 9px;"
    "border-left:3px solid rgba(128,128,128,.4)"
)
_TRACK: Final = (
    "display:inline-block;width:140px;height:7px;border-radius:4px;margin:0 8px 1px 6px;"
    "background-color:rgba(128,128,128,.28);vertical-align:middle;overflow:hidden"
)
_FILL: Final = "float:left;width:{percent:.4g}%;height:7px;background-color:{colour}"
_NO_MATHS: Final = "tex2jax_ignore mathjax_ignore"
"""Classes that keep MathJax from reading two dollar signs as the borders of a formula."""


def box(lines: Sequence[str]) -> str:
    """Set lines of HTML apart from the cell's own output."""
    inner = "".join(f"<div>{line}</div>" for line in lines)
    return f'<div class="{_NO_MATHS}" style="{_BOX}">{inner}</div>'


def line_html(parts: Sequence[Part]) -> str:
    """Write parts as one line of HTML."""
    return " · ".join(_part_html(part) for part in parts)


def _part_html(part: Part) -> str:
    # A front end may typeset «$1 + $2» whatever the classes say, but not across tags.
    text = escape(part.text).replace("$", "<span>$</span>")
    style = _STYLE[part.tone]
    if part.tone == "strong":
        return f'<b style="{style}">{text}</b>'
    return f'<span style="{style}">{text}</span>' if style else f"<span>{text}</span>"


def progress_html(progress: Progress) -> str:
    """Write a map's row: its name, a bar, and how far it is."""
    hint = "" if progress.ended_at else ' title="The stop button of the toolbar ends it."'
    name = f'<span{hint} style="opacity:.72">{escape(progress.step.name)}</span>'
    return f"{name} {_bar(progress)}{line_html(progress_parts(progress))}"


def _bar(progress: Progress) -> str:
    ended = progress.ended_at is not None
    finished = progress.done + progress.failed
    total = progress.total if progress.total is not None else (finished if ended else 0)
    colour = "busy" if not ended else "warn" if finished < total else "good"
    fills = "".join(
        f'<span style="{_FILL.format(percent=100 * number / total, colour=_COLOUR[name])}"></span>'
        for number, name in ((progress.done, colour), (progress.failed, "bad"))
        if total and number
    )
    return f'<span style="{_TRACK}">{fills}</span>'


def progress_text(progress: Progress) -> str:
    """Write a map's row as text, with a bar of twenty places."""
    finished = progress.done + progress.failed
    row = plain(progress_parts(progress))
    if not progress.total:
        return f"{progress.step.name}: {row}"
    full = 20 * finished // progress.total
    return f"{progress.step.name} [{'█' * full}{'░' * (20 - full)}] {row}"
