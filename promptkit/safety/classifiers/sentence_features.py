"""What the classifier of untrusted text looks at in each segment: words, their classes, patterns.

All segments of a text are worked on together, on whole arrays, so that a kilobyte costs a
fraction of a millisecond and ten megabytes take linear time. The features of a segment are hashed:
single words, pairs and pairs with a gap, the first five letters (a stem), pairs and triples of word
classes (`instruction_words`), what it begins with beside each class that it holds, and marks for
its beginning and end. Nothing outside a segment counts: the rest of a document cannot change a
score. Hashes are polynomials modulo 2**32, the same on every machine.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from promptkit.safety.classifiers.instruction_words import CLASSES, PLAIN

Words = NDArray[np.uint32]
Places = NDArray[np.int64]

BITS: Final = 16
"""There are 2**BITS buckets."""

_BASE: Final = np.uint32(0x01000193)
"""The FNV prime: odd, so that it has an inverse modulo 2**32."""

_INVERSE: Final = np.uint32(pow(0x01000193, -1, 2**32))
_MIX: Final = np.uint32(0x9E3779B1)
"""Knuth's multiplicative hash: the upper bits of the product are well mixed."""

_STEM: Final = 5
_BEGIN, _STOP = np.uint32(0x51ED270B), np.uint32(0x2545F491)
_IDEOGRAPHS: Final = 0x2E80
"""From here on scripts write no spaces: each character counts as a word."""

_HIDDEN: Final = (
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
)
_UNSEEN: Final = re.compile("[\U000e0000-\U000e01ef\ufe00-\ufe0f]")
_TAGS: Final = 0xE0000
_UNNAMED, _NUMBER, _SIGN, _CAPITAL, _WIDE, _FIRST, _LAST = range(7)
_KINDS: Final = 7
"""Classes by shape, which come before the listed ones: see `_shapes`."""


@dataclass(frozen=True, slots=True)
class Features:
    """The hashed features of some segments.

    Attributes:
        buckets: Shape (features,): each feature's bucket, segment by segment in no other order.
        owners: Shape (features,): the number of the segment each belongs to.
        dense: Shape (segments, DENSE): counts and shares, each about 0 to 1.
        words: Shape (segments,): how many words and signs a segment has, and its two marks.
    """

    buckets: Words
    owners: Places
    dense: NDArray[np.float32]
    words: Places


DENSE: Final = 6
"""Features that are counts or shares: see `_dense`."""


def features(text: str, spans: Sequence[tuple[int, int]]) -> Features:
    """Return what the classifier looks at in each segment of a text, in their order.

    Args:
        text: Any text; keep it within some ten thousand characters, all of it is in memory several
            times over.
        spans: The segments, in order and without overlap, as `sentences.segments` returns them.

    >>> found = features("What is it?", [(0, 11)])
    >>> int(found.words[0])
    6
    """
    codes, large, kept = _characters(text)
    begins = np.fromiter((start for start, _ in spans), np.int64, len(spans))
    ends = np.fromiter((end for _, end in spans), np.int64, len(spans))
    if kept is not None:
        begins, ends = kept[begins], kept[ends]
    starts, stops = _tokens(codes, np.concatenate([begins, ends]))
    segment = np.searchsorted(begins, starts, side="right") - 1
    inside = (segment >= 0) & (starts < ends[segment])
    starts, stops, segment = starts[inside], stops[inside], segment[inside]
    words, stems = _hashes(codes, starts, stops)
    classes = _classes(words, codes[starts], large[starts])

    # Two slots more than tokens in each segment: one before the first, one after the last.
    place = np.arange(len(starts)) + 2 * segment + 1
    size = len(starts) + 2 * len(spans)
    counts = np.bincount(segment, minlength=len(spans)) + 2
    last = np.cumsum(counts) - 1
    owner = np.repeat(np.arange(len(spans)), counts)
    slots = _laid(words, place, size, _STOP)
    slots[last - counts + 1] = _BEGIN
    stem_slots = _laid(stems, place, size, _STOP)
    stem_slots[last - counts + 1] = _BEGIN
    kinds = _laid(classes.astype(np.uint32), place, size, np.uint32(_LAST))
    kinds[last - counts + 1] = _FIRST
    cased = kinds + np.uint32(256) * _laid(
        large[starts].astype(np.uint32), place, size, np.uint32(0)
    )
    # What a segment begins with, beside each thing that it holds: «send … my».
    first = last - counts + 2
    leading, led = np.repeat(kinds[first], counts), np.repeat(stem_slots[first], counts)
    next_, after = owner[1:] == owner[:-1], owner[2:] == owner[:-2]
    found = [
        (_bucket(words, 1), segment),
        (_bucket(stems, 2), segment),
        (_bucket(_pair(slots[:-1], slots[1:]), 3)[next_], owner[:-1][next_]),
        (_bucket(_pair(slots[:-2], slots[2:]), 4)[after], owner[:-2][after]),
        (_bucket(_pair(stem_slots[:-1], stem_slots[1:]), 5)[next_], owner[:-1][next_]),
        (_bucket(_pair(cased[:-1], cased[1:]), 6)[next_], owner[:-1][next_]),
        (
            _bucket(_pair(_pair(kinds[:-2], kinds[1:-1]), kinds[2:]), 7)[after],
            owner[:-2][after],
        ),
        (_bucket(_pair(_pair(slots[:-2], kinds[1:-1]), slots[2:]), 8)[after], owner[:-2][after]),
    ]
    found += [(_bucket(_pair(leading, kinds), 9), owner), (_bucket(_pair(led, kinds), 10), owner)]
    return Features(
        np.concatenate([buckets for buckets, _ in found]),
        np.concatenate([owners for _, owners in found]),
        _dense(segment, classes, large[starts], counts),
        counts,
    )


