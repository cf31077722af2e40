"""LLMBar: pairwise judges in both orders (Zeng et al. 2023, arXiv:2310.07641).

For each pair of answers one follows the instruction better. Three models judged them by a dozen
prompts, each pair in both orders; each file of verdicts has stored statistics, which the primitives
reproduce. The stored kappas against the labels are left out: they count every verdict for the
second answer as 0 while the labels say 2. Its count of equal verdicts takes two missing ones for
equal, which `judge_report` does not: of some 5,000 pairs that is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import pytest
from tags import plain

import promptkit as pk
from promptkit import primitives as p
from promptkit.primitives import answers
from promptkit.primitives.compare import LABELS, Winner
from promptkit.primitives.judge_report import JudgeReport
from promptkit.safety import sanitize
from promptkit.testing import Scripted

from .recorded import Row, find, load, per_cent

SETS = ("Natural", "Adversarial/GPTInst")
FOLDER = "reliability/llmbar/LLMBar"
WINNERS: tuple[Winner, Winner] = ("first", "second")


def read_label(pattern: str, text: str) -> str | None:
    """The first label, (a) before (b), around which a text fits a pattern."""
    found = (label for label in LABELS if re.search(pattern.format(re.escape(label)), text))
    return next(found, None)


PLAIN = answers.Extractor("a line that begins with a label", partial(read_label, r"(?m)^ ?{}"))
BETTER = answers.Extractor("a label that is better", partial(read_label, r"{} is better."))
"""The benchmark's own rules: of prompts that ask for a label, and of those that ask for reasons."""

Pair = dict[str, Any]


def judges() -> list[str]:
    """Every set, model and prompt, as a path."""
    folder = find(FOLDER)
    return [
        path.parent.relative_to(folder).as_posix()
        for name in SETS
        for path in sorted(folder.glob(f"{name}/evaluators/*/*/result.json.gz"))
    ]


def is_rating(judge: str) -> bool:
    return "/Rating" in judge


def rule(judge: str, pair: Pair) -> answers.Extractor:
    """How the benchmark reads a verdict: «Swap» asks for a label alone where its orders differ."""
    is_label = judge.endswith("/Swap") and len(pair["results"]) > 1
    reasons = judge.endswith(("/CoT", "/Swap", "/Swap_CoT")) and not is_label
    return BETTER if reasons else PLAIN


@cache
def pairs(judge: str) -> list[Pair]:
    return list(load(f"{FOLDER}/{judge}/result.json.gz"))


def stored(judge: str) -> dict[str, int]:
    """How many of the pairs, by the file of statistics."""
    said = json.loads((find(FOLDER) / judge / "statistics.json").read_text())
    names = ("correct_False", "correct_True", "correct_both", "equal")
    return {name: int(said[name].split("/")[0]) for name in names}


SHOWN_FIRST = re.compile(r"Output \(a\):\n<first>\n?(.*?)\n?</first>\n\nOutput \(b\):", re.DOTALL)


def model_of(pair: Pair) -> Scripted:
    """The recorded judge of one pair: it answers by which answer is shown first."""
    last = pair["results"][-1]
    as_sent = {
        sanitize(pair[f"output_{number}"], form="NFC").text.strip(): number for number in (2, 1)
    }

    def answer(request: pk.Request) -> str:
        shown = SHOWN_FIRST.search(plain(request.messages[-1].text))
        assert shown
        swapped = as_sent[shown.group(1).strip()] == 2
        return str(last[f"swap = {swapped}"]["completion"][0])

    return Scripted(answer)


async def by_ratings(pair: Pair) -> pk.Result[Winner]:
    """A judge that rates each answer by itself; a tie goes to the one shown second."""
    last = pair["results"][-1]
    scores = {pair["output_1"]: last["score_1"][0], pair["output_2"]: last["score_2"][0]}
    model = Scripted(lambda request: scores[plain(request.messages[-1].text)])

    async def judge(session: pk.Session, question: str, one: str, other: str) -> float:
        said = [await session.ask(text) for text in (one, other)]
        first, second = (int(each.text) if each.text.isdigit() else None for each in said)
        return 1.0 if first is None or second is None else float(first > second)

    session = pk.connect(transport=model, model="recorded")
    return await p.compare(session, pair["input"], pair["output_1"], pair["output_2"], judge=judge)


