"""Text of our own for the classifier of untrusted text: templates and what they expand to."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
_CHOICE: Final = re.compile(r"\{([^{}]*)\}")
_LIST: Final = re.compile(r"<([A-Z]+)>")

Draw = random.Random


@dataclass(frozen=True, slots=True)
class Corpus:
    """Templates by kind, and the lists they draw from."""

    lists: dict[str, list[str]]
    kinds: dict[str, list[str]]

    def expand(self, template: str, draw: Draw) -> str:
        """Return one text of a template."""
        while True:
            chosen = _CHOICE.sub(lambda found: draw.choice(found[1].split("|")), template, count=1)
            if chosen == template:
                break
            template = chosen
        text = _LIST.sub(lambda found: self._drawn(found, draw), template)
        return " ".join(text.replace(" .", ".").replace(" ,", ",").split())

    def _drawn(self, found: re.Match[str], draw: Draw) -> str:
        return draw.choice(self.lists[found[1]]) if found[1] in self.lists else found[0]

    def one(self, kind: str, draw: Draw) -> str:
        """Return one text of a kind."""
        return self.expand(draw.choice(self.kinds[kind]), draw)

    def part(self, number: int, of: int, *, is_held: bool) -> Corpus:
        """Return every `of`-th template of each kind, or all others; a lone one is never held."""
        chosen = {
            kind: [line for at, line in enumerate(lines) if (at % of == number) == is_held]
            for kind, lines in self.kinds.items()
        }
        return Corpus(self.lists, {kind: lines for kind, lines in chosen.items() if lines})


def read_corpus(name: str) -> Corpus:
    """Read a file of templates."""
    lists: dict[str, list[str]] = {}
    kinds: dict[str, list[str]] = {}
    kind = ""
    for line in (HERE / name).read_text("utf-8").splitlines():
        if not line.strip() or (line.startswith("# ") and not kind):
            continue
        if line.startswith("%"):
            label, _, values = line[1:].partition(" ")
            lists[label] = [value.strip() for value in values.split(" | ")]
        elif line.startswith("[") and line.endswith("]") and "|" not in line:
            kind = line[1:-1]
            kinds[kind] = []
        else:
            kinds[kind].append(line)
    return Corpus(lists, kinds)
