"""Decomposition: split a question into typed sub-questions, answer them, and put it together.

Khot et al. 2022 (arXiv:2210.02406) hand each sub-question to a solver of its own, and a
sub-question names an earlier answer as «#1». Here the model writes them as a numbered list with
the type of each answer, so that every answer is read by an extractor. Those that do not wait for
one another are answered at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

from promptkit.errors import OptionError
from promptkit.explanation import Edge, Graph, Node, Section
from promptkit.primitives import answers
from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.primitive import Asked, followed_by, gather, primitive, steady
from promptkit.primitives.sampling import Solver, solve
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session

Kind = Literal["number", "yes/no", "choice", "list", "text"]
"""What the answer of a sub-question is."""

UNKNOWN: Final = "unknown"
"""What stands for an answer that was not found."""

_LINE: Final = re.compile(
    r"^[ \t*#>-]{0,8}Q?(\d{1,4})[.):]{1,2}(?=[\s*\[])[\t *]*+"
    r"(?:\[([^\]\n]{1,500})\])?[\t *]*+(\S.*)$",
    re.MULTILINE,
)
_REFERENCE: Final = re.compile(r"#(\d{1,4})\b")
_MARK: Final = re.compile(r"(?:[-*•]|\d{1,4}[.)])\s")


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
class SubQuestion:
    """A part of a question.

    Attributes:
        number: Its name in references.
        text: What it asks, with references such as «#1».
        kind: The type of its answer.
        choices: What a choice is among.
        needs: The numbers of the answers it waits for.
        dropped: References that could not be kept: to no sub-question, to itself, or in a ring.
        answer: The answer; None when none was found or it has not been asked.
    """

    number: int
    text: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    needs: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    answer: Hashable | None = None

    @property
    def extract(self) -> Extractor:
        """How its answer is read."""
        match self.kind:
            case "number":
                return answers.number
            case "yes/no":
                return answers.yes_no
            case "choice":
                return answers.choice(self.choices)
            case "list":
                return Extractor("list", _items)
            case "text":
                return Extractor("text", _text)

    @property
    def said(self) -> str:
        """Its answer as it stands in other questions."""
        if isinstance(self.answer, tuple):
            return ", ".join(map(str, self.answer))
        return UNKNOWN if self.answer is None else str(self.answer)


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
        return "\n".join([_listed(self.parts), self.text])


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
    costs what `of` costs.

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
    """
    if n < 1:
        raise OptionError(f"n={n}", hint="at least one sub-question must be allowed")
    asker = steady(session, **options)
    planning = followed_by(question, prompts.plan, n=str(n))
    plan = (await asker.step("plan").ask(planning)).text
    parts = await _answer_all(asker, question, ordered(read_plan(plan)[:n]), of=of, prompts=prompts)
    combining = followed_by(question, prompts.whole, parts=_listed(parts) or "none")
    text = (await asker.step("whole").ask(combining)).text.strip()
    value = extract(text)
    reason = "" if value is not None else "no answer found in the text"
    in_order = tuple(sorted(parts, key=lambda part: part.number))
    return Result(
        value, evidence=Decomposition(in_order, text), reason=reason, extractor=str(extract)
    )


def read_plan(plan: str) -> tuple[SubQuestion, ...]:
    r"""Read numbered sub-questions off a text; what is not numbered is passed over.

    >>> [(s.kind, s.text) for s in read_plan("Sure!\n1. [yes/no] Is it red?\n2) Why?")]
    [('yes/no', 'Is it red?'), ('text', 'Why?')]
    """
    parts: dict[int, SubQuestion] = {}
    for number, kind, text in _LINE.findall(plan):
        if int(number) not in parts:
            parts[int(number)] = SubQuestion(int(number), text.strip(), *_kind_of(kind))
    return tuple(parts.values())


