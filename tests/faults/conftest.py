"""A hostile server for the tests of this folder, and who talks to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from faults.http_clients import choose_client
from servers.fault_server import FaultServer


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """Commits the faults it is asked for, and none else."""
    with FaultServer() as running:
        yield running


@pytest.fixture(params=["aiohttp", "httptools"])
def http_client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let `connect` use one HTTP client or the other, whichever is installed."""
    pytest.importorskip(request.param)
    choose_client(request.param, monkeypatch.setattr)
    return request.param


def own_tasks() -> set[str]:
    """The tasks of this loop by their coroutines' names, the test runner's left out."""
    names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
    return {name for name in names if not name.startswith("TestRunner.")}


@pytest.fixture
async def _nothing_left(server: FaultServer) -> AsyncIterator[None]:
    """After a test no task is left here and no connection at the server."""
    server.endpoint.reset()  # so that what passes after its first time has a first time again
    before = own_tasks()
    yield
    async with asyncio.timeout(10):
        while server.connections or server.book.in_flight:
            await asyncio.sleep(0.01)
    assert own_tasks() == before
