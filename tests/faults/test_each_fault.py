from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from servers.fault_kinds import FAULTS
from servers.fault_server import FaultServer

import promptkit as pk
from promptkit import errors
from promptkit.pricing import Price
from promptkit.profile import Profile
from promptkit.transports.retry import RetryPolicy

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("_nothing_left", "http_client")]

QUICK = RetryPolicy(max_attempts=3, deadline_s=20.0, first_wait_s=0.01, longest_wait_s=0.02)
BRIEF = RetryPolicy(max_attempts=3, deadline_s=0.6, first_wait_s=0.01, longest_wait_s=0.02)
KEY = "sk-fault-0123456789"
PRICE = Price(input=1.0, output=2.0, longest_answer=100)

LASTING = {
    "400": errors.RefusedRequestError,
    "401": errors.AuthenticationError,
    "404": errors.UnknownModelError,
    "413": errors.ContextLengthError,
    "429-quota": errors.QuotaError,
    "redirect": errors.RefusedRequestError,
}
PASSING = {
    "408": errors.ServerError,
    "409": errors.ServerError,
    "500": errors.ServerError,
    "502": errors.ServerError,
    "503": errors.ServerError,
    "reset": errors.ConnectionFailedError,
    "reset-in-body": errors.ConnectionFailedError,
    "length-too-long": errors.ConnectionFailedError,
    "length-too-short": errors.ProtocolError,
    "truncated-json": errors.ProtocolError,
    "invalid-json": errors.ProtocolError,
    "empty-body": errors.ProtocolError,
    "no-choices": errors.ProtocolError,
    "error-in-200": errors.ProtocolError,
}
TOO_FAST = {"429": errors.RateLimitError, "429-bare": errors.RateLimitError}
ENDLESS = {"hang": errors.DeadlineError, "endless-body": errors.DeadlineError}
ODD = {"usage-missing", "usage-absurd"}
BROKEN_STREAMS = {"sse-cut-event", "sse-cut-utf8", "sse-error"}
ODD_STREAMS = {"sse-duplicates", "sse-unknown"}


def connect(server: FaultServer, model: str, **settings: Any) -> pk.Session:
    profile = Profile(base_url=server.url, model=model, prices={model: PRICE}, ledger=False)
    settings = {"retry": QUICK, "api_key": KEY} | settings
    return pk.connect(profile, cache=None, **settings)


async def heard(stream: Any, pieces: list[str]) -> str:
    """Read a stream to its end; the pieces are kept even if it breaks."""
    async for piece in stream:
        pieces.append(piece)  # noqa: PERF401 -- a comprehension would lose them
    return "".join(pieces)


async def test_every_fault_has_a_test_here():
    groups = (LASTING, PASSING, TOO_FAST, ENDLESS, ODD, BROKEN_STREAMS, ODD_STREAMS)
    assert sorted(FAULTS) == sorted(name for group in groups for name in group)


@pytest.mark.parametrize("fault", LASTING)
async def test_what_cannot_get_better_is_asked_once_and_costs_nothing(server, fault):
    before = server.book.requests
    async with connect(server, f"fault:{fault}") as session:
        with pytest.raises(LASTING[fault]) as caught:
            await session.ask(f"lasting {fault}")
    assert type(caught.value) is LASTING[fault]
    assert (caught.value.retryable, caught.value.billed) == (False, False)
    assert server.book.requests - before == caught.value.attempts == 1
    assert caught.value.unsettled_usd == 0


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("streamed", [False, True])
async def test_what_passes_is_asked_again_and_answered(server, fault, streamed):
    before = server.book.requests
    async with connect(server, f"fault:{fault}:1") as session:
        question = f"passing {fault}"
        if streamed:
            stream = session.stream(question, max_tokens=50)
            text = await heard(stream, [])
            response = stream.response
            assert text == response.text
        else:
            response = await session.ask(question, max_tokens=50)
        usage = session.usage
    assert response.text.startswith(f"passing {fault}:")
    assert server.book.requests - before == response.log.attempts == 2
    assert usage.retries == 1
    may_be_billed = FAULTS[fault].end == "broken"
    assert bool(response.log.unsettled_usd) >= may_be_billed
    assert usage.unsettled_usd == response.log.unsettled_usd


