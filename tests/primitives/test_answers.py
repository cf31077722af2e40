from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.errors import OptionError
from promptkit.primitives import answers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The answer is 42.", 42),
        ("She has 3 + 4 = 7 apples.", 7),
        ("#### 1,250", 1250),
        ("Answer: $12.50", 12.5),
        ("\\boxed{-3}", -3),
        ("It fell by −5 degrees.", -5),
        ("Answer: about\n40 of the 50", 40),
        ("3 of 4 said 9. Final answer: none of them", 9),
        ("1,2,3", 3),
        ("no digits here", None),
        ("", None),
    ],
)
def test_numbers(text: str, value: float | None) -> None:
    assert answers.number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Yes.", "yes"),
        ("No, although yes was likely. Answer: no", "no"),
        ("First no, then yes", "yes"),
        ("The statement is TRUE", "yes"),
        ("Answer: **False**", "no"),
        ("Noon yesterday", None),
    ],
)
def test_yes_and_no(text: str, value: str | None) -> None:
    assert answers.yes_no(text) == value


@pytest.mark.parametrize(
    ("options", "text", "value"),
    [
        (["cat", "catfish"], "Answer: catfish", "catfish"),
        (["cat", "catfish"], "A catfish is no cat", "cat"),
        (["A", "B"], "A or B? Answer: (B)", "B"),
        (["True", "False", "Unknown"], "unknown.", "Unknown"),
        (["C++", "C"], "I like C++", "C++"),
        (["mice"], "micelle", None),
    ],
)
def test_choices(options: list[str], text: str, value: str | None) -> None:
    assert answers.choice(options)(text) == value


@given(st.text())
def test_no_text_breaks_an_extractor(text: str) -> None:
    for extractor in (answers.number, answers.yes_no, answers.final, answers.choice(["a", "b"])):
        extractor(text)


def test_extractors_are_named_versioned_and_picklable() -> None:
    extractor = answers.choice(["cat", "dog"])
    again = pickle.loads(pickle.dumps(extractor))
    assert again("a dog") == "dog"
    assert str(again) == "choice ['cat', 'dog'] v1"


@pytest.mark.parametrize("bad", [[], [""], ["a", "A"], [1]])
def test_choices_that_are_none_are_refused(bad: list[str]) -> None:
    with pytest.raises(OptionError, match="choices"):
        answers.choice(bad)


def test_a_pattern_that_does_not_compile_is_refused() -> None:
    with pytest.raises(OptionError, match="does not compile"):
        answers.regex("(")
