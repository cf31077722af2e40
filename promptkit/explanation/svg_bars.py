"""Bars as a picture."""

from __future__ import annotations

from promptkit.explanation.paint import COLOUR, COLUMN, LINE, SIGN, text_at
from promptkit.explanation.plain import columns, one_line, wrap
from promptkit.explanation.sections import Bars
from promptkit.explanation.shown import shown_bars


def bars(part: Bars) -> tuple[str, float, float]:
    """Return bars' drawing, its width and its height."""
    part, left_out = shown_bars(part)
    full = part.full or max((bar.value for bar in part.bars), default=0.0)
    labels = [wrap(one_line(bar.label, 300) or " ", 38)[:4] for bar in part.bars]
    edge = max((columns(line) for lines in labels for line in lines), default=0) * COLUMN + 10
    out, y, track, width = [], 0.0, 260.0, 0.0
    for bar, lines in zip(part.bars, labels, strict=True):
        tall = max(len(lines) * LINE, 18)
        out += [
            text_at(edge - 10, round(y + tall / 2 - len(lines) * LINE / 2 + 12 + i * LINE, 1), line,
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
        sign = f"{SIGN[bar.mood]} " if bar.mood in SIGN else ""
        note = sign + (one_line(bar.note, 120) or f"{bar.value:.4g}")
        weight = " font-weight='600'" if bar.mood == "chosen" else " opacity='.85'"
        out.append(text_at(edge + track + 9, middle + 10.5, note, f"font-size='11.5'{weight}"))
        width = max(width, edge + track + 9 + columns(note) * COLUMN)
        y += tall + 7
    if left_out:
        out.append(text_at(0, y + 12, left_out, "font-size='11' opacity='.75'"))
        y += 20
    return "".join(out), width, y