@pytest.mark.parametrize("fault", PASSING)
async def test_what_does_not_pass_ends_in_its_error_after_the_last_attempt(server, fault):
    before = server.book.requests
    async with connect(server, f"fault:{fault}") as session:
        with pytest.raises(PASSING[fault]) as caught:
            await session.ask(f"staying {fault}", max_tokens=50)
    assert type(caught.value) is PASSING[fault]
    assert caught.value.retryable
    assert server.book.requests - before == caught.value.attempts == 3
    if FAULTS[fault].end == "broken":
        assert caught.value.billed
        assert caught.value.unsettled_usd > 0


@pytest.mark.parametrize("fault", TOO_FAST)
async def test_too_fast_is_asked_again_after_the_wait_or_ends_at_the_deadline(server, fault):
    async with connect(server, f"fault:{fault}:1") as session:
        response = await session.ask(f"waited {fault}")
    assert response.text.startswith(f"waited {fault}:")
    async with connect(server, f"fault:{fault}", retry=BRIEF) as session:
        with pytest.raises((errors.RateLimitError, errors.DeadlineError)) as caught:
            await session.ask(f"never {fault}")
    # What the deadline found on its way counts as paid, what was refused does not.
    assert not caught.value.unsettled_usd or isinstance(caught.value, errors.DeadlineError)


@pytest.mark.parametrize("fault", ENDLESS)
@pytest.mark.parametrize("streamed", [False, True])
async def test_what_never_ends_is_given_up_at_the_deadline_and_counted_as_paid(
    server, fault, streamed
):
    async with connect(server, f"fault:{fault}", retry=BRIEF) as session:
        question = f"endless {fault}"
        stream = session.stream(question, max_tokens=50)
        with pytest.raises(ENDLESS[fault]) as caught:
            await (heard(stream, []) if streamed else session.ask(question, max_tokens=50))
    assert caught.value.billed
    assert caught.value.unsettled_usd > 0


@pytest.mark.parametrize("fault", sorted(ODD))
@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
async def test_an_odd_usage_is_estimated_and_says_so(server, fault, api):
    async with connect(server, f"fault:{fault}") as session:
        response = await session.ask(f"odd {fault}", api=api, max_tokens=50)
    assert response.text.startswith(f"odd {fault}:")
    assert response.usage.estimated
    assert 0 < response.usage.output_tokens < 100
    assert 0 < response.cost_usd < 0.001


@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
@pytest.mark.parametrize("fault", sorted(BROKEN_STREAMS))
async def test_a_broken_stream_keeps_the_text_so_far_in_its_error(server, fault, api):
    pieces: list[str] = []
    async with connect(server, f"fault:{fault}") as session:
        stream = session.stream(f"broken {fault}", api=api, max_tokens=50)
        with pytest.raises(errors.InterruptedStreamError) as caught:
            await heard(stream, pieces)
    text = "".join(pieces)
    assert text == caught.value.text
    assert text.startswith(f"broken {fault}:")
    assert "\ufffd" not in text
    assert caught.value.billed
    assert caught.value.unsettled_usd > 0


@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
@pytest.mark.parametrize("fault", sorted(ODD_STREAMS))
async def test_duplicate_and_unknown_events_change_nothing(server, fault, api):
    async with connect(server, f"fault:{fault}") as session:
        stream = session.stream(f"same {fault}", api=api, max_tokens=50)
        text = await heard(stream, [])
        whole = await session.ask(f"same {fault}", api=api, max_tokens=50)
    assert text == stream.response.text == whole.text
    assert stream.response.usage == whole.usage


