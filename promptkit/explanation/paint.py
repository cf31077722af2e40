"""What graphs and bars share in pictures: colours, signs, and how text is written.

Colours are readable on white and on near-black, and never the only sign.
"""

from __future__ import annotations

from html import escape
from typing import Final

from promptkit.explanation.sections import Mood

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
SIGN: Final[dict[str, str]] = {"true": "✓", "false": "✗", "chosen": "★"}

COLUMN: Final = 6.6
"""Width of a column of the text, in pixels at a size of 12; wide enough for most fonts."""

LINE: Final = 16.0


def escaped(text: str) -> str:
    """Return a text for XML."""
    return escape(text, quote=True)


def text_at(x: float, y: float, text: str, more: str = "") -> str:
    """Return a line of text that stands at (x, y); `more` are further attributes."""
    # A front end may typeset «$1 + $2» as a formula, but not across tags.
    said = escaped(text).replace("$", "<tspan>$</tspan>")
    return f"<text x='{x:g}' y='{y:g}' {more} style='unicode-bidi:plaintext'>{said}</text>"
