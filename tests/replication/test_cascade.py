"""A cascade from gpt-3.5-turbo to GPT-4 on GSM8K, from the answers that Faithful-CoT recorded.

Yue et al. 2023 (arXiv:2310.03094) escalate where chains of thought and programs of the small model
do not agree. The record (arXiv:2301.13379) holds one answer of each kind for 1,319 questions, as
its authors read or computed it; the last number in it counts. These are the small model's samples
here, and GPT-4's chain of thought is the large model's. What is «recorded» is counted from the
record without the primitive.
"""

from __future__ import annotations

from collections import Counter
from functools import cache, partial
from typing import Any

import pytest

import promptkit as pk
from promptkit import primitives as p
from promptkit.primitives.threshold import Trial, threshold_curve
from promptkit.testing import Scripted

from .recorded import Row, load, per_cent

SMALL, LARGE = "gpt-3.5-turbo", "gpt4"
TWO = ("COT", "NL+SL")
THREE = ("COT", "LtM", "NL+SL")
NAMES = {TWO: "thought and program", THREE: "thought, least-to-most and program"}
FOLDER = "reliability/faithful_cot"
CASES = ((TWO, 1.0), (THREE, 0.0), (THREE, 0.6), (THREE, 1.0))


@cache
def recorded_answers(model: str, way: str) -> tuple[str, ...]:
    return tuple(str(item["answer"]) for item in load(f"{FOLDER}/GSM8K/{model}_{way}.jsonl.gz"))


@cache
def items() -> tuple[tuple[str, Any], ...]:
    """Questions with their gold answers."""
    gold = load(f"{FOLDER}/gold/GSM8K.test.jsonl.gz")
    return tuple((item["question"], p.answers.number(item["answer"])) for item in gold)


def right(results: list[Any]) -> list[bool]:
    return [value == gold for value, (_, gold) in zip(results, items(), strict=True)]


@cache
def replayed(ways: tuple[str, ...], accept_at: float, **more: Any) -> list[pk.Result[Any]]:
    """Ask the cascade every question; sample i of the small model is its answer of the i-th way."""
    place = {question: number for number, (question, _) in enumerate(items())}
    samples = {SMALL: ways, LARGE: ("COT",)}

    def answer(request: pk.Request) -> str:
        model = str(request.model)
        answers = recorded_answers(model, samples[model][request.sample])
        return answers[place[request.messages[-1].text]]

    ask = partial(
        p.cascade,
        models=(SMALL, LARGE),
        n=(len(ways), 1),
        accept_at=accept_at,
        extract=p.answers.number,
        instruction="",
        **more,
    )
    session = pk.connect(transport=Scripted(answer), cache=None)
    return pk.run(session.map(ask, [question for question, _ in items()]))


def counted(ways: tuple[str, ...], accept_at: float) -> tuple[list[bool], list[bool]]:
    """Which items are right and which escalated, counted without the primitive."""
    values, escalated = [], []
    for place in range(len(items())):
        small = [p.answers.number(recorded_answers(SMALL, way)[place]) for way in ways]
        votes = Counter(value for value in small if value is not None).most_common(1)
        is_sure = bool(votes) and votes[0][1] / len(ways) >= accept_at
        escalated.append(not is_sure)
        large = p.answers.number(recorded_answers(LARGE, "COT")[place])
        values.append(votes[0][0] if is_sure else large)
    return right(values), escalated


def is_large(result: pk.Result[Any]) -> bool:
    return result.evidence.model == LARGE


def rows() -> list[Row]:
    """For each threshold: how often the cascade is right, and how often it escalates."""
    found = []
    for ways, accept_at in CASES:
        results = replayed(ways, accept_at)
        were_right, escalated = counted(ways, accept_at)
        name = f"GSM8K, gpt-3.5-turbo ({NAMES[ways]}) to GPT-4, accepted at {accept_at:g}"
        pairs = {
            "right": (were_right, right([result.value for result in results])),
            "escalated": (escalated, [is_large(result) for result in results]),
        }
        found += [
            Row(
                name=f"{name}: {what}",
                published=None,
                recorded=per_cent(before),
                ours=per_cent(now),
                n=len(now),
            )
            for what, (before, now) in pairs.items()
        ]
    return found


def test_every_row_is_what_the_record_says() -> None:
    for row in rows():
        assert row.ours == row.recorded, row.name
        assert row.n == 1319


def test_where_thought_and_program_agree_gpt_4_is_not_needed() -> None:
    """As right as GPT-4 alone (93.56), at under a third of its questions."""
    results = replayed(TWO, 1.0)
    alone = right([p.answers.number(answer) for answer in recorded_answers(LARGE, "COT")])
    assert per_cent(alone) == pytest.approx(93.56, abs=0.01)
    assert per_cent(right([result.value for result in results])) == pytest.approx(93.71, abs=0.01)
    assert per_cent([is_large(result) for result in results]) == pytest.approx(31.69, abs=0.01)


def test_stopping_when_certain_decides_the_same_with_fewer_samples() -> None:
    full, early = replayed(THREE, 1.0), replayed(THREE, 1.0, stop_when_certain=True)
    assert [r.value for r in early] == [r.value for r in full]
    assert [is_large(r) for r in early] == [is_large(r) for r in full]
    assert sum(r.samples for r in early) < sum(r.samples for r in full)


def trials() -> list[Trial]:
    found = []
    large = right([p.answers.number(answer) for answer in recorded_answers(LARGE, "COT")])
    for result, is_right, (_, gold) in zip(replayed(THREE, 0.0), large, items(), strict=True):
        rung = result.evidence.rungs[0]
        found.append(Trial(share=rung.share, small=rung.answer == gold, large=is_right))
    return found


def test_the_fitted_curve_is_what_the_cascade_then_does() -> None:
    for point in threshold_curve(trials()):
        results = replayed(THREE, point.accept_at)
        assert per_cent(right([r.value for r in results])) == pytest.approx(100 * point.accuracy)
        assert per_cent([is_large(r) for r in results]) == pytest.approx(100 * point.escalated)


def test_a_threshold_fitted_on_one_half_holds_on_the_other() -> None:
    known, fresh = trials()[::2], trials()[1::2]
    fit = p.fit_threshold(known, accuracy=0.9)
    assert fit.chosen.accept_at == pytest.approx(2 / 3)
    again = next(t for t in threshold_curve(fresh) if t.accept_at == fit.chosen.accept_at)
    low, high = fit.chosen.interval
    assert low < again.accuracy < high
