"""`promptkit model`: where the embedded model is, and how it gets there."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from typing import Final

from promptkit.adapters.model_file import MODEL_NAME, install, model_path
from promptkit.cli import DONE
from promptkit.cli.arguments import Arguments
from promptkit.errors import OptionError

HELP: Final = f"""\
promptkit model install|path

The embedded model, {MODEL_NAME}, answers where no key and no
endpoint are set. It is small (98 MB) and runs on this machine: good for
trying things out, not for good answers.

  promptkit model install      fetch it, checked against its checksum; quick
                               if it is there
  promptkit model path         where it is, or would be

  --force                      with install: fetch it again
"""

_ACTIONS: Final = ("install", "path")


def main(words: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        ModelFileError: When the weights cannot be fetched or are not the right ones.
    """
    arguments = Arguments("model", HELP)
    arguments.add_argument("action", nargs="?")
    arguments.add_argument("--force", action="store_true")
    options = arguments.read(words)
    if options is None:
        return DONE
    if options.action not in _ACTIONS:
        close = difflib.get_close_matches(options.action or "", _ACTIONS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "say install or path"
        raise OptionError(f"promptkit model {options.action or ''}".rstrip(), hint=hint)
    if options.action == "path":
        print(model_path())
        return DONE
    path = install(_Bar() if sys.stderr.isatty() else None, force=options.force)
    print(f"{MODEL_NAME} is in {path}")
    return DONE


class _Bar:
    """Shows on one line how much is written."""

    def __call__(self, written: int, total: int) -> None:
        end = "\n" if written >= total else ""
        text = f"\r{MODEL_NAME}: {written / 1e6:.0f} of {total / 1e6:.0f} MB"
        print(text, end=end, file=sys.stderr, flush=True)
