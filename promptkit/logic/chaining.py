"""Forward chaining: apply the rules to what is known until nothing new follows.

Rounds go breadth first, so each literal is derived by a proof of the least depth. The work is
counted and bounded: a program is text that a model wrote, and must not run for ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from promptkit.errors import ProgramError
from promptkit.logic.clause import Clause, Literal

MAX_COMPARISONS: Final = 200_000
"""Comparisons of a condition with a fact after which chaining gives up: a second or two."""

MAX_FACTS: Final = 50_000
"""Literals after which chaining gives up."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a literal came about: by which clause, and from which literals.

    Attributes:
        depth: How many rules, one after the other, lead to it; 0 for a fact.
    """

    clause: Clause
    premises: tuple[Literal, ...]
    depth: int


@dataclass(frozen=True, slots=True)
class Closure:
    """All that follows, each literal with its derivation, in the order they were derived."""

    derivations: Mapping[Literal, Derivation]

    def __contains__(self, literal: Literal) -> bool:
        """Whether a literal follows."""
        return literal in self.derivations

    def contradicts_itself(self, literal: Literal) -> bool:
        """Whether both a literal and its opposite follow."""
        return literal in self and literal.negated in self

    def verdict(self, literal: Literal) -> bool | None:
        """Return whether a literal holds; None when neither it nor its opposite follows, or both.

        >>> cold, round_ = Literal("cold", ("Bob",)), Literal("round", ("Bob",))
        >>> closure = close([Clause(cold), Clause(round_.negated, (cold,))])
        >>> (
        ...     closure.verdict(cold),
        ...     closure.verdict(round_),
        ...     closure.verdict(Literal("red", ("Bob",))),
        ... )
        (True, False, None)
        """
        holds, is_denied = literal in self, literal.negated in self
        return None if holds == is_denied else holds

    def proof(self, literal: Literal) -> list[Literal]:
        """Return all that a derived literal stands on, then the literal: premises come first."""
        steps: dict[Literal, None] = {}
        waiting = [(literal, False)]
        while waiting:
            each, is_ready = waiting.pop()
            if each in steps:
                continue
            if is_ready:
                steps[each] = None
                continue
            waiting.append((each, True))
            premises = self.derivations[each].premises
            waiting += [(premise, False) for premise in reversed(premises)]
        return list(steps)


def close(
    clauses: Iterable[Clause],
    *,
    max_comparisons: int = MAX_COMPARISONS,
    max_facts: int = MAX_FACTS,
) -> Closure:
    """Return all that follows from facts and rules.

    >>> closure = close(
    ...     [
    ...         Clause(Literal("mouse", ("Gert",))),
    ...         Clause(Literal("afraid", ("$x",)), (Literal("mouse", ("$x",)),)),
    ...     ]
    ... )
    >>> [str(literal) for literal in closure.derivations]
    ['mouse(Gert)', 'afraid(Gert)']

    Raises:
        ProgramError: When a rule's conclusion is about something its conditions do not name, or
            when it takes more than the bounds.
    """
    given = list(clauses)
    _check(given)
    chain = _Chain(max_comparisons, max_facts)
    for clause in given:
        if clause.is_fact:
            chain.add(clause.head, Derivation(clause, (), 0))
    rules = [clause for clause in given if clause.body]
    needing: dict[_Kind, list[int]] = defaultdict(list)
    for place, rule in enumerate(rules):
        for condition in rule.body:
            needing[_kind(condition)].append(place)
    fresh = set(chain.derivations)
    while fresh:
        found: dict[Literal, Derivation] = {}
        touched = {place for literal in fresh for place in needing[_kind(literal)]}
        for rule in (rules[place] for place in sorted(touched)):
            for premises, values in chain.matches(rule.body, fresh):
                head = rule.head.with_values(values)
                if head not in chain.derivations and head not in found:
                    depth = 1 + max(chain.derivations[each].depth for each in premises)
                    found[head] = Derivation(rule, premises, depth)
                    chain.check(len(found))
        for literal, derivation in found.items():
            chain.add(literal, derivation)
        fresh = set(found)
    return Closure(chain.derivations)


def _check(clauses: list[Clause]) -> None:
    for clause in clauses:
        named = {name for literal in clause.body for name in literal.variables}
        loose = [name for name in clause.head.variables if name not in named]
        if loose:
            what = "a fact about anything" if clause.is_fact else "a conclusion about anything"
            raise ProgramError(
                f"{what}: {loose[0]} in {clause}", hint="conditions must name each variable"
            )


class _Chain:
    """What is known so far, by predicate, and how much work is left."""

    def __init__(self, max_comparisons: int, max_facts: int) -> None:
        self.derivations: dict[Literal, Derivation] = {}
        self.alike: dict[tuple[str, bool, int], list[Literal]] = defaultdict(list)
        self.left = max_comparisons
        self.max_facts = max_facts

    def add(self, literal: Literal, derivation: Derivation) -> None:
        """Remember a literal."""
        if literal in self.derivations:
            return
        self.check(1)
        self.derivations[literal] = derivation
        self.alike[_kind(literal)].append(literal)

    def check(self, more: int) -> None:
        """Refuse more literals than there may be."""
        if len(self.derivations) + more > self.max_facts:
            raise ProgramError(f"more than {self.max_facts} facts follow", hint="use fewer rules")

    def matches(
        self, body: tuple[Literal, ...], fresh: set[Literal]
    ) -> Iterator[tuple[tuple[Literal, ...], dict[str, str]]]:
        """Yield the known literals that meet all conditions, at least one of them fresh."""
        for premises, values in self._matches(body, {}):
            if any(premise in fresh for premise in premises):
                yield premises, values

    def _matches(
        self, body: tuple[Literal, ...], values: dict[str, str]
    ) -> Iterator[tuple[tuple[Literal, ...], dict[str, str]]]:
        if not body:
            yield (), values
            return
        first, *others = body
        for literal in tuple(self.alike.get(_kind(first), ())):
            self.left -= 1
            if self.left < 0:
                raise ProgramError("the rules take too long", hint="use fewer rules or conditions")
            more = _bind(first, literal, values)
            if more is not None:
                for premises, bound in self._matches(tuple(others), more):
                    yield (literal, *premises), bound


_Kind = tuple[str, bool, int]


def _kind(literal: Literal) -> _Kind:
    return literal.predicate, literal.is_positive, len(literal.arguments)


def _bind(pattern: Literal, literal: Literal, values: Mapping[str, str]) -> dict[str, str] | None:
    """Return the values of the variables under which a pattern is a literal; None if none."""
    bound = dict(values)
    for name, value in zip(pattern.arguments, literal.arguments, strict=True):
        if name.startswith("$"):
            if bound.setdefault(name, value) != value:
                return None
        elif name != value:
            return None
    return bound
