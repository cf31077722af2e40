from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import promptkit as pk
from promptkit import Budget, Message, Options, Price, Profile, Request, Response
from promptkit.adapters import book_meter, holder
from promptkit.adapters.book_meter import BookMeter, shared_meters
from promptkit.adapters.spending_book import SpendingBook
from promptkit.errors import BudgetError, StoreError
from promptkit.response import Choice, Usage
from promptkit.transports.budget import BudgetLayer
from promptkit.transports.meter import reserve, settle, try_reserve

DAY_S = 86_400.0
NOON = 1_800_014_400.0  # 12:00 UTC, 15 January 2027
PRICE = Price(input=10.0, output=100.0, longest_answer=50)
ASKED = Request(messages=(Message("user", "Hi"),), model="m", options=Options(max_tokens=50))

CHILD = """
import asyncio, os, random, sys
import promptkit as pk
from promptkit.errors import BudgetError
from promptkit.response import Choice, Usage

folder, seed, hard, day = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
chance = random.Random(seed)
price = pk.Price(input=10.0, output=100.0)
bill = os.open(os.path.join(folder, "bill"), os.O_CREAT | os.O_APPEND | os.O_WRONLY)

async def provider(request):
    usage = Usage(chance.randint(5, 60), chance.randint(0, 50))
    os.write(bill, f"{price.cost(usage)}\\n".encode())  # billed as soon as it is worked on
    await asyncio.sleep(chance.uniform(0, 0.004))
    if chance.random() < 0.1:
        raise pk.errors.ConnectionFailedError("reset")
    return pk.Response((Choice("x"),), usage)

async def main():
    profile = pk.Profile(name="p", budget=pk.Budget(hard=hard, day=day), prices={"m": price})
    async with pk.connect(
        profile, transport=provider, model="m", cache=None, ledger=False,
        retry=pk.RetryPolicy(max_attempts=1),
    ) as session:
        print("ready", flush=True)
        asked = [f"question {n}" for n in range(100_000)]
        async for _, answer in session.using(max_tokens=50).imap(
            pk.Prompt("{q:trusted}"), asked, concurrency=8, on_error="keep"
        ):
            if isinstance(answer, BudgetError):
                break
    print("refused", flush=True)

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for meter in list(book_meter._meters):
        meter.end()
        meter.book.close()


def meter_in(folder: Path, hard: float = 1.0, **options: Any) -> BookMeter:
    book = SpendingBook(folder / "spending.sqlite", now=options.pop("now", time.time))
    return BookMeter(book, Budget(hard=hard), "profile p", **options)


def die(meter: BookMeter) -> None:
    """Leave everything as a killed process does: its lock is gone, its file is not."""
    if meter._holder is not None:
        meter._holder.leave()
        meter._holder = None
    meter.book.close()
    book_meter._meters.discard(meter)


def spend(meter: BookMeter, amount: float) -> None:
    asyncio.run(reserve((meter,), amount))
    settle((meter,), amount, amount)


# -- several processes --------------------------------------------------------------------------


@pytest.mark.parametrize("binding", ["profile", "day"])
def test_processes_that_are_killed_and_started_again_never_overrun_their_common_limit(
    tmp_path: Path, binding: str
) -> None:
    """Five processes, two of them killed in the midst of it; the provider counts every call."""
    limit, other = 5.0, 500.0
    hard, day = (limit, other) if binding == "profile" else (other, limit)
    chance = random.Random(7)
    running: list[subprocess.Popen[str]] = []

    def start(seed: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CHILD, str(tmp_path), str(seed), str(hard), str(day)]
        home = {**os.environ, "PROMPTKIT_HOME": str(tmp_path / "home")}
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=home)

    try:
        running = [start(seed) for seed in range(3)]
        for seed in (3, 4):
            victim = running.pop(0)
            assert victim.stdout is not None
            victim.stdout.readline()
            time.sleep(chance.uniform(0.02, 0.1))
            victim.send_signal(signal.SIGKILL)
            assert "refused" not in victim.communicate()[0], "it was killed in the midst of it"
            running.append(start(seed))
        for process in running:
            assert process.stdout is not None
            assert "refused" in process.communicate(timeout=60)[0]
            assert process.returncode == 0
    finally:
        for process in running:
            process.kill()
            process.communicate()
    billed = [float(line) for line in (tmp_path / "bill").read_text().split()]
    assert sum(billed) <= limit
    assert sum(billed) > 0.9 * limit - 16 * 0.02, "what the dead surely did not spend is freed"
    os.environ["PROMPTKIT_HOME"] = str(tmp_path / "home")
    place = tmp_path / "home" / "profiles" / "p"
    meters = [m for m in shared_meters(place, Budget(hard, None, day), "p") if m.is_limited]
    for meter in meters:
        assert sum(billed) <= meter.spent_usd + 1e-9


class Crowd:
    """Three processes on one book, and what their provider charged on each day."""

    def __init__(self, folder: Path, chance: random.Random, hard: float, *, daily: bool) -> None:
        self.folder, self.chance, self.hard, self.daily = folder, chance, hard, daily
        self.clock = NOON
        self.charged: dict[str, float] = {}
        self.people = [self.begin() for _ in range(3)]

    def begin(self) -> tuple[BookMeter, list[tuple[float, float]]]:
        return meter_in(self.folder, self.hard, now=lambda: self.clock, daily=self.daily), []

    def ask(self, meter: BookMeter, under_way: list[tuple[float, float]]) -> None:
        worst = self.chance.uniform(0.001, 0.3)
        with book_meter.lock():
            if meter.room() < worst:
                meter._refused_at = float("-inf")
                meter.extend(worst)
        if try_reserve((meter,), worst):
            cost = self.chance.uniform(0, worst)
            under_way.append((worst, cost))
            day = meter.day or ""
            self.charged[day] = self.charged.get(day, 0.0) + cost

    def step(self, kind: str) -> None:
        place = self.chance.randrange(3)
        meter, under_way = self.people[place]
        if kind == "ask":
            self.ask(meter, under_way)
        elif kind in ("answer", "lose") and under_way:
            reserved, cost = under_way.pop(self.chance.randrange(len(under_way)))
            settle((meter,), reserved, cost if kind == "answer" else reserved)
        elif kind == "idle":
            meter.release()
        elif kind == "die":
            die(meter)
            self.people[place] = self.begin()
        elif kind == "day":
            self.clock += self.chance.choice([DAY_S, -DAY_S, 3 * DAY_S])


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    hard=st.floats(0.01, 2.0),
    steps=st.lists(
        st.sampled_from(["ask", "ask", "ask", "answer", "answer", "lose", "idle", "die", "day"]),
        min_size=5,
        max_size=60,
    ),
    kind=st.sampled_from(["all", "day"]),
)
def test_no_interleaving_of_processes_deaths_and_days_overruns_a_limit(
    seed: int, hard: float, steps: list[str], kind: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        crowd = Crowd(Path(folder), random.Random(seed), hard, daily=kind == "day")
        for step in steps:
            crowd.step(step)
            assert all(amount <= hard + 1e-9 for amount in crowd.charged.values())
        for meter, _ in crowd.people:
            die(meter)


# -- one process after the other ----------------------------------------------------------------


def test_what_was_spent_is_remembered_by_the_next_process(folder: Path) -> None:
    first = meter_in(folder, 1.0)
    spend(first, 0.7)
    first.end()
    second = meter_in(folder, 1.0)
    assert second.spent_usd == pytest.approx(0.7)
    with pytest.raises(BudgetError, match=r"\$0\.50; \$0\.30 of the \$1\.00 of profile p is left"):
        spend(second, 0.5)
    assert second.reserved_usd == 0.0


def test_a_block_that_a_living_process_holds_is_waited_for_and_not_refused(folder: Path) -> None:
    idle, busy = meter_in(folder, 1.0), meter_in(folder, 1.0)

    async def main() -> None:
        await reserve((idle,), 0.5)
        settle((idle,), 0.5, 0.1)
        asked = asyncio.create_task(reserve((busy,), 0.85))
        await asyncio.sleep(0.01)
        assert not asked.done(), "the first has a block of 0.5, of which 0.1 is spent"
        idle.release()
        await asked
        settle((busy,), 0.85, 0.85)

    asyncio.run(main())
    assert busy.spent_usd == pytest.approx(0.95)


def test_an_idle_process_gives_its_block_back_by_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_meter, "_IDLE_S", 0.01)
    meter = meter_in(folder, 1.0)

    async def main() -> None:
        await reserve((meter,), 0.01)
        settle((meter,), 0.01, 0.01)
        assert meter.room() > 0
        while meter.cap:
            await asyncio.sleep(0.005)

    asyncio.run(main())
    assert meter_in(folder, 1.0)._elsewhere == 0.0


def test_of_a_dead_process_only_what_it_spent_or_had_under_way_is_lost(folder: Path) -> None:
    dead = meter_in(folder, 1.0)
    asyncio.run(reserve((dead,), 0.02))
    asyncio.run(reserve((dead,), 0.03))
    settle((dead,), 0.02, 0.01)
    (mark,) = dead.book.holders.iterdir()
    die(dead)
    heir = meter_in(folder, 1.0)
    spend(heir, 0.95)
    assert heir.spent_usd == pytest.approx(0.99)
    assert not mark.exists()


def test_without_a_trustworthy_number_the_whole_block_of_a_dead_process_is_lost(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = meter_in(folder, 1.6)
    asyncio.run(reserve((dead,), 0.01))
    die(dead)
    monkeypatch.setattr(holder, "_this_boot", lambda: b"another run of the system")
    heir = meter_in(folder, 1.6)
    with pytest.raises(BudgetError):
        spend(heir, 1.59)
    assert heir.spent_usd == pytest.approx(0.1), "a block is a sixteenth of what is left"


# -- days ---------------------------------------------------------------------------------------


def test_a_new_day_has_its_own_money_and_a_clock_set_back_frees_none(folder: Path) -> None:
    clock = [NOON]
    meter = meter_in(folder, 1.0, now=lambda: clock[0], daily=True)
    spend(meter, 0.9)
    with pytest.raises(BudgetError, match="of profile p is left"):
        spend(meter, 0.2)
    clock[0] += DAY_S
    spend(meter, 0.8)
    clock[0] -= DAY_S
    with pytest.raises(BudgetError):
        spend(meter, 0.5)
    late = meter_in(folder, 1.0, now=lambda: clock[0], daily=True)
    assert late.spent_usd == pytest.approx(0.8)
    with pytest.raises(BudgetError):
        spend(late, 0.5)


def test_what_is_under_way_at_midnight_counts_for_the_new_day(folder: Path) -> None:
    clock = [NOON]
    meter = meter_in(folder, 1.0, now=lambda: clock[0], daily=True)
    asyncio.run(reserve((meter,), 0.6))
    clock[0] += DAY_S
    spend(meter, 0.3)
    settle((meter,), 0.6, 0.6)
    with pytest.raises(BudgetError):
        spend(meter, 0.2)


def test_a_days_limit_and_a_profiles_limit_hold_in_every_session_of_the_profile() -> None:
    profile = Profile(name="p", budget=Budget(hard=5.0, day=0.012), prices={"m": PRICE})
    model = pk.testing.Scripted(lambda request: Response((Choice("x"),), Usage(5, 50)))
    first, second = (pk.connect(profile, transport=model, model="m", cache=None) for _ in range(2))
    pk.run(first.ask("one", max_tokens=50))
    pk.run(second.ask("two", max_tokens=50))
    with pytest.raises(BudgetError, match=r"of the \$0\.012 a day of profile p is left"):
        pk.run(second.ask("three", max_tokens=50))
    names = [meter.name for meter in first.trace.meters]
    assert names == ["profile p", "day of profile p"]


def test_the_lower_of_two_days_limits_holds_and_is_counted_once() -> None:
    profile = Profile(name="p", budget=Budget(day=5.0), prices={"m": PRICE})
    session = pk.connect(profile, transport=pk.testing.Scripted("x"), budget=Budget(day=0.5))
    (meter,) = session.trace.meters
    assert meter.budget.hard == 0.5


# -- processes and files ------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_none_of_its_parents_block(folder: Path) -> None:
    meter = meter_in(folder, 1.0)
    asyncio.run(reserve((meter,), 0.25))
    child = os.fork()
    if child == 0:
        is_new = (meter.cap, meter.counted, meter.reserved_usd) == (0.0, 0.0, 0.0)
        with book_meter.lock():
            meter.extend(0.1)
        took = meter.room() >= 0.1
        meter.end()
        os._exit(0 if is_new and took else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    settle((meter,), 0.25, 0.25)
    meter.release()
    assert meter.spent_usd == pytest.approx(0.25)


def test_a_book_that_cannot_be_written_refuses_instead_of_guessing(folder: Path) -> None:
    meter = meter_in(folder, 1.0)
    meter.book.close()
    (folder / "spending.sqlite").write_bytes(b"this is no database, but it is long enough" * 20)
    for suffix in ("-wal", "-shm"):
        (folder / f"spending.sqlite{suffix}").unlink(missing_ok=True)
    with pytest.raises(StoreError):
        spend(meter, 0.1)
    with pytest.raises(StoreError):
        meter_in(folder, 1.0)


def test_a_call_costs_no_look_at_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    exchange = SpendingBook.exchange

    def counted(self: SpendingBook, *args: Any, **options: Any) -> Any:
        nonlocal looks
        looks += 1
        return exchange(self, *args, **options)

    monkeypatch.setattr(SpendingBook, "exchange", counted)
    meter = meter_in(folder, 1000.0)
    model = pk.testing.Scripted(lambda request: Response((Choice("x"),), Usage(5, 50)))
    stacked = BudgetLayer(model, (meter,), lambda model, endpoint: PRICE)

    async def main() -> None:
        for _ in range(500):
            await stacked(ASKED)

    asyncio.run(main())
    assert looks <= 3
    assert meter.spent_usd == pytest.approx(500 * PRICE.cost(Usage(5, 50)))


def test_calls_that_fit_are_under_way_together_however_small_the_blocks_have_become(
    folder: Path,
) -> None:
    meter = meter_in(folder, 0.08)
    most = under_way = 0

    async def ask() -> None:
        nonlocal most, under_way
        await reserve((meter,), 0.01)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        settle((meter,), 0.01, 0.01)

    async def main() -> None:
        await asyncio.gather(*(ask() for _ in range(8)))

    asyncio.run(main())
    assert most == 8


def test_two_processes_can_use_all_of_a_limit_between_them(folder: Path) -> None:
    one, other = meter_in(folder, 1.0), meter_in(folder, 1.0)
    spent = 0.0

    async def ask(meter: BookMeter) -> None:
        nonlocal spent
        while True:
            try:
                await reserve((meter,), 0.01)
            except BudgetError:
                return
            await asyncio.sleep(0)
            settle((meter,), 0.01, 0.004)
            spent += 0.004

    async def main() -> None:
        await asyncio.gather(*(ask(meter) for meter in (one, other) for _ in range(4)))

    asyncio.run(main())
    assert 0.98 < spent <= 1.0
