"""Exfiltration through Markdown and HTML: what is left for real renderers, and what is changed."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from promptkit.adapters.intervals import wilson
from promptkit.safety import neutralize_markdown
from tests.safety.exfiltration import ALLOW, BENIGN, CONTEXTS, RENDERERS, attacks, leaks
from tests.safety_report.row import Row

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "safety"
STRIDE = 5
"""Every fifth attack is rendered by all renderers; the others are read as HTML alone."""

NAME = "neutralize_markdown"


def rows() -> list[Row]:
    """Measure both sides."""
    return [_attacks(), _own_benign(), *_benign_sets()]


def _attacks() -> Row:
    stopped = total = 0
    for index, (_, text) in enumerate(attacks()):
        cleaned = neutralize_markdown(text, ALLOW)
        renderers = RENDERERS.values() if index % STRIDE == 0 else [str]
        stopped += bool(cleaned.findings) and not any(
            leaks(render(cleaned.text)) for render in renderers
        )
        total += 1
    return _share(
        "neutralised",
        f"own attacks: spellings in constructs in {len(CONTEXTS)} contexts, as HTML; every fifth"
        " by markdown-it, mistune and nbconvert",
        stopped,
        total,
        "100 %",
    )


def _own_benign() -> Row:
    same = sum(neutralize_markdown(text, ALLOW).text == text for text in BENIGN)
    return _share("benign text identical", "own texts", same, len(BENIGN), "100 %")


def _benign_sets() -> Iterator[Row]:
    sets = {
        "quotesum, sources without an address": _quotesum(),
        "wildguard, prompts without an address": _wildguard(),
        "awesome role prompts without an address": _awesome(),
    }
    for name, texts in sets.items():
        plain = [text for text in texts if "://" not in text and "www." not in text.lower()]
        same = sum(neutralize_markdown(text).text == text for text in plain)
        yield _share("benign text identical", name, same, len(plain), "100 %")


def _quotesum() -> list[str]:
    with gzip.open(DATA / "quote" / "quotesum_dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return [row[f"source{i}"] for row in found for i in range(1, 9) if row[f"source{i}"]]


def _wildguard() -> list[str]:
    with gzip.open(
        DATA / "injection" / "piguard_wildguard.json.gz", "rt", encoding="utf-8"
    ) as file:
        return [row["prompt"] for row in json.load(file)]


def _awesome() -> list[str]:
    path = DATA / "injection" / "awesome_chatgpt_prompts_2025-05-22.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [row["prompt"] for row in csv.DictReader(file)]


def _share(what: str, data: str, right: int, total: int, goal: str) -> Row:
    low, high = wilson(right, total)
    return Row(
        check=NAME,
        what=what,
        data=data,
        value=right / total,
        low=low,
        high=high,
        count=total,
        goal=goal,
        is_reached=right == total,
    )
