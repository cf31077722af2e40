"""Where a text is HTML to some reader, so that Markdown's code is none there.

Source: CommonMark 0.31.2, 4.6; python-markdown takes over block elements up to their closing tag.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

Ranges = list[tuple[int, int]]
"""Starts and ends, in order, not overlapping."""

TAG_LINE: Final = re.compile(r"^[ \t>*+\-\d.):]*+<[A-Za-z/!?]", re.MULTILINE)
"""A line that begins with a tag: Markdown may take what follows, up to a blank line, for HTML."""

_TAG: Final = re.compile(r"<[A-Za-z/!?]")
_RAW_OPENER: Final = re.compile(
    r"^[ \t>*+\-\d.):]*+<(?:(?P<name>script|pre|style|textarea)\b|(?P<comment>!--)"
    r"|(?P<cdata>!\[CDATA\[)|(?P<doc>![A-Za-z])|(?P<pi>\?))",
    re.MULTILINE | re.IGNORECASE,
)
"""HTML that goes on over blank lines (CommonMark 4.6, kinds 1 to 5)."""

_RAW_CLOSER: Final = {
    "name": re.compile(r"</(?:script|pre|style|textarea)>", re.IGNORECASE),
    "comment": re.compile(r"-->"),
    "cdata": re.compile(r"\]\]>"),
    "doc": re.compile(r">"),
    "pi": re.compile(r"\?>"),
}
BLOCK_TAG: Final = re.compile(
    r"<(?P<closes>/?)(?P<name>address|article|aside|blockquote|body|center|dd|details|dialog|dir|div|dl"
    r"|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr|html|iframe|li|legend|main|menu|nav"
    r"|ol|optgroup|option|p|pre|script|section|style|summary|table|tbody|td|textarea|tfoot|th|thead"
    r"|tr|ul|video|audio|math|svg|object|noscript|canvas|math|template)(?![\w-])",
    re.IGNORECASE,
)
"""HTML that python-markdown takes over as it stands, up to its closing tag, blank lines or not."""


def raw_html(text: str) -> Iterator[tuple[int, int]]:
    """HTML that may hide blank lines and fences: from its opening to its end."""
    place = 0
    while opener := _RAW_OPENER.search(text, place):
        closer = _RAW_CLOSER[opener.lastgroup or "doc"].search(text, opener.end())
        place = closer.end() if closer else len(text)
        yield opener.start(), place


def inside(ranges: Ranges, place: int) -> bool:
    """Whether a place lies after the start of a range and before its end."""
    index = bisect_left(ranges, (place, -1)) - 1
    return index >= 0 and place < ranges[index][1]


def outside_html(text: str, spans: Ranges) -> Ranges:
    """The code spans but for those with a tag in them that stand in open HTML."""
    depths: dict[str, int] = defaultdict(int)
    kept, place = [], 0
    for start, end in spans:
        for tag in BLOCK_TAG.finditer(text, place, start):
            name = tag["name"].lower()
            depths[name] = max(0, depths[name] + (-1 if tag["closes"] else 1))
        place = end
        if not any(depths.values()) or not _TAG.search(text, start, end):
            kept.append((start, end))
    return kept
