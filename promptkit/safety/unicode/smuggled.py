"""Reads what was hidden in characters that show nothing: tags, selectors, zero-width digits.

Schemes that are read: ASCII as tag characters; bytes as variation selectors (byte b is selector
b + 1, or U+E0100 + b, or pairs of half bytes); letters as private-use characters; digits to a base
of two to six as zero-width characters, of fixed length, with or without a separator. What none
of them makes readable is not guessed at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, permutations
from typing import Final

MOST: Final = 65_536
"""Hidden characters that are decoded of one text; the rest is removed unread."""

_SURE: Final = 0.7
"""The share of letters and blanks from which on nothing better is looked for."""

_READABLE: Final = 0.85
"""The share of printable characters from which on bytes count as a message."""


def from_tags(hidden: str) -> str:
    r"""Return the ASCII that tag characters stand for.

    >>> from_tags("\U000e0001\U000e0048\U000e0069\U000e007f")
    'Hi'
    """
    codes = (ord(c) - 0xE0000 for c in hidden[:MOST])
    return "".join(chr(c) for c in codes if 0x20 <= c < 0x7F)


def from_selectors(hidden: str) -> str:
    r"""Return the text whose bytes stand there as variation selectors, one a byte.

    >>> from_selectors("\U000e0138\U000e0159")
    'Hi'
    """
    numbers = [_selector(c) for c in hidden[:MOST]]
    schemes = [numbers, [n - 16 for n in numbers], [n + 16 for n in numbers]]
    if max(numbers, default=16) < 16:
        schemes.append(list(_paired(numbers)))
    texts = [
        _decoded(bytes(scheme))
        for scheme in schemes
        if scheme and 0 <= min(scheme) <= max(scheme) < 256
    ]
    return _best(texts, 1) or from_digits(hidden)


def from_private(hidden: str) -> str:
    r"""Return the letters that private-use characters carry in their low byte.

    >>> from_private("\ue048\ue069")
    'Hi'
    """
    text = _decoded(bytes(ord(c) & 0xFF for c in hidden[:MOST]))
    return text if is_readable(text, 2) else ""


def from_digits(hidden: str) -> str:
    r"""Return the text that zero-width characters spell as digits, or nothing.

    >>> zero, one = "\u200b\u200c"
    >>> from_digits("".join(one if b == "1" else zero for b in f"{ord('H'):08b}{ord('i'):08b}"))
    'Hi'
    """
    hidden = hidden[:MOST]
    if len(hidden) < 7:
        return ""
    best = ""
    for digits in _cleaned(hidden):
        kinds = sorted(set(digits), key=ord)
        if 2 <= len(kinds) <= 6:
            best = _best([best, *_attempts(digits, kinds)], 2)
            if _worth(best) >= _SURE:
                break
            if 3 <= len(kinds) <= 4 and len(digits) <= 4_096:
                others = islice(permutations(kinds), 1, None)
                best = _best([best, *(a for o in others for a in _spelled(digits, o))], 2)
    return best


def is_readable(text: str, least: int) -> bool:
    """Tell whether a text is long enough and nearly all of it can be printed."""
    if len(text) < least or "\ufffd" in text:
        return False
    shown = sum(c.isprintable() or c in "\n\r\t" for c in text)
    return shown >= _READABLE * len(text)


def _worth(text: str) -> float:
    """The share of letters and blanks as messages have them; of ASCII's, for the most part."""
    if not text:
        return 0.0
    plain = sum(c == " " or (c.isascii() and c.isalpha()) for c in text)
    digits = sum(c.isascii() and c.isdigit() for c in text)
    other = sum(c.isalpha() and not c.isascii() for c in text)
    signs = len(text) - plain - digits - other
    return (plain + 0.7 * digits + 0.5 * other + 0.4 * signs) / len(text)


def _best(texts: list[str], least: int) -> str:
    """The text that most looks like one; the first of equals."""
    readable = [t for t in texts if is_readable(t, least) and (len(set(t)) > 1 or least == 1)]
    return max(readable, key=_worth, default="")


def _cleaned(hidden: str) -> Iterator[str]:
    """The digits, as they stand and without marks of beginning and end."""
    yield hidden
    counts = Counter(hidden)
    rare = {c for c, n in counts.items() if n <= 2}
    if rare and len(counts) - len(rare) >= 2:
        yield "".join(c for c in hidden if c not in rare)


def _attempts(digits: str, kinds: list[str]) -> Iterator[str]:
    if len(kinds) == 2:
        for zero, one in (kinds, kinds[::-1]):
            bits = digits.translate({ord(zero): "0", ord(one): "1"})
            for width in (8, 7, 16):
                yield _fixed(bits, 2, width)
            yield _fixed(bits[::-1], 2, 8)[::-1]
        return
    for separator in kinds:
        rest = [c for c in kinds if c != separator]
        if len(rest) == 2:
            for zero, one in (rest, rest[::-1]):
                bits = digits.translate({ord(zero): "0", ord(one): "1"})
                yield _separated(bits.split(separator))
    # The order of the digits is mostly that of the code points.
    yield from _spelled(digits, kinds)


def _spelled(digits: str, order: Sequence[str]) -> Iterator[str]:
    """The digits as numbers of equal width, each symbol worth its place in the order."""
    base = len(order)
    spelled = digits.translate({ord(c): str(i) for i, c in enumerate(order)})
    for limit in (256, 128, 65_536):
        width, reach = 1, base
        while reach < limit:
            width, reach = width + 1, reach * base
        yield _fixed(spelled, base, width)


def _fixed(spelled: str, base: int, width: int) -> str:
    """Numbers of equal width; a few digits too many at the end are let go."""
    if len(spelled) < width:
        return ""
    numbers = [int(spelled[i : i + width], base) for i in range(0, len(spelled) - width + 1, width)]
    return _characters(numbers, wide=width > 8 or base**width > 256)


def _separated(groups: list[str]) -> str:
    numbers = [int(g, 2) for g in groups if 0 < len(g) <= 20]
    return _characters(numbers, wide=True)


def _characters(numbers: list[int], *, wide: bool) -> str:
    if not wide or all(n < 256 for n in numbers):
        return _decoded(bytes(n for n in numbers if n < 256))
    known = (n for n in numbers if n < 0x110000 and not 0xD800 <= n < 0xE000)
    return "".join(map(chr, known))


def _decoded(data: bytes) -> str:
    """The bytes as UTF-8, with zero bytes at the ends let go."""
    return data.strip(b"\0").decode("utf-8", "replace")


def _selector(c: str) -> int:
    code = ord(c)
    return code - 0xE0100 + 16 if code >= 0xE0100 else code - 0xFE00


def _paired(halves: list[int]) -> Iterator[int]:
    for high, low in zip(halves[::2], halves[1::2], strict=False):
        yield high * 16 + low
