"""`promptkit audit`: whether a log is as it was written, what is in it, and deleting old events."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from promptkit.adapters.audit_log import START, AuditLog
from promptkit.cli import DONE, FAILED
from promptkit.cli.arguments import Arguments, number, profile_file
from promptkit.errors import OptionError, StoreError
from promptkit.format import count
from promptkit.key_source import KeySource

HELP: Final = """\
promptkit audit [verify|show|forget] [--profile NAME | --file PATH]

  promptkit audit verify               whether a line was changed or lost
  promptkit audit verify --last HASH   and whether HASH, once the last, stands
                                       there: else the end was cut off
  promptkit audit show                 what was found and done, added up
  promptkit audit forget --days 365    delete older events; the chain goes on

  --secret-env NAME   the variable with the log's secret, where it has one
"""

_ACTIONS: Final = ("verify", "show", "forget")


def main(words: Sequence[str]) -> int:
    """Run the command and return its exit code: 1 for a log that is not as it was written.

    Raises:
        PromptkitError: When an option is wrong or the log cannot be read.
    """
    action, rest = (words[0], words[1:]) if words and words[0] in _ACTIONS else ("show", words)
    arguments = Arguments("audit", HELP)
    for name in ("--profile", "--file", "--last", "--secret-env"):
        arguments.add_argument(name)
    arguments.add_argument("--days", type=number)
    options = arguments.read(rest)
    if options is None:
        return DONE
    secret = KeySource(env=options.secret_env).resolve().reveal() if options.secret_env else None
    log = AuditLog(profile_file(options, "audit.jsonl"), secret=secret)
    if action == "verify":
        return _verify(log, options.last or START)
    if action == "forget":
        if options.days is None:
            raise OptionError("promptkit audit forget needs --days", hint="--days 365")
        print(f"{count(log.forget(days=options.days), 'line')} deleted")
        return DONE
    _show(log.path)
    return DONE


def _verify(log: AuditLog, known: str) -> int:
    done = log.verify(known)
    if done:
        print(f"{log.path}: {count(done.lines, 'line')}, none changed; the last is {done.last}")
        return DONE
    print(f"{log.path}: {done.error}")
    return FAILED


def _show(path: Path) -> None:
    found: Counter[tuple[str, ...]] = Counter()
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                event = json.loads(line)["event"]
                if "check" in event:
                    action = "would " * event["dry_run"] + event["action"]
                    found[event["policy"], event["stage"], event["check"], action] += 1
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"{path} is no audit log", hint="promptkit audit verify") from None
    if not found:
        print("nothing was found yet")
    for (policy, stage, check, action), times in sorted(found.items()):
        print(f"{times:>7,}  {policy}: {stage} → {check}: {action}")
