"""`promptkit demo`: promptkit at work on the embedded model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from promptkit.cli import DONE
from promptkit.cli.arguments import Arguments, count

HELP: Final = """\
promptkit demo [--html FILE] [--items N]

Answers everyday puzzles with the embedded model in three ways (asked
directly, by a vote, and by selection-inference), and shows how often each is
right and what it took. It needs no key; the model must be there (promptkit
model install).

  promptkit demo                     all items: a few minutes on two cores
  promptkit demo --items 10          a quick look
  promptkit demo --html demo.html    also as a page, with one chain of
                                     reasoning in full
"""


def main(words: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        PromptkitError: When the model is not there.
    """
    arguments = Arguments("demo", HELP)
    arguments.add_argument("--html", type=Path)
    arguments.add_argument("--items", type=count)
    options = arguments.read(words)
    if options is None:
        return DONE
    from promptkit.demo import run_demo

    return run_demo(items=options.items, html_path=options.html)
