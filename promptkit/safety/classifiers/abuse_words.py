"""Words of a text and the concepts they stand for, however they are spelt.

What one may write of a group, of a body or of oneself differs less by its words than by how few
concepts stand together: «I», «hate», a group. So each word is looked up in a lexicon of concepts
(`models/abuse_lexicon.json`), after the tricks are undone that hide a word from a list: marks in
place of letters, letters parted by spaces or dots, letters repeated, look-alike characters, words
run together, two letters swapped or one left out.

A word that is common in harmless text is never taken for a misspelt one: the model brings the list.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

LEXICON: Final = Path(__file__).parents[1] / "models" / "abuse_lexicon.json"

STOP, QUESTION, EXCLAMATION, QUOTE, CAPITALS, MASKED, MENTION = range(1, 8)
_MARKS: Final = ("STOP", "QUESTION", "EXCLAMATION", "QUOTE", "CAPITALS", "MASKED", "MENTION")
"""Concepts that are no words: they come first in the numbering."""

_INNER: Final = "'*@$!|+#"
_TOKEN: Final = re.compile(
    rf"@\w+|[$]?[^\W_][^\W_]*+(?:[{re.escape(_INNER)}-]{{1,8}}[^\W_]*+)*+|[.!?\n]{{1,8}}|\""
)
_SPACED: Final = re.compile(
    r"(?<![^\W_])[^\W\d_](?:[ .\-_*/]{1,2}[^\W_](?![^\W_])){3,30}+", re.UNICODE
)
"""Four and more single letters, parted by a mark or two: a word that is spelt out."""

_TAG: Final = re.compile(r"#([^\W_]\w{2,60})")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONG: Final = re.compile(r"([^\W\d_])\1{2,}")
_TWICE: Final = re.compile(r"(.)\1+")
_LEET: Final = str.maketrans("013456789@$!|+", "oieasgtbgasiit")
_LOOKALIKE: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458\u04bb\u0501\u051b\u0432\u043a"
    "\u043c\u043d\u0442\u03b1\u03b5\u03bf\u03c1\u03c4\u03c5\u03ba\u03b9\u03bd\u0131\u2019\u2018"
    "\u201c\u201d\u00ab\u00bb\u00d7\u2022\u00b7",
    'aeopcyxisjhdqbkmhtaeoptukivi\'\'""""***',
)
"""Cyrillic and Greek letters that look like Latin ones, and marks in one form."""

_STRONG: Final = (
    *("SLUR", "PROF", "STRONGINSULT", "INSULT", "HATE", "KILL", "HURT", "DISGUST", "STUPID"),
    *("SEXACT", "SEXPART", "DEHUM", "INFERIOR", "POLSLUR", "KILLYOURSELF", "CRIME", "GROUP"),
    *("SELFHARM", "IMMORAL", "SEXMILD", "KILLED"),
)
"""Concepts whose words are looked for behind misspellings."""

_VERBS: Final = ("KILL", "HURT", "HATE", "LIKE", "SEXACT", "EXCLUDE", "SAY", "PROF", "HELP")
"""Concepts whose words are looked up without their endings."""

_BEFORE: Final = frozenset(
    (
        *("i", "you", "we", "they", "he", "she", "it", "the", "a", "all", "those", "these", "and"),
        *("is", "are", "my", "your", "no", "so", "too", "to", "just", "such"),
    )
)
"""Short words that may be run together with the one that follows."""

_STEM: Final = re.compile(
    r"(fu+c?k|f[ck]{2}|cunt|bitch|nigg|faggot|whore|slut|shit|wank|asshol|twat)|(tards?|turds?)$"
)
"""What makes an abusive word of almost any: «fuck…», «…tard»."""

_CLITICS: Final = ("s", "ll", "re", "ve", "d")
_DIVIDER: Final = re.compile(r"\W+")
_SHORTEST_SPLIT, _LONGEST_SPLIT = 5, 30
_SHORTEST_PART: Final = 4
_LONGEST_WORD: Final = 40
_SHORTEST_FUZZY: Final = 5


