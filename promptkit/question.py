"""What can be asked, and what can be mapped, in the one form that a Session works with."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from types import CoroutineType
from typing import Any

from promptkit.errors import OptionError
from promptkit.prompt import Message, Prompt
from promptkit.request import Request
from promptkit.response import Response

Question = str | Prompt | Sequence[Message] | Request
"""All that can be asked. A `str` is a literal: its braces are braces, not slots."""


def messages_of(question: str | Prompt | Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages that a question stands for.

    Raises:
        OptionError: When it is none.
    """
    if isinstance(question, str):
        return (Message("user", question),)
    if isinstance(question, Prompt):
        return question.render()
    messages = tuple(m for m in question if isinstance(m, Message)) if _is_list(question) else ()
    if not messages or len(messages) < len(question):
        msg = f"a question of type {type(question).__name__}"
        raise OptionError(msg, hint="ask a str, a Prompt, Messages or a Request")
    return messages


def _is_list(question: object) -> bool:
    return isinstance(question, Sequence) and not isinstance(question, (str, bytes))


def name_of(fn: Any) -> str:
    """The name of a function, also inside a partial."""
    inner = getattr(fn, "func", fn)
    return str(getattr(inner, "__name__", type(inner).__name__))


def function_of(fn: Any) -> Callable[[Any, Any], Awaitable[Any]]:
    """Turn a Prompt into a function that fills and asks it."""
    if isinstance(fn, Prompt):
        prompt = fn

        async def ask_prompt(session: Any, item: object) -> Response:
            response: Response = await session.ask(prompt.for_item(item))
            return response

        return ask_prompt
    if not callable(fn):
        msg = f"map over a function of type {type(fn).__name__}"
        raise OptionError(msg, hint="pass an async function of (session, item), or a Prompt")

    def call(session: Any, item: object) -> Awaitable[Any]:
        awaitable = fn(session, item)
        if type(awaitable) is not CoroutineType and not inspect.isawaitable(awaitable):
            msg = f"{name_of(fn)} returned {type(awaitable).__name__}, nothing to await"
            raise OptionError(msg, hint="write it with «async def»")
        return awaitable

    return call
