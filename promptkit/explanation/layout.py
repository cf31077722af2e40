"""Where the boxes and arrows of a picture stand: a small layered layout.

As Sugiyama, Tagawa and Toda (1981) lay out graphs: what an arrow points to stands above what it
comes from; long arrows pass each row at a place of their own; the places within a row are ordered
by the mean of their neighbours, to spare crossings. A wide layer is broken into several rows.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

ACROSS: Final = 960.0
"""How wide a row of boxes may be, in pixels; wider, the more boxes there are."""

MOST_WAYPOINTS: Final = 3_000
"""Beyond this, long arrows go straight, whatever stands in between."""

_GAP_X: Final = 18.0
_GAP_Y: Final = 34.0
_GAP_LABELS: Final = 15.0
_SWEEPS: Final = 6


@dataclass(slots=True, eq=False)
class Place:
    """A box, a label or a waypoint: its size, the middle of it, and its row."""

    width: float
    height: float
    row: int = 0
    x: float = 0.0
    y: float = 0.0
    above: list[Place] = field(default_factory=list)
    below: list[Place] = field(default_factory=list)


@dataclass(slots=True)
class Layout:
    """The places of the boxes, and of each arrow from top to bottom, its label's among them.

    Attributes:
        is_down: For each arrow, whether it points down: it closes a cycle.
    """

    boxes: list[Place]
    ways: list[list[Place]]
    labels: list[Place | None]
    is_down: list[bool]
    width: float
    height: float


def laid_out(
    sizes: list[tuple[float, float]],
    arrows: list[tuple[int, int]],
    labels: list[tuple[float, float] | None],
) -> Layout:
    """Lay out boxes of these sizes with arrows from one to another, each with a label or none."""
    boxes = [Place(width, height) for width, height in sizes]
    upper, is_down = _without_cycles(len(boxes), arrows)
    layers = _layers(len(boxes), upper)
    with_labels = any(labels)
    rows = _rows(boxes, layers, upper, with_labels=with_labels)
    ways, shown = _ways(boxes, upper, labels, rows, with_labels=with_labels)
    _order(rows)
    _spread(rows)
    height = _stack(rows, boxes)
    width = _shift(rows)
    return Layout(boxes, ways, shown, is_down, width, height)


def _without_cycles(
    number: int, arrows: list[tuple[int, int]]
) -> tuple[list[tuple[int, int]], list[bool]]:
    """For each arrow the (upper, lower) box, so that nobody stands above himself."""
    below = defaultdict(list)
    for place, (source, target) in enumerate(arrows):
        below[target].append((place, source))
    sources = {source for source, _ in arrows}
    is_down = [False] * len(arrows)
    state = [0] * number  # 1 while its arrows are followed, 2 afterwards
    for start in sorted(range(number), key=lambda box: box in sources):
        waiting = [(start, iter(below[start]))] if not state[start] else []
        state[start] = state[start] or 1
        while waiting:
            box, further = waiting[-1]
            step = next(further, None)
            if step is None:
                state[box] = 2
                waiting.pop()
                continue
            place, source = step
            if state[source] == 1:
                is_down[place] = True
            elif state[source] == 0:
                state[source] = 1
                waiting.append((source, iter(below[source])))
    pairs = [
        (source, target) if down else (target, source)
        for (source, target), down in zip(arrows, is_down, strict=True)
    ]
    return pairs, is_down


def _layers(number: int, pairs: list[tuple[int, int]]) -> list[int]:
    """How far below the top each box stands: one below the lowest of those above it."""
    below, missing = defaultdict(list), [0] * number
    for upper, lower in pairs:
        below[upper].append(lower)
        missing[lower] += 1
    layers = [0] * number
    waiting = [box for box in range(number) if not missing[box]]
    while waiting:
        box = waiting.pop()
        for lower in below[box]:
            layers[lower] = max(layers[lower], layers[box] + 1)
            missing[lower] -= 1
            if not missing[lower]:
                waiting.append(lower)
    return layers


def _rows(
    boxes: list[Place], layers: list[int], pairs: list[tuple[int, int]], *, with_labels: bool
) -> list[list[Place]]:
    """Put the boxes into rows, those without any arrow into the last ones."""
    tied = {end for pair in pairs for end in pair}
    last = max(layers, default=0) + 1
    across = ACROSS * max(1.0, (len(boxes) / 60) ** 0.5)
    by_layer = defaultdict(list)
    for place in _from_the_top(len(boxes), pairs):
        by_layer[layers[place] if place in tied or not tied else last].append(boxes[place])
    rows: list[list[Place]] = []
    for layer in sorted(by_layer):
        members = by_layer[layer]
        wide = sum(box.width + _GAP_X for box in members)
        number = min(math.ceil(wide / across), len(members))
        for part in range(number):
            row = members[part::number] if number > 1 else members
            for box in row:
                box.row = len(rows)
            rows.append(list(row))
            if with_labels:
                rows.append([])
    return rows


def _from_the_top(number: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The boxes in the order in which a reader meets them who follows each branch to its end."""
    below = defaultdict(list)
    for upper, lower in pairs:
        below[upper].append(lower)
    lowers = {lower for _, lower in pairs}
    seen: dict[int, None] = {}
    waiting = [box for box in reversed(range(number)) if box not in lowers]
    while waiting:
        box = waiting.pop()
        if box not in seen:
            seen[box] = None
            waiting += reversed(below[box])
    return [*seen, *(box for box in range(number) if box not in seen)]