class Word(NamedTuple):
    """A word in its plain spelling, and the number of its concept; 0 for none."""

    text: str
    concept: int


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The concepts and their words.

    Attributes:
        names: Of the concepts, by their number.
        words: The number of each word's concept.
        phrases: For a first word, the rest of each phrase with its concept, the longest first.
        near: Spellings with one letter left out, of the words that are looked for behind mistakes.
        masks: Such words by length and first letter.
        verbs: Numbers of the concepts whose words are looked up without their endings.
        strong: Numbers of the concepts whose words are looked for behind misspellings.
    """

    names: tuple[str, ...]
    words: dict[str, int]
    phrases: dict[str, list[tuple[tuple[str, ...], int]]]
    near: dict[str, list[str]] = field(repr=False)
    masks: dict[tuple[int, str], list[str]] = field(repr=False)
    verbs: frozenset[int] = frozenset()
    strong: frozenset[int] = frozenset()

    def number(self, name: str) -> int:
        """Return a concept's number."""
        return self.names.index(name)


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Return the lexicon, read once."""
    concepts: dict[str, str] = json.loads(LEXICON.read_text("utf-8"))["concepts"]
    names = ("", *_MARKS, *concepts)
    words: dict[str, int] = {}
    phrases: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    near: dict[str, list[str]] = {}
    masks: dict[tuple[int, str], list[str]] = {}
    for name, listed in concepts.items():
        number = names.index(name)
        for entry in listed.split():
            first, *rest = entry.split("_")
            if rest:
                phrases.setdefault(first, []).append((tuple(rest), number))
                continue
            words.setdefault(entry, number)
            if name in _STRONG and entry.isalpha() and words[entry] == number:
                masks.setdefault((len(entry), entry[0]), []).append(entry)
                if len(entry) >= _SHORTEST_FUZZY:
                    for spelling in _deletions(entry):
                        near.setdefault(spelling, []).append(entry)
    for each in phrases.values():
        each.sort(key=lambda pair: -len(pair[0]))
    return Lexicon(
        names,
        words,
        phrases,
        near,
        masks,
        frozenset(names.index(name) for name in _VERBS),
        frozenset(names.index(name) for name in _STRONG),
    )


def _deletions(word: str) -> Iterator[str]:
    """Yield the word without one of its letters, the first one excepted."""
    return (word[:i] + word[i + 1 :] for i in range(1, len(word)))


def plain(text: str) -> str:
    r"""Return a text in plain letters: composed, without marks, look-alikes as what they look like.

    >>> plain("Fu\u0441k this, you \u0456d\u0456ot")
    'Fuck this, you idiot'
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", text.translate(_LOOKALIKE))
    kept = [c for c in text if c.isascii() or unicodedata.category(c) not in ("Mn", "Cf", "Me")]
    return "".join(kept).translate(_LOOKALIKE)


def words_of(text: str, known: Container[int] = frozenset()) -> list[Word]:
    """Return the words of a text with their concepts; phrases of the lexicon count as one word.

    Args:
        text: Any text, as `plain` returns it.
        known: The CRC-32 of words that are common in harmless text.

    >>> [word.text for word in words_of("I h4te those s t u p i d weeds!")]
    ['i', 'hate', '', 'those', 'stupid', 'weeds', '!']
    """
    text = _SPACED.sub(_joined, text)
    if "#" in text:
        text = _TAG.sub(lambda tag: f" {_CAMEL.sub(' ', tag[1]).replace('_', ' ')} ", text)
    book = lexicon()
    found: list[Word] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        first = token[0]
        if first in ".!?\n":
            mark = QUESTION if "?" in token else EXCLAMATION if "!" in token else STOP
            found.append(Word(first, mark))
        elif first == '"':
            found.append(Word('"', QUOTE))
        elif first == "@" and token[1:2].isalpha():
            word = _resolved(token[1:].lower(), book, known, deep=False)
            found.append(word if word.concept else Word("@", MENTION))
        else:
            lowered = token.lower()
            concept = book.words.get(lowered)
            if concept is not None:
                found.append(Word(lowered, concept))
            else:
                found += _words(lowered, book, known)
            if len(token) > 3 and token.isupper():  # noqa: PLR2004 -- no abbreviation
                found.append(Word("", CAPITALS))
            if token[-1] == "!":
                found.append(Word("!", EXCLAMATION))
    return _with_phrases(found, book)


def _joined(match: re.Match[str]) -> str:
    return re.sub(r"[ .\-_*/]", "", match.group())


def _words(token: str, book: Lexicon, known: Container[int]) -> list[Word]:
    """The words of one token that is not in the lexicon as it stands."""
    if len(token) > _LONGEST_WORD:
        return [Word(token[:_LONGEST_WORD], 0)]
    if token.isalpha():
        return _resolved_alpha(token, book, known)
    bare, masked = token.rstrip("!'|+#-*@$"), token.rstrip("!'|+#-")
    stem, _, ending = bare.rpartition("'")
    if stem and ending in _CLITICS and bare not in book.words:
        bare = masked = stem
    if not bare or bare in book.words:
        return [Word(bare, book.words[bare])] if bare else []
    if bare == masked and bare.isalpha():
        return _resolved_alpha(bare, book, known)
    word = _resolved(masked, book, known)
    if word.concept:
        return [word, Word("", MASKED)]
    return _pieces(bare, book, known)


def _pieces(token: str, book: Lexicon, known: Container[int]) -> list[Word]:
    """The words of a token that marks divide."""
    pieces = [piece for piece in _DIVIDER.split(token) if piece]
    if len(pieces) < 2:  # noqa: PLR2004 -- nothing divides it
        return [Word(token, 0)]
    if all(len(piece) == 1 for piece in pieces):
        return _words("".join(pieces), book, known)
    return [word for piece in pieces for word in _words(piece, book, known)]


def _resolved_alpha(token: str, book: Lexicon, known: Container[int]) -> list[Word]:
    """The word that a token of letters stands for, or the two that were run together."""
    word = _resolved(token, book, known)
    if word.concept or _is_known(token, known):
        return [word]
    if _SHORTEST_SPLIT <= len(token) <= _LONGEST_SPLIT:
        for place in range(1, len(token) - 2):
            pair = _split(token[:place], token[place:], book, known)
            if pair:
                return pair
    return [word]


