"""Streams over both HTTP clients: in pieces, cut anywhere, broken anywhere."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.raw_server import HEAD, Peer, RawServer

from promptkit.adapters import http_client, streaming
from promptkit.adapters.dialect import Dialect
from promptkit.adapters.http import HttpAdapter
from promptkit.adapters.streaming import StreamedAnswer
from promptkit.errors import (
    ConnectionFailedError,
    InterruptedStreamError,
    ProtocolError,
    RateLimitError,
)
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.secret import Secret

ASKED = Request(messages=(Message("user", "Say something in several words."),), model="m")
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Request-Id: r1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
USAGE = {"prompt_tokens": 11, "completion_tokens": 3}


def event(data: object, kind: str = "") -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return (f"event: {kind}\n" if kind else "").encode() + f"data: {text}\n\n".encode()


def word(text: str, **more: object) -> bytes:
    return event({"model": "m-1", "choices": [{"index": 0, "delta": {"content": text}}], **more})


STOP = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
COUNTED = event({"choices": [], "usage": USAGE})
DONE = event("[DONE]")
WORDS = ["Nought ", "naïve ", "🐑🐑."]
WHOLE = b"".join(map(word, WORDS)) + STOP + COUNTED + DONE


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.fixture(params=["aiohttp", "httptools"])
async def connect(request):
    made = []

    def make(server: RawServer) -> HttpAdapter:
        key = Secret("sk-streaming-0123456789")
        made.append(HttpAdapter(base_url=server.url, api_key=key, client=request.param))
        return made[-1]

    yield make
    for adapter in made:
        await adapter.aclose()


def streaming_in(*parts: bytes, end: bytes = b"0\r\n\r\n"):
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(STREAM_HEAD, *map(chunk, parts))
        if end:
            await peer.say(end)
            await peer.reader.read()

    return talk


async def test_each_piece_is_handed_on_before_the_next_one_is_sent(connect):
    seen: list[str] = []

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(STREAM_HEAD)
        for count, text in enumerate(WORDS, 1):
            await peer.say(chunk(word(text)))
            await peer.server.until(lambda count=count: len(seen) == count)
        await peer.say(chunk(STOP + COUNTED + DONE), b"0\r\n\r\n")
        await peer.reader.read()

    async with RawServer(talk) as server:
        response = await connect(server)(ASKED, seen.append)
    assert seen == WORDS
    assert response.text == "".join(WORDS)
    assert (response.usage.input_tokens, response.usage.output_tokens) == (11, 3)
    assert not response.usage.estimated
    assert response.finish_reason == "stop"
    assert response.headers == {"x-request-id": "r1"}
    assert response.log.latency_s > 0


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100_000])
async def test_a_stream_cut_anywhere_is_the_same_stream(connect, size):
    parts = [WHOLE[start : start + size] for start in range(0, len(WHOLE), size)]
    pieces: list[str] = []
    async with RawServer(streaming_in(*parts)) as server:
        response = await connect(server)(ASKED, pieces.append)
    assert pieces == WORDS
    assert response.usage.output_tokens == 3


@pytest.mark.parametrize(
    "left",
    [
        word(WORDS[0]) + word(WORDS[1]),
        word(WORDS[0]) + word(WORDS[1]) + b'data: {"choices": [{"del',
        word(WORDS[0]) + word(WORDS[1]) + word("🐑").split("🐑".encode())[0] + "🐑".encode()[:2],
    ],
    ids=["between events", "within an event", "within a character"],
)
@pytest.mark.parametrize("how", ["close", "end"])
async def test_a_broken_stream_keeps_the_text_and_says_what_it_cost(connect, left, how):
    pieces: list[str] = []
    end = b"0\r\n\r\n" if how == "end" else b""
    async with RawServer(streaming_in(left, end=end)) as server:
        with pytest.raises(InterruptedStreamError) as caught:
            await connect(server)(ASKED, pieces.append)
    error = caught.value
    assert error.text == "".join(WORDS[:2]) == "".join(pieces)
    assert error.billed
    assert not error.retryable
    assert error.fault == "network"
    assert 5 < error.input_tokens < 40
    assert 2 <= error.output_tokens < 10
    assert error.headers == {"x-request-id": "r1"}
    assert error.__context__ is None


async def test_counts_that_came_before_the_break_are_taken(connect):
    counted = {"usage": {"prompt_tokens": 11, "completion_tokens": 2}}
    async with RawServer(streaming_in(word("One "), word("two", **counted), end=b"")) as server:
        with pytest.raises(InterruptedStreamError) as caught:
            await connect(server)(ASKED, lambda _: None)
    assert (caught.value.input_tokens, caught.value.output_tokens) == (11, 2)


async def test_a_break_before_any_text_may_be_asked_again(connect):
    async with RawServer(streaming_in(b": hello\n\n", end=b"")) as server:
        with pytest.raises(ConnectionFailedError) as caught:
            await connect(server)(ASKED, lambda _: None)
    assert caught.value.retryable


async def test_a_break_after_the_last_word_loses_nothing_but_the_counts(connect):
    async with RawServer(streaming_in(*map(word, WORDS), STOP, end=b"")) as server:
        response = await connect(server)(ASKED, lambda _: None)
    assert response.text == "".join(WORDS)
    assert response.usage.estimated
    assert response.usage.output_tokens > 0


async def test_an_error_within_the_stream_is_the_reason_given(connect):
    wrong = event({"error": {"message": "too many", "code": "rate_limit_exceeded"}})
    async with RawServer(streaming_in(word("One "), wrong)) as server:
        with pytest.raises(InterruptedStreamError, match="too many") as caught:
            await connect(server)(ASKED, lambda _: None)
        assert caught.value.fault == "limit"
    async with RawServer(streaming_in(wrong)) as server:
        with pytest.raises(RateLimitError):
            await connect(server)(ASKED, lambda _: None)


async def test_events_that_nobody_knows_and_events_that_come_twice_do_no_harm(connect):
    noise = (
        b": a comment\n\n"
        + event("still here", "heartbeat")
        + event({"type": "ping"})
        + event({"object": "thing", "choices": None})
        + event({"choices": [{"index": 0, "delta": None}]})
        + b"id: 7\nretry: 10\n\n"
    )
    parts = [noise, word("One "), noise, word("two"), STOP, STOP, COUNTED, COUNTED, DONE, DONE]
    async with RawServer(streaming_in(*parts)) as server:
        response = await connect(server)(ASKED, lambda _: None)
    assert response.text == "One two"
    assert response.usage.output_tokens == 3


async def test_an_event_of_the_answer_that_is_no_json_is_an_error(connect):
    async with RawServer(streaming_in(event("{nonsense"))) as server:
        with pytest.raises(ProtocolError, match="no JSON object"):
            await connect(server)(ASKED, lambda _: None)


def test_an_event_of_the_responses_api_that_comes_twice_adds_nothing():
    whole = {"output": [{"type": "message", "content": [{"type": "output_text", "text": "ab"}]}]}
    events = [
        {"type": "response.output_text.delta", "delta": "a", "sequence_number": 1},
        {"type": "response.output_text.delta", "delta": "a", "sequence_number": 1},
        {"type": "response.unheard.of", "sequence_number": 2},
        {"type": "response.output_text.delta", "delta": "b", "sequence_number": 3},
        {"type": "response.completed", "response": whole, "sequence_number": 4},
    ]
    pieces: list[str] = []
    answer = StreamedAnswer(ASKED.replace(api="responses"), Dialect(), pieces.append)
    answer.feed(b"".join(map(event, events)))
    assert answer.done
    assert pieces == ["a", "b"]
    assert answer.response({}).text == "ab"


async def test_cancelling_within_a_stream_closes_the_connection_at_once(connect):
    pieces: list[str] = []

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(STREAM_HEAD, chunk(word("One ")))
        await peer.reader.read()  # until the client is gone

    async with RawServer(talk) as server:
        call = asyncio.ensure_future(connect(server)(ASKED, pieces.append))
        await server.until(lambda: bool(pieces))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.until(lambda: not server.open)


async def test_what_the_listener_raises_reaches_the_caller_and_ends_the_exchange(connect):
    def refuse(_: str) -> None:
        raise LookupError("enough")

    async with RawServer(streaming_in(word("One "), word("two"))) as server:
        with pytest.raises(LookupError, match="enough"):
            await connect(server)(ASKED, refuse)
        await server.until(lambda: not server.open)


async def test_a_server_that_goes_on_after_the_end_mark_does_not_hold_up_the_answer(
    connect, monkeypatch
):
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(STREAM_HEAD, chunk(WHOLE))
        await peer.reader.read()

    async with RawServer(talk) as server:
        response = await connect(server)(ASKED, lambda _: None)
        assert response.text == "".join(WORDS)
        await server.until(lambda: not server.open)


async def test_a_stream_past_all_bounds_is_given_up(connect, monkeypatch):
    from promptkit.adapters import http_connection

    monkeypatch.setattr(streaming, "LARGEST_ANSWER", 3_000_000)
    monkeypatch.setattr(http_connection, "LARGEST_ANSWER", 3_000_000)

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(STREAM_HEAD)
        while True:
            await peer.say(chunk(word("x" * 50_000)))

    async with RawServer(talk) as server:
        with pytest.raises(InterruptedStreamError, match="larger than") as caught:
            await connect(server)(ASKED, lambda _: None)
        assert len(caught.value.text) > 50_000
        await server.until(lambda: not server.open)
    assert http_client.LARGEST_ANSWER == 64 * 1024 * 1024


async def test_an_answer_that_is_no_stream_is_one_piece(connect):
    body = b'{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}'

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    pieces: list[str] = []
    async with RawServer(talk) as server:
        response = await connect(server)(ASKED, pieces.append)
    assert pieces == ["Hello"] == [response.text]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1),
    st.lists(st.integers(0, 100_000), max_size=20),
)
def test_the_pieces_always_join_to_the_text_of_the_answer(words, cuts):
    raw = b"".join(map(word, words)) + STOP + COUNTED + DONE
    pieces: list[str] = []
    answer = StreamedAnswer(ASKED, Dialect(), pieces.append)
    places = sorted(cut % (len(raw) + 1) for cut in cuts)
    for start, end in zip([0, *places], [*places, len(raw)], strict=True):
        answer.feed(raw[start:end])
    assert answer.done
    assert answer.response({}).text == "".join(pieces) == "".join(words)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20)), st.data())
def test_a_stream_broken_anywhere_is_an_answer_or_an_error_that_holds_all_that_was_shown(
    words, data
):
    raw = b"".join(map(word, words)) + STOP + COUNTED + DONE
    end = data.draw(st.integers(0, len(raw)))
    pieces: list[str] = []
    answer = StreamedAnswer(ASKED, Dialect(), pieces.append)
    answer.feed(raw[:end])
    outcome = answer.ended_in(ConnectionFailedError("lost"))
    if isinstance(outcome, InterruptedStreamError):
        assert outcome.text == "".join(pieces) != ""
        assert outcome.output_tokens > 0
    elif isinstance(outcome, ConnectionFailedError):
        assert pieces == []
    else:
        assert outcome.text == "".join(pieces) == "".join(words)
