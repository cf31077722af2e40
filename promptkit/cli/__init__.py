"""The command line: `promptkit demo`, `run`, `usage`, `cache` and their like.

Each command stands in a module of its own, which is loaded when the command is given. Exit codes
are 0 for done, 1 for a call that failed, 2 for something wrong with what was given, 3 for a
budget that is used up, and 130 for an interrupt.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Final, cast

from promptkit.errors import BudgetError, CallError, OptionError, PromptkitError

COMMANDS: Final = ("demo", "run", "usage", "cache", "scan", "review", "audit", "redteam", "model")

HELP: Final = """\
promptkit: language-model prompts over your data, within limits and budget

  promptkit demo               see it at work on the embedded model: no key
  promptkit run FILE …         ask one question about each row of a table
  promptkit usage              what was asked, and what it cost
  promptkit cache              what is kept of answers, and deleting it
  promptkit scan PATH …        credentials in notebooks, code, caches and logs
  promptkit review             texts that wait for a person
  promptkit redteam            attacks on a prompt, without and with a policy
  promptkit audit verify       whether the log of findings is unchanged
  promptkit model install      put the embedded model in its place
  promptkit COMMAND --help     more on a command, with examples

A first run:

  promptkit run tickets.csv --prompt "Which team? {text}" --out teams.csv

Who answers: --model and --base-url, else a profile in promptkit.toml, else
OPENAI_API_KEY from the environment, else the embedded model. Further options:
--version, and --debug for tracebacks.
"""

DONE: Final = 0
FAILED: Final = 1
WRONG: Final = 2
OVER_BUDGET: Final = 3
INTERRUPTED: Final = 130
_BROKEN_PIPE: Final = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        argv: The words after «promptkit»; those of this process by default.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        code = _run(words)
        sys.stdout.flush()
    except PromptkitError as error:
        if debug:
            traceback.print_exc()
        print(f"promptkit: {one_line(error)}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        print("promptkit: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone. Python would say so once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    return code


def _run(words: list[str]) -> int:
    command, *rest = words or ["--help"]
    if command in ("-h", "--help", "help"):
        if rest and rest[0] in COMMANDS:
            return _command(rest[0])(["--help"])
        print(HELP, end="")
        return DONE
    if command in ("-V", "--version"):
        print(f"promptkit {version('promptkit')}")
        return DONE
    if command not in COMMANDS:
        close = difflib.get_close_matches(command, COMMANDS, n=1)
        what = "option" if command.startswith("-") else "command"
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(COMMANDS)}"
        raise OptionError(f"there is no {what} {command!r}", hint=hint)
    return _command(command)(rest)


def _command(name: str) -> Callable[[Sequence[str]], int]:
    module = importlib.import_module(f"promptkit.cli.{name}")
    return cast("Callable[[Sequence[str]], int]", module.main)


def exit_code(error: BaseException) -> int:
    """Return the exit code that stands for an error.

    >>> exit_code(OptionError("no such option")), exit_code(BudgetError("too dear"))
    (2, 3)
    """
    if isinstance(error, BudgetError):
        return OVER_BUDGET
    is_given = isinstance(error, PromptkitError) and not isinstance(error, CallError)
    return WRONG if is_given else FAILED


def one_line(error: BaseException) -> str:
    """Return an error's message and hint on one line."""
    shown = "".join(char if char.isprintable() else " " for char in str(error))
    return " ".join(shown.split()) or type(error).__name__
