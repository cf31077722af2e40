from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from promptkit.adapters.review_queue import ReviewQueue
from promptkit.errors import OptionError, StoreError
from promptkit.safety.finding import Finding

KEY = b"k" * 16
FOUND = (Finding(kind="hate", span=(0, 4)), Finding(kind="hate", span=(5, 9)))


@pytest.fixture
def queue(tmp_path: Path) -> ReviewQueue:
    return ReviewQueue(tmp_path / "reviews.sqlite")


def test_a_held_text_waits_until_somebody_decides(queue: ReviewQueue) -> None:
    assert queue.look(KEY, "output") is None
    ticket = queue.hold(KEY, "output", "the answer", FOUND, question="Why?")
    waiting = queue.look(KEY, "output")
    assert waiting is not None
    assert (waiting.status, waiting.text) == ("waiting", None)
    [held] = queue.waiting()
    assert (held.ticket, held.found, held.question) == (ticket, {"hate": 2}, "Why?")


def test_the_same_text_keeps_its_ticket(queue: ReviewQueue) -> None:
    first = queue.hold(KEY, "output", "the answer", FOUND, question="")
    assert queue.hold(KEY, "output", "the answer", FOUND, question="") == first
    assert queue.hold(KEY, "input", "the answer", FOUND, question="") != first


def test_what_is_approved_edited_or_rejected_is_told(queue: ReviewQueue) -> None:
    tickets = [
        queue.hold(bytes([n]) * 16, "output", f"text {n}", FOUND, question="") for n in range(3)
    ]
    queue.approve(tickets[0])
    queue.edit(tickets[1], "better", by="kim")
    queue.reject(tickets[2], reason="no")
    decisions = [queue.look(bytes([n]) * 16, "output") for n in range(3)]
    assert [(d.status, d.text, d.reason) for d in decisions if d] == [
        ("approved", "text 0", ""),
        ("approved", "better", ""),
        ("rejected", None, "no"),
    ]
    assert queue.waiting() == []


def test_a_decision_is_made_once(queue: ReviewQueue) -> None:
    ticket = queue.hold(KEY, "output", "text", FOUND, question="")
    queue.approve(ticket, by="kim")
    with pytest.raises(OptionError, match="approved already by kim"):
        queue.reject(ticket)


def test_of_two_who_decide_at_once_one_is_told(tmp_path: Path, queue: ReviewQueue) -> None:
    other = ReviewQueue(queue.path)
    for number in range(20):
        ticket = queue.hold(number.to_bytes(16), "output", "text", FOUND, question="")

        def decide(which: ReviewQueue, number: int = ticket) -> str:
            try:
                return which.approve(number).status
            except OptionError:
                return "late"

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(decide, (queue, other))) == ["approved", "late"]


def test_a_ticket_that_is_not_there_is_refused(queue: ReviewQueue) -> None:
    with pytest.raises(OptionError, match="no ticket 7"):
        queue.approve(7)
    with pytest.raises(OptionError, match="empty text"):
        queue.edit(queue.hold(KEY, "input", "x", FOUND, question=""), " ")


def test_vetted_answers_are_found_without_case_and_outer_space(queue: ReviewQueue) -> None:
    queue.vet("What are  your Hours?", "Nine to five.")
    assert queue.vetted(" what are your hours? ") == "Nine to five."
    assert queue.vetted("What are your prices?") is None
    queue.vet("what are your hours?", "Ten to four.")
    assert queue.vetted_answers() == [("what are your hours?", "Ten to four.")]
    queue.unvet("WHAT ARE YOUR HOURS?")
    assert queue.vetted("what are your hours?") is None
    with pytest.raises(OptionError, match="no vetted answer"):
        queue.unvet("what are your hours?")


def test_reports_are_kept_and_closed(queue: ReviewQueue) -> None:
    number = queue.report("Q", "A", "This is wrong", by="a user")
    assert [(r.number, r.complaint) for r in queue.reports()] == [(number, "This is wrong")]
    queue.close_report(number)
    assert queue.reports() == []
    assert len(queue.reports(closed=True)) == 1
    with pytest.raises(OptionError, match="no open report"):
        queue.close_report(number)


def test_what_is_forgotten_is_gone_from_the_file_and_what_waits_stays(queue: ReviewQueue) -> None:
    decided = queue.hold(KEY, "input", "a phrase nobody else writes", FOUND, question="")
    queue.hold(b"w" * 16, "input", "still waiting", FOUND, question="")
    queue.reject(decided)
    assert queue.forget(days=1) == 0
    assert queue.forget(days=0) == 1
    assert [held.text for held in queue.waiting()] == ["still waiting"]
    queue._ask("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"a phrase nobody else writes" not in queue.path.read_bytes()


def test_half_a_surrogate_pair_can_be_held(queue: ReviewQueue) -> None:
    ticket = queue.hold(KEY, "input", "\ud800", FOUND, question="\ud800")
    assert queue.get(ticket).text == "?"


def test_another_programs_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all, but a text of some length " * 40)
    with pytest.raises(StoreError):
        ReviewQueue(path)


def test_neither_texts_nor_answers_are_in_a_repr(queue: ReviewQueue) -> None:
    ticket = queue.hold(KEY, "input", "very personal", FOUND, question="very private")
    shown = repr(queue.get(ticket)) + repr(queue.look(KEY, "input"))
    assert "very" not in shown


def test_a_text_that_waits_is_not_exchanged_for_another(queue: ReviewQueue) -> None:
    ticket = queue.hold(KEY, "input", "the first", FOUND, question="")
    queue.hold(KEY, "input", "the second", FOUND, question="")
    assert queue.get(ticket).text == "the first"
