"""Numbers drawn by what they are for: the same seed, item and attempt always draw the same.

The order in which requests arrive therefore changes nothing, and a run can be repeated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from statistics import NormalDist

_NORMAL = NormalDist()
_SCALE = 2.0**64
KINDS = ("constant", "uniform", "exponential", "lognormal")


def uniform(*what: object) -> float:
    """A number above 0 and below 1 that belongs to `what`.

    >>> uniform(1, "a") == uniform(1, "a") != uniform(2, "a")
    True
    """
    raw = blake2b(repr(what).encode(), digest_size=8).digest()
    return (int.from_bytes(raw) + 0.5) / (_SCALE + 1)


@dataclass(frozen=True, slots=True)
class Distribution:
    """How latencies or sizes lie.

    Attributes:
        kind: "constant:value", "uniform:least,most", "exponential:mean" or
            "lognormal:median,sigma".
        most: Nothing above this is drawn.
    """

    kind: str
    numbers: tuple[float, ...]
    most: float = math.inf

    @classmethod
    def parse(cls, text: str, most: float = math.inf) -> Distribution:
        """Read a distribution.

        >>> Distribution.parse("lognormal:0.2,0.5").draw(0.5)
        0.2
        >>> Distribution.parse("uniform:1,3").draw(0.25)
        1.5
        """
        kind, _, numbers = text.partition(":")
        if kind not in KINDS:
            raise ValueError(f"{text!r} is no distribution; one of {', '.join(KINDS)}:…")
        return cls(kind, tuple(float(number) for number in numbers.split(",")), most)

    def draw(self, u: float) -> float:
        """The value below which the share `u` of all lies."""
        first, *more = self.numbers
        value = first
        if self.kind == "uniform":
            value = first + u * (more[0] - first)
        elif self.kind == "exponential":
            value = -first * math.log1p(-u)
        elif self.kind == "lognormal":
            value = first * math.exp(more[0] * _NORMAL.inv_cdf(u))
        return min(self.most, value)


def parse_weights(text: str) -> dict[str, float]:
    """Read fault weights.

    >>> parse_weights("408=0.01,reset=0.5")
    {'408': 0.01, 'reset': 0.5}
    """
    pairs = (pair.split("=") for pair in text.split(",") if pair)
    return {name.strip(): float(weight) for name, weight in pairs}


def chooser(weights: Mapping[str, float]) -> Callable[[float], str]:
    """Return what picks a name by a number from 0 to 1; "" for what the weights leave over.

    >>> pick = chooser({"a": 0.25, "b": 0.5})
    >>> pick(0.2), pick(0.3), pick(0.8)
    ('a', 'b', '')
    """
    edges = []
    total = 0.0
    for name, weight in weights.items():
        total += weight
        edges.append((total, name))
    if total > 1:
        raise ValueError(f"the weights sum to {total:g}; they may sum to 1")
    return lambda u: next((name for edge, name in edges if u < edge), "")
