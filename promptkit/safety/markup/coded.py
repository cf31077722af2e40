"""Which parts of a Markdown text are code for every renderer: nothing in them is fetched or linked.

Renderers differ at the edges, and who smuggles an address stands there. So a part counts as code
only if it is code however the doubtful things around it are read; all else is treated as live. The
rules are CommonMark 0.31.2's (4.4 indented code, 4.5 fenced code, 6.1 code spans), read strictly:

- a fence is closed by a line of its own, at the same indentation and behind the same quote marks;
- languages that are drawn instead of shown (Mermaid, math, directives) are no code;
- after a fence that could be read in two ways no later one counts;
- a code span opens and closes on one line, after lines whose backticks are all paired, and neither
  in what may be a tag, a destination or a table cell.
"""

from __future__ import annotations

from collections.abc import Iterator

from promptkit.safety.markup.code_blocks import fences, indented, indented_in_items
from promptkit.safety.markup.code_spans import spans_between
from promptkit.safety.markup.live_html import Ranges, outside_html, raw_html


def code_ranges(text: str) -> Ranges:
    """Return the parts of a Markdown text that are code to every reader.

    >>> text = "Run `curl x` or:"
    >>> [text[start:end] for start, end in code_ranges(text)]
    ['`curl x`']
    """
    raw = list(raw_html(text)) if "<" in text else []
    blocks = _merged(fences(text, raw)[0])
    blocks = _merged(blocks + list(indented(text, blocks, raw)))
    if "`" not in text:
        return blocks
    spans: Ranges = []
    for start, end in _between(blocks, len(text)):
        spans += spans_between(text, start, end, raw)
    if "<" in text:
        spans = outside_html(text, spans)
    return _merged(blocks + spans)


def nearly_code(text: str) -> Ranges:
    r"""Return the parts that are code but for readers who make no links of bare addresses.

    These are a fence that is never closed, and indented code in items of lists: to CommonMark both
    are code, to Python-Markdown they may be text, in which only mark-up leads anywhere.

    >>> nearly_code("Run:\n\n```\ncurl https://x.test"), nearly_code("- a\n\n      curl x\n")
    ([(6, 29)], [(5, 18)])
    """
    raw = list(raw_html(text)) if "<" in text else []
    parts = list(indented_in_items(text, raw))
    if "```" in text or "~~~" in text:
        begins = fences(text, raw)[1]
        if begins >= 0:
            parts.append((begins, len(text)))
    return _merged(parts)


def _merged(ranges: Ranges) -> Ranges:
    merged: Ranges = []
    for start, end in sorted(ranges):
        if merged and start < merged[-1][1]:
            continue
        merged.append((start, end))
    return merged


def _between(ranges: Ranges, length: int) -> Iterator[tuple[int, int]]:
    """What lies between ranges."""
    place = 0
    for start, end in ranges:
        if place < start:
            yield place, start
        place = end
    if place < length:
        yield place, length
