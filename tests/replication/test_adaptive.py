"""Adaptive consistency (Aggarwal et al. 2023, arXiv:2305.11860) on recorded samples.

Two kinds of records hold many samples of one question: GPT-4's 100 answers to each of 100 puzzles
of the game of 24, and the verdicts of LLMBar's judges, each pair by a dozen prompts in two orders.
The same vote is taken over all of them, and again with early stopping.

Chains of thought on the game of 24 are the hard case: hardly two of a hundred agree, so that the
rule has little to stop for, and takes more than three quarters of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

import promptkit as pk
from promptkit import primitives as p
from promptkit.primitives import answers
from promptkit.primitives.adaptive import StopRule

from . import test_game24, test_llmbar
from .recorded import Row, per_cent, session_of

VERDICT = answers.choice(["first", "second"])


@dataclass(frozen=True, slots=True)
class Item:
    """A question with its recorded samples, and which answers are right."""

    samples: tuple[str, ...]
    right: frozenset[str]


@cache
def items(name: str) -> tuple[Item, ...]:
    """The items of a record: «IO», «CoT», or a judge of LLMBar."""
    if name not in test_game24.WAYS:
        return verdicts(name)
    found = []
    for item in test_game24.samples(name):
        numbers = test_game24.puzzles()[item["idx"]]
        lines = {str(test_game24.LINE(text)) for text in item["ys"]}
        right = {
            line for line in lines if test_game24.makes_24(numbers, test_game24.read_sum(line))
        }
        found.append(Item(tuple(item["ys"]), frozenset(right)))
    return tuple(found)


def verdicts(model: str) -> tuple[Item, ...]:
    """Each pair with the verdicts of all prompts, the two orders in turn."""
    said: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    labels: dict[tuple[str, str, str], str] = {}
    for judge in test_llmbar.judges():
        if f"/{model}/" not in judge:
            continue
        for pair in test_llmbar.pairs(judge):
            key = (pair["input"], pair["output_1"], pair["output_2"])
            labels[key] = test_llmbar.WINNERS[pair["label"] - 1]
            for order in ("swap = False", "swap = True"):
                winner = pair["results"][-1][order]["winner"]
                said[key].append(
                    "no verdict" if winner is None else test_llmbar.WINNERS[int(winner) - 1]
                )
    return tuple(Item(tuple(said[key]), frozenset([labels[key]])) for key in labels)


RECORDS = ("IO", "CoT", "GPT-4", "ChatGPT", "LLaMA2")
TITLES = {way: f"game of 24, {way}, 100 samples" for way in test_game24.WAYS}


def title(name: str) -> str:
    return TITLES.get(name, f"LLMBar, {name}, verdicts of all prompts")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a vote over a record gives."""

    right: tuple[bool, ...]
    values: tuple[Any, ...]
    samples: int

    @property
    def accuracy(self) -> float:
        return per_cent(self.right)


@cache
def outcome(name: str, sure: float | None = None, rule: StopRule = "beta") -> Outcome:
    """Vote over all items of a record."""
    extract = test_game24.LINE if name in test_game24.WAYS else VERDICT

    async def every() -> list[pk.Result[Any]]:
        return [
            await p.vote(
                session_of(item.samples),
                "The recorded question.",
                n=len(item.samples),
                extract=extract,
                stop_when_sure=sure,
                stop_rule=rule,
            )
            for item in items(name)
        ]

    results = pk.run(every())
    right = [r.value in item.right for r, item in zip(results, items(name), strict=True)]
    values = tuple(result.value for result in results)
    return Outcome(tuple(right), values, sum(result.samples for result in results))


def share(name: str, sure: float = 0.95, rule: StopRule = "beta") -> float:
    """The samples drawn, in per cent of all."""
    return 100 * outcome(name, sure, rule).samples / outcome(name).samples


def pooled(names: Sequence[str]) -> float:
    """The same over several records."""
    drawn = sum(outcome(name, 0.95).samples for name in names)
    return 100 * drawn / sum(outcome(name).samples for name in names)


def rows() -> list[Row]:
    """The table's rows: «recorded» is the full vote, «ours» the vote that stops early."""
    table = []
    for name in RECORDS:
        n = len(items(name))
        full, short = outcome(name), outcome(name, 0.95)
        table += [
            Row(
                name=f"adaptive consistency, {title(name)}: accuracy",
                published=None,
                recorded=full.accuracy,
                ours=short.accuracy,
                n=n,
            ),
            Row(
                name=f"adaptive consistency, {title(name)}: samples of the full vote's",
                published=None,
                recorded=None,
                ours=share(name),
                n=n,
            ),
        ]
    return table


@pytest.mark.parametrize("name", RECORDS)
def test_accuracy_is_within_half_a_point_of_the_full_vote(name: str) -> None:
    assert abs(outcome(name, 0.95).accuracy - outcome(name).accuracy) <= 0.5


@pytest.mark.parametrize("name", ["IO", "GPT-4", "ChatGPT", "LLaMA2"])
def test_at_most_three_quarters_of_the_samples_are_drawn(name: str) -> None:
    assert share(name) <= 75


def test_over_all_records_it_is_far_less() -> None:
    assert pooled(RECORDS) <= 60
    assert pooled(["IO", "CoT"]) <= 60


def test_where_hardly_two_samples_agree_a_lower_threshold_is_needed() -> None:
    """The paper's threshold takes 78 % of the chains of thought; at 0.9 it is below 75 %."""
    assert 75 < share("CoT") < 80
    for rule in ("beta", "dirichlet"):
        assert share("CoT", 0.9, rule) <= 75
        assert abs(outcome("CoT", 0.9, rule).accuracy - outcome("CoT").accuracy) <= 0.5


@pytest.mark.parametrize("name", RECORDS)
def test_the_dirichlet_rule_draws_no_fewer_and_errs_no_more(name: str) -> None:
    assert outcome(name, 0.95, "dirichlet").samples >= outcome(name, 0.95).samples
    assert abs(outcome(name, 0.95, "dirichlet").accuracy - outcome(name).accuracy) <= 0.5
