"""The benchmark measures what it says: its buckets, its rounds, its table."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .buckets import Bucket
from .children import Client, PeerError, server, stats
from .environments import PEERS, PINS
from .full_path import PATH
from .measure import Plan, Row, interleaved, share_of
from .table import BEGIN, END, load, markdown, merge, plain, rows_of, save, write_page

steps = st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 50)), min_size=1, max_size=200)


@given(steps, st.sampled_from(["second", "minute"]), st.floats(60, 10_000))
def test_a_bucket_never_grants_more_than_is_called_grantable(moves, kind, limit):
    bucket = Bucket(limit, kind)
    now = granted = 0.0
    for pause, amount in moves:
        now += pause
        if not bucket.take(amount, now):
            granted += amount
        assert granted <= bucket.grantable(now) + 1e-6 * (1 + granted)


@given(steps)
def test_what_a_bucket_refuses_it_grants_after_the_wait_it_names(moves):
    bucket = Bucket(600, "second")
    now = 0.0
    for pause, amount in moves:
        now += pause
        wait_s = bucket.take(min(amount, bucket.capacity), now)
        if wait_s:
            now += wait_s * (1 + 1e-9) + 1e-9
            assert not bucket.take(min(amount, bucket.capacity), now)


def test_a_second_bucket_holds_a_sixtieth_and_a_minute_bucket_the_whole_limit():
    assert Bucket(600, "second").grantable(60) == pytest.approx(610)
    assert Bucket(600, "minute").grantable(60) == pytest.approx(1200)


def test_every_environment_is_pinned_and_every_peer_has_one():
    wanted = {peer.environment for peer in PEERS.values()} - {""}
    assert wanted == set(PINS)
    assert all("==" in pin for pins in PINS.values() for pin in pins)


def post(url):
    message = {"messages": [{"role": "user", "content": "?"}]}
    request = Request(f"{url}/chat/completions", json.dumps(message).encode())  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310 -- our own server
        return dict(answer.headers)


def test_the_server_refuses_what_is_beyond_its_bucket_and_counts_it():
    with server("--limit", "requests:60:second") as url:
        assert post(url)["x-ratelimit-remaining-requests"] == "0"
        with pytest.raises(HTTPError) as caught:
            post(url)
        caught.value.close()
        assert caught.value.code == 429
        assert 0 < int(caught.value.headers["retry-after-ms"]) <= 1000
        told = stats(url, window_s=60)
    assert (told["granted"], told["refused"], told["grantable"]) == (1, 1, 61)


def order_for(url):
    setting = {"url": url, "window": 8}
    return lambda name, turn: {
        "do": "round",
        "setting": dict(setting),
        "tag": f"{name}{turn}",
        "count": 32,
        "warm_up": 8,
    }


def cpu(answer, count):
    return {"cpu": answer["cpu_s"] * 1000 / count}


def test_promptkit_is_measured_on_its_full_path_with_and_without_the_extra():
    plan = Plan(("promptkit", "promptkit-fast"), rounds=2)
    with server() as url:
        rows = interleaved(plan, plan.who("ask"), order_for(url), cpu)
        assert stats(url)["total"] == 2 * 2 * 40
    assert [row.failed for row in rows] == ["", ""]
    assert all(len(row.values["cpu"]) == 2 for row in rows)
    assert all(row.versions["promptkit"] for row in rows)


def test_cached_answers_are_read_from_the_file_by_a_client_opened_anew():
    with server() as url, Client("promptkit") as client:
        setting = {"url": url, "window": 8, "kind": "cached", "store": "file"}
        answer = client.order("again", setting=setting, tag="x", count=32)
    assert (answer["right"], answer["sent"]) == (32, 0)


def test_a_client_that_fails_drops_out_and_says_why():
    plan = Plan(("promptkit",), rounds=2)
    (row,) = interleaved(plan, plan.peers, wrong_order, cpu)
    assert row.values == {}
    assert row.failed


def wrong_order(name, turn):
    return {"do": "round", "setting": {"colour": "red"}, "tag": "", "count": 1, "warm_up": 1}


def test_a_peer_without_an_environment_is_told_from_one_that_fails(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMPTKIT_BENCH_ENVIRONMENTS", str(tmp_path))
    with pytest.raises(PeerError, match="make-environments"):
        Client("litellm")


def test_slow_clients_get_fewer_prompts_in_whole_windows():
    plan = Plan(tuple(PEERS))
    assert share_of(plan, "promptkit") == 4_864
    assert share_of(plan, "inspect_ai") == 768


def row(client, cpu_s, case=""):
    return Row(client, case, {PEERS[client].shown[0]: "1.0"}, {"cpu": [cpu_s], "rate": [1 / cpu_s]})


def test_a_partial_run_replaces_only_what_it_measured():
    kept = merge({}, "path", [row("openai", 2.0), row("promptkit", 0.3)], "2026-11-01")
    kept = merge(kept, "path", [row("promptkit", 0.2)], "2026-11-02")
    told = {entry["client"]: (entry["values"]["cpu"], entry["day"]) for entry in kept["path"]}
    assert told == {"openai": ([2.0], "2026-11-01"), "promptkit": ([0.2], "2026-11-02")}
    assert [r.client for r in rows_of(kept, "path", PATH)] == ["promptkit", "openai"]


def test_the_page_keeps_all_that_stands_outside_its_table(tmp_path):
    page, results = tmp_path / "page.md", tmp_path / "results.json"
    page.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\n\nAfter\n")
    save(merge({}, "path", [row("openai", 2.0)], "2026-11-01"), results)
    for _ in range(2):
        write_page(load(results), {"path": PATH}, page)
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith(f"{END}\n\nAfter\n")
    assert "old" not in text
    assert text.count("| AsyncOpenAI (openai 1.0) | 2.000 |") == 1


def test_a_failed_client_is_in_both_tables_as_failed():
    rows = [row("openai", 2.0), Row("litellm", failed="it ended")]
    assert "litellm: it ended" in plain(PATH, rows)
    assert "| litellm | failed |" in markdown(PATH, rows, {})
