"""What explanations have to do with each other, and the answer that follows.

These parts of maieutic prompting (Jung et al. 2022, arXiv:2205.11822) are shared by `maieutic` and
`maieutic_decomposition`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Literal

from promptkit.adapters.maxsat import ENUMERATED, Solver
from promptkit.primitives.asking.primitive import gather
from promptkit.primitives.beliefs.tree import Asking, Statement, words_of
from promptkit.primitives.entailment import Judge, Relation, entailment, judged
from promptkit.primitives.solve_beliefs import Link, Reconciliation, reconcile
from promptkit.result import Result
from promptkit.session import Session

Pairs = Literal["all", "tree"]
"""Which explanations are related: each to each other, or to parents and siblings only."""

_TIED: Final = 1e-9
"""The least difference of weight that decides."""


async def settled(
    root: Statement,
    others: Sequence[Statement],
    links: Sequence[Link],
    *,
    solver: Solver,
    time_limit_s: float,
) -> tuple[Reconciliation, float]:
    """Solve; return also how much more weight the root's value keeps than its opposite would."""
    beliefs = {each.id: each.belief for each in (root, *others)}
    solve = partial(reconcile, beliefs, links, solver=solver, time_limit_s=time_limit_s)
    solution = await in_time(len(beliefs), solve)
    opposite = {root.id: not solution.values[root.id]}
    other = await in_time(len(beliefs), partial(solve, given=opposite))
    margin = other.broken_weight - solution.broken_weight
    return (solution, margin) if margin >= 0 else (other, -margin)  # the time may have run out


async def in_time(size: int, solve: Callable[[], Reconciliation]) -> Reconciliation:
    """Solve here what takes milliseconds, and in a thread what may take longer."""
    return solve() if size <= ENUMERATED else await asyncio.to_thread(solve)


def is_tie(margin: float) -> bool:
    """Whether so small a difference of weight decides nothing."""
    return margin <= _TIED


def by_margin(
    root: Statement, solution: Reconciliation, margin: float, evidence: Any, **known: Any
) -> Result[bool]:
    """Answer by the value that keeps more weight; a tie goes to the model's own belief."""
    if is_tie(margin):
        return by_belief(root, evidence, "what is related to it ties", **known)
    value = solution.values[root.id]
    return Result(value, 1 / (1 + math.exp(-margin)), evidence, **known)


def by_belief(
    root: Statement, evidence: Any, reason: str, *, rounded: bool = False, **known: Any
) -> Result[bool]:
    """Answer by the model's own belief; where one of p and q is unknown, it counts as one half.

    Where `rounded`, what is equal to two decimals is a tie too. In the recorded figures, of the
    belief alone and of the structure, any difference decides.

    For a tie (then there is a reason), both must be known.
    """
    if (root.p is None and root.q is None) or (reason and None in (root.p, root.q)):
        why = f"{reason}, and the model told no belief" if reason else "the model told no belief"
        return Result.unknown(why, evidence=evidence, **known)
    p = 0.5 if root.p is None else root.p
    q = 0.5 if root.q is None else root.q
    if p == q or (rounded and f"{p:.2f}" == f"{q:.2f}"):
        why = "it is believed as much as its negation"
        return Result.unknown(f"{reason}, and {why}" if reason else why, evidence=evidence, **known)
    return Result(p > q, max(p, q) / (p + q), evidence, **known)


def judge_of(judge: Judge, how: Asking) -> Judge:
    """Return the judge; the model as one is asked in the words and with the options of `how`."""
    if judge is not entailment:
        return judge
    prompts = how.prompts
    return partial(entailment, prompt=prompts.relate, by=how.by, lead=prompts.lead, **how.options)


async def related(
    session: Session, nodes: Sequence[Statement], judge: Judge, pairs: Pairs
) -> list[Link]:
    """Judge the ordered pairs; what the texts themselves tell is not asked."""
    words = {text: words_of(text) for node in nodes for text in (node.text, node.negation)}
    ordered = [
        (one, other, _plain_relation(words, one, other))
        for one in nodes
        for other in nodes
        if one is not other and (pairs == "all" or _is_near(one, other))
    ]
    unknown = dict.fromkeys((a.text, b.text) for a, b, plain in ordered if plain is None)
    answers = await gather(judged(judge, session, *texts) for texts in unknown)
    told = dict(zip(unknown, answers, strict=True))
    found = [(a.id, plain or told[a.text, b.text], b.id) for a, b, plain in ordered]
    return [(a, relation, b, 1.0) for a, relation, b in found if relation != "neutral"]


def _is_near(one: Statement, other: Statement) -> bool:
    return other.parent in (one.parent, one.id) or other.id == one.parent


def _plain_relation(
    words: dict[str, list[str]], one: Statement, other: Statement
) -> Relation | None:
    if words[one.text] == words[other.text]:
        return "entails"
    return "contradicts" if words[one.text] == words[other.negation] else None


async def reading(session: Session, node: Statement, root: Statement, judge: Judge) -> int:
    """Return what a true explanation says about the statement: from -2 (against) to 2."""
    score = {"entails": 1, "contradicts": -1, "neutral": 0}
    about, against = await gather(
        judged(judge, session, node.text, text) for text in (root.text, root.negation)
    )
    return score[about] - score[against]
