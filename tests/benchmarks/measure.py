"""What a section is given and gives, and the interleaved rounds that most of them consist of."""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .children import Client, PeerError
from .environments import PEERS

WINDOW: Final = 256
"""Requests under way at once, in every section."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure.

    Attributes:
        peers: Which clients.
        count: Prompts per client and round.
        rounds: How often each client has its turn.
        window_s: How long a rate-limited endpoint is used, in seconds.
        items: The largest map of the section `million`.
    """

    peers: tuple[str, ...]
    count: int = 5_000
    rounds: int = 3
    window_s: float = 60.0
    items: int = 1_000_000

    def who(self, does: str) -> list[str]:
        """Return the chosen clients that can do something."""
        return [name for name in self.peers if does in PEERS[name].does]


@dataclass(slots=True)
class Row:
    """What was measured of one client.

    Attributes:
        client: Its name in `PEERS`.
        case: What tells apart the rows of one client, such as the kind of a bucket.
        versions: Of what was measured.
        values: By the name of a column, one number per round.
        failed: Why there are none.
    """

    client: str
    case: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)
    failed: str = ""

    @property
    def label(self) -> str:
        """The client, its versions and the case, for the table."""
        peer = PEERS[self.client]
        told = [
            version if name == peer.label else f"{name} {version}"
            for name in peer.shown
            if (version := self.versions.get(name))
        ]
        versions = f" ({', '.join(told)})" if told else ""
        return f"{peer.label}{versions}" + (f": {self.case}" if self.case else "")

    def add(self, **values: float) -> None:
        """Add one round's numbers."""
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        """Return the median over the rounds."""
        return statistics.median(self.values[name])


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a section's table: a value's name, its heading, its format."""

    name: str
    heading: str
    format: str


@dataclass(frozen=True, slots=True)
class Section:
    """One question and how it is answered.

    Attributes:
        title: The heading.
        target: The number to reach, as the table states it.
        text: What exactly is measured.
        columns: The first one is the number that the target is about.
        run: Measures.
        best: Which row stands first: "least" or "most" in the first column.
    """

    title: str
    target: str
    text: str
    columns: tuple[Column, ...]
    run: Callable[[Plan], Iterable[Row]]
    best: str = "least"


def say(text: str) -> None:
    """Tell how far it is; the table goes to standard output, this does not."""
    print(text, file=sys.stderr, flush=True)


def interleaved(
    plan: Plan,
    names: Iterable[str],
    order: Callable[[str, int], dict[str, Any]],
    read: Callable[[dict[str, Any], int], dict[str, float]],
    case: str = "",
) -> list[Row]:
    """Let the clients take turns, `plan.rounds` times; a client that fails drops out.

    Args:
        plan: How often.
        names: The clients, in their order.
        order: From a client and the number of the round to what it is told; `count` in it is
            how many answers are expected.
        read: From its answer and that count to the row's numbers.
        case: Of the rows.
    """
    rows: dict[str, Row] = {}
    with contextlib.ExitStack() as stack:
        clients: dict[str, Client] = {}
        for name in names:
            rows[name] = Row(name, case)
            try:
                clients[name] = stack.enter_context(Client(name))
                rows[name].versions = clients[name].versions()
            except PeerError as error:
                _drop(rows[name], clients, error)
        for turn in range(plan.rounds):
            for name, client in list(clients.items()):
                told = order(name, turn)
                try:
                    answer = client.order(**told)
                    numbers = read(answer, told["count"])
                    _check(name, answer, told["count"])
                except PeerError as error:
                    _drop(rows[name], clients, error)
                    continue
                rows[name].add(**numbers)
                shown = "  ".join(f"{key}={value:.4g}" for key, value in numbers.items())
                say(f"  round {turn + 1}  {name:<16} {shown}")
    return list(rows.values())


def _check(name: str, answer: Mapping[str, Any], count: int) -> None:
    if answer["right"] != count:
        raise PeerError(f"{name}: {answer['right']:,} of {count:,} answers are right")


def _drop(row: Row, clients: dict[str, Client], error: PeerError) -> None:
    row.failed = str(error).partition("\n")[0]
    clients.pop(row.client, None)
    say(f"  {error}")


def share_of(plan: Plan, name: str) -> int:
    """Return how many prompts a client gets: whole windows, fewer for the slow ones."""
    count = round(plan.count * PEERS[name].share)
    return max(WINDOW, count // WINDOW * WINDOW)


def per_thousand(answer: dict[str, Any], count: int) -> dict[str, float]:
    """Return CPU seconds per 1,000 answers, and answers per second."""
    return {"cpu": answer["cpu_s"] * 1000 / count, "rate": count / answer["wall_s"]}
