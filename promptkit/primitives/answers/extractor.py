"""What an extractor is, when two answers are the same, and how extractors are joined."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from promptkit.errors import OptionError

Same = Callable[[Hashable, Hashable], bool]
"""Whether two answers count as one."""


@dataclass(frozen=True, slots=True)
class Extractor:
    """Reads one kind of answer. Two of the same name and version are equal.

    Attributes:
        name: As it stands in results, with its arguments.
        find: From a text to the answer; None when there is none.
        version: Raised whenever `find` may read some text differently, or `same` judges otherwise.
        same: When two answers count as one; None for `==`.
    """

    name: str
    find: Callable[[str], Hashable | None] = field(repr=False, compare=False)
    version: int = 1
    same: Same | None = field(default=None, repr=False, compare=False)

    def __call__(self, text: str) -> Hashable | None:
        """Return the answer that stands in `text`."""
        return self.find(text)

    def __str__(self) -> str:
        """Show name and version."""
        return f"{self.name} v{self.version}"


def as_extractor(extract: object) -> Extractor:
    """Return an extractor as it is, and a plain function of a text as one of its name.

    >>> str(as_extractor(str.strip))
    'strip v1'

    Raises:
        OptionError: When it is neither.
    """
    if isinstance(extract, Extractor):
        return extract
    if not callable(extract):
        hint = "give one of `answers`, or a function from a text to an answer or None"
        raise OptionError(f"extract={extract!r}", hint=hint)
    return Extractor(getattr(extract, "__name__", type(extract).__name__), extract)


def equal(one: Hashable | None, other: Hashable | None, extractor: Extractor) -> bool:
    """Whether two answers are the same by the extractor's rule. No answer is the same as none.

    >>> from promptkit.primitives import answers
    >>> equal("The cats", "cats.", answers.last_line), equal(None, None, answers.number)
    (True, False)
    """
    if one is None or other is None:
        return False
    return one == other or (extractor.same is not None and extractor.same(one, other))


def group(
    values: Sequence[Hashable | None], extractor: Extractor
) -> list[tuple[Hashable, list[int]]]:
    """Put answers that are the same together: what a vote counts.

    Each is compared with the first of each group, in their order, so that the groups do not depend
    on chance where a rule with a tolerance lets neighbours agree and the ends of a row not.

    >>> from promptkit.primitives import answers
    >>> group([3, 4, None, 4.0, 5], answers.number)
    [(4, [1, 3]), (3, [0]), (5, [4])]

    Returns:
        (answer, places in `values`) pairs: most places first, ties by first appearance. The answer
        is the group's earliest. Values that are None are in no group.
    """
    groups: dict[Hashable, list[int]] = {}
    for place, value in enumerate(values):
        if value is None:
            continue
        if value in groups:
            groups[value].append(place)
            continue
        same = (first for first in groups if equal(first, value, extractor))
        groups.setdefault(next(same, value), []).append(place)
    return sorted(groups.items(), key=lambda pair: -len(pair[1]))


def normalised(
    extractor: Extractor,
    fn: Callable[[Any], Hashable | None],
    *,
    name: str = "",
    same: Same | None = None,
) -> Extractor:
    """Return an extractor whose answers go through `fn`, a function of a module.

    >>> from promptkit.primitives import answers
    >>> whole = normalised(answers.number, round, name="rounded")
    >>> whole("It is 3.7 km."), str(whole)
    (4, 'number, rounded v1')

    Args:
        extractor: What reads the answer first.
        fn: From an answer to what stands for it, or to None when it is none after all.
        name: Of `fn` in results; its own name when left out.
        same: When two of the new answers count as one; None for `==`.
    """
    named = name or getattr(fn, "__name__", "")
    if not named:
        raise OptionError(f"a function of type {type(fn).__name__}", hint="name it with name=…")
    find = partial(_through, extractor, fn)
    return Extractor(f"{extractor.name}, {named}", find, extractor.version, same)


def _through(
    extractor: Extractor, fn: Callable[[Any], Hashable | None], text: str
) -> Hashable | None:
    value = extractor(text)
    return None if value is None else fn(value)


def either(*extractors: Extractor) -> Extractor:
    """Return an extractor of what the first of `extractors` finds that finds anything.

    >>> from promptkit.primitives import answers
    >>> reader = either(answers.json_field("answer"), answers.number)
    >>> reader('{"answer": 3}'), reader("It is 4."), str(reader)
    (3, 4, 'json_field answer, else number v1')

    The answers are compared by the rule of the first that has one.
    """
    if not extractors:
        raise OptionError("no extractors", hint="give one or more")
    name = ", else ".join(extractor.name for extractor in extractors)
    same = next((extractor.same for extractor in extractors if extractor.same), None)
    version = max(extractor.version for extractor in extractors)
    return Extractor(name, partial(_first, extractors), version, same)


def _first(extractors: tuple[Extractor, ...], text: str) -> Hashable | None:
    found = (extractor(text) for extractor in extractors)
    return next((value for value in found if value is not None), None)
