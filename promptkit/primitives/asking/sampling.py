"""Several answers to one question: what votes, verifiers and cascades choose from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final, Self

from promptkit.errors import OptionError
from promptkit.explanation import Explains, Section
from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.asking.primitive import Asked, gather, with_instruction
from promptkit.response import Response
from promptkit.result import Result
from promptkit.session import Session

TEMPERATURE: Final = 0.7
"""Of answers of which several are drawn: they must differ."""

Solver = Callable[[Session, Asked], Awaitable[Result[Any]]]
"""What answers a question: a primitive, or `partial` of one."""


class Candidate(str):
    """One of several answers: the model's whole text, which knows the answer read from it.

    Attributes:
        value: The answer read from the text; None when it holds none.
        logprob: The mean log-probability of its tokens, where the model told them.
        evidence: What led to it, where a primitive drew it.
    """

    __slots__ = ("evidence", "logprob", "value")

    value: Hashable | None
    logprob: float | None
    evidence: Any

    def __new__(
        cls,
        text: str,
        value: Hashable | None = None,
        logprob: float | None = None,
        evidence: Any = None,
    ) -> Self:
        """Make a candidate of a text."""
        candidate = super().__new__(cls, text)
        candidate.value = value
        candidate.logprob = logprob
        candidate.evidence = evidence
        return candidate

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return what a pickle makes it from."""
        return (str(self), self.value, self.logprob, self.evidence)


async def draw(
    session: Session,
    question: Asked,
    numbers: Iterable[int],
    *,
    extract: Extractor,
    of: Solver | None = None,
    instruction: str = "",
    examples: tuple[tuple[str, str], ...] = (),
    temperature: float = TEMPERATURE,
    **options: Any,
) -> list[Candidate]:
    """Draw the samples of these numbers, all at once.

    Sample i of a question is the request with `sample=i`, so each is cached by itself, and drawing
    more of them later pays for the further ones only.

    >>> import promptkit as pk
    >>> model = pk.testing.Scripted(lambda request: f"It is {request.sample}.")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> number = pk.primitives.answers.number
    >>> [c.value for c in pk.run(draw(session, "Which?", range(3), extract=number))]
    [0, 1, 2]

    Args:
        session: Who answers.
        question: The question.
        numbers: Which samples.
        extract: How an answer is read from a text.
        of: A primitive that gives each sample; None to ask the question itself. It is handed
            `session.draw(i)`, and its own value is the answer; see `value_of`.
        instruction: Put after the question; not handed to `of`.
        examples: Worked pairs, put before the question; not handed to `of`.
        temperature: Of the samples; at 0 they would all be alike.
        options: As for `Session.ask`.
    """
    if of is not None:
        drawing = session.using(temperature=temperature, **options)
        runs = [_solved(drawing, question, number, of) for number in numbers]
        return [_candidate_of(result, extract) for result in await gather(runs)]
    messages = with_instruction(question, instruction, examples)
    asks = [
        session.ask(messages, sample=number, temperature=temperature, **options)
        for number in numbers
    ]
    return [
        Candidate(response.text, extract(response.text), mean_logprob(response))
        for response in await gather(asks)
    ]


async def _solved(session: Session, question: Asked, number: int, of: Solver) -> Result[Any]:
    return await solve(session.step(f"sample {number}").draw(number), question, of)


def _candidate_of(result: Result[Any], extract: Extractor) -> Candidate:
    return Candidate(told(result), value_of(result, extract), evidence=result.evidence)


def value_of(result: Result[Any], extract: Extractor) -> Hashable | None:
    """Return a result's own value; a text is read by an extractor that the caller chose.

    One that the result names has read it already, and the default one is no choice.

    >>> value_of(Result("It is 4."), final)
    'It is 4.'
    """
    value: Hashable | None = result.value
    if isinstance(value, str) and not result.extractor and extract != final:
        return extract(value)
    return value


async def solve(session: Session, question: Asked, of: Solver) -> Result[Any]:
    """Let a solver answer a question.

    >>> import promptkit as pk
    >>> session = pk.connect(transport=pk.testing.Scripted("Answer: 4"), model="scripted")
    >>> pk.run(solve(session, "2 + 2?", pk.primitives.chain_of_thought)).value
    '4'

    Raises:
        OptionError: When it returns something else than a Result.
    """
    result = await of(session, question)
    if not isinstance(result, Result):
        msg = f"a sample of type {type(result).__name__}"
        raise OptionError(msg, hint="`of` must be an async (session, question) -> Result")
    return result


def told(result: Result[Any]) -> str:
    """Return what a result says in words: the text it stands on where it is one, else its value.

    >>> told(Result(4, evidence="2 and 2 make 4.")), told(Result(4)), told(Result.unknown())
    ('2 and 2 make 4.', '4', '')
    """
    said = result.evidence if isinstance(result.evidence, str) else result.value
    return "" if said is None else str(said)


def sections_of(winner: Candidate | None) -> Iterator[Section]:
    """Yield what led to the sample that won, where a primitive drew it and its evidence tells."""
    if winner is not None and isinstance(winner.evidence, Explains):
        for section in winner.evidence.sections():
            title = f"The winning sample: {section.title}" if section.title else _WINNING
            yield replace(section, title=title)


_WINNING: Final = "The winning sample"


def mean_logprob(response: Response) -> float | None:
    """Return the mean log-probability of an answer's tokens; None where they are not told."""
    tokens = response.choices[0].logprobs if response.choices else None
    return sum(token.logprob for token in tokens) / len(tokens) if tokens else None
