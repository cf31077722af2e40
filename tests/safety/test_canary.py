from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.errors import OptionError
from promptkit.safety import Canary, add_canary, find_leak
from promptkit.safety.canary import LeakWatch
from promptkit.safety.overlap import SHORTEST, Squeezed, shared_runs
from tests.safety.growth import assert_linear
from tests.safety_report.leak_texts import CASES, HELD_OUT, WAYS, Case

CANARY = Canary("3f9a61c07be4d215")
SYSTEM = CASES[0].system
any_case = pytest.mark.parametrize("case", [*CASES, *HELD_OUT], ids=lambda c: c.system[:20])
any_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


# -- canaries -------------------------------------------------------------------------------


@any_way
def test_a_canary_is_found_however_it_is_written(way):
    for before, after in (("", ""), ("Sure, here: ", " Anything else?"), ("x", "y")):
        (found,) = CANARY.find(f"{before}{way(CANARY.token)}{after}")
        assert (found.kind, found.confidence, found.action) == ("canary", 1.0, "block")


@given(st.integers(0, 8), st.integers(8, 16), st.text("xyz.- \n", max_size=9))
def test_half_of_a_canary_tells_it_and_the_span_is_where_it_stands(start, length, around):
    part = CANARY.token[start : start + length]
    (found,) = CANARY.find(f"{around}: {part}. {around}")
    a, b = found.span
    assert f"{around}: {part}. {around}"[a:b].strip(".- \n").endswith(part[-4:])
    assert b - a >= 8


@given(st.text(max_size=400))
def test_other_text_holds_no_canary(text):
    assert CANARY.find(text) == ()


def test_less_than_half_of_it_is_none():
    assert CANARY.find(CANARY.token[:7]) == ()
    assert CANARY.find("3f9a 61c and other hexadecimal numbers such as deadbeefcafebabe") == ()


def test_a_canary_is_drawn_or_belongs_to_its_system_message():
    assert len({Canary.new().token for _ in range(50)}) == 50
    assert Canary.of("a") == Canary.of("a") != Canary.of("b")
    marked, canary = add_canary(SYSTEM)
    assert marked.endswith(SYSTEM)
    assert marked.startswith(f"Reference: {canary.token}\n")
    assert add_canary(SYSTEM, CANARY) == (CANARY.marked(SYSTEM), CANARY)
    assert [f.kind for f in find_leak(f"It says {canary.token}", SYSTEM, canary)] == ["canary"]
    assert find_leak(f"It says {canary.token}", SYSTEM, canary.token)


@pytest.mark.parametrize("token", ["", "short", "0123456789 ab", "äöü0123456789"])
def test_a_token_that_could_stand_anywhere_is_refused(token):
    with pytest.raises(OptionError, match="a canary of"):
        Canary(token)


def test_no_repr_shows_the_token():
    assert CANARY.token not in repr(CANARY)
    assert CANARY.token not in repr(find_leak(CANARY.token, SYSTEM, CANARY))


# -- copies ---------------------------------------------------------------------------------


@any_case
@any_way
def test_a_copied_system_message_is_found_however_it_is_written(case: Case, way):
    found = find_leak(way(case.system), case.system)
    assert found
    assert {finding.kind for finding in found} == {"system_prompt"}


@any_case
def test_answers_that_follow_the_system_message_are_no_leak(case: Case):
    assert [find_leak(answer, case.system) for answer in case.ordinary] == [()] * len(case.ordinary)


@any_case
def test_what_is_retold_is_not_found_as_the_docstring_says(case: Case):
    assert not any(find_leak(answer, case.system) for answer in case.retold)


@given(st.sampled_from(CASES), st.text(max_size=60), st.text(max_size=60))
def test_the_span_holds_the_copy_and_little_else(case, before, after):
    found = find_leak(f"{before}\n{case.system}\n{after}", case.system)
    start, end = found[0].span[0], found[-1].span[1]
    assert start <= len(before) + len("\n## R")
    assert end >= len(before) + len(case.system)
    for one, other in itertools.pairwise(found):
        assert one.span[1] <= other.span[0]


def test_what_the_system_message_quotes_is_meant_to_be_said():
    reply = '"I am sorry, I can only help with questions about the garden and its tools."'
    assert find_leak(reply.strip('"'), f"If it is something else, reply {reply}") == ()
    assert find_leak(reply.strip('"'), f"If it is something else, reply {reply.strip(chr(34))}")


