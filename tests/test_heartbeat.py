from __future__ import annotations

import asyncio

import pytest

import promptkit as pk
from promptkit.heartbeat import PERIOD_S, _Pulse
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio


def timers() -> int:
    loop = asyncio.get_running_loop()
    pulses = (getattr(h._callback, "__func__", None) for h in loop._scheduled if not h.cancelled())  # type: ignore[attr-defined]
    return sum(function is _Pulse.tick for function in pulses)


async def test_however_many_asks_there_were_one_timer_beats_and_it_ends_after_the_last() -> None:
    session = pk.connect(transport=Scripted("x"), model="m")
    for number in range(50):
        await session.ask(str(number))
    assert timers() == 1
    await asyncio.gather(*(session.ask(f"at once {i}") for i in range(20)))
    assert timers() == 1
    await asyncio.sleep(3 * PERIOD_S)
    assert timers() == 0


async def test_a_loop_that_waits_for_an_answer_wakes_often() -> None:
    async def slow(request: pk.Request) -> str:
        await asyncio.sleep(0.5)
        return "x"

    loop = asyncio.get_running_loop()
    turns = 0
    run_once = loop._run_once  # type: ignore[attr-defined]

    def counted() -> None:
        nonlocal turns
        turns += 1
        run_once()

    loop._run_once = counted  # type: ignore[attr-defined]
    try:
        await pk.connect(transport=slow, model="m").ask("Hi")
    finally:
        loop._run_once = run_once  # type: ignore[attr-defined]
    assert turns >= 4
