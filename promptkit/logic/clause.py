"""The values of logic: literals, and clauses made of them.

A name that begins with `$` is a variable. Negation is explicit: «not cold» is a fact of its own
that must be told or derived, and what is neither told nor derived is unknown (an open world).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Literal:
    """A statement about one or more things, such as cold(Bob), or that it does not hold."""

    predicate: str
    arguments: tuple[str, ...]
    is_positive: bool = True

    @property
    def negated(self) -> Literal:
        """The opposite statement."""
        return replace(self, is_positive=not self.is_positive)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names in it that stand for anything."""
        return tuple(name for name in self.arguments if name.startswith("$"))

    def with_values(self, values: Mapping[str, str]) -> Literal:
        """Return the literal with its variables replaced.

        >>> str(Literal("cold", ("$x",)).with_values({"$x": "Bob"}))
        'cold(Bob)'
        """
        return replace(self, arguments=tuple(values.get(name, name) for name in self.arguments))

    def __str__(self) -> str:
        """Show it as logic does."""
        return f"{'' if self.is_positive else 'not '}{self.predicate}({', '.join(self.arguments)})"


@dataclass(frozen=True, slots=True)
class Clause:
    """A rule «if all of `body`, then `head`»; with an empty body it is a fact.

    Attributes:
        source: The sentence or line it was read from.
    """

    head: Literal
    body: tuple[Literal, ...] = ()
    source: str = ""

    @property
    def is_fact(self) -> bool:
        """Whether it holds without conditions."""
        return not self.body

    def __str__(self) -> str:
        """Show it as logic does."""
        conditions = " and ".join(map(str, self.body))
        return f"{conditions} => {self.head}" if conditions else str(self.head)
