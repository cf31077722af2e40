"""The command that prints the table of all replays."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from . import __main__ as command
from .recorded import Row

ROWS = (
    Row(name="set, model, one way", published=74.0, recorded=69.04, ours=69.0375, n=1319),
    Row(name="set, model, another | way", published=9.0, recorded=None, ours=8.0, n=100),
    Row(name="set, model, a third", published=None, recorded=None, ours=5.0, n=7),
)
SECTION = command.Section("x", "A set (arXiv:1).\n\nMore of it.", ROWS)


def section_of(*rows: Row, skipped: str = "") -> command.Section:
    return command.Section("x", "A set.", rows, skipped)


def row(recorded: float | None, ours: float, note: str = "") -> Row:
    return Row(name="r", published=None, recorded=recorded, ours=ours, n=10, note=note)


def test_every_module_with_rows_is_a_section() -> None:
    assert {"bbh", "cascade", "gsm8k"} <= set(command.names())
    assert "replay_command" not in command.names()
    assert "recorded" not in command.names()


def test_a_terminal_sees_all_figures_and_the_difference_to_the_record() -> None:
    lines = command.plain(SECTION).splitlines()
    assert lines[1] == "A set (arXiv:1)"
    assert lines[2].split() == list(command.HEADINGS)
    assert lines[3].split()[-5:] == ["1,319", "74.00", "69.04", "69.04", "0.00"]
    assert lines[4].split()[-4:] == ["100", "9.00", "8.00", "−1.00"]
    assert lines[5].split()[-2:] == ["7", "5.00"]
    assert max(map(len, lines)) <= 112


@pytest.mark.parametrize(
    ("one", "is_other"),
    [
        (row(50.0, 50.04), False),
        (row(50.0, 49.9), True),
        (row(50.0, 49.8, note="one answer was cut"), False),
        (row(50.0, 49.4, note="one answer was cut"), True),
        (row(None, 1.0), False),
        (row(50.0, float("nan")), True),
    ],
)
def test_only_a_recorded_figure_can_differ(one: Row, is_other: bool) -> None:  # noqa: FBT001
    assert command.differs(one) is is_other


def test_what_differs_is_marked_and_a_note_stands_once_below() -> None:
    text = command.plain(section_of(row(1.0, 2.0), row(1.0, 1.1, "cut"), row(1.0, 1.1, "cut")))
    assert [line.endswith(" !") for line in text.splitlines()[3:6]] == [True, False, False]
    assert text.count("(cut)") == 1


def test_the_page_is_written_between_its_marks_and_again(tmp_path: Path) -> None:
    page = tmp_path / "replications.md"
    page.write_text(f"Before.\n\n{command.BEGIN}\nold\n{command.END}\nAfter.\n", "utf-8")
    command.write([SECTION], page)
    once = page.read_text("utf-8")
    command.write([SECTION], page)
    assert page.read_text("utf-8") == once
    assert once.startswith("Before.")
    assert once.endswith("After.\n")
    assert "old" not in once
    assert "## A set (arXiv:1)\n\nMore of it.\n\n| replay |" in once
    assert "| set, model, another / way | 100 | 9.00 |  | 8.00 | −1.00 |" in once


def test_the_docs_have_a_place_for_the_tables() -> None:
    text = command.PAGE.read_text("utf-8")
    assert text.index(command.BEGIN) < text.index(command.END)


def test_the_docs_show_every_section() -> None:
    page = command.PAGE.read_text("utf-8")
    for name in command.names():
        source = (command.HERE / f"test_{name}.py").read_text("utf-8")
        section = command.Section(name, ast.get_docstring(ast.parse(source)) or "", ())
        assert f"## {section.title}" in page, f"`make replay ARGS=--write` has not seen {name}"


@pytest.mark.parametrize(("ours", "code"), [(1.0, 0), (2.0, 1)])
def test_the_command_fails_where_a_figure_is_not_the_recorded_one(
    ours: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "replay", lambda _: section_of(row(1.0, ours)))
    assert command.main(["bbh"]) == code
    assert f"1 figures, 1 of them recorded, {code} of these differ." in capsys.readouterr().out


def test_without_its_data_a_section_is_skipped_and_the_command_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "replay", lambda _: section_of(skipped="no recorded data"))
    assert command.main(["bbh"]) == 1
    assert "skipped: no recorded data" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["nonsense"], ["bbh", "--write"]])
def test_wrong_words_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(words)


def test_the_environment_of_the_process_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMPTKIT_READOUT", raising=False)
    before = dict(os.environ)
    monkeypatch.setattr(command, "replay", lambda name: command.Section(name, "Text.", ()))
    assert command.main(["bbh"]) == 1
    assert dict(os.environ) == before