def _kind_of(written: str) -> tuple[Kind, tuple[str, ...]]:
    """Read the type in brackets; a choice with fewer than two choices is a text."""
    name, _, rest = written.partition(":")
    name = re.sub(r"[\s_-]+", " ", name).strip().casefold()
    if name == "choice":
        choices = {c.strip().casefold(): c.strip() for c in re.split(r"[|,;]", rest) if c.strip()}
        return ("choice", tuple(choices.values())) if len(choices) > 1 else ("text", ())
    kinds: dict[str, Kind] = {
        "number": "number",
        "integer": "number",
        "yes/no": "yes/no",
        "yes no": "yes/no",
        "boolean": "yes/no",
        "list": "list",
    }
    return kinds.get(name, "text"), ()


def ordered(parts: Sequence[SubQuestion]) -> tuple[SubQuestion, ...]:
    """Order sub-questions so that each stands behind those it needs.

    References to none, or to itself, are dropped. In a ring of references, the one written first
    loses those that are still open.

    >>> ring = [SubQuestion(1, "Is #2 red?"), SubQuestion(2, "Is #1 or #7 red?")]
    >>> [(part.number, part.needs, part.dropped) for part in ordered(ring)]
    [(1, (), (2,)), (2, (1,), (7,))]
    """
    known = {part.number for part in parts}
    waiting = []
    for part in parts:
        named = dict.fromkeys(int(number) for number in _REFERENCE.findall(part.text))
        needs = tuple(number for number in named if number in known and number != part.number)
        dropped = tuple(number for number in named if number not in needs)
        waiting.append(replace(part, needs=needs, dropped=dropped))
    done: list[SubQuestion] = []
    numbers: set[int] = set()
    while waiting:
        ready = [part for part in waiting if numbers.issuperset(part.needs)]
        if not ready:
            first = waiting[0]
            open_ones = tuple(number for number in first.needs if number not in numbers)
            kept = tuple(number for number in first.needs if number in numbers)
            ready = [first := replace(first, needs=kept, dropped=(*first.dropped, *open_ones))]
        done += ready
        numbers |= {part.number for part in ready}
        waiting = [part for part in waiting if part.number not in numbers]
    return tuple(done)


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
        text = _REFERENCE.sub(partial(_referred, part, answered), part.text)
        step = session.step(f"part {part.number}")
        text += f" ({' | '.join(part.choices)})" if part.choices else ""
        form = dict(prompts.forms).get(part.kind, "")
        asked = followed_by(question, prompts.part, part=text, form=form)
        value = await _answer(step, asked, part, of)
        answered[part.number] = replace(part, answer=value)
        is_ready[part.number].set()
        return answered[part.number]

    return tuple(await gather([answer(part) for part in parts]))


def _referred(part: SubQuestion, answered: dict[int, SubQuestion], reference: re.Match[str]) -> str:
    number = int(reference.group(1))
    return answered[number].said if number in part.needs else reference.group()


async def _answer(
    session: Session, asked: Prompt, part: SubQuestion, of: Solver | None
) -> Hashable | None:
    if of is None:
        return part.extract((await session.ask(asked)).text)
    value = (await solve(session, asked, of)).value
    if isinstance(value, str):
        return part.extract(value)
    return value if isinstance(value, Hashable) else str(value)


def _listed(parts: Sequence[SubQuestion]) -> str:
    in_order = sorted(parts, key=lambda part: part.number)
    return "\n".join(f"#{part.number} {part.text} {part.said}" for part in in_order)


def _text(text: str) -> str | None:
    """The answer as it is written, in one line."""
    return " ".join(text.split()) or None


def _items(text: str) -> tuple[str, ...] | None:
    """The lines of a list without their marks; a single line is split at its commas."""
    lines = [line for line in text.splitlines() if line.strip()]
    pieces = re.split(r"[,;、]", lines[0]) if len(lines) == 1 else lines
    found = [_without_mark(piece.strip()).strip() for piece in pieces]
    return tuple(item for item in found if item) or None


def _without_mark(item: str) -> str:
    mark = _MARK.match(item)
    return item[mark.end() :] if mark else item
