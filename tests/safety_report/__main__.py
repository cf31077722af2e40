"""`make safety-report`: measures every check on the development sets and writes one table.

    python -m tests.safety_report              all parts, and docs/safety-report.md
    python -m tests.safety_report injection    one part, printed alone

The sets lie outside the repository; without them there is nothing to measure. What is trained on
rows of a set is measured on that set out of fold, by models that did not see them; the table says
which.
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path

from tests.safety_report.row import Row

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "safety"
PAGE = ROOT / "docs" / "safety-report.md"
PARTS = (
    "injection",
    "untrusted",
    "unicode",
    "markdown",
    "moderation",
    "personal",
    "secrets",
    "quotes",
    "spotlighting",
    "leak",
    "streaming",
    "redteam",
    "speed",
)
LIMITS = {
    "injection": (
        "Requests for harm that attempt nothing on the model; wordings unlike the training "
        "text; languages other than English and German, thinly. Long scenes dressed like "
        "jailbreaks are its most frequent false alarm."
    ),
    "untrusted": (
        "Orders that read like the document's own; lower-case text that runs on; ciphers; "
        "most languages but English. FAQs, quizzes and lists of prompts are its most frequent "
        "false alarms."
    ),
    "unicode": (
        "Look-alikes within ASCII; visible encodings; a spoofed word in another script among "
        "honest words of that script."
    ),
    "markdown": (
        "Relative addresses, redirects on allowed hosts, and what a person copies and opens."
    ),
    "moderation": ("Illicit requests and slur-free hate are not covered offline; English only."),
    "personal": (
        "Names, addresses and organisations without the extra; values spelled in words; "
        "digits with neither checksum, form nor a word beside them."
    ),
    "secrets": (
        "Secrets with neither a format nor a name beside them; what is split or encoded twice."
    ),
    "quotes": ("Quotations without marks; statements without a number, name or quotation."),
    "spotlighting": ("It lowers the share of attacks that succeed and ends none of them."),
    "leak": ("Translations, paraphrases and summaries of a system message."),
    "streaming": ("What only a stretch of more than two thousand characters shows."),
    "redteam": (
        "A model of 135 million parameters follows few instructions at all; attacks that this "
        "set does not hold."
    ),
    "speed": ("One prose text; texts made of attacks take longer, linearly."),
}
"""What each part does not cover, in a sentence."""

HEAD = """\
# Safety report

Every check of `promptkit.safety`, measured on development sets. `make safety-report` writes this
page; the sets are no part of the repository, and the page says which they are. A share comes with
its 95 % interval (Wilson; for an AUROC by bootstrap). «Trained on» names the rows of that set that
went into the shipped weights: such figures are out of fold, from models that had not seen the rows.
«Reached» compares the figure itself, not its interval, with the goal.

What each check does not cover stands in [Safety](safety.md). Times are of two shared cores.

"""


def shown(value: float, what: str) -> str:
    """Write a figure in the unit that its name tells."""
    if "AUROC" in what:
        return f"{value:.3f}"
    if "millisecond" in what:
        return f"{value:.2f} ms"
    if "second" in what:
        return f"{value:.2f} s"
    if "count" in what:
        return f"{value:,.0f}"
    return f"{value * 100:.1f}\u202f%"


def table(rows: list[Row]) -> str:
    """Write the rows as a Markdown table."""
    lines = [
        "| check | figure | measured on | rows | value | 95 % | goal | reached | trained on |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        interval = ""
        if row.low is not None and row.high is not None:
            interval = f"{shown(row.low, row.what)} to {shown(row.high, row.what)}"
        reached = {True: "yes", False: "**no**", None: ""}[row.is_reached]
        cells = (
            f"`{row.check}`",
            row.what,
            row.data,
            f"{row.count:,}" if row.count else "",
            shown(row.value, row.what),
            interval,
            row.goal,
            reached,
            row.trained,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def main(words: list[str]) -> int:
    if not DATA.is_dir():
        print(f"the development sets are not at {DATA}: nothing to measure", file=sys.stderr)
        return 2
    parts = words or list(PARTS)
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        print(f"there is no part {unknown[0]!r}: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    sections = []
    for part in parts:
        started = time.monotonic()
        rows = importlib.import_module(f"tests.safety_report.{part}").rows()
        sections.append(f"## {part.capitalize()}\n\nNot covered: {LIMITS[part]}\n\n{table(rows)}\n")
        print(f"{sections[-1]}\n({part}: {time.monotonic() - started:.0f} s)\n", flush=True)
    if not words:
        PAGE.write_text(HEAD + "\n".join(sections), "utf-8")
        print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
