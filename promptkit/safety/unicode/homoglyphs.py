"""Finds words with letters of another script, or of phonetics, that look like their own.

A word is judged by its letters first and by what stands around it second. Words of one script stay
as they are, unless all of their letters look Latin and nothing else of that script stands near.
Brand names with an ending («iPhoneом»), units and formulas with a Greek letter, phonetic
transcriptions and the alphabets of Turkish or Hausa stay too.

Longer than other modules: the rules are tried in one order, and are read together.
"""

from __future__ import annotations

import re
from itertools import pairwise
from string import ascii_letters
from typing import Final

from promptkit.safety.unicode.confusables import (
    EXACT,
    HOOKED,
    LOOSE,
    OVER_ASCII,
    PHONETIC,
    PHONETIC_ONLY,
    PUNCTUATION,
    SMALL_CAPITALS,
    SPOKEN,
    TO_CYRILLIC,
    TO_GREEK,
    plain_letter,
)
from promptkit.safety.unicode.rewriting import Edit
from promptkit.safety.unicode.scripts import CJK, LATIN, SCRIPT
from promptkit.safety.unicode.surroundings import Neighbourhoods, Surroundings

_WORD: Final = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f])*")
_ADDRESS: Final = re.compile(
    f"(?<=[A-Za-z])[{''.join(PUNCTUATION)}]{{1,4}}(?=[A-Za-z])|(?<=[a-z])\u01c3(?![^\\W_])|\u037e"
)
_GREEK_LETTER: Final = re.compile("[\u0370-\u037d\u0386-\u03ff\u1f00-\u1fff]")

_WHOLE: Final = frozenset(
    (
        "CYRILLIC",
        "GREEK",
        "ARMENIAN",
        "COPTIC",
        "CHEROKEE",
        "LISU",
        "CANADIAN",
        "RUNIC",
        "GEORGIAN",
        "TIFINAGH",
        "OLD",
        "CARIAN",
        "LYCIAN",
        "LYDIAN",
        "GOTHIC",
        "DESERET",
        "OSAGE",
    )
)
"""Scripts in which whole words can look Latin."""

_STRANGE: Final = _WHOLE - {"CYRILLIC", "GREEK", "ARMENIAN", "GEORGIAN"}
"""Of these, scripts that no honest word mixes with Latin."""

_SYLLABLES: Final = 12
"""Letters of Lisu or Cherokee among which an honest text has a tone or one that looks like none."""

_RARE_CYRILLIC: Final = frozenset("ԁԛԝѕӏԍһјѵ")
_ROMAN: Final = re.compile("[\u2160-\u217f]+")
_LATIN_ODD: Final = frozenset((*PHONETIC, *HOOKED))
_INTERIOR: Final = frozenset("ªº℮ℹ")
_RINGS: Final = frozenset(c for c in LOOSE if c.isdigit())
_DIGIT_INSIDE: Final = re.compile(
    f"(?<=[A-Za-z])[{''.join(sorted(_RINGS))}](?=[A-Za-z])|(?<=[A-Za-z][{''.join(sorted(_RINGS))}])[{''.join(sorted(_RINGS))}](?=[A-Za-z])|(?<=[A-Za-z])[{''.join(sorted(_RINGS))}](?=[{''.join(sorted(_RINGS))}][A-Za-z])"
)
_BACK: Final = frozenset("aıouAIOU")


def find(text: str) -> list[Edit]:
    """Return the spoofed words, each with what it should be.

    >>> [e.new for e in find("pаypal and αpple, but α-synuclein and Привет")]
    ['paypal', 'apple']
    """
    near = Neighbourhoods(text)
    edits = []
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isascii():
            continue
        found = _judge(word, match.start(), text, near)
        if found is not None and found[0] != word:
            new, kind, confidence = found
            edits.append(
                Edit(match.start(), match.end(), new, kind, new or "", confidence=confidence)
            )
    return edits


def find_signs(text: str) -> list[Edit]:
    """Return signs that pass for ASCII's between ASCII letters, as in a forged address."""
    edits = []
    for match in _ADDRESS.finditer(text):
        sign = match.group()
        if sign == "\u037e" and _GREEK_LETTER.search(text):
            continue
        new = "".join(PUNCTUATION.get(c, "!" if c == "\u01c3" else ";") for c in sign)
        edits.append(Edit(match.start(), match.end(), new, "homoglyph", new))
    return edits


