"""Running a guidance program, which waits at every piece, beside an event loop that must not.

The program has a thread of its own. Each question it asks runs on the loop that awaits the program,
as a task like any other; only the program waits for it. Rules: a thread a program, not one of a
pool, since a pool of programs that wait would leave no thread to what they wait for; the thread
sees the context variables of whoever awaits; when the program ends or is cancelled, nothing it
asked goes on, and it can ask no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from promptkit.errors import OptionError
from promptkit.prompt import Message
from promptkit.response import Response

AsyncAsk = Callable[[tuple[Message, ...], Any, dict[str, Any]], Awaitable[Response]]
"""Asks: messages, the API to use, and options as for `Session.ask`."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program has come to.

    Attributes:
        text: All of it, the model's part and its own.
        captures: What it captured, by name; a list where it collected.
    """

    text: str
    captures: dict[str, str | list[str]]


async def run_program(
    program: Any, arguments: tuple[Any, ...], ask: AsyncAsk, endpoint: str = ""
) -> Ran:
    """Run a guidance program to its end.

    Args:
        program: A function decorated `@guidance`, called with `arguments` here or already; a
            grammar; a text; or a plain function of a guidance model and the arguments.
        arguments: What the function is called with.
        ask: Asks one question.
        endpoint: Who answers, as a Session names it.

    Raises:
        OptionError: For something that guidance cannot run.
    """
    loop = asyncio.get_running_loop()
    questions = _Questions(loop, ask)
    ended: asyncio.Future[Ran | BaseException] = loop.create_future()
    context = copy_context()

    def work() -> None:
        outcome: Ran | BaseException
        try:
            outcome = context.run(_run, program, arguments, questions.ask, endpoint)
        except BaseException as error:  # noqa: BLE001 -- it is raised where the program is awaited
            outcome = error
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(_settle, ended, outcome)

    threading.Thread(target=work, name="promptkit-program", daemon=True).start()
    try:
        outcome = await ended
    finally:
        await questions.close()
    if isinstance(outcome, Ran):
        return outcome
    raise outcome


def _settle(ended: asyncio.Future[Ran | BaseException], outcome: Ran | BaseException) -> None:
    if not ended.done():
        ended.set_result(outcome)


def _run(program: Any, arguments: tuple[Any, ...], ask: Any, endpoint: str) -> Ran:
    from guidance._ast import Function, GrammarNode

    from promptkit.adapters.guidance import SessionModel

    model = SessionModel(ask, endpoint)
    is_piece = isinstance(program, (str, Function, GrammarNode))
    if is_piece and arguments:
        raise OptionError("arguments for what takes none", hint="pass the function itself")
    if is_piece:
        model += program
    elif type(program).__module__ == "guidance._guidance":  # decorated: a function or a method
        model += program(*arguments)
    elif callable(program):
        model = program(model, *arguments)
    else:
        raise OptionError(f"a program of type {type(program).__name__}", hint=_PROGRAMS)
    if not isinstance(model, SessionModel):
        msg = f"the program returned {type(model).__name__}"
        raise OptionError(msg, hint="it must return the model that it was given, with its text")
    model += ""  # which ends the role that is open
    return Ran(str(model), model.captures)


_PROGRAMS = "a function decorated @guidance, a grammar, or a function of a guidance model"


class _Questions:
    """The questions of one program that are under way on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ask: AsyncAsk) -> None:
        self._loop = loop
        self._ask = ask
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    def ask(self, messages: tuple[Message, ...], api: str, options: dict[str, Any]) -> Response:
        """Ask, from the program's thread, and wait for the answer."""
        if self._is_closed:
            raise asyncio.CancelledError
        question = self._asked(messages, api, options)
        try:
            return asyncio.run_coroutine_threadsafe(question, self._loop).result()
        except CancelledError:  # which a program's «except Exception» would take for a failure
            raise asyncio.CancelledError from None
        except RuntimeError:
            question.close()
            if self._loop.is_closed():
                raise asyncio.CancelledError from None
            raise

    async def _asked(
        self, messages: tuple[Message, ...], api: str, options: dict[str, Any]
    ) -> Response:
        task = asyncio.current_task()
        if self._is_closed or task is None:
            raise asyncio.CancelledError
        self._tasks.add(task)
        try:
            return await self._ask(messages, api, options)
        finally:
            self._tasks.discard(task)

    async def close(self) -> None:
        """End what is under way and wait until it has ended."""
        self._is_closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
