from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from promptkit.adapters.sse import Event, EventParser

STREAM = (
    "\ufeff: a comment\r\n"
    "event: greeting\r\n"
    "data: naïve 🐑\r\n"
    "data: second line\r\n"
    "\r\n"
    "data:no space\n\n"
    "data:  two spaces\rid: 7\rretry: 10\runknown\r\r"
    "event: without data\n\n"
    "data\n\n"
    "data: [DONE]\n\n"
    "data: never finished"
)
EVENTS = [
    ("naïve 🐑\nsecond line".encode(), "greeting"),
    (b"no space", ""),
    (b" two spaces", ""),
    (b"", ""),
    (b"[DONE]", ""),
]
texts = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]))


def parse(raw: bytes, cuts: list[int]) -> list[Event]:
    parser = EventParser()
    places = [0, *sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]
    chunks = [raw[a:b] for a, b in pairwise(places)]
    return [event for chunk in chunks for event in parser.feed(chunk)]


@given(st.lists(st.integers(0, 500)))
def test_any_chunking_of_the_bytes_gives_the_same_events(cuts):
    assert parse(STREAM.encode(), cuts) == EVENTS


def test_byte_by_byte_gives_the_same_events():
    raw = STREAM.encode()
    assert parse(raw, list(range(len(raw)))) == EVENTS


@given(
    st.lists(st.lists(texts, min_size=1), min_size=1),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 10_000)),
)
def test_what_is_written_as_events_is_read_back(written, end, cuts):
    raw = "".join("".join(f"data: {line}{end}" for line in data) + end for data in written)
    events = [data.decode() for data, _ in parse(raw.encode(), cuts)]
    assert events == ["\n".join(lines) for lines in written]


def test_a_long_line_in_small_chunks_is_one_event():
    parser = EventParser()
    assert not parser.feed(b"data: ")
    for _ in range(20_000):
        assert not parser.feed(b"x" * 100)
    assert parser.feed(b"\n\n") == [(b"x" * 2_000_000, "")]


def test_broken_utf_8_does_not_stop_the_stream():
    assert parse(b"data: a\xff\xfeb\n\ndata: c\n\n", []) == [(b"a\xff\xfeb", ""), (b"c", "")]
