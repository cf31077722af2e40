"""Split and merge: ask a long text piece by piece, and put the answers together.

Map and reduce: each piece answers by itself, all at once; then the answers are merged in their
order, as many at a time as fit, until one is left. It is for texts that are longer than the model
takes in, or than it attends to. Each answer knows the span of the text that it came from.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from promptkit.errors import OptionError
from promptkit.explanation import Edge, Graph, Node, Section
from promptkit.primitives.answers import Extractor
from promptkit.primitives.asking.arguments import counted
from promptkit.primitives.asking.primitive import (
    Asked,
    followed_by,
    gather,
    numbered,
    primitive,
    steady,
)
from promptkit.primitives.asking.sampling import Solver, solve
from promptkit.primitives.splitting import Span, Unit, reach, split
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session
from promptkit.tokens import tokens_of

NOTHING: Final = "NOTHING"
"""What a piece replies that says nothing about the question. Such replies are not merged."""

PIECE: Final = Prompt(
    "This is piece {number:trusted} of {count:trusted} of a long text:\n{text}\n\nAnswer from this "
    "piece alone. If it says nothing about it, reply with the word {nothing:trusted} only."
)
"""Asks one piece, after the question."""

MERGE: Final = Prompt(
    "These answers were given from pieces of a long text, in their order:\n{answers}\n\nPut them "
    "together into one answer. Add nothing that none of them says."
)
"""Asks for one answer out of several, after the question."""


@dataclass(frozen=True, slots=True)
class PartialAnswer:
    """What a span of the text answers.

    Attributes:
        answer: The answer; empty where the span says nothing.
        start: Where the span begins, in characters.
        end: Where it ends, itself excluded.
        merged: The places of the answers it was merged from; none for a piece.
    """

    answer: str
    start: int
    end: int
    merged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Merged:
    """All partial answers: those of the pieces in their order, then those merged from them."""

    answers: tuple[PartialAnswer, ...]

    def sections(self) -> Iterator[Section]:
        """Yield the tree of answers, each with its span."""
        last = max((i for i, each in enumerate(self.answers) if each.answer), default=None)
        nodes = tuple(
            Node(
                str(place),
                each.answer or "nothing",
                "chosen" if place == last else "inferred" if each.merged else "given",
                f"characters {each.start} to {each.end}",
            )
            for place, each in enumerate(self.answers)
        )
        edges = tuple(
            Edge(str(source), str(target))
            for target, each in enumerate(self.answers)
            for source in each.merged
        )
        yield Graph("Answers of the pieces", nodes, edges)

    def __str__(self) -> str:
        """Show each answer with its span."""
        return "\n".join(f"[{e.start}:{e.end}] {e.answer or 'nothing'}" for e in self.answers)


@primitive
async def split_and_merge(
    session: Session,
    /,
    text: str,
    question: Asked,
    *,
    size: int = 2000,
    overlap: int | None = None,
    unit: Unit = "tokens",
    max_pieces: int = 256,
    extract: Extractor | None = None,
    of: Solver | None = None,
    piece: Prompt = PIECE,
    merge: Prompt = MERGE,
    nothing: str = NOTHING,
    **options: Any,
) -> Result[Hashable]:
    """Answer a question about a long text, piece by piece.

    One call a piece, and fewer merges than pieces: below 2 · `max_pieces` calls in all.

    >>> import promptkit as pk
    >>> def model(request):
    ...     asked = request.messages[-1].text
    ...     if "pieces of" in asked:
    ...         return "Anna and Otto."
    ...     return "Anna." if "Anna" in asked else "Otto." if "Otto" in asked else "NOTHING"
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> story = "Anna came first. It rained all day. Then Otto came."
    >>> asking = split_and_merge(session, story, "Who came?", size=20, overlap=0, unit="characters")
    >>> result = pk.run(asking)
    >>> print(result.evidence)
    [0:17] Anna.
    [17:36] nothing
    [36:51] Otto.
    [0:51] Anna and Otto.

    Args:
        session: Who answers.
        text: The text; data, and shown as such.
        question: What is asked of it; «Summarise the text.» is one too.
        size: The most of the text, or of answers, that one call sees. The question, what is said
            around it, and numbers and indents of answers come on top.
        overlap: How much of what stands before it a piece repeats, so that what lies across a cut
            is seen whole; None is a tenth of `size`. What is counted may be counted twice there.
        unit: What both are counted in; tokens are estimated by bytes.
        max_pieces: A text of more pieces is refused before anything is asked.
        extract: How the answer is read from the last text; None takes it as it is.
        of: A primitive that answers each piece; None asks for it as it is.
        piece: Asks one piece; slots `text`, `number`, `count`, `nothing`.
        merge: Merges answers; slot `answers`, where their lines are indented, so that none can
            pass for the answer of another piece. A merge that stays empty leaves them as they
            are, one below the other.
        nothing: What a piece replies that says nothing about the question.
        options: As for `Session.ask`; the temperature is 0 if neither they nor the session set it.

    Returns:
        The answer; None when the text is empty or no piece says anything. The evidence are the
        `Merged` answers; the last that is not empty is the whole.

    Raises:
        OptionError: For what is no text, sizes that make no sense, or too many pieces.
    """
    if not isinstance(text, str):
        raise OptionError(f"a text of type {type(text).__name__}", hint="give a str")
    max_pieces, size = counted("max_pieces", max_pieces), counted("size", size)
    repeated = size // 10 if overlap is None else counted("overlap", overlap, least=0)
    spans = split(text, size=size, overlap=repeated, unit=unit) if text.strip() else ()
    if len(spans) > max_pieces:
        hint = "raise size or max_pieces"
        raise OptionError(f"{len(spans)} pieces, and {max_pieces} are allowed", hint=hint)
    if not spans:
        return Result.unknown("the text is empty", evidence=Merged(()), samples=0)
    asker = steady(session, **options)
    asks = [
        _ask_piece(
            asker.step(f"piece {number}"),
            _fill_piece(question, piece, span, number=number, count=len(spans), nothing=nothing),
            of,
            nothing,
        )
        for number, span in enumerate(spans, 1)
    ]
    said = await gather(asks)
    found = [PartialAnswer(a, span.start, span.end) for a, span in zip(said, spans, strict=True)]
    await _merge_all(asker, question, found, merge, room=(size, unit))
    name = "" if extract is None else str(extract)
    if not any(each.answer for each in found):
        reason = "no piece says anything about it"
        return Result.unknown(reason, evidence=Merged(tuple(found)), extractor=name)
    last = next(each.answer for each in reversed(found) if each.answer)
    value = last if extract is None else extract(last)
    reason = "" if value is not None else "no answer found in the text"
    return Result(value, evidence=Merged(tuple(found)), reason=reason, extractor=name)


def _fill_piece(
    question: Asked, piece: Prompt, span: Span, *, number: int, count: int, nothing: str
) -> Prompt:
    """Return what is asked of one piece."""
    return followed_by(
        question, piece, text=span.text, number=str(number), count=str(count), nothing=nothing
    )


async def _ask_piece(session: Session, asked: Prompt, of: Solver | None, nothing: str) -> str:
    """Return what a piece answers; empty where it says nothing."""
    if of is None:
        said = (await session.ask(asked)).text.strip()
    else:
        value = (await solve(session, asked, of)).value
        said = "" if value is None else str(value).strip()
    return "" if said.strip(" .!*\"'«»").casefold() == nothing.casefold() else said


async def _merge_all(
    session: Session,
    question: Asked,
    found: list[PartialAnswer],
    merge: Prompt,
    *,
    room: tuple[int, Unit],
) -> None:
    """Merge neighbours until one answer is left; what comes of it is added to `found`."""
    open_ones = [place for place, each in enumerate(found) if each.answer]
    level = 0
    while len(open_ones) > 1:
        level += 1
        groups = grouped([found[place].answer for place in open_ones], *room)
        places = [[open_ones[i] for i in group] for group in groups]
        step = session.step(f"merge {level}")
        asks = [
            _ask_merge(step, question, [found[p] for p in group], merge, room=room)
            for group in places
            if len(group) > 1
        ]
        texts = iter(await gather(asks))
        open_ones = []
        for group in places:
            if len(group) > 1:
                first, last = found[group[0]], found[group[-1]]
                found.append(PartialAnswer(next(texts), first.start, last.end, tuple(group)))
            open_ones.append(group[-1] if len(group) == 1 else len(found) - 1)


def grouped(answers: Sequence[str], size: int, unit: Unit) -> list[list[int]]:
    """Put neighbours together that fit into `size`, at least two where there are two.

    >>> grouped(["aa", "bb", "cc", "dd", "ee"], 4, "characters")
    [[0, 1], [2, 3], [4]]
    """
    groups: list[list[int]] = []
    used = 0
    for place, answer in enumerate(answers):
        length = _length(answer, unit)
        if groups and (len(groups[-1]) == 1 or used + length <= size):
            groups[-1].append(place)
            used += length
        else:
            groups.append([place])
            used = length
    return groups


async def _ask_merge(
    session: Session,
    question: Asked,
    answers: Sequence[PartialAnswer],
    merge: Prompt,
    *,
    room: tuple[int, Unit],
) -> str:
    """Merge some answers; two that are too long for one call are cut short."""
    size, unit = room
    half = max(1, size // 2)
    is_pair = len(answers) == 2  # noqa: PLR2004 -- only a pair may be longer than there is room
    texts = [a.answer[: reach(a.answer, 0, half, unit)] if is_pair else a.answer for a in answers]
    asked = followed_by(question, merge, answers=numbered(texts))
    said = (await session.ask(asked)).text.strip()
    return said or "\n".join(texts)


def _length(text: str, unit: Unit) -> int:
    return len(text) if unit == "characters" else tokens_of(text)
