from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptkit.adapters.batch_journal import Entry, Journal


def entry(token: str, holder: str = "one", lease_s: float = 30.0, owner: str = "key") -> Entry:
    now = time.time()
    return Entry(token, owner, "http://x/v1", "m", 1, now, holder, now + lease_s)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "batches.sqlite")


KEYS = [bytes([n]) * 16 for n in range(8)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(claims=st.lists(st.sets(st.sampled_from(KEYS), min_size=1), max_size=8))
def test_no_key_is_ever_open_in_two_batches(tmp_path: Path, claims: list[set[bytes]]) -> None:
    journal = Journal(tmp_path / f"{time.time_ns()}.sqlite")
    claimed: set[bytes] = set()
    with journal:
        for number, keys in enumerate(claims):
            taken = journal.claim(entry(f"t{number}"), sorted(keys))
            assert taken == keys & claimed
            if not taken:
                claimed |= keys
        under_way = journal.under_way(KEYS)
    assert sorted(key for keys in under_way.values() for key in keys) == sorted(claimed)


def test_a_claim_is_taken_over_only_after_its_lease(journal: Journal) -> None:
    journal.claim(entry("fresh"), KEYS[:1])
    journal.claim(entry("late", lease_s=-1), KEYS[1:2])
    assert not journal.take_over("fresh", "two", 30)
    assert journal.take_over("late", "two", 30)
    assert not journal.renew("late", "one", 30)
    assert not journal.note_batch("late", "one", "batch_1")
    assert not journal.drop("late", "one")
    assert journal.note_batch("late", "two", "batch_2")
    assert not journal.take_over("late", "three", 30)
    found = journal.entry("late")
    assert found is not None
    assert found.batch_id == "batch_2"


def test_a_dropped_claim_frees_its_lines(journal: Journal) -> None:
    journal.claim(entry("a"), KEYS)
    assert journal.drop("a", "one")
    assert journal.under_way(KEYS) == {}
    assert journal.entry("a") is None
    assert journal.claim(entry("b"), KEYS) == set()


def test_an_answer_is_billed_once_and_its_line_stays_open_until_it_is_kept(
    journal: Journal,
) -> None:
    journal.claim(entry("a"), KEYS)
    assert journal.keys("a") == KEYS
    journal.bill("a", KEYS[:3], close=False)
    assert journal.unbilled("a") == set(KEYS[3:])
    assert journal.under_way(KEYS) == {"a": set(KEYS)}
    journal.close_lines("a", KEYS[:4])
    assert journal.under_way(KEYS) == {"a": set(KEYS[4:])}
    assert [found.token for found in journal.open_entries()] == ["a"]
    journal.bill("a", KEYS, close=True)
    assert journal.unbilled("a") == set()
    assert journal.open_entries() == []


def test_one_call_at_a_time_bills_a_batch(journal: Journal) -> None:
    journal.claim(entry("a"), KEYS)
    assert not journal.hold("a", "one", 30)  # there is no batch yet
    assert journal.note_batch("a", "one", "batch_1")
    assert journal.hold("a", "two", 30)
    assert journal.hold("a", "two", 30)
    assert not journal.hold("a", "one", 30)
    journal.let_go("a", "one")  # is not its holder
    assert not journal.hold("a", "one", 30)
    journal.let_go("a", "two")
    assert journal.hold("a", "one", -1)
    assert journal.hold("a", "two", 30)


def test_another_owner_may_claim_the_same_lines(journal: Journal) -> None:
    journal.claim(entry("a", owner="key one"), KEYS)
    assert journal.claim(entry("b", owner="key two"), KEYS) == set()


def test_a_look_makes_no_file(journal: Journal) -> None:
    assert journal.under_way(KEYS) == {}
    assert journal.open_entries() == []
    assert not journal.path.exists()
