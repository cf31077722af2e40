"""Where a text quotes: between quotation marks of any language, and in block quotes.

Marks open and close as people set them: a straight or single one opens only before a word and
closes only after one, so that apostrophes and inches are none. A quotation within another belongs
to it. One that goes over several paragraphs may open anew in each; one that is never closed ends
with its paragraph. Code and HTML attributes quote nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from promptkit.safety.markup.coded import code_ranges

_CLOSERS: Final = {
    "“": '”“"',
    "„": '“”"',
    "«": "»",
    "‹": "›",
    "「": "」",
    "『": "』",
    "〝": "〟〞",
    "﹁": "﹂",
    "‘": "’",
    "‚": "‘’",
    '"': '"”',
    "＂": "＂",
    "'": "'",
    "»": "«",
    "›": "‹",
    "``": "''",
}
"""Which marks may close a quotation that a mark opened."""

_SINGLE: Final = frozenset("‘‚'’‹›")
_MARK: Final = re.compile("``|''|[“”„«»‹›「」『』〝〞〟﹁﹂‘’‚\"＂']|\n[ \t]*\r?\n")
_TAG: Final = re.compile(r"<[A-Za-z/][^<>\n]{0,2000}>")
_CLIPPED: Final = re.compile(
    r"['’](?:\d0s|tis|twas|twere|em|n|til|cause|bout|round|cuz|kay|nuff|neath)\b", re.IGNORECASE
)
_NEXT_SINGLE: Final = re.compile(
    r"(?P<closes>(?<=[^\s'’‘])['’](?!\w))|(?P<opens>(?<![^\s(\[])['‘](?=\w))"
)
_FARTHEST: Final = 600
"""Characters after «s'» in which the mark is looked for that really closes."""

_BLOCK: Final = re.compile(r"(?:^[ ]{0,3}>[^\n]*(?:\n|\Z))+", re.MULTILINE)
_QUOTE_SIGN: Final = re.compile(r"^[ ]{0,3}(?:> ?)+", re.MULTILINE)
_NOTE: Final = re.compile(r"\s*(?:\[!\w+\]|\*\*\w+:?\*\*:?\s)")
_SOURCE_LINE: Final = re.compile(r"\n[ >]*(?:[-–—]{1,3}|―)[ ]?[^\n]{1,200}\s*\Z")
_WORDS: Final = re.compile(r"[^\W_]")


class Quotation(NamedTuple):
    """What is quoted, without its marks, and where that stands in the text."""

    text: str
    start: int
    end: int


def quotations(text: str) -> list[Quotation]:
    """Return the quotations of a text, in order.

    >>> [q.text for q in quotations("It's “one ‘and’ two”, not 'three'.")]
    ['one ‘and’ two', 'three']
    """
    masked = _masked(text, [*code_ranges(text), *(m.span() for m in _TAG.finditer(text))])
    found: list[Quotation] = []
    place = 0
    for block in _BLOCK.finditer(masked):
        found += _marked(text, masked, place, block.start())
        found += _block(text, masked, *block.span())
        place = block.end()
    found += _marked(text, masked, place, len(text))
    return [quotation for quotation in found if _WORDS.search(quotation.text)]


def _masked(text: str, ranges: list[tuple[int, int]]) -> str:
    pieces, place = [], 0
    for start, end in sorted(ranges):
        if end > place:
            pieces += [text[place : max(start, place)], "\ue000" * (end - max(start, place))]
            place = end
    return "".join([*pieces, text[place:]])


def _block(text: str, masked: str, start: int, end: int) -> Iterator[Quotation]:
    """A block quote: one quotation, or those between marks if it is all marks and their source."""
    inner = text[start:end]
    if _NOTE.match(_QUOTE_SIGN.sub("", inner[:200])):
        return
    source_line = _SOURCE_LINE.search(inner)
    if source_line and source_line.start() > 0:
        end = start + source_line.start()
        inner = text[start:end]
    plain = _QUOTE_SIGN.sub(lambda sign: " " * len(sign.group()), inner)
    lead = len(plain) - len(plain.lstrip())
    plain = plain.strip()
    begins = start + lead
    marked = list(_marked(text, masked, begins, end))
    if marked and _is_all_marked(masked, begins, end, marked):
        yield from marked
        return
    yield Quotation(_QUOTE_SIGN.sub("", inner).strip(), begins, begins + len(plain))


def _is_all_marked(text: str, start: int, end: int, marked: list[Quotation]) -> bool:
    """Whether a block says nothing outside its marks but, after them, who said it."""
    place = start
    for quotation in marked:
        if _WORDS.search(text, place, quotation.start):
            return False
        place = quotation.end
    after = text[place:end].strip(" \n>*_”\"’'»“")
    return not after or after[0] in "-–—―(~,["