@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_a_fault_hurts_no_neighbour(server, fault):
    """Forty items, ten of which meet the fault, through one pool of connections."""

    async def ask(session: pk.Session, place: int) -> str:
        model = f"fault:{fault}" if place % 4 == 0 else "good"
        stream = session.stream(f"neighbour {place} {fault}", model=model, max_tokens=50)
        if place % 2:
            return await heard(stream, [])
        return (await session.ask(f"neighbour {place} {fault}", model=model, max_tokens=50)).text

    patient = RetryPolicy(max_attempts=3, deadline_s=1.5, first_wait_s=0.01, longest_wait_s=0.02)
    async with connect(server, "good", retry=patient) as session:
        results = await session.map(ask, range(40), concurrency=20, on_error="keep")
    for place, result in enumerate(results):
        if place % 4:
            assert result.startswith(f"neighbour {place} {fault}:"), (place, result)
        else:
            assert isinstance(result, errors.CallError) or result.startswith("neighbour")


async def test_a_client_that_is_cancelled_leaves_at_once(server):
    async with connect(server, "fault:hang") as session:
        task = asyncio.create_task(session.ask("cancelled"))
        async with asyncio.timeout(10):
            while not server.book.in_flight:
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            while server.book.in_flight:
                await asyncio.sleep(0.01)


async def test_a_proxy_that_hangs_ends_at_the_deadline(server, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, server.proxy_url)
    for url in ("http://nowhere.invalid/v1", "https://nowhere.invalid/v1"):
        taken = server.proxy.taken
        async with pk.connect(base_url=url, api_key=KEY, model="m", retry=BRIEF) as session:
            with pytest.raises(errors.DeadlineError):
                await session.ask("through the proxy")
        assert server.proxy.taken == taken + 1
    async with asyncio.timeout(10):
        while server.proxy.open:
            await asyncio.sleep(0.01)


TLS = """
import asyncio, sys
import promptkit as pk
from faults.http_clients import choose_client
from promptkit.transports.retry import RetryPolicy

async def main():
    retry = RetryPolicy(max_attempts=2, deadline_s=10, first_wait_s=0.01)
    url, key, client = sys.argv[1:]
    choose_client(client)
    async with pk.connect(base_url=url, api_key=key, model="m", retry=retry) as session:
        try:
            print((await session.ask("over TLS")).text)
        except pk.errors.CallError as error:
            print(type(error).__name__, error.billed, error)

asyncio.run(main())
"""


@pytest.mark.parametrize("tls", ["valid", "expired"])
async def test_an_expired_certificate_is_refused_and_said_to_be(server, tls, http_client):
    with FaultServer(tls=tls) as own:
        tests = Path(__file__).absolute().parents[1]
        paths = os.pathsep.join([str(tests), str(tests.parent)])
        environment = os.environ | {"SSL_CERT_FILE": str(own.folder / "ca.pem")}
        environment |= {"PYTHONPATH": paths}
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", TLS, own.tls_url, KEY, http_client],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=False,
        )
        assert done.stderr == ""
        if tls == "valid":
            assert done.stdout.startswith("over TLS:")
        else:
            assert done.stdout.startswith("ConnectionFailedError False")
            assert "expired" in done.stdout
            assert own.book.requests == 0


async def test_answers_of_all_sizes_arrive_whole_streamed_or_not():
    with FaultServer(size="lognormal:300,2.5", latency="lognormal:0.01,1", seed=3) as own:
        async with connect(own, "m") as session:

            async def both(session: pk.Session, place: int) -> tuple[str, str, int]:
                whole = await session.ask(f"size {place}", max_tokens=100_000)
                stream = session.stream(f"size {place}", max_tokens=100_000)
                return whole.text, await heard(stream, []), whole.usage.output_tokens

            results = await session.map(both, range(40), concurrency=20)
        async with asyncio.timeout(10):
            while own.connections:
                await asyncio.sleep(0.01)
    sizes = [len(whole) for whole, _, _ in results]
    assert all(whole == streamed for whole, streamed, _ in results)
    assert min(sizes) < 500
    assert max(sizes) > 20_000
