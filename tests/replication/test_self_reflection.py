"""GPT-4 told that it is wrong (Renze and Guven 2024, arXiv:2405.06682): 1,000 exam questions.

The records hold GPT-4's first answer to each, and for those that were wrong one more by each of
eight agents, which differ in how much of a reflection they were shown. Through `refine`, with the
answer key as the outside signal and one round, the published accuracies come out, and McNemar's
statistic between the first answer and the last.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from functools import cache
from typing import Any

import pytest

import promptkit as pk
from promptkit import primitives as p
from promptkit.primitives import answers
from promptkit.testing import Scripted

from .paired import Paired, paired
from .recorded import Row, load, per_cent

FOLDER = "reliability/self_reflection"
LETTER = answers.Extractor("letter", str.strip)

pytestmark = pytest.mark.anyio


@cache
def published() -> list[dict[str, str]]:
    table = load(f"{FOLDER}/results-by-model-and-agent.csv")
    return [row for row in csv.DictReader(io.StringIO(table)) if row["Model Name"] == "gpt-4"]


@cache
def records() -> dict[tuple[str, str], dict[str, dict[str, str]]]:
    """By exam and problem, then by agent."""
    found: dict[tuple[str, str], dict[str, dict[str, str]]] = defaultdict(dict)
    for record in load(f"{FOLDER}/details_slim.jsonl.gz"):
        found[record["exam_name"], record["problem_id"]][record["agent_name"]] = record
    return dict(found)


def answer_of(record: dict[str, str]) -> str:
    """The recorded letter; the score decides where it was filtered, and stands for no letter."""
    return record["agent_answer"] or "-"


@cache
def refined(agent: str) -> tuple[tuple[bool, bool, int], ...]:
    """For each question whether the first answer is right, whether the last is, and the calls."""

    async def one(tries: dict[str, dict[str, str]]) -> tuple[bool, bool, int]:
        first = tries["baseline"]

        def model(request: pk.Request) -> str:
            again = "found to be wrong" in request.text
            return answer_of(tries[agent] if again else first)

        def key(_: pk.Session, __: object, answer: Any) -> bool:
            said = tries["baseline" if answer == answer_of(first) else agent]
            return said["score"] == "1"

        session = pk.connect(transport=Scripted(model), model="recorded")
        result = await p.refine(
            session, "The recorded question.", signal=key, rounds=1, extract=LETTER
        )
        first_score = result.evidence.tries[0].score
        return first_score == 1, not result.is_unknown, session.usage.requests

    async def every() -> tuple[tuple[bool, bool, int], ...]:
        return tuple([await one(tries) for tries in records().values()])

    return pk.run(every())


def change(agent: str) -> Paired:
    """The last answers against the first ones."""
    found = refined(agent)
    return paired([first for first, _, _ in found], [last for _, last, _ in found])


def rows() -> list[Row]:
    """The table's rows."""
    return [
        Row(
            name=f"self-reflection, GPT-4, {row['Agent Name']}",
            published=100 * float(row["Agent Accuracy"]),
            recorded=None,
            ours=per_cent([last for _, last, _ in refined(row["Agent Name"])]),
            n=len(records()),
        )
        for row in published()
    ]


def test_each_agent_has_its_published_accuracy_and_mcnemar_statistic() -> None:
    assert len(published()) == 8
    for row in published():
        found, agent = change(row["Agent Name"]), row["Agent Name"]
        assert per_cent([first for first, _, _ in refined(agent)]) == pytest.approx(78.6)
        assert found.gain == pytest.approx(100 * float(row["Difference Accuracy"])), agent
        assert found.mcnemar == pytest.approx(float(row["Test Statistic"])), agent
        assert found.p_value == pytest.approx(float(row["p-value"]), rel=1e-3), agent
        assert found.first_only == 0


def test_what_is_right_is_never_asked_again() -> None:
    for first, _, calls in refined("retry"):
        assert calls == (1 if first else 2)
