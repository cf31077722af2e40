"""What an extractor is, when two answers are the same, and how extractors are joined."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from promptkit.errors import OptionError

Same = Callable[[Hashable, Hashable], bool]
"""Whether two answers count as one."""

Form = Callable[[Hashable], Hashable]
"""What answers that count as one have in common."""


@dataclass(frozen=True, slots=True)
class Extractor:
    """Reads one kind of answer. Two of the same name and version are equal.

    Attributes:
        name: As it stands in results, with its arguments.
        find: From a text to the answer; None when there is none.
        version: Raised whenever `find` may read some text differently, or `same` or `form` judges
            otherwise.
        same: When two answers count as one; None for `==`. Each pair is compared: where the rule
            is that two have something in common, `form` takes far less time.
        form: From an answer to what it has in common with those that count as one with it; None
            for the answer itself. It is not beside `same`.
    """

    name: str
    find: Callable[[str], Hashable | None] = field(repr=False, compare=False)
    version: int = 1
    same: Same | None = field(default=None, repr=False, compare=False)
    form: Form | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse two rules at once."""
        if self.same is not None and self.form is not None:
            raise OptionError("both same and form", hint="give one rule of what counts as one")

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
        raise OptionError(f"extract of type {type(extract).__name__}", hint=hint)
    name = getattr(extract, "__name__", type(extract).__name__)
    if str(getattr(extract, "__module__", "")).startswith("promptkit.primitives.answers"):
        hint = f"call it with what it reads, such as answers.{name}(…)"
        raise OptionError(f"extract={name} makes an extractor and is none", hint=hint)
    return Extractor(name, extract)


def equal(one: Hashable | None, other: Hashable | None, extractor: Extractor) -> bool:
    """Whether two answers are the same by the extractor's rule. No answer is the same as none.

    >>> from promptkit.primitives import answers
    >>> equal("The cats", "cats.", answers.last_line), equal(None, None, answers.number)
    (True, False)
    """
    if one is None or other is None:
        return False
    if one == other:
        return True
    if extractor.form is not None:
        return extractor.form(one) == extractor.form(other)
    return extractor.same is not None and extractor.same(one, other)


class Groups:
    """Answers put together as they come: what a vote counts while it is under way.

    Each is compared with the first of each group, in their order, so that the groups do not depend
    on chance where a rule with a tolerance lets neighbours agree and the ends of a row not. Where
    the rule is a `form`, that is reckoned once for each answer, and nothing is compared in pairs.
    """

    def __init__(self, extractor: Extractor) -> None:
        """Begin without an answer."""
        self._extractor = extractor
        self._places: dict[Hashable, list[int]] = {}
        self._names: dict[Hashable, Hashable] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return how many values came, those that are None included."""
        return self._count

    def add(self, values: Iterable[Hashable | None]) -> None:
        """Put further values into their groups."""
        for place, value in enumerate(values, self._count):
            self._count += 1
            if value is not None:
                self._places.setdefault(self._name(value), []).append(place)

    def ranked(self) -> list[tuple[Hashable, list[int]]]:
        """Return (answer, places) pairs, most places first, ties by first appearance."""
        return sorted(self._places.items(), key=lambda pair: -len(pair[1]))

    def _name(self, value: Hashable) -> Hashable:
        """The first answer of the group that a value belongs to: itself where it begins one."""
        if value in self._places:
            return value
        form, same = self._extractor.form, self._extractor.same
        if form is not None:
            return self._names.setdefault(form(value), value)
        if same is None:
            return value
        return next((first for first in self._places if same(first, value)), value)


def group(
    values: Sequence[Hashable | None], extractor: Extractor
) -> list[tuple[Hashable, list[int]]]:
    """Put answers that are the same together: what a vote counts.

    >>> from promptkit.primitives import answers
    >>> group([3, 4, None, 4.0, 5], answers.number)
    [(4, [1, 3]), (3, [0]), (5, [4])]

    Returns:
        (answer, places in `values`) pairs: most places first, ties by first appearance. The answer
        is the group's earliest. Values that are None are in no group.
    """
    groups = Groups(extractor)
    groups.add(values)
    return groups.ranked()


def normalised(
    extractor: Extractor,
    fn: Callable[[Any], Hashable | None],
    *,
    name: str = "",
    same: Same | None = None,
    form: Form | None = None,
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
        form: What new answers that count as one have in common, in place of `same`.
    """
    named = name or getattr(fn, "__name__", "")
    if not named:
        raise OptionError(f"a function of type {type(fn).__name__}", hint="name it with name=…")
    find = partial(_through, extractor, fn)
    return Extractor(f"{extractor.name}, {named}", find, extractor.version, same, form)


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
    rule = next((each for each in extractors if each.same or each.form), extractors[0])
    version = max(extractor.version for extractor in extractors)
    return Extractor(name, partial(_first, extractors), version, rule.same, rule.form)


def _first(extractors: tuple[Extractor, ...], text: str) -> Hashable | None:
    found = (extractor(text) for extractor in extractors)
    return next((value for value in found if value is not None), None)
