"""Answers that are words: the final line, what a pattern matches, a block of code."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from functools import partial
from typing import Final

from promptkit.errors import OptionError
from promptkit.primitives.answers.extractor import Extractor
from promptkit.primitives.answers.marks import has_mark, pieces

_AROUND: Final = " \t*_`\"'.!«»“”"
_EDGES: Final = ".,;:!?\"'`’‘“”«»()[]{}*_…。、，！？；："
_ARTICLES: Final = ("a", "an", "the")
_LABEL: Final = re.compile(r"[*_ \t]*+(?:final\s)?(?:answer|a)[*_]*+:\s*", re.IGNORECASE)
_LATEX: Final = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\{([^{}]*+)\}")
_FENCE: Final = re.compile(r"[ \t]{0,8}(`{3,}|~{3,})[ \t]*([^\s`{]*)")


def same_text(one: Hashable, other: Hashable) -> bool:
    """Whether two texts differ only in case, space, a leading article and marks around words.

    Signs of numbers and of names stay: «-3» is not «3», and «C++» is not «C».

    >>> same_text("The  Cat.", "cat"), same_text("3.5", "35"), same_text("A", "B")
    (True, False, False)
    """
    return text_form(one) == text_form(other)


def text_form(answer: Hashable) -> Hashable:
    """Return what texts have in common that are the same: `normal_text`; another value as it is.

    >>> text_form("The  Cat."), text_form(3)
    ('cat', 3)
    """
    return normal_text(answer) if isinstance(answer, str) else answer


def normal_text(text: str) -> str:
    """Return the words in lower case, without a leading article and the marks around them.

    >>> normal_text("«The cat», it said!")
    'cat it said'
    """
    words = [word.strip(_EDGES) for word in text.casefold().split()]
    words = [word for word in words if word]
    if len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    return " ".join(words) or " ".join(text.casefold().split())


def _final(text: str) -> str | None:
    line = next((_first_line(piece) for piece in pieces(text)), None)
    if line is None:
        line = "" if has_mark(text) else _last_line_of(text)
    return line.strip(_AROUND) or None


def _last_line(text: str) -> str | None:
    line = _last_line_of(text)
    label = _LABEL.match(line)
    return line[label.end() if label else 0 :].strip(_AROUND) or None


def _first_line(piece: str) -> str:
    return _one_line(next(line for line in piece.splitlines() if line.strip()))


def _last_line_of(text: str) -> str:
    return _one_line(next((line for line in reversed(text.splitlines()) if line.strip()), ""))


def _one_line(line: str) -> str:
    return re.sub(r"\s+", " ", _LATEX.sub(r"\1", line)).strip()


def _regex(pattern: re.Pattern[str], text: str) -> str | None:
    found = None
    for match in pattern.finditer(text):
        value = match.group(1) if pattern.groups else match.group()
        found = found if value is None else value
    return found


def _code_block(language: str, text: str) -> str | None:
    found = {label: code for label, code in _blocks(text) if code.strip()}
    if not language:
        return list(found.values())[-1] if found else None
    return found.get(language, found.get(""))


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield (language, code) of each fenced block; the last may be cut off."""
    fence, label, lines = "", "", list[str]()
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if not fence and mark:
            fence, label, lines = mark.group(1), mark.group(2).casefold(), []
        elif fence and mark and mark.group(1).startswith(fence) and line.strip(" \t`~") == "":
            yield label, "\n".join(lines)
            fence = ""
        elif fence:
            lines.append(line)
    if fence:
        yield label, "\n".join(lines)


final = Extractor("final", _final, version=2, form=text_form)
"""The line after an answer mark, else the last line, as it is but for marks around it.

>>> final("They purr.\\nAnswer: **Siamese Cats.**")
'Siamese Cats'
"""

last_line = Extractor("last_line", _last_line, version=2, form=text_form)
"""The last line that is not blank, as it is but for marks around it and «Answer:» before it.

>>> last_line("They purr.\\n\\n**Siamese Cats.**\\n")
'Siamese Cats'
"""


def regex(pattern: str) -> Extractor:
    r"""Return an extractor of the last match of `pattern`, of its first group if it has one.

    >>> regex(r"ticket (\d+)")("Merge ticket 12 into ticket 15.")
    '15'
    """
    try:
        return Extractor(f"regex {pattern}", partial(_regex, re.compile(pattern)))
    except re.error as error:
        what = f"the pattern does not compile, from character {error.pos or 0} on"
    except TypeError:
        what = f"a pattern of type {type(pattern).__name__}"
    raise OptionError(what, hint="give a regular expression of Python as a text")


def code_block(language: str = "") -> Extractor:
    r"""Return an extractor of the last fenced block of code in a language, as it is written.

    A block that names no language counts where none names this one. A text without a fence holds
    no code: whether it is some is not guessed.

    >>> code_block("python")("So:\n```python\nprint(3)\n```\nThat is all.")
    'print(3)'
    """
    return Extractor(f"code_block {language}".strip(), partial(_code_block, language.casefold()))
