"""`promptkit review`: texts that wait for a person, users' reports, and vetted answers."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from promptkit.adapters.review_queue import Held, ReviewQueue
from promptkit.cli import DONE
from promptkit.cli.arguments import Arguments, count, number, profile_file
from promptkit.errors import OptionError
from promptkit.explanation.plain import clean, one_line, shortened
from promptkit.format import count as counted

HELP: Final = """\
promptkit review [ACTION] [--profile NAME | --file PATH]

What a policy's action «ask» holds waits here for a person. Whoever asked the
same again gets what was decided.

  promptkit review                         what waits
  promptkit review show 7                  one of them in full
  promptkit review approve 7               let it through as it is
  promptkit review edit 7 --text "…"       let this through instead; - reads it
  promptkit review reject 7 --reason "…"   refuse it
  promptkit review reports                 what users complained of
  promptkit review report --question "…" --answer "…" --complaint "…"
  promptkit review close 3                 a report is dealt with
  promptkit review vetted                  answers given without a model
  promptkit review vet --question "…" --answer "…"
  promptkit review unvet --question "…"
  promptkit review forget --days 90        delete what was decided longer ago

  --by NAME      who decides; the user of this machine by default
  --json         for what waits, reports and vetted: one JSON array
"""

_NUMBERED: Final = ("show", "approve", "edit", "reject", "close")
_ACTIONS: Final = ("list", *_NUMBERED, "reports", "report", "vetted", "vet", "unvet", "forget")
_NEEDS: Final = {
    "edit": ("text",),
    "report": ("question", "complaint"),
    "vet": ("question", "answer"),
    "unvet": ("question",),
    "forget": ("days",),
}
_WIDTH: Final = 70


def main(words: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        PromptkitError: When an option is wrong or the queue cannot be used.
    """
    action, rest = (words[0], words[1:]) if words and words[0] in _ACTIONS else ("list", words)
    arguments = Arguments("review", HELP)
    if action in _NUMBERED:
        arguments.add_argument("number", type=count)
    for name in ("--profile", "--file", "--text", "--reason", "--question", "--answer"):
        arguments.add_argument(name)
    for name in ("--complaint", "--by"):
        arguments.add_argument(name)
    arguments.add_argument("--days", type=number)
    arguments.add_argument("--json", action="store_true")
    options = arguments.read(rest)
    if options is None:
        return DONE
    missing = [name for name in _NEEDS.get(action, ()) if getattr(options, name) is None]
    if missing:
        raise OptionError(f"promptkit review {action} needs --{missing[0]}", hint="see --help")
    with contextlib.closing(ReviewQueue(profile_file(options, "reviews.sqlite"))) as queue:
        _do(action, queue, options)
    return DONE


def _do(action: str, queue: ReviewQueue, options: argparse.Namespace) -> None:
    by, reason = options.by or _user(), options.reason or ""
    if action == "list":
        _list(queue.waiting(), as_json=options.json)
    elif action == "show":
        _show(queue.get(options.number))
    elif action in ("approve", "edit", "reject"):
        if action == "edit":
            text = sys.stdin.read() if options.text == "-" else options.text
            done = queue.edit(options.number, text, by=by, reason=reason)
        elif action == "approve":
            done = queue.approve(options.number, by=by, reason=reason)
        else:
            done = queue.reject(options.number, by=by, reason=reason)
        edited = ", edited" if done.edited is not None else ""
        print(f"ticket {done.ticket}: {done.status}{edited}")
    elif action == "forget":
        print(f"{counted(queue.forget(days=options.days), 'entry')} deleted")
    elif action in ("reports", "report", "close"):
        _report(action, queue, options)
    else:
        _vet(action, queue, options, by)


def _report(action: str, queue: ReviewQueue, options: argparse.Namespace) -> None:
    if action == "report":
        made = queue.report(
            options.question, options.answer or "", options.complaint, by=options.by or ""
        )
        print(f"report {made}")
    elif action == "close":
        queue.close_report(options.number)
        print(f"report {options.number}: closed")
    elif options.json:
        print(json.dumps([asdict(report) for report in queue.reports()], indent=2))
    else:
        for report in queue.reports():
            print(f"{report.number:>4}  {_when(report.reported_at)}  {_brief(report.complaint)}")
            print(f"      asked: {_brief(report.question)}")


def _vet(action: str, queue: ReviewQueue, options: argparse.Namespace, by: str) -> None:
    if action == "vet":
        queue.vet(options.question, options.answer, by=by)
        print("vetted: this answer is given before a model is asked")
    elif action == "unvet":
        queue.unvet(options.question)
        print("the model answers this question again")
    elif options.json:
        pairs = [{"question": q, "answer": a} for q, a in queue.vetted_answers()]
        print(json.dumps(pairs, indent=2))
    else:
        for question, answer in queue.vetted_answers():
            print(f"{_brief(question)}\n  {_brief(answer)}")


def _list(waiting: list[Held], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(held) for held in waiting], indent=2))
        return
    for held in waiting:
        found = ", ".join(held.found)
        print(f"{held.ticket:>4}  {_when(held.held_at)}  {held.stage:<9}  {found}")
        print(f"      {_brief(held.text)}")
    print(f"{counted(len(waiting), 'text')} waiting")


def _show(held: Held) -> None:
    print(f"ticket {held.ticket}: {held.status}, {held.stage}, held {_when(held.held_at)}")
    print("found: " + ", ".join(f"{kind} ({times})" for kind, times in held.found.items()))
    if held.question:
        print(f"\nasked:\n{clean(held.question)}")
    print(f"\nheld:\n{clean(held.text)}")
    if held.edited is not None:
        print(f"\nlet through instead:\n{clean(held.edited)}")


def _brief(text: str) -> str:
    return shortened(one_line(text), _WIDTH)


def _when(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
