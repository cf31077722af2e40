"""Sentences and segments: where they end, and that no text takes more than linear time."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.safety import sentences
from promptkit.safety.sentences import (
    LONGEST,
    LONGEST_WAIT,
    Sentences,
    segments,
    sentence_ends,
    within,
)
from tests.safety.growth import assert_linear

BITS = (
    "你好。", "」", "Hello.", '"', "Dr. ", "Dr.", "\n", "!", "\uff1f", "』", ")", "…",
    "a", "1.", "\n\n", "。", "*", "St. ", "A", "b", ".If", "...", "!!!!!!!!", "」」」」」",
    "e.g. ", " ", ". ",
)  # fmt: skip
PARTS = st.lists(st.sampled_from(BITS), max_size=20)


def pieces(text):
    return [text[start:end] for start, end in segments(text)]


def test_what_stands_between_two_sentences_is_a_piece_of_its_own():
    text = "Hi David, you paid. What is the capital of Peru? Bye."
    assert pieces(text) == ["Hi David, you paid.", "What is the capital of Peru?", "Bye."]


def test_a_mail_that_lost_its_line_ends_is_cut_at_its_stops():
    assert pieces("Reply to this email.If it is wrong, see shop.com\nThe Team") == [
        "Reply to this email.",
        "If it is wrong, see shop.com",
        "The Team",
    ]


def test_titles_initials_and_numbers_end_no_sentence():
    assert pieces("Ask Dr. J. Green, e.g. at 3.30 p.m. today. Go.") == [
        "Ask Dr. J. Green, e.g. at 3.30 p.m. today.",
        "Go.",
    ]


def test_wrapped_prose_is_put_together_and_lists_are_not():
    prose = "The committee met in the old town hall to decide\nwhat was to be done."
    assert pieces(prose) == [prose]
    assert pieces("- buy milk\n- call mum") == ["buy milk", "call mum"]


@pytest.mark.parametrize(
    "text",
    [
        "| a | Send it to me. | b |",
        "a\tSend it to me.\tb",
        "{'a': 'Send it to me.', 'b': 2}",
        '{"a": ["b", "Send it to me."]}',
        '{\n  "a": "x",\n  "b": "Send it to me."\n}',
        "<p>a</p><!-- Send it to me. --><p>b</p>",
        '<img src="a.png" alt="Send it to me.">',
        "x = 1  # Send it to me.\ny = 2",
        "f(); // Send it to me.\n",
        "/* Send it to me. */ int x;",
        "- a\n- Send it to me.\n",
        "a,Send it to me.,b\n1,2,3",
        "a\\nSend it to me.\\nb",
        "• a • Send it to me. • b",
    ],
)
def test_a_sentence_stands_alone_in_any_structure(text):
    assert "Send it to me." in pieces(text)


def test_text_without_punctuation_is_cut_at_spaces():
    cut = pieces("word " * 500)
    assert max(map(len, cut)) <= LONGEST
    assert "".join(cut).replace(" ", "") == "word" * 500


def test_ends_in_what_arrives_are_not_made_too_early():
    assert sentence_ends("It costs 3", is_complete=False) == []
    assert sentence_ends("It costs 3.", is_complete=False) == []
    assert sentence_ends("It costs 3. ", is_complete=False) == [11]
    assert sentence_ends("你好。再见", is_complete=False) == [3]


def test_a_sentence_that_does_not_end_is_ended():
    ends = sentence_ends("a" * (3 * LONGEST_WAIT), is_complete=False)
    assert ends[:2] == [LONGEST_WAIT, 2 * LONGEST_WAIT]


@pytest.fixture(params=[7, 12, LONGEST_WAIT], scope="module")
def wait(request):
    """Makes what has no end be cut soon, so that short texts meet it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentences, "LONGEST_WAIT", request.param)
        yield


@given(parts=PARTS, more=PARTS)
def test_more_text_moves_no_end(wait, parts, more):
    text = "".join(parts)
    early = sentence_ends(text, is_complete=False)
    for following in ("", "".join(more)):
        assert sentence_ends(text + following)[: len(early)] == early


@given(parts=PARTS)
def test_to_cut_at_an_end_and_go_on_gives_the_same_ends(wait, parts):
    text = "".join(parts)
    ends = sentence_ends(text)
    for i, end in enumerate(ends):
        assert [end + later for later in sentence_ends(text[end:])] == ends[i + 1 :]


@given(parts=PARTS, cuts=st.lists(st.integers(0, 60)))
def test_sentences_are_the_same_however_the_text_arrives(wait, parts, cuts):
    text = "".join(parts)
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    ends = [0, *sentence_ends(text)]
    whole = [text[a:b] for a, b in itertools.pairwise(ends)]
    for pieces in ([text[a:b] for a, b in itertools.pairwise(places)], list(text)):
        arriving = Sentences()
        heard = [sentence for piece in pieces for sentence in arriving.hear(piece)]
        assert heard + arriving.end() == whole


@pytest.mark.parametrize("unit", ["x", ".", "a b ", "Hi. ", "。", "\n", ' "'])
def test_single_characters_are_taken_in_linear_time(unit):
    def take(text):
        arriving = Sentences()
        for character in text:
            arriving.hear(character)

    assert_linear(take, unit)


@given(st.text(max_size=300))
def test_segments_stand_in_order_within_the_text(text):
    last = 0
    for start, end in segments(text):
        assert last <= start < end <= len(text)
        assert end - start <= LONGEST
        last = end


@given(st.text(max_size=300))
def test_every_letter_stands_in_a_segment_and_the_last_end_is_the_texts(text):
    spans = segments(text)
    ends = sentence_ends(text)
    assert (ends[-1] if ends else 0) == len(text)
    if text.isalpha():
        assert spans[0][0] == 0
        assert spans[-1][1] == len(text)


@pytest.mark.parametrize(
    "unit",
    [". ", ".", " ", "a", "a ", "\n", "|", "'", '",', "' : ", "[", '="', "#", "\\n", "A.", "Mr. ",
     "é", "a,", "?!", "&", "&lt", "\u0301", "\ud800", "。", "x'", " #", "<", "```", "1,"],
)  # fmt: skip
def test_each_pattern_takes_linear_time_at_its_worst(unit):
    def cost(size):
        text = (unit * size)[:size]
        least = 1e9
        for _ in range(3):
            began = time.process_time()
            segments(text)
            sentence_ends(text)
            least = min(least, time.process_time() - began)
        return least

    assert cost(160_000) < 16 * cost(40_000) + 0.05


def test_a_place_is_found_within_spans():
    assert within([(0, 4), (6, 9)], 3) == (0, 4)
    assert within([(0, 4), (6, 9)], 4) is None
    assert within([], 0) is None


def test_only_text_is_taken():
    with pytest.raises(TypeError, match="takes a str"):
        segments(b"bytes")
    with pytest.raises(TypeError, match="takes a str"):
        sentence_ends(None)
