from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from promptkit.adapters.retry_after import retry_after
from promptkit.durations import parse_duration, parse_number


def test_a_header_longer_than_any_duration_is_none_and_is_not_searched() -> None:
    for text in ("1" * 65, "1" * 60_000, "1s" * 30_000, "1s" * 30_000 + "?", "9" * 400 + "s"):
        assert parse_duration(text) is None
        assert parse_number(text) is None
        assert retry_after({"x-ratelimit-reset-requests": text}) is None
        assert retry_after({"retry-after": text}) is None


def test_a_wait_that_a_message_spells_without_end_is_no_wait() -> None:
    for digits in (60, 400, 60_000):
        for unit in ("seconds", "s", " minutes"):
            said = retry_after({}, f"Please try again in {'9' * digits}{unit}.")
            assert said is None or math.isfinite(said)


def test_parts_are_read_from_where_the_last_one_ended() -> None:
    assert parse_duration(" 1d2h3m4.5s6ms ") == 93_784.506
    assert parse_duration("1s 2s") is None
    assert parse_duration("s1s") is None
    assert parse_duration("1s2") is None


@given(st.text(alphabet="0123456789.smhdnuµ e+-", max_size=80))
def test_what_is_read_is_finite_and_not_below_zero(text: str) -> None:
    for read in (parse_duration(text), parse_number(text)):
        assert read is None or 0 <= read < math.inf
