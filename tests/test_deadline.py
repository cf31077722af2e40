from __future__ import annotations

import asyncio

import pytest

from promptkit.deadline import Deadline


async def test_what_is_late_is_cancelled_and_becomes_a_timeout() -> None:
    with pytest.raises(TimeoutError), Deadline(0.02):
        await asyncio.sleep(60)
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_what_is_in_time_is_left_alone() -> None:
    with Deadline(0.02):
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)


async def test_the_shortest_deadline_rings_first_though_it_came_last() -> None:
    ended = []

    async def wait(seconds: float) -> None:
        with pytest.raises(TimeoutError), Deadline(seconds):
            await asyncio.sleep(60)
        ended.append(seconds)

    await asyncio.gather(*(wait(seconds) for seconds in (0.15, 0.1, 0.05, 0.0)))
    assert ended == [0.0, 0.05, 0.1, 0.15]


async def test_somebody_elses_cancellation_stays_one() -> None:
    async def late() -> None:
        with Deadline(60):
            await asyncio.sleep(60)

    task = asyncio.create_task(late())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_deadline_and_a_cancellation_together_are_a_cancellation() -> None:
    async def late() -> None:
        with Deadline(0.01):
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.05)

    task = asyncio.create_task(late())
    await asyncio.sleep(0.03)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_inner_of_two_deadlines_is_the_one_that_is_told() -> None:
    told = []
    with Deadline(60):
        try:
            with Deadline(0.02):
                await asyncio.sleep(60)
        except TimeoutError:
            told.append("inner")
        await asyncio.sleep(0)
    assert told == ["inner"]


def test_each_loop_has_its_own_timer() -> None:
    async def wait() -> None:
        with pytest.raises(TimeoutError), Deadline(0.01):
            await asyncio.sleep(60)

    asyncio.run(wait())
    asyncio.run(wait())


async def test_a_thousand_deadlines_set_one_timer() -> None:
    loop = asyncio.get_running_loop()
    before = len(loop._scheduled)  # type: ignore[attr-defined]

    async def wait() -> None:
        with Deadline(60):
            await asyncio.sleep(0)

    await asyncio.gather(*(wait() for _ in range(1000)))
    assert len(loop._scheduled) <= before + 1  # type: ignore[attr-defined]
