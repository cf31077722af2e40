from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from servers.batch_server import BatchServer
from servers.batches import Plan

import promptkit as pk
from promptkit.adapters.batch_api import BatchApi
from promptkit.adapters.batch_openai import OpenAISender
from promptkit.adapters.batch_send import HttpSender, Reply, cut_lines
from promptkit.adapters.dialect import Dialect
from promptkit.batch import BatchPolicy
from promptkit.secret import Secret

KEY = "sk-test-0123456789abcdefWXYZ"
QUICK = BatchPolicy(first_poll_s=0.01, longest_poll_s=0.05, lease_s=0.5)


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(key=KEY) as running:
        yield running


@pytest.fixture
async def client(server: BatchServer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=server.url, api_key=KEY) as running:
        yield running


def sender_of(kind: str, client: openai.AsyncOpenAI) -> HttpSender | OpenAISender:
    if kind == "sdk":
        return OpenAISender(client)
    return HttpSender(base_url=str(client.base_url), api_key=Secret(client.api_key))


def jsonl(*texts: str) -> bytes:
    lines = [
        {
            "custom_id": text,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "m", "messages": [{"role": "user", "content": text}]},
        }
        for text in texts
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


async def test_the_openai_sdk_is_a_client_of_the_test_server(
    server: BatchServer, client: openai.AsyncOpenAI
) -> None:
    data = io.BytesIO(jsonl("a", "refuse", "c"))
    file = await client.files.create(file=("x.jsonl", data), purpose="batch")
    assert (file.purpose, file.filename) == ("batch", "x.jsonl")
    batch = await client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"run": "7"},
    )
    assert batch.status == "validating"
    batch = await client.batches.retrieve(batch.id)
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (2, 1)
    output = await client.files.content(batch.output_file_id or "")
    assert {json.loads(line)["custom_id"] for line in output.text.splitlines()} == {"a", "c"}
    listed = [other.id async for other in client.batches.list(limit=1)]
    assert listed == [batch.id]
    with pytest.raises(openai.ConflictError):
        await client.batches.cancel(batch.id)
    assert (await client.files.delete(file.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await client.files.retrieve(file.id)


async def test_the_test_server_refuses_what_openai_refuses(
    server: BatchServer, client: openai.AsyncOpenAI
) -> None:
    file = await client.files.create(file=("x.jsonl", jsonl("a", "a")), purpose="batch")
    with pytest.raises(openai.BadRequestError, match="Invalid file id"):
        await client.batches.create(
            input_file_id="file-0", endpoint="/v1/chat/completions", completion_window="24h"
        )
    batch = await client.batches.create(
        input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h"
    )
    batch = await client.batches.retrieve(batch.id)
    assert batch.status == "failed"
    assert batch.errors is not None
    codes = {error.code for error in batch.errors.data or []}
    assert codes == {"mismatched_url", "duplicate_custom_id"}
    assert not server.batches.billed


async def test_a_token_is_found_on_a_later_page(server: BatchServer) -> None:
    sender = HttpSender(base_url=server.url, api_key=Secret(KEY))
    api = BatchApi(sender, Dialect())
    file_id = await api.upload("x.jsonl", jsonl("a"))
    wanted = await api.create(file_id, "/v1/chat/completions", "24h", "wanted")
    for number in range(120):
        await api.create(file_id, "/v1/chat/completions", "24h", f"other {number}")
    found = await api.find("wanted", since=0.0)
    assert [batch["id"] for batch in found] == [wanted["id"]]
    assert await api.find("nobody's", since=0.0) == []
    assert await api.batch("batch_0") is None


async def test_a_session_on_an_openai_client_batches_through_it(
    server: BatchServer, client: openai.AsyncOpenAI
) -> None:
    server.batches.plans.append(Plan(expire_after=1))
    async with pk.connect(transport=client, model="gpt-4o-mini", cache=True) as session:
        responses = await session.batch(["a", "b", "refuse"], policy=QUICK, on_error="keep")
    assert [type(r).__name__ for r in responses] == ["Response", "Response", "RefusedRequestError"]
    assert server.batches.created == 2


async def test_azures_dated_api_is_spoken_with_its_own_addresses(server: BatchServer) -> None:
    base = server.url.removesuffix("/v1")
    profile = pk.Profile(name="azure", base_url=base, api_version="2024-10-21", model="deployed")
    async with pk.connect(profile, api_key=KEY) as session:
        (response,) = await session.batch(["a"], policy=QUICK)
    assert response.text == "a has 1 characters"


@pytest.mark.parametrize("kind", ["http", "sdk"])
async def test_no_error_shows_the_key_or_chains_the_client_librarys(
    kind: str, server: BatchServer
) -> None:
    wrong = "sk-wrong-0123456789abcd"
    async with openai.AsyncOpenAI(base_url=server.url, api_key=wrong) as client:
        sender = sender_of(kind, client)
        with pytest.raises(pk.errors.AuthenticationError) as raised:
            await BatchApi(sender, Dialect()).batch("batch_1")
    assert "0123456789" not in str(raised.value)
    assert wrong not in repr(sender)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@pytest.mark.parametrize("kind", ["http", "sdk"])
async def test_a_server_that_is_not_there_is_a_connection_error_that_bills_nothing(
    kind: str,
) -> None:
    async with openai.AsyncOpenAI(base_url="http://127.0.0.1:9/v1", api_key=KEY) as client:
        api = BatchApi(sender_of(kind, client), Dialect())
        with pytest.raises(pk.errors.ConnectionFailedError) as raised:
            await api.upload("x.jsonl", b"{}\n")
        assert not raised.value.billed
        with pytest.raises(pk.errors.ConnectionFailedError):
            _ = [line async for line in api.lines("file-1")]


async def test_lines_are_cut_at_line_feeds_alone() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for chunk in (b'{"a": "\xe2\x80', b'\xa8"}\n\n{', b'"b": 1}\r\n', b'{"c"', b": 2}"):
            yield chunk

    found = [json.loads(line) async for line in cut_lines(chunks())]
    assert found == [{"a": "\u2028"}, {"b": 1}, {"c": 2}]


def test_a_reply_shows_no_body() -> None:
    assert "secret" not in repr(Reply(200, b"secret"))
