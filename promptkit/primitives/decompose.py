"""Decomposition: split a question into typed sub-questions, answer them, and put it together.

Khot et al. 2022 (arXiv:2210.02406) hand each sub-question to a solver of its own, and a
sub-question names an earlier answer as «#1». Here the model writes them as a numbered list with
the type of each answer, so that every answer is read by an extractor. Those that do not wait for
one another are answered at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from promptkit.explanation import Edge, Graph, Node, Section
from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.asking.arguments import counted
from promptkit.primitives.asking.primitive import Asked, followed_by, gather, primitive, steady
from promptkit.primitives.asking.sampling import Solver, solve
from promptkit.primitives.sub_question import (
    Kind,
    SubQuestion,
    filled,
    listed,
    ordered,
    read_plan,
)
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session


@dataclass(frozen=True, slots=True)
class DecomposePrompts:
    """What is said to the model, after the question itself.

    Attributes:
        plan: Asks for the sub-questions; slot `n`.
        part: Asks one of them; slots `part` and `form`.
        whole: Asks for the answer; slot `parts`.
        forms: What is asked of an answer of each type. The choices stand behind the part.
    """

    plan: Prompt
    part: Prompt
    whole: Prompt
    forms: tuple[tuple[Kind, str], ...]


DECOMPOSED: Final = DecomposePrompts(
    plan=Prompt(
        "Do not answer yet. Write the smaller questions, at most {n:trusted}, whose answers are "
        "needed to answer this. Number them, and give the type of each answer in brackets: "
        "[number], [yes/no], [choice: red | green], [list] or [text]. Where one needs the answer "
        "of another, refer to it by #1, #2 and so on. For example:\n"
        "1. [number] How many pens are in a box?\n"
        "2. [number] How many boxes are there?\n"
        "3. [number] How many pens are in #2 boxes of #1 pens?"
    ),
    part=Prompt("Answer only this part of it: {part}\n{form:trusted}"),
    whole=Prompt(
        "These parts of it are answered:\n{parts}\n\nUse them to answer the whole question. Write "
        "the answer alone on a last line that begins with «Answer:»."
    ),
    forms=(
        ("number", "Reply with the number only."),
        ("yes/no", "Reply yes or no."),
        ("choice", "Reply with one of its choices."),
        ("list", "Reply with one item a line."),
        ("text", "Reply in a few words."),
    ),
)


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The parts of a question by their numbers, and what was made of them."""

    parts: tuple[SubQuestion, ...]
    text: str

    def sections(self) -> Iterator[Section]:
        """Yield the graph of the parts; broken arrows are references that could not be kept."""
        nodes = [
            Node(f"#{p.number}", p.text, "inferred", f"{p.kind}: {p.said}") for p in self.parts
        ]
        known = {part.number for part in self.parts}
        edges = [
            Edge(f"#{other}", f"#{part.number}", is_kept=other in part.needs)
            for part in self.parts
            for other in (*part.needs, *part.dropped)
            if other in known
        ]
        used = {other for part in self.parts for other in part.needs}
        edges += [Edge(f"#{p.number}", "answer") for p in self.parts if p.number not in used]
        yield Graph(
            "The question in parts", (*nodes, Node("answer", self.text, "chosen")), tuple(edges)
        )

    def __str__(self) -> str:
        """Show each part with its answer, then the text of the whole."""
        return "\n".join([listed(self.parts), self.text])


@primitive
async def decompose(
    session: Session,
    /,
    question: Asked,
    *,
    n: int = 6,
    of: Solver | None = None,
    extract: Extractor = final,
    prompts: DecomposePrompts = DECOMPOSED,
    **options: Any,
) -> Result[Hashable]:
    r"""Answer by way of typed sub-questions, in parallel where they are independent.

    At most `n` + 2 calls: the plan, each sub-question, the whole. With `of`, each sub-question
    costs what `of` costs. A sub-question holds each answer that it names once, and repeats of
    them at most 500 characters; the whole holds each once. So no prompt is longer than the
    question, the plan and all answers together, and these 500 characters.

    >>> import promptkit as pk
    >>> def model(request):
    ...     asked = request.messages[-1].text
    ...     if "Do not answer yet" in asked:
    ...         return "1. [number] How many pens has a box?\n2. [number] How many have #1 + #1?"
    ...     if "are answered" in asked:
    ...         return "Answer: 8"
    ...     return "8" if "4 + 4" in asked else "4"
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> result = pk.run(decompose(session, "A box has 4 pens. How many have two?"))
    >>> print(result.evidence)
    #1 How many pens has a box? 4
    #2 How many have #1 + #1? 8
    Answer: 8

    Args:
        session: Who answers.
        question: The question.
        n: The most sub-questions; further ones are passed over.
        of: A primitive that answers each sub-question; None asks for it alone. It sees the whole
            question too, as the sub-question may be about what is told there.
        extract: How the answer of the whole is read.
        prompts: All that is said to the model.
        options: As for `Session.ask`; the temperature is 0 if neither they nor the session set it.

    Returns:
        The answer; None where the last text holds none. The evidence is the `Decomposition`. A
        plan without sub-questions leaves the whole question to the last call; an answer that was
        not found stands as «unknown» where others refer to it.

    Raises:
        OptionError: For a number of sub-questions that is none or below 1.
    """
    n = counted("n", n)
    asker = steady(session, **options)
    planning = followed_by(question, prompts.plan, n=str(n))
    plan = (await asker.step("plan").ask(planning)).text
    parts = await _answer_all(asker, question, ordered(read_plan(plan)[:n]), of=of, prompts=prompts)
    combining = followed_by(question, prompts.whole, parts=listed(parts) or "none")
    text = (await asker.step("whole").ask(combining)).text.strip()
    value = extract(text)
    reason = "" if value is not None else "no answer found in the text"
    in_order = tuple(sorted(parts, key=lambda part: part.number))
    return Result(
        value, evidence=Decomposition(in_order, text), reason=reason, extractor=str(extract)
    )


async def _answer_all(
    session: Session,
    question: Asked,
    parts: Sequence[SubQuestion],
    *,
    of: Solver | None,
    prompts: DecomposePrompts,
) -> tuple[SubQuestion, ...]:
    """Answer each part as soon as those it needs are answered."""
    answered: dict[int, SubQuestion] = {}
    is_ready = {part.number: asyncio.Event() for part in parts}

    async def answer(part: SubQuestion) -> SubQuestion:
        for number in part.needs:
            await is_ready[number].wait()
        text = filled(part, answered)
        step = session.step(f"part {part.number}")
        text += f" ({' | '.join(part.choices)})" if part.choices else ""
        form = dict(prompts.forms).get(part.kind, "")
        asked = followed_by(question, prompts.part, part=text, form=form)
        value = await _answer(step, asked, part, of)
        answered[part.number] = replace(part, answer=value)
        is_ready[part.number].set()
        return answered[part.number]

    return tuple(await gather([answer(part) for part in parts]))


async def _answer(
    session: Session, asked: Prompt, part: SubQuestion, of: Solver | None
) -> Hashable | None:
    if of is None:
        return part.extract((await session.ask(asked)).text)
    value = (await solve(session, asked, of)).value
    if isinstance(value, str):
        return part.extract(value)
    return value if isinstance(value, Hashable) else str(value)
