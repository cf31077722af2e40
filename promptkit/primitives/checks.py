"""External checks: what can be found out about an answer without asking a model.

A check is a function of the answer alone, sync or async. The answer is a `Candidate`: the whole
text, whose `.value` is what was read from it. It returns a bool, a `Verdict`, or None when it
cannot say. Wherever a list of checks is taken, a mapping stands for a JSON schema.

A check refuses by «fail» alone. What it cannot judge it lets pass: an answer without a sum in it
is neither right nor wrong by arithmetic.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from promptkit.adapters.sandbox import run_program
from promptkit.constraint import Constraint
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

    Raises:
        OptionError: For what is no check, or a check that returns something else.
    """
    if isinstance(checks, (str, Mapping)) or callable(checks):
        raise OptionError(f"checks of type {type(checks).__name__}", hint="give a list of checks")
    passed: list[Verdict] = []
    for check in checks:
        function: CheckFunction = JsonSchema(check) if isinstance(check, Mapping) else check
        said = function(answer)
        verdict = _verdict(await said if inspect.isawaitable(said) else said, function)
        if verdict.outcome == "fail":
            return verdict
        if verdict:
            passed.append(verdict)
    if not passed:
        return Verdict("unsure", "no check could say")
    return Verdict("pass", "; ".join(v.reason for v in passed if v.reason))


def _verdict(said: Any, check: CheckFunction) -> Verdict:
    if isinstance(said, Verdict):
        return said
    name = getattr(check, "__name__", None) or str(check)
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
        if Constraint.json_schema(self.schema).allows(text):
            return Verdict("pass", "fits the schema")
        return Verdict("fail", "does not fit the JSON schema")


@dataclass(frozen=True)
class UnitTests:
    r"""Passes an answer whose program passes tests, which run in the sandbox.

    The program is the answer's last code block, else the whole answer; the tests follow it.

    >>> import promptkit as pk
    >>> square = "```python\ndef square(x):\n    return x * x\n```"
    >>> pk.run(run_checks([UnitTests("assert square(3) == 9")], square)).outcome
    'pass'

    Attributes:
        tests: Statements that use what the program defines; `assert` says what must hold.
        limits: What the program and its tests may take, see `promptkit.adapters.sandbox`.
    """

    tests: str
    limits: Any = None

    async def __call__(self, answer: str) -> Verdict:
        """Check one answer."""
        code = _CODE(answer)
        program = answer if code is None else str(code)
        try:
            await run_program(f"{program}\n{self.tests}\nans = True\n", self.limits)
        except ProgramError as error:
            return Verdict("fail", f"the program does not pass its tests: {error}")
        return Verdict("pass", "the program passes its tests")


_CODE: Final = code_block()
_FENCE: Final = re.compile(r"```\w*\s*\n(.*?)\n?```", re.DOTALL)