async def by_verdicts(pair: Pair, extract: answers.Extractor) -> pk.Result[Winner]:
    session = pk.connect(transport=model_of(pair), model="recorded")
    how: dict[str, Any] = {"extract": extract, "votes": 1}
    return await p.compare(session, pair["input"], pair["output_1"], pair["output_2"], **how)


@cache
def compared(judge: str) -> tuple[pk.Result[Winner], ...]:
    async def every() -> tuple[pk.Result[Winner], ...]:
        if is_rating(judge):
            return tuple([await by_ratings(pair) for pair in pairs(judge)])
        return tuple([await by_verdicts(pair, rule(judge, pair)) for pair in pairs(judge)])

    return pk.run(every())


def silent(judge: str) -> int:
    """Of how many pairs neither order brought a verdict."""
    return sum(result.evidence.verdicts == (None, None) for result in compared(judge))


def report(judges: Sequence[str]) -> JudgeReport:
    """The report over the pairs of one or several files."""
    results = [result for judge in judges for result in compared(judge)]
    labels = [WINNERS[pair["label"] - 1] for judge in judges for pair in pairs(judge)]
    return p.judge_report(results, labels)


def is_reproduced(judge: str) -> bool:
    """Whether all four counts of a file of statistics come out."""
    ours = report([judge])
    agreeing = ours.agreeing + silent(judge)
    said = (ours.right_as_given, ours.right_swapped, ours.right_both, agreeing)
    return said == tuple(stored(judge).values())


def rows() -> list[Row]:
    """The table's rows: of the plain prompt in per cent, then how many files are reproduced."""
    table = []
    for judge in judges():
        if not judge.endswith("/Vanilla"):
            continue
        ours, kept = report([judge]), stored(judge)
        name = f"LLMBar {judge.removesuffix('/Vanilla').replace('/evaluators/', ', ')}"
        right = 50 * (kept["correct_False"] + kept["correct_True"]) / ours.n
        figures = (
            ("accuracy", right, ours.accuracy),
            ("orders agree", 100 * kept["equal"] / ours.n, ours.agreement),
            ("accuracy where they agree", None, ours.accuracy_where_agreeing or 0.0),
        )
        table += [
            Row(name=f"{name}: {what}", published=None, recorded=then, ours=100 * now, n=ours.n)
            for what, then, now in figures
        ]
    reproduced = per_cent([is_reproduced(judge) for judge in judges()])
    name = "LLMBar: files of statistics reproduced"
    return [*table, Row(name=name, published=None, recorded=100, ours=reproduced, n=len(judges()))]


def test_every_file_of_statistics_is_reproduced() -> None:
    assert len(judges()) >= 60
    assert [judge for judge in judges() if not is_reproduced(judge)] == []
    assert sum(map(silent, judges())) == 1


def test_where_a_weak_judges_orders_agree_it_is_worse() -> None:
    """Abstaining on disagreement helps a good judge, and makes a weak one look surer only."""
    weak = report(["Adversarial/GPTInst/evaluators/ChatGPT/Vanilla"])
    good = report(["Adversarial/GPTInst/evaluators/GPT-4/Vanilla"])
    assert weak.accuracy_where_agreeing is not None
    assert good.accuracy_where_agreeing is not None
    assert good.accuracy_where_agreeing > good.accuracy > 0.8
    assert weak.agreement > 0.6
    assert weak.accuracy_where_agreeing == pytest.approx(7 / 57)
    assert weak.accuracy_where_agreeing < weak.accuracy == pytest.approx(0.266, abs=0.001)
