from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from adapters.backends import Backend, http_adapter
from servers.openai_server import ANSWER

from promptkit.adapters.http import HttpAdapter
from promptkit.adapters.loops import fastest_loop
from promptkit.adapters.openai import OpenAIAdapter, is_client
from promptkit.errors import ConnectionFailedError, ProtocolError
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.secret import Secret

pytestmark = pytest.mark.anyio
HI = Request(messages=(Message("user", "Hi"),), model="test-model")


async def test_organisation_and_project_go_along_and_stand_in_the_endpoint(server):
    adapter = http_adapter(server, organization="org-1", project="proj-1")
    assert adapter.endpoint == f"{server.url} organization=org-1 project=proj-1"
    await adapter(HI)
    sent = server.requests[-1].headers
    assert (sent["OpenAI-Organization"], sent["OpenAI-Project"]) == ("org-1", "proj-1")
    assert sent["Authorization"] == f"Bearer {server.key}"
    await adapter.aclose()


@pytest.mark.parametrize(
    ("api", "path"),
    [
        ("chat", "/openai/deployments/test-model/chat/completions?api-version=2024-10-21"),
        ("embeddings", "/openai/deployments/test-model/embeddings?api-version=2024-10-21"),
        ("responses", "/openai/responses?api-version=2024-10-21"),
    ],
)
async def test_azure_gets_its_paths_and_its_key_header(server, api, path):
    import openai

    root = server.url.removesuffix("/v1")
    own = HttpAdapter(base_url=root, api_key=Secret(server.key), api_version="2024-10-21")
    client = openai.AsyncAzureOpenAI(
        azure_endpoint=root, api_key=server.key, api_version="2024-10-21"
    )
    theirs = OpenAIAdapter(client)
    for adapter in (own, theirs):
        await adapter(HI.replace(api=api))
        assert server.requests[-1].path == path
        assert server.requests[-1].headers["api-key"] == server.key
        assert "api-version=2024-10-21" in adapter.endpoint
        await adapter.aclose()
    await client.close()


async def test_both_adapters_name_the_same_endpoint_alike(server):
    import openai

    client = openai.AsyncOpenAI(
        base_url=server.url, api_key="k", organization="org-1", project="proj-1"
    )
    own = http_adapter(server, organization="org-1", project="proj-1")
    assert OpenAIAdapter(client).endpoint == own.endpoint
    await client.close()


async def test_a_client_is_told_apart_and_its_retries_are_off(server):
    import openai

    client = openai.AsyncOpenAI(base_url=server.url, api_key=server.key, max_retries=5)
    sync = openai.OpenAI(base_url=server.url, api_key="k")
    assert is_client(client)
    assert not is_client(sync)
    assert not is_client(HI)
    before = len(server.requests)
    with pytest.raises(Exception, match="had an error"):
        await OpenAIAdapter(client)(HI.replace(model="fail-500"))
    assert len(server.requests) == before + 1
    assert client.max_retries == 5
    await client.close()
    sync.close()


async def test_connections_are_kept_for_the_next_request(server):
    adapter = http_adapter(server)
    before = server.connections
    for on_text in (None, lambda _: None, None, lambda _: None):
        await adapter(HI, on_text)
    assert server.connections <= before + 1
    await adapter.aclose()


async def test_closing_closes_the_connections_and_a_later_call_opens_new_ones(server):
    adapter = http_adapter(server)
    await adapter(HI)
    before = server.connections
    await adapter.aclose()
    async with asyncio.timeout(10):
        while server.connections >= before:
            await asyncio.sleep(0.01)
    assert (await adapter(HI)).text == ANSWER
    await adapter.aclose()


