"""Self-ask: the model asks itself follow-up questions, whose answers lead to its own.

Press et al. 2022 (arXiv:2210.03350). The follow-ups stand in the text under a mark, so a search
can answer them. Here it is a conversation, which chat models take to: the model writes a
follow-up, its answer comes back as data, and so on until «So the final answer is». What the model
writes after a follow-up that a search is to answer is dropped: it was a guess.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, cast

from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.asking.arguments import counted
from promptkit.primitives.asking.primitive import Asked, fill, primitive, steady, with_instruction
from promptkit.primitives.asking.sampling import Solver, solve
from promptkit.primitives.follow_up import (
    FINAL,
    FOLLOW_UP,
    INTERMEDIATE,
    FollowUp,
    FollowUps,
    read_turn,
)
from promptkit.prompt import Message, Prompt
from promptkit.result import Result
from promptkit.session import Session

Search = Callable[[str], Any] | Callable[[str], Awaitable[Any]] | Solver
"""What answers a follow-up: a function of its text, or a primitive."""

FOLLOW_UPS: Final = (
    "Are follow up questions needed here? If so, write one on a line that begins with «Follow up:» "
    "and stop; its answer will be given to you. When you know enough, write a line that begins "
    "with «So the final answer is:»."
)
"""Asks for one follow-up at a time. What begins a follow-up and ends the whole is the paper's."""

GIVEN: Final = Prompt("Intermediate answer: {found}")
"""Hands the answer of a follow-up back."""

ENOUGH: Final = Prompt(
    "Intermediate answer: {found}\n\nAsk no further. Write the line that begins with «So the final "
    "answer is:»."
)
"""The same, when no further follow-up is allowed."""

ALONE: Final = Prompt("Answer in one short sentence: {followup}")
"""Asks the model itself to answer a follow-up, where there is no search."""

NOTHING_FOUND: Final = "Nothing was found."


@primitive
async def self_ask(
    session: Session,
    /,
    question: Asked,
    *,
    search: Search | None = None,
    max_followups: int = 5,
    extract: Extractor = final,
    instruction: str = FOLLOW_UPS,
    given: Prompt = GIVEN,
    enough: Prompt = ENOUGH,
    alone: Prompt = ALONE,
    longest: int = 4000,
    examples: tuple[tuple[str, str], ...] = (),
    **options: Any,
) -> Result[Hashable]:
    r"""Answer by asking follow-up questions first.

    At most `max_followups` + 1 turns of the conversation, and at most `max_followups` searches;
    without a search, at most as many calls more, in which the model answers a follow-up. Each
    turn repeats the conversation: all that the model said, and of each search at most `longest`
    characters.

    >>> import promptkit as pk
    >>> def model(request):
    ...     if "1912" in request.text:
    ...         return "So the final answer is: 41"
    ...     return "Follow up: When was Alan Turing born?"
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> found = {"When was Alan Turing born?": "In 1912."}
    >>> result = pk.run(self_ask(session, "How old was Turing in 1953?", search=found.get))
    >>> result.value
    '41'
    >>> print(result.evidence)
    Follow up: When was Alan Turing born?
    Intermediate answer: In 1912.
    So the final answer is: 41

    Args:
        session: Who answers.
        question: The question.
        search: Answers each follow-up: a function of its text, or a primitive that takes a
            session and a question. A plain function runs in a thread, so that it blocks nobody;
            None lets the model answer. What a search returns is shown to the model as data.
        max_followups: The most follow-ups that are answered.
        extract: How the answer is read, from «the final answer is» on.
        instruction: Asks for follow-ups, after the question.
        given: Hands an answer back; slot `found`.
        enough: The same, when no more follow-ups are allowed; slot `found`.
        alone: Asks the model a follow-up, where there is no search; slot `followup`.
        longest: Characters of what a search found that the model is shown.
        examples: Worked pairs, put before the question.
        options: As for `Session.ask`; the temperature is 0 if neither they nor the session set it.

    Returns:
        The answer; None when the model writes none. A reply with neither a follow-up nor the
        final line is read as an answer. The evidence are the `FollowUps`.

    Raises:
        OptionError: For numbers that are none or below 1.
    """
    max_followups, longest = counted("max_followups", max_followups), counted("longest", longest)
    asker = steady(session, **options)
    messages = with_instruction(question, instruction, examples)
    asked: list[FollowUp] = []
    text, is_last = "", False
    for _ in range(max_followups + 1):
        text = (await asker.ask(messages)).text.strip()
        turn = read_turn(text, keep_answers=search is None)
        asked += turn.answered
        if turn.followup is None or is_last:
            break
        known = {each.question.casefold(): each.answer for each in asked}
        found = known.get(turn.followup.casefold())
        is_last = found is not None  # it repeats itself
        if found is None:
            step = asker.step(f"follow-up {len(asked) + 1}")
            found = await _answer(step, turn.followup, search, alone)
            found = found[:longest] or NOTHING_FOUND
            asked.append(FollowUp(turn.followup, found, search is not None))
        is_last = is_last or len(asked) >= max_followups
        reply = fill(enough if is_last else given, found=found).render()
        messages = (*messages, Message("assistant", turn.text), *reply)
    return _read(tuple(asked), text, extract)


async def _answer(session: Session, followup: str, search: Search | None, alone: Prompt) -> str:
    if search is None:
        return (await session.ask(fill(alone, followup=followup))).text.strip()
    if takes_session(search):
        asked = Prompt("{followup}").fill(followup=followup)
        return as_found(await solve(session, asked, cast("Solver", search)))
    look_up = cast("Callable[[str], Any]", search)
    if inspect.iscoroutinefunction(inspect.unwrap(look_up)):
        return as_found(await look_up(followup))
    found = await asyncio.to_thread(look_up, followup)
    return as_found(await found if inspect.isawaitable(found) else found)


def takes_session(search: Callable[..., Any]) -> bool:
    """Whether a search is a primitive: it takes a session and a question.

    >>> takes_session({}.get), takes_session(self_ask)
    (False, True)
    """
    try:
        parameters = inspect.signature(search).parameters.values()
    except (TypeError, ValueError):  # some functions in C do not tell
        return False
    needed = [
        each.name
        for each in parameters
        if each.default is each.empty
        and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    return len(needed) > 1 or needed == ["session"]


def as_found(found: object) -> str:
    r"""Return what a search found as a text.

    >>> as_found(["In 1912.", "In London."]), as_found(None)
    ('In 1912.\nIn London.', '')
    """
    if found is None:
        return ""
    if isinstance(found, Result):
        return as_found(found.value)
    if isinstance(found, (list, tuple)):
        return "\n".join(as_found(each) for each in found)
    return str(found).strip()


def _read(asked: tuple[FollowUp, ...], text: str, extract: Extractor) -> Result[Hashable]:
    ends = [each.start() for each in FINAL.finditer(text)] + [len(text)]
    said = text if len(ends) == 1 else text[ends[0] : ends[1]]  # a base model may go on and on
    value = extract(said) if said else None
    still_asks = len(ends) == 1 and FOLLOW_UP.search(text) is not None
    if still_asks and not INTERMEDIATE.search(text):
        value = None
    evidence, name = FollowUps(asked, text), str(extract)
    if value is None:
        reason = "it only asked further" if still_asks else "no answer found in the text"
        return Result.unknown(reason, evidence=evidence, extractor=name)
    return Result(value, evidence=evidence, extractor=name)
