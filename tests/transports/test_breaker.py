from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit import BreakerPolicy
from promptkit.errors import OptionError, RateLimitError, ServerError
from promptkit.transports.breaker import Breaker

FAILURE = ServerError("HTTP 500", status=500)


def failed(breaker: Breaker, times: int, now: float = 0.0) -> Breaker:
    for _ in range(times):
        breaker.fail(FAILURE, now, is_probe=False)
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = failed(Breaker(), 4)
    assert breaker.admits(0.0)
    assert not failed(breaker, 1).admits(0.0)


def test_a_success_between_failures_begins_the_row_anew() -> None:
    breaker = failed(Breaker(), 4)
    breaker.succeed(is_probe=False)
    assert failed(breaker, 4).admits(0.0)


def test_it_opens_when_half_of_the_latest_calls_failed_though_never_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.succeed(is_probe=False)
        failed(breaker, 1)
    assert not breaker.admits(0.0)


def test_half_open_lets_one_probe_through_and_its_answer_closes_it() -> None:
    breaker = failed(Breaker(BreakerPolicy(open_s=5.0)), 5)
    assert not breaker.admits(4.9)
    assert breaker.admits(5.0)
    assert breaker.enter()
    assert not breaker.admits(5.0)
    breaker.succeed(is_probe=True)
    assert breaker.admits(5.0)
    assert not breaker.enter()


def test_each_probe_that_fails_doubles_the_time_until_the_next() -> None:
    breaker = failed(Breaker(BreakerPolicy(open_s=5.0, longest_open_s=15.0)), 5)
    now, waits = 0.0, []
    for _ in range(4):
        waits.append(breaker.opens_in(now))
        now += waits[-1]
        breaker.fail(FAILURE, now, is_probe=breaker.enter())
    assert waits == [5.0, 10.0, 15.0, 15.0]


def test_a_cancelled_probe_leaves_room_for_the_next() -> None:
    breaker = failed(Breaker(), 5)
    breaker.leave(is_probe=breaker.enter())
    assert breaker.admits(5.0)


def test_answers_to_calls_sent_before_it_opened_change_nothing() -> None:
    breaker = failed(Breaker(), 5)
    breaker.succeed(is_probe=False)
    failed(breaker, 1, now=3.0)
    assert breaker.opens_in(0.0) == 5.0


def test_a_429_holds_the_door_for_as_long_as_asked_but_never_more_than_a_minute() -> None:
    breaker = Breaker()
    breaker.hold(RateLimitError("slow down"), 20.0, 0.0, is_probe=False)
    assert not breaker.admits(19.0)
    assert breaker.admits(20.0)
    breaker.hold(RateLimitError("slow down"), 1e9, 20.0, is_probe=False)
    assert breaker.admits(80.0)


def test_the_failure_of_a_pack_counts_once_however_many_requests_were_in_it() -> None:
    breaker = Breaker()
    for jitter in (0.1, 0.2, 0.3, 0.4):
        for _ in range(50):
            error = ServerError("HTTP 500", status=500)
            error.jitter = jitter
            breaker.fail(error, 0.0, is_probe=False)
    assert breaker.admits(0.0)
    assert not failed(breaker, 1).admits(0.0)


def test_429s_are_no_failures() -> None:
    breaker = Breaker()
    for _ in range(50):
        breaker.hold(RateLimitError("slow down"), 1.0, 0.0, is_probe=False)
    assert breaker.admits(1.0)


@pytest.mark.parametrize("wrong", [{"failures": 0}, {"share": 0.0}, {"window": 65}, {"open_s": 0}])
def test_a_policy_that_cannot_work_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        BreakerPolicy(**wrong)  # type: ignore[arg-type]


@given(
    st.lists(st.tuples(st.sampled_from(["ok", "fail", "hold", "out", "cancel"]), st.floats(0, 70)))
)
def test_whatever_happens_it_admits_somebody_within_its_longest_time(
    history: list[tuple[str, float]],
) -> None:
    breaker = Breaker()
    now = 0.0
    for what, seconds in history:
        now += seconds
        if not breaker.admits(now):
            continue
        is_probe = breaker.enter()
        if what == "ok":
            breaker.succeed(is_probe=is_probe)
        elif what == "fail":
            breaker.fail(FAILURE, now, is_probe=is_probe)
        elif what == "hold":
            breaker.hold(RateLimitError("slow down"), 99.0, now, is_probe=is_probe)
        elif what == "out":
            breaker.take_out(FAILURE, now)
        else:
            breaker.leave(is_probe=is_probe)
    assert breaker.admits(now + 60.0)
