"""`promptkit review`, `audit` and `redteam`, as a person gives them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptkit.adapters.audit_log import AuditLog
from promptkit.adapters.review_queue import ReviewQueue
from promptkit.cli import FAILED, WRONG, main
from promptkit.folders import data_folder
from promptkit.safety.finding import Finding

Capture = pytest.CaptureFixture[str]


def folder() -> Path:
    return data_folder() / "profiles" / "default"


def hold(text: str = "held\x1b[2J text") -> int:
    queue = ReviewQueue(folder() / "reviews.sqlite")
    found = (Finding(kind="hate", span=(0, 4)),)
    return queue.hold(text.encode()[:16], "output", text, found, question="Why?")


def said(words: list[str], capsys: Capture) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


def test_what_waits_is_listed_shown_and_decided(capsys: Capture) -> None:
    ticket = hold()
    listed = said(["review"], capsys)
    assert "1 text waiting" in listed
    assert "\x1b" not in listed
    assert "asked:\nWhy?" in said(["review", "show", str(ticket)], capsys)
    assert "approved, edited" in said(["review", "edit", str(ticket), "--text", "better"], capsys)
    assert "0 texts waiting" in said(["review"], capsys)
    assert main(["review", "reject", str(ticket)]) == WRONG
    assert "approved already" in capsys.readouterr().err


def test_what_waits_can_be_read_by_a_program(capsys: Capture) -> None:
    hold("text")
    [held] = json.loads(said(["review", "list", "--json"], capsys))
    assert (held["text"], held["found"], held["status"]) == ("text", {"hate": 1}, "waiting")


def test_reports_and_vetted_answers(capsys: Capture) -> None:
    report = ["review", "report", "--question", "Q", "--complaint", "It was rude"]
    assert said(report, capsys) == "report 1\n"
    assert "It was rude" in said(["review", "reports"], capsys)
    said(["review", "close", "1"], capsys)
    assert said(["review", "reports"], capsys) == ""
    said(["review", "vet", "--question", "Hours?", "--answer", "Nine to five"], capsys)
    assert "Nine to five" in said(["review", "vetted"], capsys)
    said(["review", "unvet", "--question", "hours?"], capsys)
    assert json.loads(said(["review", "vetted", "--json"], capsys)) == []


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["review", "edit", "1"], "needs --text"),
        (["review", "approve"], "number"),
        (["review", "approve", "x"], "not a whole number"),
        (["review", "forget"], "needs --days"),
        (["review", "--file", "a", "--profile", "b"], "together"),
        (["review", "approv", "1"], "one word too many"),
        (["audit", "forget"], "needs --days"),
        (["audit", "verify", "--file", "none.jsonl"], "cannot be read"),
        (["redteam"], "--target"),
        (["redteam", "--target", "no slot"], "is no target"),
        (["redteam", "--target", "@none.txt"], "cannot be read"),
        (["redteam", "--target", "{a}", "--policy", "none.yaml"], "cannot be read"),
        (["redteam", "--target", "{a}", "--fail-over", "7"], "not a number from 0 to 1"),
    ],
)
def test_a_mistake_is_told(words: list[str], hint: str, capsys: Capture) -> None:
    assert main(words) == WRONG
    assert hint in capsys.readouterr().err


def test_the_log_is_verified_and_one_changed_byte_is_seen(capsys: Capture) -> None:
    log = AuditLog(folder() / "audit.jsonl")
    for check in ("secrets", "injection", "secrets"):
        log.write(
            {"policy": "p", "stage": "input", "check": check, "action": "block", "dry_run": False}
        )
    shown = said(["audit"], capsys)
    assert "2  p: input → secrets: block" in shown
    verified = said(["audit", "verify"], capsys)
    assert "3 lines, none changed" in verified
    last = verified.split()[-1]
    assert said(["audit", "verify", "--last", last], capsys)
    data = log.path.read_bytes()
    log.path.write_bytes(data.replace(b'"injection"', b'"injectiom"'))
    assert main(["audit", "verify"]) == FAILED
    assert "line 2 was changed" in capsys.readouterr().out


def test_old_events_are_forgotten_and_the_chain_goes_on(capsys: Capture) -> None:
    log = AuditLog(folder() / "audit.jsonl")
    log.write({"check": "secrets"})
    assert "1 line deleted" in said(["audit", "forget", "--days", "0"], capsys)
    log.write({"check": "secrets"})
    assert "none changed" in said(["audit", "verify"], capsys)


def test_a_log_with_a_secret_needs_it(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_SECRET", "a secret of some length")
    AuditLog(folder() / "audit.jsonl", secret="a secret of some length").write({"check": "x"})
    assert main(["audit", "verify"]) == FAILED
    capsys.readouterr()
    assert "none changed" in said(["audit", "verify", "--secret-env", "LOG_SECRET"], capsys)
