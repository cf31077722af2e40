"""promptkit over an AsyncOpenAI client meets each fault as it does over its own clients."""

from __future__ import annotations

from collections.abc import AsyncIterator

import openai
import pytest
from faults.test_each_fault import ENDLESS, KEY, LASTING, PASSING, QUICK, TOO_FAST, heard
from servers.fault_kinds import FAULTS
from servers.fault_server import FaultServer

import promptkit as pk
from promptkit import errors
from promptkit.transports.retry import RetryPolicy

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("_nothing_left")]


@pytest.fixture
async def client(server: FaultServer, _nothing_left: None) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=server.url, api_key=KEY) as made:
        yield made


def connect(client: openai.AsyncOpenAI, model: str, retry: RetryPolicy = QUICK) -> pk.Session:
    return pk.connect(transport=client, model=model, cache=None, ledger=False, retry=retry)


# A redirect is missing: the SDK's own client follows it.
@pytest.mark.parametrize("fault", [*(name for name in LASTING if name != "redirect"), *PASSING])
async def test_a_fault_ends_in_the_same_error_after_as_many_attempts(server, client, fault):
    expected = LASTING.get(fault) or PASSING[fault]
    async with connect(client, f"fault:{fault}") as session:
        with pytest.raises(expected) as caught:
            await session.ask(f"sdk {fault}", max_tokens=50)
    assert type(caught.value) is expected
    assert caught.value.billed >= (FAULTS[fault].end == "broken")
    assert server.book.requests == caught.value.attempts == (1 if fault in LASTING else 3)


@pytest.mark.parametrize("fault", [*PASSING, *TOO_FAST])
async def test_what_passes_is_answered(client, fault):
    async with connect(client, f"fault:{fault}:1") as session:
        response = await session.ask(f"sdk {fault}", max_tokens=50)
    assert response.text.startswith(f"sdk {fault}:")
    # What a too short length leaves on the connection may spoil the SDK's next request too.
    assert response.log.attempts in ((2, 3) if fault == "length-too-short" else (2,))


@pytest.mark.parametrize("fault", ENDLESS)
async def test_what_never_ends_ends_at_the_deadline(client, fault):
    async with connect(client, f"fault:{fault}", RetryPolicy(deadline_s=0.6)) as session:
        with pytest.raises(errors.DeadlineError) as caught:
            await session.ask(f"sdk {fault}", max_tokens=50)
    assert caught.value.billed


@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
@pytest.mark.parametrize("fault", ["sse-cut-event", "sse-cut-utf8", "sse-error"])
async def test_a_broken_stream_keeps_its_text(client, fault, api):
    async with connect(client, f"fault:{fault}") as session:
        stream = session.stream(f"sdk {fault}", api=api, max_tokens=50)
        with pytest.raises(errors.InterruptedStreamError) as caught:
            await heard(stream, [])
    assert caught.value.text.startswith(f"sdk {fault}:")
