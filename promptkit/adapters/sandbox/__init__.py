"""Runs a program that a model wrote, in a process of its own that can do nothing but reckon.

Two fences stand around it. The inner one is the language: the program is never executed as Python
but walked by an evaluator (`evaluator`) that knows numbers, texts, lists, tables and functions,
and counts its steps; there are no attributes but listed methods, and no imports but listed names.
The outer one is the process: isolated, without environment, with limits on CPU time, memory, files
and processes where the system has them, and killed when its time is over. What breaks out of the
first is in an interpreter that can do little; where the system sets no such limits (Windows), the
counting and the clock remain.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from promptkit.errors import OptionError, ProgramError

_START: Final = (
    "import sys, types; package = types.ModuleType('sandbox'); package.__path__ = [sys.argv[1]]; "
    "sys.modules['sandbox'] = package; from sandbox.child import main; main()"
)
"""Loads the child's modules from this folder alone: promptkit itself need not be importable."""

_MOST_BYTES: Final = 1_000_000
"""What is read of the child's answer at most, besides what was printed; it keeps to less."""

_BYTES_A_CHARACTER: Final = 12
"""The most that JSON takes for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramLimits:
    """What a program may take.

    Attributes:
        timeout_s: Seconds until its process is killed.
        memory_mb: Of its process, the interpreter included; kept where the system can.
        steps: Evaluated expressions and statements, and elements of what they make.
        output_chars: Characters that it may print.
        program_chars: The longest program.
    """

    timeout_s: float = 5.0
    memory_mb: int = 256
    steps: int = 2_000_000
    output_chars: int = 10_000
    program_chars: int = 20_000

    def __post_init__(self) -> None:
        """Refuse limits that no program can keep to."""
        given = (self.timeout_s, self.memory_mb, self.steps, self.output_chars, self.program_chars)
        if not all(0 < limit < float("inf") for limit in given):
            raise OptionError(f"limits {given}", hint="each is a finite number above 0")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program came to.

    Attributes:
        value: Its answer: a number, a text, True or False, or a tuple of such.
        printed: What it printed.
    """

    value: Any
    printed: str = ""


async def run_program(
    program: str, limits: ProgramLimits | None = None, *, tests: str | None = None
) -> Outcome:
    r"""Run a program and return its answer; the event loop goes on meanwhile.

    The answer is what it assigned to `ans`, `answer` or `result`; else what its function
    `solution()` returns; else the last line that it printed; else its last expression's value.

    >>> asyncio.run(run_program("pens = 3 * 4\nans = pens / 2")).value
    6.0

    Args:
        program: The program.
        limits: What it may take.
        tests: Statements to run after it, with names of their own; the answer is then True. In
            them Python's built-ins and the modules are what they are, whatever the program made
            of these names; all other names are the program's unless the tests set them.

    Raises:
        ProgramError: When it is refused, fails, gives no answer or breaks a limit; or when a test
            does not hold.
    """
    limits = limits or ProgramLimits()
    if len(program) > limits.program_chars:
        raise ProgramError(f"{len(program)} characters", hint=f"at most {limits.program_chars}")
    child = _Child(program, limits, tests)
    try:
        return await asyncio.to_thread(child.run)
    finally:
        child.kill()  # does nothing unless the waiting was cancelled


class _Child:
    """The process of one program. A thread waits for it, so that every event loop will do."""

    def __init__(self, program: str, limits: ProgramLimits, tests: str | None) -> None:
        self.limits = limits
        self.task = json.dumps(
            {
                "program": program,
                "tests": tests,
                "steps": int(limits.steps),
                "output_chars": int(limits.output_chars),
                "memory_bytes": int(limits.memory_mb * 2**20),
                "cpu_s": int(limits.timeout_s) + 1,
            }
        ).encode()
        self.process: subprocess.Popen[bytes] | None = None
        self.is_over = False
        self.lock = threading.Lock()

    def run(self) -> Outcome:
        with self.lock:
            if self.is_over:
                raise ProgramError("the program was cancelled")
            self.process = self.started()
        late = threading.Timer(self.limits.timeout_s, self.kill)
        late.daemon = True
        late.start()
        try:
            said = self.exchange(self.process)
        finally:
            was_late = not late.is_alive()
            late.cancel()
            self.kill()
            code = self.process.wait()
        return _outcome(said, code, self.limits, was_late=was_late)

    def started(self) -> subprocess.Popen[bytes]:
        # Windows finds its libraries by this variable.
        environment = {k: v for k, v in os.environ.items() if k.upper() == "SYSTEMROOT"}
        try:
            return subprocess.Popen(  # noqa: S603 -- our own interpreter and code
                [sys.executable, "-I", "-S", "-c", _START, str(Path(__file__).parent)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=Path(sys.executable).anchor or None,  # a folder that is always there
                env=environment,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError, TypeError) as error:
            raise ProgramError("no process for the program could be started") from error

    def exchange(self, process: subprocess.Popen[bytes]) -> bytes:
        """Hand over the task and read the answer, up to a number of bytes."""
        most = _MOST_BYTES + _BYTES_A_CHARACTER * int(self.limits.output_chars)
        if process.stdin is None or process.stdout is None:
            raise ProgramError("no process for the program could be started")
        with process.stdin, process.stdout:
            with contextlib.suppress(OSError):  # it may have been killed meanwhile
                process.stdin.write(self.task)
                process.stdin.close()
            return process.stdout.read(most)

    def kill(self) -> None:
        """End the process and all that it may have started."""
        with self.lock:
            self.is_over = True
            process = self.process
            if process is None or process.poll() is not None:
                return
            with contextlib.suppress(OSError):
                if sys.platform == "win32":
                    process.kill()
                else:
                    os.killpg(process.pid, signal.SIGKILL)


def _outcome(said: bytes, code: int, limits: ProgramLimits, *, was_late: bool) -> Outcome:
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        if was_late:
            raise ProgramError(f"the program ran longer than {limits.timeout_s} s") from None
        raise ProgramError(f"the program's process ended early (code {code})") from None
    if "error" in answer:
        raise ProgramError(str(answer["error"]))
    return Outcome(_hashable(answer["value"]), _hashable(answer["printed"]))


def _hashable(value: Any) -> Any:
    """Return lists as tuples, and texts without half surrogate pairs: files could not hold them."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return tuple(map(_hashable, value)) if isinstance(value, list) else value
