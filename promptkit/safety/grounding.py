"""Does an answer say only what its source says? What can be told without a model.

Numbers, names and quotations of the answer are looked up in the source. What is missing is a sign
of invention; that all is there proves little, since words between them may still be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from promptkit.result import Verdict
from promptkit.safety.finding import Finding, check_text
from promptkit.safety.markup.coded import code_ranges
from promptkit.safety.quotes import verify_quotes
from promptkit.safety.quoting.figures import SPOKEN, figures
from promptkit.safety.quoting.wording import Searched, Wording, wording

_MONTHS_TEXT: Final = (
    "january february march april may june july august september october november december"
)
_MONTHS: Final = _MONTHS_TEXT.split()
_COMMON_TEXT: Final = (
    "a about above according additionally after again all almost along already also although"
    " always among an and another any are as at based because before below besides both but by can"
    " consequently could currently despite did do does due during each either even every except"
    " few finally first for from furthermore given had has have he hence her here his how however"
    " i if in including indeed instead into is it its just last later let like many may meanwhile"
    " more moreover most much my neither never nevertheless next no none nor not note now of often"
    " on once one only or other others our out over overall per perhaps please rather regarding"
    " second several she should similarly since so some still such than that the their them then"
    " there therefore these they third this those though through thus to together too two under"
    " unlike until up upon us very was we were what when where whereas whether which while who"
    " whose why will with within without would yes yet you your answer summary source text"
    " document question yesterday today tomorrow"
)
_COMMON: Final = frozenset(_COMMON_TEXT.split())
"""Words that begin sentences with a capital and name nothing."""

_LINKS_TEXT: Final = "of de la le du des da di del van von der den the and for y e bin al"
_LINKS: Final = frozenset(_LINKS_TEXT.split())
"""Small words inside names."""

_ENDERS: Final = frozenset('.!?:;\n•|#>*-–—“"«‘([…')


_LONGEST_NAME: Final = 12
"""Words; more capitalised ones in a row are a headline."""


class Name(NamedTuple):
    """Capitalised words in a row."""

    words: tuple[str, ...]
    start: int
    end: int


def grounded(answer: str, source: str | Sequence[str]) -> Verdict:
    """Judge whether numbers, names and quotations of an answer stand in its source.

    The evidence is a finding for each that does not: kind "number", "name" or "quotation", with its
    span in the answer. «unsure» where the answer holds none of them. The score is the share that
    was found. No model is asked.

    What it does not cover: statements without a number or a name; a true number said of the wrong
    thing; sums, roundings and conversions of units, which count as missing; numbers in words up to
    twelve; names in scripts without capitals, and in German, where every noun has one; names that
    begin a sentence and are a single word.

    Raises:
        TypeError: If an argument is no str.

    >>> grounded("It rose by 12 % in Berlin.", "In Berlin it rose by 12 percent.").outcome
    'pass'
    >>> verdict = grounded("It rose by 21 % in Bonn.", "In Berlin it rose by 12 percent.")
    >>> [finding.kind for finding in verdict.evidence], verdict.reason
    (['number', 'name'], '1 of 1 number, 1 of 1 name not in the source')
    """
    check_text(answer)
    sources = [source] if isinstance(source, str) else [check_text(text) for text in source]
    text = "\n\n".join(sources)
    known = frozenset(value for figure in figures(text) for value in figure.values)
    code = code_ranges(answer)
    checks = [
        *_numbers(answer, known, code),
        *_names(answer, text, known, code),
        *(("quotation", check.place, check.found) for check in verify_quotes(answer, sources)),
    ]
    if not checks:
        return Verdict("unsure", "no number, name or quotation to look up")
    missing = [
        Finding(kind=kind, span=span, action="ask", detail="not in the source")
        for kind, span, is_found in checks
        if not is_found
    ]
    score = 1 - len(missing) / len(checks)
    if not missing:
        return Verdict("pass", f"all {len(checks):,} found in the source", score, ())
    parts = []
    for kind in ("number", "name", "quotation"):
        total = sum(check[0] == kind for check in checks)
        lost = sum(finding.kind == kind for finding in missing)
        if lost:
            parts.append(f"{lost:,} of {total:,} {kind}{'s' if total > 1 else ''}")
    ordered = tuple(sorted(missing, key=lambda finding: finding.span))
    return Verdict("fail", f"{', '.join(parts)} not in the source", score, ordered)


_Check = tuple[str, tuple[int, int], bool]


def _numbers(answer: str, known: frozenset[float], code: list[tuple[int, int]]) -> Iterator[_Check]:
    inside = _Inside(code)
    for figure in figures(answer):
        if figure.is_word and max(figure.values) <= SPOKEN:
            continue
        if not inside.holds(figure.start):
            yield "number", (figure.start, figure.end), not known.isdisjoint(figure.values)


def _names(
    answer: str, source: str, days: frozenset[float], code: list[tuple[int, int]]
) -> Iterator[_Check]:
    words = wording(source)
    searched = Searched(source, words)
    initials = {_initials(name) for name in _named(source, words)}
    inside = _Inside(code)
    for name in names(answer):
        if inside.holds(name.start):
            continue
        is_found = searched.find(name.words) >= 0 or all(
            _is_known(word, searched.known, initials, days) for word in name.words
        )
        yield "name", (name.start, name.end), is_found


class _Inside:
    """Whether places, asked for in order, lie in ranges."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        self._ranges = iter([*ranges, (1 << 62, 1 << 62)])
        self._range = next(self._ranges)

    def holds(self, place: int) -> bool:
        while self._range[1] <= place:
            self._range = next(self._ranges)
        return self._range[0] <= place


