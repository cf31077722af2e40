from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.adapters.http_coding import Inflater


def bare(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-15)
    return squeezer.compress(data) + squeezer.flush()


CODINGS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}


@given(
    st.binary(max_size=2000),
    st.sampled_from([*CODINGS.items(), ("deflate", bare)]),
    st.lists(st.integers(0, 3000), max_size=5),
)
def test_what_was_packed_is_unpacked_however_it_is_cut(data, how, cuts):
    coding, pack = how
    raw = pack(data)
    places = sorted(cut % (len(raw) + 1) for cut in cuts)
    inflater = Inflater(10_000, coding)
    spans = zip([0, *places], [*places, len(raw)], strict=True)
    assert b"".join(inflater.feed(raw[start:end]) for start, end in spans) == data
    assert inflater.is_whole
    assert not inflater.is_past_bound


def test_several_members_are_one_body():
    inflater = Inflater(100, "gzip")
    assert inflater.feed(gzip.compress(b"one ") + gzip.compress(b"two")) == b"one two"


@given(st.integers(0, 50), st.binary(min_size=51, max_size=500))
def test_no_more_is_unpacked_than_the_bound_and_one_byte(bound, data):
    inflater = Inflater(bound, "gzip")
    assert inflater.feed(gzip.compress(data)) == data[: bound + 1]
    assert inflater.is_past_bound


def test_a_part_is_not_whole():
    inflater = Inflater(100, "gzip")
    inflater.feed(gzip.compress(b"hello")[:-3])
    assert not inflater.is_whole


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "zstd"])
def test_an_unknown_coding_is_refused(coding):
    with pytest.raises(ValueError, match="compressed"):
        Inflater(100, coding).feed(b"x")
