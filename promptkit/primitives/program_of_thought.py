"""Program of thought: the model writes a program, and a machine runs it.

Chen et al. 2022 (arXiv:2211.12588) and PAL (Gao et al. 2022, arXiv:2211.10435) for arithmetic;
Logic-LM (Pan et al. 2023, arXiv:2305.12295) for logic programs, whose facts and rules are closed
under forward chaining. The model only says what is to be reckoned or inferred; the reckoning itself
makes no mistakes. As in Logic-LM, a program that does not run falls back on a chain of thought.

A program is never executed as Python here: see `promptkit.adapters.sandbox`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal, get_args

from promptkit.adapters.sandbox import ProgramLimits, run_program
from promptkit.errors import OptionError, ProgramError
from promptkit.explanation import Edge, Graph, Node, Paragraph, Section
from promptkit.logic import Closure, Program, read_program
from promptkit.primitives.answers import Extractor, choice, code_block, number
from promptkit.primitives.asking.arguments import draw_number, one_of
from promptkit.primitives.asking.primitive import Asked, primitive, steady, with_instruction
from promptkit.primitives.asking.sampling import Solver, solve
from promptkit.primitives.chain_of_thought import chain_of_thought
from promptkit.result import Result
from promptkit.session import Session

Language = Literal["python", "logic"]

PYTHON_PROGRAM: Final = (
    "Write a short Python program that works out the answer and assigns it to the variable ans. "
    "Use plain arithmetic, lists and loops. You may import math, datetime and itertools, and from "
    "sympy Symbol, Eq and solve for linear equations; nothing else. "
    "Name variables after what they stand for. Reply with the program only."
)
"""For arithmetic. The language is a small part of Python."""

LOGIC_PROGRAM: Final = """\
Write the problem as a logic program and do not solve it. It has four sections:
Predicates: one a line, such as Brave($x, bool)
Facts: one a line, such as Brave(Mia, True) or Sees(Mia, Tom, False)
Rules: one a line, such as Brave($x, True) && Sees($x, Tom, False) >>> Calm($x, True)
Query: the statement that is asked about, such as Calm(Mia, True)
The last argument tells whether it holds. $x stands for anything. Reply with the program only."""
"""For deduction, in the notation of Logic-LM."""

TRUTH: Final = ("True", "False")


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """A program, what it came to, and how.

    Attributes:
        language: "python" or "logic".
        program: As it was run.
        outcome: Its answer as text; what went wrong where it failed.
        has_run: Whether it ran to an end; otherwise the answer is the fallback's.
        printed: What it printed.
        proof: For a logic program, the steps to the query or its opposite, premises first, each
            with what it follows from.
        fallback: What the fallback's answer stands on.
    """

    language: Language
    program: str
    outcome: str
    has_run: bool
    printed: str = ""
    proof: tuple[tuple[str, tuple[str, ...]], ...] = ()
    fallback: Any = None

    def sections(self) -> Iterator[Section]:
        """Yield the proof, the program and what became of it."""
        if self.proof:
            last = self.proof[-1][0]
            nodes = [
                Node(text, text, "chosen" if text == last else "inferred" if premises else "given")
                for text, premises in self.proof
            ]
            edges = [Edge(each, text) for text, premises in self.proof for each in premises]
            yield Graph("What follows", tuple(nodes), tuple(edges))
        yield Paragraph(self.program, f"The program ({self.language})")
        if self.printed.strip():
            yield Paragraph(self.printed.strip(), "It printed")
        if self.has_run:
            return
        yield Paragraph(f"The program did not run. {self.outcome}", "What went wrong")
        if self.fallback is not None:
            yield Paragraph(str(self.fallback), "So the answer is the fallback's")

    def __str__(self) -> str:
        """Show the program and its outcome."""
        return f"{self.program}\n⟹ {self.outcome}"


@primitive
async def program_of_thought(
    session: Session,
    /,
    question: Asked,
    *,
    language: Language = "python",
    choices: tuple[str, str] = TRUTH,
    unproven: str | None = None,
    extract: Extractor | None = None,
    instruction: str | None = None,
    examples: tuple[tuple[str, str], ...] = (),
    fallback: Solver | None = chain_of_thought,
    limits: ProgramLimits | None = None,
    sample: int = 0,
    **options: Any,
) -> Result[Hashable]:
    r"""Answer with what a program comes to that the model writes; one call, two with a fallback.

    >>> import promptkit as pk
    >>> model = pk.testing.Scripted("boxes = 3\nans = boxes * 4")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> pk.run(program_of_thought(session, "3 boxes of 4 pens: how many pens?")).value
    12

    Args:
        session: Who answers.
        question: The question.
        language: "python" for arithmetic (a small part of it, see `promptkit.adapters.sandbox`),
            "logic" for facts, rules and a query (see `promptkit.logic.program`).
        choices: What a logic program answers when its query follows, and when the opposite does.
        unproven: What it answers when neither follows: "Unknown" in an open world, the second of
            `choices` where all is known; None for no answer.
        extract: How an answer is read from the fallback's text, or from a text that the program
            gives; None for a number, or one of the choices.
        instruction: Put after the question; None for `PYTHON_PROGRAM` or `LOGIC_PROGRAM`.
        examples: Worked (question, program) pairs, put before it.
        fallback: What answers when the program fails; None to abstain then.
        limits: What the program may take.
        sample: Which of several programs. To let several vote:
            `vote(session, question, of=program_of_thought)`.
        options: As for `Session.ask`; the temperature is 0 if neither they nor the session set it.

    Returns:
        The answer, None where there is none. A program's number is rounded to 10 places, so that
        equal answers are equal. The evidence is the `ProgramRun`, which says whether the answer is
        the program's.

    Raises:
        OptionError: For another language, or choices that are not two.
    """
    reading = _check(language, choices, unproven, extract)
    sample = draw_number("sample", sample)
    if instruction is None:
        instruction = PYTHON_PROGRAM if language == "python" else LOGIC_PROGRAM
    asker = steady(session, **options)
    messages = with_instruction(question, instruction, examples)
    response = await asker.ask(messages, sample=sample)
    program = _program_in(response.text)
    try:
        if language == "python":
            value, run = await _reckoned(program, limits, reading)
        else:
            value, run = await _inferred(program, limits, choices, unproven)
    except ProgramError as error:
        run = ProgramRun(language, program, str(error), has_run=False)
        drawing = asker.draw(sample) if sample else asker
        return await _fallen_back(drawing, question, run, fallback, extract=reading)
    reason = "" if value is not None else run.outcome
    return Result(value, evidence=run, reason=reason, extractor=_read_by(language, reading))


def _check(
    language: str, choices: tuple[str, str], unproven: str | None, extract: Extractor | None
) -> Extractor:
    """Return how answers are read; refuse arguments that make no sense."""
    one_of("language", language, get_args(Language))
    if not isinstance(choices, (list, tuple)) or len(choices) != len(TRUTH):
        what = f"choices of type {type(choices).__name__}"
        raise OptionError(what, hint="two texts: for what holds, and what not")
    if extract is not None:
        return extract
    if language == "python":
        return number
    return choice(list(dict.fromkeys([*choices, *([unproven] if unproven else [])])))


def _read_by(language: Language, reading: Extractor) -> str:
    return f"{language} program, {reading}" if language == "python" else "logic program v1"


def _program_in(text: str) -> str:
    """Return the last fenced block of a reply, or all of it."""
    block = code_block()(text)
    return text.strip() if block is None else str(block).strip()


async def _reckoned(
    program: str, limits: ProgramLimits | None, reading: Extractor
) -> tuple[Hashable | None, ProgramRun]:
    outcome = await run_program(program, limits)
    value = _plain(outcome.value)
    if isinstance(value, str):
        value = reading(value)
        if value is None:
            raise ProgramError(f"no {reading.name} in what it gives: {outcome.value!r}")
    run = ProgramRun("python", program, str(outcome.value), has_run=True, printed=outcome.printed)
    return value, run


def _plain(value: Any) -> Any:
    """Bring numbers to one form: 3.0 is 3, and 0.1 + 0.2 is 0.3."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if not isinstance(value, float):
        return value
    rounded = round(value, 10)
    return int(rounded) if rounded.is_integer() else rounded


