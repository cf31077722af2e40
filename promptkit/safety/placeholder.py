"""How a placeholder is written, and every way a model may hand it back.

A placeholder is a label and a number in brackets: [EMAIL_1]. A model changes its case, puts spaces
into it, escapes its brackets for Markdown or a URL, or drops them; without them it must stand as it
was written, since code has names such as email_1. All spellings of one placeholder have one key,
"email1". `find` is the only reader: a vault restores what it finds, and redaction takes care of
what it finds in a text that came in, so that the two can never disagree.

Three rules make restoring exact. What stands between brackets holds none, so a written placeholder
is always read as itself, whatever stands around it. An escaped bracket must be escaped on both
sides, since a text may end in a backslash where a placeholder begins. A label holds letters only,
so [EMAIL_1] and [EMAIL_11] cannot be confused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

MOST_LETTERS: Final = 40
"""Of a label. Longer ones are cut."""

MOST_DIGITS: Final = 9
"""Of a number: a vault ends at a thousand million values."""

_INNER: Final = r"[^\[\]\uff3b\uff3d\u3010\u3011]{2,100}+"
_PLACEHOLDER: Final = re.compile(
    rf"\\\[(?P<escaped>[^\[\]\\]{{2,60}}+(?:\\[_\-*]{{1,2}}+[^\[\]\\]{{1,60}}+){{0,4}}+)\\\]"
    rf"|\[(?P<square>{_INNER})\]"
    rf"|\uff3b(?P<wide>{_INNER})\uff3d"
    rf"|\u3010(?P<lenticular>{_INNER})\u3011"
    r"|%5[Bb](?P<percent>[A-Za-z_]{1,60}+[0-9]{1,9}+)%5[Dd]"
    r"|(?<!\w)(?P<bare>[A-Z](?:[A-Z]|\\?_(?!\\?[_0-9])){0,60}+\\?_[0-9]{1,9}+)(?!\w)"
)
_BETWEEN: Final = re.compile(r"[\s_\-\u2010-\u2015\\*#.:`'\"\u00ad\u200b-\u200d\u2060\ufeff]++")
_KEY: Final = re.compile(
    rf"([a-z]{{1,{MOST_LETTERS}}})(?:0{{0,3}})([1-9][0-9]{{0,{MOST_DIGITS - 1}}})"
)
_NOT_LETTERS: Final = re.compile(r"[^A-Z]+")


def label_of(kind: str) -> str:
    """Return the label under which values of a kind stand: letters and single underscores.

    >>> label_of("credit_card"), label_of("iso-3166 code"), label_of("42")
    ('CREDIT_CARD', 'ISO_CODE', 'VALUE')
    """
    label = _NOT_LETTERS.sub("_", kind.upper())[:MOST_LETTERS].strip("_")
    return label or "VALUE"


def write(label: str, number: int) -> str:
    """Write a placeholder.

    >>> write("EMAIL", 1)
    '[EMAIL_1]'
    """
    return f"[{label}_{number}]"


def key_of(inner: str) -> str:
    r"""Return the key of what stands between brackets; empty when it is no placeholder.

    >>> key_of("Credit card 3"), key_of(r"**EMAIL\_11**"), key_of("see page 4a")
    ('creditcard3', 'email11', '')
    """
    # Only ASCII is folded: casefold would make two letters of one, or letters of signs.
    plain = _BETWEEN.sub("", inner)
    match = _KEY.fullmatch(plain.lower()) if plain.isascii() else None
    return match[1] + match[2] if match else ""


def find(text: str) -> Iterator[tuple[int, int, str]]:
    r"""Yield start, end and key of all that may be read as a placeholder.

    >>> list(find(r"**\[Email\_1\]** and EMAIL_2, not item_b"))
    [(2, 14, 'email1'), (21, 28, 'email2')]
    """
    if "[" not in text and "_" not in text and "\u3010" not in text and "\uff3b" not in text:
        return
    for match in _PLACEHOLDER.finditer(text):
        key = key_of(match[match.lastgroup or 0])
        if key:
            yield match.start(), match.end(), key