def _characters(text: str) -> tuple[Words, NDArray[np.bool_], Places | None]:
    """Return folded characters, which were capitals, and where each place of the text has gone.

    Nothing has gone anywhere, and None is returned, where the text holds no hidden characters.
    """
    if text.isascii():
        codes = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.uint32)
        large = (codes >= ord("A")) & (codes <= ord("Z"))
        return codes + np.uint32(32) * large, large, None
    data = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    occurring, back = np.unique(data, return_inverse=True)
    table = np.array([_folded(int(code)) for code in occurring], np.uint32).reshape(-1, 2)
    codes, large = table[back, 0], table[back, 1].astype(bool)
    seen = codes > 0
    if seen.all():
        return codes, large, None
    kept = np.concatenate([[0], np.cumsum(seen)])
    return codes[seen], large[seen], kept


@lru_cache(maxsize=65_536)
def _folded(code: int) -> tuple[int, int]:
    """A character's plain lower-case letter, 0 for what shows nothing, and whether it was large."""
    character = chr(code)
    if code - _TAGS in range(ord(" "), 0x7F):  # tag characters: ASCII that shows nothing
        character = chr(code - _TAGS)
    elif character in _HIDDEN or _UNSEEN.match(character):
        return 0, 0
    elif character in "‘’ʼ":
        character = "'"
    elif unicodedata.combining(character):
        return 0, 0
    plain = unicodedata.normalize("NFKD", character)[:1] or character
    small = plain.lower()[:1]
    return ord(small), int(small != plain)


def _tokens(codes: Words, borders: Places) -> tuple[Places, Places]:
    """Return where words and signs start and end: a sign or an ideograph is one by itself.

    No word stands across a segment's border.
    """
    kind = _kind(codes)
    word = kind == 1
    if len(word) > 2:  # noqa: PLR2004 -- an apostrophe between two letters belongs to the word
        word[1:-1] |= (codes[1:-1] == ord("'")) & word[:-2] & word[2:]
    framed = np.concatenate([[False], word, [False]])
    cut = np.zeros(len(codes) + 1, bool)
    cut[borders] = True
    starts = np.flatnonzero(framed[1:] & (~framed[:-1] | cut))
    stops = np.flatnonzero(framed[:-1] & (~framed[1:] | cut))
    single = np.flatnonzero((kind >= 2) & ~word)  # noqa: PLR2004 -- see `_kinds`
    if not len(single):
        return starts, stops
    starts, stops = np.concatenate([starts, single]), np.concatenate([stops, single + 1])
    order = np.argsort(starts, kind="stable")
    return starts[order], stops[order]


@lru_cache(maxsize=1)
def _kinds() -> NDArray[np.uint8]:
    """The kind of each character below the ideographs: 0 space, 1 letter or digit, 2 sign."""
    kinds = [
        0
        if chr(code).isspace() or code < ord(" ")
        else 1
        if chr(code).isalnum() or code == ord("_")
        else 2
        for code in range(_IDEOGRAPHS)
    ]
    return np.array(kinds, np.uint8)