async def _inferred(
    text: str, limits: ProgramLimits | None, choices: tuple[str, str], unproven: str | None
) -> tuple[str | None, ProgramRun]:
    most = (limits or ProgramLimits()).program_chars
    if len(text) > most:
        raise ProgramError(f"a program of {len(text)} characters", hint=f"at most {most}")
    # Its comparisons are counted and bounded, so that it needs no process; a thread lets others on.
    program, closure = await asyncio.to_thread(_closed, text)
    query = program.query
    if closure.contradicts_itself(query):
        raise ProgramError(f"both {query} and its opposite follow")
    verdict = closure.verdict(query)
    if verdict is None:
        outcome = f"neither {query} nor its opposite follows"
        return unproven, ProgramRun("logic", text, outcome, has_run=True)
    literal = query if verdict else query.negated
    proof = [
        (str(each), tuple(map(str, closure.derivations[each].premises)))
        for each in closure.proof(literal)
    ]
    run = ProgramRun("logic", text, f"{literal} follows", has_run=True, proof=tuple(proof))
    return choices[0 if verdict else 1], run


def _closed(text: str) -> tuple[Program, Closure]:
    program = read_program(text)
    return program, program.run()


async def _fallen_back(
    session: Session,
    question: Asked,
    run: ProgramRun,
    fallback: Solver | None,
    **how: Any,
) -> Result[Hashable]:
    if fallback is None:
        return Result.unknown(f"the program did not run: {run.outcome}", evidence=run)
    if fallback is not chain_of_thought:
        how = {}
    result = await solve(session.step("fallback"), question, partial(fallback, **how))
    kept = replace(run, fallback=result.evidence)
    return replace(result, evidence=kept)
