"""`redact`: how much structured personal data it finds, and whether it gives every text back.

The generated set marks spans with types. Those of `TYPES` are structured; a finding is right where
its span is exactly one of them. A postcode or a date of birth within an address or a date is right
too but has no type of its own there, so such findings are left out of the first figure and count
as wrong in the second. The forms and near misses of the tests were written beside the recognisers:
they show breadth, not what to expect of unseen text.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from promptkit.adapters.intervals import wilson
from promptkit.safety.redaction import redact
from promptkit.safety.vault import Vault
from tests.safety_report.row import Row

DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "safety"
TYPES: Final = frozenset(
    {
        "PHONE_NUMBER",
        "CREDIT_CARD",
        "EMAIL_ADDRESS",
        "DOMAIN_NAME",
        "US_SSN",
        "IP_ADDRESS",
        "IBAN_CODE",
        "US_DRIVER_LICENSE",
        "ZIP_CODE",
    }
)
_DRAWS: Final = 2_000
_Counts = tuple[int, int, int]


def rows() -> list[Row]:
    """Measure everything on the development sets."""
    return [*_found(), *_restored(), *_own_forms()]


def _found() -> Iterator[Row]:
    texts: list[dict[str, Any]] = json.loads(
        (DATA / "pii" / "presidio_generated_small.json").read_text(encoding="utf-8")
    )
    for is_strict in (False, True):
        counts = [_counted(text, is_strict=is_strict) for text in texts]
        value = _f1(counts)
        low, high = _bootstrapped(counts)
        yield Row(
            check="redact",
            what="F1, every untyped span wrong" if is_strict else "F1",
            data="presidio_generated_small, structured types, exact spans",
            value=value,
            low=low,
            high=high,
            count=len(texts),
            goal="" if is_strict else "≥ 0.90",
            is_reached=None if is_strict else value >= 0.9,
        )


def _counted(text: dict[str, Any], *, is_strict: bool) -> _Counts:
    """Right, wrong and missed of one text."""
    spans = [(s["start_position"], s["end_position"], s["entity_type"]) for s in text["spans"]]
    gold = {(start, end) for start, end, kind in spans if kind in TYPES}
    other = [(start, end) for start, end, kind in spans if kind not in TYPES]
    found = {finding.span for finding in redact(text["full_text"]).findings}
    wrong = {
        span
        for span in found - gold
        if is_strict or not any(s <= span[0] and span[1] <= e for s, e in other)
    }
    return len(found & gold), len(wrong), len(gold - found)


def _f1(counts: Iterable[_Counts]) -> float:
    right, wrong, missed = (sum(column) for column in zip(*counts, strict=True))
    return 2 * right / max(1, 2 * right + wrong + missed)


def _bootstrapped(counts: list[_Counts]) -> tuple[float, float]:
    draw = random.Random(5)
    figures = sorted(_f1(draw.choices(counts, k=len(counts))) for _ in range(_DRAWS))
    return figures[_DRAWS // 40], figures[-_DRAWS // 40 - 1]


def _restored() -> Iterator[Row]:
    texts = list(_texts())
    vault = Vault()
    exact = changed = placeholders = 0
    for text in texts:
        redacted = redact(text, vault)
        exact += vault.restore(redacted.text) == text
        for finding in redacted.findings:
            value = text[slice(*finding.span)]
            (written,) = vault.put_away([(finding.kind, value)])
            for spelling in _spellings(written):
                placeholders += 1
                changed += vault.restore(f"so {spelling}.") == f"so {value}."
    sets = "generated small, xstest, role prompts, mail and code contexts, naughty strings"
    for what, right, count in (
        ("restored exactly", exact, len(texts)),
        ("restored after a model changed case, spacing or escapes", changed, placeholders),
    ):
        low, high = wilson(right, count)
        yield Row(
            check="redact",
            what=what,
            data=f"{sets}, through one vault",
            value=right / count,
            low=low,
            high=high,
            count=count,
            goal="100 %",
            is_reached=right == count,
        )


def _spellings(written: str) -> Iterator[str]:
    inner = written[1:-1]
    yield written.lower()
    yield written.title()
    yield f"[ {inner} ]"
    yield f"[{inner.replace('_', ' ')}]"
    yield f"[{inner.replace('_', '-')}]"
    yield f"[{inner.replace('_', '')}]"
    yield f"[{inner.replace('_', chr(92) + '_')}]"
    yield chr(92) + f"[{inner}" + chr(92) + "]"
    yield inner


def _texts() -> Iterator[str]:
    for text in json.loads((DATA / "pii" / "presidio_generated_small.json").read_bytes()):
        yield text["full_text"]
    with (DATA / "moderation" / "xstest_prompts.csv").open(encoding="utf-8") as file:
        yield from (line["prompt"] for line in csv.DictReader(file))
    roles = DATA / "injection" / "awesome_chatgpt_prompts_2025-05-22.csv"
    with roles.open(encoding="utf-8") as file:
        yield from (line["prompt"] for line in csv.DictReader(file))
    for name in ("bipia_email_train.jsonl", "bipia_code_attack_train.json"):
        yield from (DATA / "injection" / name).read_text(encoding="utf-8").splitlines()
    yield from json.loads((DATA / "unicode" / "blns.json").read_bytes())
    with gzip.open(DATA / "secrets" / "gitleaks_rule_examples.jsonl.gz", "rt") as file:
        yield from file


def _own_forms() -> Iterator[Row]:
    from tests.safety.test_redaction_kinds import FOUND, LEFT

    right = sum(
        (kind, value) in {(f.kind, text[slice(*f.span)]) for f in redact(text).findings}
        for kind, text, value in FOUND
    )
    wrong = sum(bool(redact(text).findings) for text in LEFT)
    for what, share, count in (
        ("recall", right, len(FOUND)),
        ("false positives", wrong, len(LEFT)),
    ):
        low, high = wilson(share, count)
        yield Row(
            check="redact",
            what=what,
            data="own forms of 50 kinds" if what == "recall" else "own near misses",
            value=share / count,
            low=low,
            high=high,
            count=count,
            trained="written beside the recognisers",
        )
