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

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

Ranges = list[tuple[int, int]]
"""Starts and ends, in order, not overlapping."""

_FENCE: Final = re.compile(
    r"^(?P<prefix>[ \t>*+\-\d.):]*+)(?P<fence>`{3,}+|~{3,}+)(?P<info>[^\n]*)", re.MULTILINE
)
_INFO: Final = re.compile(r"[ \t]*(?P<language>[\w+#.\-/]*)(?:[ \t]+[\w+#.\-/:=\"', \t]*)?\r?")
"""What may stand after a fence: a language, and words such as title="app.py"."""

_DRAWN: Final = frozenset(
    """mermaid math katex latexmath tex-math plantuml puml dot graphviz viz vega vega-lite vegalite
    geojson topojson stl svg echarts abc markmap excalidraw drawio kroki d2 bpmn ditaa blockdiag
    nomnoml pikchr structurizr wavedrom svgbob erd actdiag seqdiag nwdiag packetdiag rackdiag
    flowchart sequence chart chartjs plotly html-preview jsx-live tsx-live live iframe embed image
    figure include raw html+jinja artifact widget canvas map leaflet""".split()  # noqa: SIM905
)
"""Languages that some renderer draws, and so may fetch for."""

_MARKER: Final = re.compile(r"(?P<indent> *)(?:[-+*]|(?P<number>\d{1,9})[.)])(?P<gap> {1,4})(?! )")
_RULE: Final = re.compile(r" *(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})\r?$")
_QUOTED: Final = re.compile(r"(?:> ?)+")
_TAG_LINE: Final = re.compile(r"^[ \t>*+\-\d.):]*+<[A-Za-z/!?]", re.MULTILINE)
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
_BLANK_LINE: Final = re.compile(r"\n(?:[ \t]*+\r?\n)+")
_LINE_END: Final = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_LONE_RETURN: Final = re.compile(r"\r(?!\n)")
_RUN: Final = re.compile(r"`++")
_TABLE: Final = re.compile(r"^[ \t>]*+\|?[ \t]*+:?-+:?[ \t]*+(?:\|[ \t:|-]*)?\r?$", re.MULTILINE)
_COMPLETE: Final = re.compile(
    r"<[^<>`\"']*>|<[^<>`\"']*=(?:\"[^\"<>`]*\"|'[^'<>`]*')[^<>`\"']*>"
    r"|\]\([^()<>\"'`\s]*(?: +\"[^\"`()]*\")?\)"
)
_OPEN: Final = re.compile(r"<[A-Za-z/!?]|\]\(")
_MOST_LINES_UP: Final = 200
"""How far above a fence its list item is looked for."""


def code_ranges(text: str) -> Ranges:
    """Return the parts of a Markdown text that are code to every reader.

    >>> text = "Run `curl x` or:"
    >>> [text[start:end] for start, end in code_ranges(text)]
    ['`curl x`']
    """
    raw = list(_raw_html(text)) if "<" in text else []
    blocks = _merged(list(_fences(text, raw)))
    blocks = _merged(blocks + list(_indented(text, blocks, raw)))
    if "`" not in text:
        return blocks
    spans: Ranges = []
    for start, end in _between(blocks, len(text)):
        spans += _spans(text, start, end, raw)
    return _merged(blocks + spans)


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


def _inside(ranges: Ranges, place: int) -> bool:
    """Whether a place lies after the start of a range and before its end."""
    index = bisect_left(ranges, (place, -1)) - 1
    return index >= 0 and place < ranges[index][1]


def _raw_html(text: str) -> Iterator[tuple[int, int]]:
    """HTML that may hide blank lines and fences: from its opening to its end."""
    place = 0
    while opener := _RAW_OPENER.search(text, place):
        closer = _RAW_CLOSER[opener.lastgroup or "doc"].search(text, opener.end())
        place = closer.end() if closer else len(text)
        yield opener.start(), place


def _fences(text: str, raw: Ranges) -> Iterator[tuple[int, int]]:
    """Fenced code, up to the first fence that could be read in two ways."""
    place = 0
    while fence := _FENCE.search(text, place):
        sign = fence["fence"]
        if sign[0] == "`" and "`" in fence["info"]:
            place = fence.end()  # no fence: backticks of a span
            continue
        end = _closed(text, fence)
        if end is None or not _stands_free(text, place, fence.start(), raw):
            return
        if _is_shown(fence["info"]):
            yield fence.start(), end
        place = end


