"""Least-to-most prompting: solve the simpler questions first, and carry their answers along.

Zhou et al. 2022 (arXiv:2205.10625). First the question is reduced to sub-questions, the simplest
first; then each is answered in the sight of those before it with their answers, the question
itself last. For the length split of SCAN the paper reports 99.7 % with code-davinci-002, where
chain of thought has 16.2 %. It is for questions harder than the examples: on GSM8K, recorded
answers of Codex are right in 37.7 % with it and in 63.4 % with chain of thought, those of
gpt-3.5-turbo in 68.0 and 79.9 %, and with GPT-4 the two are level (`tests/replication`).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from promptkit.errors import OptionError
from promptkit.explanation import Section, Table
from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.asking.arguments import counted
from promptkit.primitives.asking.primitive import (
    Asked,
    as_prompt,
    followed_by,
    indented,
    primitive,
    steady,
)
from promptkit.primitives.asking.sampling import Solver, solve, told, value_of
from promptkit.primitives.list_items import list_items
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session

NO_ANSWER: Final = "(no answer)"
"""What stands for an answer that stayed empty."""

_NUMBERED: Final = re.compile(
    r"^[ \t*#>]{0,8}Q(?:uestion)? ?\d{1,4}[.):]{1,2}[ \t*]*+(\S.*)$", re.IGNORECASE | re.MULTILINE
)
"""A sub-question in a text that holds its answer too."""

_WHOLE: Final = re.compile(
    r"^[ \t*#>]{0,8}final (?:answer|question)[ *]*+:.*$", re.IGNORECASE | re.MULTILINE
)
_FIRST_SOLVE: Final = re.compile(r"\bfirst solve\b:?(.*)", re.IGNORECASE)
_QUOTED: Final = re.compile(r"[\"“«]([^\"“”«»]+)[\"”»]")


@dataclass(frozen=True, slots=True)
class LeastToMostPrompts:
    """What is said to the model, after the question itself.

    Attributes:
        reduce: Asks for the sub-questions; slot `n`.
        next: Asks one of them; slots `known`, which holds those before it, and `subquestion`.
        whole: Asks the question itself; slot `known`.
        one_pass: Asks for everything in one text; slot `n`.
    """

    reduce: Prompt
    next: Prompt
    whole: Prompt
    one_pass: Prompt


LADDER: Final = LeastToMostPrompts(
    reduce=Prompt(
        "Do not answer yet. To solve this, which simpler questions need to be solved first? Write "
        "at most {n:trusted}, the simplest first, one a line, and nothing else."
    ),
    next=Prompt(
        "Answered so far:\n{known}\n\nDo not answer the whole yet. Answer only this: {subquestion}"
    ),
    whole=Prompt(
        "Answered so far:\n{known}\n\nNow answer the whole question. Write the answer alone on a "
        "last line that begins with «Answer:»."
    ),
    one_pass=Prompt(
        "Write the simpler questions that need to be solved first, at most {n:trusted}, the "
        "simplest first, each on a line that begins with Q1., Q2. and so on, and its answer on the "
        "next line. Then write a line that begins with «Final Answer:» with the question itself, "
        "and its answer below it, ending with «The answer is …»."
    ),
)


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """A sub-question and what was said to it."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """The sub-questions in their order, and the text that the answer was read from."""

    steps: tuple[SubAnswer, ...]
    text: str

    def sections(self) -> Iterator[Section]:
        """Yield the sub-questions with their answers, the whole last."""
        rows = [(str(i), s.question, s.answer) for i, s in enumerate(self.steps, 1)]
        rows.append(("", "the whole", self.text))
        yield Table("From the least to the most", ("", "question", "answer"), tuple(rows))

    def __str__(self) -> str:
        """Show the sub-questions with their answers, then the text of the whole."""
        return "\n".join([*(f"Q: {s.question}\nA: {s.answer}" for s in self.steps), self.text])


@primitive
async def least_to_most(
    session: Session,
    /,
    question: Asked,
    *,
    n: int = 6,
    extract: Extractor = final,
    of: Solver | None = None,
    one_pass: bool = False,
    prompts: LeastToMostPrompts = LADDER,
    reducing: tuple[tuple[str, str], ...] = (),
    examples: tuple[tuple[str, str], ...] = (),
    **options: Any,
) -> Result[Hashable]:
    r"""Answer by way of simpler questions, one after the other; at most `n` + 2 calls.

    Each prompt holds all answers before it, each once: none is longer than the question and all
    that was said before.

    >>> import promptkit as pk
    >>> def model(request):
    ...     asked = request.messages[-1].text
    ...     if "Do not answer yet" in asked:
    ...         return "How long does a ride take, both ways?"
    ...     return "Answer: 3" if "whole question" in asked else "4 + 1 = 5 minutes."
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> question = "4 minutes up, 1 down: how many rides in 15 minutes?"
    >>> result = pk.run(least_to_most(session, question))
    >>> print(result.evidence)
    Q: How long does a ride take, both ways?
    A: 4 + 1 = 5 minutes.
    Answer: 3

    Args:
        session: Who answers.
        question: The question.
        n: The most sub-questions; further ones are passed over.
        extract: How the answer is read from the last text.
        of: A primitive that answers each sub-question and the whole; None asks them as they are.
        one_pass: Whether one call writes sub-questions and answers; `of` has no part in it.
        prompts: All that is said to the model.
        reducing: Worked (question, sub-questions one a line) pairs, put before the reduction.
        examples: Worked pairs, put before each sub-question, or before the one call.
        options: As for `Session.ask`; the temperature is 0 if neither they nor the session set it.

    Returns:
        The answer; None where the last text holds none. The evidence is the `Ladder`. When the
        model names no sub-question, the question is asked as it is.

    Raises:
        OptionError: For a number of sub-questions that is none or below 1, or `one_pass` with `of`.
    """
    n = counted("n", n)
    if one_pass and of is not None:
        raise OptionError("one_pass with `of`", hint="one call writes it all, or `of` each answer")
    asker = steady(session, **options)
    if one_pass:
        asked = _after(examples, followed_by(question, prompts.one_pass, n=str(n)))
        text = (await asker.ask(asked)).text.strip()
        ladder = read_ladder(text)
        return _result(extract(ladder.text), ladder, extract)
    reduction = _after(reducing, followed_by(question, prompts.reduce, n=str(n)))
    reduced = (await asker.step("reduce").ask(reduction)).text
    whole = as_prompt(question).render()[-1].text.strip().casefold()
    known: list[SubAnswer] = []
    for simpler in [q for q in read_reduction(reduced) if q.casefold() != whole][:n]:
        asked = followed_by(question, prompts.next, known=_shown(known), subquestion=simpler)
        step = asker.step(f"question {len(known) + 1}")
        said, _ = await _answer(step, _after(examples, asked), of, extract)
        known.append(SubAnswer(simpler, said or NO_ANSWER))
    asked = followed_by(question, prompts.whole, known=_shown(known))
    text, value = await _answer(asker.step("whole"), _after(examples, asked), of, extract)
    return _result(value, Ladder(tuple(known), text), extract)


def read_reduction(text: str) -> tuple[str, ...]:
    r"""Read sub-questions, one a line, or quoted as in the paper; each counts once.

    >>> read_reduction("Here they are:\n1. How long is a ride?\n2. How many fit?")
    ('How long is a ride?', 'How many fit?')
    >>> read_reduction('To solve "How many?", we need to first solve: "How long is a ride?"')
    ('How long is a ride?',)
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    solve_first = _FIRST_SOLVE.search(lines[0]) if len(lines) == 1 else None
    if solve_first:
        lines = _QUOTED.findall(solve_first.group(1)) or [solve_first.group(1)]
    items = list_items("\n".join(lines), marked=True)
    found = items if items != lines else [line for line in lines if not line.endswith(":")]
    by_name: dict[str, str] = {}
    for line in (each.strip(" \t*") for each in found):
        by_name.setdefault(line.casefold(), line)
    return tuple(line for line in by_name.values() if line)


