"""Which relations of a graph of beliefs are drawn: those from which the others follow.

Six explanations that agree or contradict each other have thirty relations, which nobody reads in a
picture. What is broken is always drawn. Of what is kept, a relation is left out where it follows
from others that are drawn: «a entails c» from «a entails b» and «b entails c», «a contradicts c»
from «a entails b» and «b contradicts c». Two that say the same both ways are one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from promptkit.explanation import Edge

if TYPE_CHECKING:
    from promptkit.primitives.solve_beliefs import Demand

MOST_RELATIONS: Final = 1_000
"""Beyond this all are drawn, for finding out which ones follow takes the square of it."""


_Pair = tuple[str, str]


def drawn_relations(relations: Sequence[Demand]) -> tuple[tuple[Edge, ...], int]:
    """Return the arrows between beliefs, and how many relations are left out as they follow."""
    between = [each for each in relations if len(each.premises) == 1]
    kept = [each for each in between if each.is_kept and each.premises[0] != each.name]
    left_out: set[int] = set()
    if len(kept) <= MOST_RELATIONS:
        left_out = _following(kept)
    drawn = [each for each in relations if id(each) not in left_out]
    return tuple(_edges(drawn)), len(left_out)


def _following(kept: Sequence[Demand]) -> set[int]:
    """The relations, by `id`, that follow from others; the names that come first stay in view."""
    place = {name: i for i, name in enumerate(dict.fromkeys(n for r in kept for n in _ends(r)))}
    order = sorted(kept, key=lambda r: sorted((place[n] for n in _ends(r)), reverse=True))[::-1]
    found: set[int] = set()
    entails = [each for each in order if each.kind == "entails"]
    ways: defaultdict[str, list[str]] = defaultdict(list)
    for each in entails:
        ways[each.premises[0]].append(each.name)
    for each in entails:
        source, target = _ends(each)
        ways[source].remove(target)
        if target in _reached(source, ways):
            found.add(id(each))
        else:
            ways[source].append(target)
    reached = {name: _reached(name, ways) for name in place}
    against = [each for each in order if each.kind == "contradicts"]
    for each in against:
        one, other = _ends(each)
        rest = (_ends(r) for r in against if r is not each and id(r) not in found)
        if any(_meet(reached[one], reached[other], pair) for pair in rest):
            found.add(id(each))
    # What contradicts both ways is one arrow with two heads, and so is not left out.
    pairs = {_ends(r) for r in against if id(r) not in found}
    return found - {id(r) for r in against if _ends(r)[::-1] in pairs}


def _ends(relation: Demand) -> _Pair:
    return relation.premises[0], relation.name


def _reached(start: str, ways: dict[str, list[str]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for name in ways.get(waiting.pop(), ()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def _meet(one: set[str], other: set[str], pair: _Pair) -> bool:
    first, second = pair
    return (first in one and second in other) or (second in one and first in other)


def _edges(relations: Iterable[Demand]) -> Iterable[Edge]:
    """Yield the arrows: one for all of a kind between two beliefs, with two heads where mutual."""
    groups: defaultdict[tuple[object, ...], list[Demand]] = defaultdict(list)
    for each in relations:
        names = frozenset((*each.premises, each.name)) if len(each.premises) == 1 else each
        groups[names, each.kind, each.is_kept].append(each)
    for group in groups.values():
        weight = math.fsum(each.weight for each in group)
        is_mutual = len({each.name for each in group}) > 1
        first = group[-1 if is_mutual else 0]  # so that what comes first stands on top
        verb = f"{first.kind.removesuffix('s')} each other" if is_mutual else first.kind
        for premise in first.premises:
            yield Edge(premise, first.name, f"{verb} ({weight:.2g})", first.is_kept, is_mutual)
