"""Numbers, names and quotations of an answer that its source does not hold are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.safety import grounded
from promptkit.safety.quoting.figures import figures
from tests.safety.growth import assert_linear

SOURCE = (
    "On 2021-03-05 the Bank of England, led by Ann Lee, raised 1.2 million pounds; twenty-five "
    "firms got 50% in the 1990s. The United Nations watched."
)


def missing(answer: str, source: str = SOURCE) -> list[tuple[str, str]]:
    return [(f.kind, answer[slice(*f.span)]) for f in grounded(answer, source).evidence or ()]


@pytest.mark.parametrize(
    "answer",
    [
        "The Bank of England raised 1,200,000 pounds.",
        "25 firms got 50 percent, said Lee in March 2021.",
        "In the 1990s, however, the UN watched on 5 March.",
        "1. Ann Lee [1]\n2. England",
        "“raised 1.2 million pounds”",
        "Three things happened, `x = 77` aside.",
    ],
)
def test_what_the_source_holds_passes(answer):
    verdict = grounded(answer, SOURCE)
    assert verdict.outcome in ("pass", "unsure"), missing(answer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("It raised 1.3 million.", [("number", "1.3 million")]),
        ("Then 1.2 billion came.", [("number", "1.2 billion")]),
        ("Then forty firms came.", [("number", "forty")]),
        ("It was led by Bob Lee.", [("name", "Bob Lee")]),
        ("Later the Bank of Japan came.", [("name", "Bank of Japan")]),
        ("He said “got 60%”.", [("quotation", "got 60%"), ("number", "60")]),
    ],
)
def test_what_it_does_not_hold_is_found(answer, expected):
    assert missing(answer) == expected
    assert grounded(answer, SOURCE).outcome == "fail"


def test_with_nothing_to_look_up_it_is_unsure():
    verdict = grounded("Nothing is said here.", SOURCE)
    assert (verdict.outcome, verdict.score) == ("unsure", None)


def test_the_score_is_the_share_that_was_found():
    assert grounded("Now 50, 51 and 52 came.", SOURCE).score == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,234.5", {1234.5}),
        ("1.234,5", {1234.5}),
        ("1,234", {1234}),
        ("1.234", {1234, 1.234}),
        ("-7", {-7}),
        ("three hundred and five", {305}),
        ("two million", {2e6}),
        ("third", {3}),
        ("5bn", {5e9, 5}),
    ],
)
def test_numbers_are_compared_by_value(text, values):
    (figure,) = figures(text)
    assert figure.values == values


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_is_judged(answer, source):
    verdict = grounded(answer, source)
    assert (verdict.outcome == "fail") == bool(verdict.evidence)


UNITS = ("1", "1,", "1.", "-1 ", "one ", "one and ", "one hundred ", "1\u202f", "[1] ", "1. \n")
WORDS = ("A", "A ", "A of ", "ok. A", "Aa ", "third ", "# A\n", " ", "\ud800")


@pytest.mark.parametrize("unit", [*UNITS, *WORDS])
def test_the_check_takes_linear_time(unit):
    assert_linear(lambda text: grounded(text, text), unit)
