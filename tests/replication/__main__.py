"""Replays recorded answers through the primitives, and prints what came out as a table.

    make replay                            all of it: some minutes
    make replay ARGS="cascade bbh"         some modules: test_cascade.py, test_bbh.py
    make replay ARGS="--write"             also write the tables into docs/replications.md

Each module `test_*.py` of this folder that has a function `rows()` is a section. The command fails
where a figure is not the one that the recorded answers themselves state.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from .recorded import Row

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parents[1] / "docs" / "replications.md"
BEGIN: Final = "<!-- The tables: written by `make replay`, not by hand. -->"
END: Final = "<!-- End of the tables. -->"

ROUNDING: Final = 0.05
"""Figures are stated with one or two decimals: what is less than this is no difference."""

NOTED: Final = 0.5
"""So far may a figure lie from the recorded one where the row says why."""

WIDTH: Final = 62
"""Of the names in a terminal."""

HEADINGS: Final = ("n", "published", "recorded", "ours", "difference")


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of one module.

    Attributes:
        name: The module's name, without `test_`.
        text: What its docstring says.
        rows: What came out.
        skipped: Why there are no rows; empty where there are.
    """

    name: str
    text: str
    rows: tuple[Row, ...]
    skipped: str = ""

    @property
    def title(self) -> str:
        """The first sentence of the text."""
        return self.text.partition("\n\n")[0].replace("\n", " ").rstrip(".")


def main(words: Sequence[str]) -> int:
    """Print the table; return 1 where a figure is not what was recorded, else 0."""
    given = arguments(words)
    sections = []
    for name in given.sections or names():
        section = replay(name)
        sections.append(section)
        print(plain(section), flush=True)
    rows = [row for section in sections for row in section.rows]
    wrong = [row.name for row in rows if differs(row)]
    recorded = sum(row.recorded is not None for row in rows)
    noted = [row for row in rows if row.note and row.recorded is not None and not same(row)]
    other = len(wrong) + len(noted)
    print(f"\n{len(rows)} figures, {recorded} of them recorded, {other} of these differ.")
    if noted:
        near = f"{len(noted)} lie less than {NOTED} points from the recorded figure"
        print(f"{near}, for the reason that stands below them.")
    for name in wrong:
        print(f"  differs: {name}")
    if given.write and not any(section.skipped for section in sections):
        write(sections)
        print(f"Written to {PAGE.relative_to(HERE.parents[1])}.")
    return 1 if wrong or not rows else 0


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.replication",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sections", nargs="*", help=f"any of {', '.join(names())}")
    parser.add_argument("--write", action="store_true", help="write all tables into the docs")
    given = parser.parse_args(words)
    unknown = set(given.sections) - set(names())
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    if given.write and given.sections:
        parser.error("--write takes all sections, or the page would lose the others")
    return given


def names() -> list[str]:
    """Return the names of the modules that have rows."""
    found = sorted(HERE.glob("test_*.py"))
    has_rows = re.compile(r"^def rows\(", re.MULTILINE)
    return [
        path.stem.removeprefix("test_")
        for path in found
        if has_rows.search(path.read_text("utf-8"))
    ]


def replay(name: str) -> Section:
    """Run a module's rows; without its data there are none."""
    module = importlib.import_module(f"{__package__}.test_{name}")
    text = (module.__doc__ or name).strip()
    try:
        return Section(name, text, tuple(module.rows()))
    except pytest.skip.Exception as skipped:
        return Section(name, text, (), str(skipped))


def same(row: Row) -> bool:
    """Whether a figure is the recorded one, but for rounding."""
    return row.recorded is not None and abs(row.ours - row.recorded) < ROUNDING


def differs(row: Row) -> bool:
    """Whether a figure is not the recorded one, and no note says why."""
    if row.recorded is None or same(row):
        return False
    return not (row.note and abs(row.ours - row.recorded) < NOTED)


def cells(row: Row) -> list[str]:
    """Return the figures of a row as texts; what there is not is empty."""
    figures = [row.published, row.recorded, row.ours]
    shown = ["" if figure is None else f"{figure:.2f}" for figure in figures]
    difference = "" if row.difference is None else f"{row.difference:+.2f}".replace("-", "−")
    if difference[1:] == "0.00":
        difference = "0.00"
    return [f"{row.n:,}", *shown, difference]


def plain(section: Section) -> str:
    """Return a section for a terminal."""
    lines = ["", section.title]
    if section.skipped:
        return "\n".join([*lines, f"  skipped: {section.skipped}"])
    widths = (7, 10, 10, 10, 11)
    lines.append(" " * WIDTH + _columns(HEADINGS, widths))
    for row in section.rows:
        *above, last = textwrap.wrap(row.name, WIDTH - 2, subsequent_indent="  ") or [""]
        mark = " !" if differs(row) else ""
        lines += [*above, f"{last:<{WIDTH}}{_columns(cells(row), widths)}{mark}"]
    for note in notes(section):
        lines += textwrap.wrap(f"({note})", 100, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines)


def notes(section: Section) -> list[str]:
    """Return what the rows say of their differences, each thing once."""
    return list(dict.fromkeys(row.note for row in section.rows if row.note))


def _columns(texts: Iterable[str], widths: Sequence[int]) -> str:
    return "".join(f"{text:>{width}}" for text, width in zip(texts, widths, strict=True))


def markdown(section: Section) -> str:
    """Return a section of the page."""
    _, _, more = section.text.partition("\n\n")
    lines = [f"## {section.title}", ""]
    if more:
        lines += [more, ""]
    lines.append(f"| replay | {' | '.join(HEADINGS)} |")
    lines.append(f"| --- | {' | '.join('---:' for _ in HEADINGS)} |")
    lines += [
        f"| {' | '.join([row.name.replace('|', '/'), *cells(row)])} |" for row in section.rows
    ]
    return "\n".join(lines)


def _safe(name: str) -> str:
    return name.replace("|", "/")


def write(sections: Iterable[Section], page: Path = PAGE) -> None:
    """Put the tables between the page's two marks."""
    text = page.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    tables = "\n\n".join(markdown(section) for section in sections)
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    os.environ.setdefault("PROMPTKIT_READOUT", "0")  # the maps of the replays are not news
    sys.exit(main(sys.argv[1:]))
