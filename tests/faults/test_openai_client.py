"""The openai SDK as the server's client: what it accepts, promptkit's peers accept."""

from __future__ import annotations

import asyncio

import openai
import pytest
from servers.fault_answers import vector_of
from servers.fault_server import FaultServer

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("_nothing_left")]


@pytest.fixture
async def client(server: FaultServer, _nothing_left: None) -> openai.AsyncOpenAI:
    async with openai.AsyncOpenAI(
        base_url=server.url, api_key="sk-fault-0123456789", max_retries=0, timeout=10
    ) as made:
        yield made


QUESTION = [{"role": "user", "content": "who is afraid of wolves?"}]


async def test_chat_completions_are_read_whole_and_streamed(client):
    whole = await client.chat.completions.create(model="m", messages=QUESTION, n=2)
    texts = [choice.message.content for choice in whole.choices]
    assert len(texts) == 2
    assert all(text.startswith("who is afraid of wolves?:") for text in texts)
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    stream = await client.chat.completions.create(
        model="m", messages=QUESTION, n=2, stream=True, stream_options={"include_usage": True}
    )
    heard = ["", ""]
    async for chunk in stream:
        for choice in chunk.choices:
            heard[choice.index] += choice.delta.content or ""
        usage = chunk.usage
    assert heard == texts
    assert usage == whole.usage


async def test_completions_take_a_list_of_prompts(client):
    answer = await client.completions.create(model="m", prompt=["one", "two", "three"], n=2)
    texts = {choice.index: choice.text for choice in answer.choices}
    assert [texts[i].split(":")[0] for i in range(6)] == ["one"] * 2 + ["two"] * 2 + ["three"] * 2


async def test_the_longest_answer_is_kept_to(client):
    answer = await client.chat.completions.create(
        model="m", messages=QUESTION, max_completion_tokens=2
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 2


async def test_responses_are_read_whole_and_streamed(client):
    whole = await client.responses.create(model="m", input="who is it?")
    assert whole.output_text.startswith("who is it?:")
    assert whole.status == "completed"
    stream = await client.responses.create(model="m", input="who is it?", stream=True)
    events = [event async for event in stream]
    said = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert said == whole.output_text
    assert events[-1].response.usage.total_tokens == whole.usage.total_tokens


@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_embeddings_come_for_every_input(client, encoding):
    texts = [f"{'a' * i}b" for i in range(30)]
    answer = await client.embeddings.create(model="m", input=texts, encoding_format=encoding)
    assert sorted(item.index for item in answer.data) == list(range(30))
    if encoding == "float":
        found = {item.index: item.embedding for item in answer.data}
        assert [found[i] for i in range(30)] == [vector_of(text) for text in texts]


async def test_moderations_come_for_every_input(client):
    answer = await client.moderations.create(input=["kill them", "feed them"])
    assert [result.flagged for result in answer.results] == [True, False]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("400", openai.BadRequestError),
        ("401", openai.AuthenticationError),
        ("404", openai.NotFoundError),
        ("409", openai.ConflictError),
        ("429", openai.RateLimitError),
        ("429-bare", openai.RateLimitError),
        ("429-quota", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("502", openai.InternalServerError),
        ("503", openai.InternalServerError),
        ("reset", openai.APIConnectionError),
        ("length-too-long", openai.APIConnectionError),
        ("reset-in-body", openai.APIConnectionError),
    ],
)
async def test_it_sees_each_fault_as_what_it_is_meant_to_be(client, fault, error):
    with pytest.raises(error) as caught:
        await client.chat.completions.create(model=f"fault:{fault}", messages=QUESTION)
    if fault == "429":
        assert caught.value.code == "rate_limit_exceeded"
        assert float(caught.value.response.headers["retry-after-ms"]) > 0


async def test_its_own_retries_get_through_what_passes(server, client):
    patient = client.with_options(max_retries=3)
    for fault in ("408", "409", "429", "500", "502", "503", "reset"):
        answer = await patient.chat.completions.create(
            model=f"fault:{fault}:1",
            messages=[{"role": "user", "content": f"retried {fault}"}],
        )
        assert answer.choices[0].message.content.startswith(f"retried {fault}:")


async def test_files_and_batches_answer_each_line(server, client):
    pytest.importorskip("servers.batches")
    lines = b"\n".join(
        b'{"custom_id": "%d", "method": "POST", "url": "/v1/chat/completions", "body": '
        b'{"model": "m", "messages": [{"role": "user", "content": "line %d"}]}}' % (i, i)
        for i in range(5)
    )
    file = await client.files.create(file=("lines.jsonl", lines), purpose="batch")
    batch = await client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    async with asyncio.timeout(20):
        while batch.status not in ("completed", "failed", "expired"):
            await asyncio.sleep(0.02)
            batch = await client.batches.retrieve(batch.id)
    assert batch.status == "completed"
    content = await client.files.content(batch.output_file_id)
    assert all(f'"line {i}:' in content.text for i in range(5))
    billed = [item["billed"] for item in server.book.items().values() if "line" in item["label"]]
    assert billed == [1] * 5