Found = tuple[str, str, float] | None


def _judge(  # noqa: PLR0911 -- a list of rules, read from the top
    word: str, at: int, text: str, near: Neighbourhoods
) -> Found:
    scripts = {SCRIPT[c] for c in word}
    scripts.discard("COMMON")
    scripts.discard("COMBINING")
    if LATIN in scripts and not _RINGS.isdisjoint(word) and _DIGIT_INSIDE.search(word):
        plain = _DIGIT_INSIDE.sub(lambda m: LOOSE[m.group()], word)
        return plain, "homoglyph", 1.0
    if scripts == {LATIN}:
        if _LATIN_ODD.isdisjoint(word):
            return None
        return _latin(word, at, text, near)
    if not scripts:
        return _numeral(word) if _ROMAN.fullmatch(word) else None
    if len(scripts) == 1:
        script = next(iter(scripts))
        if script in _WHOLE:
            return _whole(word, script, at, near)
        return None
    if "GREEK" in scripts and _is_ipa(word, at, text):
        return None
    return _mixed(word, scripts, at, near)


def _mixed(  # noqa: C901, PLR0911 -- likewise
    word: str, scripts: set[str], at: int, near: Neighbourhoods
) -> Found:
    """A word of several scripts: which of them it means, and the word in that one."""
    if LATIN not in scripts:
        return _without_latin(word, scripts)
    foreign = [c for c in word if c.isalpha() and SCRIPT[c] not in (LATIN, "COMMON", "COMBINING")]
    latin = [c for c in word if SCRIPT[c] == LATIN and c.isalpha()]
    around = near.at(at)
    other = scripts - {LATIN}
    if other <= {"GREEK"} and _is_scientific(word):
        return None
    if _is_inflected(word, other, around) or _is_inflected(word, other, near.close_to(at)):
        return None
    native = _native(word, other)
    exact = [c for c in foreign if c in EXACT]
    if native and (
        around.speaks(next(iter(other)))
        if len(exact) == len(foreign)
        else len(latin) < len(foreign)
    ):
        return native, "homoglyph", 0.95
    if all(c in EXACT or c in LOOSE or plain_letter(c) for c in foreign):
        is_ending = SCRIPT[word[0]] == LATIN and not _has_inner(word)
        if not exact and other != {"GREEK"} and is_ending:
            return None  # an ending, such as the one of a brand name
        if not exact and other <= CJK:
            return None
        plain = "".join(_as_latin(c) for c in word)
        return plain, "homoglyph", 1.0
    if other & CJK or len(_borders(word)) < 2:
        if other & _STRANGE:
            return "".join(EXACT.get(c, c) for c in word), "homoglyph", 0.9
        return None
    if len(latin) >= len(foreign):
        return "".join(EXACT.get(c, c) for c in word), "homoglyph", 0.8
    table = TO_CYRILLIC if "CYRILLIC" in other else TO_GREEK if "GREEK" in other else {}
    return "".join(table.get(c, c) for c in word), "homoglyph", 0.8


def _without_latin(word: str, scripts: set[str]) -> Found:
    """Cyrillic with Greek and the like: never honest; Latin where all of it looks so."""
    if not scripts <= _WHOLE:
        return None
    if all(c in EXACT or not c.isalpha() for c in word):
        return "".join(EXACT.get(c, c) for c in word), "homoglyph", 0.95
    greek, cyrillic = (sum(SCRIPT[c] == s for c in word) for s in ("GREEK", "CYRILLIC"))
    back = TO_CYRILLIC if cyrillic >= greek else TO_GREEK
    less = "GREEK" if cyrillic >= greek else "CYRILLIC"
    plain = "".join(back.get(EXACT.get(c, ""), c) if SCRIPT[c] == less else c for c in word)
    return (plain, "homoglyph", 0.9) if plain != word else None


def _as_latin(c: str) -> str:
    if c.isascii() or not c.isalnum():
        return c
    if SCRIPT[c] == LATIN:
        return PHONETIC.get(c, c)
    return plain_letter(c) or c


def _native(word: str, other: set[str]) -> str:
    """The word with its Latin letters put into the other script, where all of them can be."""
    table = {"CYRILLIC": TO_CYRILLIC, "GREEK": TO_GREEK}.get(next(iter(other)), {})
    if len(other) > 1 or not table:
        return ""
    if any(SCRIPT[c] == LATIN and c not in table for c in word):
        return ""
    return "".join(table.get(c, c) for c in word)


