"""What every adapter must do alike: over HTTP, through the OpenAI SDK, and in this process."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from adapters.backends import Backend, http_adapter, local_adapter, openai_adapter
from servers.openai_server import ANSWER

from promptkit.constraint import Constraint
from promptkit.errors import (
    AuthenticationError,
    CallError,
    ConnectionFailedError,
    ContextLengthError,
    InterruptedStreamError,
    OptionError,
    ProtocolError,
    QuotaError,
    RateLimitError,
    RefusedRequestError,
    ServerError,
    UnknownModelError,
)
from promptkit.prompt import Message
from promptkit.response import Response
from promptkit.transport import Transport

pytestmark = pytest.mark.anyio


async def until(condition: Any) -> None:
    """Wait for something that another thread does; give up after a generous while."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.01)


async def test_an_adapter_is_a_transport_with_a_name_and_a_width(backend):
    assert isinstance(backend.adapter, Transport)
    assert backend.adapter.endpoint
    assert backend.adapter.concurrency >= 1
    assert "sk-" not in repr(backend.adapter)


async def test_a_question_gets_an_answer_with_usage_and_a_log(backend):
    response = await backend.ask(max_tokens=40, temperature=0)
    assert response.text
    assert response.usage.input_tokens > 0
    assert response.usage.output_tokens > 0
    assert not response.usage.estimated
    assert response.finish_reason in ("stop", "length")
    assert response.log.latency_s > 0
    assert response.log.source == "endpoint"
    assert response.model


async def test_a_system_message_goes_along(backend):
    messages = (
        Message("system", "Answer in one word."),
        Message("user", "1 + 1?"),
        Message("assistant", "2"),
        Message("user", "What colour is the sky?"),
    )
    alone = await backend.ask("What colour is the sky?", max_tokens=1, temperature=0)
    response = await backend.ask(messages=messages, max_tokens=8, temperature=0)
    assert response.text
    assert response.usage.input_tokens > alone.usage.input_tokens
    if backend.server:
        sent = backend.server.requests[-1].body["messages"]
        assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
async def test_the_pieces_of_a_stream_join_to_the_text_that_ask_gets(backend, api):
    pieces: list[str] = []
    request = backend.request(max_tokens=12, temperature=0, api=api)
    streamed = await backend.adapter(request, pieces.append)
    asked = await backend.adapter(request)
    assert len(pieces) > 1
    assert "".join(pieces) == streamed.text
    assert streamed.finish_reason == asked.finish_reason
    assert streamed.usage.output_tokens == asked.usage.output_tokens
    assert streamed.usage.input_tokens == asked.usage.input_tokens
    assert not streamed.usage.estimated
    if backend.server:
        assert streamed.text == asked.text


@pytest.mark.parametrize("stream", [False, True])
async def test_two_answers_to_one_request_are_two_choices(backend, stream):
    request = backend.request(n=2, max_tokens=6, temperature=1)
    pieces: list[str] = []
    response = await backend.adapter(request, pieces.append if stream else None)
    assert len(response.choices) == 2
    assert all(choice.text and choice.finish_reason for choice in response.choices)
    one = await backend.ask(max_tokens=6, temperature=1)
    assert response.usage.output_tokens > one.usage.output_tokens
    if stream:
        assert "".join(pieces) == response.text


@pytest.mark.parametrize("api", ["chat", "completions"])
async def test_a_stop_text_ends_the_answer_and_is_not_in_it(backend, api):
    whole = (await backend.ask(api=api, max_tokens=30, temperature=0)).text
    stop = whole.split()[2]
    response = await backend.ask(api=api, max_tokens=30, temperature=0, stop=stop)
    assert response.finish_reason == "stop"
    assert stop not in response.text
    assert len(response.text) < len(whole)


@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
async def test_max_tokens_ends_the_answer_with_the_reason_length(backend, api):
    response = await backend.ask(api=api, max_tokens=3, temperature=0)
    assert response.usage.output_tokens <= 3
    if backend.name == "local" and api == "responses":
        return  # llama.cpp says «completed» there
    assert response.finish_reason == "length"


@pytest.mark.parametrize("api", ["chat", "completions"])
@pytest.mark.parametrize("stream", [False, True])
async def test_logprobs_come_for_each_token_with_alternatives(backend, api, stream):
    request = backend.request(api=api, max_tokens=3, temperature=0, logprobs=2)
    response = await backend.adapter(request, (lambda _: None) if stream else None)
    logprobs = response.choices[0].logprobs
    assert logprobs is not None
    assert len(logprobs) == 3
    assert "".join(token.token for token in logprobs) == response.text
    assert all(token.logprob <= 0 for token in logprobs)
    assert all(len(token.top) >= 2 for token in logprobs)


