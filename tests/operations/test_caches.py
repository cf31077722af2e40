"""Looking after cache files: what is shown, and what exactly is deleted."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from promptkit import Cache, Message, Prompt, Request, Session, connect
from promptkit.adapters.sqlite import SqliteStore
from promptkit.cli import main
from promptkit.errors import OptionError, StoreError
from promptkit.operations.caches import clear, summarize, vacuum
from promptkit.response import Choice, Response, Usage
from promptkit.secret import Secret
from promptkit.testing import Scripted

ANSWER = Response((Choice("a long answer " * 50),), Usage(10, 5), "m-2026", 0.5)


def session(path: Path, **settings: object) -> Session:
    return connect(
        transport=Scripted(lambda request: ANSWER),
        model="m",
        cache=Cache(path, **settings),  # type: ignore[arg-type]
    )


async def fill(path: Path, count: int = 3, **settings: object) -> None:
    async with session(path, **settings) as asking:
        await asyncio.gather(*(asking.ask(f"question {n}") for n in range(count)))


async def is_kept(path: Path, text: object, model: str = "m", **settings: object) -> bool:
    async with session(path, **settings) as asking:
        answer = await asking.ask(text, model=model)  # type: ignore[arg-type]
        return answer.log.source == "cache"


async def test_a_summary_tells_what_is_kept_and_what_it_saved(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    await fill(path, tag="run-7")
    await fill(path, tag="run-8")
    async with session(path) as asking:
        await asking.ask("question 0", model="other")
    summary = summarize(path)
    assert summary.entries == 4
    assert summary.models == {"m": 3, "other": 1}
    assert summary.tags == {"run-7": 3}
    assert summary.hits == 3
    assert summary.saved_usd == pytest.approx(1.5)
    assert not summary.is_encrypted
    assert summary.bytes > 0


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ([None, None, None], "served 3 calls, saving unknown for 3 calls"),
        ([0.5, None, None], "served 3 calls, saved $0.50, saving unknown for 2 calls"),
        ([0.5, 0.0, 0.0], "served 3 calls, saved $0.50"),
    ],
)
def test_what_an_answer_of_unknown_price_saved_is_not_told_as_nothing(
    costs: list[float | None], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.sqlite"

    async def serve() -> None:
        store = SqliteStore(path)
        for number, cost in enumerate(costs):
            asked = Request(messages=(Message("user", str(number)),), model="own")
            await store.put(asked, Response((Choice("x"),), Usage(1, 1), "own", cost))
            store.get(asked)
        await store.aclose()

    asyncio.run(serve())
    assert main(["cache", "--file", str(path)]) == 0
    assert f"  {said}\n" in capsys.readouterr().out
    assert summarize(path).unpriced == costs.count(None)


async def test_answers_are_deleted_by_model(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    await fill(path)
    async with session(path) as asking:
        await asking.ask("question 0", model="other")
    assert clear(path, model="other") == 1
    assert clear(path, model="m-2026") == 3, "by what the answering model calls itself, too"


@pytest.mark.parametrize("secret", [None, Secret("a long secret")])
async def test_all_answers_to_a_question_are_deleted_whatever_the_options(
    tmp_path: Path, secret: Secret | None
) -> None:
    path = tmp_path / "c.sqlite"
    await fill(path, secret=secret)
    async with session(path, secret=secret) as asking:
        await asking.ask("question 0", temperature=1.0)
        await asking.ask("question 0", sample=3)
    assert clear(path, question="question 0", secret=secret) == 3
    assert await is_kept(path, "question 1", secret=secret)
    assert not await is_kept(path, "question 0", secret=secret)


async def test_a_filled_prompt_is_found_as_it_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    prompt = Prompt("Which team? {text}").fill(text="It is <b>broken</b>")
    async with session(path) as asking:
        await asking.ask(prompt)
    assert clear(path, question=prompt) == 1


async def test_conditions_are_joined_and_something_must_be_given(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    await fill(path, tag="run-7")
    assert clear(path, tag="run-7", older_than_s=3600) == 0
    assert clear(path, tag="run-7", model="another") == 0
    with pytest.raises(OptionError, match="not clear"):
        clear(path)
    with pytest.raises(OptionError, match="not clear"):
        clear(path, tag="run-7", everything=True)
    assert clear(path, everything=True) == 3


async def test_what_is_deleted_is_gone_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    await fill(path, 200)
    before = path.stat().st_size
    assert clear(path, everything=True) == 200
    raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"a long answer" not in raw
    assert vacuum(path) > 0
    assert path.stat().st_size < before


async def test_clearing_while_a_session_is_open_makes_it_ask_again(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    async with session(path) as asking:
        await asking.ask("question 0")
        assert await asyncio.to_thread(clear, path, everything=True) == 1
        assert (await asking.ask("question 0")).log.source == "endpoint"


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no cache"):
        summarize(tmp_path / "c.sqlite")
    assert not list(tmp_path.iterdir())


# -- the command -----------------------------------------------------------------------------


def kept_by(home: Path, profile: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROMPTKIT_HOME", str(home))
    path = home / "profiles" / profile / "cache.sqlite"
    asyncio.run(fill(path, tag="run-7"))
    return path


def test_the_command_shows_and_clears_the_caches_of_all_profiles(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    one, two = (kept_by(tmp_path, name, monkeypatch) for name in ("one", "two"))
    assert main(["cache"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("3 answers") == 2
    assert "model m: 3" in shown
    assert main(["cache", "show", "--json"]) == 0
    assert [entry["entries"] for entry in json.loads(capsys.readouterr().out)] == [3, 3]
    assert main(["cache", "clear", "--prompt", "question 1", "--profile", "default"]) == 2
    assert main(["cache", "clear", "--prompt", "question 1"]) == 0
    assert summarize(one).entries == summarize(two).entries == 2
    assert main(["cache", "clear", "--file", str(two), "--all"]) == 0
    assert (summarize(one).entries, summarize(two).entries) == (2, 0)
    assert main(["cache", "vacuum"]) == 0
    assert "given back" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [["clear"], ["clear", "--all", "--tag", "x"], ["show", "--all"], ["--model", "m"], ["vanish"]],
)
def test_the_command_deletes_nothing_by_mistake(
    words: list[str], tmp_path: Path, monkeypatch
) -> None:
    path = kept_by(tmp_path, "one", monkeypatch)
    assert main(["cache", *words]) == 2
    assert summarize(path).entries == 3


def test_a_profile_says_how_its_answers_are_kept(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CACHE_SECRET", "long and random")
    monkeypatch.setenv("OPENAI_KEY_HERE", "sk-none")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "promptkit.toml").write_text(
        """
[profiles.safe]
model = "m"
key = { env = "OPENAI_KEY_HERE" }
cache = { ttl_s = 60, max_bytes = 1_000_000, tag = "t", secret = { env = "CACHE_SECRET" } }
"""
    )
    asking = connect("safe")
    (store,) = (
        close.__self__ for close in asking.resources if isinstance(close.__self__, SqliteStore)
    )
    assert (store.settings.ttl_s, store.settings.max_bytes, store.settings.tag) == (60, 10**6, "t")
    assert summarize(store.path).is_encrypted
    asyncio.run(asking.aclose())


@pytest.mark.parametrize(
    "cache",
    [
        "{ secret = 'hunter2' }",
        "{ ttl = 60 }",
        "{ ttl_s = -1 }",
        "{ path = 'memory', secret = { env = 'X' } }",
    ],
)
def test_a_profile_with_a_wrong_cache_is_refused(cache: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "promptkit.toml").write_text(f"[profiles.p]\nmodel = 'm'\ncache = {cache}\n")
    assert main(["cache", "--profile", "p"]) == 2
