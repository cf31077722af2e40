"""What is promised to a batch in the spending book, and how it is settled."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptkit.adapters import spending_book
from promptkit.adapters.spending_book import SpendingBook
from promptkit.adapters.standing import Standing, Want

LINES = {bytes([n]) * 16: 0.5 * (n + 1) for n in range(4)}
COSTS = {line: usd / 10 for line, usd in LINES.items()}
WANT = Want("all", "", None, 0.0, 0.0, 0.0, 100.0)


def standing(book: SpendingBook) -> Standing:
    return book.exchange(WANT)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(told=st.lists(st.sets(st.sampled_from(sorted(LINES))), max_size=6))
def test_however_often_and_by_whomever_lines_are_settled_each_counts_once(
    tmp_path: Path, told: list[set[bytes]]
) -> None:
    path = tmp_path / "spending.sqlite"
    path.unlink(missing_ok=True)
    books = [SpendingBook(path), SpendingBook(path)]
    books[0].promise("t", LINES, [WANT])
    done: set[bytes] = set()
    for number, lines in enumerate(told):
        books[number % 2].settle("t", {line: COSTS[line] for line in lines}, [WANT])
        done |= lines
        found = standing(books[0])
        assert found.spent == pytest.approx(sum(COSTS[line] for line in done))
        assert found.promised == pytest.approx(
            sum(usd for line, usd in LINES.items() if line not in done)
        )
    for book in books:
        book.close()
    for file in tmp_path.glob("spending.sqlite*"):
        file.unlink()


def test_lines_for_which_nothing_was_promised_are_counted_once_too(tmp_path: Path) -> None:
    book = SpendingBook(tmp_path / "spending.sqlite")
    for _ in range(2):
        book.settle("t", COSTS, [WANT])
    assert standing(book).spent == pytest.approx(sum(COSTS.values()))
    book.close()


def test_what_was_promised_counts_on_the_day_on_which_it_was_sent(tmp_path: Path) -> None:
    now = 1_800_014_400.0
    book = SpendingBook(tmp_path / "spending.sqlite", lambda: now)
    day = Want("day", "", "", 0.0, 0.0, 0.0, 100.0)
    (first,) = book.promise("t", LINES, [day])
    assert first.promised == pytest.approx(sum(LINES.values()))
    now += 86_400
    (second,) = book.settle("t", COSTS, [day])
    assert second.day > first.day
    assert (second.spent, second.promised) == (0, 0)
    book.close()
    with sqlite3.connect(book.path) as database:
        rows = database.execute("SELECT day, holder, usd FROM amounts").fetchall()
    database.close()
    assert rows == [(first.day, "", pytest.approx(sum(COSTS.values())))]


def test_a_withdrawn_promise_leaves_nothing(tmp_path: Path) -> None:
    book = SpendingBook(tmp_path / "spending.sqlite")
    book.promise("t", LINES, [WANT])
    book.withdraw("t")
    assert (standing(book).spent, standing(book).promised) == (0, 0)
    book.close()


def test_a_book_of_the_first_version_is_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "spending.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(spending_book._AMOUNTS)
        database.execute("INSERT INTO amounts VALUES ('all', '', '', 2.5)")
        database.execute(f"PRAGMA application_id = {spending_book.APPLICATION_ID}")
        database.execute("PRAGMA user_version = 1")
    database.close()
    book = SpendingBook(path)
    book.promise("t", LINES, [WANT])
    assert standing(book).spent == 2.5
    book.close()
