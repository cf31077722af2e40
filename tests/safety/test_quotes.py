"""A quotation is found if the source says it, word for word, and not otherwise."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from promptkit.safety import QuoteCheck, verify_quotes
from tests.safety.growth import assert_linear

SOURCE = (
    "The Cat’s paw was “ﬁrst” to touch the well-known mat — in 1,000 days, not 10. It cost "
    "$2.50 (−5 °C outside) and the exam-\nple was naïve. He can't concatenate. 猫は寝た。"
)


def only(answer: str, source: str = SOURCE) -> QuoteCheck:
    (check,) = verify_quotes(answer, source)
    return check


@pytest.mark.parametrize(
    "quote",
    [
        "The cat's paw was 'first' to touch",
        "THE CAT’S PAW",
        "[t]he cat's paw",
        "touch the **well-known** mat",
        "the mat" and "mat – in 1000 days",
        "was first to touch",
        "in 1,000   days,",
        "the example was naive".replace("naive", "nai\u0308ve"),
        "the exam-ple was naïve",
        "cat … mat",
        "Cat's paw [...] 1,000 days ... cost $2.50",
        "…touch the well-known mat…",
        "-5 °C outside",
        "paw [sic] was",
        "mat",
        "猫は",
    ],
)
def test_what_the_source_says_is_found(quote):
    check = only(f"He wrote “{quote}” there.")
    assert check.found
    assert check.quote == quote


@pytest.mark.parametrize(
    "quote",
    [
        "The Cat’s paw was last",
        "The paw was first",
        "was first to barely touch",
        "in 1,001 days",
        "in 10,00 days",
        "in 100 days",
        "1,000 days, 10",
        "not 1",
        "He can concatenate",
        "He can",
        "cat",
        "5 °C outside",
        "$2",
        "touch first",
        "mat … cat’s paw",
        "paw It cost",
        "known mat in 1,000 days",
        "10. It cost $2.5",
        "猫寝",
    ],
)
def test_what_the_source_does_not_say_is_not_found(quote):
    source = SOURCE.replace("Cat’s", "Concat’s") if quote == "cat" else SOURCE
    check = only(f"He wrote “{quote}” there.", source)
    assert not check.found
    assert check.span is None
    assert check.source is None


@pytest.mark.parametrize(
    "marks", ["“”", '""', "«»", "»«", "„“", "„”", "‹›", "‘’", "''", "「」", "『』"]
)
def test_quotations_stand_between_marks_of_any_language(marks):
    check = only(
        f"It isn't so, {marks[0]}the dogs' paw isn't{marks[1]}, they're sure.",
        "The dogs' paw isn't",
    )
    assert (check.found, check.quote) == (True, "the dogs' paw isn't")


@pytest.mark.parametrize(
    ("answer", "quotes"),
    [
        ("It's the dogs' bowl, rock 'n' roll in the '90s.", []),
        ('A 5\'10" man with a 12" disc.', []),
        ('Set `x = "a"` and:\n\n```\ny = "b"\n```\n<a title="c">', []),
        ("“one ‘and’ two” and 'three'", ["one ‘and’ two", "three"]),
        ('"the "read-only" memory" here', ['the "read-only" memory']),
        ("“one\n\n“two” three", ["one\n\n“two"]),
        ("“open\n\nand “closed”", ["open", "closed"]),
        ("“” and “!” and “a”", ["a"]),
        ("He said “never ends", ["never ends"]),
        ("Text:\n\n> one\n> two\n>\n> — Somebody\n\nmore", ["one\ntwo"]),
        ("> “one” and\n", ["“one” and"]),
        ("> “one”\n> (Somebody, 1990)\n", ["one"]),
        ("> [!NOTE]\n> mind this\n", []),
        ("``one'' and ''", ["one"]),
    ],
)
def test_marks_open_and_close_as_people_set_them(answer, quotes):
    assert [check.quote for check in verify_quotes(answer, "")] == quotes


def test_offsets_point_into_the_source_as_it_was_given():
    source = "\u200bSo,  the “ﬁrst—and\u00ad only”  exam-\nple\u0301 stands."
    check = only('"first - and only exampl\u00e9 stands"', source)
    assert check.span is not None
    assert source[slice(*check.span)] == "ﬁrst—and\u00ad only”  exam-\nple\u0301 stands"


def test_places_point_into_the_answer():
    answer = "So «one» and\n\n> two\n"
    checks = verify_quotes(answer, "one two")
    assert [answer[slice(*check.place)] for check in checks] == ["one", "two"]


def test_several_sources_are_not_put_together():
    checks = verify_quotes("“one two”, “three”, “two three”", ["one two", "three four"])
    assert [(check.found, check.source) for check in checks] == [
        (True, 0),
        (True, 1),
        (False, None),
    ]


def test_a_drop_capital_may_be_missing_but_no_prefix():
    assert only("“he Second Red Scare”", "the Second one. The Second Red Scare").found
    assert not only("“moral people say”", "Amoral people say").found
    assert not only("“able to go”", "unable to go").found
    assert not only("“rust”", "Trust").found


def test_no_repr_shows_what_is_quoted():
    assert "secret" not in repr(only("“secret words”"))


SIX = ("alpha", "beta", "gamma", "7", "12", "not")
words = st.lists(st.sampled_from(SIX), min_size=8, max_size=30)


@given(words, st.data())
def test_each_part_of_a_source_is_found_where_it_stands(row, data):
    first = data.draw(st.integers(0, len(row) - 1))
    last = data.draw(st.integers(first + 1, len(row)))
    quote, source = " ".join(row[first:last]), " ".join(row)
    check = only(f"“{quote}”", source)
    assert check.found
    assert source[slice(*check.span)] == quote


@given(words, st.integers(1, 6), st.sampled_from(["omega", "13", "never"]))
def test_one_strange_word_is_enough_to_refuse(row, place, strange):
    assert not only(f"“{' '.join([*row[:place], strange, *row[place:]])}”", " ".join(row)).found


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_is_taken_and_spans_lie_inside(answer, source):
    for check in verify_quotes(answer, source):
        assert check.found == (check.span is not None)
        assert 0 <= check.place[0] <= check.place[1] <= len(answer)
        if check.span:
            assert 0 <= check.span[0] < check.span[1] <= len(source)


@given(st.text(min_size=1, max_size=60))
def test_whole_sources_quote_themselves(source):
    assume(any(c.isalnum() for c in source))
    assume(not any(c in source for c in "「」\n\r") and not set(source) & set("`<"))
    checks = verify_quotes(f"「{source}」", source)
    assert all(check.found for check in checks)


UNITS = ("“", "”", '"', "'", "‘", "«", "“a” ", '"a" ', "'a' ", "> ", "> a\n", "…", "a … ", "... ")
LETTERS = ("a", "1", "1,", "a'", "a’s", "[1]", "[t]h", "x[sic] ", "a-\n", "\u0301", "\ud800", "猫")
LINES = ("\n", "\n\n", "`")


@pytest.mark.parametrize("unit", [*UNITS, *LETTERS, *LINES])
def test_the_check_takes_linear_time(unit):
    assert_linear(lambda text: verify_quotes(text, text), unit)
    assert_linear(lambda text: verify_quotes(f"“{text}”", text), unit)


@pytest.mark.parametrize("unit", ["“", "“a” ", '"'])
def test_a_megabyte_of_marks_is_taken(unit):
    verify_quotes(unit * (1_000_000 // len(unit)), "a b c")


def test_ten_megabytes_are_taken():
    assert not only("“" + "x" * 10_000_000 + "”", "y" * 10_000_000).found


@pytest.mark.parametrize("wrong", [None, b"x", 3])
def test_what_is_no_text_is_refused(wrong):
    with pytest.raises(TypeError):
        verify_quotes(wrong, "x")
    with pytest.raises(TypeError):
        verify_quotes("“x”", wrong if wrong != b"x" else [wrong])
