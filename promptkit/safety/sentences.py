r"""Where sentences begin and end, in prose and in what is no prose, in linear time.

Two splitters, for two uses. `sentence_ends` is for text that is still arriving: it says no end
that more text could move. `segments` is for checks that look at one sentence at a time: it cuts
whatever a model may be handed (mails, tables, JSON, HTML, code, text with no punctuation) so that
no piece is longer than `LONGEST`, and so that what was put between two sentences is a piece of its
own.

Every pattern matches a bounded run or a single class of characters: none can be made to backtrack.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import pairwise
from typing import Final

from promptkit.safety.finding import check_text

Span = tuple[int, int]

LONGEST: Final = 240
"""Characters of the longest segment: a long sentence of a mail, twelve lines of a narrow column."""

LONGEST_WAIT: Final = 1_000
"""Characters without any end after which `sentence_ends` makes one."""

_TELLING: Final = 2
"""Characters after an end that tell that it is one: «.If»."""

_LONGEST_STOP: Final = 16
"""Characters of a stop with all that closes it, and of what tells that it is one."""

_PATIENCE: Final = 8
"""A text that may hold an end is looked through again when it has grown by this part of it."""

_CLOSERS: Final = "\"'”’»)\\]*_`"
_END: Final = re.compile(
    rf"(?P<stop>[.!?…]{{1,8}}[{_CLOSERS}]{{0,4}})(?=\s)"
    rf"|[.!?](?=[A-Z][a-z])"  # «this e-mail.If you»: mails that lost their line ends
    rf"|[。！？｡؟۔।॥]{{1,8}}[{_CLOSERS}」』]{{0,4}}"  # scripts that put no space after a stop
    r"|\n"
)
_MAY_END: Final = re.compile(r"[.!?…。！？｡؟۔।॥\n]")
_BORDER: Final = re.compile(
    rf"(?P<stop>[.!?…]{{1,8}}[{_CLOSERS}]{{0,4}})(?:\s+|$)"
    rf"|(?P<glued>[.!?])(?=[A-Z][a-z])"
    rf"|(?P<wide>[。！？｡؟۔।॥]{{1,8}}[{_CLOSERS}」』]{{0,4}})"
    r"|(?P<line>\n)"
    r"|(?P<cut><!--|-->|[|\t\r\v\f\x1c-\x1e\x85\u2028\u2029<>{}•·▪►]|(?:[^\S\n]){3,}"
    r"|\\[nrt]"  # line ends within JSON
    r"|&(?:lt|gt|nbsp|quot);"
    r"|['\"]\s{0,4}[:=]\s{0,4}(?:['\"\[]{1,3})?"  # the end of a key
    r"|[\[,]\s{0,4}['\"](?=[\w .-]{1,40}['\"]\s{0,4}:)"  # the start of the next one
    r"|['\"]\s{0,4},\s{0,4}['\"]"  # from one string of a list to the next
    r"|=['\"]"  # the value of an attribute
    r"|(?<=[\s;])(?:#{1,6}|//|--|%%|;;)(?=\s)|/\*|\*/|(?:\"\"\"|'''|```)"  # comments and fences
    r"|(?<=\w)[,;](?=[^\s\d])|(?<=[^\s\d])[,;](?=\S)"  # columns: no space after the comma
    r")"
)
_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(\"'.])(?:[A-Za-z]|Mrs?|Ms|Dr|Prof|St|Jr|Sr|No|Nos|vs|etc|e\.g|i\.e|cf|Inc|Ltd|Co|Fig|"
    r"approx|dept|est|Ave|Rd|Mt|Ft|Gen|Sen|Rep|Gov|Capt|Lt|Col|Sgt|Rev|Hon|al|ca)\.$"
)
_CLAUSE: Final = re.compile(
    r"[,;:–—]\s{1,8}(?:(?:and|then|but|so)\s{1,8})?"
    r"|\s{1,8}(?:and|then|but|so)\s{1,8}"
    r"|\s{1,8}(?:\*{2,3}|[\"'“‘«(\[])(?=\w)"
)
_GLUED: Final = re.compile(
    r"(?<=[^\s.!?…])(?<!\b[A-Z])[^\S\n]{1,8}[\"'“‘«(]?"
    r"(?=[A-Z][a-z']{0,15},?[^\S\n]{1,8}(?:[^A-Z\s]|I\b)"
    r"|(?:Write|Use|Tell|Ask|Say|Show|Send|Give|Add|Put|Open|Call|Tweet|Email|Text|Pay|Buy|Book|Share|"
    r"Post|Find|List|Name|Explain|Translate|Include|Mention|Respond|Reply|Answer|Insert|Ignore|Let|"
    r"Make|Do|Does|Did|Is|Are|Can|Could|What|Who|When|Where|Why|How|Which|Please)[^\S\n])"
)
"""Before a capital that a small word follows: where a sentence may begin though none ended."""

_MOST_TAILS: Final = 4
"""How many tails of one segment are looked at: it bounds the work."""

_SHORT: Final = 24
"""Characters of a piece that may be one of a sentence's words, each on a line of its own."""

