"""Beam search over traces of reasoning, led by a value function.

Creswell and Shanahan 2022 (arXiv:2208.14271): each trace is continued by several samples, all are
valued, the best are kept; a trace that has halted stays as it is. The answer is that of the halted
trace with the best value.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable
from dataclasses import replace

from promptkit.primitives.asking.primitive import gather
from promptkit.primitives.proofs.step import Reasoning, Trace, follow, propose
from promptkit.primitives.proofs.value import Value
from promptkit.session import Session


async def search_traces(
    session: Session,
    start: Trace,
    how: Reasoning,
    *,
    max_steps: int,
    beam: int,
    samples: int,
    value: Value,
) -> Trace:
    """Return the halted trace with the best value; one without an answer where none halts.

    It makes at most `max_steps` times `beam` times `samples` steps, and values each once.

    Args:
        session: Who answers.
        start: The trace that knows the context and nothing more.
        how: How a step is made.
        max_steps: How long a trace may become.
        beam: How many traces are kept.
        samples: How many ways each is continued.
        value: What values a trace.
    """
    kept, last = [start], start
    for number in range(1, max_steps + 1):
        going_on = [trace for trace in kept if not trace.proof.ending]
        if not going_on:
            break
        step = session.step(f"step {number}")
        proposed = await gather(propose(step, trace, how, samples) for trace in going_on)
        pairs = zip(going_on, proposed, strict=True)
        ways = [(trace, *way) for trace, every in pairs for way in every]
        grown = await gather(
            _valued(asker, trace, follow(asker, trace, picked, how, number), how, value)
            for trace, asker, picked in ways
        )
        last = grown[-1]
        halted = [trace for trace in kept if trace.halt]
        alive = [trace for trace in grown if trace.halt or not trace.proof.ending]
        kept = _best([*halted, *alive], beam)
    answered = [trace for trace in kept if trace.halt]
    if answered:
        return _best(answered, 1)[0]
    unended = next((trace for trace in kept if not trace.proof.ending), last)
    return unended if unended.proof.ending else unended.end(f"no answer within {max_steps} steps")


async def _valued(
    session: Session, trace: Trace, step: Awaitable[Trace], how: Reasoning, value: Value
) -> Trace:
    grown = await step
    if grown.proof.statements == trace.proof.statements and not grown.halt:
        return grown  # nothing new, so it is worth what it was
    worth = float(await value(session, how.selecting.question, grown.proof))
    return replace(grown, value=-math.inf if math.isnan(worth) else worth)


def _best(traces: list[Trace], count: int) -> list[Trace]:
    """The best of them, ties to the earliest; of those that know the same only the first."""
    different: dict[tuple[str, ...], Trace] = {}
    for trace in traces:
        texts = tuple(s.text for s in trace.proof.statements)
        different.setdefault((*texts, trace.proof.conclusion), trace)
    return sorted(different.values(), key=lambda trace: -trace.value)[:count]
