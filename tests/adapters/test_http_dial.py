from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest
from servers.raw_server import ANSWER

from promptkit import Message, Request
from promptkit.adapters import http_dial
from promptkit.adapters.http import HttpAdapter

pytestmark = pytest.mark.anyio


def address(number: int) -> tuple[object, ...]:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", number))


@pytest.fixture
def dialled(monkeypatch):
    """Replaces the network: address 1 never answers, 2 refuses, others connect at once."""
    state = {"cancelled": [], "opened": []}

    async def to(place: tuple[object, ...]) -> socket.socket:
        number = place[4][1]
        if number == 1:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                state["cancelled"].append(number)
                raise
        if number == 2:
            raise ConnectionRefusedError(111, "refused")
        plug = socket.socket()
        state["opened"].append(plug)
        return plug

    monkeypatch.setattr(http_dial, "_connect_to", to)
    monkeypatch.setattr(http_dial, "_NEXT_ADDRESS_S", 0.01)
    return state


async def test_an_address_that_never_answers_does_not_hold_up_the_next_one(dialled):
    plug = await http_dial.connect([address(1), address(3)])
    await asyncio.sleep(0)
    assert dialled["cancelled"] == [1]
    assert dialled["opened"] == [plug]
    plug.close()


async def test_an_address_that_refuses_is_passed_over_at_once(dialled):
    plug = await http_dial.connect([address(2), address(2), address(3)])
    assert dialled["opened"] == [plug]
    plug.close()


async def test_when_no_address_answers_the_first_failure_is_told(dialled):
    with pytest.raises(ConnectionRefusedError, match="refused"):
        await http_dial.connect([address(2), address(2)])


async def test_a_name_without_addresses_is_an_error(dialled):
    with pytest.raises(OSError, match="no address"):
        await http_dial.connect([])


async def test_giving_up_gives_up_all_addresses(dialled):
    call = asyncio.ensure_future(http_dial.connect([address(1), address(1)]))
    await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.sleep(0)
    assert dialled["cancelled"] == [1, 1]


async def test_of_two_that_answer_together_one_is_kept_and_the_other_closed(dialled, monkeypatch):
    gate = asyncio.Event()
    opened: list[socket.socket] = []

    async def to(_: object) -> socket.socket:
        await gate.wait()
        opened.append(socket.socket())
        return opened[-1]

    monkeypatch.setattr(http_dial, "_connect_to", to)
    call = asyncio.ensure_future(http_dial.connect([address(3), address(4)]))
    await asyncio.sleep(0.05)
    gate.set()
    kept = await call
    await asyncio.sleep(0.01)
    assert len(opened) == 2
    assert [plug.fileno() >= 0 for plug in opened if plug is not kept] == [False]
    assert kept.fileno() >= 0
    kept.close()


async def test_a_burst_of_connections_looks_a_name_up_once(monkeypatch):
    asked: list[object] = []

    async def look_up(self: http_dial.Names, _: object) -> list[object]:
        asked.append(self)
        await asyncio.sleep(0)
        return [address(3)]

    monkeypatch.setattr(http_dial.Names, "_look_up", look_up)
    names = http_dial.Names("example.org", 80)
    found = await asyncio.gather(*(names.addresses() for _ in range(20)))
    assert len(asked) == 1
    assert all(addresses == [address(3)] for addresses in found)
    names.forget()
    await names.addresses()
    assert len(asked) == 2


async def test_a_connection_closed_while_the_loop_stood_still_is_not_used_again() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            peer, _address = listener.accept()
            peer.recv(65536)
            peer.sendall(ANSWER)
            peer.close()

    threading.Thread(target=serve, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    adapter = HttpAdapter(base_url=url, client="httptools")
    asked = Request(messages=(Message("user", "Hi"),), model="m")
    assert (await adapter(asked)).text == "Hello"
    time.sleep(0.2)  # noqa: ASYNC251 -- the loop is to learn nothing meanwhile
    assert (await adapter(asked)).text == "Hello"
    await adapter.aclose()
    listener.close()
