"""What the text around a word says about it: which scripts and languages stand there."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from promptkit.safety.confusables import EUROPEAN, EXACT, HOOKED, ORTHOGRAPHIES
from promptkit.safety.scripts import LATIN, SCRIPT

BLOCK: Final = 2_048
"""A word is judged by its own block of so many characters and the one on either side."""

_ENGLISH: Final = re.compile(
    r"\b(?:the|of|and|is|are|was|how|what|you|your|my|for|with|this|that|from|all|any|previous|"
    r"please|not|be|it|on|an|by|as|at|will|can|do|should|must|have|has|me|his|her|their|to|in)\b",
    re.IGNORECASE,
)
_OTHER_LATIN: Final = re.compile(
    r"\b(?:der|die|das|und|nicht|ist|les|des|est|une|pour|que|los|las|por|una|het|een|il|che|"
    r"não|uma|der|och|att|nie|jest|és|egy|nem)\b",
    re.IGNORECASE,
)
_TURKIC: Final = re.compile(
    r"[şŞğĞəƏİ]|(?i:\b(?:ve|bir|bu|için|ile|da|de|ne|mi|var|yok|çok|gibi|ama|en|olan|daha|kadar|sonra|"
    r"bilən|üçün|edilmiş|hem|her|ben|sen|biz|siz|onlar|nasıl|değil|oldu|olarak|tarafından)\b)"
)
_ABOUT_LANGUAGE: Final = re.compile(
    r"\b(?:language|languages|alphabet|letters?|vowels?|consonants?|pronounced|pronunciation|"
    r"spelled|spelling|dialect|orthography|phonetics?|phoneme|transliterat\w*|etymology|"
    r"cyrillic|russian|ukrainian|bulgarian|serbian|macedonian|belarusian|kazakh|mongolian|greek|"
    r"coptic|armenian|georgian|cherokee|runes?|runic|gothic|hausa|fula|fulani|ewe|akan|twi|igbo|"
    r"yoruba|fraternit\w*|sororit\w*|icelandic|turkish|azerbaijani|azeri|"
    r"translate|translation|translates|glyphs?|unicode|homoglyphs?)\b",
    re.IGNORECASE,
)
_CAMEROON: Final = frozenset("ŋɛɔʉɨəʼŊƐƆ")
_DOTLESS: Final = re.compile(r"\b(?=[a-zı]{0,30}ı)[a-zı]{2,}\b")
MOST_LEXICAL: Final = 200
"""Function words that are counted; more say nothing new."""


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
    def english(self) -> int:
        """How many function words of English and its neighbours stand there."""
        return len(_ENGLISH.findall(self.text)[:MOST_LEXICAL]) + len(
            _OTHER_LATIN.findall(self.text)[:MOST_LEXICAL]
        )

    @cached_property
    def turkic(self) -> int:
        """How many signs of Turkish and its kin."""
        return len(_TURKIC.findall(self.text)[:MOST_LEXICAL])

    @cached_property
    def is_about_language(self) -> bool:
        """Whether the text speaks of languages and letters, so that foreign words are quoted."""
        return bool(_ABOUT_LANGUAGE.search(self.text))

    @cached_property
    def has_african_letters(self) -> bool:
        """Whether letters of African alphabets stand there."""
        return not _CAMEROON.isdisjoint(self.text)

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

    def at(self, place: int) -> Surroundings:
        """Return what stands around a place."""
        block = place // BLOCK
        if block not in self._made:
            self._made[block] = Surroundings(
                self._text[max(0, (block - 1) * BLOCK) : (block + 2) * BLOCK]
            )
        return self._made[block]
