"""Lists: the items that a model writes one a line, whatever it puts before them."""

from __future__ import annotations

import re
from typing import Final

_MARK: Final = re.compile(
    r"[ \t*#>]{0,8}(?:[-*•·](?=\s|$)"
    r"|\(?(?:Q(?:uestion)?[ ]?)?\d{1,4}[ ]?[.):]{1,2}(?=[\s*]|[^\W\d_]|$))[ \t*]*+",
    re.IGNORECASE,
)
"""A bullet or a number, «1.», «(1)», «1:» or «Q1.»; not the beginning of «1.5» or «10:30»."""


def list_items(text: str, *, marked: bool = False) -> list[str]:
    r"""Return the lines of a text that hold something, without the marks of a list.

    >>> list_items("Here:\n1. add 4 and 6\n- take 1 from 5\nQ2: 1.5 + 2\n(3) -3 + 4")
    ['Here:', 'add 4 and 6', 'take 1 from 5', '1.5 + 2', '-3 + 4']
    >>> list_items("Here:\n1. Who?\n2: Why?", marked=True), list_items("Who?", marked=True)
    (['Who?', 'Why?'], ['Who?'])

    Args:
        text: What a model wrote.
        marked: Whether lines without a mark are left out where any line has one.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marks = [_MARK.match(line) for line in lines]
    items = [line[mark.end() if mark else 0 :] for line, mark in zip(lines, marks, strict=True)]
    if marked and any(marks):
        items = [item for item, mark in zip(items, marks, strict=True) if mark]
    return [item for item in items if item]
