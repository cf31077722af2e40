"""The server itself: its buckets are exact, its draws repeat, its books count."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.fault_book import Book, digest_of
from servers.fault_buckets import STYLES, Bucket, Quota
from servers.fault_draw import Distribution, chooser, uniform
from servers.fault_server import FaultServer

TESTS = Path(__file__).absolute().parents[1]


@given(
    st.floats(6, 6_000),
    st.sampled_from([1.0, 60.0]),
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.5, 50)), max_size=80),
)
def test_a_bucket_never_grants_more_than_its_capacity_and_the_refill(rate, burst_s, calls):
    clock = [0.0]
    bucket = Bucket(rate, burst_s, now=lambda: clock[0])
    for wait, amount in calls:
        clock[0] += wait
        lacks = bucket.lacks(amount)
        if lacks == 0 and amount <= bucket.capacity:
            bucket.take(amount)
        assert bucket.granted <= bucket.capacity + clock[0] * rate / 60 + 1e-6


@given(st.floats(6, 6_000), st.floats(1, 40), st.sampled_from([1.0, 60.0]))
def test_who_waits_as_long_as_the_bucket_says_is_let_through(rate, amount, burst_s):
    clock = [0.0]
    bucket = Bucket(rate, burst_s, now=lambda: clock[0])
    for _ in range(100):
        clock[0] += bucket.lacks(amount) + 1e-6
        assert bucket.lacks(amount) == 0
        bucket.take(min(amount, bucket.capacity))


def test_a_full_minute_bucket_takes_a_burst_that_a_one_second_bucket_refuses():
    for burst_s, granted in ((60.0, 600), (1.0, 10)):
        quota = Quota(Bucket(600, burst_s, now=lambda: 0.0))
        refusals = [quota.refusal_s(1)[1] for _ in range(600)]
        assert refusals.count(0.0) == granted


def test_a_refused_request_takes_nothing_from_either_bucket():
    quota = Quota(Bucket(60, 60, now=lambda: 0.0), Bucket(100, 60, now=lambda: 0.0))
    assert quota.refusal_s(90) == ("", 0.0)
    lacking, wait_s = quota.refusal_s(20)
    assert (lacking, round(wait_s, 6)) == ("tokens", 6.0)
    assert (quota.requests.level, quota.tokens.level) == (59, 10)
    quota.give_back(15)
    assert quota.refusal_s(20) == ("", 0.0)


@pytest.mark.parametrize("style", STYLES)
def test_headers_tell_the_buckets_in_each_provider_s_way(style):
    now = [0.0]
    quota = Quota(Bucket(600, 60, lambda: now[0]), Bucket(6_000, 60, lambda: now[0]), style)
    quota.refusal_s(500)
    told = quota.headers() | quota.refusal_headers(1.2345)
    expected = {
        "openai": {
            "x-ratelimit-limit-requests": "600",
            "x-ratelimit-remaining-requests": "599",
            "x-ratelimit-reset-requests": "100ms",
            "x-ratelimit-limit-tokens": "6000",
            "x-ratelimit-remaining-tokens": "5500",
            "x-ratelimit-reset-tokens": "5s",
            "retry-after-ms": "1235",
            "retry-after": "2",
        },
        "azure": {
            "x-ratelimit-remaining-requests": "599",
            "x-ratelimit-remaining-tokens": "5500",
            "retry-after": "2",
        },
        "together": {
            "x-ratelimit-limit": "10",
            "x-ratelimit-remaining": "599",
            "x-tokenlimit-limit": "100",
            "x-tokenlimit-remaining": "5500",
            "x-ratelimit-reset": "5.000",
            "retry-after": "2",
        },
        "none": {},
    }
    assert told == expected[style]


def test_draws_have_the_shares_and_the_median_they_should():
    pick = chooser({"a": 0.1, "b": 0.3})
    counts = Counter(pick(uniform("x", i)) for i in range(20_000))
    assert 0.09 < counts["a"] / 20_000 < 0.11
    assert 0.29 < counts["b"] / 20_000 < 0.31
    latency = Distribution.parse("lognormal:0.2,1")
    below = sum(latency.draw(uniform("y", i)) < 0.2 for i in range(20_000))
    assert 0.49 < below / 20_000 < 0.51
    with pytest.raises(ValueError, match="sum to"):
        chooser({"a": 0.6, "b": 0.5})
    with pytest.raises(ValueError, match="no such faults"):
        FaultServer(faults={"nonsense": 0.1})


def test_an_item_has_one_digest_alone_packed_or_streamed():
    path = "/v1/completions"
    alone = digest_of(path, {"model": "m", "prompt": "a", "stream": True}, "a")
    packed = digest_of(path, {"model": "m", "prompt": ["b", "a"]}, "a")
    other = digest_of(path, {"model": "m", "prompt": "a", "temperature": 0}, "a")
    assert alone == packed != other


def test_the_first_end_of_an_attempt_counts_and_refused_ones_are_not_billed():
    book = Book()
    path, body = "/v1/embeddings", {"model": "m", "input": ["a", "b"]}
    for end in ("refused", "broken", "whole"):
        attempts = book.begin(path, body, "k")
        book.end(attempts, end)
        book.end(attempts, "gone")
    assert book.totals()["ends"] == {"whole": 2, "gone": 0, "broken": 2, "open": 0, "refused": 2}
    assert [item["billed"] for item in book.items().values()] == [2, 2]
    book.reset()
    assert book.totals()["billed"] == 0


async def _statuses(server: FaultServer, count: int) -> list[int]:
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer k"}) as session:

        async def ask(number: int) -> int:
            body = {"model": "m", "messages": [{"role": "user", "content": str(number)}]}
            async with session.post(server.url + "/chat/completions", json=body) as answer:
                return answer.status

        return await asyncio.gather(*map(ask, range(count)))


@pytest.mark.anyio
async def test_the_same_seed_commits_the_same_faults_in_any_order():
    runs = []
    for seed in (3, 3, 4):
        with FaultServer(seed=seed, faults={"502": 0.2, "400": 0.2}) as server:
            runs.append(await _statuses(server, 60))
            assert sum(server.book.faults.values()) == sum(s != 200 for s in runs[-1])
            assert server.book.totals()["billed"] == runs[-1].count(200)
    assert runs[0] == runs[1] != runs[2]
    assert {200, 400, 502} == set(runs[0])


@pytest.mark.anyio
async def test_a_burst_over_the_limit_is_refused_to_the_request():
    with FaultServer(requests_per_minute=6, burst_s=60) as server:
        assert sorted(await _statuses(server, 20)) == [200] * 6 + [429] * 14


def test_it_runs_as_a_process_and_tells_its_counts():
    command = [sys.executable, "-m", "servers.fault_server", "--faults", "503=0.1"]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            root = process.stdout.readline().split()[0].removesuffix("/v1")
            for path, words in (("/stats?items=1", b'"by_digest": {}'), ("/reset", b"{}")):
                with urllib.request.urlopen(root + path, timeout=20) as answer:  # noqa: S310 -- our own
                    assert words in answer.read()
        finally:
            process.terminate()
