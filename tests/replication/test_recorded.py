"""The helpers of the replays say and do what they promise."""

from __future__ import annotations

import pytest

from .recorded import Row, find, recorded, session_of

pytestmark = pytest.mark.anyio


async def test_sample_i_is_recorded_answer_i() -> None:
    session = session_of(["a", "b", "c"])
    assert [(await session.ask("?", sample=i)).text for i in (2, 0, 1)] == ["c", "a", "b"]
    assert (await session.draw(1).ask("?")).text == "b"


async def test_what_was_never_recorded_is_an_error() -> None:
    with pytest.raises(IndexError):
        await recorded(["a"])(session_of([]).request("?", sample=1))


def test_a_replay_without_its_data_is_skipped() -> None:
    with pytest.raises(pytest.skip.Exception, match="no recorded data"):
        find("no/such/file")


def test_the_difference_is_against_the_record_where_there_is_one() -> None:
    row = Row(name="x", published=74.0, recorded=69.0, ours=69.5, n=100)
    assert row.difference == 0.5
    assert Row(name="x", published=74.0, recorded=None, ours=69.0, n=1).difference == -5.0
    assert Row(name="x", published=None, recorded=None, ours=69.0, n=1).difference is None