def _is_known(word: str, known: frozenset[str], initials: set[str], days: frozenset[float]) -> bool:
    if word in known or word in _LINKS or word in initials or not word[0].isalpha():
        return True
    if word in _MONTHS:
        return word[:3] in known or _MONTHS.index(word) + 1 in days
    return (word.endswith("s") and word[:-1] in known) or word + "s" in known


def _initials(name: Name) -> str:
    return "".join(word[0] for word in name.words if word not in _LINKS)


def names(text: str) -> Iterator[Name]:
    """Yield the names of a text: capitalised words in a row, but for those that begin a sentence.

    >>> [" ".join(name.words) for name in names("The Bank of England paid. Later Ann Lee left.")]
    ['bank of england', 'ann lee']
    """
    yield from _named(text, wording(text))


def _named(text: str, words: Wording) -> Iterator[Name]:
    row: list[int] = []
    begins = False
    last = 0
    for index, start in enumerate(words.starts):
        gap = text[last:start]
        is_start = index == 0 or words.words[index - 1] in _ENDERS or not _ENDERS.isdisjoint(gap)
        first = text[start]
        last = words.ends[index]
        if (
            first.isupper()
            and words.words[index] != "i"
            and not words.words[index].startswith("i'")
        ):
            if row and (is_start or len(row) >= _LONGEST_NAME):
                yield from _name(words.words, words.starts, words.ends, text, row, begins=begins)
                row = []
            if not row:
                begins = is_start
            row.append(index)
        elif row and words.words[index] in _LINKS and not is_start and not row[-1] < index - 1:
            row.append(index)
        elif row:
            yield from _name(words.words, words.starts, words.ends, text, row, begins=begins)
            row = []
    if row:
        yield from _name(words.words, words.starts, words.ends, text, row, begins=begins)


def _name(
    words: tuple[str, ...],
    starts: tuple[int, ...],
    ends: tuple[int, ...],
    text: str,
    row: list[int],
    *,
    begins: bool,
) -> Iterator[Name]:
    """The name in a row of words, without what begins the sentence and small words at its ends."""
    while row and words[row[-1]] in _LINKS and not text[starts[row[-1]]].isupper():
        row.pop()
    while row and words[row[0]] in _COMMON and (begins or len(row) > 1):
        row.pop(0)
        if not row:
            return
        begins = begins and words[row[0]] in _COMMON
    if not row:
        return
    only = text[starts[row[0]] : ends[row[0]]]
    if begins and len(row) == 1 and not only.isupper():
        return
    if len(row) == 1 and len(only) == 1:
        return
    yield Name(tuple(words[i] for i in row), starts[row[0]], ends[row[-1]])
