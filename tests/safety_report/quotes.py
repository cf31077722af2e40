"""Quotations: true ones found, altered ones not, and what `grounded` says of whole answers.

The true ones are the marked quotations of QuoteSum, set between marks of several languages, that
stand in their source (title and passage) letter for letter once case and white space are set aside.
The altered ones are those with a word exchanged, dropped, put in, negated or moved, a digit
changed, or joined from two places; none of them stands in the source in that sense.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from promptkit.adapters.intervals import wilson
from promptkit.safety import grounded, verify_quotes
from tests.safety_report.row import Row

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "safety" / "quote"
SET = "QuoteSum, dev rows"
MARKS = ("“”", '""', "«»", "„“", "‘’", "''", "「」")
TRIES = 10
"""Alterations of each quotation and kind."""

Words = list[str]


def rows() -> list[Row]:
    """Measure all."""
    marked = list(quotations())
    return [*_accepted(marked), *_refused(marked), *_ellipses(marked), *_grounded()]


def read() -> list[dict[str, str]]:
    """Return the rows of the set."""
    with gzip.open(DATA / "quotesum_dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def quotations() -> Iterator[tuple[str, str]]:
    """Yield each marked quotation with its source."""
    for row in read():
        for index, quote in re.findall(r"\[ (\d) (.*?) \]", row["summary"]):
            yield quote, f"{row['title' + index]}. {row['source' + index]}"


def is_in(quote: str, source: str) -> bool:
    """Tell whether a text is in another, case, white space and punctuation aside."""
    return _bare(quote) in _bare(source)


def _bare(text: str) -> str:
    words = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(words)} "


def is_found(text: str, source: str) -> bool:
    """Tell whether all quotations of a text are found, and there is one."""
    checks = verify_quotes(text, source)
    return bool(checks) and all(check.found for check in checks)


def _accepted(marked: list[tuple[str, str]]) -> Iterator[Row]:
    right = total = 0
    for quote, source in marked:
        if " ".join(quote.split()).casefold() not in " ".join(source.split()).casefold():
            continue
        texts = [f"It says {opens}{quote}{closes} there." for opens, closes in MARKS]
        texts.append(f"It says:\n\n> {quote}\n\nThere.")
        right += sum(is_found(text, source) for text in texts)
        total += len(texts)
    data = f"{SET}, marked quotations in {len(MARKS)} kinds of marks and as block quotes"
    yield _row("true accept", data, right, total, "≥ 99.5 %", reached=right / total >= 0.995)


def _refused(marked: list[tuple[str, str]]) -> Iterator[Row]:
    chance = random.Random(20)
    words = [word for _, source in marked for word in source.split()]
    wrong = total = 0
    for kind, (alter, least) in alterations(chance, words).items():
        accepted = count = 0
        for quote, source in marked:
            if len(quote.split()) < least:
                continue
            for _ in range(TRIES):
                altered = " ".join(alter(quote.split() if kind != "joined" else source.split()))
                if altered != quote and not is_in(altered, source):
                    accepted += is_found(f"It says “{altered}” there.", source)
                    count += 1
        yield _row(f"false accept, {kind}", SET, accepted, count, "", reached=None)
        wrong, total = wrong + accepted, total + count
    yield _row(
        "false accept", f"{SET}, all alterations", wrong, total, "≤ 0.5 %",
        reached=wrong / total <= 0.005,
    )  # fmt: skip


def alterations(
    chance: random.Random, vocabulary: Words
) -> dict[str, tuple[Callable[[Words], Words], int]]:
    """Return the ways to alter a quotation, each with the fewest words it takes."""

    def exchanged(words: Words) -> Words:
        place = chance.randrange(len(words))
        return [*words[:place], chance.choice(vocabulary), *words[place + 1 :]]

    def dropped(words: Words) -> Words:
        place = chance.randrange(1, len(words) - 1)
        return words[:place] + words[place + 1 :]

    def put_in(words: Words) -> Words:
        place = chance.randrange(1, len(words))
        return [*words[:place], chance.choice(vocabulary), *words[place:]]

    def negated(words: Words) -> Words:
        place = chance.randrange(1, len(words))
        return [*words[:place], "not", *words[place:]]

    def moved(words: Words) -> Words:
        place = chance.randrange(len(words) - 1)
        return [*words[:place], words[place + 1], words[place], *words[place + 2 :]]

    def renumbered(words: Words) -> Words:
        text = " ".join(words)
        digits = [match.start() for match in re.finditer(r"\d", text)]
        if not digits:
            return words
        place = chance.choice(digits)
        digit = str((int(text[place]) + chance.randrange(1, 10)) % 10)
        return (text[:place] + digit + text[place + 1 :]).split()

    def joined(words: Words) -> Words:
        first = chance.randrange(max(1, len(words) // 2 - 4))
        second = chance.randrange(min(len(words) - 1, len(words) // 2 + 2), len(words))
        return words[first : first + 4] + words[second : second + 4]

    return {
        "a word exchanged": (exchanged, 1),
        "a word dropped": (dropped, 3),
        "a word put in": (put_in, 2),
        "negated": (negated, 2),
        "two words exchanged": (moved, 2),
        "a digit changed": (renumbered, 1),
        "joined": (joined, 1),
    }


def _ellipses(marked: list[tuple[str, str]]) -> Iterator[Row]:
    chance = random.Random(21)
    right = total = wrong = reverse = 0
    for _, source in marked:
        words = source.split()
        if len(words) < 40:
            continue
        first = chance.randrange(len(words) // 2 - 6)
        second = chance.randrange(len(words) // 2 + 2, len(words) - 5)
        one, two = " ".join(words[first : first + 5]), " ".join(words[second : second + 5])
        for sign in ("…", "...", "[…]"):
            right += is_found(f"“{one} {sign} {two}”", source)
            total += 1
        if _bare(source).find(_bare(one), _bare(source).find(_bare(two))) < 0:
            wrong += is_found(f"“{two} … {one}”", source)
            reverse += 1
    yield _row("true accept, with ellipsis", SET, right, total, "", reached=None)
    yield _row("false accept, ellipsis in the wrong order", SET, wrong, reverse, "", reached=None)


def _grounded() -> Iterator[Row]:
    found = read()
    own = other = own_total = other_total = 0
    for index, row in enumerate(found):
        answer = re.sub(r"\[ \d (.*?) \]", r"\1", row["summary"])
        verdict = grounded(answer, _sources(row))
        if verdict.outcome != "unsure":
            own += verdict.outcome == "pass"
            own_total += 1
        verdict = grounded(answer, _sources(found[(index + len(found) // 3) % len(found)]))
        if verdict.outcome != "unsure":
            other += verdict.outcome == "fail"
            other_total += 1
    data = f"{SET}, answers with numbers, names or quotations"
    yield _row(
        "passes with its own sources", data, own, own_total, "", check="grounded", reached=None
    )
    yield _row(
        "fails with sources of another",
        data,
        other,
        other_total,
        "",
        check="grounded",
        reached=None,
    )


def _sources(row: dict[str, str]) -> list[str]:
    passages = [
        f"{row[f'title{i}']}. {row[f'source{i}']}" for i in range(1, 9) if row[f"source{i}"]
    ]
    return [row["question"], *passages]


def _row(
    what: str,
    data: str,
    right: int,
    total: int,
    goal: str,
    *,
    check: str = "verify_quotes",
    reached: bool | None,
) -> Row:
    low, high = wilson(right, total)
    return Row(
        check=check,
        what=what,
        data=data,
        value=right / total,
        low=low,
        high=high,
        count=total,
        goal=goal,
        is_reached=reached,
    )
