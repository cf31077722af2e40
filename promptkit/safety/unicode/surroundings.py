"""What the text around a word says about it: which scripts and languages stand there."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from promptkit.safety.unicode.confusables import EUROPEAN, EXACT, HOOKED, ORTHOGRAPHIES
from promptkit.safety.unicode.scripts import LATIN, SCRIPT

BLOCK: Final = 2_048
"""A word is judged by its own block of so many characters and the one on either side."""

CLOSE: Final = 192
"""Characters before and after a word that are close to it."""

STEP: Final = 64
"""Words that begin within so many characters share their surroundings."""

_SURELY_ENGLISH: Final = frozenset(
    "the of and is are what how you your with this that from please previous should must".split()
)
_EUROPEAN_WORDS: Final = _SURELY_ENGLISH | frozenset(
    "was my for all any not be it on an by as at will can do have has me his her their to in "
    "der die das und nicht ist les des est une pour que los las por una het een il che não "
    "uma och att nie jest és egy nem".split()
)
_TURKIC_WORDS: Final = frozenset(
    "ve bir bu için ile da de ne mi var yok çok gibi ama en olan daha kadar sonra bilən üçün "
    "edilmiş hem her ben sen biz siz onlar nasıl değil oldu olarak tarafından".split()
)
_TURKIC_LETTERS: Final = frozenset("şŞğĞəƏİ")
_ABOUT_LANGUAGE: Final = frozenset(
    "language languages alphabet alphabets letter letters vowel vowels consonant consonants "
    "pronounced pronunciation spelled spelling dialect orthography phonetic phonetics phoneme "
    "transliteration transliterated etymology cyrillic russian ukrainian bulgarian serbian "
    "macedonian belarusian kazakh mongolian greek coptic armenian georgian cherokee rune "
    "runes runic gothic hausa fula fulani ewe akan twi igbo yoruba fraternity fraternities "
    "sorority sororities icelandic turkish azerbaijani azeri translate translation translates "
    "glyph glyphs unicode homoglyph homoglyphs".split()
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_CAMEROON: Final = frozenset("ŋɛɔʉɨəʼŊƐƆ")
_DOTLESS: Final = re.compile(r"\b(?=[a-zı]{0,30}ı)[a-zı]{2,}\b")


@dataclass(frozen=True)
class Surroundings:
    """The text around a word.

    Attributes:
        text: The blocks.
    """

    text: str

    @cached_property
    def letters(self) -> Counter[str]:
        """How many letters of each script stand there."""
        counts: Counter[str] = Counter()
        for character, n in Counter(self.text).items():
            if character.isalpha():
                counts[SCRIPT[character]] += n
        return counts

    @cached_property
    def distinct(self) -> frozenset[str]:
        """Scripts of which a letter stands there that looks like no ASCII letter."""
        return frozenset(
            SCRIPT[c] for c in set(self.text) if c.isalpha() and not c.isascii() and c not in EXACT
        )

    @cached_property
    def words(self) -> Counter[str]:
        """How often each word stands there, in small letters."""
        return Counter(_WORD.findall(self.text.lower()))

    def _count(self, words: frozenset[str]) -> int:
        return sum(self.words[w] for w in words & self.words.keys())

    @cached_property
    def english(self) -> int:
        """How many function words of English and its neighbours stand there."""
        return self._count(_EUROPEAN_WORDS)

    @cached_property
    def is_english(self) -> bool:
        """Whether a word of English stands there that Turkish has not."""
        return not _SURELY_ENGLISH.isdisjoint(self.words)

    @cached_property
    def turkic(self) -> int:
        """How many signs of Turkish and its kin: letters or words."""
        letters = sum(self.text.count(c) for c in _TURKIC_LETTERS)
        return letters + self._count(_TURKIC_WORDS)

    @cached_property
    def is_about_language(self) -> bool:
        """Whether the text speaks of languages and letters, so that foreign words are quoted."""
        return not _ABOUT_LANGUAGE.isdisjoint(self.words)

    @cached_property
    def has_african_letters(self) -> bool:
        """Whether letters of African alphabets stand there."""
        return not _CAMEROON.isdisjoint(self.text)

    @cached_property
    def is_no_orthography(self) -> bool:
        """Whether hooked letters stand together that no language has."""
        return is_no_orthography(self.text)

    @cached_property
    def has_dotless_words(self) -> bool:
        """Whether a dotless i stands in a word that is no name."""
        return bool(_DOTLESS.search(self.text))

    def speaks(self, script: str) -> bool:
        """Tell whether the text is written in a script, for all the Latin names in it."""
        return script in self.distinct and self.letters[script] * 2 > self.letters[LATIN]

    def leads(self, script: str) -> bool:
        """Tell whether a script has more letters than Latin has."""
        return self.letters[script] > self.letters[LATIN]


def is_no_orthography(text: str) -> bool:
    """Tell whether hooked letters stand together that no language has.

    >>> is_no_orthography("ƥassⱳorɗ"), is_no_orthography("ƙasa, ɗan, ɓera")
    (True, False)
    """
    found = {c.lower() for c in text if c in HOOKED} - EUROPEAN
    return len(found) >= 3 and not any(found <= letters for letters in ORTHOGRAPHIES)


class Neighbourhoods:
    """The surroundings of the places of a text, made when first asked for."""

    def __init__(self, text: str) -> None:
        """Remember the text."""
        self._text = text
        self._made: dict[int, Surroundings] = {}
        self._close: dict[tuple[int, int], Surroundings] = {}

    def at(self, place: int) -> Surroundings:
        """Return what stands around a place."""
        block = place // BLOCK
        if block not in self._made:
            self._made[block] = Surroundings(
                self._text[max(0, (block - 1) * BLOCK) : (block + 2) * BLOCK]
            )
        return self._made[block]

    def close_to(self, place: int) -> Surroundings:
        """Return what stands in the same line, not far away."""
        near = place // STEP * STEP
        start = max(0, near - CLOSE)
        start = self._text.rfind("\n", start, place) + 1 or start
        end = self._text.find("\n", place, near + CLOSE)
        end = end if end >= 0 else near + CLOSE
        if (start, end) not in self._close:
            self._close[start, end] = Surroundings(self._text[start:end])
        return self._close[start, end]
