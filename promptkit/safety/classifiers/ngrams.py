"""Hashed n-grams of a text: what the small classifiers look at.

Everything is done on whole arrays, so that a kilobyte takes a fraction of a millisecond. Hashes are
polynomials modulo 2**32, the same on every machine.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

Buckets = NDArray[np.uint32]

_BASE: Final = 0x01000193
"""The FNV prime: odd, so that it has an inverse modulo 2**32."""

_INVERSE: Final = pow(_BASE, -1, 2**32)
_MIX: Final = np.uint32(0x9E3779B1)
"""Knuth's multiplicative hash: the upper bits of the product are well mixed."""

_SPACE: Final = re.compile(r"\s+")


def normal(text: str) -> str:
    r"""Return a text as the n-grams see it: case-folded, with one space between words.

    >>> normal(" Ignore\n THIS ")
    ' ignore this '
    """
    return f" {_SPACE.sub(' ', text.casefold()).strip()} "


def _rolling(values: Buckets, n: int) -> Buckets:
    """The polynomial hash of each run of n bytes."""
    hashes = np.zeros(len(values) - n + 1, np.uint32)
    for offset in range(n):
        hashes = hashes * np.uint32(_BASE) + values[offset : len(values) - n + 1 + offset]
    return hashes


def _mixed(hashes: Buckets, seed: int, shift: np.uint32) -> Buckets:
    seeded = hashes + np.uint32((seed * 0x85EBCA6B) % 2**32)
    seeded = seeded ^ (seeded >> np.uint32(15))
    mixed: Buckets = (seeded * _MIX) >> shift
    return mixed


def _word_grams(
    data: NDArray[np.uint8], values: Buckets, longest: int, shift: np.uint32
) -> list[Buckets]:
    """The hashes of runs of words: differences of one running sum, brought to the same power."""
    spaces = np.flatnonzero(data == ord(" "))
    if len(spaces) < 2:  # noqa: PLR2004 -- a word stands between two spaces
        return []
    powers = np.full(len(values), _BASE, np.uint32)
    powers[0] = 1
    powers = np.multiply.accumulate(powers, dtype=np.uint32)
    inverses = np.full(len(values), _INVERSE, np.uint32)
    inverses[0] = 1
    inverses = np.multiply.accumulate(inverses, dtype=np.uint32)
    sums = np.add.accumulate(values * powers, dtype=np.uint32)
    found = []
    for length in range(1, longest + 1):
        if len(spaces) <= length:
            break
        starts, ends = spaces[:-length], spaces[length:]
        hashes = (sums[ends] - sums[starts]) * inverses[starts]
        found.append(_mixed(hashes, 64 + length, shift))
    return found


def placed_buckets(
    data: bytes, *, characters: tuple[int, ...] = (2, 3, 4, 5), words: int = 2, bits: int = 16
) -> tuple[Buckets, NDArray[np.int64]]:
    """Return the bucket of each n-gram of a normal text in UTF-8, and the byte it begins at.

    >>> placed_buckets(b" a ", characters=(2,), words=1)[1].tolist()
    [0, 1, 0]
    """
    values = np.frombuffer(data, dtype=np.uint8)
    shifted = values.astype(np.uint32) + np.uint32(1)
    shift = np.uint32(32 - bits)
    lengths = [n for n in characters if len(values) >= n]
    found = [_mixed(_rolling(shifted, n), n, shift) for n in lengths]
    places = [np.arange(len(values) - n + 1) for n in lengths]
    if words:
        spaces = np.flatnonzero(values == ord(" "))
        grams = _word_grams(values, shifted, words, shift)
        found += grams
        places += [spaces[: len(one)] for one in grams]
    if not found:
        return np.zeros(0, np.uint32), np.zeros(0, np.int64)
    return np.concatenate(found), np.concatenate(places).astype(np.int64)
