"""What the sandbox runs, and that nothing gets out of it or keeps it busy."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.adapters import sandbox
from promptkit.adapters.sandbox import ProgramLimits, child, run_program
from promptkit.adapters.sandbox.child import outcome
from promptkit.errors import OptionError, ProgramError

pytestmark = pytest.mark.anyio

QUICK = ProgramLimits(timeout_s=4.0, steps=300_000)


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("pens = 3 * 4\nans = pens // 5", 2),
        ("print('x', 3)\nprint(4)", "4"),
        ("def solution():\n    return sum(i * i for i in range(5) if i % 2)", 10),
        ("x = 7\nx / 2", 3.5),
        ("answer = max([3, 9, 4], key=lambda n: -n)", 3),
        ("n = 0\nwhile True:\n    n += 1\n    if n * n > 200: break\nans = n", 15),
        ("def f(n):\n    return 1 if n < 2 else n * f(n - 1)\nans = f(20)", math.factorial(20)),
        ("import math\nans = math.ceil(2.1) + math.comb(5, 2)", 13),
        ("ans = sqrt(16) + round(2.567, 2)", 6.57),
        ("ages = {'Bo': 3}\nages['Al'] = 5\nans = sorted(ages.items())", (("Al", 5), ("Bo", 3))),
        ("a, (b, c) = 1, [2, 3]\nans = [c, b, a]", (3, 2, 1)),
        ("xs = [1]\nys = xs\nys += [2]\nans = len(xs)", 2),
        ("ans = f'{2 / 3:.2f} of {1234567:,}'", "0.67 of 1,234,567"),
        ("from datetime import date, timedelta\nans = date(2024, 2, 28) + timedelta(days=2)",
         "2024-03-01"),
        ("d = datetime.datetime.strptime('3/1/24', '%m/%d/%y')\nd.strftime('%d.%m.%Y')",
         "01.03.2024"),
        ("from itertools import permutations as ps\nlen([p for p in ps(range(4)) if p[0] < p[1]])",
         12),
        ("x = Symbol('x')\nans = solve_it(Eq(3 * x + 4, x / 2 + 9), x)[x]", 2),
        ("x, y = symbols('x y')\nans = solve([Eq(x + y, 10), Eq(x - y, 4)], [x, y])[y]", 3),
        ("def f():\n    print('{:.1f} of {}'.format(2, 3))\nif __name__ == '__main__':\n    f()",
         "2.0 of 3"),
        ("from typing import List\ndef f(n: List[int]) -> int:\n    return n[-1]\nans = f([7])", 7),
        ("ans = [n * x for n, x in enumerate([5, 6], 1)]", (5, 12)),
        ("ans = '\\ud800!'", "?!"),
        ("result = True and not 2 in (1, 3)", True),
        ("ans = 10 ** 1000 % 7", pow(10, 1000, 7)),
        ("größe = 3\nans = größe * 2", 6),
        ("число = 5\nans = число + 1", 6),
        ("数 = [1, 2]\nans = sum(数)", 3),
        ("ans = '\\N{EN DASH}'", "–"),  # noqa: RUF001
        ("ans = len('\\d') + (1 is 1)", 3),
    ],
)  # fmt: skip
async def test_programs_of_thought_run(program: str, value: object) -> None:
    assert (await run_program(program, QUICK)).value == value


ATTACKS = {
    "a huge power": "ans = 10 ** 10 ** 10",
    "a power of powers": "x = 2\nwhile True:\n    x = x * x",
    "a modular power": "ans = pow(7, 10 ** 3000, 10 ** 3000 - 1)",
    "a shift": "ans = 1 << 10 ** 10",
    "a factorial": "import math\nans = math.factorial(10 ** 7)",
    "rounding": "ans = round(5, -10 ** 9)",
    "a long text": "ans = 'a' * 10 ** 9",
    "a long list": "ans = [0] * 10 ** 9",
    "a text that grows": "x = 'a'\nfor i in range(99):\n    x = x.replace('a', 'aaaa')",
    "a joined text": "ans = ','.join(['a' * 1000] * 100000)",
    "a wide format": "ans = f'{1:1000000000d}'",
    "an old format": "ans = '%1000000000d' % 5",
    "a format of fields": "ans = '{0.__class__}'.format(1)",
    "a format of elements": "ans = '{0[0]}'.format([1])",
    "a format in a format": "ans = '{:{}}'.format(1, 10 ** 9)",
    "a wide field": "ans = '{:999999999}'.format(1)",
    "a wide date": "import datetime\nans = datetime.date(2020, 1, 1).strftime('%1000000000Y')",
    "classes": "ans = ().__class__.__bases__[0].__subclasses__()",
    "a method's object": "ans = [].append.__self__",
    "a module's loader": "import math\nans = math.__loader__",
    "a function's globals": "def f(): pass\nans = f.__globals__",
    "os": "import os\nos.system('true')",
    "a relative import": "from . import child",
    "importing by name": "__import__('os')",
    "sockets": "import socket",
    "a file": "open('/etc/passwd').read()",
    "eval": "eval('1')",
    "exec": "exec('import os')",
    "getattr": "getattr(1, 'real')",
    "globals": "globals()",
    "the evaluator's methods": "call_print(1)",
    "endless recursion": "def f(n):\n    return f(n + 1)\nf(0)",
    "an endless loop": "while True:\n    pass",
    "an endless output": "while True:\n    print('x' * 1000)",
    "a sum of too many": "ans = sum(range(10 ** 9))",
    "a search in a range": "ans = 0.5 in range(10 ** 12)",
    "products": "from itertools import product\nfor p in product(range(99), repeat=20): pass",
    "a list of lists of lists": "a = [1]\nfor i in range(40):\n    a = [a, a]\nans = str(a)",
    "a list that holds itself": "a = []\na.append(a)\nprint(a)",
    "a class": "class A: pass",
    "a decorator": "@abs\ndef f(): pass",
    "exceptions": "try:\n    1\nexcept: pass",
    "a context": "with open('x') as f: pass",
    "a coroutine": "async def f(): pass",
    "an exit": "raise SystemExit",
    "deep brackets": "(" * 500 + ")" * 500,
    "deep signs": "-" * 19_000 + "1",
    "a long sum": "ans = " + "+".join(["1"] * 9_000),
    "no program": "I think that the answer is 5.",
    "nothing": "",
    "no answer": "x = 1\nprint()",
    "not a number": "ans = float('nan')",
    "infinity": "ans = 1e999",
    "a complex number": "ans = (-8) ** 0.5",
    "a function as answer": "ans = print",
    "an unknown as answer": "ans = Symbol('x')",
    "a square equation": "x = Symbol('x')\nans = solve_it(Eq(x * x, 4), x)",
    "a contradiction": "x = Symbol('x')\nans = solve_it([Eq(x, 1), Eq(x, 2)], x)",
    "zero": "ans = 1 / 0",
    "a null byte": "ans = '\0'",
}  # fmt: skip


@pytest.mark.parametrize("program", ATTACKS.values(), ids=ATTACKS)
async def test_an_attack_is_an_error_in_words(program: str) -> None:
    with pytest.raises(ProgramError):
        await run_program(program, QUICK)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("x = 2\nwhile True:\n    x = x * x", "a number of"),
        ("x = 'a'\nwhile True:\n    x = x + x", "of length"),
        ("x = [1]\nwhile True:\n    x = x + x", "of length"),
        ("x = []\nwhile True:\n    x.append(x)", "too many steps"),
        ("x = {}\nn = 0\nwhile True:\n    x[n] = n\n    n += 1", "of length|too many steps"),
    ],
)
async def test_what_grows_is_stopped_by_counting_not_by_the_system(
    program: str, reason: str
) -> None:
    with pytest.raises(ProgramError, match=reason):
        await run_program(program, QUICK)


@pytest.mark.parametrize(
    "program",
    [
        "ans = [10 ** 3000] * 400",
        "ans = [10 ** 3000] * 100_000",
        "ans = ['ä' * 1000] * 1000",
        "a = ['a' * 10]\nfor i in range(30):\n    a = [a, a]\nans = a",
    ],
)
async def test_an_answer_that_is_too_long_is_called_that(program: str) -> None:
    with pytest.raises(ProgramError, match=r"the answer is too long|too many steps"):
        await run_program(program, ProgramLimits(timeout_s=20))


async def test_the_longest_answer_comes_back_whole_with_all_that_was_printed() -> None:
    program = "for i in range(90):\n    print('🐑' * 1000)\nans = ['a' * 90_000] * 9"
    ran = await run_program(program, ProgramLimits(output_chars=100_000))
    assert (len(ran.value), len(ran.printed)) == (9, 90 * 1001)


async def test_a_full_disk_stops_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "gettempdir", full)
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert (await run_program("ans = 1")).value == 1


@pytest.mark.parametrize("kind", [ImportError, FileNotFoundError, OSError])
def test_no_error_tells_where_files_are(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def fails(*_: object) -> None:
        raise kind("/home/someone/python/unicodedata.so")

    monkeypatch.setattr(child.Evaluator, "run", fails)
    assert run_here("ans = 1") == {"error": f"{kind.__name__}: the program needs what is not here"}


PROGRAM = "def square(x):\n    return x * x\nsides = [1, 2]\n"
NINE = "assert square(3) == 9"


@pytest.mark.parametrize(
    "tests",
    [
        NINE,
        "assert abs(square(3) - 9) < 1e-6\nassert max(sides) == 2",
        "for x, y in [(3, 9), (2, 4)]:\n    assert square(x) == y",
        "def holds(x):\n    return square(x) == x ** 2\nassert all(holds(x) for x in sides)",
        "import math\nassert math.isclose(square(0.5), 0.25)",
        "from math import isclose\nassert isclose(square(0.5), 0.25)",
        "sides = [5]\nassert sides == [5]",
        "",
    ],
)
async def test_tests_use_what_the_program_defines(tests: str) -> None:
    assert (await run_program(PROGRAM, tests=tests)).value is True


async def test_a_function_under_test_may_have_the_name_of_one_of_a_module() -> None:
    tests = "assert gcd(4, 6) == 2"
    await run_program("def gcd(a, b):\n    return 2", tests=tests)
    with pytest.raises(ProgramError, match=r"^tests, line 1: .*does not hold"):
        await run_program("def gcd(a, b):\n    return 1", tests=tests)
    with pytest.raises(ProgramError, match=r"^line 2: ZeroDivisionError"):
        await run_program("def gcd(a, b):\n    return 1 / 0", tests=tests)


@pytest.mark.parametrize(
    ("program", "tests"),
    [
        ("def square(x): return 0\nif 0: \\", NINE),
        ('def square(x): return 0\nx = """', NINE + '\n"""'),
        ("def square(x): return 0\nx = (", f"{NINE})"),
        ("abs = lambda x: 0\ndef square(x): return 77", "assert abs(square(3) - 9) < 1e-6"),
        ("def sorted(x): return [9]\ndef square(x): return 0", "assert sorted([square(3)]) == [9]"),
        ("math = 5\ndef square(x): return 0", "import math\nassert math.isclose(square(3), 9)"),
        ("def isclose(*_): return 1\ndef square(x): return 0",
         "from math import isclose\nassert isclose(square(3), 9)"),
        ("def square(x):\n    break", f"for x in [3]:\n    {NINE}"),
        ("def square(x):\n    continue", f"for x in [3]:\n    {NINE}"),
        ("def square(x): return next(iter([]))", f"for x in [3]:\n    {NINE}"),
        ("ans = True\nsquare = 1", NINE),
        ("return True", NINE),
        ("", NINE),
    ],
)  # fmt: skip
async def test_no_program_gets_round_its_tests(program: str, tests: str) -> None:
    with pytest.raises(ProgramError):
        await run_program(program, tests=tests)


async def test_what_outruns_the_counting_is_killed_by_the_clock() -> None:
    program = "a = [1]\nb = [1]\nfor i in range(40):\n    a = [a, a]\n    b = [b, b]\nans = a == b"
    with pytest.raises(ProgramError, match="ran longer"):
        await run_program(program, ProgramLimits(timeout_s=1.0))


async def test_the_event_loop_goes_on_while_a_program_runs() -> None:
    running = asyncio.ensure_future(run_program("while True:\n    pass", ProgramLimits()))
    turns = 0
    while not running.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 10
    with pytest.raises(ProgramError, match="too many steps"):
        await running


async def test_who_stops_waiting_ends_the_process() -> None:
    program = "a = [1]\nb = [1]\nfor i in range(40):\n    a = [a, a]\n    b = [b, b]\nans = a == b"
    waiting = asyncio.ensure_future(run_program(program, ProgramLimits(timeout_s=300)))
    while not (children := _children()):
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    deadline = time.monotonic() + 30
    while children & _children() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert not children & _children()


def _children() -> set[int]:
    import psutil

    found = set()
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):  # it has just ended
            if any("sandbox" in word for word in process.cmdline()):
                found.add(process.pid)
    return found


async def test_the_process_has_neither_environment_nor_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    seen: list[object] = []
    start = subprocess.Popen

    def spy(command: list[str], **how: object) -> subprocess.Popen[bytes]:
        seen.extend([command, how["env"]])
        return start(command, **how)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sandbox.subprocess, "Popen", spy)
    await run_program("ans = 1")
    command, environment = seen
    assert "OPENAI_API_KEY" not in str(environment)
    assert command[1:3] == ["-I", "-S"]  # type: ignore[index]


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are the system's")
def test_behind_the_language_stands_a_process_without_files_and_processes() -> None:
    folder = str(Path(sandbox.__file__).parent)
    code = (
        "import sys, types; package = types.ModuleType('sandbox')\n"
        "package.__path__ = [sys.argv[1]]; sys.modules['sandbox'] = package\n"
        "from sandbox.child import limit; limit(2**28, 2)\n"
        "def fails(do):\n"
        "    try: do()\n"
        "    except (OSError, MemoryError): return True\n"
        "print(fails(lambda: open('/etc/hostname')), fails(lambda: bytearray(2**29)))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "True"], done.stderr


async def test_a_program_that_is_too_long_is_refused_before_a_process_starts() -> None:
    with pytest.raises(ProgramError, match="20001 characters"):
        await run_program("1" * 20_001)


async def test_a_crash_of_the_process_is_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_START", "import os; os.abort()")
    with pytest.raises(ProgramError, match="ended early"):
        await run_program("ans = 1")


@pytest.mark.parametrize("bad", [{"timeout_s": 0}, {"steps": -1}, {"memory_mb": float("inf")}])
def test_limits_that_are_none_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        ProgramLimits(**bad)  # type: ignore[arg-type]


def run_here(program: str) -> dict[str, object]:
    """Run in this process: the evaluator alone must already be safe."""
    frames = sys.getrecursionlimit()
    try:
        return outcome({"program": program, "steps": 20_000, "output_chars": 100})
    finally:
        sys.setrecursionlimit(frames)


numbers = st.integers(-99, 99)
operators = st.sampled_from(["+", "-", "*", "//", "%", "==", "<", "and", "or"])
expressions = st.recursive(
    numbers.map(str),
    lambda inner: st.tuples(inner, operators, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
    max_leaves=12,
)


@given(expressions)
def test_expressions_have_the_value_that_python_gives_them(text: str) -> None:
    try:
        expected = eval(compile(ast.parse(text, mode="eval"), "", "eval"))  # noqa: S307
    except ZeroDivisionError:
        assert "ZeroDivisionError" in str(run_here(f"ans = {text}"))
        return
    assert run_here(f"ans = {text}") == {"value": expected, "printed": ""}


WORDS = """ans = x y f ( ) [ ] { } : , . + * ** % for in range if else while def return lambda print
sorted max str 'a' 1 99 __class__ import math"""
words = st.sampled_from([*WORDS.split(), "\n", "\n    "])


@given(st.lists(words, max_size=30).map(" ".join) | st.text(max_size=60))
def test_no_text_makes_the_evaluator_fail(text: str) -> None:
    assert set(run_here(text)) in ({"error"}, {"value", "printed"})
