"""Beliefs that contradict each other, reconciled: weighted MAX-SAT as in maieutic prompting.

Jung et al. 2022 (arXiv:2205.11822). Each belief is true or false. Two kinds of clauses say what
should hold, and the assignment that keeps the most weight wins:

- a belief that is integral should keep the polarity it is believed in, with the weight
  |p − q| / (p + q), where p is the probability of the statement and q that of its negation;
- of a relation «a entails b», a is false or b is true; of «a contradicts b», one of them is false.

What the paper leaves open is settled here. A belief without one of its probabilities, or with
p + q = 0, weighs nothing. Among assignments of equal weight (to a billionth), the beliefs are
settled in the order of their names: each keeps the polarity it was believed in (true, where it was
in none) if one of the best assignments has it so. The order of the arguments makes no difference.
"""

from __future__ import annotations

import difflib
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from promptkit.adapters.maxsat import Clause, Solver, solve
from promptkit.errors import OptionError
from promptkit.explanation import Graph, Node, Paragraph, Section
from promptkit.primitives.belief_graph import drawn_relations

Belief = tuple[float | None, float | None, bool]
"""How likely a statement is, how likely its negation is, and whether the two fit together."""

Link = tuple[str | tuple[str, ...], Literal["entails", "contradicts"], str, float]
"""(a, "entails" or "contradicts", b, weight). Several names as `a` are taken together."""

_UNITS: Final = 10**9
"""Weights are compared in billionths, so that equal sums are equal."""

_MOST: Final = 10**15
"""All weights together, in units: sums stay exact, in whole numbers and in floats."""

_LEAST_S: Final = 1e-3