async def serve_bytes(*parts: bytes) -> tuple[asyncio.Server, HttpAdapter]:
    """Answer every connection with the same bytes, then close it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        with suppress(ConnectionError):  # the client may have had enough
            for part in parts:
                writer.write(part)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    return server, HttpAdapter(base_url=f"http://127.0.0.1:{port}/v1")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("parts", "kind", "words"),
    [
        ((b"SSH-2.0-OpenSSH\r\n\r\n",), ProtocolError, "does not answer in HTTP"),
        ((), ConnectionFailedError, "closed the connection"),
        ((HEAD + b"Content-Length: 50\r\n\r\n{",), ConnectionFailedError, "within the answer"),
        ((HEAD + b"Content-Length: 2\r\n\r\n[]",), ProtocolError, "type list"),
        ((HEAD + b"Content-Length: 2\r\n\r\n\xff\xfe",), ProtocolError, "no JSON"),
    ],
)
async def test_a_server_that_talks_nonsense_gives_a_clear_error(parts, kind, words):
    server, adapter = await serve_bytes(*parts)
    with pytest.raises(kind, match=words) as caught:
        await adapter(HI)
    assert caught.value.billed
    assert caught.value.__context__ is None
    await adapter.aclose()
    server.close()


async def test_an_answer_past_all_bounds_is_given_up():
    body = b" " * (1 << 20)
    server, adapter = await serve_bytes(HEAD + b"Content-Length: 99999999999\r\n\r\n", *[body] * 70)
    with pytest.raises(ProtocolError, match="larger than 64 MiB"):
        await adapter(HI)
    await adapter.aclose()
    server.close()


async def test_a_proxy_in_the_environment_is_used_and_no_proxy_obeyed(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    through = HttpAdapter(base_url="http://nowhere.invalid/v1", api_key=Secret(server.key))
    assert (await through(HI)).text == ANSWER
    await through.aclose()
    monkeypatch.setenv("no_proxy", "nowhere.invalid")
    past = HttpAdapter(base_url="http://nowhere.invalid/v1", api_key=Secret(server.key))
    assert past._proxy is None


async def test_a_thousand_requests_at_once_are_answered_in_full(server):
    backend = Backend("http", http_adapter(server), "test-model", server)
    answers = await asyncio.gather(*(backend.ask(f"{i}?") for i in range(1000)))
    assert all(answer.text == ANSWER for answer in answers)
    await backend.adapter.aclose()


FORGETFUL = """
import asyncio, sys
from promptkit.adapters.http import HttpAdapter
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.secret import Secret

adapter = HttpAdapter(base_url=sys.argv[1], api_key=Secret(sys.argv[2]))
hi = Request(messages=(Message("user", "Hi"),), model="test-model")
how = sys.argv[3]
if how == "run":
    asyncio.run(adapter(hi))
elif how == "loop":
    loop = asyncio.new_event_loop()
    loop.run_until_complete(adapter(hi))
elif how == "dropped":
    async def main():
        global adapter
        await adapter(hi)
        del adapter
        import gc; gc.collect()
        await asyncio.sleep(0.05)
    asyncio.run(main())
elif how == "thread":
    import threading
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(adapter(hi), loop).result()
"""


@pytest.mark.parametrize("how", ["run", "loop", "dropped", "thread"])
def test_an_adapter_that_nobody_closes_ends_without_a_word(server, how):
    command = [sys.executable, "-c", FORGETFUL, server.url, server.key, how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


FORKING = """
import asyncio, os, sys
from promptkit.adapters.http import HttpAdapter
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.secret import Secret

adapter = HttpAdapter(base_url=sys.argv[1], api_key=Secret(sys.argv[2]), client=sys.argv[3])
hi = Request(messages=(Message("user", "Hi"),), model="test-model")
loop = asyncio.new_event_loop()
first = loop.run_until_complete(adapter(hi))
child = os.fork()
if not child:
    asyncio.run(adapter(hi))
    sys.exit()  # with all that runs at an exit
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
for _ in range(3):
    assert loop.run_until_complete(adapter(hi)).text == first.text
loop.run_until_complete(adapter.aclose())
loop.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("client", ["aiohttp", "httptools"])
def test_a_forked_process_opens_connections_of_its_own_and_spares_its_parents(server, client):
    before = server.connections
    command = [sys.executable, "-c", FORKING, server.url, server.key, client]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert server.connections <= before + 2


@pytest.mark.parametrize("client", ["aiohttp", "httptools"])
def test_loops_in_several_threads_share_an_adapter_and_no_connection(server, client):
    adapter = HttpAdapter(base_url=server.url, api_key=Secret(server.key), client=client)

    async def several() -> list[str]:
        answers = [(await adapter(HI)).text for _ in range(10)]
        await adapter.aclose()
        return answers

    with ThreadPoolExecutor(4) as threads:
        for answers in threads.map(lambda _: asyncio.run(several()), range(8)):
            assert answers == [ANSWER] * 10
    assert not adapter._clients._table


def test_the_fastest_loop_answers_too_and_asyncios_does_where_uvloop_is_missing(
    server, monkeypatch
):
    for is_here in (True, False):
        if not is_here:
            monkeypatch.setitem(sys.modules, "uvloop", None)
        loop = fastest_loop()
        adapter = http_adapter(server)
        assert loop.run_until_complete(adapter(HI)).text == ANSWER
        loop.run_until_complete(adapter.aclose())
        loop.close()
    assert type(loop).__module__.startswith("asyncio")
