"""`promptkit scan`: credentials in notebooks, code, settings, and promptkit's own files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from promptkit.cli import DONE, FAILED
from promptkit.cli.arguments import Arguments, number
from promptkit.errors import OptionError
from promptkit.folders import data_folder
from promptkit.format import count
from promptkit.operations.secret_baseline import Baseline, write_baseline
from promptkit.operations.secret_scan import LARGEST, Leak, Note, clear_outputs, scan

HELP: Final = """\
promptkit scan PATH… [--fix] [--json]

Looks for credentials in files: keys by their formats and checksums, private
keys, tokens, passwords in addresses and settings. Notebooks are read cell by
cell, outputs and metadata included. Folders are walked; those of Git, virtual
environments and node_modules are passed over, and so are binary files.

  promptkit scan .                          all files here
  promptkit scan analysis.ipynb --fix       and clear the notebook's outputs
  promptkit scan --own                      promptkit's caches and ledgers
  promptkit scan . --write-baseline .known-secrets.json
  promptkit scan . --baseline .known-secrets.json

  --fix                   clear the outputs of notebooks that hold findings;
                          code is never rewritten
  --own                   promptkit's own folder: caches, ledgers, journals,
                          logs
  --json                  one JSON array
  --exclude PATTERN       pass over paths such as "tests/data/*"; repeatable
  --min-confidence X      leave out what is less sure, from 0 to 1 (0.5)
  --max-mb N              leave out larger text files (64)
  --baseline FILE         let pass what stands in this file
  --write-baseline FILE   write what is found there, as digests, and let it
                          pass from now on

A line that says «promptkit: allow-secret» is let pass. No credential is shown,
beyond its last four characters. Exit codes: 0 nothing found, 1 something found
or a file that could not be read, 2 for something wrong with what was given.
"""

_PERCENT: Final = 100
_MB: Final = 1 << 20


def main(words: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        PromptkitError: When an option is wrong or a path does not exist.
    """
    options = _options(words)
    if options is None:
        return DONE
    leaks, notes = _scanned(options)
    fixed: list[Path] = []
    if options.fix and (fixed := _fixed(leaks)):
        leaks, notes = _scanned(options)
    _tell(notes)
    if options.json:
        print(json.dumps([_as_json(leak) for leak in leaks], indent=2))
    else:
        _show(leaks, fixed)
    if options.write_baseline:
        write_baseline(Path(options.write_baseline), leaks)
        return DONE
    return FAILED if leaks or any(note.is_unread for note in notes) else DONE


def _options(words: Sequence[str]) -> argparse.Namespace | None:
    arguments = Arguments("scan", HELP)
    arguments.add_argument("paths", nargs="*")
    for name in ("--fix", "--own", "--json"):
        arguments.add_argument(name, action="store_true")
    arguments.add_argument("--exclude", action="append", default=[])
    arguments.add_argument("--min-confidence", type=number, default=0.5)
    arguments.add_argument("--max-mb", type=number, default=LARGEST / _MB)
    for name in ("--baseline", "--write-baseline"):
        arguments.add_argument(name)
    options = arguments.read(words)
    if options is None:
        return None
    if not options.paths and not options.own:
        hint = "name files or folders, such as «promptkit scan .», or say --own"
        raise OptionError("promptkit scan needs something to scan", hint=hint)
    if options.min_confidence > 1:
        raise OptionError("--min-confidence is a number from 0 to 1", hint="such as 0.8")
    if options.own and data_folder().is_dir():
        options.paths.append(data_folder())
    return options


def _scanned(options: argparse.Namespace) -> tuple[list[Leak], list[Note]]:
    known = Baseline(Path(options.baseline)) if options.baseline else ()
    own_files = {
        Path(name).resolve() for name in (options.baseline, options.write_baseline) if name
    }
    leaks, notes = [], []
    for found in scan(
        options.paths,
        least_confidence=options.min_confidence,
        largest_bytes=int(options.max_mb * _MB),
        excluded=options.exclude,
    ):
        if isinstance(found, Note):
            notes.append(found)
        elif found not in known and found.path.resolve() not in own_files:
            leaks.append(found)
    return leaks, notes


def _fixed(leaks: list[Leak]) -> list[Path]:
    """Clear the outputs of the notebooks that hold findings there."""
    notebooks = dict.fromkeys(leak.path for leak in leaks if leak.is_output)
    return [path for path in notebooks if clear_outputs(path)]


def _show(leaks: list[Leak], fixed: list[Path]) -> None:
    for path in fixed:
        print(f"{path}: outputs cleared")
    for leak in leaks:
        where = f" ({leak.where})" if leak.where else ""
        found = leak.finding
        sure = f"{found.confidence * _PERCENT:.0f} % sure"
        print(f"{leak.path}:{leak.line}{where}: {found.kind} {leak.preview} {found.detail}, {sure}")
    if not leaks and not fixed:
        return
    if leaks:
        files = len({leak.path for leak in leaks})
        print(f"{count(len(leaks), 'credential')} in {count(files, 'file')}")
        for advice in _advice(leaks):
            print(f"  {advice}")
    print("  revoke what was ever shared or committed: clearing a file does not take it back")


def _advice(leaks: list[Leak]) -> list[str]:
    advice = []
    if any(leak.is_output for leak in leaks):
        advice.append("in outputs: --fix clears them")
    if any(not leak.is_output for leak in leaks):
        advice.append("in code and settings: read it from the environment or a key store instead")
        advice.append("if it is meant to stand there: «promptkit: allow-secret» on its line")
    return advice


def _tell(notes: list[Note]) -> None:
    for note in notes:
        print(f"promptkit: {note.path}: {note.text}", file=sys.stderr)


def _as_json(leak: Leak) -> dict[str, Any]:
    return {
        "path": str(leak.path),
        "line": leak.line,
        "where": leak.where,
        "kind": leak.finding.kind,
        "detail": leak.finding.detail,
        "confidence": leak.finding.confidence,
        "preview": leak.preview,
        "is_output": leak.is_output,
    }