def _kind(codes: Words) -> NDArray[np.uint8]:
    found = _kinds()[np.minimum(codes, _IDEOGRAPHS - 1)]
    found[codes >= _IDEOGRAPHS] = 3
    return found


@lru_cache(maxsize=4)
def _powers(size: int) -> tuple[Words, Words]:
    """Powers of the base and of its inverse."""
    both = []
    for base in (_BASE, _INVERSE):
        powers = np.full(size, base, np.uint32)
        powers[0] = 1
        both.append(np.multiply.accumulate(powers, dtype=np.uint32))
    return both[0], both[1]


def _hashes(codes: Words, starts: Places, stops: Places) -> tuple[Words, Words]:
    """The hash of each token and of its first letters: differences of a running sum."""
    size = len(codes)
    powers, inverses = _powers(1 << max(10, size.bit_length()))
    sums = np.zeros(size + 1, np.uint32)
    np.add.accumulate((codes + np.uint32(1)) * powers[:size], dtype=np.uint32, out=sums[1:])
    before, scale = sums[starts], inverses[starts]
    cut = np.minimum(stops, starts + _STEM)
    return (sums[stops] - before) * scale, (sums[cut] - before) * scale


def _hash(word: str) -> int:
    """The hash of one word, as `_hashes` finds it."""
    found, power = 0, 1
    for letter in word:
        found, power = (found + (ord(letter) + 1) * power) % 2**32, power * int(_BASE) % 2**32
    return found


@lru_cache(maxsize=1)
def _listed() -> tuple[Words, NDArray[np.uint8]]:
    """The hashes of the listed words, in order, and their classes."""
    found: dict[int, int] = {}
    number = _KINDS
    for words in CLASSES.values():
        for word in words.split():
            found.setdefault(_hash(word), number)
        number += 1
    for word in dict.fromkeys(PLAIN.split()):
        found.setdefault(_hash(word), number)
        number += 1
    hashes = np.array(sorted(found), np.uint32)
    return hashes, np.array([found[int(value)] for value in hashes], np.uint8)


def _classes(words: Words, first: Words, large: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The class of each token: its list's, or its shape's."""
    kind = _kind(first)
    classes = np.where(large, np.uint8(_CAPITAL), np.uint8(_UNNAMED))
    classes[(first >= ord("0")) & (first <= ord("9"))] = _NUMBER
    classes[kind == 2] = _SIGN  # noqa: PLR2004 -- see `_kinds`
    classes[kind == 3] = _WIDE  # noqa: PLR2004
    hashes, listed = _listed()
    at = np.minimum(np.searchsorted(hashes, words), len(hashes) - 1)
    known = hashes[at] == words
    classes[known] = listed[at[known]]
    return classes


def _laid(values: Words, place: Places, size: int, filling: np.uint32) -> Words:
    slots = np.full(size, filling, np.uint32)
    slots[place] = values
    return slots


def _pair(left: Words, right: Words) -> Words:
    mixed: Words = (left * np.uint32(0x85EBCA6B)) ^ (left >> np.uint32(13))
    return mixed * _BASE + right


def _bucket(hashes: Words, seed: int) -> Words:
    seeded = hashes + np.uint32((seed * 0xC2B2AE35) % 2**32)
    seeded = (seeded ^ (seeded >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    mixed: Words = ((seeded ^ (seeded >> np.uint32(12))) * _MIX) >> np.uint32(32 - BITS)
    return mixed


def _dense(
    segment: Places,
    classes: NDArray[np.uint8],
    large: NDArray[np.bool_],
    counts: Places,
) -> NDArray[np.float32]:
    """Length, shares of capitals, numbers, signs and unlisted words; whether it is a label."""
    many = len(counts)

    def share(which: NDArray[np.bool_], of: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(segment[which], minlength=many) / np.maximum(of, 1)

    total = (counts - 2).astype(np.float64)
    content = (classes == _UNNAMED) | (classes == _CAPITAL)
    columns = [
        np.log1p(total) / 5,
        share(large, total),
        share(classes == _NUMBER, total),
        share(classes == _SIGN, total),
        share(content, total),
        total < 4,  # noqa: PLR2004 -- a label or a cell
    ]
    return np.stack(columns, axis=1).astype(np.float32)
