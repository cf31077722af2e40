"""What can be asked, and what can be mapped, in the one form that a Session works with."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import CoroutineType
from typing import Any

from promptkit.defaults import Defaults
from promptkit.errors import OptionError
from promptkit.prompt import Message, Prompt
from promptkit.request import APIS, Api, CacheUse, Request, check_cache_use, check_model
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


def request_of(  # noqa: PLR0917 -- one call site, on the hot path
    question: Question,
    model: str | None,
    api: Api | None,
    sample: int,
    cache: CacheUse | None,
    options: Mapping[str, Any] | None,
    defaults: Defaults,
    lane: int,
) -> Request:
    """Return the Request for a question: what the call names, else what the session adds.

    A whole Request keeps what it has; only what the call names changes it.

    Raises:
        OptionError: For a name or value that is not allowed, or when nobody names a model.
    """
    if api is not None and api not in APIS:
        raise OptionError(f"api={api!r}", hint=f"one of {', '.join(APIS)}")
    if type(sample) is not int or sample < 0:
        raise OptionError(f"sample={sample!r}", hint="it is a whole number from 0 on")
    own = sample or (question.sample if isinstance(question, Request) else 0)
    drawn = defaults.sample + own * defaults.stride
    if isinstance(question, Request):
        return question.replace(
            model=check_model(model or question.model),
            api=api or question.api,
            sample=drawn,
            options=question.options.replace(**options or {}),
            endpoint=question.endpoint or defaults.endpoint,
            cache=check_cache_use(cache or question.cache),
            lane=lane,
            end_user=question.end_user or defaults.end_user,
        )
    chosen = model or defaults.model
    if not chosen:
        hint = "connect(model=…), a profile's model, PROMPTKIT_MODEL, or ask(…, model=…)"
        raise OptionError("no model is named", hint=hint)
    if type(chosen) is not str or not chosen.isascii():
        check_model(chosen)
    return Request(
        messages=messages_of(question),
        model=chosen,
        options=defaults.options.replace(**options) if options else defaults.options,
        api=api or defaults.api,
        sample=drawn,
        endpoint=defaults.endpoint,
        cache=defaults.cache if cache is None else check_cache_use(cache),
        lane=lane,
        end_user=defaults.end_user,
    )


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
