"""A program written with guidance, run through a Session.

guidance interleaves Python, text and constrained generation (github.com/guidance-ai/guidance).
Here every generation of a program is a question like any other: cached, limited, counted, traced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from promptkit.adapters.guidance_thread import run_program
from promptkit.errors import UnfitAnswerError
from promptkit.explanation import Paragraph, Section, Table
from promptkit.primitives.asking.primitive import primitive, steady
from promptkit.prompt import Message
from promptkit.request import Api
from promptkit.response import Response
from promptkit.result import Result
from promptkit.run import run
from promptkit.session import Session

if TYPE_CHECKING:
    from promptkit.adapters.guidance import SessionModel


PIECE_TOKENS: Final = 512
"""The longest piece where neither the program nor the session says how long it may be."""


@dataclass(frozen=True, slots=True)
class ProgramText:
    """What a program has come to.

    Attributes:
        text: All of it, what the model wrote and what the program did.
        captures: What was captured, by name; a list where the program collected.
    """

    text: str
    captures: dict[str, str | list[str]]

    def sections(self) -> Iterator[Section]:
        """Yield the captures and the text."""
        rows = tuple((name, str(value)) for name, value in self.captures.items())
        if rows:
            yield Table("Captures", ("name", "value"), rows)
        yield Paragraph(self.text)


@primitive
async def guidance_program(
    session: Session, /, program: Any, *arguments: Any, **options: Any
) -> Result[dict[str, str | list[str]]]:
    """Run a guidance program and return what it captured.

    One call for each generation of the program, each of whose loops is Python's own: how many
    there are is the program's to bound. It runs in a thread of its own, so `await` it anywhere,
    any number at once. Without roles the text is gone on with (the Completions API), with roles it
    is a conversation.

    >>> import promptkit as pk
    >>> from guidance import gen, guidance, select
    >>> @guidance
    ... def afraid(lm, animal):
    ...     lm += f"What is a {animal} afraid of? A " + select(["wolf", "cat"], name="fear")
    ...     return lm + ", because " + gen("reason", stop=".")
    >>> answers = {"A ": "cat", "because ": "cats hunt it"}
    >>> model = pk.testing.Scripted(
    ...     lambda request: next(a for end, a in answers.items() if request.text.endswith(end))
    ... )
    >>> session = pk.connect(transport=model, model="scripted")
    >>> pk.run(guidance_program(session, afraid, "mouse")).value
    {'fear': 'cat', 'reason': 'cats hunt it'}

    Args:
        session: Who answers.
        program: A function decorated `@guidance`; what it returns when called; a grammar; or a
            plain function of a guidance model.
        arguments: What the function is called with, after the model.
        options: As for `Session.ask`; what the program says of temperature or tokens wins. A piece
            for which nobody sets `max_tokens` gets 512: a pattern such as `[0-9]+` has no end of
            its own, and a small model may go on to the end of its context.

    Returns:
        The captures by name; the evidence is the whole text. The value is None when an answer
        does not obey its grammar, because the endpoint could not be held to it or `max_tokens`
        cut it short, or when a piece without a limit came to 512 tokens; the evidence is then
        that answer.

    Raises:
        OptionError: For what guidance cannot run, or a generation outside of the assistant's role.
    """
    asking = _Asking(steady(session, **options))
    try:
        ran = await run_program(program, arguments, asking, session.defaults.endpoint)
    except UnfitAnswerError as error:
        return Result.unknown(error.message, evidence=error.text)
    return Result(ran.captures, evidence=ProgramText(ran.text, ran.captures))


def guidance_model(session: Session, /, **options: Any) -> SessionModel:
    """Return a guidance model to work with by hand, where nothing is awaited.

    Every piece added to it is asked at once, through the Session; whoever adds it waits, also in a
    notebook. In a program that runs on an event loop use `guidance_program`.

    >>> import promptkit as pk
    >>> from guidance import select
    >>> session = pk.connect(transport=pk.testing.Scripted("cat"), model="scripted")
    >>> lm = guidance_model(session)
    >>> lm += "A mouse is afraid of a " + select(["wolf", "cat"], name="fear")
    >>> lm["fear"]
    'cat'

    Args:
        session: Who answers.
        options: As for `Session.ask`.
    """
    from promptkit.adapters.guidance import SessionModel  # noqa: PLC0415 -- loads guidance

    asking = _Asking(steady(session, **options))
    return SessionModel(
        lambda messages, api, own: run(asking(messages, api, own)),  # type: ignore[arg-type]
        session.defaults.endpoint,
    )


class _Asking:
    """Asks a program's questions; the same one again, where chance decides, is another draw."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._drawn: Counter[bytes] = Counter()

    async def __call__(
        self, messages: tuple[Message, ...], api: Api, options: dict[str, Any]
    ) -> Response:
        request = self._session.request(messages, api=api, options=options)
        is_unlimited = request.options.max_tokens is None
        if is_unlimited:
            options = options | {"max_tokens": PIECE_TOKENS}
        sample = 0
        if request.options.temperature != 0:
            sample = self._drawn[request.key]
            self._drawn[request.key] += 1
        response = await self._session.ask(messages, api=api, sample=sample, **options)
        if is_unlimited and response.finish_reason == "length":
            msg = f"a piece of the program was cut at {PIECE_TOKENS} tokens"
            raise UnfitAnswerError(msg, text=response.text, hint="give it a max_tokens")
        return response
