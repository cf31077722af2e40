"""What must hold for a window of workers, whatever the items do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import promptkit as pk
from promptkit.errors import DeadlineError, OptionError
from promptkit.testing import Scripted


def scripted() -> pk.Session:
    return pk.connect(transport=Scripted("x"), model="m", cache=None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 9), st.sets(st.integers(0, 39)))
def test_every_item_comes_back_once_whatever_the_order_and_the_failures(
    turns: list[int], window: int, failing: set[int]
) -> None:
    async def wait(session: pk.Session, item: tuple[int, int]) -> int:
        index, pauses = item
        for _ in range(pauses):
            await asyncio.sleep(0)
        if index in failing:
            raise ValueError(index)
        return index

    async def run() -> list[int]:
        return await scripted().map(
            wait, list(enumerate(turns)), concurrency=window, on_error="keep"
        )

    results = asyncio.run(run())
    assert len(results) == len(turns)
    for index, result in enumerate(results):
        assert isinstance(result, ValueError) if index in failing else result == index


async def test_no_more_items_are_read_than_the_window_and_its_outbox_hold() -> None:
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        for number in range(1000):
            read += 1
            yield number

    async def quick(session: pk.Session, item: int) -> int:
        return item

    stream = scripted().imap(quick, items(), concurrency=4)
    async with contextlib.aclosing(stream):
        async for _ in stream:
            await asyncio.sleep(0.001)  # a slow reader
            if read > 50:
                break
            assert read <= 50
    assert read <= 60


async def test_an_error_of_the_items_source_ends_the_map_after_what_was_finished() -> None:
    def items() -> Iterator[int]:
        yield 0
        raise RuntimeError("the file is broken")

    async def quick(session: pk.Session, item: int) -> int:
        return item

    finished: list[tuple[int, int]] = []

    async def read() -> None:
        async for pair in scripted().imap(quick, items(), concurrency=1):
            finished.append(pair)  # noqa: PERF401 -- what came before the error counts

    with pytest.raises(RuntimeError, match="the file is broken"):
        await read()
    assert finished == [(0, 0)]


async def test_a_late_map_gives_each_unfinished_item_an_error_and_tries_no_more() -> None:
    tried = []

    async def work(session: pk.Session, item: int) -> int:
        tried.append(item)
        await asyncio.sleep(0 if item < 2 else 60)
        return item

    results = await scripted().map(work, range(10), concurrency=3, on_error="keep", deadline_s=0.1)
    assert results[:2] == [0, 1]
    assert all(isinstance(result, DeadlineError) for result in results[2:])
    assert tried == [0, 1, 2, 3, 4]


async def test_a_late_map_raises_by_default() -> None:
    async def work(session: pk.Session, item: int) -> None:
        await asyncio.sleep(60)

    with pytest.raises(DeadlineError, match=r"did not end within 0\.05 s"):
        await scripted().map(work, range(3), deadline_s=0.05)


async def test_a_late_map_over_an_endless_source_ends() -> None:
    async def numbers() -> AsyncIterator[int]:
        number = 0
        while True:
            yield number
            number += 1
            await asyncio.sleep(0)

    async def work(session: pk.Session, item: int) -> int:
        await asyncio.sleep(0)
        return item

    seen = 0

    async def read() -> None:
        nonlocal seen
        async for _ in scripted().imap(work, numbers(), on_error="keep", deadline_s=0.05):
            seen += 1

    with pytest.raises(DeadlineError):
        await read()
    assert seen > 0


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_deadline_that_is_none_is_refused_before_anything_runs(seconds: float) -> None:
    with pytest.raises(OptionError, match="deadline_s"):
        scripted().imap("Say {x}", [1], deadline_s=seconds)


async def test_who_cancels_a_late_map_gets_the_cancellation() -> None:
    async def work(session: pk.Session, item: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)

    task = asyncio.create_task(scripted().map(work, range(3), on_error="keep", deadline_s=0.05))
    await asyncio.sleep(0.07)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