def _is_shown(info: str) -> bool:
    match = _INFO.fullmatch(info)
    return bool(match) and match["language"].lower() not in _DRAWN if match else False


def _stands_free(text: str, since: int, place: int, raw: Ranges) -> bool:
    """Whether nothing before a fence could swallow it: HTML, a comment, math, front matter."""
    if _inside(raw, place):
        return False
    chunk = max(text.rfind("\n\n", since, place), since)
    if _TAG_LINE.search(text, chunk, place):
        # `rfind` sees no blank line with spaces in it, so it looks too far up: that is safe.
        return False
    if text.count("$$", since, place) % 2:
        return False
    if since == 0 and text.startswith(("---\n", "+++\n", "---\r\n", "+++\r\n")):
        return text.find("\n" + text[:3], 3, place) != -1
    return True


def _closed(text: str, fence: re.Match[str]) -> int | None:
    """Where the line that closes a fence ends; None where that is in doubt."""
    prefix = fence["prefix"]
    column = len(prefix)
    if "\t" in prefix:
        return None
    if not prefix.strip(" "):
        if column > 3 and not _in_item(text, fence.start(), column):  # noqa: PLR2004 -- CommonMark 4.5
            return None
        quote = ""
    elif _QUOTED.fullmatch(prefix):
        quote = prefix
    elif _opens_item(text, fence.start(), prefix):
        quote = ""
    else:
        return None
    closer = _closer(text, fence, column, quote)
    if closer is None or _LONE_RETURN.search(text, fence.start(), closer.start()):
        return None
    body = (fence.end() + 1, closer.start())
    if quote:
        depth = prefix.count(">")
        outside = re.compile(rf"^(?!(?:> ?){{{depth}}})", re.MULTILINE)
    elif column:
        outside = re.compile(rf"^(?! {{{column}}})(?=[^\n]*[^ \t\r\n])", re.MULTILINE)
    else:
        return closer.end()
    found = outside.search(text, *body)
    return None if found and found.start() < body[1] else closer.end()


def _closer(text: str, fence: re.Match[str], column: int, quote: str) -> re.Match[str] | None:
    """The first line that may close a fence; None if it stands elsewhere than the fence."""
    sign = fence["fence"]
    place = fence.end()
    while line := _FENCE.search(text, place):
        place = line.end()
        if line["fence"][0] != sign[0] or len(line["fence"]) < len(sign) or line["info"].strip():
            continue
        prefix = line["prefix"]
        if quote:
            same = prefix.count(">") == quote.count(">") and bool(_QUOTED.fullmatch(prefix))
            return line if same else None
        if column:
            return line if prefix == " " * column else None
        if prefix in ("", " ", "  ", "   "):
            return line
    return None


def _line_above(text: str, start: int) -> tuple[int, str]:
    """Where the line before the one at `start` begins, and what it says."""
    begins = text.rfind("\n", 0, start - 1) + 1
    return begins, text[begins : start - 1]


def _in_item(text: str, start: int, column: int) -> bool:
    """Whether a line this far indented is inside a list item, and at most 3 further in."""
    least = column
    for _ in range(_MOST_LINES_UP):
        if start == 0:
            return False
        start, line = _line_above(text, start)
        if not line.strip(" \t\r"):
            continue
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return False
        indent = len(line) - len(line.lstrip(" "))
        marker = _MARKER.match(line)
        if marker and not _RULE.match(line) and marker.end() <= min(least, column):
            offset = marker.end()
            if column > offset + 3:
                return False
            return _is_item(text, start, marker) and (indent <= 3 or _in_item(text, start, indent))  # noqa: PLR2004
        least = min(least, indent)
        if least == 0:
            return False
    return False


def _opens_item(text: str, start: int, prefix: str) -> bool:
    """Whether a fence right after a list marker is the first line of its item."""
    marker = _MARKER.fullmatch(prefix)
    return bool(marker) and len(marker["indent"]) <= 1 and _is_item(text, start, marker)  # type: ignore[index, arg-type]


def _is_item(text: str, start: int, marker: re.Match[str]) -> bool:
    """Whether a line with a list marker begins an item, and no paragraph or HTML swallows it."""
    if start == 0:
        return True
    begins, above = _line_above(text, start)
    if not above.strip(" \t\r"):
        return True
    if above.lstrip(" \t>").startswith("<"):
        return False
    if _MARKER.match(above):
        return True
    chunk = text.rfind("\n\n", max(0, begins - 2_000), begins)
    return marker["number"] in (None, "1") and not _TAG_LINE.search(text, max(chunk, 0), start)