class _Ahead:
    """Whether a sign comes before the next blank line: places are asked for in order."""

    def __init__(self, text: str, sign: str, end: int) -> None:
        self._text = text
        self._end = end
        self._signs = (sign, "\n\n")
        self._places = [-1, -1]

    def is_in_paragraph(self, place: int) -> bool:
        for index, sign in enumerate(self._signs):
            if self._places[index] < place:
                found = self._text.find(sign, place, self._end)
                self._places[index] = found if found >= 0 else self._end + index
        return self._places[0] < self._places[1] and self._places[0] < self._end


def _marked(text: str, masked: str, start: int, end: int) -> Iterator[Quotation]:
    """Quotations between marks, the outer ones only."""
    mark, begins = "", 0
    depth = closed = 0
    curly = _Ahead(masked, "”", end), _Ahead(masked, "“", end)
    for match in _MARK.finditer(masked, start, end):
        sign, place = match.group(), match.start()
        if not mark:
            if sign[0] != "\n" and _opens(masked, match, end):
                mark, begins, depth, closed = sign, match.end(), 0, 0
            continue
        if sign[0] == "\n":
            if _goes_on(masked, match.end(), mark):
                continue
            place = closed or place
        elif _opens_within(masked, match, mark, end):
            depth += 1
            continue
        elif not _may_close(masked, match, (mark, begins), curly):
            continue
        elif depth:
            depth, closed = depth - 1, place
            continue
        yield Quotation(text[begins:place], begins, place)
        mark = ""
    if mark and begins < end and (closed or mark not in _SINGLE):
        stop = closed or begins + len(text[begins:end].rstrip())
        yield Quotation(text[begins:stop], begins, stop)


def _may_close(
    text: str, match: re.Match[str], opened: tuple[str, int], curly: tuple[_Ahead, _Ahead]
) -> bool:
    """Whether a mark can close a quotation, and no better one for it follows."""
    mark, sign = opened[0], match.group()
    if sign not in _closers(mark) or not _closes(text, match, opened):
        return False
    if sign == mark != '"' and text[match.start() - 1] == "\n":
        return False  # each paragraph of a long quotation opens it anew
    better = {"“": curly[:1], "„": curly}.get(mark, ()) if sign == '"' else ()
    return not [ahead for ahead in better if ahead.is_in_paragraph(match.end())]


def _opens_within(text: str, match: re.Match[str], mark: str, end: int) -> bool:
    """Whether a mark opens a quotation within one that the same kind of mark opened."""
    sign, place = match.group(), match.start()
    if sign != mark or mark in _SINGLE or mark == "``":
        return False
    after = text[match.end()] if match.end() < end else " "
    before = text[place - 1] if place else "\n"
    if mark in "„«「『〝﹁":
        return before != "\n"
    return after.isalnum() and (before in " \t([—–-" or (before == mark and before != "\n"))


def _closers(mark: str) -> tuple[str, ...]:
    return ("''", '"') if mark == "``" else tuple(_CLOSERS[mark])


def _goes_on(text: str, place: int, mark: str) -> bool:
    """Whether the paragraph that begins here opens the same quotation anew."""
    return mark not in _SINGLE and text.startswith(mark, place)


def _opens(text: str, match: re.Match[str], end: int) -> bool:
    mark = match.group()
    if mark not in _CLOSERS:
        return False
    before = text[match.start() - 1] if match.start() else " "
    after = text[match.end()] if match.end() < end else " "
    if mark == "‘":  # it may be an apostrophe set the wrong way round
        clipped = _CLIPPED.match("'" + text[match.end() : match.end() + 8])
        return not before.isalnum() and not clipped
    if mark in "“„«‹「『〝﹁‚``":
        return True
    if after.isspace() or before.isalnum() or (mark in "»›" and not after.isalnum()):
        return False
    if mark == "'":
        return not _CLIPPED.match(text, match.start()) and not (
            before in "'’" or after in ",.;:!?)"
        )
    return True


def _closes(text: str, match: re.Match[str], opened: tuple[str, int]) -> bool:
    mark, start = opened
    if match.start() == start:
        return True
    if mark not in _SINGLE and mark != '"':
        return True
    before = text[match.start() - 1]
    after = text[match.end()] if match.end() < len(text) else " "
    if mark == '"':
        return not (before.isspace() and after.isalnum())
    if after.isalnum() or before.isspace():
        return False
    return not (
        mark in "'‘‚" and before in "sS" and after == " " and _closes_later(text, match.end())
    )


def _closes_later(text: str, place: int) -> bool:
    """Whether a single mark closes further on before one opens: «the dogs' bowl'»."""
    following = _NEXT_SINGLE.search(text[place : place + _FARTHEST].partition("\n\n")[0])
    return following is not None and following.lastgroup == "closes"
