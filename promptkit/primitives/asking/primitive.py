"""What makes an async function a primitive: its calls stand under a step of its own name."""

from __future__ import annotations

import asyncio
import difflib
import inspect
import string
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from dataclasses import fields, replace
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from promptkit.errors import OptionError
from promptkit.primitives.answers.extractor import as_extractor
from promptkit.prompt import Message, Part, Prompt
from promptkit.request import Options
from promptkit.result import Result, StepCost, Verdict
from promptkit.session import Session
from promptkit.trace import Step

P = ParamSpec("P")
R = TypeVar("R")

Asked = str | Prompt
"""A question as primitives take it. A `str` is a literal; data belongs into a Prompt's slots."""


def primitive(
    function: Callable[Concatenate[Session, P], Awaitable[R]],
) -> Callable[Concatenate[Session, P], Awaitable[R]]:
    """Trace the calls of `function` under a step of its name, and keep its result there.

    The result is told what each step took. A plain function as `extract` becomes an Extractor.
    A session that is none, and an argument of a name that nobody takes, are refused here: passed
    on, they would fail far from the line with the mistake.
    """
    name = function.__name__.lstrip("_")
    own = tuple(inspect.signature(function).parameters)[1:]

    @wraps(function)
    async def traced(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if not isinstance(session, Session):
            msg = f"{name} got a {type(session).__name__} in place of the session"
            raise OptionError(msg, hint=f"the session comes first: await {name}(session, …)")
        unknown = kwargs.keys() - _ASKING - set(own)
        if unknown:
            raise _no_argument(name, min(unknown), own)
        here = session.step(name)
        if kwargs.get("extract") is not None:
            kwargs["extract"] = as_extractor(kwargs["extract"])
        result = await function(here, *args, **kwargs)
        if isinstance(result, (Result, Verdict)):
            result = cast("R", replace(result, steps=costs_of(here.trace)))
        here.trace.result = result
        return result

    return traced


_ASKING: Final = frozenset(
    ("model", "api", "sample", "cache", *(each.name for each in fields(Options) if each.init))
)
"""What `Session.ask` takes by name, and so every primitive that hands its options on."""


def _no_argument(name: str, unknown: str, own: tuple[str, ...]) -> OptionError:
    named = [each for each in own if each != "options"]
    close = difflib.get_close_matches(unknown, named, n=1, cutoff=0.5)
    close = close or difflib.get_close_matches(unknown, _ASKING, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(named)}"
    return OptionError(f"{name} has no argument {unknown!r}", hint=hint)


def costs_of(trace: Step) -> tuple[StepCost, ...]:
    """Return what a step and each kept step below it took, in the order they began.

    What alone made all the calls of a step of its own name and a number, such as `verify` in
    «verify 0», is not told again.
    """
    return tuple(
        StepCost(
            step.name,
            depth,
            totals.requests,
            totals.cached,
            totals.input_tokens,
            totals.output_tokens,
            totals.cost_usd,
        )
        for depth, step in _told(trace, 0)
        if (totals := step.totals).requests
    )


def _told(step: Step, depth: int) -> Iterator[tuple[int, Step]]:
    yield depth, step
    children = step.children
    name, _, number = step.name.rpartition(" ")
    if len(children) == 1 and children[0].name == name and number.isdigit() and not step.calls:
        children = children[0].children
    for child in children:
        yield from _told(child, depth + 1)


async def gather(
    awaitables: Iterable[Coroutine[Any, Any, R]] | Coroutine[Any, Any, R],
    /,
    *more: Coroutine[Any, Any, R],
) -> list[R]:
    """Await all at once; when one fails, give up those that are not done, and raise its error.

    What was answered by then stays in the cache, and asking again is free there. A call that is
    under way is given up: its answer is lost, and a provider may bill it all the same, so limits
    keep what it may cost. What has not been sent is not sent. That is why: of many calls most
    still wait for their turn, and a failure that all share, such as a wrong key or a spent budget,
    would else be met by each.

    >>> import promptkit as pk
    >>> model = pk.testing.Scripted(lambda request: request.text.split()[-1])
    >>> session = pk.connect(transport=model, model="scripted")
    >>> asks = [session.ask(f"Say {word}") for word in ("this", "that")]
    >>> [response.text for response in pk.run(gather(asks))]
    ['this', 'that']

    Args:
        awaitables: Coroutines, such as calls of primitives; or the first of them.
        more: The others, where they are not given as one list.

    Returns:
        What they return, in their order. The first error is raised once all have ended.
    """
    every = [awaitables, *more] if isinstance(awaitables, Coroutine) else [*awaitables, *more]
    tasks = [asyncio.ensure_future(awaitable) for awaitable in every]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def steady(session: Session, **options: Any) -> Session:
    """Return a session with these options, at temperature 0 where nobody names another.

    What is asked once is best answered by the likeliest words; what is drawn several times must
    differ, and then the one who draws has set the temperature.
    """
    if session.defaults.options.temperature is None:
        options = {"temperature": 0} | options
    return session.using(**options) if options else session


def with_instruction(
    question: Asked, instruction: str, examples: tuple[tuple[str, str], ...] = ()
) -> tuple[Message, ...]:
    r"""Return the question's messages with an instruction after the last one.

    >>> with_instruction("2 + 2?", "Think step by step.")[0].text
    '2 + 2?\n\nThink step by step.'
    """
    prompt = as_prompt(question)
    *before, last = replace(prompt, examples=(*examples, *prompt.examples)).render()
    if not instruction:
        return (*before, last)
    content = (Part(last.content),) if isinstance(last.content, str) else last.content
    return (*before, Message("user", (*content, Part(f"\n\n{instruction}"))))


def followed_by(question: Asked, more: str | Prompt, **values: str) -> Prompt:
    r"""Return a question with a template of ours after it, whose slots are filled.

    Where both have a slot of one name, ours gets another, so that primitives nest.

    >>> asked = Prompt("Is it spam? {mail}").fill(mail="Obey me.")
    >>> prompt = followed_by(asked, "Look at this one first: {mail}", mail="Hi.")
    >>> prompt.slots, prompt.render()[0].text
    (('mail', 'mail_'), 'Is it spam? Obey me.\n\nLook at this one first: Hi.')
    """
    prompt, tail = as_prompt(question), fill(Prompt.coerce(more), **values)
    names: dict[str, str] = {}
    for name in tail.slots:
        names[name] = _free(name, {*prompt.slots, *tail.slots[: len(names)], *names.values()})
    systems = [prompt.system, _renamed(tail.system, names)]
    return replace(
        prompt,
        user=f"{prompt.user}\n\n{_renamed(tail.user, names)}",
        system="\n\n".join(system for system in systems if system),
        examples=(*tail.examples, *prompt.examples),
        values=(*prompt.values, *((names[name], value) for name, value in tail.values)),
    )


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _renamed(template: str, names: dict[str, str]) -> str:
    pieces = []
    for literal, name, mark, _ in string.Formatter().parse(template):
        pieces.append(literal.replace("{", "{{").replace("}", "}}"))
        if name is not None:
            pieces.append(f"{{{names[name]}:{mark}}}" if mark else f"{{{names[name]}}}")
    return "".join(pieces)


def numbered(texts: Iterable[str], heading: str = "[{}] ") -> str:
    r"""Return texts one below the other, each behind its number, so that none can pass for two.

    What stands at the very left is ours: the further lines of a text are indented, and all of its
    lines where the heading has a line of its own.

    >>> print(numbered(["Mice do.\n\n[2] Owls do.", "Nobody."]))
    [1] Mice do.
    <BLANKLINE>
      [2] Owls do.
    <BLANKLINE>
    [2] Nobody.
    """
    indent = "\n  "
    listed = [
        heading.format(number).replace("\n", indent) + indented(text)
        for number, text in enumerate(texts, 1)
    ]
    return "\n\n".join(listed)


def indented(text: str) -> str:
    r"""Return a text with its lines but the first indented; whatever ends a line counts.

    >>> indented("So:\u2028[2] Owls do.")
    'So:\n  [2] Owls do.'
    """
    first, *others = text.splitlines() or [""]
    return "\n".join([first, *(f"  {line}" if line.strip() else "" for line in others)])


def as_prompt(question: Asked) -> Prompt:
    """Return a question as a Prompt whose slots are filled.

    Raises:
        OptionError: When it is neither a text nor a Prompt.
    """
    if isinstance(question, Prompt):
        return question
    if isinstance(question, str):
        return Prompt("{question:trusted}").fill(question=question)
    msg = f"a question of type {type(question).__name__}"
    raise OptionError(msg, hint="ask a text, or a Prompt whose slots are filled")


def fill(prompt: Prompt, **values: str) -> Prompt:
    """Fill the slots that this prompt has; a template need not use all that it is offered."""
    return prompt.fill(**{name: values[name] for name in prompt.slots if name in values})
