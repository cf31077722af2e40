"""GSM8K: four systems of Cobbe et al. 2021 (arXiv:2110.14168), from their released solutions.

Each solution is what the system gave for one of the 1,319 test questions: sampled once from a
fine-tuned model, or picked by its verifier among 100. The primitives read the answer from it.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest

import promptkit as pk
from promptkit import primitives as p
from promptkit.primitives import answers
from promptkit.testing import Scripted

from .paired import Paired, paired
from .recorded import Row, load, per_cent, session_of

SOLUTIONS = "reliability/gsm8k/example_model_solutions.jsonl.gz"
SYSTEMS = {
    "6b_finetuning": 21.68,
    "6b_verification": 39.04,
    "175b_finetuning": 34.72,
    "175b_verification": 56.25,
}
"""Figures worked out from the released solutions; the paper draws them in a graph."""

pytestmark = pytest.mark.anyio


def items() -> list[dict[str, Any]]:
    return list(load(SOLUTIONS))


def gold(item: dict[str, Any]) -> object:
    return answers.number(item["ground_truth"])


@cache
def right(system: str) -> tuple[bool, ...]:
    """Which questions a system has right, as the chain of thought reads its solutions."""

    async def one(item: dict[str, Any]) -> bool:
        session = session_of([item[system]["solution"]])
        result = await p.chain_of_thought(session, item["question"], extract=answers.number)
        return answers.equal(result.value, gold(item), answers.number)

    async def every() -> tuple[bool, ...]:
        return tuple([await one(item) for item in items()])

    return pk.run(every())


def rows() -> list[Row]:
    """The table's rows."""
    stored = {name: per_cent([item[name]["is_correct"] for item in items()]) for name in SYSTEMS}
    table = [
        Row(
            name=f"GSM8K, {name.replace('_', ' ')}",
            published=published,
            recorded=stored[name],
            ours=per_cent(right(name)),
            n=len(right(name)),
        )
        for name, published in SYSTEMS.items()
    ]
    for size in ("6b", "175b"):
        found = gain(size)
        table.append(
            Row(
                name=f"GSM8K, {size}, verification's gain in points (95 % interval {found.low:.1f} "
                f"to {found.high:.1f}; only one of the two right: {found.first_only} and "
                f"{found.second_only}; McNemar {found.mcnemar:.1f})",
                published=None,
                recorded=stored[f"{size}_verification"] - stored[f"{size}_finetuning"],
                ours=found.gain,
                n=found.n,
            )
        )
    return table


def gain(size: str) -> Paired:
    """What the verifier adds to a model of a size."""
    return paired(right(f"{size}_finetuning"), right(f"{size}_verification"))


def test_each_system_has_its_figure_and_its_stored_verdicts() -> None:
    for row in rows():
        assert row.n == 1319
        assert row.ours == pytest.approx(row.recorded)
        if row.published is not None:
            assert row.ours == pytest.approx(row.published, abs=0.005)
    for name in SYSTEMS:
        assert list(right(name)) == [item[name]["is_correct"] for item in items()]


def test_the_verifiers_gain_has_the_paired_interval_and_mcnemars_counts() -> None:
    large = gain("175b")
    assert (large.first_only, large.second_only) == (76, 360)
    assert large.gain == pytest.approx(21.5, abs=0.05)
    assert (large.low, large.high) == (pytest.approx(18.7, abs=0.05), pytest.approx(24.4, abs=0.05))
    assert large.mcnemar == pytest.approx((360 - 76 - 1) ** 2 / 436)
    assert large.exact_p_value < 1e-40


def test_a_vote_over_one_recorded_solution_is_that_solution() -> None:
    async def vote_on(item: dict[str, Any]) -> object:
        session = session_of([item["175b_verification"]["solution"]])
        how = {"n": 1, "extract": answers.number, "stop_when_sure": None}
        return (await p.vote(session, item["question"], **how)).value

    async def every() -> list[object]:
        return [await vote_on(item) for item in items()[:200]]

    said = pk.run(every())
    same = [
        answers.equal(value, gold(item), answers.number)
        for value, item in zip(said, items(), strict=False)
    ]
    assert tuple(same) == right("175b_verification")[:200]


async def test_best_of_four_with_the_key_as_verifier_is_what_any_has_right() -> None:
    """A sound verifier over the four systems' solutions finds a right one wherever there is one."""

    async def one(item: dict[str, Any]) -> bool:
        session = session_of([item[name]["solution"] for name in SYSTEMS])

        async def key(_: pk.Session, __: object, answer: Any) -> float:
            return float(answers.equal(answer.value, gold(item), answers.number))

        result = await p.best_of(
            session, item["question"], n=4, verifier=key, extract=answers.number
        )
        return result.confidence == 1

    found = [await one(item) for item in items()]
    systems = [right(name) for name in SYSTEMS]
    assert found == [any(each) for each in zip(*systems, strict=True)]


def test_the_sums_in_solutions_by_people_are_hardly_ever_refused() -> None:
    """What is refused has a slip in it, or notation that means something else."""
    solutions = [
        item["answer"]
        for part in ("test", "train")
        for item in load(f"reliability/gsm8k/{part}.jsonl.gz")
    ]
    outcomes = Counter(p.checks.arithmetic(solution).outcome for solution in solutions)
    assert len(solutions) == 8792
    assert outcomes["fail"] == 23
    assert outcomes["pass"] > 8500


async def test_all_questions_go_through_one_mapped_session() -> None:
    """The same figure when one session answers all questions, by the question's text."""
    told = {item["question"]: item["6b_finetuning"]["solution"] for item in items()[:300]}
    model = Scripted(lambda request: told[request.messages[-1].text])
    session = pk.connect(transport=model, model="recorded")

    async def solve(here: pk.Session, question: str) -> object:
        how = {"extract": answers.number, "instruction": ""}
        return (await p.chain_of_thought(here, question, **how)).value

    values = await session.map(solve, list(told))
    same = [
        answers.equal(value, gold(item), answers.number)
        for value, item in zip(values, items(), strict=False)
    ]
    assert tuple(same) == right("6b_finetuning")[:300]
