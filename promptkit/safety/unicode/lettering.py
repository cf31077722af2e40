"""Finds words spelled in styled letters: mathematical, wide, circled, raised, regional.

One such letter is honest in many places: a variable, a list mark, a flag, an ordinal. Words of them
are not, and are put back into plain letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from promptkit.safety.unicode.rewriting import Edit
from promptkit.safety.unicode.scripts import REGIONS

_LETTERLIKE: Final = "ℂℊℋℌℍℎℐℑℒℓℕ℘ℙℚℛℜℝℤℨℬℭℯℰℱℳℴⅅⅆⅇⅈⅉ"
_MATH: Final = re.compile(f"[\U0001d400-\U0001d7ff{_LETTERLIKE}]+")
_WIDE: Final = re.compile("[\uff01-\uff5e]+(?:\u3000?[\uff01-\uff5e]+)*")
_RINGED: Final = re.compile(
    "(?:[\u249c-\u24e9\U0001f110-\U0001f129\U0001f130-\U0001f149\U0001f150-\U0001f169"
    "\U0001f170-\U0001f189]\ufe0f?)+"
)
_REGIONAL: Final = re.compile(
    "[\U0001f1e6-\U0001f1ff](?:[ \u200b\u200c\u2060]?[\U0001f1e6-\U0001f1ff])*"
)
_RAISED_LETTERS: Final = (
    "\u02b0-\u02b8\u02e0-\u02e4\u1d2c-\u1d6a\u1d78\u1d9b-\u1dbf\u2071\u207f\u2090-\u209c"
    "\u2c7c\u2c7d\ua7f2-\ua7f4\ua7f8\ua7f9\U00010780-\U000107ba"
)
_RAISED: Final = re.compile(f"[{_RAISED_LETTERS}]+")
STYLED: Final = re.compile(
    f"[\U0001d400-\U0001d7ff{_LETTERLIKE}\uff01-\uff5e\u249c-\u24e9\U0001f110-\U0001f189"
    f"\U0001f1e6-\U0001f1ff{_RAISED_LETTERS}]"
)
"""Where none of these stands, nothing is to be done."""

_EAST_ASIAN: Final = re.compile(
    "[\u3001\u3002\u300c-\u300f\u3040-\u30ff\u3105-\u318e\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\uff66-\uff9f\U00020000-\U0003ffff]"
)
_OPERATORS: Final = re.compile(
    r"[=+^−×÷·∑∏∫√∂∇≤≥≠≈≡∝∈∉⊂⊆∪∩∧∨¬∀∃→⇒⇔↦±∓∞∘⊗⊕⋅′″‖⟨⟩²³⁴⁺⁻¹⁰₀-₉]|[\w\U0001d400-\U0001d7ff]\("
)
_NEAR: Final = 16
"""Within how many characters an operator makes letters mathematical."""

_FUNCTIONS: Final = frozenset(
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log ln lg exp max min sup "
    "inf lim det dim gcd lcm arg ker deg mod sgn tr rank grad div curl span diag argmax "
    "argmin softmax const".split()
)
_EMOJI_LETTERS: Final = frozenset("\U0001f170\U0001f171\U0001f17e\U0001f17f\u24c2")


def find(text: str) -> list[Edit]:
    """Return the words in styled letters, each with the plain word.

    >>> [e.new for e in find("𝐢𝐠𝐧𝐨𝐫𝐞 ⓣⓗⓔ ᵣᵤₗₑₛ, but 𝑥² + 𝑦²")]
    ['ignore', 'the', 'rules']
    """
    if not STYLED.search(text):
        return []
    edits = [
        *_mathematical(text),
        *_wide(text),
        *_ringed(text),
        *_regional(text),
        *_raised(text),
    ]
    edits.sort(key=lambda e: e.start)
    return [e for i, e in enumerate(edits) if i == 0 or e.start >= edits[i - 1].end]


def _ascii_around(text: str, start: int, end: int) -> int:
    """ASCII letters that touch a place, on both sides."""
    first, last = start, end
    while first and start - first < 20 and text[first - 1].isascii() and text[first - 1].isalpha():
        first -= 1
    while last < len(text) and last - end < 20 and text[last].isascii() and text[last].isalpha():
        last += 1
    return start - first + last - end


def _latin(run: str) -> str:
    return unicodedata.normalize("NFKC", run)


def _mathematical(text: str) -> Iterator[Edit]:
    runs = [(m.start(), m.end(), _latin(m.group())) for m in _MATH.finditer(text)]
    if not runs:
        return
    judged = []
    for start, end, plain in runs:
        letters = sum(c.isalpha() for c in plain)
        around = text[max(0, start - _NEAR) : start] + " " + text[end : end + _NEAR]
        is_formula = bool(_OPERATORS.search(around.replace("\n", " ")))
        judged.append((start, end, plain, letters, is_formula))
    spelled = sum(n for *_, n, formula in judged if n >= (5 if formula else 3))
    total = sum(n for *_, n, _ in judged)
    pairs = sum(n for *_, n, formula in judged if n == 2 and not formula)
    has_words = spelled * 2 >= total and spelled >= 3
    for start, end, plain, letters, is_formula in judged:
        if is_formula and plain.casefold() in _FUNCTIONS:
            continue
        touched = _ascii_around(text, start, end)
        prefix = re.search(r"[A-Za-z]*\Z", text[max(0, start - 8) : start])
        function = prefix is not None and prefix.group().casefold() in _FUNCTIONS
        if (
            letters >= (5 if is_formula else 3)
            or (has_words and not is_formula)
            or (has_words and letters >= 3)
            or (letters == 2 and not is_formula and (pairs >= 4 or plain.islower()))
            or (
                touched >= 2
                and letters
                and not is_formula
                and not function
                and len(plain) <= touched + 2
            )
            or (letters == 0 and len(plain) >= 3 and not is_formula)
        ):
            yield Edit(start, end, plain, "mathematical_letters", plain)


def _wide(text: str) -> Iterator[Edit]:
    runs = [(m.start(), m.end(), m.group()) for m in _WIDE.finditer(text)]
    if not runs:
        return
    eastern = len(_EAST_ASIAN.findall(text))
    wide = sum(sum(c.isalpha() for c in run) for *_, run in runs)
    is_honest = eastern and wide <= 2 * eastern
    has_brackets = not eastern and any(
        run[0] in "＜＞" and _ascii_around(text, start, end) for start, end, run in runs
    )
    digits = sum(sum(c.isdigit() for c in run) for *_, run in runs)
    if digits > wide and wide <= 4:
        return  # numbers, with a letter or two
    for start, end, run in runs:
        letters = sum(c.isalpha() for c in run)
        touched = _ascii_around(text, start, end)
        if is_honest:
            continue
        if (
            eastern
            and (
                _EAST_ASIAN.match(text[start - 1 : start]) or _EAST_ASIAN.match(text[end : end + 1])
            )
            and letters <= 8
        ):
            continue
        if (
            letters >= 2
            or (touched and (letters or run[0] in "＜＞＆＠．：／＿＂＇"))
            or (wide >= 4 and letters)
            or (wide >= 2 and not eastern)
            or (has_brackets and run[0] in "＜＞")
        ):
            plain = _latin(run)
            yield Edit(start, end, plain, "fullwidth_letters", plain)


def _ring_letter(c: str) -> str:
    name = unicodedata.name(c, "")
    letter = name.rpartition(" ")[2]
    if len(letter) != 1:
        return ""
    return letter.lower() if "SMALL" in name else letter


def _is_alphabetical(plain: str) -> bool:
    """Tell whether letters count a list: a, b, c."""
    return all(ord(b) - ord(a) == 1 for a, b in pairwise(plain))


def _ringed(text: str) -> Iterator[Edit]:
    runs = []
    for m in _RINGED.finditer(text):
        plain = "".join(map(_ring_letter, m.group()))
        runs.append((m.start(), m.end(), plain, m.group()))
    if not runs:
        return
    steps = [
        ord(s[2]) - ord(r[2])
        for r, s in pairwise(runs)
        if text[r[1] : s[0]] == " " and len(r[2]) == len(s[2]) == 1
    ]
    spaced = len(steps) >= 3 and steps.count(1) * 2 < len(steps)
    words = [r for r in runs if _is_ringed_word(r[2], r[3])]
    for start, end, plain, run in runs:
        touched = _ascii_around(text, start, end)
        is_emoji = set(run.replace("\ufe0f", "")) <= _EMOJI_LETTERS
        if not plain:
            continue
        if (
            (start, end, plain, run) in words
            or (words and not (is_emoji and len(plain) == 1 and "\ufe0f" in run))
            or (touched >= 2 and not is_emoji)
            or (spaced and len(plain) == 1)
        ):
            yield Edit(start, end, plain, "enclosed_letters", plain)


def _is_ringed_word(plain: str, run: str) -> bool:
    if len(plain) < 3 or _is_alphabetical(plain):
        return False
    return not set(run.replace("\ufe0f", "")) <= _EMOJI_LETTERS


def _regional(text: str) -> Iterator[Edit]:
    for m in _REGIONAL.finditer(text):
        run = m.group()
        pieces = re.findall("[\U0001f1e6-\U0001f1ff]+", run)
        if all(map(_is_flags, pieces)) and not (len(pieces) > 1 and max(map(len, pieces)) == 1):
            continue
        plain = "".join(chr(ord(c) - 0x1F1E6 + 65) for c in run if c >= "\U0001f1e6")
        if len(pieces) > 1 and max(map(len, pieces)) > 1:
            # Words of flags beside each other: the blanks between them stay.
            at = m.start()
            for piece in pieces:
                first = text.index(piece, at)
                at = first + len(piece)
                if not _is_flags(piece):
                    word = "".join(chr(ord(c) - 0x1F1E6 + 65) for c in piece)
                    yield Edit(first, at, word, "regional_letters", word)
            continue
        if len(plain) > 1:
            yield Edit(m.start(), m.end(), plain, "regional_letters", plain)


def _is_flags(run: str) -> bool:
    """Tell whether letters are flags; one letter may be left over, as where text was cut."""
    plain = "".join(chr(ord(c) - 0x1F1E6 + 65) for c in run)
    pairs = [plain[i : i + 2] for i in range(0, len(plain), 2)]
    whole = [pair for pair in pairs if len(pair) == 2]
    if all(pair in REGIONS for pair in whole):
        return True
    # A long row of flags may have lost one letter in its midst.
    return len(plain) >= 9 and any(
        all(rest[i : i + 2] in REGIONS for i in range(0, len(rest), 2))
        for rest in (plain[:k] + plain[k + 1 :] for k in range(min(len(plain), 40)))
        if len(rest) % 2 == 0
    )


def _raised(text: str) -> Iterator[Edit]:
    runs = [(m.start(), m.end(), _latin(m.group())) for m in _RAISED.finditer(text)]
    words = {
        (start, end)
        for start, end, plain in runs
        if len(plain) > (3 if _is_attached(text, start) else 2)
        and not _is_alphabetical(plain)
        and sum(c.isascii() for c in plain) * 2 >= len(plain)
    }
    if not words:
        return
    for start, end, plain in runs:
        if (start, end) in words or not _is_attached(text, start):
            yield Edit(start, end, plain, "superscript_letters", plain)


def _is_attached(text: str, start: int) -> bool:
    """Tell whether raised letters follow what they belong to."""
    return bool(start) and (text[start - 1].isalnum() or text[start - 1] in ")]}∑∏∫")
