"""`promptkit cache`: what the caches hold and saved, and deleting from them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from promptkit.cli import DONE
from promptkit.cli.arguments import Arguments
from promptkit.errors import OptionError, StoreError
from promptkit.folders import data_folder
from promptkit.format import count, money
from promptkit.operations.caches import CacheSummary, caches_in, clear, summarize, vacuum
from promptkit.operations.spending import parse_since
from promptkit.profile import DEFAULT_NAME, load_profile
from promptkit.secret import Secret
from promptkit.transports.store import Cache

HELP: Final = """\
promptkit cache [show|clear|vacuum] [--profile NAME | --file PATH]

Shows what the caches of this machine's profiles hold and what they saved,
deletes answers from them, or gives the space of deleted ones back.

  promptkit cache                               all caches
  promptkit cache clear --model gpt-4o          answers of a model
  promptkit cache clear --older-than 30d        answers kept longer ago
  promptkit cache clear --prompt "Is 7 prime?"  all answers to a question
  promptkit cache clear --tag run-7             answers kept under a tag
  promptkit cache clear --profile dev --all     everything of a profile
  promptkit cache vacuum                        make the files smaller

  --profile NAME      the profile's cache alone
  --file PATH         another cache file
  --model, --prompt, --tag, --older-than   all that are given must apply
  --older-than WHEN   24h, 7d, 2w, or a date such as 2026-11-01
  --all               delete everything
  --json              for show: one JSON array
"""

_ACTIONS: Final = ("show", "clear", "vacuum")
_UNIT: Final = 1024


def main(words: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        PromptkitError: When an option is wrong or a cache cannot be read.
    """
    arguments = Arguments("cache", HELP)
    for name in ("--profile", "--file", "--model", "--prompt", "--tag", "--older-than"):
        arguments.add_argument(name)
    for name in ("--all", "--json"):
        arguments.add_argument(name, action="store_true")
    action, rest = (words[0], words[1:]) if words and words[0] in _ACTIONS else ("show", words)
    options = arguments.read(rest)
    if options is None:
        return DONE
    _check(action, options)
    files = _files(options)
    if action == "show":
        _show([summarize(path) for path in files], as_json=options.json)
    elif action == "clear":
        conditions = _conditions(options)
        for path in files:
            print(f"{path}: {count(clear(path, **conditions), 'answer')} deleted")
    else:
        for path in files:
            print(f"{path}: {size(vacuum(path))} given back")
    return DONE


def size(number: int) -> str:
    """Write a number of bytes for people.

    >>> size(900), size(2048), size(5 * 1024 * 1024)
    ('900 B', '2.0 KB', '5.0 MB')
    """
    if number < _UNIT:
        return f"{number} B"
    value, units = number / _UNIT, ["GB", "MB", "KB"]
    while value >= _UNIT and len(units) > 1:
        value /= _UNIT
        units.pop()
    return f"{value:,.1f} {units[-1]}"


def _check(action: str, options: argparse.Namespace) -> None:
    conditions = ("model", "prompt", "tag", "older_than")
    given = [f"--{name.replace('_', '-')}" for name in conditions if getattr(options, name)]
    if action != "clear" and (given or options.all):
        hint = "for deleting: promptkit cache clear …"
        raise OptionError(f"promptkit cache {action} takes no {(*given, '--all')[0]}", hint=hint)
    if action == "clear" and options.all == bool(given):
        hint = "--model, --prompt, --tag, --older-than, or --all"
        raise OptionError("promptkit cache clear needs to know what to delete", hint=hint)
    if options.profile and options.file:
        raise OptionError("--profile and --file together", hint="give one")


def _files(options: argparse.Namespace) -> list[Path]:
    if options.file:
        return [Path(options.file)]
    known = caches_in(data_folder())
    if not options.profile:
        return known
    settings = _settings(options.profile)
    if settings is not None and not isinstance(settings.path, (bool, type(None))):
        return [Path(settings.path)]
    found = [path for path in known if path.parent.name == options.profile]
    if not found:
        hint = f"there are those of {', '.join(path.parent.name for path in known) or 'nobody'}"
        raise StoreError(f"the profile {options.profile!r} has no cache here", hint=hint)
    return found


def _settings(profile: str) -> Cache | None:
    """Return what the profile's file says of its cache, where it is a path or a table."""
    found = None if profile == DEFAULT_NAME else load_profile(profile)
    choice = found.cache if found is not None else None
    if isinstance(choice, str) and choice != "memory":
        return Cache(choice)
    return choice if isinstance(choice, Cache) else None


def _conditions(options: argparse.Namespace) -> dict[str, Any]:
    now = datetime.now().astimezone()
    older_than_s = None
    if options.older_than:
        older_than_s = now.timestamp() - parse_since(options.older_than, now)
    secret: Secret | None = None
    if options.prompt and options.profile and (settings := _settings(options.profile)):
        secret = settings.fetch_secret()
    return {
        "model": options.model,
        "question": options.prompt,
        "tag": options.tag,
        "older_than_s": older_than_s,
        "everything": options.all,
        "secret": secret,
    }


def _show(summaries: list[CacheSummary], *, as_json: bool) -> None:
    if as_json:
        plain = [asdict(summary) | {"path": str(summary.path)} for summary in summaries]
        print(json.dumps(plain, indent=2))
        return
    if not summaries:
        print("no caches yet")
    for summary in summaries:
        print(f"{summary.path}{' (encrypted)' if summary.is_encrypted else ''}")
        since = ""
        if summary.oldest_at is not None:
            since = f", the oldest of {datetime.fromtimestamp(summary.oldest_at, UTC):%Y-%m-%d}"
        print(f"  {count(summary.entries, 'answer')}, {size(summary.bytes)}{since}")
        print(f"  served {count(summary.hits, 'call')}{_saving(summary)}")
        for head, counts in (("model", summary.models), ("tag", summary.tags)):
            for name, number in counts.items():
                print(f"  {head} {name}: {number:,}")


def _saving(summary: CacheSummary) -> str:
    known = f", saved {money(summary.saved_usd)}"
    if not summary.unpriced:
        return known
    unknown = f", saving unknown for {count(summary.unpriced, 'call')}"
    return unknown if summary.unpriced >= summary.hits else known + unknown
