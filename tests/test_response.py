from __future__ import annotations

import pickle

import pytest

import promptkit as pk

pytestmark = pytest.mark.anyio

YEAR = pk.Constraint.regex("(?P<year>[0-9]{4})")


def answering(text: str) -> pk.Session:
    return pk.connect(transport=pk.testing.Scripted(text), model="m")


async def test_a_response_tells_whether_it_obeys_its_constraint_and_what_that_names() -> None:
    response = await answering("1905").ask("When?", constraint=YEAR)
    assert response.obeys
    assert response.captures == {"year": "1905"}


async def test_an_answer_that_does_not_obey_says_so_and_is_kept() -> None:
    response = await answering("Long ago.").ask("When?", constraint=YEAR)
    assert not response.obeys
    assert response.captures == {}
    assert response.text == "Long ago."


async def test_cached_and_streamed_answers_know_the_constraint_of_their_own_question() -> None:
    session = answering("1905")
    await session.ask("When?", constraint=YEAR)
    cached = await session.ask("When?", constraint=YEAR)
    assert cached.log.source == "cache"
    assert cached.captures == {"year": "1905"}
    stream = session.stream("When?", constraint=YEAR)
    assert [piece async for piece in stream]
    assert stream.response is not None
    assert stream.response.captures == {"year": "1905"}


async def test_without_a_constraint_everything_obeys_and_nothing_is_captured() -> None:
    response = await answering("Long ago.").ask("When?")
    assert response.obeys
    assert response.captures == {}


async def test_a_pickled_response_keeps_its_constraint() -> None:
    response = await answering("1905").ask("When?", constraint=YEAR)
    assert pickle.loads(pickle.dumps(response)).captures == {"year": "1905"}