async def test_no_logprobs_come_when_none_were_asked_for(backend):
    assert (await backend.ask(max_tokens=3)).choices[0].logprobs is None


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_choice_is_obeyed_and_the_text_is_the_chosen_text(backend, api, stream):
    choice = Constraint.choice(['the "wolf"', "a sheep\nor two"])
    pieces: list[str] = []
    request = backend.request(api=api, constraint=choice, temperature=0)
    response = await backend.adapter(request, pieces.append if stream else None)
    assert response.text in choice.value
    if stream:
        assert "".join(pieces) == response.text


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_json_schema_is_obeyed(backend, api):
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}, "count": {"type": "integer"}},
        "required": ["city", "count"],
        "additionalProperties": False,
    }
    response = await backend.ask(
        api=api, constraint=Constraint.json_schema(schema), temperature=0, max_tokens=80
    )
    data = json.loads(response.text)
    assert isinstance(data["city"], str)
    assert isinstance(data["count"], int)


@pytest.mark.parametrize("pattern", [r"[A-C]{2}-\d+", r"(yes|no), \w{3,8}[.!?]", r"[^a-z]\S\t?"])
async def test_a_regular_expression_is_obeyed_or_not_sent(backend, pattern):
    constraint = Constraint.regex(pattern)
    response = await backend.ask(constraint=constraint, max_tokens=20, temperature=0)
    if backend.server is None:
        assert constraint.allows(response.text) or response.finish_reason == "length"
    else:
        assert "grammar" not in backend.server.requests[-1].body


async def test_completions_send_one_message_word_for_word(backend):
    response = await backend.ask("The capital of France is", api="completions", max_tokens=3)
    assert response.text
    if backend.server:
        assert backend.server.requests[-1].body["prompt"] == "The capital of France is"


async def test_extra_fields_are_merged_into_the_body(backend):
    response = await backend.ask(max_tokens=2, extra={"top_k": 1, "user": "u"})
    assert response.text
    if backend.server:
        assert backend.server.requests[-1].body["top_k"] == 1


async def test_an_option_that_the_api_has_no_field_for_is_refused_before_sending(backend):
    with pytest.raises(OptionError, match="responses API has no stop"):
        await backend.ask(api="responses", stop="x")


async def test_a_prompt_too_long_for_the_model_is_told_apart(backend):
    model = "any" if backend.server is None else "fail-context"
    text = "word " * 9000 if backend.server is None else "Hi"
    with pytest.raises(ContextLengthError, match="context") as caught:
        await backend.ask(text, model=model)
    assert caught.value.status == 400
    assert not caught.value.retryable


async def test_many_questions_at_once_each_get_their_own_answer(backend):
    asked = [backend.ask(f"Question {i}?", max_tokens=2) for i in range(12)]
    assert all(response.text for response in await asyncio.gather(*asked))


# -- what can go wrong ----------------------------------------------------------------------

FAULTS = [
    ("no-such-model", UnknownModelError, "no-such-model"),
    ("fail-400", RefusedRequestError, "Invalid value"),
    ("fail-403", AuthenticationError, "Not allowed"),
    ("fail-429", RateLimitError, "Slow down"),
    ("fail-quota", QuotaError, "no credit"),
    ("fail-500", ServerError, "had an error"),
    ("fail-502", ServerError, "502 Bad Gateway"),
    ("garbage", ProtocolError, "no JSON"),
    ("empty", ProtocolError, "empty"),
    ("no-choices", ProtocolError, "no choices"),
    ("error-200", ProtocolError, "upstream died"),
    ("hang-up", ConnectionFailedError, "closed|lost"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "kind", "words"), FAULTS)
async def test_each_fault_is_its_own_error(served, model, kind, words, stream):
    with pytest.raises(CallError, match=words) as caught:
        await served.adapter(served.request(model=model), (lambda _: None) if stream else None)
    assert type(caught.value) is kind
    assert len(str(caught.value)) < 600
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


async def test_a_wrong_key_is_told_and_not_shown(served):
    served.server.key, right = "sk-another-key-0123456789", served.server.key
    try:
        with pytest.raises(AuthenticationError, match="Incorrect API key") as caught:
            await served.ask()
    finally:
        served.server.key = right
    assert right not in str(caught.value)
    assert "OPENAI_API_KEY" in caught.value.hint


async def test_a_rate_limit_says_how_long_to_wait(served):
    with pytest.raises(RateLimitError) as caught:
        await served.ask(model="fail-429")
    assert caught.value.retry_after_s == 0.07
    assert caught.value.headers["x-ratelimit-limit-requests"] == "600"


async def test_an_error_does_not_repeat_the_prompt(served):
    with pytest.raises(RefusedRequestError) as caught:
        await served.ask("Jane Miller lives in Long Street", model="fail-400")
    assert "Jane Miller" not in str(caught.value)


