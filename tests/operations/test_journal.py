"""The journal knows which rows are answered, whatever happened to the run that wrote it."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.errors import StoreError, TableError
from promptkit.operations.entry import Entry, digest_of
from promptkit.operations.journal import Journal

SETTINGS = {"the model": "m"}


def entry(row: int, answer: object = "yes", **more: object) -> Entry:
    return Entry(row, digest_of({"row": row}), answer, **more)


def test_entries_are_there_when_it_is_opened_again(tmp_path):
    path = tmp_path / "out.csv.journal"
    kept = [
        entry(2, {"a": [1, None]}, confidence=0.5, input_tokens=3, cost_usd=1e-7),
        entry(0, None),
        entry(1, None, error="ValueError: no"),
    ]
    journal = Journal(path, SETTINGS)
    for each in kept:
        journal.put(each)
    journal.close()
    journal = Journal(path, SETTINGS)
    assert list(journal.entries(4)) == [kept[1], kept[2], kept[0], None]
    assert journal.count() == (2, 1, 3)
    assert journal.count(2) == (1, 1, 2)
    assert journal.has_confidence
    journal.close()


def test_rows_are_matched_with_their_entries_over_many_blocks(tmp_path):
    journal = Journal(tmp_path / "j", SETTINGS)
    for row in range(0, 1_500, 7):
        journal.put(entry(row))
    found = list(journal.beside(str(row) for row in range(1_500)))
    assert [number for number, *_ in found] == list(range(1_500))
    assert all(text == str(number) for number, text, _ in found)
    assert [number for number, _, each in found if each] == list(range(0, 1_500, 7))
    journal.close()


values = st.dictionaries(st.text(), st.none() | st.integers() | st.floats() | st.text())


@given(values, values)
def test_rows_have_one_digest_exactly_when_they_are_equal(one, other):
    same = repr(sorted(one.items())) == repr(sorted(other.items()))
    assert (digest_of(one) == digest_of(other)) is same
    assert digest_of(dict(reversed(one.items()))) == digest_of(one)


def test_a_second_run_is_refused_at_once_and_let_in_when_the_first_has_ended(tmp_path):
    first = Journal(tmp_path / "out.csv.journal", SETTINGS)
    first.put(entry(0))
    for restart in (False, True):
        with pytest.raises(TableError, match=r"another run is writing out\.csv now"):
            Journal(tmp_path / "out.csv.journal", SETTINGS, restart=restart)
    first.close()
    second = Journal(tmp_path / "out.csv.journal", SETTINGS)
    assert second.count()[0] == 1
    second.close()


def test_other_settings_are_refused_once_there_are_answers(tmp_path):
    journal = Journal(tmp_path / "j", {"the template": "a\n" * 100})
    journal.put(entry(0))
    journal.close()
    with pytest.raises(TableError, match=r"the template was «a a .*…» .* now «b»: 1 rows are"):
        Journal(tmp_path / "j", {"the template": "b"})
    with pytest.raises(TableError, match=r"the template was .* is now not given"):
        Journal(tmp_path / "j", {})
    journal = Journal(tmp_path / "j", {"the template": "b"}, restart=True)
    assert not journal.has_entries
    journal.close()


def test_a_journal_that_nothing_came_of_is_removed(tmp_path):
    Journal(tmp_path / "j", SETTINGS).close()
    assert not list(tmp_path.iterdir())


def test_answers_that_come_when_the_disk_is_full_are_written_when_there_is_room(tmp_path):
    journal = Journal(tmp_path / "j", SETTINGS)
    journal.put(entry(0))
    (pages,) = journal._database.execute("PRAGMA page_count").fetchone()
    journal._database.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StoreError, match="full"):
        journal.put(entry(1, "x" * 50_000))
    with pytest.raises(StoreError, match="full"):
        journal.put(entry(2, "y"))
    journal._database.execute("PRAGMA max_page_count = 1000000")
    journal.close()
    journal = Journal(tmp_path / "j", SETTINGS)
    assert journal.count() == (3, 0, 3)
    journal.close()


def test_answers_that_cannot_be_written_at_all_are_counted(tmp_path):
    journal = Journal(tmp_path / "j", SETTINGS)
    journal.put(entry(0))
    (pages,) = journal._database.execute("PRAGMA page_count").fetchone()
    journal._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError):
        journal.put(entry(1, "x" * 50_000))
    with pytest.raises(StoreError, match="1 answers are lost and will be asked again"):
        journal.close()
    journal = Journal(tmp_path / "j", SETTINGS)
    assert journal.count()[0] == 1
    journal.close()


def test_room_is_kept_for_answers_under_way_and_given_back_at_the_end(tmp_path):
    journal = Journal(tmp_path / "j", SETTINGS)
    assert (tmp_path / "j-reserve").stat().st_size == 8 << 20
    journal.put(entry(0))
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == ["j"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_nobody_else_can_read_the_answers(tmp_path: Path):
    journal = Journal(tmp_path / "j", SETTINGS)
    journal.put(entry(0))
    assert stat.S_IMODE((tmp_path / "j").stat().st_mode) == 0o600
    journal.close()
