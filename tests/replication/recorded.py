"""What replays share: recorded answers, read in place, a model that gives them, rows of a table.

A replay is a module with a function `rows()`, which asks the public primitives the recorded
questions, lets a scripted model give the recorded answers, and returns what came out beside what
was published. Its tests assert the rows. The data lie beside the repository, are never copied into
it, and a replay without them is skipped.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

import promptkit as pk
from promptkit.testing import Scripted

DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"
"""Where the recorded answers lie: a folder beside the repository's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the replay table.

    Attributes:
        name: What was replayed: set, model, technique.
        published: The figure of the paper or its table, in per cent unless the name says
            otherwise; None where it published none.
        recorded: The figure that the recorded outputs themselves state (a stored verdict or
            metric); None where they state none.
        ours: The figure that the primitive gives.
        n: Over how many items.
        note: Why ours is not quite what was recorded; empty where it is.
    """

    name: str
    published: float | None
    recorded: float | None
    ours: float
    n: int
    note: str = ""

    @property
    def difference(self) -> float | None:
        """Ours less what was recorded, or published where nothing was recorded."""
        against = self.published if self.recorded is None else self.recorded
        return None if against is None else self.ours - against


def find(path: str) -> Path:
    """Return a file or folder of the data; skip the test where it is absent."""
    found = DATA / path
    if not found.exists():
        pytest.skip(f"no recorded data at {found}")
    return found


def load(path: str) -> Any:
    """Return what a file of the data holds: .json, .jsonl (a list) or any text, also with .gz."""
    found = find(path)
    data = found.read_bytes()
    text = (gzip.decompress(data) if found.suffix == ".gz" else data).decode()
    kind = found.name.removesuffix(".gz").rpartition(".")[2]
    if kind == "json":
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines()] if kind == "jsonl" else text


def recorded(samples: Sequence[str]) -> Scripted:
    """Return a model that answers sample i of whatever it is asked with recorded answer i."""
    return Scripted(lambda request: samples[request.sample])


def session_of(samples: Sequence[str]) -> pk.Session:
    """Return a session with the model that gives these answers."""
    return pk.connect(transport=recorded(samples), model="recorded")


def per_cent(right: Sequence[bool]) -> float:
    """Return the share of right answers, in per cent."""
    return 100 * sum(right) / len(right)
