"""Least-to-most on SCAN's commands, whose solver knows single words and combines what it was told.

The scripted model maps a command of one or two words by a table. Longer ones it can only put
together from the answers that stand before the question. So all commands come out right only if
every answer is carried along.
"""

from __future__ import annotations

import re

import pytest
from tags import plain

import promptkit as pk
from promptkit.primitives import answers, least_to_most
from promptkit.request import Request
from promptkit.testing import Scripted

from .recorded import load

pytestmark = pytest.mark.anyio

EVERY = 113
WHOLE = answers.regex(r"(?s)\S(?:.*\S)?")
TURNS = {"left": "I_TURN_LEFT", "right": "I_TURN_RIGHT"}
TIMES = {"twice": 2, "thrice": 3}


def simpler(command: str) -> list[str]:
    """The commands that a command is made of, the shortest first."""
    for word in (" and ", " after "):
        if word in command:
            first, _, second = command.partition(word)
            return [*simpler(first), first, *simpler(second), second]
    words = command.split()
    return [" ".join(words[:-1])] if words[-1] in TIMES else []


def actions(command: str, known: dict[str, str]) -> str:
    """Map a command, looking its parts up among what is known."""
    if " and " in command:
        first, _, second = command.partition(" and ")
        return f"{known[first]} {known[second]}"
    if " after " in command:
        first, _, second = command.partition(" after ")
        return f"{known[second]} {known[first]}"
    *words, last = command.split()
    if last in TIMES:
        return " ".join([known[" ".join(words)]] * TIMES[last])
    verb, *how = command.split()
    act = [] if verb == "turn" else [f"I_{verb.upper()}"]
    if not how:
        return act[0]
    turn = TURNS[how[-1]]
    if how[0] == "around":
        return " ".join([turn, *act] * 4)
    return " ".join([turn] * (2 if how[0] == "opposite" else 1) + act)


def reply(request: Request) -> str:
    asked = plain(request.messages[-1].text)
    command, _, rest = asked.partition("\n\n")
    if "which simpler questions" in rest:
        return "\n".join(simpler(command)) or "none:"
    known = dict(re.findall(r"Q: (.+)\nA: (.+)", rest))
    only = re.search(r"<subquestion>(.*)</subquestion>", rest)
    return actions(only.group(1) if only else command, known)


async def test_all_commands_come_out_right_from_what_is_carried_along() -> None:
    lines = load("reliability/scan/tasks_train_length.txt.gz").splitlines()[::EVERY]
    pairs = [line.removeprefix("IN: ").split(" OUT: ") for line in lines]
    model = Scripted(reply)
    session = pk.connect(transport=model, model="scripted", cache=None)

    async def ask(session: pk.Session, command: str) -> pk.Result[object]:
        return await least_to_most(session, command, n=4, extract=WHOLE)

    results = await session.map(ask, [command for command, _ in pairs])
    assert len(pairs) > 100
    assert [result.value for result in results] == [expected for _, expected in pairs]
    assert max(len(result.evidence.steps) for result in results) == 4
    assert len(model.requests) <= 6 * len(pairs)
