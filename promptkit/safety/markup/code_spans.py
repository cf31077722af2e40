"""Code spans, as far as every reader of Markdown takes them for code.

Source: CommonMark 0.31.2, 6.1, read as strictly as the head of `coded` says.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from promptkit.safety.markup.live_html import TAG_LINE, Ranges, inside

_BLANK_LINE: Final = re.compile(r"\n(?:[ \t]*+\r?\n)+")
_LINE_END: Final = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_RUN: Final = re.compile(r"`++")
_TABLE: Final = re.compile(r"^[ \t>]*+\|?[ \t]*+:?-+:?[ \t]*+(?:\|[ \t:|-]*)?\r?$", re.MULTILINE)
_COMPLETE: Final = re.compile(
    r"<[^<>`\"']*>|<[^<>`\"']*=(?:\"[^\"<>`]*\"|'[^'<>`]*')[^<>`\"']*>"
    r"|\]\([^()<>\"'`\s]*(?: +\"[^\"`()]*\")?\)"
)
_OPEN: Final = re.compile(r"<[A-Za-z/!?]|\]\(")


def spans_between(text: str, start: int, end: int, raw: Ranges) -> Ranges:
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
    end = _end_of_text(text, start, end, raw)
    remaining: dict[int, int] = defaultdict(int)
    for run in _RUN.finditer(text, start, end):
        remaining[run.end() - run.start()] += 1
    is_table = bool(_TABLE.search(text, start, end))
    spans: Ranges = []
    place, dollars = start, 0
    for line in _lines(text, start, end):
        for begins, closes in _pairs(text, start, line, remaining):
            if closes < 0:
                return spans
            before = text[place:begins]
            dollars += before.count("$")
            if _is_doubtful(before, text[begins:closes], is_table=is_table, odd=bool(dollars % 2)):
                return spans
            spans.append((begins, closes))
            place = closes
    return spans


def _end_of_text(text: str, start: int, end: int, raw: Ranges) -> int:
    """Where a paragraph may become HTML."""
    tag = TAG_LINE.search(text, start, end)
    if tag:
        end = text.rfind("\n", start, tag.end()) + 1 or start
    if inside(raw, start):
        return start
    index = bisect_left(raw, (start, -1))
    return min(end, raw[index][0]) if index < len(raw) else end


def _pairs(
    text: str, start: int, line: tuple[int, int], remaining: dict[int, int]
) -> Iterator[tuple[int, int]]:
    """The spans of a line, as start and end; -1 for an end that is in doubt."""
    runs = [run.span() for run in _RUN.finditer(text, *line)]
    later = _next_of_same_length(runs)
    index = 0
    while index < len(runs):
        begins, after = runs[index]
        partner = max(later[index], index)
        used = runs[index : partner + 1]
        for one, two in used:
            remaining[two - one] -= 1
        if any(one > start and text[one - 1] == "\\" for one, _ in used):
            yield begins, -1
        elif partner > index:
            yield begins, runs[partner][1]
        elif remaining[after - begins]:
            yield begins, -1  # it may pair with one of another line
        index = partner + 1


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
    word = before[max(before.rfind(" "), before.rfind("\n")) + 1 :]
    if "://" in word or "www." in word:
        return True  # some readers take the backtick into the address
    if "]]" in span or "\\)" in span or "\\]" in span:
        return True
    if _OPEN.search(before):
        return bool(_OPEN.search(_COMPLETE.sub("", before)))
    return False