_PLAIN_LINE: Final = re.compile(r"(?!\(?\w{1,4}[.)][ \t])(?:#{1,6} |\*\*)?[^\W_][^\n]*")
_INDENTED: Final = re.compile(r"(?:\A|\n[ \t]*\r?\n)((?:(?: {4}|\t)[^\n]*(?:\n|\Z))+)")


def _indented(text: str, blocks: Ranges, raw: Ranges) -> Iterator[tuple[int, int]]:
    """Code by indentation, only after a plain paragraph: in lists it may be text."""
    if "\n    " not in text and "\n\t" not in text:
        return
    taken = iter([*sorted(blocks + raw), (len(text) + 1, len(text) + 1)])
    block = next(taken)
    for match in _INDENTED.finditer(text):
        start, end = match.span(1)
        while block[1] <= start:
            block = next(taken)
        if block[0] < end or _LONE_RETURN.search(text, start, end):
            continue
        above = text.rfind("\n\n", max(0, match.start() - 2_000), match.start())
        if above == -1 and match.start() > 2_000:  # noqa: PLR2004 -- as far as it was looked
            continue
        lines = text[above + 2 if above != -1 else 0 : match.start()].split("\n")
        if lines != [""] and all(map(_PLAIN_LINE.fullmatch, lines)):
            yield start, end


def _spans(text: str, start: int, end: int, raw: Ranges) -> Ranges:
    """Code spans of a stretch without code blocks."""
    spans: Ranges = []
    place = start
    while place < end:
        blank = _BLANK_LINE.search(text, place, end)
        stop = blank.start() if blank else end
        if text.find("`", place, stop) != -1:
            spans += _paragraph_spans(text, place, stop, raw)
        place = blank.end() if blank else end
    return spans


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    place = start
    for match in _LINE_END.finditer(text, start, end):
        yield place, match.start()
        place = match.end()
    yield place, end


def _paragraph_spans(text: str, start: int, end: int, raw: Ranges) -> Ranges:
    """Code spans between two blank lines, up to the first doubt."""
    tag = _TAG_LINE.search(text, start, end)
    if tag:
        end = text.rfind("\n", start, tag.end()) + 1 or start
    if _inside(raw, start):
        return []
    index = bisect_left(raw, (start, -1))
    if index < len(raw):
        end = min(end, raw[index][0])
    spans: Ranges = []
    remaining: dict[int, int] = defaultdict(int)
    for run in _RUN.finditer(text, start, end):
        remaining[run.end() - run.start()] += 1
    is_table = bool(_TABLE.search(text, start, end))
    place, dollars = start, 0
    for line_start, line_end in _lines(text, start, end):
        runs = [run.span() for run in _RUN.finditer(text, line_start, line_end)]
        later = _next_of_same_length(runs)
        index = 0
        while index < len(runs):
            begins, after = runs[index]
            partner = later[index]
            used = runs[index : (partner if partner >= 0 else index) + 1]
            for one, two in used:
                remaining[two - one] -= 1
            if any(one > start and text[one - 1] == "\\" for one, _ in used):
                return spans
            if partner < 0:
                if remaining[after - begins]:
                    return spans  # it may pair with one of another line
                index += 1
                continue
            closes = runs[partner][1]
            before = text[place:begins]
            dollars += before.count("$")
            if _is_doubtful(before, text[begins:closes], is_table=is_table, odd=bool(dollars % 2)):
                return spans
            spans.append((begins, closes))
            place = closes
            index = partner + 1
    return spans


def _next_of_same_length(runs: list[tuple[int, int]]) -> list[int]:
    """For each run of backticks the index of the next one as long, or -1."""
    later = [-1] * len(runs)
    seen: dict[int, int] = {}
    for index in range(len(runs) - 1, -1, -1):
        length = runs[index][1] - runs[index][0]
        later[index] = seen.get(length, -1)
        seen[length] = index
    return later


def _is_doubtful(before: str, span: str, *, is_table: bool, odd: bool) -> bool:
    """Whether something before a span, or in it, may be read first."""
    if is_table and "|" in span:
        return True
    if odd and "$" in span:
        return True
    if "]]" in span or "\\)" in span or "\\]" in span:
        return True
    if _OPEN.search(before):
        return bool(_OPEN.search(_COMPLETE.sub("", before)))
    return False
