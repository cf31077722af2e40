from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from promptkit import Message, Request, Response
from promptkit.adapters.sqlite import SqliteStore
from promptkit.errors import RateLimitError, StoreError
from promptkit.response import Choice, Usage
from promptkit.transport import FunctionTransport
from promptkit.transports.cache import CacheLayer, CacheWarning, MemoryStore

pytestmark = pytest.mark.anyio


def asked(text: str = "Hi", sample: int = 0) -> Request:
    return Request(messages=(Message("user", text),), model="m", sample=sample)


class Slow:
    """Answers after a moment and counts how often it was asked and how often it ended."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = 0
        self.ended = 0
        self.error = error
        self.go = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        self.begun += 1
        try:
            await self.go.wait()
        finally:
            self.ended += 1
        if self.error:
            raise self.error
        return Response((Choice(f"answer {self.begun}"),), Usage(3, 2), cost_usd=0.5)


async def test_ten_equal_questions_at_once_send_one_request() -> None:
    model = Slow()
    layer = CacheLayer(FunctionTransport(model), MemoryStore())
    tasks = [asyncio.create_task(layer(asked())) for _ in range(10)]
    await asyncio.sleep(0.01)
    model.go.set()
    answers = await asyncio.gather(*tasks)
    assert model.begun == 1
    assert [a.log.source for a in answers].count("endpoint") == 1
    assert sum(a.paid_usd or 0 for a in answers) == 0.5


async def test_five_samples_send_five_requests_and_a_rerun_none() -> None:
    model = Slow()
    model.go.set()
    layer = CacheLayer(FunctionTransport(model), MemoryStore())
    first = await asyncio.gather(*(layer(asked(sample=i)) for i in range(5)))
    again = await asyncio.gather(*(layer(asked(sample=i)) for i in range(5)))
    assert model.begun == 5
    assert {a.text for a in first} == {a.text for a in again}
    assert {a.paid_usd for a in again} == {0.0}


async def test_cancelling_the_first_asker_does_not_cancel_the_others() -> None:
    model = Slow()
    layer = CacheLayer(FunctionTransport(model), MemoryStore())
    first, second = (asyncio.create_task(layer(asked())) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    model.go.set()
    answer = await second
    assert answer.text == "answer 1"
    assert answer.log.source == "endpoint", "the bill must be paid by someone"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_when_all_askers_are_cancelled_the_request_is_too_and_a_new_one_starts_afresh() -> (
    None
):
    model = Slow()
    layer = CacheLayer(FunctionTransport(model), MemoryStore())
    tasks = [asyncio.create_task(layer(asked())) for _ in range(3)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert model.ended == 1
    model.go.set()
    assert (await layer(asked())).text == "answer 2"


async def test_an_error_reaches_every_asker_and_is_not_kept() -> None:
    model = Slow(RateLimitError("slow down"))
    layer = CacheLayer(FunctionTransport(model), MemoryStore())
    model.go.set()
    results = await asyncio.gather(*(layer(asked()) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, RateLimitError) for result in results)
    assert len({id(result) for result in results}) == 3, "each asker may add notes to its own"
    model.error = None
    assert (await layer(asked())).text == "answer 2"


async def test_who_joins_a_stream_late_gets_all_of_it() -> None:
    go = asyncio.Event()

    async def model(request: Request, on_text: object = None, /) -> Response:
        assert callable(on_text)
        on_text("one ")
        await go.wait()
        on_text("two")
        return Response((Choice("one two"),))

    layer = CacheLayer(model, MemoryStore())  # type: ignore[arg-type]
    heard: list[list[str]] = [[], []]
    first = asyncio.create_task(layer(asked(), heard[0].append))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(layer(asked(), heard[1].append))
    await asyncio.sleep(0.01)
    go.set()
    await asyncio.gather(first, second)
    assert heard == [["one ", "two"], ["one ", "two"]]


async def test_answers_outlive_the_process(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    kept = Response((Choice("4", "stop"),), Usage(5, 1, 2), "m-1", 0.25)
    await store.put(asked(), kept)
    found = SqliteStore(tmp_path / "c.sqlite").get(asked())
    assert found is not None
    assert found.log.source == "cache"
    assert found.with_log(source="endpoint", attempts=1) == kept
    await store.aclose()


async def test_no_prompt_is_written_to_the_cache_and_only_its_owner_reads_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "c.sqlite"
    layer = CacheLayer(FunctionTransport(lambda request: "an answer"), SqliteStore(path))
    await layer(asked("my secret diary"))
    raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"an answer" in raw
    assert b"diary" not in raw
    assert path.stat().st_mode & 0o077 == 0


def _write_many(path: Path, name: str, count: int) -> None:
    async def main() -> None:
        store = SqliteStore(path)
        await asyncio.gather(
            *(store.put(asked(f"{name} {i}"), Response((Choice(name),))) for i in range(count))
        )
        await store.aclose()

    asyncio.run(main())


async def test_several_processes_write_one_cache_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(path, f"w{i}", 200)) for i in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        await asyncio.to_thread(writer.join)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    store = SqliteStore(path)
    for i in range(3):
        for number in (0, 199):
            found = store.get(asked(f"w{i} {number}"))
            assert found is not None
            assert found.text == f"w{i}"
    await store.aclose()


async def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="belongs to another program"):
        SqliteStore(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000]
)
async def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.sqlite"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"broken\.sqlite.*(move it away|another path)"):
        SqliteStore(path)


async def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    store = SqliteStore(path)
    store._database.execute("PRAGMA user_version = 99")
    await store.aclose()
    with pytest.raises(StoreError, match="version 99"):
        SqliteStore(path)


async def test_a_full_disk_costs_the_cache_but_not_the_answer(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    store._database.execute("PRAGMA max_page_count = 4")
    layer = CacheLayer(FunctionTransport(lambda request: "x" * 50_000), store)
    with pytest.warns(CacheWarning, match="not being cached"):
        answer = await layer(asked())
    assert len(answer.text) == 50_000
    await store.aclose()


async def test_a_hit_repeats_nothing_of_what_the_first_call_cost() -> None:
    async def model(request: Request) -> Response:
        return Response((Choice("x"),), Usage(1, 1), cost_usd=0.5).with_log(
            attempts=3, waited_s=9.0, unsettled_usd=0.7
        )

    layer = CacheLayer(FunctionTransport(model), MemoryStore())
    first, second = await layer(asked()), await layer(asked())
    assert first.log.unsettled_usd == 0.7
    assert (second.log.attempts, second.log.waited_s, second.log.unsettled_usd) == (0, 0.0, 0.0)


async def test_while_an_answer_is_being_stored_it_is_not_asked_for_again() -> None:
    class SlowStore(MemoryStore):
        async def put(self, request: Request, response: Response, /) -> None:
            await asyncio.sleep(0.05)
            await super().put(request, response)

    model = Slow()
    model.go.set()
    layer = CacheLayer(FunctionTransport(model), SlowStore())
    first = asyncio.create_task(layer(asked()))
    await asyncio.sleep(0.02)
    await asyncio.gather(first, layer(asked()))
    assert model.begun == 1


async def test_notes_on_one_askers_error_are_not_on_the_others() -> None:
    model = Slow(RateLimitError("slow down"))
    model.go.set()
    layer = CacheLayer(FunctionTransport(model), MemoryStore())

    async def ask(number: int) -> list[str]:
        try:
            await layer(asked())
        except RateLimitError as error:
            error.add_note(f"item {number}")
            return error.__notes__
        return []

    assert await asyncio.gather(*map(ask, range(3))) == [["item 0"], ["item 1"], ["item 2"]]


async def test_a_put_is_told_when_the_files_folder_has_gone(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    store = SqliteStore(folder / "c.sqlite")
    await store.aclose()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("a file where a folder was")
    async with asyncio.timeout(5):
        with pytest.raises(StoreError):
            await store.put(asked(), Response((Choice("x"),)))


def test_a_loop_that_stopped_before_its_commit_holds_up_no_other(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "c.sqlite")
    stopped = asyncio.new_event_loop()

    async def put_first() -> None:
        await store.put(asked("a"), Response((Choice("x"),)))

    task = stopped.create_task(put_first())
    stopped.call_soon(stopped.stop)
    stopped.run_forever()

    async def put() -> None:
        async with asyncio.timeout(5):
            await store.put(asked("b"), Response((Choice("y"),)))
        await store.aclose()

    asyncio.run(put())
    task.cancel()
    stopped.run_until_complete(asyncio.gather(task, return_exceptions=True))
    stopped.close()