def test_a_long_copy_of_a_much_longer_message_is_a_leak_too():
    system = "\n".join(f"Rule {n}: {case.system}" for n, case in enumerate(CASES))
    assert find_leak(CASES[3].system[:400], system)
    assert find_leak("Rule 3: be brief.", system) == ()


def test_empty_and_short_system_messages_have_nothing_to_leak():
    assert find_leak("Be brief.", "Be brief.") == ()
    assert find_leak("anything", "") == ()
    with pytest.raises(TypeError):
        find_leak(b"x", "x")  # type: ignore[arg-type]


# -- answers that arrive ----------------------------------------------------------------------


def shown_before(parts: list[str], system: str, canary: str | None = None) -> list[str] | None:
    """The parts before the first that is refused; None where none is."""
    watch = LeakWatch(system, canary)
    for number, part in enumerate(parts):
        if watch.hear(part):
            return parts[:number]
    return None


@any_case
@any_way
def test_a_copy_that_arrives_in_parts_is_found_before_much_of_it_was_shown(case: Case, way):
    text = way(case.system)
    for parts in (text.split(" "), [*text], [text[i : i + 30] for i in range(0, len(text), 30)]):
        for between in ("", "\n\n", "\n \n\t\n\n"):
            shown = shown_before([part + between for part in parts], case.system)
            if shown is None:  # what is coded is no longer, with blank lines between all its signs
                assert not find_leak(between.join(parts), case.system)
            else:
                assert not find_leak("".join(shown), case.system)


@any_case
def test_ordinary_answers_are_no_leak_in_parts_either(case: Case):
    for answer in case.ordinary:
        assert shown_before(answer.split(" "), case.system) is None
        assert shown_before([*answer], case.system) is None


@given(st.lists(st.text("xyz.- \n", max_size=9), min_size=16, max_size=16))
def test_at_most_seven_letters_of_a_canary_are_shown(around):
    parts = [f"{letter}{more}" for letter, more in zip(CANARY.token, around, strict=True)]
    shown = shown_before(parts, "", CANARY.token)
    assert shown is None or CANARY.find("".join(shown)) == ()
    if all(not any(map(str.isalnum, more)) for more in around):
        assert shown is not None
        assert len(shown) == 7


def test_a_part_takes_no_longer_when_the_answer_and_the_system_message_are_long():
    system = "".join(f"Rule {n} is not rule {n + 1}. " for n in range(4_000))

    def take(text):
        watch = LeakWatch(system, CANARY.token)
        for start in range(0, len(text), 6):
            watch.hear(text[start : start + 6])

    assert_linear(take, "ok.\n\n")


# -- overlap --------------------------------------------------------------------------------


@given(st.text("ab", max_size=80), st.text("ab", max_size=80))
def test_every_run_is_in_both_texts_and_runs_do_not_overlap(letters, known):
    end = 0
    for run in shared_runs(letters, known):
        assert run.start >= end
        end = run.end
        assert letters[run.start : run.end] == known[run.at : run.at + run.end - run.start]
        assert run.end - run.start >= SHORTEST


@given(st.data())
def test_no_long_run_is_missed(data):
    known = Squeezed.of(SYSTEM).letters
    start = data.draw(st.integers(0, len(known) - SHORTEST))
    part = known[start : start + data.draw(st.integers(SHORTEST, 80))]
    before, after = data.draw(st.text("qxz", max_size=40)), data.draw(st.text("qxz", max_size=40))
    (run,) = shared_runs(before + part + after, known)
    assert run.end - run.start >= len(part)


@given(st.text())
def test_letters_know_their_places(text):
    squeezed = Squeezed.of(text)
    assert len(squeezed.places()) == len(squeezed.letters)


# -- hostile answers ------------------------------------------------------------------------


@given(st.text(), st.text())
def test_no_text_makes_it_raise(answer, system):
    find_leak(answer, system, CANARY)


@pytest.mark.parametrize(
    "unit",
    [
        "a", " ", "3f9a61c0", "41 ", "\\x41", "0x41 ", "%", "%41", "\\u0041", "\\u00", "+/",
        "AAAA ", "abcdefghijkl ", "-", "\u0301", "\ud800", "\ue000", "文", SYSTEM, "=",
        "\n", SYSTEM[:30],
    ],
)  # fmt: skip
def test_no_pattern_is_worse_than_linear(unit):
    assert_linear(lambda answer: find_leak(answer, SYSTEM, CANARY), unit)
    assert_linear(lambda system: find_leak(SYSTEM, system, CANARY), unit)
