"""How likely each of a few answers is, and how it is told from sampled answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from promptkit.explanation import Bar, Bars, Section
from promptkit.primitives.answers.choices import edges
from promptkit.result import Basis


@dataclass(frozen=True, slots=True)
class Distribution:
    """How likely each option is.

    Attributes:
        options: The answers that were possible.
        shares: The probability of each, in the same order. They sum to 1, or are all 0 when the
            model named none of them.
        basis: What they stand on.
        samples: How many answers were drawn for it.
        mass: The share of the model's answers that named any of the options.
    """

    options: tuple[str, ...]
    shares: tuple[float, ...]
    basis: Basis
    samples: int
    mass: float

    def __getitem__(self, option: str) -> float:
        """Return the probability of an option."""
        return self.shares[self.options.index(option)]

    @property
    def best(self) -> str | None:
        """The likeliest option, ties to the earliest; None when none was named."""
        most = max(self.shares)
        return self.options[self.shares.index(most)] if most > 0 else None

    def sections(self) -> Iterator[Section]:
        """Yield the probabilities as bars."""
        pairs = zip(self.options, self.shares, strict=True)
        bars = tuple(
            Bar(option, share, f"{share:.0%}", "chosen" if option == self.best else "plain")
            for option, share in pairs
        )
        yield Bars(f"How likely each is, by {self.basis}", bars, full=1.0)


def count(options: tuple[str, ...], texts: Sequence[str]) -> Distribution:
    """Return the shares of the options among sampled answers.

    >>> count(("yes", "no"), ["Yes.", "yes", "no", "maybe"]).mass
    0.75
    """
    return shares_of(options, texts, partial(named, options=options))


def shares_of(
    options: tuple[str, ...], texts: Sequence[str], read: Callable[[str], Hashable | None]
) -> Distribution:
    """Return the shares of the options among answers that `read` reads.

    >>> shares_of(("a", "b"), ["a", "b", "a", "?"], str.strip).shares
    (0.6666666666666666, 0.3333333333333333)
    """
    found = [read(text) for text in texts]
    told = sum(found.count(option) for option in options)
    shares = tuple(found.count(option) / told if told else 0.0 for option in options)
    return Distribution(options, shares, "votes", len(texts), told / len(texts) if texts else 0.0)


def named(reply: str, options: Sequence[str]) -> str | None:
    """Return the one option that a reply names; None when it names none or several.

    >>> named("S2.", ("S1", "S2")), named("None of S1 and S2 helps.", ("S1", "S2"))
    ('S2', None)
    """
    if reply.strip() in options:
        return reply.strip()
    longest_first = sorted(options, key=len, reverse=True)
    pattern = "|".join(f"{edges(o)[0]}({re.escape(o.strip())}){edges(o)[1]}" for o in longest_first)
    found = {match.lastindex for match in re.finditer(pattern, reply, re.IGNORECASE)}
    fitting = [longest_first[place - 1] for place in found if place]
    return fitting[0] if len(fitting) == 1 else None
