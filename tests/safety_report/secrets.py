"""`find_secrets`: recall, near misses and chat, on what scanners' authors and people wrote.

The rules were written with the examples a to h in sight: the first two figures say that these are
covered, not what to expect of services that nobody looked at.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from promptkit.adapters.intervals import wilson
from promptkit.safety.credentials import find_secrets
from tests.safety_report.row import Row

ROOT: Final = Path(__file__).resolve().parents[3] / "shared" / "data"
DATA: Final = ROOT / "safety"


def rows() -> list[Row]:
    """Measure; what is not there is left out."""
    examples = [
        json.loads(line) for line in _lines(DATA / "secrets/gitleaks_rule_examples.jsonl.gz")
    ]
    return [
        _row(
            "recall",
            _of(examples, 1),
            "examples of gitleaks' rules, a to h, seen while the rules were written",
            least=0.95,
        ),
        _row(
            "near misses flagged",
            _of(examples, 0),
            "examples of gitleaks' rules, a to h, seen while the rules were written",
            most=0.2,
        ),
        _row(
            "chat flagged",
            list(_chat()),
            "awesome, surge, xstest, wildguard, LLMBar, GSM8K",
            most=0.005,
        ),
        _row("mails flagged", list(_mails()), "BIPIA's mails", most=0.005),
    ]


def _row(what: str, texts: list[str], data: str, *, least: float = 0.0, most: float = 1.0) -> Row:
    found = sum(bool(find_secrets(text)) for text in texts)
    low, high = wilson(found, len(texts))
    share = found / len(texts)
    return Row(
        check="find_secrets",
        what=what,
        data=data,
        value=share,
        low=low,
        high=high,
        count=len(texts),
        goal=f"≥ {least:.0%}" if least else f"≤ {most * 100:g} %",
        is_reached=least <= share <= most,
    )


def _of(examples: list[dict[str, Any]], label: int) -> list[str]:
    return list(dict.fromkeys(e["text"] for e in examples if e["label"] == label))


def _chat() -> Iterator[str]:
    yield from _column("injection/awesome_chatgpt_prompts_2025-05-22.csv", "prompt")
    yield from _column("moderation/surge_toxicity_en.csv.gz", "text")
    yield from _column("moderation/xstest_prompts.csv", "prompt")
    with gzip.open(DATA / "injection/piguard_wildguard.json.gz", "rt", encoding="utf-8") as file:
        yield from (each["prompt"] for each in json.load(file))
    for name in ("llmbar", "gsm8k"):
        for path in sorted((ROOT / "reliability" / name).rglob("*.json*")):
            yield from _questions(path)


def _questions(path: Path) -> Iterator[str]:
    """The questions of a set, the first thousand of a file."""
    lines = list(_lines(path))
    found: Any = map(json.loads, lines) if "jsonl" in path.name else json.loads("".join(lines))
    for number, each in enumerate(found if not isinstance(found, dict) else ()):
        if number < 1000 and isinstance(each, dict):
            text = each.get("question") or each.get("input")
            if isinstance(text, str):
                yield text


def _mails() -> Iterator[str]:
    for line in _lines(DATA / "injection/bipia_email_train.jsonl"):
        yield json.loads(line)["context"]


def _column(name: str, column: str) -> Iterator[str]:
    yield from (row[column] for row in csv.DictReader(_lines(DATA / name)))


def _lines(path: Path) -> Iterable[str]:
    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return list(file)
