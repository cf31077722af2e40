"""Compares what promptkit told and kept with what the server answered and billed.

The server knows that it wrote an answer to its last byte, not that anybody read it. So an answer
counts as lost to a kill when it was written to a process that was killed afterwards without having
told of it, and as late when its client had told of a passed deadline. Every other whole answer has
to be in the cache, once.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers.fault_book import BILLED, ROW

_SHOWN = 12
_LABEL = re.compile(r"item (\d+) of")


@dataclass(frozen=True, slots=True)
class Seen:
    """One attempt at an item, as the server saw it."""

    key: str
    end: str
    fault: str
    began_at: float
    ended_at: float
    input_tokens: int
    output_tokens: int


@dataclass
class Report:
    """What was found.

    Attributes:
        lines: Figures, each with its name.
        wrong: What should not be; empty when all is well.
    """

    lines: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def expect(self, *, fine: bool, words: str) -> None:
        """Remember what is wrong."""
        if not fine:
            self.wrong.append(words)

    def __str__(self) -> str:
        width = max(map(len, self.lines))
        rows = [f"{name:<{width}}  {value}" for name, value in self.lines.items()]
        ends = [f"WRONG: {words}" for words in self.wrong[:_SHOWN]] or ["nothing is wrong"]
        if len(self.wrong) > _SHOWN:
            ends.append(f"and {len(self.wrong) - _SHOWN} more like these")
        return "\n".join([*rows, *ends])


def by_item(books: dict[str, Any]) -> dict[int, list[Seen]]:
    """The server's attempts of each item, in their order."""
    found: dict[int, list[Seen]] = defaultdict(list)
    assert Seen.__match_args__ == ROW
    for told in books["by_digest"].values():
        match = _LABEL.search(told["label"])
        assert match, told["label"]
        found[int(match[1])] += [Seen(*row) for row in told["attempts"]]
    for attempts in found.values():
        attempts.sort(key=lambda seen: seen.began_at)
    return found


def read_outcomes(path: Path) -> tuple[dict[int, list[dict[str, Any]]], dict[str, Any]]:
    """What a client told of each item before it ended, and its summary if it came to that."""
    told: dict[int, list[dict[str, Any]]] = defaultdict(list)
    summary = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        entry = json.loads(line)
        if "summary" in entry:
            summary = entry["summary"]
        else:
            told[entry["index"]].append(entry)
    return told, summary


@dataclass(frozen=True, slots=True)
class Sides:
    """What there is to compare.

    Attributes:
        settings: The campaign's.
        processes: Clients, in their order; the last one was not killed.
        books: The server's, after the last one.
        checked: One more client, which should find every answer in the cache.
        again: The server's books after that one.
        ledger: promptkit's own.
        price: US dollars per million tokens.
    """

    settings: Any
    processes: list[Any]
    books: dict[str, Any]
    checked: Any
    again: dict[str, Any]
    ledger: Path
    price: dict[str, float]


def reconcile(sides: Sides) -> Report:
    """Compare the books of both sides; see the module's head for what counts as what."""
    report = Report()
    seen = by_item(sides.books)
    told = {process.key: read_outcomes(process.outcomes) for process in sides.processes}
    outcomes, summary = told[sides.processes[-1].key]
    answered = _outcomes(report, sides.settings, outcomes)
    late = _whole_answers(report, sides, seen, told, answered)
    _bills(report, sides)
    _own_books(report, sides, summary, seen, late)
    _nothing_left(report, sides.books, summary)
    _kept(report, sides, answered)
    return report


def _kept(report: Report, sides: Sides, answered: set[int]) -> None:
    """One more process finds every answer in the cache and asks for none of them."""
    after = by_item(sides.again)
    asked = [i for i in answered if any(one.key == sides.checked.key for one in after[i])]
    kept, _ = read_outcomes(sides.checked.outcomes)
    lost = [i for i in answered if not (kept[i] and kept[i][0]["own"])]
    report.lines["answers read back from the cache by one more process"] = len(answered) - len(lost)
    report.expect(
        fine=not asked, words=f"{len(asked)} answered items were asked again: {asked[:5]}"
    )
    report.expect(fine=not lost, words=f"{len(lost)} answers were not kept: {lost[:5]}")


def _outcomes(report: Report, settings: Any, outcomes: dict[int, list[dict[str, Any]]]) -> set[int]:
    """Each item answered exactly once, or failed with a typed error."""
    missing = [i for i in range(settings.items) if len(outcomes[i]) != 1]
    entries = [entries[0] for entries in outcomes.values() if entries]
    strange = [entry for entry in entries if not entry["typed"]]
    wrong = [entry["index"] for entry in entries if not entry["error"] and not entry["own"]]
    answered = {entry["index"] for entry in entries if entry["own"]}
    errors = Counter(entry["error"] for entry in entries if entry["error"])
    report.lines["items"] = settings.items
    report.lines["answered"] = len(answered)
    report.lines["failed, by error"] = dict(errors.most_common())
    report.expect(fine=not missing, words=f"{len(missing)} items not told once: {missing[:5]}")
    report.expect(fine=not strange, words=f"{len(strange)} untyped errors: {strange[:3]}")
    report.expect(fine=not wrong, words=f"{len(wrong)} items got another's answer: {wrong[:5]}")
    return answered


