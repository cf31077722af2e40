"""Fenced and indented code, as far as every reader of Markdown takes it for code.

Source: CommonMark 0.31.2, 4.4, 4.5 and 5.2, read as strictly as the head of `coded` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from promptkit.safety.markup.live_html import TAG_LINE, Ranges, inside

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
_OWNER: Final = re.compile(
    r"^[ \t>]*+(?::[ \t]|\[[^\]\n]{1,200}\]:|[^\n]*\]:[ \t]*\r?$)", re.MULTILINE
)
"""A definition or footnote: what follows may belong to it, as an address does, and end with it."""

_TERM: Final = re.compile(r"^[ \t>]*+:[ \t]", re.MULTILINE)
"""The explanation of a term, which goes on over blank lines."""

_AT_MARGIN: Final = re.compile(r"\n\r?\n(?=[^\s:>])")

_ODD_END: Final = re.compile(r"\r(?!\n)|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""What ends a line for some readers only."""

_FARTHEST_UP: Final = 2_000
"""How many characters above a line its paragraph may begin."""

_MOST_LINES_UP: Final = 200
"""How far above a fence its list item is looked for."""


def fences(text: str, raw: Ranges) -> tuple[Ranges, int]:
    """Return fenced code, up to the first fence that could be read in two ways, and where it is.

    That place is -1 unless the fence is the last one of the text and is never closed.
    """
    found: Ranges = []
    place = 0
    while fence := _FENCE.search(text, place):
        sign = fence["fence"]
        if sign[0] == "`" and "`" in fence["info"]:
            place = fence.end()  # no fence: backticks of a span
            continue
        if not _stands_free(text, place, fence.start(), raw):
            break
        end = _closed(text, fence)
        if end is None:
            return found, fence.start() if _is_left_open(text, fence) else -1
        if _is_shown(fence["info"]):
            found.append((fence.start(), end))
        place = end
    return found, -1


def _is_left_open(text: str, fence: re.Match[str]) -> bool:
    """Whether no fence of any kind comes after one at the start of a line."""
    return (
        not fence["prefix"]
        and _is_shown(fence["info"])
        and not _FENCE.search(text, fence.end())
        and not _ODD_END.search(text, fence.start())
    )


def _is_shown(info: str) -> bool:
    match = _INFO.fullmatch(info)
    return bool(match) and match["language"].lower() not in _DRAWN if match else False


def _stands_free(text: str, since: int, place: int, raw: Ranges) -> bool:
    """Whether nothing before a fence could swallow it: HTML, a comment, math, front matter."""
    if inside(raw, place):
        return False
    chunk = max(text.rfind("\n\n", since, place), since)
    if TAG_LINE.search(text, chunk, place):
        # `rfind` sees no blank line with spaces in it, so it looks too far up: that is safe.
        return False
    if _OWNER.search(text, chunk, place) or _is_explained(text, since, place):
        return False
    dollars = text.count("$$", since, place)
    if dollars % 2 or (dollars and text.find("\\$", since, place) != -1):
        return False  # a backslash leaves it in doubt whether a sign counts
    if since == 0 and text.startswith(("---\n", "+++\n", "---\r\n", "+++\r\n")):
        return text.find("\n" + text[:3], 3, place) != -1
    return True


def _is_explained(text: str, since: int, place: int) -> bool:
    """Whether the explanation of a term goes on: no line at the margin followed a blank one."""
    last = -1
    for term in _TERM.finditer(text, since, place):
        last = term.end()
    return last >= 0 and _AT_MARGIN.search(text, last, place + 1) is None


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
    if closer is None or _ODD_END.search(text, fence.start(), closer.start()):
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
        if line["fence"][0] != sign[0] or len(line["fence"]) < len(sign):
            continue
        prefix = line["prefix"]
        if line["info"].strip():
            if not prefix.strip(" ") and "`" not in line["info"]:
                return None  # some readers take it for an end, or for another beginning
            continue
        if quote:
            same = prefix.count(">") == quote.count(">") and bool(_QUOTED.fullmatch(prefix))
            return line if same and line["fence"] == sign else None
        if column:
            return line if prefix == " " * column and line["fence"] == sign else None
        if prefix in ("", " ", "  ", "   "):
            # Python-markdown wants the same sign again, at the start of the line.
            return line if line.group().rstrip() == sign else None
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
    far = max(0, begins - _FARTHEST_UP)
    chunk = text.rfind("\n\n", far, begins)
    if chunk < 0 < far or marker["number"] not in (None, "1"):
        return False
    return not TAG_LINE.search(text, max(chunk, 0), start)