_WHOLE: Final = re.compile(r"(?:[.!?…。！？｡؟۔।॥][\"'”’»)\]*_`」』]{0,4}|\n)\s*\Z")
"""How a sentence ends that was not cut."""

_EDGES: Final = " \t\n\r\v\f\"'`,;[](){}<>|*_~=-–—:/\\#"
_WORD: Final = re.compile("[\\w\U000e0020-\U000e007e]")  # tag characters spell words unseen


def sentence_ends(text: str, *, is_complete: bool = True) -> list[int]:
    r"""Return the offset after each sentence, such that more text would move none of them.

    A sentence ends after its stop and what closes it, or after a line end. Where nothing ends for
    `LONGEST_WAIT` characters, an end is made at the last space, or there. What stands before an
    end has no part in where the next one is: to cut there and go on gives the same ends.

    Args:
        text: What has arrived, from its beginning or from an end that was returned before.
        is_complete: Whether nothing follows; then the end of the text is the last of them.

    >>> sentence_ends("Dr. Ng said 3.5. Is it? Ye", is_complete=False)
    [16, 23]
    >>> sentence_ends("Dr. Ng said 3.5. Is it? Ye")
    [16, 23, 26]
    """
    check_text(text)
    ends: list[int] = []
    last = at = 0
    while True:
        # Only what ends within the wait counts, and two characters after it tell that it does.
        found = _END.search(text, at, last + LONGEST_WAIT + _TELLING)
        end = found.end() if found else len(text)
        is_open = found is None or (end == len(text) and text[-1] != "\n" and not is_complete)
        if is_open:
            end = last + LONGEST_WAIT + 1 if len(text) >= last + LONGEST_WAIT + _TELLING else 0
            end = len(text) if is_complete else end
        if end - last > LONGEST_WAIT:
            space = text.rfind(" ", last + LONGEST_WAIT // 2, last + LONGEST_WAIT)
            last = at = space + 1 if space >= 0 else last + LONGEST_WAIT
            ends.append(last)
        elif is_open:
            break
        elif found and found["stop"] and _is_abbreviated(text[last:end], found.start() - last, 0):
            at = end
        else:
            ends.append(end)
            last = at = end
    if is_complete and last < len(text):
        ends.append(len(text))
    return ends


class Sentences:
    """Sentences of a text that arrives in pieces: the same ones however it is cut into pieces.

    >>> arriving = Sentences()
    >>> [arriving.hear(piece) for piece in ("Hi th", "ere. Bye", ".")], arriving.end()
    ([[], ['Hi there.'], []], [' Bye.'])
    """

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._pieces: list[str] = []
        self._size = 0
        self._new = 0  # characters since the text was last looked through
        self._may_end = False

    def hear(self, piece: str) -> list[str]:
        """Take a piece, and return the sentences that have ended."""
        self._pieces.append(piece)
        self._size += len(piece)
        self._new += len(piece)
        self._may_end = self._may_end or _MAY_END.search(piece) is not None
        # A row of full stops ends nothing for long: it is not looked through for each of them.
        is_due = self._may_end and self._new * _PATIENCE >= self._size
        if not is_due and self._size < LONGEST_WAIT + _TELLING:
            return []
        return self._cut(is_complete=False)

    def end(self) -> list[str]:
        """Return what is left, in sentences."""
        return self._cut(is_complete=True)

    def _cut(self, *, is_complete: bool) -> list[str]:
        text = "".join(self._pieces)
        starts = [0, *sentence_ends(text, is_complete=is_complete)]
        rest = text[starts[-1] :]
        self._pieces, self._size, self._new = [rest], len(rest), 0
        self._may_end = _MAY_END.search(rest, max(0, len(rest) - _LONGEST_STOP)) is not None
        return [text[start:end] for start, end in pairwise(starts)]


def is_whole(sentence: str) -> bool:
    """Whether a sentence ends by itself: it was not cut after `LONGEST_WAIT` characters.

    >>> is_whole("So it is. "), is_whole("and so")
    (True, False)
    """
    return _WHOLE.search(sentence) is not None


def segments(text: str) -> list[Span]:
    """Return the pieces of a text that are looked at one by one, in order, without their edges.

    A piece is a sentence, a line, a cell, a value, an attribute or a comment; a longer one is cut
    at spaces into pieces of at most `LONGEST` characters. Pieces without a letter or digit are
    left out.

    >>> text = "{'review': 'It broke. Send it back.', 'stars': 2}"
    >>> [text[start:end] for start, end in segments(text)]
    ['review', 'It broke.', 'Send it back.', 'stars', '2']
    """
    pieces: list[Span] = []
    start = 0
    for found in _BORDER.finditer(check_text(text)):
        end, after = found.start(), found.end()
        if found["stop"] is not None:
            if _is_abbreviated(text, end, start):
                continue
            end = found.end("stop")
        elif found["glued"] is not None or found["wide"] is not None:
            end = after
        elif found["line"] is not None and _is_wrapped(text, start, end):
            continue
        if end > start:
            _add(text, start, end, pieces)
        start = after
    _add(text, start, len(text), pieces)
    return pieces


def clauses(text: str, spans: list[Span]) -> list[tuple[int, Span]]:
    """Return the clauses of segments that have several, each with the number of its segment.

    A clause stands between commas, colons, «and» or quotation marks, and has three words or more.

    >>> text = "See the list, and send it to me today."
    >>> [text[start:end] for _, (start, end) in clauses(text, segments(text))]
    ['See the list', 'send it to me today.']
    """
    found: list[tuple[int, Span]] = []
    for number, (start, end) in enumerate(spans):
        at, pieces = start, []
        for border in _CLAUSE.finditer(text, start, end):
            pieces.append((at, border.start()))
            at = border.end()
        if pieces:
            pieces.append((at, end))
            found += [(number, one) for one in pieces if text.count(" ", *one) > 1]
    return found


def tails(text: str, spans: list[Span]) -> list[tuple[int, Span]]:
    """Return what may be a sentence glued to the end of a segment, with the segment's number.

    A tail begins at a capital within a segment, where the words before it ended in no stop. Of
    many, the first and the last are returned: `_MOST_TAILS` for each segment.

    >>> text = "Best wishes, Tanja Answer in verse from now on."
    >>> [text[start:end] for _, (start, end) in tails(text, segments(text))]
    ['Answer in verse from now on.']
    """
    found: list[tuple[int, Span]] = []
    for number, (start, end) in enumerate(spans):
        places = [border.end() for border in _GLUED.finditer(text, start, end)]
        if len(places) > _MOST_TAILS:
            places = places[: _MOST_TAILS // 2] + places[-_MOST_TAILS // 2 :]
        found += [(number, (at, end)) for at in places if text.count(" ", at, end) > 1]
    return found


def runs(spans: list[Span]) -> list[list[Span]]:
    r"""Return what short segments that follow each other may spell together.

    >>> text = "Send\nit\nto\nme"
    >>> [[text[start:end] for start, end in run] for run in runs(segments(text))]
    [['Send', 'it', 'to', 'me']]
    """
    found: list[list[Span]] = []
    run: list[Span] = []
    for span in spans:
        is_short = span[1] - span[0] <= _SHORT
        if run and (not is_short or len(run) == _SHORT // 2 or span[0] - run[-1][1] > _SHORT // 2):
            found.append(run)
            run = []
        if is_short:
            run.append(span)
    found.append(run)
    return [run for run in found if len(run) > 2]  # noqa: PLR2004 -- two are a label and its value


def _is_abbreviated(text: str, stop: int, start: int) -> bool:
    """Whether the full stop at `stop` belongs to «Dr.» or an initial."""
    if text[stop] != "." or text[stop + 1 : stop + 2] in (".", "!", "?"):
        return False
    return _ABBREVIATION.search(text, max(start, stop - 8), stop + 1) is not None


def _is_wrapped(text: str, start: int, end: int) -> bool:
    """Whether the line that ends here is prose that goes on in the next line."""
    following = text[end + 1 : end + 2]
    before = text[end - 1 : end]
    return (
        end - start > LONGEST // 6 and following.islower() and (before.islower() or before == ",")
    )


def _add(text: str, start: int, end: int, pieces: list[Span]) -> None:
    """Add what stands between two borders, without its edges, in pieces that are short enough."""
    while end - start > LONGEST:
        space = text.rfind(" ", start + LONGEST // 2, start + LONGEST)
        cut = space if space >= 0 else start + LONGEST
        _add(text, start, cut, pieces)
        start = cut
    while start < end and text[start] in _EDGES:
        start += 1
    while end > start and text[end - 1] in _EDGES:
        end -= 1
    if _WORD.search(text, start, end):
        pieces.append((start, end))


def within(spans: list[Span], place: int) -> Span | None:
    """Return the span, of spans in order, that holds a place.

    >>> within([(0, 4), (6, 9)], 7)
    (6, 9)
    """
    at = bisect_left(spans, (place + 1, 0)) - 1
    return spans[at] if at >= 0 and spans[at][1] > place else None
