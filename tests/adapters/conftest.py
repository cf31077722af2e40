"""The test server, and each of the three adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from adapters.backends import Backend, http_adapter, local_adapter, openai_adapter
from servers.openai_server import OpenAIServer


@pytest.fixture(scope="session")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


async def _made(
    name: str, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Backend]:
    if name == "local":
        backend = Backend(name, local_adapter(monkeypatch), "any", None)
    else:
        make = http_adapter if name == "http" else openai_adapter
        backend = Backend(name, make(server), "test-model", server)
    yield backend
    await backend.adapter.aclose()
    if name == "openai":
        await backend.adapter._client.close()


@pytest.fixture(params=["http", "openai", "local"])
async def backend(
    request: pytest.FixtureRequest, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Backend]:
    """Each of the three."""
    async for made in _made(request.param, server, monkeypatch):
        yield made


@pytest.fixture(params=["http", "openai"])
async def served(
    request: pytest.FixtureRequest, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Backend]:
    """The two that speak to the test server, whose faults can be chosen."""
    async for made in _made(request.param, server, monkeypatch):
        yield made


@pytest.fixture
async def local(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Backend]:
    """The model in this process."""
    async for made in _made("local", server, monkeypatch):
        yield made