_BLANK: Final = re.compile(r"[ \t]*\r?(?:\n|\Z)")
_PLAIN_LINE: Final = re.compile(
    r"(?!\(?\w{1,4}[.)][ \t])(?:#{1,6} |\*\*|[(*_`\"'\u201c\u2018\u00ab])?[^\W_][^\n]*"
)
_LONE_RULE: Final = re.compile(r"-{3,}|\*{3,}|_{3,}")
# After an empty line: mistune takes a line of spaces for one of the paragraph above.
_INDENTED: Final = re.compile(r"\n\r?\n((?:(?: {4}|\t)[^\n]*(?:\n|\Z))+)")


def indented(text: str, blocks: Ranges, raw: Ranges) -> Iterator[tuple[int, int]]:
    """Code by indentation, only after a plain paragraph or a rule: in lists it may be text.

    At the beginning of a text it is none: who shows a text often strips it first.
    """
    if "\n    " not in text and "\n\t" not in text:
        return
    taken = iter([*sorted(blocks + raw), (len(text) + 1, len(text) + 1)])
    block = next(taken)
    dollars = counted = 0
    for match in _INDENTED.finditer(text):
        start, end = match.span(1)
        while block[1] <= start:
            block = next(taken)
        if block[0] < end or _ODD_END.search(text, start, end):
            continue
        dollars += text.count("$$", counted, start)
        counted = start
        if dollars % 2:
            continue  # in a formula
        if not _BLANK.match(text, end):
            continue  # a line of dashes right below makes it a heading to some
        far = max(0, match.start() - _FARTHEST_UP)
        above = text.rfind("\n\n", far, match.start())
        if above < 0 < far:
            continue
        lines = text[above + 2 if above != -1 else 0 : match.start()].split("\n")
        is_rule = len(lines) == 1 and bool(_LONE_RULE.fullmatch(lines[0])) and above > 0
        if is_rule and text.startswith(("---\n", "---\r\n")):
            continue  # the end of front matter
        if is_rule or (lines != [""] and all(map(_PLAIN_LINE.fullmatch, lines))):
            yield start, end


_DEEP: Final = re.compile(r"\n\r?\n((?: {6}[^\n]*(?:\n|\Z))+)")
_ITEM_LINE: Final = re.compile(r"(?:[-+*]|\d{1,9}[.)]) {1,4}(?=[*_`(\"']?[^\W_])")
_NESTED: Final = re.compile(r" *(?:[-+*>|:<\[`~\t]|\d{1,9}[.)]|\Z)")


def indented_in_items(text: str, raw: Ranges) -> Iterator[tuple[int, int]]:
    """Code by indentation in an item of a list at the margin, as CommonMark and its kin read it.

    Python-Markdown counts by four, and may read it as a paragraph of the item.
    """
    if "\n      " not in text or _TERM.search(text):
        return
    for match in _DEEP.finditer(text):
        start, end = match.span(1)
        if inside(raw, start) or _ODD_END.search(text, start, end):
            continue
        width = min(len(line) - len(line.lstrip(" ")) for line in match[1].splitlines())
        if _BLANK.match(text, end) and _is_code_of_item(text, match.start() + 1, width):
            yield start, end


def _is_code_of_item(text: str, start: int, width: int) -> bool:
    """Whether lines this far indented are code of the item that the text before `start` is in."""
    least = width
    for _ in range(_MOST_LINES_UP):
        if start == 0:
            return False
        start, line = _line_above(text, start)
        if not line.strip(" \t\r"):
            continue
        item = _ITEM_LINE.match(line)
        if item:
            marker = _MARKER.match(line)
            fits = item.end() <= least and item.end() + 4 <= width
            return fits and marker is not None and _is_item(text, start, marker)
        if _NESTED.match(line):
            return False
        least = min(least, len(line) - len(line.lstrip(" ")))
    return False