def _borders(word: str) -> list[int]:
    """Where Latin and other letters of a word meet."""
    kinds = [SCRIPT[c] == LATIN for c in word if c.isalpha()]
    return [i for i, (a, b) in enumerate(pairwise(kinds), 1) if a != b]


def _has_inner(word: str) -> bool:
    """Tell whether a letter of another script stands between two Latin ones."""
    kinds = [SCRIPT[c] == LATIN for c in word if (c.isalnum() and not c.isascii()) or c.isalpha()]
    first = kinds.index(True) if True in kinds else len(kinds)
    last = len(kinds) - 1 - kinds[::-1].index(True) if True in kinds else 0
    return not all(kinds[first : last + 1])


def _is_inflected(word: str, other: set[str], around: Surroundings) -> bool:
    """Tell whether a Latin name carries the ending of another language: iPhoneом, SMSка."""
    borders = _borders(word)
    if len(borders) != 1 or len(other) != 1:
        return False
    if SCRIPT[word[0]] != LATIN:
        name = word[borders[0] :]
        return name[0].isupper() and len(name) >= 3 and around.speaks(next(iter(other)))
    stem, ending = word[: borders[0]], word[borders[0] :]
    script = next(iter(other))
    if len(stem) >= 2 and stem.isupper() and stem.isascii() and ending.islower():
        return True
    return len(stem) >= 3 and around.speaks(script) and len(ending) <= 6


_LIMITS: Final = frozenset(
    "max min obs eff rel tot avg rms ref air abs mean crit cat opt init final ave cm max".split()
)
_ALIKE_LOWER: Final = frozenset("αοινρτυκε")
_GREEK_LOWER: Final = "αβγδεζηθικλμνξοπρστυφχψω"


def _is_scientific(word: str) -> bool:  # noqa: C901, PLR0911 -- likewise
    """Tell whether a Greek letter stands in a word as in TNFα, μm, Δt, αSyn, Gβγ, λmax."""
    greek = [i for i, c in enumerate(word) if SCRIPT[c] == "GREEK"]
    if len(greek) > 3:
        return False
    for i in greek:
        c = word[i]
        left, right = word[i - 1] if i else "", word[i + 1 : i + 2]
        if c in EXACT and c.isupper():
            return False
        before, rest = word[:i].rstrip(_GREEK_LOWER), word[i + 1 :].lstrip(_GREEK_LOWER)
        rest = rest[: len(rest) - len(rest.lstrip(ascii_letters))]
        if before[-1:].islower() and rest[:1].islower():
            return False
        if not left:
            if c in "αοιυε" and len(rest) == 2 and rest.islower():
                return False
            if not (len(rest) <= 2 or not rest[0].islower() or rest in _LIMITS):
                return False
        elif not right:
            if c in _ALIKE_LOWER and len(before) > 2 and before[-1].islower():
                return False
        elif len(word) > 6 or not (
            left.isupper() or right.isupper() or right.isdigit() or c not in EXACT or len(word) <= 4
        ):
            return False
    return True


def _whole(  # noqa: PLR0911 -- likewise
    word: str, script: str, at: int, near: Neighbourhoods
) -> Found:
    """A word wholly of another script whose letters all look Latin."""
    for c in word:
        if c not in EXACT and c.isalpha():
            return None
    around = near.at(at)
    if script in around.distinct or around.is_about_language:
        return None
    letters = sum(c.isalpha() for c in word)
    own, latin = around.letters[script], around.letters[LATIN]
    plain = "".join(EXACT.get(c, c) for c in word)
    if script == "GREEK" and letters < (2 if word.isupper() else 4):
        return None
    if latin >= max(2 * own, 4) or (latin >= own and letters >= 4):
        return plain, "homoglyph", 0.9
    enough = _SYLLABLES if script in ("LISU", "CHEROKEE") else 30 if word.isupper() else 16
    if own >= enough and script != "GREEK":
        return plain, "homoglyph", 0.8
    if script == "CYRILLIC" and letters >= 4 and not _RARE_CYRILLIC.isdisjoint(word):
        return plain, "homoglyph", 0.8
    return None


