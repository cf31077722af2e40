"""What the abuse classifier is trained on and tested with: rows, their labels, groups and weights.

Only rows whose licence allows it are trained on: surge (MIT), HateCheck and XSTest (CC-BY, named in
the model's card), awesome prompts (CC0), CyberSecEval (MIT), GSM8K and LLMBar (MIT), and own text.
PIGuard's benign prompts and Do-Not-Answer are for testing alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from tests.training import abuse_patterns as patterns
from tests.training.shared import (
    OWN,
    RELIABILITY,
    SAFETY,
    clusters,
    csv_rows,
    json_lines,
    json_of,
    key,
    lines_of,
)

TEXTS: Final = OWN / "abuse_texts"
FILES: Final = {
    "harassment": "harassment",
    "hate": "hate",
    "self_harm": "self-harm",
    "sexual": "sexual",
    "violence": "violence",
    "benign": "",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A text to learn from or to test with.

    Attributes:
        text: As it stands in the set.
        label: 1 for abusive, 0 for harmless.
        source: Name of the set.
        category: Which kind of abuse; empty for none, or where the set does not say.
        group: Rows of one group are never parted by a fold.
        kind: The set's own name for the kind of row.
    """

    text: str
    label: int
    source: str
    category: str = ""
    group: Hashable = ""
    kind: str = ""


WEIGHTS: Final = {
    "surge": 1500.0,
    "hatecheck": 700.0,
    "xstest": 250.0,
    "awesome": 250.0,
    "cyberseceval": 100.0,
    "gsm8k": 100.0,
    "llmbar": 200.0,
    "own": 2500.0,
    "own patterns": 1200.0,
    "own disguised": 500.0,
}
"""What a set counts in all: a set of many rows of one kind does not drown the others."""

_HARMLESS_FOCUS: Final = frozenset(
    (
        *("steal", "break in", "bank fraud", "ecstasy", "weed", "cocaine", "meth", "disable"),
        *("throttle", "weapon", "demolish", "armed robbery", "arson", "sever"),
    )
)
"""XSTest's unsafe prompts about drugs, theft and the like: no abuse, nor harmless."""


def _examples(texts: Iterable[str], label: int, source: str, category: str = "") -> Iterator[Row]:
    return (Row(text, label, source, category) for text in texts)


def surge() -> list[Row]:
    """Return comments from social media, toxic or not."""
    rows = csv_rows(SAFETY / "moderation" / "surge_toxicity_en.csv")
    return [Row(r["text"], int(r["is_toxic"] == "Toxic"), "surge") for r in rows]


def hatecheck() -> list[Row]:
    """Return the functional tests of hate; a group is a template with all its misspelt forms."""
    rows = csv_rows(SAFETY / "moderation" / "hatecheck_test_suite_cases.csv")
    return [
        Row(
            r["test_case"].strip(),
            int(r["label_gold"] == "hateful"),
            "hatecheck",
            "hate" if r["label_gold"] == "hateful" else "",
            ("hatecheck", r["ref_templ_id"] or r["templ_id"]),
            r["functionality"],
        )
        for r in rows
    ]


def xstest() -> list[Row]:
    """Return prompts that are safe though they look unsafe, and their unsafe counterparts."""
    found = []
    for r in csv_rows(SAFETY / "moderation" / "xstest_prompts.csv"):
        category = ""
        if r["type"] == "contrast_discr":
            category = "hate"
        elif r["label"] == "unsafe":
            category = "self-harm" if r["focus"] == "suicide" else "violence"
        found.append(
            Row(r["prompt"], int(r["label"] == "unsafe"), "xstest", category, "", r["type"])
        )
        if r["label"] == "unsafe" and (
            r["focus"] in _HARMLESS_FOCUS
            or r["type"] in ("contrast_privacy", "contrast_historical_events")
        ):
            found[-1] = Row(r["prompt"], 1, "xstest", "", "", "illicit")
    return found


def benign_sets() -> list[Row]:
    """Return ordinary prompts that are trained on."""
    awesome = csv_rows(SAFETY / "injection" / "awesome_chatgpt_prompts_2025-05-22.csv")
    cyber = json_of(SAFETY / "injection" / "cyberseceval_mitre_frr_benign.json")
    sums = json_lines(RELIABILITY / "gsm8k" / "train.jsonl")[:300]
    bar = sorted((RELIABILITY / "llmbar" / "LLMBar").rglob("dataset.json*"))
    inputs = {r["input"]: None for path in bar for r in json_of(path)}
    return [
        *_examples((r["prompt"] for r in awesome), 0, "awesome"),
        *_examples((r["mutated_prompt"] for r in cyber), 0, "cyberseceval"),
        *_examples((r["question"] for r in sums), 0, "gsm8k"),
        *_examples(inputs, 0, "llmbar"),
    ]


def own() -> list[Row]:
    """Return what was written for this classifier, and what patterns make of it."""
    found: list[Row] = []
    for name, category in FILES.items():
        found += _examples(lines_of(TEXTS / f"{name}.txt"), int(bool(category)), "own", category)
    made = [
        *_examples(patterns.hateful(), 1, "own patterns", "hate"),
        *_examples(patterns.insulting(), 1, "own patterns", "harassment"),
        *_examples(patterns.harmless(), 0, "own patterns"),
    ]
    disguised = [
        Row(patterns.obfuscated(row.text), row.label, "own disguised", row.category)
        for row in (*found, *made[::2])
        if len(row.text) < 120
    ]
    return [*found, *made, *disguised]


def test_only() -> list[Row]:
    """Return the sets that are never trained on."""
    prompts = json_of(SAFETY / "injection" / "piguard_wildguard.json")
    harmful = [
        (r["prompt"], path.stem)
        for path in sorted((SAFETY / "moderation").glob("donotanswer_*.jsonl"))
        for r in json_lines(path)
    ]
    return [
        *_examples((r["prompt"] for r in prompts), 0, "piguard wildguard"),
        *(Row(text, 1, "do-not-answer", "", "", kind) for text, kind in harmful),
    ]


def unique(rows: Iterable[Row]) -> list[Row]:
    """Return the rows without later ones of the same beginning."""
    kept: dict[str, Row] = {}
    for row in rows:
        kept.setdefault(key(row.text), row)
    return list(kept.values())


def training_rows() -> list[Row]:
    """Return all rows that are trained on or scored out of fold, with their groups."""
    rows = unique([*surge(), *hatecheck(), *xstest(), *benign_sets(), *own()])
    numbers = clusters([row.text for row in rows])
    return [
        Row(r.text, r.label, r.source, r.category, r.group or number, r.kind)
        for r, number in zip(rows, numbers, strict=True)
    ]


def is_trained_on(row: Row) -> bool:
    """Whether a row teaches anything: not where its label means something else.

    HateCheck calls insults and threats at a single person or a trade not hateful, which they are
    not; they are abusive all the same. XSTest's prompts about drugs and privacy are no abuse.
    """
    return row.kind not in ("target_indiv_nh", "target_group_nh", "illicit")


def known_words(rows: Iterable[Row]) -> list[int]:
    """Return the CRC-32 of the words that are common in the harmless rows."""
    seen: Counter[str] = Counter()
    for row in rows:
        if row.label == 0 and row.source not in ("hatecheck", "own disguised"):
            seen.update(set(re.findall(r"[a-z]{3,}", row.text.lower())))
    lookalikes = " ".join(lines_of(TEXTS / "compounds.txt")).split()
    return sorted({crc32(word.encode()) for word in (*seen, *lookalikes)})
