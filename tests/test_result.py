from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from promptkit.explanation import Bar, Bars, Explanation, Section
from promptkit.result import Result, StepCost, Verdict


@dataclasses.dataclass(frozen=True)
class Counted:
    """Evidence that describes itself."""

    votes: int

    def sections(self) -> Iterator[Section]:
        yield Bars("Votes", (Bar("12", self.votes),))


def step(name: str, depth: int, cost_usd: float | None = 0.001, **more: int) -> StepCost:
    counts = {"requests": 1, "cached": 0, "input_tokens": 1200, "output_tokens": 30} | more
    return StepCost(name, depth, cost_usd=cost_usd, **counts)


def test_a_result_shows_its_value_and_how_sure_it_is() -> None:
    assert str(Result(4, 0.9)) == "4 (90%)"
    assert str(Result(4)) == "4"
    assert str(Result.unknown()) == "unknown"
    assert str(Result.unknown("no step halted")) == "unknown: no step halted"


def test_a_value_that_is_false_is_an_answer() -> None:
    assert not Result(False).is_unknown
    assert str(Result(False, 0.5)) == "False (50%)"


def test_only_what_passed_is_true() -> None:
    assert Verdict("pass")
    assert not Verdict("fail")
    assert not Verdict("unsure")
    assert str(Verdict("fail", "too long", 0.25)) == "fail (25%): too long"
    assert str(Verdict("pass")) == "pass"


@pytest.mark.parametrize("made", [Result(4, evidence="so"), Verdict("pass", evidence="so")])
def test_evidence_that_is_a_text_is_shown_as_one(made: Result[int] | Verdict) -> None:
    assert made.explain().text.endswith("\n\nso")


def test_evidence_describes_itself_and_none_shows_nothing() -> None:
    assert "Votes\n12  ███" in Result("12", evidence=Counted(3)).explain().text
    assert Result("12").explain() == Explanation("12", ())
    assert Result("12", evidence=(1, 2)).explain().text == "12\n\n(1, 2)"


def test_the_cost_of_each_step_is_written_as_readouts_write_money() -> None:
    steps = (step("vote", 0, 0.0123), step("sample 0", 1, None), step("sample 1", 1, 0.0))
    lines = Result("12", steps=steps).explain().text.splitlines()
    assert lines[2] == "What it took"
    assert lines[3].split() == ["step", "calls", "cached", "tokens", "in", "out", "cost"]
    assert lines[5].split() == ["vote", "1", "0", "1,200", "30", "$0.012"]
    assert lines[6].startswith("  sample 0")
    assert lines[6].endswith("unknown cost")
    assert lines[7].endswith("$0")


def test_a_hundred_like_steps_are_put_together() -> None:
    steps = (
        step("vote", 0, requests=200),
        *(s for i in range(100) for s in (step(f"sample {i}", 1, requests=2), step("ask", 2))),
    )
    text = Result("12", steps=steps).explain().text
    assert "sample 0 to sample 99 (100 steps)    200" in text
    assert "ask (100 steps)" in text
    assert "$0.10" in text


def test_only_steps_below_the_same_step_are_put_together() -> None:
    steps = (
        step("best_of", 0),
        step("draft", 1),
        *(step(f"sample {i}", 2) for i in range(30)),
        step("judge", 1),
        *(step(f"sample {i}", 2) for i in range(30)),
    )
    lines = Result("12", steps=steps).explain().text.splitlines()[5:]
    assert [line.split("  1,")[0].split()[0] for line in lines] == [
        "best_of",
        "draft",
        "sample",
        "judge",
        "sample",
    ]
    assert sum("sample 0 to sample 29 (30 steps)" in line for line in lines) == 2


def test_one_unknown_price_makes_the_sum_unknown() -> None:
    steps = (step("vote", 0), *(step(f"sample {i}", 1, None if i == 7 else 0.1) for i in range(99)))
    joined = Result("12", steps=steps).explain().text.splitlines()[-1]
    assert joined.endswith("unknown cost")


def test_of_very_many_different_steps_the_deepest_are_left_out() -> None:
    names = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]
    deep = (step("search", 0), step("level", 1), *(step(name, 2) for name in names))
    text = Result("12", steps=deep).explain().text
    assert "smaller steps are in these" in text
    assert "ak" not in text
    wide = (step("search", 0), *(step(name, 1) for name in names))
    assert Result("12", steps=wide).explain().text.count("\n") < 60


def test_a_result_shows_itself_in_a_notebook_and_in_ipython() -> None:
    class Printer:
        def __init__(self, *stack: int) -> None:
            self.stack = stack
            self.said = ""

        def text(self, said: str) -> None:
            self.said += said

    for made in (Result("12", evidence=Counted(3)), Verdict("pass", evidence=Counted(3))):
        shown: Any = made
        assert shown._repr_html_() == made.explain().html
        alone, inside = Printer(1), Printer(1, 2)
        shown._repr_pretty_(alone, False)
        shown._repr_pretty_(inside, False)
        assert alone.said == made.explain().text
        assert inside.said == f"{type(made).__name__}({made})"


def test_results_can_be_pickled_and_steps_do_not_make_them_differ() -> None:
    result = Result("12", 0.5, Counted(3), steps=(step("vote", 0),))
    assert pickle.loads(pickle.dumps(result)) == result
    assert dataclasses.replace(result, steps=()) == result


@pytest.mark.parametrize("sign", ["\x1b[2J\x1b]0;owned\x07", "\x00", "\x9b31m", "\u202e", "\r"])
def test_no_text_in_a_result_steers_the_terminal_it_is_printed_to(sign: str) -> None:
    shown = [
        str(Result(f"4{sign}2", 0.9)),
        str(Result.unknown(f"no{sign} answer")),
        str(Verdict("fail", f"too{sign} long", 0.25)),
    ]
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for text in shown for char in text)
    assert not any(char in text for text in shown for char in sign if ord(char) > 160)


def test_a_long_text_is_printed_whole_with_its_lines() -> None:
    text = "One line.\n" * 5000
    assert str(Result(text)) == text
