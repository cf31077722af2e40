"""Keeps the results of all sections in one file and writes the table of the docs from it.

A run of some sections or clients replaces their rows alone, so that a long measurement can be
made in parts. Every row carries the day it was measured on.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from .environments import PEERS, ROOT
from .measure import Row, Section

RESULTS: Final = Path(__file__).with_name("results.json")
PAGE: Final = ROOT / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- The table: written by `make bench`, not by hand. -->"
END: Final = "<!-- End of the table. -->"

Results = dict[str, list[dict[str, Any]]]
"""By section: rows as dictionaries."""


def load(path: Path = RESULTS) -> Results:
    """Return what was measured before."""
    if not path.exists():
        return {}
    kept: Results = json.loads(path.read_text("utf-8"))
    return kept


def merge(kept: Results, section: str, rows: Iterable[Row], day: str) -> Results:
    """Return the results with a section's rows replaced where they were measured anew."""
    fresh = {(row.client, row.case): {**asdict(row), "day": day} for row in rows}
    old = {(row["client"], row["case"]): row for row in kept.get(section, [])}
    return {**kept, section: list({**old, **fresh}.values())}


def save(results: Results, path: Path = RESULTS) -> None:
    """Write the results."""
    rounded = {name: [_rounded(row) for row in rows] for name, rows in results.items()}
    path.write_text(json.dumps(rounded, indent=1) + "\n", "utf-8")


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Keep five digits: more of them are noise."""
    values = {
        name: [float(f"{value:.5g}") for value in series] for name, series in row["values"].items()
    }
    return {**row, "values": values}


def rows_of(results: Results, name: str, section: Section) -> list[Row]:
    """Return a section's rows, the best first, cases together, the failed ones last."""
    names = Row.__dataclass_fields__
    rows = [
        Row(**{key: value for key, value in row.items() if key in names})
        for row in results.get(name, [])
        if row["client"] in PEERS
    ]
    cases = list(dict.fromkeys(row.case for row in rows))
    first = section.columns[0].name
    sign = 1 if section.best == "least" else -1

    def place(row: Row) -> tuple[bool, int, float]:
        worth = sign * row.median(first) if row.values else 0.0
        return (not row.values, cases.index(row.case), worth)

    return sorted(rows, key=place)


def plain(section: Section, rows: Iterable[Row]) -> str:
    """Return a section's table for a terminal."""
    lines = [f"{section.title} (to reach: {section.target})"]
    heads = "".join(f"{column.heading:>24}" for column in section.columns)
    lines.append(f"{heads}  client")
    for row in rows:
        if not row.values:
            lines.append(f"{'failed':>{24 * len(section.columns)}}  {row.label}: {row.failed}")
            continue
        cells = "".join(
            f"{_cell(row, column.name, column.format):>24}" for column in section.columns
        )
        lines.append(f"{cells}  {row.label}")
    return "\n".join(lines)


def markdown(section: Section, rows: list[Row], days: Mapping[str, str]) -> str:
    """Return a section of the docs page."""
    heads = ["client", *(column.heading for column in section.columns), "day"]
    lines = [
        f"## {section.title}",
        "",
        textwrap.fill(section.text, 100, break_on_hyphens=False, break_long_words=False),
        "",
        f"To reach: {section.target}.",
        "",
        f"| {' | '.join(heads)} |",
        f"| --- | {' | '.join('---:' for _ in heads[1:])} |",
    ]
    for row in rows:
        cells = [_cell(row, column.name, column.format) for column in section.columns]
        if not row.values:
            cells = ["failed", *("" for _ in section.columns[1:])]
        lines.append(f"| {' | '.join([row.label, *cells, days.get(_id(row), '')])} |")
    return "\n".join(lines)


def _id(row: Row) -> str:
    return f"{row.client} {row.case}"


def _cell(row: Row, name: str, form: str) -> str:
    """The median, and the least and the greatest where there were several rounds."""
    series = row.values.get(name)
    if not series:
        return ""
    middle = form.format(row.median(name))
    low, high = form.format(min(series)), form.format(max(series))
    return middle if low == high else f"{middle} ({low} to {high})"


def write_page(results: Results, sections: Mapping[str, Section], path: Path = PAGE) -> None:
    """Put the tables between the page's two marks."""
    parts = []
    for name, section in sections.items():
        rows = rows_of(results, name, section)
        if rows:
            days = {f"{row['client']} {row['case']}": row["day"] for row in results[name]}
            parts.append(markdown(section, rows, days))
    text = path.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    body = "\n\n".join([f"Measured on {machine()}.", *parts])
    path.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", "utf-8")


def today() -> str:
    """Return the date, as the table shows it."""
    return dt.datetime.now(dt.UTC).date().isoformat()


def machine() -> str:
    """Say what kind of machine this is, without its name."""
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores ({_processor()}), {system}, {python}"


def _processor() -> str:
    """The processor's model, where the system tells it."""
    about = Path("/proc/cpuinfo")
    if about.exists():
        for line in about.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
