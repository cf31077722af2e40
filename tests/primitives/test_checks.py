"""External checks: arithmetic, schemas, unit tests, functions."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.errors import OptionError
from promptkit.primitives.checks import JsonSchema, UnitTests, arithmetic, run_checks
from promptkit.result import Verdict

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "text",
    [
        "3 + 4 = 7 * 2 = 14",
        "Both (3 + 4 = 7) and (2 * (1 + 2) = 6).",
        "(- 3 + 4 = 1)",
        "- 3 + 4 = 7",
        "2) 5 + 3 = 8",
        "10/3 = 3.33 and 11/3 = 3",
        "5/20 = 25%, 20% * 50 = 10, 100% - 80% = 20 %",
        "2/4 = 1/2; 15 - 3 = 3 * 4",
        "5 − 8 = −3 and -5 + 3 = -2",
        "3 x 4 = 12, 3 × 4 = 12, 12 ÷ 4 = 3",  # noqa: RUF001
        "$2 * 9 = $18; 3 * 40 = $1.20; $1 / 2 = 50 cents",
        "1,000 + 1 = 1,001",
        "((1 + 2) * (3 + 4)) = 21",
        "She has 16 - 3 - 4 = <<16-3-4=9>>9 eggs.",
        "x = 3 * 4 = 12",
    ],
)
def test_honest_sums_pass(text: str) -> None:
    assert arithmetic(text).outcome == "pass", arithmetic(text).reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("3 + 4 = 8", "3 + 4 is 7, not 8"),
        ("Fine.\n- 3 + 4 = 8", "3 + 4 is 7, not 8"),
        ("16 * 7 = <<16*7=113>>113", "16 * 7 is 112, not 113"),
        ("10 * 1 = 24 (left: 24)", "10 * 1 is 10, not 24"),
        ("11 / 3 = 5", "11 / 3 is 3.66667, not 5"),
        ("6 / 0 = 3", "6 / 0 is no number, not 3"),
        ("5 - 8 = 3", "5 - 8 is -3, not 3"),
        ("1 + 1 = 2 and 2 + 2 = 5", "2 + 2 is 4, not 5"),
        ("0.1 + 0.2 = 0.4", "0.1 + 0.2 is 0.3, not 0.4"),
    ],
)
def test_wrong_sums_are_refused_with_what_they_are(text: str, reason: str) -> None:
    assert (arithmetic(text).outcome, arithmetic(text).reason) == ("fail", reason)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "thirteen",
        "=",
        "= = =",
        "x = 12",
        "y - 3 + 4 = 5",
        "3 apples + 4 apples = 8",
        "2,5 * 2 = 5",
        "2^3 + 1 = 9",
        "√16 + 2 = 6",
        "1 1/2 + 2 = 3.5",
        "3 / 1/4 = 12",
        "100 + 6% = 106",
        "60% of 30 * 2 = 36",
        "8/3 = 24/y",
        "1500 * 2 = 3k",
        "2000000 * 3 = 6 million",
        "90 / 60 = 1:30",
        "7 / 2 = 3,5",
        "sin(30) + 1 = 1.5",
        "٣ + ٤ = ٩",
        "Ответ: три плюс четыре = 9",
    ],
)
def test_what_is_not_surely_a_sum_is_passed_over(text: str) -> None:
    assert arithmetic(text).outcome == "unsure"


@pytest.mark.parametrize("mark", [" (", " ((", ":", ";", "«", "„", "“", '"', "'", " ", "\n", "<<"])
def test_a_sum_is_read_behind_what_opens_it(mark: str) -> None:
    assert arithmetic(f"So{mark}3 + 4 = 7").outcome == "pass"
    assert arithmetic(f"So{mark}3 + 4 = 8").reason == "3 + 4 is 7, not 8"


@pytest.mark.parametrize("mark", ["<", ">", "‹", "^", "_", ".", "√", "f("])
def test_a_sum_behind_any_other_sign_is_passed_over(mark: str) -> None:
    assert arithmetic(f"So{mark}3 + 4 = 8").outcome == "unsure"


numbers = st.integers(-999, 999)


@given(numbers, numbers, st.sampled_from("+-*"))
def test_every_true_sum_passes_and_every_other_is_refused(a: int, b: int, sign: str) -> None:
    value = {"+": a + b, "-": a - b, "*": a * b}[sign]
    left = f"Total: {a} {sign} ({b})" if b < 0 else f"Total: {a} {sign} {b}"
    if a < 0:
        left = left.replace(f"{a}", f"({a})", 1)
    assert arithmetic(f"{left} = {value} pens.").outcome == "pass"
    assert arithmetic(f"{left} = {value + 1} pens.").outcome == "fail"


@given(st.text(alphabet="0123456789+-*/()=. ,%$x<>\n−", max_size=200) | st.text(max_size=100))
def test_no_text_breaks_it(text: str) -> None:
    assert arithmetic(text).outcome in ("pass", "fail", "unsure")


@pytest.mark.parametrize("text", ["1+" * 50_000 + "1 = 2", "(" * 50_000 + "1+1 = 3", " " * 90_000])
def test_a_hostile_length_is_bounded(text: str) -> None:
    assert arithmetic(text).outcome in ("fail", "unsure")


def test_a_schema_takes_json_with_or_without_a_fence() -> None:
    check = JsonSchema({"type": "object"})
    assert check('{"a": 1}')
    assert check('```json\n{"a": 1}\n```')
    assert check("Here it is: {}").outcome == "fail"
    assert check("").outcome == "fail"
    assert pickle.loads(pickle.dumps(check)) == check


async def test_a_mapping_stands_for_a_schema() -> None:
    assert (await run_checks([{"type": "object"}], "no")).outcome == "fail"
    assert (await run_checks([{"type": "object"}], "{}")).outcome == "pass"


SQUARE = "Here:\n```python\ndef square(x):\n    return x * {}\n```\nThat is all."


async def test_unit_tests_run_the_answers_last_block_of_code() -> None:
    tests = UnitTests("assert square(3) == 9\nassert square(0) == 0")
    assert await run_checks([tests], SQUARE.format("x"))
    wrong = await run_checks([tests], SQUARE.format("2"))
    assert wrong.outcome == "fail"
    assert "does not pass its tests" in wrong.reason


@pytest.mark.parametrize(
    ("program", "tests"),
    [
        ("def square(x): return 0\nif 0: \\", "assert square(3) == 9"),
        ("abs = lambda x: 0\ndef square(x): return 77", "assert abs(square(3) - 9) < 1e-6"),
    ],
)
async def test_a_wrong_program_cannot_disarm_its_tests(program: str, tests: str) -> None:
    for answer in (program, f"```python\n{program}\n```"):
        assert (await run_checks([UnitTests(tests)], answer)).outcome == "fail"


@pytest.mark.parametrize("tests", ["assert square(", "\0", None, b"assert 1", "(" * 5000])
def test_tests_that_nothing_could_pass_are_refused(tests: Any) -> None:
    with pytest.raises(OptionError, match="tests") as refused:
        UnitTests(tests)
    assert "square" not in str(refused.value)


async def test_a_schema_that_cannot_be_checked_in_time_refuses_and_says_so() -> None:
    verdict = await run_checks([{"pattern": "(?=(a+)+b)c"}], '"' + "a" * 40 + '"')
    assert verdict.outcome == "fail"
    assert "not found out" in verdict.reason
    verdict = await run_checks([{"multipleOf": 0.01}], "9" * 400)
    assert (verdict.outcome, verdict.reason) == ("fail", "does not fit the JSON schema")


@pytest.mark.parametrize("answer", ["", "def square(x:", "I cannot program.", "while True: pass"])
async def test_what_does_not_run_has_not_passed(answer: str) -> None:
    assert (await run_checks([UnitTests("assert square(3) == 9")], answer)).outcome == "fail"


async def test_the_first_refusal_ends_the_checking() -> None:
    asked: list[str] = []

    def refuses(answer: str) -> bool:
        asked.append("refuses")
        return False

    async def later(answer: str) -> bool:
        asked.append("later")
        return True

    verdict = await run_checks([later, refuses, later], "x")
    assert (verdict.outcome, verdict.reason) == ("fail", "refuses refused it")
    assert asked == ["later", "refuses"]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ((None, False), "fail"),
        ((None, None, False, True), "fail"),
        ((None, True), "pass"),
        ((True, None), "pass"),
        ((None, None), "unsure"),
    ],
)
async def test_a_check_that_cannot_say_leaves_it_to_the_others(
    said: tuple[bool | None, ...], outcome: str
) -> None:
    def saying(verdict: bool | None) -> Any:  # noqa: FBT001 -- what it says
        return lambda _: verdict

    assert (await run_checks([saying(each) for each in said], "x")).outcome == outcome


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (True, "pass"),
        (np.bool_(False), "fail"),
        (None, "unsure"),
        (Verdict("unsure", "?"), "unsure"),
        (Verdict("fail", "no"), "fail"),
    ],
)
async def test_a_check_may_say_so_in_several_ways(said: Any, outcome: str) -> None:
    assert (await run_checks([lambda _: said], "x")).outcome == outcome


@pytest.mark.parametrize("bad", ["yes", 1.0, 1, object()])
async def test_a_check_that_says_something_else_is_refused(bad: Any) -> None:
    with pytest.raises(OptionError, match="returned"):
        await run_checks([lambda _: bad], "x")


async def test_errors_of_checks_do_not_show_texts() -> None:
    def says_it(*texts: str) -> Any:
        return f"no: {texts}"

    for checks in ([says_it], ["secret"], "secret", [partial(says_it, "secret")], [b"secret"]):
        with pytest.raises(OptionError) as refused:
            await run_checks(checks, "secret")  # type: ignore[arg-type]
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize("bad", [arithmetic, {"type": "object"}, "checks"])
async def test_checks_are_a_list(bad: Any) -> None:
    with pytest.raises(OptionError, match="checks"):
        await run_checks(bad, "x")
