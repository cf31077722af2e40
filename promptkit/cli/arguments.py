"""Options of a command: argparse, with help written by hand and errors that suggest."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from promptkit.errors import OptionError
from promptkit.folders import data_folder
from promptkit.profile import DEFAULT_NAME


class Arguments(argparse.ArgumentParser):
    """The options of one command. A mistake is an OptionError; `--help` prints `text`."""

    def __init__(self, command: str, text: str) -> None:
        """Begin with no options but --help."""
        super().__init__(f"promptkit {command}", add_help=False, allow_abbrev=False)
        self._text = text
        self.add_argument("-h", "--help", action="store_true")

    def read(self, words: Sequence[str]) -> argparse.Namespace | None:
        """Return the options, or None when help was asked for and printed.

        Raises:
            OptionError: For a word that is not understood.
        """
        if {"-h", "--help"} & set(words):
            print(self._text, end="")
            return None
        found, unknown = self.parse_known_args(words)
        if unknown:
            raise self._unknown(unknown[0])
        return found

    def _unknown(self, word: str) -> OptionError:
        if not word.startswith("-"):
            return OptionError(f"{self.prog}: {word!r} is one word too many", hint=self._more)
        known = [option for option in self._option_string_actions if option.startswith("--")]
        close = difflib.get_close_matches(word.partition("=")[0], known, n=1)
        hint = f"did you mean {close[0]}?" if close else self._more
        return OptionError(f"{self.prog} has no option {word}", hint=hint)

    @property
    def _more(self) -> str:
        return f"see {self.prog} --help"

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print.

        Raises:
            OptionError: Always.
        """
        words = message.removeprefix("argument ")
        needed = words.removeprefix("the following arguments are required: ")
        if needed != words:
            words = f"{self.prog} needs {needed}"
        raise OptionError(words, hint=self._more)

    def one_of(self, name: str, values: Sequence[str], default: Any = None) -> None:
        """Add an option that takes one of some words."""

        def check(word: str) -> str:
            if word in values:
                return word
            close = difflib.get_close_matches(word, values, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it is one of {', '.join(values)}"
            raise argparse.ArgumentTypeError(f"{word!r}: {hint}")

        self.add_argument(name, type=check, default=default)


def profile_file(options: argparse.Namespace, name: str) -> Path:
    """Return the file that --file names, else the one of this name in the profile's folder.

    Raises:
        OptionError: When --profile and --file are both given.
    """
    if options.profile and options.file:
        raise OptionError("--profile and --file together", hint="give one")
    if options.file:
        return Path(options.file)
    return data_folder() / "profiles" / (options.profile or DEFAULT_NAME) / name


def count(word: str) -> int:
    """Read a whole number from 1 on.

    Raises:
        ArgumentTypeError: When it is none; argparse names the option.
    """
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from 1 on")
    return int(word)


def number(word: str) -> float:
    """Read a number from 0 on.

    Raises:
        ArgumentTypeError: When it is none; argparse names the option.
    """
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{word!r} is not a number from 0 on")
    return value
