"""What makes an async function a primitive: its calls stand under a step of its own name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from promptkit.errors import OptionError
from promptkit.prompt import Message, Part, Prompt
from promptkit.session import Session

P = ParamSpec("P")
R = TypeVar("R")

Asked = str | Prompt
"""A question as primitives take it. A `str` is a literal; data belongs into a Prompt's slots."""


def primitive(
    function: Callable[Concatenate[Session, P], Awaitable[R]],
) -> Callable[Concatenate[Session, P], Awaitable[R]]:
    """Trace the calls of `function` under a step of its name, and keep its result there."""

    @wraps(function)
    async def traced(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> R:
        here = session.step(function.__name__)
        result = await function(here, *args, **kwargs)
        here.trace.result = result
        return result

    return traced


async def gather(awaitables: Iterable[Coroutine[Any, Any, R]]) -> list[R]:
    """Await all at once; when one fails, cancel the others, so that none is paid for in vain."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def with_instruction(
    question: Asked, instruction: str, examples: tuple[tuple[str, str], ...] = ()
) -> tuple[Message, ...]:
    r"""Return the question's messages with an instruction after the last one.

    >>> with_instruction("2 + 2?", "Think step by step.")[0].text
    '2 + 2?\n\nThink step by step.'
    """
    if not isinstance(question, (str, Prompt)):
        msg = f"a question of type {type(question).__name__}"
        raise OptionError(msg, hint="ask a text, or a Prompt whose slots are filled")
    prompt = (
        Prompt("{question:trusted}").fill(question=question)
        if isinstance(question, str)
        else question
    )
    *before, last = replace(prompt, examples=(*examples, *prompt.examples)).render()
    if not instruction:
        return (*before, last)
    content = (Part(last.content),) if isinstance(last.content, str) else last.content
    return (*before, Message("user", (*content, Part(f"\n\n{instruction}"))))