def _whole_answers(
    report: Report,
    sides: Sides,
    seen: dict[int, list[Seen]],
    told: dict[str, Any],
    answered: set[int],
) -> int:
    """Account for each whole answer of the server: kept, lost to a kill, or late."""
    processes = sides.processes
    killed = {process.key: process.killed_at for process in processes}
    lost: Counter[str] = Counter()
    oldest_s = 0.0
    late = kept = 0
    for index, attempts in seen.items():
        wholes = [one for one in attempts if one.end == "whole"]
        keys = Counter(one.key for one in wholes)
        twice = [key for key, count in keys.items() if count > 1]
        report.expect(fine=not twice, words=f"item {index}: paid twice by {twice}")
        told_by = [key for key in killed if any(e["own"] for e in told[key][0].get(index, ()))]
        if index in answered:
            report.expect(fine=bool(wholes), words=f"item {index}: an answer from nowhere")
            if wholes:
                kept += 1
                first = min((p.killed_at or 1e12, p.key) for p in processes if p.key in told_by)[1]
                asked_after = [one for one in attempts if one.key > first]
                report.expect(fine=not asked_after, words=f"item {index}: told, then asked again")
                wholes.pop()
        for one in wholes:
            killed_at = killed[one.key]
            if killed_at is None:
                late += 1
                error = told[one.key][0][index][0]["error"]
                is_late = error == "DeadlineError"
                report.expect(fine=is_late, words=f"item {index}: whole answer, yet {error}")
            else:
                lost[one.key] += 1
                oldest_s = max(oldest_s, killed_at - one.ended_at)
    total = sum(one.end == "whole" for attempts in seen.values() for one in attempts)
    report.lines["whole answers the server wrote"] = total
    report.lines["  kept, one for each answered item"] = kept
    report.lines["  lost to a kill before they were told"] = dict(lost)
    report.lines["  oldest of these at its kill"] = f"{oldest_s:.3f} s"
    report.lines["  written after the client's deadline"] = late
    fine = total == kept + sum(lost.values()) + late
    report.expect(fine=fine, words=f"{total} whole answers, {kept} kept, {lost} lost, {late} late")
    most = max(lost.values(), default=0)
    fine = most <= sides.settings.concurrency
    report.expect(fine=fine, words=f"one kill lost {most} answers, more than were under way")
    # A process that dies may take with it the answers on their way to the cache: milliseconds.
    report.expect(fine=oldest_s < 1, words=f"an answer was lost {oldest_s:.2f} s after it came")
    return late


def _bills(report: Report, sides: Sides) -> None:
    """What the server bills stays within each process's budget and within all of them's."""
    settings, books, price = sides.settings, sides.books, sides.price
    bills = {
        key: (given * price["input"] + said * price["output"]) / 1e6
        for key, (given, said) in books["tokens_by_key"].items()
    }
    report.lines["attempts, by their end"] = books["ends"]
    report.lines["requests at the server"] = books["requests_by_key"]
    report.lines["faults"] = books["faults"]
    report.lines["most in flight"] = books["max_in_flight"]
    shown = {key: f"${bill:.4f}" for key, bill in bills.items()}
    report.lines["billed by the server"] = f"{shown} of ${settings.budget:g} each"
    total = sum(bills.values())
    report.lines["billed by the server in all"] = f"${total:.4f} of ${settings.total_budget:g}"
    for key, bill in bills.items():
        report.expect(fine=bill <= settings.budget, words=f"{key} overran its budget: ${bill}")
    fine = total <= settings.total_budget
    report.expect(fine=fine, words=f"all together overran the budget: ${total:.4f}")


def _own_books(
    report: Report, sides: Sides, summary: dict[str, Any], seen: dict[int, list[Seen]], late: int
) -> None:
    """The last process's own books, which nothing cut short, equal the server's to the call."""
    last = sides.processes[-1]
    attempts = [one for known in seen.values() for one in known if one.key == last.key]
    whole = sum(one.end == "whole" for one in attempts)
    billed = sum(one.end in BILLED for one in attempts)
    with closing(sqlite3.connect(sides.ledger)) as database:
        rows = database.execute(
            "SELECT sum(source = 'endpoint'), sum(attempts), sum(cost_usd * (source = 'endpoint')),"
            " sum(unsettled_usd) FROM calls WHERE time BETWEEN ? AND ?",
            (last.began_at, sides.checked.began_at),
        ).fetchone()
        (paid_rows,) = database.execute(
            "SELECT count(*) FROM calls WHERE source = 'endpoint'"
        ).fetchone()
    paid, tries = int(rows[0] or 0), int(rows[1] or 0)
    own = summary["requests"] - summary["cached"] - summary["failed"]
    report.lines["last process: paid calls by the server, session, ledger"] = (whole, own, paid)
    report.lines["last process: attempts by the server, ledger"] = (len(attempts), tries)
    report.lines["last process: billed attempts"] = billed
    report.lines["last process: cost, unsettled"] = (
        f"${summary['cost_usd']:.4f}, ${summary['unsettled_usd']:.4f}"
    )
    report.lines["ledger: paid calls in all processes"] = paid_rows
    fine = whole - late == own == paid
    report.expect(fine=fine, words=f"paid calls: server {whole}, session {own}, ledger {paid}")
    fine = len(attempts) == tries
    report.expect(fine=fine, words=f"attempts: server {len(attempts)}, ledger {tries}")


def _nothing_left(report: Report, books: dict[str, Any], summary: dict[str, Any]) -> None:
    report.lines["left: tasks, sockets, connections at the server"] = (
        len(summary["tasks"]),
        summary["sockets"],
        books["connections"],
    )
    report.lines["last process: CPU, peak memory"] = (
        f"{summary['cpu_s']:.1f} s, {summary['peak_mib']:.0f} MiB"
    )
    report.expect(fine=not summary["tasks"], words=f"tasks are left: {summary['tasks'][:3]}")
    report.expect(fine=not summary["sockets"], words=f"{summary['sockets']} sockets are left")
    left = (books["connections"], books["in_flight"], books["ends"]["open"])
    report.expect(fine=left == (0, 0, 0), words=f"left at the server: {left}")