@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
@pytest.mark.parametrize("model", ["hang-up-mid-stream", "unfinished"])
async def test_a_stream_that_breaks_keeps_what_was_shown(served, api, model):
    pieces: list[str] = []
    with pytest.raises(InterruptedStreamError) as caught:
        await served.adapter(served.request(model=model, api=api), pieces.append)
    assert pieces
    assert caught.value.text == "".join(pieces)
    assert not caught.value.retryable
    assert caught.value.__context__ is None


async def test_a_broken_stream_that_showed_nothing_may_be_asked_again(served):
    request = served.request(model="unfinished", constraint=Constraint.choice(["a", "b"]))
    with pytest.raises(ConnectionFailedError) as caught:
        await served.adapter(request, lambda _: None)
    assert caught.value.retryable


async def test_a_server_that_cannot_stream_is_read_whole(served):
    pieces: list[str] = []
    response = await served.adapter(served.request(model="no-stream"), pieces.append)
    assert "".join(pieces) == response.text == ANSWER


async def test_a_stream_without_the_closing_mark_is_whole_when_it_says_why_it_ended(served):
    response = await served.adapter(served.request(model="no-done"), lambda _: None)
    assert response.text == ANSWER


@pytest.mark.parametrize("model", ["no-usage", "absurd-usage"])
@pytest.mark.parametrize("stream", [False, True])
async def test_missing_or_absurd_usage_is_estimated_and_marked(served, model, stream):
    request = served.request(model=model)
    response = await served.adapter(request, (lambda _: None) if stream else None)
    assert response.usage.estimated
    assert 0 < response.usage.input_tokens < 100
    assert 0 < response.usage.output_tokens < 100


@pytest.mark.parametrize(("model", "stream"), [("slow", False), ("slow-stream", True)])
async def test_cancelling_closes_the_connection_at_the_server(served, model, stream):
    before = served.server.cancelled
    asked_before = len(served.server.requests)
    request = served.request(model=model)
    pieces: list[str] = []
    task = asyncio.create_task(served.adapter(request, pieces.append if stream else None))
    await until(lambda: pieces if stream else len(served.server.requests) > asked_before)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: served.server.cancelled == before + 1)


async def test_no_server_at_all_is_not_billed(served, monkeypatch):
    import openai

    from promptkit.adapters.http import HttpAdapter
    from promptkit.adapters.openai import OpenAIAdapter

    nobody = "http://127.0.0.1:1/v1"
    client = openai.AsyncOpenAI(base_url=nobody, api_key="k")
    adapter = HttpAdapter(base_url=nobody) if served.name == "http" else OpenAIAdapter(client)
    with pytest.raises(ConnectionFailedError, match=r"127\.0\.0\.1:1") as caught:
        await adapter(served.request())
    assert caught.value.retryable
    assert not caught.value.billed
    await adapter.aclose()
    await client.close()


async def test_answers_carry_the_limits_and_nothing_personal(served):
    headers = (await served.ask()).headers
    assert headers["x-ratelimit-remaining-requests"] == "599"
    assert headers["x-request-id"] == "req_1"
    assert not {"set-cookie", "openai-organization"} & headers.keys()


# -- the other APIs -------------------------------------------------------------------------


async def test_embeddings_come_in_the_order_of_the_messages(served):
    messages = (Message("user", "wolf"), Message("user", "mouse"))
    response = await served.ask(messages=messages, api="embeddings", temperature=0)
    assert response.vectors == ((4.0, 0.5, -0.25), (5.0, 0.5, -0.25))
    assert response.usage.input_tokens == 2
    assert response.usage.output_tokens == 0
    assert not response.usage.estimated


async def test_moderations_come_one_per_message(served):
    messages = (Message("user", "kill"), Message("user", "feed"))
    response = await served.ask(messages=messages, api="moderations")
    assert response.moderations is not None
    assert [result["flagged"] for result in response.moderations] == [True, False]


async def test_what_the_embedded_model_cannot_do_is_not_tried_again(local):
    for api in ("embeddings", "moderations"):
        with pytest.raises(CallError) as caught:
            await local.ask(api=api)
        assert not caught.value.retryable


# -- event loops ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["http", "openai", "local"])
def test_one_adapter_serves_two_event_loops_one_after_the_other(name, server, monkeypatch):
    if name == "local":
        adapter: Any = local_adapter(monkeypatch)
    else:
        adapter = http_adapter(server) if name == "http" else openai_adapter(server)
    backend = Backend(name, adapter, "any" if name == "local" else "test-model", None)

    async def ask() -> Response:
        response = await backend.ask(max_tokens=2)
        if name == "openai":
            # The client is the user's own to close; what it had open dies with its loop.
            await adapter._client.close()
        return response

    assert asyncio.run(ask()).text
    assert asyncio.run(ask()).text
