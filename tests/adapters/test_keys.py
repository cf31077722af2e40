"""A key goes to the server and nowhere else."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from pathlib import Path

import pytest
from adapters.backends import Backend, http_adapter
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from promptkit import Message, Request
from promptkit.adapters.address import mask_of
from promptkit.adapters.http import HttpAdapter
from promptkit.adapters.openai import OpenAIAdapter
from promptkit.errors import AuthenticationError, CallError, InterruptedStreamError
from promptkit.secret import Secret

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
FAULTS = ["fail-400", "fail-403", "fail-500", "fail-502", "garbage", "hang-up", "redirect", "nope"]


def told_in_full(error: BaseException) -> str:
    """Everything that a verbose traceback, a log or a pickle of an error shows.

    The frames of the tests themselves are left out: they hold the test server and its key.
    """
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in shown.stack if Path(frame.filename).parent != HERE]
    assert any("promptkit" in frame.filename for frame in frames)
    assert all(frame.locals is not None for frame in frames)
    listed = "".join(traceback.StackSummary.from_list(frames).format())
    return listed + repr([frame.locals for frame in frames]) + repr(vars(error)) + told(error)


def told(error: BaseException) -> str:
    return f"{error} {error!r} {pickle.dumps(error)!r} {error.__context__!r} {error.__cause__!r}"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", FAULTS)
async def test_no_error_shows_the_key_in_its_traceback_with_locals(served, model, stream):
    with pytest.raises(CallError) as caught:
        await served.adapter(served.request(model=model), (lambda _: None) if stream else None)
    assert served.server.key not in told_in_full(caught.value)


async def test_a_broken_stream_does_not_show_the_key(served):
    with pytest.raises(InterruptedStreamError) as caught:
        await served.adapter(served.request(model="hang-up-mid-stream"), lambda _: None)
    assert served.server.key not in told_in_full(caught.value)


async def test_a_server_that_echoes_the_key_is_not_believed(served):
    odd = "0123456789abcdef0123456789abcdef"  # as Azure's keys look
    adapter = HttpAdapter(base_url=served.server.url, api_key=Secret(odd))
    with pytest.raises(AuthenticationError, match="…cdef") as caught:
        await adapter(served.request())
    assert odd not in told_in_full(caught.value)
    await adapter.aclose()


async def test_a_cancelled_call_does_not_show_the_key(served):
    task = asyncio.create_task(served.ask(model="slow"))
    seen = len(served.server.requests)
    while len(served.server.requests) == seen:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert served.server.key not in told_in_full(caught.value)


async def test_the_most_talkative_log_does_not_show_the_key(served, caplog):
    caplog.set_level(logging.DEBUG)
    await served.ask()
    with pytest.raises(CallError):
        await served.ask(model="fail-500")
    assert served.server.key not in caplog.text


def test_no_repr_shows_the_key():
    import openai

    key = "sk-proj-0123456789abcdef"
    adapter = HttpAdapter(base_url="http://127.0.0.1:1/v1", api_key=Secret(key))
    client = openai.AsyncOpenAI(api_key=key, base_url="http://127.0.0.1:1/v1")
    for shown in (repr(adapter), repr(vars(adapter)), repr(OpenAIAdapter(client))):
        assert key not in shown


@pytest.mark.parametrize(
    "key", ["", "sk-ключ0123456789", "sk-012345\n6789abcd", "sk-0123 456789ab"]
)
def test_a_key_that_cannot_be_sent_is_told_before_anything_is_sent(key):
    with pytest.raises(AuthenticationError) as caught:
        HttpAdapter(base_url="http://127.0.0.1:1/v1", api_key=Secret(key))
    assert not key or key not in told_in_full(caught.value)


async def test_a_redirect_is_refused_so_that_the_key_stays(server):
    adapter = http_adapter(server)
    backend = Backend("http", adapter, "redirect", server)
    before = len(server.requests)
    with pytest.raises(CallError, match="redirect") as caught:
        await backend.ask()
    assert "base_url" in caught.value.hint
    assert len(server.requests) == before + 1
    await adapter.aclose()


class Echo:
    """A server that tells whoever asks the key they came with, in every place it can."""

    def __init__(self, body: str, content_type: str, status: int = 200) -> None:
        self.body, self.content_type, self.status = body, content_type, status

    async def __aenter__(self) -> str:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(
                text=self.body,
                status=self.status,
                content_type=self.content_type,
                headers={"x-request-id": f"was {HEX_KEY}"},
            )

        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        port = self.runner.addresses[0][1]
        return f"http://127.0.0.1:{port}/v1"

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()


HEX_KEY = "0123456789abcdef0123456789abcdef"
ESCAPED = "".join(f"\\u{ord(char):04x}" for char in HEX_KEY)
ANSWER_BODY = '{"model": "m", "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}'


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (
            'data: {"error": {"message": "bad key KEY"}}\n\n'.replace("KEY", HEX_KEY),
            "text/event-stream",
            200,
        ),
        ('{"error": {"message": "bad key KEY"}}'.replace("KEY", ESCAPED), "application/json", 401),
        ("[" * 200_000, "application/json", 200),
        ("data: " + "[" * 200_000 + "\n\n", "text/event-stream", 200),
    ],
    ids=["stream", "escaped", "deep", "deep stream"],
)
async def test_no_way_of_echoing_a_key_shows_it(body, kind, status):
    async with Echo(body, kind, status) as url:
        adapter = HttpAdapter(base_url=url, api_key=Secret(HEX_KEY))
        asked = Request(messages=(Message("user", "Hi"),), model="m")
        with pytest.raises(CallError) as caught:
            await adapter(asked, (lambda piece: None) if "event" in kind else None)
        await adapter.aclose()
    assert HEX_KEY not in str(caught.value) + repr(caught.value) + repr(caught.value.headers)


async def test_a_key_echoed_in_a_header_is_masked_in_the_answer():
    async with Echo(ANSWER_BODY, "application/json") as url:
        adapter = HttpAdapter(base_url=url, api_key=Secret(HEX_KEY))
        response = await adapter(Request(messages=(Message("user", "Hi"),), model="m"))
        await adapter.aclose()
    assert HEX_KEY not in repr(response)
    assert response.headers["x-request-id"] == "was …cdef"


async def test_a_placeholder_for_a_key_is_not_cut_out_of_answers() -> None:
    from servers.openai_server import OpenAIServer

    with OpenAIServer(key="text") as server:
        adapter = HttpAdapter(base_url=server.url, api_key=Secret("text"))
        asked = Request(messages=(Message("user", "Hi"),), model="test-model")
        response = await adapter(asked)
        await adapter.aclose()
    assert response.text
    assert not response.usage.estimated


ECHOED = f"Your key is {HEX_KEY}, is it not?"
MASKED = "Your key is …cdef, is it not?"


def spelt(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


@pytest.mark.parametrize("field", ["content", "refusal"])
async def test_a_key_spelt_with_escapes_is_masked_in_the_answer(field):
    body = ANSWER_BODY.replace('"content": "x"', f'"{field}": "{spelt(ECHOED)}"')
    async with Echo(body.replace('"m"', f'"{spelt(HEX_KEY)}"'), "application/json") as url:
        adapter = HttpAdapter(base_url=url, api_key=Secret(HEX_KEY))
        for on_text in (None, lambda _: None):
            asked = Request(messages=(Message("user", "Hi"),), model="m")
            response = await adapter(asked, on_text)
            assert response.text == MASKED
            assert response.model == "…cdef"
            assert HEX_KEY not in repr(response)
        await adapter.aclose()


def stream_of(pieces: list[str], end: str = "") -> str:
    events = [
        json.dumps({"choices": [{"index": 0, "delta": {"content": piece}}]}) for piece in pieces
    ]
    events += [end] if end else []
    return "".join(f"data: {event}\n\n" for event in events)


STOPPED = '{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}'


@pytest.mark.parametrize("size", [1, 2, 5, 16, 31, 32, 33, 100])
async def test_a_key_echoed_in_a_stream_is_masked_however_it_is_cut(size):
    cut = [ECHOED[start : start + size] for start in range(0, len(ECHOED), size)]
    pieces: list[str] = []
    async with Echo(stream_of(cut, STOPPED), "text/event-stream") as url:
        adapter = HttpAdapter(base_url=url, api_key=Secret(HEX_KEY))
        asked = Request(messages=(Message("user", "Hi"),), model="m")
        response = await adapter(asked, pieces.append)
        await adapter.aclose()
    assert "".join(pieces) == response.text == MASKED
    assert HEX_KEY not in repr(response)


@pytest.mark.parametrize("shown", [ECHOED, ECHOED[: ECHOED.index(",")], ECHOED[: 12 + 31]])
@pytest.mark.parametrize("end", ["", '{"error": {"message": "bad KEY"}}'.replace("KEY", HEX_KEY)])
async def test_a_stream_that_breaks_after_an_echo_does_not_show_the_key(shown, end):
    pieces: list[str] = []
    async with Echo(stream_of(list(shown), end), "text/event-stream") as url:
        adapter = HttpAdapter(base_url=url, api_key=Secret(HEX_KEY))
        asked = Request(messages=(Message("user", "Hi"),), model="m")
        with pytest.raises(InterruptedStreamError) as caught:
            await adapter(asked, pieces.append)
        await adapter.aclose()
    assert caught.value.text == "".join(pieces)
    assert caught.value.text in (MASKED, "Your key is …cdef", "Your key is …")
    assert HEX_KEY[:12] not in told_in_full(caught.value)


@given(st.lists(st.text(alphabet="ab", max_size=40), max_size=12), st.text("ab", min_size=12))
def test_what_is_held_back_changes_no_text(pieces, key):
    echo = mask_of(Secret(key))
    hold = echo.in_pieces()
    handed_on = [hold.feed(piece) for piece in pieces]
    whole = "".join(pieces)
    assert "".join(handed_on) + hold.rest() == echo.on_text(whole)
    assert key not in "".join(handed_on)


def test_a_piece_that_cannot_begin_the_key_is_handed_on_at_once():
    hold = mask_of(Secret("sk-0123456789abcd")).in_pieces()
    assert hold.feed("Sheep") == "Sheep"
    assert hold.feed("s sk") == "s "
    assert hold.feed("ip") == "skip"
