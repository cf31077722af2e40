r"""The view of a text in which look-alikes are the letters they look like.

It is what tags and marks are looked for in: small letters, one kind of blank, one kind of line
end, without characters that show nothing. Each character of a text becomes one or none, so that a
place in the view is a place in the text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Final

_UNSEEN: Final = (
    (0x00, 0x08),  # control characters, but for tab and line ends
    (0x0E, 0x1B),
    (0x7F, 0x84),
    (0x86, 0x9F),
    (0xAD, 0xAD),  # soft hyphen
    (0x0300, 0x036F),  # combining marks
    (0x061C, 0x061C),
    (0x115F, 0x1160),  # fillers
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x20D0, 0x20F0),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),  # lone surrogates
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0xE0000, 0xE0FFF),  # tags and further selectors
)
_COMPATIBLE: Final = (
    (0x00AA, 0x00BA),
    (0x02B0, 0x02E3),
    (0x1D2C, 0x1D6A),
    (0x2070, 0x209C),
    (0x2100, 0x2149),
    (0x2460, 0x24E9),
    (0xFE50, 0xFE6B),
    (0xFF01, 0xFF5E),
    (0x1D400, 0x1D7FF),
)
"""Where Unicode keeps further forms of ASCII: superscripts, circled, wide, mathematical."""

_ACCENTED: Final = ((0x00C0, 0x024F), (0x1E00, 0x1EFF))
"""Latin letters with accents."""

_SIGNS: Final = {
    "<": "﹤〈⟨〈❮❰˂ᐸ⧼≺",
    ">": "﹥〉⟩〉❯❱˃ᐳ⧽≻",
    "/": "∕⁄⧸╱",
    "|": "∣│❘⏐ǀ",
    "[": "⟦【〔",
    "]": "⟧】〕",
    ":": "∶ː",
    "_": "▁",
}
"""Signs that pass for ASCII in most fonts; the letters stand in `confusables`."""

_BLANKS: Final = "\t\u00a0\u1680\u202f\u205f\u2800\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_LINE_ENDS: Final = "\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029"


@lru_cache(maxsize=1)
def _table() -> dict[int, str | None]:
    """Build the table when the first text is looked at: few sessions need it at once."""
    table: dict[int, str | None] = {}
    for first, last in _COMPATIBLE:
        for code in range(first, last + 1):
            plain = unicodedata.normalize("NFKC", chr(code))
            if len(plain) == 1 and "!" <= plain <= "~":
                table[code] = plain.lower()
    for first, last in _ACCENTED:
        for code in range(first, last + 1):
            plain = unicodedata.normalize("NFD", chr(code))[0]
            if plain.isascii():
                table[code] = plain.lower()
    letters = import_module("promptkit.safety.unicode.confusables").OVER_ASCII
    table.update({ord(like): plain.lower() for like, plain in letters.items() if len(plain) == 1})
    for plain, others in _SIGNS.items():
        table.update(dict.fromkeys(map(ord, others), plain))
    table.update({ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})
    table.update(dict.fromkeys(map(ord, _BLANKS), " "))
    table.update(dict.fromkeys(map(ord, _LINE_ENDS), "\n"))
    for first, last in _UNSEEN:
        table.update(dict.fromkeys(range(first, last + 1)))
    return table


def view_of(text: str) -> str:
    r"""Return a text as a reader takes it who is not looking closely.

    >>> view_of("Ｔ\u200bＩc\u00a0кET")
    'tic ket'
    """
    return text.translate(_table())


def places_in(text: str, view: str) -> Sequence[int]:
    r"""Return where the characters of a text's view stand in the text.

    >>> list(places_in("a\u200bb", view_of("a\u200bb")))
    [0, 2]
    """
    if len(view) == len(text):
        return range(len(text))
    gone = {code for code, plain in _table().items() if plain is None}
    return [place for place, character in enumerate(text) if ord(character) not in gone]
