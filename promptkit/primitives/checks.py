"""External checks: what can be found out about an answer without asking a model.

A check is a function of the answer alone, sync or async. The answer is a `Candidate`: the whole
text, whose `.value` is what was read from it. It returns a bool, a `Verdict`, or None when it
cannot say. Wherever a list of checks is taken, a mapping stands for a JSON schema.

A check refuses by «fail» alone. What it cannot judge it lets pass: an answer without a sum in it
is neither right nor wrong by arithmetic.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from promptkit.adapters.sandbox import ProgramLimits, run_program
from promptkit.constraint import DISOBEYS, Constraint
from promptkit.errors import OptionError, ProgramError
from promptkit.primitives.answers import code_block
from promptkit.primitives.arithmetic import arithmetic
from promptkit.result import Verdict

__all__ = ["Check", "JsonSchema", "UnitTests", "arithmetic", "run_checks"]

CheckFunction = Callable[[Any], Any]
Check = CheckFunction | Mapping[str, Any]
"""A function of the answer that returns (or awaits to) a bool, a Verdict or None; or a schema."""


async def run_checks(checks: Sequence[Check], answer: str) -> Verdict:
    """Return the first refusal; else «pass» when any check passed the answer, else «unsure».

    >>> import promptkit as pk
    >>> print(pk.run(run_checks([arithmetic, str.isascii], "3 + 4 = 8")))
    fail: 3 + 4 is 7, not 8

    Raises:
        OptionError: For what is no check, or a check that returns something else.
    """
    if isinstance(checks, (str, bytes, Mapping)) or callable(checks):
        raise OptionError(f"checks of type {type(checks).__name__}", hint="give a list of checks")
    for check in checks:
        if not (isinstance(check, Mapping) or callable(check)):
            hint = "a check is a function of the answer, or a JSON schema"
            raise OptionError(f"a check of type {type(check).__name__}", hint=hint)
    passed: list[Verdict] = []
    for check in checks:
        function: CheckFunction = JsonSchema(check) if isinstance(check, Mapping) else check
        said = function(answer)
        verdict = verdict_of(await said if inspect.isawaitable(said) else said, function)
        if verdict.outcome == "fail":
            return verdict
        if verdict:
            passed.append(verdict)
    if not passed:
        return Verdict("unsure", "no check could say")
    return Verdict("pass", "; ".join(v.reason for v in passed if v.reason))


def verdict_of(said: Any, check: Any) -> Verdict:
    """Return what a check or judge said as a Verdict.

    Raises:
        OptionError: When it is neither a bool, a Verdict nor None.
    """
    if isinstance(said, Verdict):
        return said
    name = getattr(check, "__name__", type(check).__name__)  # never what is in it
    if said is None:
        return Verdict("unsure", f"{name} could not say")
    if isinstance(said, (bool, np.bool_)):
        return Verdict("pass" if said else "fail", f"{name} {'passed' if said else 'refused'} it")
    msg = f"the check {name} returned {type(said).__name__}"
    raise OptionError(msg, hint="a check returns a bool, a Verdict or None")


@dataclass(frozen=True)
class JsonSchema:
    """Passes an answer that is JSON and fits a schema; a code fence around it is no fault.

    >>> JsonSchema({"type": "object"})('{"a": 1}').outcome, JsonSchema({})("so be it").outcome
    ('pass', 'fail')
    """

    schema: Mapping[str, Any]

    def __call__(self, answer: str) -> Verdict:
        """Check one answer."""
        fenced = _FENCE.fullmatch(answer.strip())
        text = fenced.group(1) if fenced else answer
        refusal = Constraint.json_schema(self.schema).refusal(text)
        if not refusal:
            return Verdict("pass", "fits the schema")
        return Verdict("fail", "does not fit the JSON schema" if refusal == DISOBEYS else refusal)


@dataclass(frozen=True)
class UnitTests:
    r"""Passes an answer whose program passes tests, which run in the sandbox.

    The program is the answer's last code block, else the whole answer. The tests are read and run
    apart from it: what it names, they can use, but `abs`, `sorted` and the other built-ins of
    Python are Python's own in them, and so is what they import. So a function under test has
    another name than a built-in.

    >>> import promptkit as pk
    >>> square = "```python\ndef square(x):\n    return x * x\n```"
    >>> pk.run(run_checks([UnitTests("assert square(3) == 9")], square)).outcome
    'pass'

    Attributes:
        tests: Statements that use what the program defines; `assert` says what must hold.
        limits: What the program and its tests may take, see `promptkit.adapters.sandbox`.
    """

    tests: str
    limits: ProgramLimits | None = None

    def __post_init__(self) -> None:
        """Refuse tests that no program could pass."""
        if not isinstance(self.tests, str):
            raise OptionError(f"tests of type {type(self.tests).__name__}", hint="they are a text")
        try:
            ast.parse(self.tests)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            msg = f"the tests cannot be read ({type(error).__name__})"
            raise OptionError(msg, hint="write them as statements of Python") from None

    async def __call__(self, answer: str) -> Verdict:
        """Check one answer."""
        code = _CODE(answer)
        program = answer if code is None else str(code)
        try:
            await run_program(program, self.limits, tests=self.tests)
        except ProgramError as error:
            return Verdict("fail", f"the program does not pass its tests: {error}")
        return Verdict("pass", "the program passes its tests")


_CODE: Final = code_block()
_FENCE: Final = re.compile(r"```\w*\s*\n(.*?)\n?```", re.DOTALL)