def _ways(
    boxes: list[Place],
    pairs: list[tuple[int, int]],
    labels: list[tuple[float, float] | None],
    rows: list[list[Place]],
    *,
    with_labels: bool,
) -> tuple[list[list[Place]], list[Place | None]]:
    """Give each arrow a waypoint in each row that it passes; the first may hold its label."""
    passed = sum(abs(boxes[lower].row - boxes[upper].row) for upper, lower in pairs)
    is_full = passed <= MOST_WAYPOINTS
    ways: list[list[Place]] = []
    shown: list[Place | None] = []
    for (upper, lower), size in zip(pairs, labels, strict=True):
        way = [boxes[upper]]
        label = None
        for row in range(boxes[upper].row + 1, boxes[lower].row):
            is_label = size is not None and label is None and with_labels
            if not is_label and not is_full:
                continue
            width, height = size if is_label and size else (8.0, 0.0)
            point = Place(width, height, row)
            label = point if is_label else label
            rows[row].append(point)
            way.append(point)
        way.append(boxes[lower])
        for one, other in pairwise(way):
            one.below.append(other)
            other.above.append(one)
        ways.append(way)
        shown.append(label)
    return ways, shown


def _order(rows: list[list[Place]]) -> None:
    """Order each row by the mean place of its neighbours, from above and from below in turn."""
    place = {id(each): float(i) for row in rows for i, each in enumerate(row)}
    for sweep in range(_SWEEPS):
        is_down = sweep % 2 == 0
        for row in rows if is_down else reversed(rows):
            mean = {
                id(each): _mean([place[id(n)] for n in near], place[id(each)])
                for each in row
                for near in (each.above if is_down else each.below,)
            }
            row.sort(key=lambda each: mean[id(each)])
            size = max(len(row), 1)
            for i, each in enumerate(row):
                place[id(each)] = (i + 0.5) / size * 100


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _spread(rows: list[list[Place]]) -> None:
    """Place each row's members below and above their neighbours, without overlap."""
    for row in rows:
        _fit(row, [each.x for each in row])
    for sweep in range(2 * _SWEEPS):
        is_down = sweep % 2 == 0
        for row in rows if is_down else reversed(rows):
            near = [each.above if is_down else each.below for each in row]
            wished = [
                _mean([n.x for n in some], each.x) for each, some in zip(row, near, strict=True)
            ]
            _fit(row, wished)


def _fit(row: list[Place], wished: list[float]) -> None:
    """Move a row's members as near to what they wish as their widths allow."""
    if not row:
        return
    gaps = [(one.width + other.width) / 2 + _GAP_X for one, other in pairwise(row)]
    right = [wished[0]]
    for wish, gap in zip(wished[1:], gaps, strict=True):
        right.append(max(wish, right[-1] + gap))
    left = [wished[-1]]
    for wish, gap in zip(reversed(wished[:-1]), reversed(gaps), strict=True):
        left.append(min(wish, left[-1] - gap))
    for each, low, high in zip(row, reversed(left), right, strict=True):
        each.x = (low + high) / 2


def _stack(rows: list[list[Place]], boxes: list[Place]) -> float:
    """Place the rows one below the other; return the height of all."""
    are_boxes = {id(box) for box in boxes}
    y = 0.0
    for row in rows:
        height = max((each.height for each in row), default=0.0)
        for each in row:
            each.y = y + height / 2
            if not each.height:  # an arrow that passes goes straight, past the boxes beside it
                each.height = height
        holds_boxes = any(id(each) in are_boxes for each in row)
        has_room = holds_boxes and any(each.below for each in row)
        y += height + (_GAP_Y if has_room and len(row) > 0 else _GAP_LABELS)
    return max((box.y + box.height / 2 for box in boxes), default=0.0)


def _shift(rows: list[list[Place]]) -> float:
    """Move all so that the leftmost begins at 0; return the width of all."""
    every = [each for row in rows for each in row]
    left = min((each.x - each.width / 2 for each in every), default=0.0)
    for each in every:
        each.x -= left
    return max((each.x + each.width / 2 for each in every), default=0.0)
