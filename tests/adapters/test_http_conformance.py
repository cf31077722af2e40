"""Both HTTP clients, on both event loops, against servers that say exactly these bytes."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import socket
import ssl
import sys
import zlib

import pytest
import trustme
from servers.raw_server import ANSWER, HEAD, JSON, Peer, RawServer, answering, saying

from promptkit.adapters import http_aiohttp, http_fast
from promptkit.adapters.http import HttpAdapter
from promptkit.errors import (
    CallError,
    ConnectionFailedError,
    OptionError,
    ProtocolError,
    RefusedRequestError,
)
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.secret import Secret

KEY = "sk-conformance-0123456789"
HI = Request(messages=(Message("user", "Hi"),), model="m")
LOOPS = [False] if sys.platform == "win32" else [False, True]


@pytest.fixture(params=LOOPS, ids=lambda fast: "uvloop" if fast else "asyncio")
def anyio_backend(request):
    return ("asyncio", {"use_uvloop": request.param})


@pytest.fixture(params=["aiohttp", "httptools"])
def client(request):
    return request.param


@pytest.fixture
async def connect(client):
    """Makes adapters, and closes them at the end."""
    made = []

    def make(url: str, **settings: object) -> HttpAdapter:
        made.append(HttpAdapter(base_url=url, api_key=Secret(KEY), client=client, **settings))
        return made[-1]

    yield make
    for adapter in made:
        await adapter.aclose()


# -- answers that must be read --------------------------------------------------------------


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n"


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
bare = zlib.compressobj(wbits=-15)


def packed(coding: bytes, body: bytes) -> bytes:
    return HEAD + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding, len(body)) + body


READABLE = {
    "a length": ANSWER,
    "chunks": CHUNKED + chunked(JSON, 7) + b"\r\n",
    "chunks with extensions": CHUNKED + b"%x;a=b\r\n%b\r\n0\r\n\r\n" % (len(JSON), JSON),
    "chunks and a trailer": CHUNKED + chunked(JSON, 30) + b"X-Request-Id: late\r\n\r\n",
    "packed chunks": (
        HEAD
        + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunked(gzip.compress(JSON), 9)
        + b"\r\n"
    ),
    "gzip": packed(b"gzip", gzip.compress(JSON)),
    "GZIP": packed(b"GZIP", gzip.compress(JSON)),
    "deflate": packed(b"deflate", zlib.compress(JSON)),
    "deflate without its header": packed(b"deflate", bare.compress(JSON) + bare.flush()),
    "identity": packed(b"identity", JSON),
    "until the end": HEAD + b"\r\n" + JSON,
    "until the end, closing": HEAD + b"Connection: close\r\n\r\n" + JSON,
    "HTTP/1.0": HEAD.replace(b"1.1", b"1.0") + b"\r\n" + JSON,
    "HTTP/1.0 with a length": ANSWER.replace(b"1.1", b"1.0"),
    "continue first": b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER,
    "early hints first": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Request-Id: no\r\n\r\n"
    + ANSWER,
    "lower-case names": ANSWER.replace(b"Content", b"content"),
    "no reason": ANSWER.replace(b"200 OK", b"200 "),
    "two hundred headers": HEAD
    + b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(90))
    + b"Content-Length: %d\r\n\r\n" % len(JSON)
    + JSON,
    "more than it said": ANSWER + b"HTTP/1.1 500 Not yours\r\nContent-Length: 0\r\n\r\n",
    "garbage after it": ANSWER + b"\x00\xff garbage \r\n\r\n",
}


@pytest.mark.parametrize("cut", [None, 1, 64], ids=["whole", "byte by byte", "in pieces"])
@pytest.mark.parametrize("name", READABLE)
async def test_an_answer_in_any_form_that_http_allows_is_read(client, connect, name, cut):
    if name == "garbage after it" and client == "aiohttp":
        pytest.skip("aiohttp throws the answer away with the garbage")
    raw = READABLE[name]
    size = cut or len(raw)
    parts = [raw[start : start + size] for start in range(0, len(raw), size)]
    async with RawServer(saying(*parts)) as server:
        response = await connect(server.url)(HI)
    assert response.text == "Hello"
    assert "x-request-id" not in response.headers


async def test_a_request_is_written_as_http_wants_it(connect):
    async with RawServer(answering) as server:
        await connect(server.url, organization="org-1")(HI)
        head, body = server.requests[0]
    first, *lines = head.decode().split("\r\n")
    sent = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert first == "POST /v1/chat/completions HTTP/1.1"
    assert sent["host"] == f"127.0.0.1:{server.port}"
    assert sent["authorization"] == f"Bearer {KEY}"
    assert sent["openai-organization"] == "org-1"
    assert sent["content-type"] == "application/json"
    assert sent["accept-encoding"] == "identity"
    assert int(sent["content-length"]) == len(body)
    assert len([line for line in lines if line]) == len(sent) - 1, "a header was sent twice"


@pytest.mark.parametrize("size", [10_000, 3_000_000])
async def test_a_long_request_arrives_whole(connect, size):
    async with RawServer(answering) as server:
        text = "ü" * size
        asked = Request(messages=(Message("user", text),), model="m")
        assert (await connect(server.url)(asked)).text == "Hello"
        assert server.requests[0][1].decode().count("ü") == size


async def test_an_answer_before_the_request_was_sent_is_read_and_its_connection_closed(connect):
    async def talk(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await peer.reader.read()

    async with RawServer(talk) as server:
        asked = Request(messages=(Message("user", "x" * 20_000_000),), model="m")
        with pytest.raises(CallError):
            await connect(server.url)(asked)
        await server.until(lambda: not server.open)


# -- answers that are none ------------------------------------------------------------------

BROKEN = {
    "nothing": ((), ConnectionFailedError, "without an answer"),
    "half a head": ((b"HTTP/1.1 200 OK\r\nContent-",), ConnectionFailedError, "without an answer"),
    "half a body": ((ANSWER[:-5],), ConnectionFailedError, "within the answer"),
    "half a chunk": ((CHUNKED + b"ff\r\n{",), ConnectionFailedError, "within the answer"),
    "no last chunk": (
        (CHUNKED + b"%x\r\n%b\r\n" % (len(JSON), JSON),),
        ConnectionFailedError,
        "within the answer",
    ),
    "less than it said": (
        (HEAD + b"Content-Length: 500\r\n\r\n" + JSON,),
        ConnectionFailedError,
        "within the answer",
    ),
    "half a gzip": ((packed(b"gzip", gzip.compress(JSON)[:-12]),), CallError, None),
    "no gzip": ((packed(b"gzip", b"\x1f\x8b plain after all"),), ProtocolError, "compression"),
    "another protocol": ((b"SSH-2.0-OpenSSH_9.6\r\n\r\n",), ProtocolError, "HTTP"),
    "a length of words": ((HEAD + b"Content-Length: many\r\n\r\n",), ProtocolError, "HTTP"),
    "two lengths": (
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}    ",),
        ProtocolError,
        "HTTP",
    ),
    "a chunk size of words": ((CHUNKED + b"zz\r\n{}\r\n",), CallError, None),
    "another protocol from now on": (
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",),
        CallError,
        None,
    ),
    "a head without end": ((HEAD, *[b"X-Long: " + b"x" * 8000 + b"\r\n"] * 40), CallError, None),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_is_one_typed_error_and_its_connection_is_closed(connect, name):
    parts, kind, words = BROKEN[name]
    async with RawServer(saying(*parts)) as server:
        with pytest.raises(kind, match=words) as caught:
            await connect(server.url)(HI)
        assert caught.value.billed
        assert caught.value.__context__ is None
        assert KEY not in str(caught.value)
        await server.until(lambda: not server.open)
        assert len(server.requests) == 1, "it was sent again without being asked to"


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"aes128gcm"])
async def test_a_coding_that_nobody_reads_is_an_error_that_says_so(connect, coding):
    async with RawServer(saying(packed(coding, b"\x0b\x02\x80hello\x03"))) as server:
        with pytest.raises(ProtocolError, match=r"compression|no JSON"):
            await connect(server.url)(HI)


@pytest.mark.parametrize("said", [b"", HEAD + b"Content-Length: 99\r\n\r\n{"], ids=["head", "body"])
async def test_a_reset_is_told_and_may_have_been_billed(connect, said):
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(said)
        await asyncio.sleep(0.05)
        peer.reset()

    async with RawServer(talk) as server:
        with pytest.raises(ConnectionFailedError) as caught:
            await connect(server.url)(HI)
        assert caught.value.billed
        assert caught.value.retryable
        assert caught.value.fault == "network"


async def test_a_small_body_that_unpacks_to_a_huge_one_is_given_up(connect, monkeypatch):
    from promptkit.adapters import http_connection, http_reader

    for module in (http_aiohttp, http_connection, http_reader):
        monkeypatch.setattr(module, "LARGEST_ANSWER", 1 << 20)
    bomb = packed(b"gzip", gzip.compress(b" " * (1 << 23)))
    async with RawServer(saying(bomb)) as server:
        with pytest.raises(ProtocolError, match="larger than"):
            await connect(server.url)(HI)


async def test_a_redirect_is_not_followed(connect):
    async with RawServer(answering) as other:
        said = (
            b"HTTP/1.1 307 Away\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % other.url.encode()
        )
        async with RawServer(saying(said)) as server:
            with pytest.raises(RefusedRequestError, match="redirect"):
                await connect(server.url)(HI)
        assert not other.accepted


# -- connections ----------------------------------------------------------------------------


async def test_one_connection_serves_one_request_after_the_other(connect):
    async with RawServer(answering) as server:
        adapter = connect(server.url)
        for _ in range(20):
            await adapter(HI)
        assert server.accepted == 1


@pytest.mark.parametrize(
    "said",
    [
        ANSWER.replace(b"\r\nContent-L", b"\r\nConnection: close\r\nContent-L"),
        ANSWER.replace(b"1.1", b"1.0"),
        ANSWER + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["close", "HTTP/1.0", "two answers"],
)
async def test_a_connection_that_cannot_go_on_is_not_used_again(connect, said):
    async def talk(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.say(said)

    async with RawServer(talk) as server:
        adapter = connect(server.url)
        for _ in range(3):
            assert (await adapter(HI)).text == "Hello"
        assert server.accepted == 3
        await server.until(lambda: not server.open)


async def test_a_connection_that_the_server_closed_is_not_written_to(connect):
    async with RawServer(saying(ANSWER)) as server:
        adapter = connect(server.url)
        for count in range(1, 4):
            assert (await adapter(HI)).text == "Hello"
            await server.until(lambda: not server.open)
            await asyncio.sleep(0.06)
            assert len(server.requests) == count


async def test_what_is_lost_on_a_used_connection_is_told_and_not_sent_again(connect):
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(ANSWER)
        await peer.request()  # and closes: it may have been worked on, nobody knows

    async with RawServer(talk) as server:
        adapter = connect(server.url)
        await adapter(HI)
        with pytest.raises(ConnectionFailedError, match="without an answer") as caught:
            await adapter(HI)
        assert caught.value.billed
        assert len(server.requests) == 2


async def test_words_that_nobody_asked_for_do_not_answer_the_next_request(connect):
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(ANSWER)
        if peer.server.accepted == 1:
            await peer.say(ANSWER.replace(b"Hello", b"Wrong"))
        await peer.request()
        await peer.say(ANSWER)

    async with RawServer(talk) as server:
        adapter = connect(server.url)
        assert (await adapter(HI)).text == "Hello"
        await asyncio.sleep(0.1)
        assert (await adapter(HI)).text == "Hello"


async def test_idle_connections_are_closed(client, connect, monkeypatch):
    module = http_fast if client == "httptools" else http_aiohttp
    monkeypatch.setattr(module, "KEEP_ALIVE_S", 0.1)
    async with RawServer(answering) as server:
        adapter = connect(server.url)
        await asyncio.gather(*(adapter(HI) for _ in range(5)))
        await server.until(lambda: not server.open)
        assert (await adapter(HI)).text == "Hello"


async def test_closing_leaves_no_socket_and_fails_who_still_waits(connect):
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.reader.read()

    async with RawServer(talk) as server:
        adapter = connect(server.url)
        calls = [asyncio.ensure_future(adapter(HI)) for _ in range(5)]
        await server.until(lambda: len(server.requests) == 5)
        await adapter.aclose()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(outcome, ConnectionFailedError) for outcome in outcomes)
        await server.until(lambda: not server.open)


async def test_cancelling_some_closes_theirs_and_leaves_the_others(connect):
    gate = asyncio.Event()

    async def talk(peer: Peer) -> None:
        while True:
            await peer.request()
            waiting = asyncio.ensure_future(gate.wait())
            gone = asyncio.ensure_future(peer.reader.read(1))
            done, rest = await asyncio.wait({waiting, gone}, return_when="FIRST_COMPLETED")
            for task in rest:
                task.cancel()
            if gone in done:
                return
            await asyncio.wait(rest)
            await peer.say(ANSWER)

    async with RawServer(talk) as server:
        adapter = connect(server.url)
        calls = [asyncio.ensure_future(adapter(HI)) for _ in range(20)]
        await server.until(lambda: len(server.requests) == 20)
        for call in calls[::2]:
            call.cancel()
        await server.until(lambda: server.open == 10)
        gate.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(o, asyncio.CancelledError) for o in outcomes] == [True, False] * 10
        await asyncio.gather(*(adapter(HI) for _ in range(10)))
        assert server.accepted == 20


async def test_cancelling_within_an_endless_body_closes_the_connection(connect):
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED)
        while True:
            await peer.say(b"1\r\n \r\n")
            await asyncio.sleep(0.001)

    async with RawServer(talk) as server:
        call = asyncio.ensure_future(connect(server.url)(HI))
        await server.until(lambda: len(server.requests) == 1)
        await asyncio.sleep(0.02)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.until(lambda: not server.open)


async def test_cancelling_while_it_connects_leaves_nothing(connect):
    async with RawServer(answering) as server:
        adapter = connect(server.url)
        for delay in (0, 0, 0.0005, 0.001, 0.002):
            calls = [asyncio.ensure_future(adapter(HI)) for _ in range(5)]
            await asyncio.sleep(delay)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        await adapter.aclose()
        await server.until(lambda: not server.open)


async def test_closing_while_it_connects_leaves_nothing(connect):
    async with RawServer(answering) as server:
        adapter = connect(server.url)
        calls = [asyncio.ensure_future(adapter(HI)) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await adapter.aclose()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert not [
            o for o in outcomes if isinstance(o, Exception) and not isinstance(o, CallError)
        ]
        await adapter.aclose()
        await server.until(lambda: not server.open)


# -- reaching the server --------------------------------------------------------------------


async def test_a_refused_connection_is_told_and_not_billed(connect):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(ConnectionFailedError, match="no connection to 127") as caught:
            await connect(f"http://127.0.0.1:{port}/v1")(HI)
    assert not caught.value.billed
    assert caught.value.retryable


async def test_a_name_that_is_not_known_is_told_and_not_billed(connect):
    with pytest.raises(ConnectionFailedError, match=r"no connection to nowhere\.invalid") as caught:
        await connect("http://nowhere.invalid/v1")(HI)
    assert not caught.value.billed


async def test_a_server_that_takes_the_connection_and_never_says_hello_times_out(
    client, connect, monkeypatch
):
    module = http_fast if client == "httptools" else http_aiohttp
    monkeypatch.setattr(module, "CONNECT_TIMEOUT_S", 0.2)

    async def talk(peer: Peer) -> None:
        await peer.reader.read()

    async def mute(peer: Peer) -> None:
        while await peer.reader.read(1000):
            pass

    async with RawServer(mute) as server:
        with pytest.raises(ConnectionFailedError, match="no answer within") as caught:
            await connect(server.url.replace("http:", "https:"))(HI)
        assert not caught.value.billed
        await server.until(lambda: not server.open)


async def test_ipv6_is_spoken(connect):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        async with RawServer(answering, host="::1") as server:
            assert (await connect(server.url)(HI)).text == "Hello"
            assert b"\r\nHost: [::1]:%d\r\n" % server.port in server.requests[0][0]
    except OSError:
        pytest.skip("no IPv6 here")


async def test_of_several_addresses_the_one_that_answers_is_taken(connect, monkeypatch):
    async with RawServer(answering) as server:
        with socket.socket() as taken:  # bound, and refuses
            taken.bind(("127.0.0.1", 0))
            dead = taken.getsockname()
            loop = asyncio.get_running_loop()

            async def look_up(*_: object, **__: object) -> list[tuple[object, ...]]:
                kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
                return [(*kind, dead), (*kind, ("127.0.0.1", server.port))]

            if "uvloop" in type(loop).__module__:
                pytest.skip("uvloop's own look-up cannot be replaced")
            monkeypatch.setattr(loop, "getaddrinfo", look_up)
            adapter = connect("http://localhost/v1")
            assert (await adapter(HI)).text == "Hello"


# -- TLS ------------------------------------------------------------------------------------


def tls_for(authority: trustme.CA, *names: str, **wishes: object) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **wishes).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.mark.usefixtures("trusted")
async def test_tls_is_spoken_with_whom_ssl_cert_file_vouches_for(connect, authority):
    async with RawServer(answering, tls=tls_for(authority, "127.0.0.1")) as server:
        adapter = connect(server.url)
        answers = await asyncio.gather(*(adapter(HI) for _ in range(10)))
        assert {answer.text for answer in answers} == {"Hello"}
        again = [await adapter(HI) for _ in range(5)]
        assert len(again) == 5
        assert server.accepted <= 10
        long = Request(messages=(Message("user", "x" * 500_000),), model="m")
        assert (await adapter(long)).text == "Hello"
        await adapter.aclose()
        await server.until(lambda: not server.open)


YEAR_2000 = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("what", ["wrong host", "expired", "unknown authority"])
async def test_a_certificate_that_proves_nothing_is_refused_before_the_key_is_sent(
    connect, authority, what
):
    tls = {
        "wrong host": lambda: tls_for(authority, "example.org"),
        "expired": lambda: tls_for(authority, "127.0.0.1", not_after=YEAR_2000),
        "unknown authority": lambda: tls_for(trustme.CA(), "127.0.0.1"),
    }[what]()
    async with RawServer(answering, tls=tls) as server:
        with pytest.raises(ConnectionFailedError, match="is not trusted") as caught:
            await connect(server.url)(HI)
        assert not caught.value.billed
        assert not caught.value.retryable
        assert "SSL_CERT_FILE" in caught.value.hint
        assert not server.requests


async def test_a_server_without_tls_is_told_apart(connect):
    async def talk(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    async with RawServer(talk) as server:
        with pytest.raises(ConnectionFailedError, match="no connection") as caught:
            await connect(server.url.replace("http:", "https:"))(HI)
        assert not caught.value.billed


# -- proxies --------------------------------------------------------------------------------


def test_a_proxy_is_gone_through_with_aiohttp(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert HttpAdapter(base_url="http://example.org/v1").client == "aiohttp"
    with pytest.raises(OptionError, match="proxy"):
        HttpAdapter(base_url="http://example.org/v1", client="httptools")
    monkeypatch.setenv("no_proxy", "example.org")
    assert HttpAdapter(base_url="http://example.org/v1").client == "httptools"


def test_without_httptools_aiohttp_is_taken(monkeypatch):
    from promptkit.adapters import http
    from promptkit.errors import MissingExtraError

    monkeypatch.setattr(http, "find_spec", lambda _: None)
    assert HttpAdapter(base_url="http://example.org/v1").client == "aiohttp"
    with pytest.raises(MissingExtraError, match="httptools"):
        HttpAdapter(base_url="http://example.org/v1", client="httptools")


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_a_host_that_no_look_up_takes_is_refused_before_a_request(host):
    with pytest.raises(OptionError, match="names the host"):
        HttpAdapter(base_url=f"http://{host}/v1")


def test_an_unknown_client_is_refused():
    with pytest.raises(OptionError, match="curl"):
        HttpAdapter(base_url="http://example.org/v1", client="curl")