def read_ladder(text: str) -> Ladder:
    r"""Read a text that holds sub-questions, their answers and the whole.

    >>> read_ladder("Q1. How long?\nFive.\nFinal Answer: How many?\nThe answer is 3.")
    Ladder(steps=(SubAnswer(question='How long?', answer='Five.'),), text='The answer is 3.')
    """
    whole = _WHOLE.search(text)
    end = whole.start() if whole else len(text)
    found = list(_NUMBERED.finditer(text, 0, end))
    ends = [match.start() for match in found[1:]] + [end]
    steps = [
        SubAnswer(match.group(1).strip(), text[match.end() : until].strip() or NO_ANSWER)
        for match, until in zip(found, ends, strict=False)
    ]
    if whole is None:
        return Ladder(tuple(steps), text)
    below = text[whole.end() :].strip()
    asks_again = whole.group().rstrip(" *").endswith("?")
    return Ladder(tuple(steps), below if below and asks_again else text[end:].strip())


def _after(examples: tuple[tuple[str, str], ...], prompt: Prompt) -> Prompt:
    return replace(prompt, examples=(*examples, *prompt.examples))


def _shown(known: list[SubAnswer]) -> str:
    told = (f"Q: {s.question}\nA: {indented(s.answer)}" for s in known)
    return "\n\n".join(told) or "nothing yet"


async def _answer(
    session: Session, asked: Prompt, of: Solver | None, extract: Extractor
) -> tuple[str, Hashable | None]:
    """Return what was said, and the answer read from it."""
    if of is None:
        text = (await session.ask(asked)).text.strip()
        return text, extract(text)
    result = await solve(session, asked, of)
    return told(result).strip(), value_of(result, extract)


def _result(value: Hashable | None, ladder: Ladder, extract: Extractor) -> Result[Hashable]:
    reason = "" if value is not None else "no answer found in the text"
    return Result(value, evidence=ladder, reason=reason, extractor=str(extract))
