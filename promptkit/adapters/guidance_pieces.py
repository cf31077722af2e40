"""What a guidance grammar is made of: the pieces that are asked for one by one, and their kinds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from guidance._ast import (
    ASTNode,
    GrammarNode,
    JoinNode,
    JsonNode,
    LiteralNode,
    RegexNode,
    RuleNode,
    SelectNode,
)


def pieces(node: GrammarNode) -> Iterator[GrammarNode]:
    """Yield the parts of a grammar that are asked for by themselves, and the texts before them."""
    together: list[GrammarNode] = []
    for part in _flat(node):
        if is_free(part):
            yield from _joined(together)
            together = []
            yield part
        elif isinstance(part, LiteralNode) and not together:
            yield part
        else:
            together.append(part)
            if isinstance(part, RuleNode) and part.stop is not None:
                yield from _joined(together)
                together = []
    yield from _joined(together)


def _flat(node: GrammarNode) -> Iterator[GrammarNode]:
    if isinstance(node, JoinNode):
        for part in node.nodes:
            yield from _flat(part)
    elif not node.is_null:
        yield node


def _joined(parts: list[GrammarNode]) -> Iterator[GrammarNode]:
    """Yield parts as one, and by themselves the texts at the end that nothing need lead up to."""
    if not parts:
        return
    last = max(place for place, part in enumerate(parts) if not isinstance(part, LiteralNode))
    asked = parts[: last + 1] if ends_itself(parts[last]) else parts
    yield asked[0] if len(asked) == 1 else JoinNode(tuple(asked))
    yield from parts[len(asked) :]


def ends_itself(node: GrammarNode) -> bool:
    """Whether what a grammar describes has one end only, so that no text after it decides on that.

    Among «no» and «nope» it is what comes next that tells whether «no» was all; such a text is
    left in the question, where the model sees it coming.
    """
    while isinstance(node, RuleNode):
        node = node.value
    if isinstance(node, SelectNode):
        texts = sorted(part.value for part in node.alternatives if isinstance(part, LiteralNode))
        differ = not any(after.startswith(text) for text, after in pairwise(texts))
        return len(texts) == len(node.alternatives) and differ
    if isinstance(node, RegexNode) and node.regex is not None:
        try:
            shortest, longest = _parser.parse(node.regex).getwidth()
        except re.error:  # it is in Rust's notation
            return False
        return bool(shortest == longest)
    return isinstance(node, JsonNode)


def is_free(node: GrammarNode) -> bool:
    """Whether a grammar is any text up to a stop: then nothing need constrain it."""
    return (
        isinstance(node, RuleNode)
        and isinstance(node.value, RegexNode)
        and node.value.regex is None
        and (node.stop is None or (isinstance(node.stop, LiteralNode) and bool(node.stop.value)))
        and node.suffix is None
        and node.stop_capture is None
    )


def json_of(node: ASTNode) -> dict[str, Any] | None:
    """Return the JSON schema that a grammar is nothing but; None where it is something else."""
    while isinstance(node, RuleNode):
        node = node.value
    if not isinstance(node, JsonNode):
        return None
    return dict(node.schema) if node.schema is not None else {"type": "object"}


def temperatures_of(node: GrammarNode) -> Iterator[float]:
    """Yield the temperatures that a grammar and its parts name."""
    if isinstance(node, RuleNode) and node.temperature is not None:
        yield node.temperature
    for child in node.children():
        yield from temperatures_of(child)