_ROUNDING: Final = 1e-6
"""By how much a probability, which may be the exponential of a logarithm, may pass 1."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What should hold: a belief, or a relation.

    Attributes:
        premises: The names of a relation's `a`; empty for a belief.
        kind: What is said of `name`.
        name: The belief, or a relation's `b`.
        weight: How much it counts.
        is_kept: Whether the solution satisfies it.
    """

    premises: tuple[str, ...]
    kind: Literal["true", "false", "entails", "contradicts"]
    name: str
    weight: float
    is_kept: bool = True

    def __str__(self) -> str:
        """Show it in a line."""
        said = f"{' and '.join(self.premises)} {self.kind}" if self.premises else f"{self.kind}:"
        return f"{said} {self.name} ({self.weight:.2f})"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The assignment that keeps the most weight.

    Attributes:
        values: Whether each belief is true.
        demands: All that weighed, and whether it is kept.
        is_proven: Whether no other assignment keeps more; False where the time ran out.
        is_settled: Whether it is the one that the tie rule names; False where the time ran out.
    """

    values: Mapping[str, bool]
    demands: tuple[Demand, ...]
    is_proven: bool = True
    is_settled: bool = True

    @property
    def kept(self) -> tuple[Demand, ...]:
        """The demands that are satisfied."""
        return tuple(demand for demand in self.demands if demand.is_kept)

    @property
    def broken(self) -> tuple[Demand, ...]:
        """The demands that are not."""
        return tuple(demand for demand in self.demands if not demand.is_kept)

    @property
    def kept_weight(self) -> float:
        """The sum that was to be as large as possible."""
        return math.fsum(demand.weight for demand in self.kept)

    @property
    def broken_weight(self) -> float:
        """The sum that was to be as small as possible."""
        return math.fsum(demand.weight for demand in self.broken)

    def sections(self) -> Iterator[Section]:
        """Yield the graph of the beliefs, and what had to be given up."""
        yield self.graph({})
        yield self.summary()

    def graph(
        self,
        texts: Mapping[str, str],
        title: str = "Beliefs",
        notes: Mapping[str, str] | None = None,
    ) -> Graph:
        """Return the graph of the beliefs under their texts, or names, with broken relations.

        Args:
            texts: By name; the name itself where there is none.
            title: Of the graph.
            notes: By name, what is told of a belief; its weight where there is none.
        """
        own = {demand.name: demand for demand in self.demands if not demand.premises}
        nodes = [
            Node(
                name,
                texts.get(name, name),
                "true" if is_true else "false",
                _note(own.get(name), (notes or {}).get(name, "")),
            )
            for name, is_true in self.values.items()
        ]
        edges, _ = drawn_relations([demand for demand in self.demands if demand.premises])
        return Graph(title, tuple(nodes), edges)

    def summary(self) -> Paragraph:
        """Return how much is kept, and what is broken."""
        total = self.kept_weight + self.broken_weight
        lines = [f"{self.kept_weight:.2f} of {total:.2f} is kept."]
        lines += [f"Broken: {demand}" for demand in self.broken]
        _, more = drawn_relations([demand for demand in self.demands if demand.premises])
        if more:
            lines.append(f"Kept relations that follow from those drawn: {more}.")
        if not self.is_proven:
            lines.append("The time ran out: another assignment may keep more.")
        elif not self.is_settled:
            lines.append("The time ran out before all ties were settled.")
        return Paragraph("\n".join(lines), "Weighted MAX-SAT")


def _note(demand: Demand | None, told: str) -> str:
    if demand is None:
        return told
    told = told or f"believed {demand.kind}, weight {demand.weight:.2f}"
    return told if demand.is_kept else f"{told}; overruled"


def solve_beliefs(
    beliefs: Mapping[str, Belief],
    relations: Iterable[Link],
    *,
    solver: Solver = "milp",
    time_limit_s: float = 10.0,
) -> dict[str, bool]:
    """Return whether each belief is true in the assignment that keeps the most weight.

    >>> beliefs = {"it rains": (0.9, 0.2, True), "the street is dry": (0.6, 0.5, False)}
    >>> solve_beliefs(beliefs, [("it rains", "contradicts", "the street is dry", 1.0)])
    {'it rains': True, 'the street is dry': False}

    Args:
        beliefs: By name: the probability of the statement, that of its negation (None where it is
            unknown), and whether the belief is integral; others have no weight of their own.
        relations: (a, "entails" or "contradicts", b, weight). Equal ones add up; a relation to
            itself is allowed: what contradicts itself should be false.
        solver: What solves more than sixteen connected beliefs: "milp" (scipy's HiGHS) or "rc2",
            which is faster on many and needs the extra `maxsat`.
        time_limit_s: Seconds after which the best that was found is returned. Up to sixteen
            connected beliefs take milliseconds.

    Raises:
        OptionError: For a name that is no belief, or a number that is none or below 0.
        MissingExtraError: For "rc2" where python-sat is not installed.
    """
    return dict(reconcile(beliefs, relations, solver=solver, time_limit_s=time_limit_s).values)


def reconcile(
    beliefs: Mapping[str, Belief],
    relations: Iterable[Link],
    *,
    given: Mapping[str, bool] | None = None,
    solver: Solver = "milp",
    time_limit_s: float = 10.0,
) -> Reconciliation:
    """Solve as `solve_beliefs` does, and tell what is kept and broken, and whether it is proven.

    >>> beliefs = {"a": (0.9, 0.1, True), "b": (0.1, 0.8, True)}
    >>> found = reconcile(beliefs, [("a", "entails", "b", 1.0)])
    >>> [str(demand) for demand in found.broken]
    ['false: b (0.78)']

    Args:
        beliefs: As for `solve_beliefs`.
        relations: As for `solve_beliefs`.
        given: Beliefs that are taken as settled; whatever else has to give way to them.
        solver: As for `solve_beliefs`.
        time_limit_s: As for `solve_beliefs`.
    """
    began = time.monotonic()
    weights = {name: weight_of(name, belief) for name, belief in beliefs.items()}
    demands = [
        Demand((), "true" if weight > 0 else "false", name, abs(weight))
        for name, weight in weights.items()
        if beliefs[name][2] and weight
    ]
    demands += [_demand(relation, beliefs) for relation in relations]
    settled = dict(given or {})
    _check_names(settled, beliefs)
    names = sorted(beliefs, key=lambda name: (str(name), type(name).__name__))
    place = {name: number for number, name in enumerate(names, 1)}
    total = math.fsum(demand.weight for demand in demands)
    units = _UNITS if total * _UNITS <= _MOST else _MOST / total
    clauses = [(round(demand.weight * units), _clause(demand, place)) for demand in demands]
    decisive = sum(weight for weight, _ in clauses) + 1
    clauses += [(decisive, (place[n] if is_true else -place[n],)) for n, is_true in settled.items()]
    preferred = [weights[name] >= 0 for name in names]
    took = time.monotonic() - began
    left = time_limit_s - took if time_limit_s > took else min(time_limit_s, _LEAST_S)
    solved = solve(clauses, preferred, solver=solver, time_limit_s=left)
    return Reconciliation(
        {name: solved.values[place[name] - 1] for name in beliefs},
        tuple(_checked(demand, _clause(demand, place), solved.values) for demand in demands),
        solved.is_proven,
        solved.is_settled,
    )


def weight_of(name: str, belief: Belief) -> float:
    """Return (p − q) / (p + q): how strongly something is believed, below 0 where it is not.

    >>> weight_of("a", (0.75, 0.25, True)), weight_of("a", (0.75, None, False))
    (0.5, 0.0)
    """
    try:
        p, q, _ = belief
    except (TypeError, ValueError):
        hint = "it is (probability, probability of the negation, whether it is integral)"
        raise OptionError(f"the belief {name!r} is {belief!r}", hint=hint) from None
    for probability in (p, q):
        if probability is not None and not 0 <= _number(probability) <= 1 + _ROUNDING:
            hint = "it is from 0 to 1, or None where it is unknown"
            raise OptionError(f"the belief {name!r} has the probability {probability!r}", hint=hint)
    if p is None or q is None or p + q <= 0:
        return 0.0
    return float((p - q) / (p + q))


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _demand(relation: Link, beliefs: Mapping[str, Belief]) -> Demand:
    try:
        source, kind, target, weight = relation
    except (TypeError, ValueError):
        hint = 'it is (a, "entails" or "contradicts", b, weight)'
        raise OptionError(f"the relation {relation!r}", hint=hint) from None
    premises = source if isinstance(source, tuple) else (source,)
    _check_names((*premises, target), beliefs)
    if kind not in ("entails", "contradicts") or not premises:
        raise OptionError(f"the relation {relation!r}", hint='a "entails" or "contradicts" b')
    if not 0 <= _number(weight) < math.inf:
        raise OptionError(f"the relation {relation!r}", hint="its weight is a number from 0 on")
    return Demand(premises, kind, target, float(weight))


def _check_names(names: Iterable[str], beliefs: Mapping[str, Belief]) -> None:
    for name in names:
        if name not in beliefs:
            close = difflib.get_close_matches(str(name), map(str, beliefs), n=1)
            hint = f"did you mean {close[0]!r}?" if close else "give each a belief"
            raise OptionError(f"{name!r} is no belief", hint=hint)


def _clause(demand: Demand, place: Mapping[str, int]) -> Clause:
    target = place[demand.name]
    holds = target if demand.kind in ("true", "entails") else -target
    return (*(-place[premise] for premise in demand.premises), holds)


def _checked(demand: Demand, clause: Clause, values: tuple[bool, ...]) -> Demand:
    is_kept = any(values[abs(literal) - 1] == (literal > 0) for literal in clause)
    return Demand(demand.premises, demand.kind, demand.name, demand.weight, is_kept)
