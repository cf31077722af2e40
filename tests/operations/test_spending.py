"""The bill is the sum over the ledgers of all profiles."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from promptkit.adapters.ledger import Ledger
from promptkit.errors import DeadlineError, OptionError
from promptkit.operations.spending import ledgers_in, parse_since, spending
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.response import CallLog, Response, Usage
from promptkit.totals import Call
from promptkit.trace import Step

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def write(folder: Path, profile: str, *calls: Call) -> None:
    ledger = Ledger(folder / "profiles" / profile / "ledger.sqlite", profile=profile)
    for call in calls:
        ledger.on_call(Step(), call)
    ledger.flush()


def call(
    model: str, cost_usd: float | None, *, source: str = "endpoint", time: float = 100.0
) -> Call:
    response = Response((), Usage(10, 1), model, cost_usd, CallLog(source=source))
    request = Request(messages=(Message("user", "?"),), model=model)
    return Call(request, response, None, time, 0.1, 1)


def failed(model: str) -> Call:
    request = Request(messages=(Message("user", "?"),), model=model)
    return Call(request, None, DeadlineError("no answer"), 100.0, 0.1, 2, unsettled_usd=0.5)


def test_groups_are_added_up_over_profiles_the_dearest_first(tmp_path):
    write(tmp_path, "a", call("small", 0.25), call("small", 0.25, source="cache"))
    write(tmp_path, "b", call("small", 0.5), call("large", 2.0), failed("large"))
    large, small = spending(ledgers_in(tmp_path), "model")
    assert (large.group, large.calls, large.failed, large.cost_usd) == ("large", 2, 1, 2.0)
    assert large.unsettled_usd == 0.5
    assert (small.calls, small.cached, small.cost_usd, small.saved_usd) == (3, 1, 0.75, 0.25)
    assert small.input_tokens == 20
    first, second = spending(ledgers_in(tmp_path), "profile")
    assert (first.group, second.group) == ("b", "a")


def test_an_unknown_price_is_not_a_price_of_nothing(tmp_path):
    write(tmp_path, "a", call("own", None))
    (found,) = spending(ledgers_in(tmp_path), "model")
    assert found.known_usd is None
    assert found.unpriced == 1


def test_earlier_calls_can_be_left_out(tmp_path):
    write(tmp_path, "a", call("m", 1.0, time=10.0), call("m", 1.0, time=20.0))
    (found,) = spending(ledgers_in(tmp_path), "model", since=15.0)
    assert found.calls == 1
    assert spending(ledgers_in(tmp_path), "model", since=25.0) == []


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("24h", datetime(2026, 11, 21, 12, tzinfo=UTC)),
        ("2w", datetime(2026, 11, 8, 12, tzinfo=UTC)),
        ("today", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:30+00:00", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_time_can_be_said_in_several_ways(text, moment):
    assert parse_since(text, NOW) == moment.timestamp()


def test_a_time_that_is_none_is_refused():
    with pytest.raises(OptionError, match="for example 24h"):
        parse_since("7 days", NOW)
    assert parse_since("999999999999d", NOW) == 0.0