def _latin(  # noqa: C901, PLR0911, PLR0912 -- likewise
    word: str, at: int, text: str, near: Neighbourhoods
) -> Found:
    """A word of Latin letters, some of them from phonetics or foreign alphabets."""
    odd = {c for c in word if not c.isascii() and c.isalnum()}
    plain_letters = sum(c.isascii() and c.isalpha() for c in word)
    if not odd <= _LATIN_ODD or _is_ipa(word, at, text):
        return None
    if odd <= set("ªºℓℹ℮") and (len(word) < 3 or word[-1] in odd or word[0] in odd):
        return None
    capitals = sum(c in SMALL_CAPITALS for c in word)
    if capitals >= 3 or (capitals == 2 and len(word) == 2):
        return _plain(word), "small_capitals", 1.0
    if _ROMAN.fullmatch(word):
        return _numeral(word)
    if word == "ɑ":
        around = near.at(at)
        is_word = around.english >= 2 and not (
            around.is_about_language or around.has_african_letters
        )
        return ("a", "homoglyph", 0.8) if is_word else None
    if plain_letters == 0 and capitals < 2 and len(word) < 3:
        return None
    kind = "small_capitals" if capitals else "homoglyph"
    if "ı" in odd:
        return (_plain(word), kind, 0.9) if _is_undotted_i(word, odd, near.close_to(at)) else None
    if odd <= PHONETIC.keys():
        if "ɑ" in odd and near.at(at).has_african_letters:
            return None
        if plain_letters < 2 and len(word) < 3 and near.at(at).english < 2:
            return None
        return _plain(word), kind, 1.0
    around = near.at(at)
    if near.close_to(at).is_no_orthography:
        return _plain(word), kind, 0.8
    if around.is_about_language or near.close_to(at).english < 2:
        return None
    if odd <= SPOKEN and (word[0].isupper() or len(odd & set("øłđħŧæ")) == len(odd)):
        return None
    return _plain(word), kind, 0.8


def _plain(word: str) -> str:
    return "".join(c if c.isascii() else OVER_ASCII.get(c, c) for c in word)


def _numeral(word: str) -> Found:
    """Roman numerals that are none: they spell a word."""
    plain = _plain(word)
    number = re.fullmatch(
        "m{0,4}(cm|cd|d?c{0,4})(xc|xl|l?x{0,4})(ix|iv|v?i{0,4})", plain.casefold()
    )
    return None if number or not plain.isascii() else (plain, "homoglyph", 0.9)


def _is_undotted_i(  # noqa: PLR0911 -- likewise
    word: str, odd: set[str], around: Surroundings
) -> bool:
    """Tell whether a dotless i is a disguised i: not Turkish, by neighbours or by vowel harmony."""
    if odd - {"ı"} and not odd - {"ı"} <= SPOKEN:
        return True
    if around.turkic >= 2 and around.turkic >= around.english:
        return False
    is_spoken = around.english >= 2 or (around.is_english and not around.turkic)
    is_name = word[0].isupper() and not around.has_dotless_words
    if is_spoken and not around.is_about_language and not is_name:
        return True  # a name may be Turkish in any language
    if not {"w", "W"}.isdisjoint(word):
        return True
    if word[0].islower() and "e" in word.removesuffix("ken"):
        return True
    vowels = [c for c in word if c in "aeiouıAEIOUI"]
    for left, right in pairwise(vowels):
        if "ı" in (left, right) and not {left, right} <= _BACK:
            return True
        if right == "ı" and left in "ouOU":
            return True
    return False


def _is_ipa(word: str, at: int, text: str) -> bool:
    """Tell whether a word is a phonetic transcription: by its signs, or by slashes and brackets."""
    start, end = at, at + len(word)
    while start and at - start < 40 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and end - at < 80 and not text[end].isspace():
        end += 1
    chunk = text[start:end]
    signs = {c for c in chunk if c in PHONETIC_ONLY}
    if (
        len(signs & set("ˈˌːʃʒŋθðʔəɹɾɔɛæʊʌɒɜ")) >= 1
        and len(signs) >= 2
        and not signs & SMALL_CAPITALS
    ):
        return True
    if not signs:
        return False
    line = text.rfind("\n", max(0, at - 80), at) + 1 or max(0, at - 80)
    for opening, closing in ("//", "[]"):
        first = text.rfind(opening, line, at)
        last = text.find(closing, at + len(word), at + len(word) + 80)
        if first >= 0 and last >= 0 and "\n" not in text[first:last]:
            inside = text[first + 1 : last]
            if opening == "/" and (inside[:1].isspace() or inside[-1:].isspace()):
                continue
            return True
    return False
