"""What runs in the process of a program: takes limits, walks the program, tells what came out.

Standard library only, and imported by its folder: this process has no packages.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sys
import unicodedata  # noqa: F401 -- names in other scripts need it, and later no file opens
import warnings
from typing import Any, Final

from .budget import answer_of, unless_too_long
from .evaluator import Evaluator

_MOST_FRAMES: Final = 10_000
_LONGEST_ERROR: Final = 200


def main() -> None:
    """Read a task from stdin, write its outcome to stdout."""
    task = json.loads(sys.stdin.buffer.read())
    dt.datetime.strptime("1", "%d")  # noqa: DTZ007 -- loads a module now: later no file opens
    warnings.simplefilter("ignore")  # to show one would open files
    limit(task["memory_bytes"], task["cpu_s"])
    sys.stdout.write(json.dumps(outcome(task), allow_nan=False))


def outcome(task: dict[str, Any]) -> dict[str, Any]:
    """Run one program; whatever goes wrong is an error in words."""
    evaluator = Evaluator(task["steps"], task["output_chars"])
    sys.setrecursionlimit(_MOST_FRAMES)
    try:
        if task.get("tests") is not None:
            evaluator.test(task["program"], task["tests"])
            return {"value": True, "printed": evaluator.printed}
        value = unless_too_long(answer_of(evaluator.run(task["program"]), evaluator.budget))
    except (ImportError, OSError) as error:  # whose words name files of the machine
        return {"error": f"{type(error).__name__}: the program needs what is not here"}
    except Exception as error:  # noqa: BLE001 -- any failure of the program is its own
        line = f"{evaluator.part}line {evaluator.line}: " if evaluator.line else ""
        return {"error": f"{line}{type(error).__name__}: {error}"[:_LONGEST_ERROR]}
    return {"value": value, "printed": evaluator.printed}


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Let the system hold this process to less, where it can."""
    try:
        import resource  # Windows has none
    except ImportError:
        return
    for name, most in (
        ("RLIMIT_AS", memory_bytes),
        ("RLIMIT_DATA", memory_bytes),
        ("RLIMIT_CPU", cpu_s),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NOFILE", 3),
        ("RLIMIT_NPROC", 0),
        ("RLIMIT_CORE", 0),
    ):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (most, most))