def _split(left: str, right: str, book: Lexicon, known: Container[int]) -> list[Word]:
    """Two words that were run together, one of them of weight; empty where they are none."""
    before, after = book.words.get(left), book.words.get(right)
    is_word = left in _BEFORE or (
        len(left) >= _SHORTEST_PART
        and len(right) >= _SHORTEST_PART
        and (before is not None or _is_known(left, known))
    )
    if is_word and after in book.strong:
        return [Word(left, before or 0), Word(right, after or 0)]
    is_followed = after is not None or (len(right) >= _SHORTEST_PART and _is_known(right, known))
    if len(left) >= _SHORTEST_PART and before in book.strong and is_followed:
        return [Word(left, before or 0), Word(right, after or 0)]
    return []


def _is_known(token: str, known: Container[int]) -> bool:
    return crc32(token.encode("utf-8", "surrogatepass")) in known


def _resolved(token: str, book: Lexicon, known: Container[int], *, deep: bool = True) -> Word:
    """The word of the lexicon that a token stands for, or the token itself."""
    concept = book.words.get(token)
    if concept is not None:
        return Word(token, concept)
    base = _inflected(token, book)
    if base:
        return Word(base, book.words[base])
    if not deep or _is_known(token, known):
        return Word(token, 0)
    if _LONG.search(token):
        twice = _LONG.sub(r"\1\1", token)
        for spelling in (twice, _LONG.sub(r"\1", token), _TWICE.sub(r"\1", token)):
            concept = book.words.get(spelling)
            if concept is not None:
                return Word(spelling, concept)
        token = twice
    return _guessed(token, book) if token.isalpha() else _unmasked(token, book)


def _inflected(token: str, book: Lexicon) -> str:
    """The entry that a token is a form of; empty where there is none."""
    if len(token) < 4:  # noqa: PLR2004 -- too short for an ending
        return ""
    if token[-1] == "s" and token[:-1] in book.words:
        return token[:-1]
    tries: tuple[str, ...] = ()
    if token.endswith("ed"):
        tries = (token[:-1], token[:-2], token[:-3])
    elif token.endswith("ing"):
        tries = (token[:-3] + "e", token[:-3], token[:-4])
    elif token.endswith("es"):
        tries = (token[:-2],)
    for base in tries:
        if len(base) > 2 and book.words.get(base) in book.verbs:  # noqa: PLR2004
            return base
    return ""


def _unmasked(token: str, book: Lexicon) -> Word:
    """Undo digits and marks in place of letters."""
    if not any(c.isalpha() for c in token):
        return Word(token, 0)
    for spelling in (token.translate(_LEET), token.replace("1", "l").translate(_LEET)):
        concept = book.words.get(spelling)
        if concept is None:
            spelling = _inflected(spelling, book)  # noqa: PLW2901 -- its base form
            concept = book.words.get(spelling)
        if concept in book.strong:
            return Word(spelling, concept or 0)
    if any(mark in token for mark in "*#@-$"):
        shown = [(i, c) for i, c in enumerate(token) if c.isalpha()]
        if shown and shown[0][0] == 0 and not any(c.isdigit() for c in token):
            for word in book.masks.get((len(token), token[0]), ()):
                if all(word[i] == c for i, c in shown) and ("*" in token or len(shown) > 1):
                    return Word(word, book.words[word])
    return Word(token, 0)


def _guessed(token: str, book: Lexicon) -> Word:
    """The word behind a mistake, or that the token holds an abusive stem."""
    word = _corrected(token, book)
    if not word.concept and _STEM.search(token):
        return Word(token, book.words["asshole"])
    return word


def _corrected(token: str, book: Lexicon) -> Word:
    """Undo one letter left out, one too many, or two swapped; never one put for another."""
    if len(token) < _SHORTEST_FUZZY - 1 or len(token) > _LONGEST_SPLIT:
        return Word(token, 0)
    if token in book.near:
        word = book.near[token][0]
        return Word(word, book.words[word])
    for i in range(1, len(token) - 1):
        swapped = token[:i] + token[i + 1] + token[i] + token[i + 2 :]
        concept = book.words.get(swapped)
        if concept in book.strong:
            return Word(swapped, concept or 0)
    if len(token) > _SHORTEST_FUZZY:
        for spelling in _deletions(token):
            concept = book.words.get(spelling)
            if concept in book.strong and len(spelling) >= _SHORTEST_FUZZY:
                return Word(spelling, concept or 0)
    return Word(token, 0)


def _with_phrases(words: list[Word], book: Lexicon) -> list[Word]:
    """Put together what the lexicon lists as a phrase."""
    merged: list[Word] = []
    place, count = 0, len(words)
    while place < count:
        word = words[place]
        for rest, concept in book.phrases.get(word.text, ()):
            end = place + 1 + len(rest)
            if end <= count and all(
                words[place + 1 + i].text == part for i, part in enumerate(rest)
            ):
                merged.append(Word("_".join((word.text, *rest)), concept))
                place = end
                break
        else:
            merged.append(word)
            place += 1
    return merged
