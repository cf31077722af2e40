"""Finds words in the alphabets of «fancy text» generators, made of the signs of many scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from promptkit.safety.confusables import FANCY_TABLES
from promptkit.safety.rewriting import Edit
from promptkit.safety.scripts import SCRIPT

_CHUNK: Final = re.compile(r"\S+")
_EASTERN: Final = frozenset(("HIRAGANA", "KATAKANA", "HALFWIDTH", "CJK", "HANGUL", "SIGN"))


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
    if len(scripts) < 2 and not scripts <= {"YI", "ETHIOPIC"}:
        return
    for table in FANCY_TABLES:
        if all(c in table or c in "'-" or (c.isascii() and c.isalnum()) for c in body):
            plain = "".join(table.get(c, c) for c in body)
            if _is_mixed(scripts):
                yield Edit(offset + start, offset + end, plain, "fancy_letters", plain)
            return


def _is_mixed(scripts: set[str]) -> bool:
    """Tell whether scripts never stand in one word: Japanese alone mixes three."""
    return not scripts <= _EASTERN
