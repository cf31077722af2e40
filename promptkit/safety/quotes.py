"""Are the quotations of an answer in its source, word for word?

A quotation is found if its wording stands in the source (see `wording`), from word to word: «cat»
is not in «concatenate». What an ellipsis leaves out may be of any length, but the parts must stand
in the source in that order. There is no threshold: fuzzy matching takes 90 to 100 % of quotations
with one word changed for true ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from promptkit.safety.finding import check_text
from promptkit.safety.quoting.quotations import quotations
from promptkit.safety.quoting.wording import BROKEN, ELLIPSIS, Searched, Wording, wording

_FIRST_LETTER: Final = re.compile(r"\[(\w{1,2})\](?=\w)")
"""«[t]he»: a letter whose case was changed to fit the sentence."""

_SIC: Final = re.compile(
    r"\s?[\[(](?:sic|emphasis (?:added|mine)|my emphasis)[.!]?[\])]", re.IGNORECASE
)


_MOST_CAPITALS: Final = 20
"""Places that are looked at for a word without its drop capital."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteCheck:
    """Whether a quotation is in the source.

    Attributes:
        quote: What is quoted, without its marks.
        found: Whether the source says so, word for word.
        span: Where in the source, from the first word to the last; None if it is not there.
        place: Where the quotation stands in the answer, without its marks.
        source: Which of several sources says so, counted from 0.
    """

    quote: str = field(repr=False)
    found: bool
    span: tuple[int, int] | None
    place: tuple[int, int]
    source: int | None = None


def verify_quotes(answer: str, source: str | Sequence[str]) -> tuple[QuoteCheck, ...]:
    """Look up each quotation of an answer in its source: one check per quotation, in order.

    Quotations are what stands between quotation marks of any language, single words too, and
    Markdown block quotes. Letter case, typography, punctuation at both ends, «[t]he» and «[sic]»
    may differ; words, numbers and inner punctuation may not.

    What it does not cover: quotations without marks; words in brackets that replace others; whether
    a true quotation is torn from its context. It takes time in proportion to the source for each
    different quotation.

    Args:
        answer: The text that quotes.
        source: What is quoted, or several such texts; none is put together from two.

    Raises:
        TypeError: If an argument is no str.

    >>> source = "The cat sat on the mat. It slept."
    >>> [(c.found, c.span) for c in verify_quotes("“cat … slept”, “the dog”", source)]
    [(True, (4, 32)), (False, None)]
    """
    check_text(answer)
    sources = _sources(source)
    found = quotations(answer)
    if not found:
        return ()
    searched = [list(_searched(text)) for text in sources]
    known: dict[str, tuple[int, tuple[int, int]] | None] = {}
    checks = []
    for quotation in found:
        if quotation.text not in known:
            known[quotation.text] = _first(quotation.text, searched)
        hit = known[quotation.text]
        checks.append(
            QuoteCheck(
                quote=quotation.text,
                found=hit is not None,
                span=hit[1] if hit else None,
                place=(quotation.start, quotation.end),
                source=hit[0] if hit else None,
            )
        )
    return tuple(checks)


def _sources(source: Any) -> list[str]:
    if isinstance(source, str):
        return [source]
    if not isinstance(source, (list, tuple)):
        raise TypeError(f"a source of type {type(source).__name__}: give a str, or a list of them")
    return [check_text(text) for text in source]


def _searched(text: str) -> Iterator[Searched]:
    yield Searched(text, wording(text))
    if BROKEN.search(text):
        yield Searched(text, wording(text, joins_broken=True))


def _first(quote: str, searched: list[list[Searched]]) -> tuple[int, tuple[int, int]] | None:
    readings = list(_readings(quote))
    for index, texts in enumerate(searched):
        for text in texts:
            for reading in readings:
                span = _found(reading, text)
                if span:
                    return index, span
    return None


def _readings(quote: str) -> Iterator[Wording]:
    """How a quotation may be meant: as it stands, and with brackets that are the quoter's own."""
    plain = wording(quote).trimmed()
    seen = {plain.words}
    yield plain
    edited = _FIRST_LETTER.sub(r"\1", _SIC.sub("", quote))
    for reading in (
        wording(edited).trimmed(),
        wording(edited).without("[]").trimmed(),
        wording(edited, joins_broken=True).trimmed(),
    ):
        if reading.words not in seen:
            seen.add(reading.words)
            yield reading


def _found(quote: Wording, text: Searched) -> tuple[int, int] | None:
    """Where a quotation stands: whole, or its parts in order."""
    if not quote.words:
        return None  # nothing but references and marks
    whole = text.find(quote.words)
    source = text.wording
    if whole >= 0:
        return source.starts[whole], source.ends[whole + len(quote.words) - 1]
    if ELLIPSIS not in quote.words:
        return _without_drop_capital(quote, text)
    parts = [part for part in _parts(quote) if part.words]
    if not parts:
        return None
    first = place = -1
    for part in parts:
        index = text.find(part.words, max(place, 0))
        if index < 0:
            return None
        first = index if first < 0 else first
        place = index + len(part.words)
    return source.starts[first], source.ends[place - 1]


def _without_drop_capital(quote: Wording, text: Searched) -> tuple[int, int] | None:
    """Where a quotation stands that lost the first letter of its first word, a capital set apart.

    Not an A: «amoral» and «atypical» say the opposite of what is left.
    """
    first, *rest = quote.words
    index = 0
    for _ in range(_MOST_CAPITALS if rest and first.isalpha() and len(first) > 1 else 0):
        index = text.find(tuple(rest), index)
        if index < 1:
            return None
        word = text.wording.words[index - 1]
        start = text.wording.starts[index - 1]
        is_capital = text.text[start].isupper() and word[0] != "a"
        if is_capital and word[1:] == first:
            return start + 1, text.wording.ends[index + len(rest) - 1]
        index += 1
    return None


def _parts(quote: Wording) -> Iterator[Wording]:
    first = 0
    for index, word in enumerate(quote.words):
        if word == ELLIPSIS:
            yield quote.part(first, index).trimmed()
            first = index + 1
    yield quote.part(first, len(quote.words)).trimmed()
