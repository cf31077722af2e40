r"""Texts of our own, made from templates: choices, fillers, and parts that follow each other.

A file holds one template a line, under heads «## section»; «# » begins a comment. In a template,
`{a|b}` is a choice (it may hold others), `<name>` a filler of that name, `\n` a new line. The
choices are drawn by a generator seeded with the template, so a line that is added or changed
leaves all others as they were.
"""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path
from typing import Final

from .shared import opened

_FILLER: Final = re.compile(r"<([a-z]+)>")


def fillers(path: Path) -> dict[str, list[str]]:
    """Return the fillers of a file of lines «name: one | another»."""
    found = {}
    for line in opened(path).splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, rest = line.partition(": ")
            found[name] = [one.strip() for one in rest.split(" | ")]
    return found


def sections(path: Path) -> dict[str, list[str]]:
    """Return the templates of a file by section."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in opened(path).splitlines():
        if line.startswith("## "):
            name = line[3:].strip()
        elif line.strip() and not line.startswith("# "):
            found.setdefault(name, []).append(line.strip())
    return found


def drawn(template: str, words: dict[str, list[str]], random_: random.Random) -> str:
    """Return one text of a template.

    >>> drawn("{a|a} <x>", {"x": ["1"]}, random.Random(0))
    'a 1'
    """
    chosen, _ = _choice(template, 0, random_, is_inside=False)

    def fill(match: re.Match[str]) -> str:
        known = words.get(match[1])
        return random_.choice(known) if known else match[0]

    filled = _FILLER.sub(fill, chosen)
    return re.sub(r"  +", " ", filled.replace("\\n", "\n")).strip()


def _choice(template: str, at: int, random_: random.Random, *, is_inside: bool) -> tuple[str, int]:
    """Read from `at` to the end of the choice; return what was drawn and where it ended."""
    options: list[str] = [""]
    while at < len(template):
        sign = template[at]
        if sign == "{":
            part, at = _choice(template, at + 1, random_, is_inside=True)
            options[-1] += part
            continue
        at += 1
        if sign == "}" and is_inside:
            break
        if sign == "|" and is_inside:
            options.append("")
        else:
            options[-1] += sign
    return random_.choice(options), at


def texts(template: str, words: dict[str, list[str]], count: int) -> list[str]:
    """Return up to `count` different texts of a template."""
    random_ = seeded(template)
    found: dict[str, None] = {}
    for _ in range(3 * count):
        found.setdefault(drawn(template, words, random_))
        if len(found) >= count:
            break
    return list(found)


def seeded(text: str) -> random.Random:
    """Return a generator that is the same for the same text."""
    return random.Random(hashlib.sha256(text.encode()).hexdigest())
