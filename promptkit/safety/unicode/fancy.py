"""Finds words in the alphabets of «fancy text» generators, made of the signs of many scripts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from promptkit.safety.unicode.confusables import FANCY_TABLES
from promptkit.safety.unicode.rewriting import Edit
from promptkit.safety.unicode.scripts import SCRIPT

_CHUNK: Final = re.compile(r"\S+")
_EASTERN: Final = frozenset(("HIRAGANA", "KATAKANA", "HALFWIDTH", "CJK", "HANGUL", "SIGN"))
_ANY: Final = {c: letter for table in FANCY_TABLES for c, letter in table.items()}
"""All alphabets together, for words that mix them."""

_ASCII: Final = frozenset(map(chr, range(128)))
_WORD: Final = re.compile(r"[^\W\d_]{5,}")


def find(text: str) -> list[Edit]:
    """Return words in the made-up alphabets of text generators.

    >>> [e.new for e in find("卂丨丨 ᗪㄖㄥㄥ")]
    ['doll']
    """
    edits: list[Edit] = []
    for match in _CHUNK.finditer(text):
        chunk = match.group()
        if chunk.isascii() or len(chunk) < 3 or len(chunk) > 60:
            continue
        if not _ANY.keys() >= set(chunk) - _ASCII:
            continue
        edits += _fancy(chunk, match.start())
    return edits


def _fancy(chunk: str, offset: int) -> Iterator[Edit]:
    start, end = 0, len(chunk)
    while end > start and chunk[end - 1] in ".,!?:;)\"'":
        end -= 1
    while start < end and chunk[start] in "(\"'":
        start += 1
    body = chunk[start:end]
    odd = [c for c in body if not c.isascii()]
    if len(odd) < 3 or len(odd) * 2 < len(body):
        return
    scripts = {SCRIPT[c] if c.isalpha() else "SIGN" for c in odd}
    # In Latin letters alone: nearly all of them foreign, and of no one language.
    is_strange = scripts == {"LATIN"} and len(odd) * 5 >= len(body) * 4 and len(set(odd)) >= 4
    if len(scripts) < 2 and not scripts <= {"YI", "ETHIOPIC"} and not is_strange:
        return
    for table in FANCY_TABLES:
        if all(c in table or c in "'-" or (c.isascii() and c.isalnum()) for c in body):
            plain = "".join(table.get(c, c) for c in body)
            if _is_mixed(scripts):
                yield Edit(offset + start, offset + end, plain, "fancy_letters", plain)
            return
    if len(scripts - _EASTERN) >= 3 and all(c in _ANY or c.isascii() for c in body):
        plain = "".join(_ANY.get(c, c) for c in body)
        yield Edit(offset + start, offset + end, plain, "fancy_letters", plain)


def _is_mixed(scripts: set[str]) -> bool:
    """Tell whether scripts never stand in one word: Japanese alone mixes three."""
    return not scripts <= _EASTERN


def find_accents(text: str) -> list[Edit]:
    """Return words in which nearly every letter has an accent, of three kinds or more.

    >>> [e.new for e in find_accents("Ìğņòŕė řûļėş, Příliš žluťoučký")]
    ['Ignore', 'rules']
    """
    edits: list[Edit] = []
    if text.isascii():
        return edits
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isascii() or SCRIPT[word[0]] != "LATIN":
            continue
        parts = [unicodedata.normalize("NFD", c) for c in word]
        marked = [p for p in parts if len(p) > 1 and p[0].isascii()]
        if len(marked) * 4 >= len(word) * 3 and len({p[1] for p in marked}) >= 3:
            plain = "".join(p[0] for p in parts)
            edits.append(Edit(*match.span(), plain, "accented_letters", plain, confidence=0.8))
    return edits
