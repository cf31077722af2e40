"""Extractors: how an answer is read from a model's text.

The extractor moves an accuracy as much as the technique does, so it is a named, versioned value
that stands in every Result. Each returns None when the text holds no answer of its kind: that is
an outcome of its own and never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial

from promptkit.errors import OptionError

_MARK = re.compile(
    r"(?:\b(?:final\s+)?answer\s*(?:is|:|=)|####|\\boxed\s*\{)\s*[:*_\s]*", re.IGNORECASE
)
"""What models write before their answer: «Answer:», «the answer is», «####», «\\boxed{»."""

_NUMBER = re.compile(r"[-+−]?[$€£]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|[-+−]?[$€£]?\.\d+")
_YES_NO = re.compile(r"\b(yes|no|true|false)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Extractor:
    """Reads one kind of answer.

    Attributes:
        name: As it stands in results, with its arguments.
        find: From a text to the answer; None when there is none.
        version: Raised whenever `find` may read some text differently.
    """

    name: str
    find: Callable[[str], Hashable | None]
    version: int = 1

    def __call__(self, text: str) -> Hashable | None:
        """Return the answer that stands in `text`."""
        return self.find(text)

    def __str__(self) -> str:
        """Show name and version."""
        return f"{self.name} v{self.version}"


def _marked(text: str) -> str:
    """What follows the last answer mark; the whole text when there is none."""
    marks = list(_MARK.finditer(text))
    after = text[marks[-1].end() :] if marks else ""
    return after if after.strip() else text


def _first_marked_or_last(pattern: re.Pattern[str], text: str) -> str | None:
    """The first match after the last answer mark; where there is none, the last of all."""
    marked = _marked(text)
    first = pattern.search(marked) if marked is not text else None
    if first:
        return first.group()
    every = [match.group() for match in pattern.finditer(text)]
    return every[-1] if every else None


def _number(text: str) -> float | int | None:
    chosen = _first_marked_or_last(_NUMBER, text)
    if chosen is None:
        return None
    digits = re.sub(r"[$€£,\s]", "", chosen).replace("−", "-")
    if "." not in digits:
        return int(digits)
    value = float(digits)
    return int(value) if value.is_integer() else value


def _yes_no(text: str) -> str | None:
    word = _first_marked_or_last(_YES_NO, text)
    return None if word is None else "yes" if word.lower() in ("yes", "true") else "no"


def _final(text: str) -> str | None:
    lines = [line for line in _marked(text).splitlines() if line.strip()]
    if not lines:
        return None
    line = lines[0] if _MARK.search(text) else lines[-1]
    answer = re.sub(r"\s+", " ", line).strip(" \t*_`\"'.!«»“”}").casefold()
    return answer or None


def _choice(options: tuple[str, ...], text: str) -> str | None:
    """The option mentioned first after the answer mark; where there is none, the last of all."""
    longest_first = "|".join(re.escape(option) for option in sorted(options, key=len, reverse=True))
    by_name = {option.casefold(): option for option in options}
    pattern = re.compile(rf"(?<!\w)(?:{longest_first})(?!\w)", re.IGNORECASE)
    found = _first_marked_or_last(pattern, text)
    return None if found is None else by_name.get(found.casefold(), found)


def _regex(pattern: re.Pattern[str], text: str) -> str | None:
    found = list(pattern.finditer(text))
    if not found:
        return None
    return found[-1].group(1) if pattern.groups else found[-1].group()


number = Extractor("number", _number)
"""The number after an answer mark, else the last number: «1,250.50 $» is 1250.5.

>>> number("So 3 + 4 makes 7.")
7
"""

yes_no = Extractor("yes_no", _yes_no)
"""«yes» or «no»; true and false count as such.

>>> yes_no("The answer is: No, it does not.")
'no'
"""

final = Extractor("final", _final)
"""The line after an answer mark, else the last line, in lower case, without marks around it.

>>> final("Cats purr.\\nAnswer: **Cats.**")
'cats'
"""


def choice(options: Sequence[str]) -> Extractor:
    """Return an extractor of one of `options`, of which none is read inside another.

    >>> choice(["cat", "cats", "dog"])("Dogs bark; a cat or cats. Answer: Cats!")
    'cats'
    """
    texts = tuple(options)
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise OptionError(f"choices={list(texts)!r}", hint="give one or more texts")
    if len({text.casefold() for text in texts}) < len(texts):
        raise OptionError(f"choices={list(texts)!r}", hint="they differ by more than their case")
    return Extractor(f"choice {list(texts)}", partial(_choice, texts))


def regex(pattern: str) -> Extractor:
    r"""Return an extractor of the last match of `pattern`, of its first group if it has one.

    >>> regex(r"ticket (\d+)")("Merge ticket 12 into ticket 15.")
    '15'
    """
    try:
        return Extractor(f"regex {pattern}", partial(_regex, re.compile(pattern)))
    except re.error as error:
        raise OptionError(f"the pattern {pattern!r} does not compile ({error})") from None
