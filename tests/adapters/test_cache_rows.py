"""Rows: what they hold of an answer, when it is decoded, and who can read an encrypted one."""

from __future__ import annotations

import asyncio
import copy
import multiprocessing
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import responses

from promptkit import Cache, Message, Request, Response
from promptkit.adapters.cache_rows import from_row, seal_row, to_row, unseal_row
from promptkit.adapters.encryption import SALT_BYTES, Sealer
from promptkit.adapters.sqlite import SqliteStore
from promptkit.errors import StoreError
from promptkit.response import Alternative, Choice, TokenLogprob, Usage
from promptkit.secret import Secret
from promptkit.transports.store import CacheWarning

LOGPROBS = (TokenLogprob("4", -0.25, (Alternative("4", -0.25), Alternative("five", -1.5))),)
ANSWER = Response((Choice("4", "stop"),), Usage(5, 1, 2, 1), "m-1", 0.25)


def asked(text: str = "Hi", sample: int = 0, model: str = "m") -> Request:
    return Request(messages=(Message("user", text),), model=model, sample=sample)


def same(found: Response | None, kept: Response) -> bool:
    return found is not None and replace(found, log=kept.log, headers=kept.headers) == kept


@given(responses)
def test_a_response_is_the_same_after_a_row_was_made_of_it(response: Response) -> None:
    found = from_row(to_row(response))
    assert found.log.source == "cache"
    assert same(found, response)


sealer = Sealer(Secret("correct horse battery staple"), b"salt" * 4)


@given(responses, st.binary(min_size=16, max_size=16))
def test_a_response_is_the_same_after_its_row_was_encrypted(
    response: Response, place: bytes
) -> None:
    sealed = seal_row(to_row(response), sealer, place)
    assert sealed.body is not None
    assert all(value is None for value in sealed[:-1])
    assert same(from_row(unseal_row(sealed.body, sealer, place)), response)
    with pytest.raises(ValueError, match="decrypt"):
        unseal_row(sealed.body, sealer, bytes(16) if any(place) else b"\1" * 16)


def test_log_probabilities_are_decoded_when_they_are_read() -> None:
    kept = Response((Choice("4", "stop", LOGPROBS),), Usage(5, 1), "m-1", 0.25)
    (choice,) = from_row(to_row(kept)).choices
    assert choice.text == "4"
    assert not _holds(choice, "logprobs"), "nobody has asked for them yet"
    assert choice.logprobs == LOGPROBS
    assert _holds(choice, "logprobs")


def _holds(value: object, name: str) -> bool:
    try:
        type(value).__dict__[name].__get__(value)
    except AttributeError:
        return False
    return True


@pytest.mark.parametrize(
    "through", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))]
)
def test_a_deferred_response_is_copied_and_pickled_whole(through) -> None:
    kept = Response((Choice("4", "stop", LOGPROBS),), Usage(5, 1), "m-1", 0.25)
    assert same(through(from_row(to_row(replace(kept)))), kept)


def test_a_deferred_response_has_no_other_attributes_than_a_plain_one() -> None:
    found = from_row(to_row(ANSWER))
    with pytest.raises(AttributeError, match="txet"):
        getattr(found, "txe" + "t")
    assert not hasattr(Response(), "nothing")
    assert repr(from_row(to_row(ANSWER))) == repr(replace(ANSWER, log=found.log))


async def test_nothing_of_an_answer_is_in_an_encrypted_file(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    store = SqliteStore(path, Cache(secret=Secret("a long secret")))
    kept = Response((Choice("the butler did it", "stop", LOGPROBS),), Usage(5, 1), "m-1", 0.25)
    await store.put(asked("who?"), kept)
    assert same(store.get(asked("who?")), kept)
    raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"butler" not in raw
    assert b"a long secret" not in raw
    assert asked("who?").key not in raw, "a guess at the prompt could be confirmed"
    assert "a long secret" not in repr(store.settings)
    await store.aclose()


async def test_another_secret_or_none_is_told_apart_from_damage(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    await SqliteStore(path, Cache(secret=Secret("one"))).aclose()
    with pytest.raises(StoreError, match="another secret"):
        SqliteStore(path, Cache(secret=Secret("two")))
    with pytest.raises(StoreError, match=r"is encrypted.*secret"):
        SqliteStore(path)


async def test_answers_in_the_clear_are_not_mixed_with_encrypted_ones(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    store = SqliteStore(path)
    await store.put(asked(), ANSWER)
    await store.aclose()
    with pytest.raises(StoreError, match=r"in the clear.*clear it first"):
        SqliteStore(path, Cache(secret=Secret("one")))


async def test_an_encrypted_answer_moved_to_another_question_is_a_miss(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "c.sqlite", Cache(secret=Secret("one")))
    await store.put(asked("a"), ANSWER)
    await store.put(asked("b"), ANSWER)
    store._database.execute(
        "UPDATE answers SET body = (SELECT body FROM answers ORDER BY id LIMIT 1) WHERE id = 2"
    )
    with pytest.warns(CacheWarning, match="does not decrypt"):
        assert store.get(asked("b")) is None
    assert store.get(asked("a"))
    await store.aclose()


def _open_and_put(path: Path, name: str) -> None:
    async def main() -> None:
        store = SqliteStore(path, Cache(secret=Secret("the same")))
        await store.put(asked(name), ANSWER)
        await store.aclose()

    asyncio.run(main())


async def test_two_processes_that_make_an_encrypted_file_at_once_can_both_read_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "c.sqlite"
    context = multiprocessing.get_context("spawn")
    makers = [context.Process(target=_open_and_put, args=(path, f"{i}")) for i in range(2)]
    for maker in makers:
        maker.start()
    for maker in makers:
        await asyncio.to_thread(maker.join)
    assert [maker.exitcode for maker in makers] == [0, 0]
    store = SqliteStore(path, Cache(secret=Secret("the same")))
    assert store.get(asked("0"))
    assert store.get(asked("1"))
    await store.aclose()


def test_nobody_without_the_secret_can_tell_which_request_a_digest_is_of() -> None:
    salt = bytes(SALT_BYTES)
    ours, theirs = Sealer(Secret("one"), salt), Sealer(Secret("another"), salt)
    assert ours.digest(b"0" * 16) != theirs.digest(b"0" * 16)
    assert ours.digest(b"0" * 16) != Sealer(Secret("one"), b"1" * SALT_BYTES).digest(b"0" * 16)
