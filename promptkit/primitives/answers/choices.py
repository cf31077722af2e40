"""One of a few answers: named, lettered, or yes and no."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import partial
from typing import Final

from promptkit.errors import OptionError
from promptkit.primitives.answers.extractor import Extractor
from promptkit.primitives.answers.marks import pieces

_LETTERED: Final = re.compile(r"\(([A-Za-z])\)\s*(.*)|([A-Za-z])[).:]\s+(.*)|([A-Za-z])", re.DOTALL)
_YES_NO: Final = re.compile(r"\b(?:(yes|true)|(no|false))\b", re.IGNORECASE)
_YES_NO_FIRST: Final = re.compile(
    r"[\s*_\"'«“(]*+(?:(yes|true)|(no|false))\b[*_\"'»”)]*+(?=[.,!:;\n—–]|\s+[-—–]|\s*+\Z)",
    re.IGNORECASE,
)
_FRAME: Final = " \t\n\r*_`\"'.,!?:;«»“”‘’"
"""What may stand around a reply that is an answer and nothing else."""


def _yes_no(text: str) -> str | None:
    for piece in pieces(text):
        if marked := _YES_NO.search(piece):
            return _word(marked)
    if first := _YES_NO_FIRST.match(text):
        return _word(first)
    every = list(_YES_NO.finditer(text))
    return _word(every[-1]) if every else None


def _word(match: re.Match[str]) -> str:
    return "yes" if match.group(1) else "no"


def _choice(options: tuple[str, ...], names: tuple[tuple[str, int], ...], text: str) -> str | None:
    """The option after the last mark; else the reply that is one; else the last one named."""
    whole = {_folded(name): place for name, place in names}
    pattern = _pattern(names)
    for piece in pieces(text):
        said = whole.get(_folded(piece.strip().partition("\n")[0]))
        if said is not None:
            return options[said]
        if marked := pattern.search(piece):
            return options[names[(marked.lastindex or 1) - 1][1]]
    for line in (text, *reversed(text.splitlines())):
        said = whole.get(_folded(line))
        if said is not None:
            return options[said]
    every = list(pattern.finditer(text))
    return options[names[(every[-1].lastindex or 1) - 1][1]] if every else None


def _folded(text: str) -> str:
    """A text for comparison as a whole: case, quotes and emphasis do not count."""
    return re.sub(r"\s+", " ", text.strip(_FRAME)).casefold() if len(text) < _LONG else ""


_LONG: Final = 2_000
"""A line longer than this names an option at most somewhere inside."""


def _names(options: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """The texts that name each option, by its place: itself, and its letter if all have one.

    «(B) cats» is named by «(B)», «B)» and «cats», too.
    """
    names = {option: place for place, option in enumerate(options)}
    lettered = [_LETTERED.fullmatch(option.strip()) for option in options]
    letters = [next((g for g in m.groups()[::2] if g), "") if m else "" for m in lettered]
    if all(letters) and len({letter.casefold() for letter in letters}) == len(letters):
        for place, (letter, match) in enumerate(zip(letters, lettered, strict=True)):
            content = ((match and (match[2] or match[4])) or "").strip()
            for name in (letter, f"({letter})", f"{letter})", content):
                if name:
                    names.setdefault(name, place)
    return tuple(sorted(names.items(), key=lambda pair: -len(pair[0])))


def _pattern(names: tuple[tuple[str, int], ...]) -> re.Pattern[str]:
    """Any of the names, the longest first, none inside a word. A lone letter keeps its case."""
    parts = []
    for name, _ in names:
        text = r"\s+".join(re.escape(word) for word in name.split())
        before, after = edges(name)
        parts.append(f"{before}({text if len(name) == 1 else f'(?i:{text})'}){after}")
    return re.compile("|".join(parts))


def edges(name: str) -> tuple[str, str]:
    r"""Return the patterns before and after a name that keep it from being read inside a word.

    >>> edges("C++")
    ('(?<!\\w)', '')
    """
    before = r"(?<!\w)" if _is_letter(name.strip()[:1]) else ""
    return before, r"(?!\w)" if _is_letter(name.strip()[-1:]) else ""


def _is_letter(char: str) -> bool:
    """Whether words of this character's script stand apart: those of Chinese or Thai do not."""
    spaceless = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
    return char.isalnum() and not unicodedata.name(char, "").startswith(spaceless)


yes_no = Extractor("yes_no", _yes_no)
"""«yes» or «no»; true and false count as such.

It is the one after an answer mark; else the one that a reply begins with, as in «No, because …»;
else the last one.

>>> yes_no("The answer is: No, it does not."), yes_no("Yes, there is no doubt.")
('no', 'yes')
"""


def choice(options: Sequence[str]) -> Extractor:
    """Return an extractor of one of `options`, of which none is read inside another.

    Where all options have a letter, as «(B)» or «B. cats», each is named by its letter too. The
    answer is the first named after an answer mark; else the line that is an option and nothing
    else; else the last one named.

    >>> choice(["cat", "cats", "dog"])("Dogs bark; a cat or cats. Answer: Cats!")
    'cats'
    >>> choice(["(A) a cat", "(B) a dog"])("It barks, so it must be (B).")
    '(B) a dog'
    """
    texts = () if isinstance(options, str) else tuple(options)
    if isinstance(options, str):
        raise OptionError("choices of type str", hint="give a list of texts")
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        what = f"{len(texts)} choices, of which some are no text" if texts else "no choices"
        raise OptionError(what, hint="give one or more texts")
    if len({text.casefold() for text in texts}) < len(texts):
        what = f"{len(texts)} choices, of which some are the same"
        raise OptionError(what, hint="they differ by more than their case")
    return Extractor(f"choice {list(texts)}", partial(_choice, texts, _names(texts)))
