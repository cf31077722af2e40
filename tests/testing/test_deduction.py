"""What the scripted reasoner holds to be right."""

from __future__ import annotations

import pytest

from promptkit.logic import read_query, write
from promptkit.testing.deduction import (
    answers_by,
    conclusion,
    first_pick,
    is_sound,
    next_pick,
    program_of,
    reasons,
    relation,
)

CONTEXT = {
    "S1": "If someone is cold and they see the cat then they are kind.",
    "S2": "Kind people are not rough.",
    "S3": "Bob is cold.",
    "S4": "Bob sees the cat.",
    "S5": "All rough things are green.",
}
ROUGH = "Is the following statement true, false, or unknown? Bob is rough."
KNOWLEDGE = " ".join(CONTEXT.values())


def test_the_rule_comes_first_then_each_fact_that_it_needs() -> None:
    assert first_pick(CONTEXT, ROUGH) == "S1"
    assert next_pick(CONTEXT, CONTEXT["S1"], ROUGH) == "S3"
    assert next_pick(CONTEXT, f"{CONTEXT['S1']} Bob is cold.", ROUGH) == "S4"
    assert next_pick(CONTEXT, f"{CONTEXT['S1']} Bob is cold. Bob sees the cat.", ROUGH) is None


def test_what_was_inferred_is_gone_on_from_and_what_answers_is_picked_alone() -> None:
    later = CONTEXT | {"S6": "Bob is kind."}
    assert first_pick(later, ROUGH) == "S2"
    assert next_pick(later, CONTEXT["S2"], ROUGH) == "S6"
    assert first_pick(later | {"S7": "Bob is not rough."}, ROUGH) == "S7"
    assert next_pick(later, "Bob is not rough.", ROUGH) is None


@pytest.mark.parametrize("statement", ["Bob is green.", "Anne is cold.", "What is it?"])
def test_where_nothing_leads_to_an_answer_nothing_is_picked(statement: str) -> None:
    assert first_pick(CONTEXT, f"True or false? {statement}") is None


@pytest.mark.parametrize(
    ("selection", "follows"),
    [
        ("Kind people are not rough. We know that Bob is kind.", "Bob is not rough."),
        (f"{CONTEXT['S1']} We know that Bob is cold and that Bob sees the cat.", "Bob is kind."),
        (f"{CONTEXT['S1']} We know that Bob is cold.", None),
        ("Kind people are not rough. We know that Bob is cold.", None),
        ("Bob is cold. We know that Bob is kind.", None),
    ],
)
def test_only_what_follows_is_concluded(selection: str, follows: str | None) -> None:
    found = conclusion(selection)
    assert (found and write(found)) == follows


def test_a_statement_answers_a_question_about_it_or_its_opposite() -> None:
    assert answers_by("Bob is rough.", ROUGH) is True
    assert answers_by("Bob is not rough.", ROUGH) is False
    assert answers_by("Bob is kind.", ROUGH) is None
    assert answers_by("Hello.", ROUGH) is None


@pytest.mark.parametrize(
    ("trace", "sound"),
    [
        ("From S1, S3, S4 follows S6: Bob is kind.", True),
        (
            "From S1, S3, S4 follows S6: Bob is kind.\nFrom S2, S6 follows S7: Bob is not rough.",
            True,
        ),
        ("From S1, S3 follows S6: Bob is kind.", False),
        ("From S1, S3, S4 follows S6: Bob is not kind.", False),
        ("From S1, S3, S4 follows S6: Something else.", False),
        ("From S1, S3, S4 follows S6: Bob is kind.\nFrom S2, S6 follows S7: Bob is rough.", False),
        ("", True),
    ],
)
def test_a_trace_is_sound_when_each_line_follows_from_what_it_names(
    trace: str,
    sound: bool,  # noqa: FBT001
) -> None:
    assert is_sound(CONTEXT, trace, ROUGH) is sound


def test_premises_entail_what_follows_from_them_and_the_rules() -> None:
    assert relation("Bob is kind.", "Bob is not rough.", KNOWLEDGE) == "entails"
    assert relation("Bob is kind.", "Bob is rough.", KNOWLEDGE) == "contradicts"
    assert relation("Bob is green.", "Bob is rough.", KNOWLEDGE) == "neutral"


def test_reasons_are_what_a_statement_stands_on_or_would_have_to() -> None:
    assert reasons("Bob is not rough.", KNOWLEDGE, is_true=True) == ["Bob is kind.", CONTEXT["S2"]]
    assert reasons("Bob is rough.", KNOWLEDGE, is_true=True) == ["Bob is not kind."]
    assert reasons("Anne is rough.", KNOWLEDGE, is_true=True) == []


def test_a_program_says_what_the_text_says() -> None:
    lines = program_of(f"{KNOWLEDGE} {ROUGH}")
    assert "Cold($x, True) && See($x, TheCat, True) >>> Kind($x, True)" in lines
    assert lines[-1] == "Rough(Bob, True)"
    assert str(read_query(ROUGH)) == "is rough(Bob)"
