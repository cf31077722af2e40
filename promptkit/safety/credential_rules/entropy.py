"""Whether a string was drawn at random or written by a person.

Two measures. `entropy` is Shannon's, over the characters of the string; it tells keys from fillers
such as «xxxx». `randomness` compares two models of how the string came about, drawn character by
character from its alphabet or written as words, names and numbers, and says in bits which is the
likelier. Words and identifiers have high entropy too, and only the second measure lets them pass.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import Final

_FOLLOWERS: Final = (
    "25651350604657050767443241",
    "74427201640722721653600040",
    "60427007506511720537500030",
    "61058150711421620563520040",
    "62574431300556142775143530",
    "71227620800611700645600030",
    "62208046601435540763610012",
    "72028100700332700546500030",
    "44655450003658641466050303",
    "61117211514221711161811111",
    "42049021700505410274303030",
    "72258310702730720155530050",
    "75118001702352670052500020",
    "62667471504324630277432030",
    "34552340414667551755645301",
    "70127103601700651756500040",
    "51111111111511111512911111",
    "71358140604344720566542050",
    "50527215604432652168524040",
    "61428106700421630665503040",
    "55556440400667350767110002",
    "70109020700312500000200010",
    "71237107700306610652302110",
    "62647403600430170348000440",
    "54437011501556670377325003",
    "61119133711631411131511146",
)
"""How often each letter follows another in written words, from a to z: the digit d at place b of
row a stands for 2**(d - 5) times as often as by chance. Counted over the words of promptkit's own
documentation and code, each distinct word weighted by 1 + ln of its count."""

_LETTER_BITS: Final = math.log2(26)
_DIGIT_BITS: Final = math.log2(10)
_SIGN_BITS: Final = 3.0
"""A person's signs are few: full stop, hyphen, underscore, slash and some more."""

# What a writer does next, in bits: −log2 of a rough share of each among identifiers and prose.
_GO_ON: Final = 0.2
_NEW_HUMP: Final = 4.5  # a capital after a small letter, as in camelCase
_ODD_CASE: Final = 5.0  # a small letter after several capitals
_TO_DIGIT: Final = 5.0
_DIGITS_ON: Final = 0.7
_FROM_DIGIT: Final = 2.5
_TO_SIGN: Final = 3.5
_FROM_SIGN: Final = 0.4

_SHORTEST_RUN: Final = 4
"""Characters: in a draw one place in thousands begins such a run."""

_LONGEST: Final = 256
"""Characters that `randomness` looks at: more do not change the verdict."""


def entropy(text: str) -> float:
    """Return Shannon's entropy in bits per character (Shannon 1948).

    >>> entropy("aaaa"), entropy("abcd")
    (0.0, 2.0)
    """
    n = len(text)
    return 0.0 - sum(c / n * math.log2(c / n) for c in Counter(text).values()) if n else 0.0


def randomness(text: str) -> float:
    """Return by how many bits a draw at random is likelier than somebody's writing.

    The first 256 characters are looked at. Above 0 the string was rather drawn than written; a
    dozen bits leave little doubt.

    >>> randomness("customer_account_name") < 0 < randomness("q7Zk2mWx9RtB4vLs")
    True
    """
    text = text[:_LONGEST]
    if not text:
        return 0.0
    return _written_bits(text) - len(text) * _bits_of_alphabet(text)


def longest_run(text: str) -> int:
    """Return how long the longest run of one character is, or of characters in order.

    >>> longest_run("abxxxxc"), longest_run("k1234567z"), longest_run("")
    (4, 7, 0)
    """
    best = same = up = 1 if text else 0
    for before, char in pairwise(text):
        same = same + 1 if char == before else 1
        up = up + 1 if ord(char) == ord(before) + 1 or before + char in "90 za ZA" else 1
        best = max(best, same, up)
    return best


def share_in_order(text: str) -> float:
    """Return the share of characters in runs of four or more in order, up or down, or of one.

    >>> share_in_order("1234567890abcdef4321"), share_in_order("q7Zk2mWx9RtB4vLs")
    (1.0, 0.0)
    """
    covered, size, last = 0, 1, 2
    for before, char in pairwise(text):
        step = 1 if before + char in "90 za ZA 9a 9A" else ord(char) - ord(before)
        if step == last and abs(step) <= 1:
            size += 1
            covered += _SHORTEST_RUN if size == _SHORTEST_RUN else size > _SHORTEST_RUN
        else:
            size = 2 if abs(step) <= 1 else 1
        last = step
    return covered / len(text) if text else 0.0


def _bits_of_alphabet(text: str) -> float:
    """The bits of one character drawn from the smallest usual alphabet that holds all of them."""
    chars = set(text)
    if chars <= set("0123456789abcdef") or chars <= set("0123456789ABCDEF"):
        return 4.0
    size = 0
    for known in ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"):
        if not chars.isdisjoint(known):
            size += len(known)
            chars -= set(known)
    return math.log2(size + len(chars))


def _written_bits(text: str) -> float:
    """The bits of a string as a person's: words, capitals at their beginning, digits at the end."""
    bits = 0.0
    kind, before, capitals = "", "", 0
    for char in text:
        if char.isascii() and char.isalpha():
            bits += _letter_bits(char, kind, before, capitals)
            capitals = capitals + 1 if char.isupper() else 0
            kind = "letter"
        elif char.isdigit():
            bits += _DIGIT_BITS + {"digit": _DIGITS_ON, "letter": _TO_DIGIT}.get(kind, 3.0)
            kind, capitals = "digit", 0
        else:
            bits += _SIGN_BITS + (_TO_SIGN if kind != "digit" else _FROM_DIGIT)
            kind, capitals = "sign", 0
        before = char
    return bits


def _letter_bits(char: str, kind: str, before: str, capitals: int) -> float:
    if kind == "digit":
        return _LETTER_BITS + _FROM_DIGIT
    if kind != "letter":
        return _LETTER_BITS + _FROM_SIGN
    if before.islower() and char.isupper():
        return _LETTER_BITS + _NEW_HUMP
    follows = int(_FOLLOWERS[ord(before.lower()) - 97][ord(char.lower()) - 97])
    odd = _ODD_CASE if char.islower() and capitals > 1 else 0.0
    return _LETTER_BITS + _GO_ON + odd - (follows - 5)
