"""Selection: pick the premises of one step of reasoning among what is known.

The model never writes a premise. It names the label of a statement, or writes one of the
statements to the letter, held to them by the backend where it can be and checked everywhere; or
each statement is scored by how likely the model finds it, as in Creswell et al. 2022
(arXiv:2205.09712). Only the words that tell the statements apart are compared, so that none wins
for being short; and what they are worth without the question is taken off where the prompts say
how, so that none wins for common words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from promptkit.constraint import Constraint
from promptkit.errors import RefusedRequestError
from promptkit.primitives.asking.distribution import named
from promptkit.primitives.asking.likelihood import weigh
from promptkit.primitives.asking.primitive import Asked
from promptkit.primitives.asking.text_likelihood import beginnings, log_likelihood, text_likelihoods
from promptkit.primitives.proofs.prompts import SelectionPrompts, about
from promptkit.primitives.proofs.proof import Proof, Statement, plain
from promptkit.primitives.proofs.shortlist import shortlist
from promptkit.prompt import Prompt
from promptkit.session import Session

Pick = Literal["choice", "likelihood"]
"""Whether the model chooses a statement, or each is scored by its likelihood."""

ASKED_AGAIN: Final = 2
"""How often an invalid pick is asked again before the step fails."""

SHOWN: Final = 250
"""Statements among which a pick is made: more are cut to a shortlist. Longer enums of long texts
are refused by hosted models, and a prompt of 250 sentences has some 3,000 tokens."""

Selection = tuple[Statement, ...]
"""What was picked, in the order of picking. Empty when the model says that nothing helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selecting:
    """How premises are picked.

    Attributes:
        premises: The most of one step.
        votes: How many answers are drawn where a likelihood is asked for and no log-probabilities
            come.
        shown: Among how many statements a pick is made.
    """

    question: Asked
    prompts: SelectionPrompts
    premises: int
    pick: Pick = "choice"
    votes: int = 1
    shown: int = SHOWN


async def select(
    session: Session, known: Proof, how: Selecting, *, spent: frozenset[str], sample: int = 0
) -> Selection | None:
    """Let the model choose the premises of one step, one after the other.

    It takes up to 3 calls a pick: one, and two more while the reply is none of the options.

    Args:
        session: Who answers.
        known: What there is to pick from.
        how: The question and the rest.
        spent: Labels of facts that were reasoned from, which are not picked again.
        sample: Which of several attempts at this step.

    Returns:
        None when a pick stays invalid.
    """
    picked: Selection = ()
    while len(picked) < how.premises:
        options = _options(known, picked, how, spent)
        if not options:
            break
        prompt = _prompt(picked, how, options)
        name, likely = await _choose(session, prompt, tuple(options), how, sample)
        if name is None:
            return None
        if not picked and likely < how.prompts.least:
            return ()
        choice = options[name]
        if choice is None:
            break
        picked = (*picked, choice)
    return picked


async def rank(
    session: Session, known: Proof, how: Selecting, *, spent: frozenset[str], count: int
) -> list[Selection | None]:
    """Return the `count` likeliest selections of one step, the likeliest first.

    A search over the picks that keeps the best `count` at each. It takes, for each pick of each
    selection kept, one call where picks are labels (`votes` without log-probabilities), and one a
    statement where they are the statements themselves, two where the prompts have a prior.

    Args:
        session: Who answers.
        known: What there is to pick from.
        how: The question and the rest.
        spent: Labels of facts that were reasoned from, which are not picked again.
        count: How many selections.

    Returns:
        At least one; it is empty when no statement is likely enough to help, and None when the
        model named none of the labels.
    """
    open_: list[tuple[Selection, float]] = [((), 0.0)]
    whole: list[tuple[Selection, float]] = []
    for _ in range(how.premises):
        grown: list[tuple[Selection, float, bool]] = [(p, score, True) for p, score in whole]
        for picked, score in open_:
            options = _options(known, picked, how, spent)
            if not options:
                grown.append((picked, score, True))
                continue
            scores = await _scores(session, picked, how, options)
            for choice, more in zip(options.values(), scores, strict=True):
                longer = picked if choice is None else (*picked, choice)
                grown.append((longer, score + more, choice is None))
        grown.sort(key=lambda each: -each[1])  # stable: ties go to the earliest
        kept = grown[:count]
        whole = [(picked, score) for picked, score, ended in kept if ended]
        open_ = [(picked, score) for picked, score, ended in kept if not ended]
        if not open_:
            break
    ranked = sorted([*whole, *open_], key=lambda each: -each[1])
    likely: list[Selection | None] = [picked for picked, score in ranked if score > -math.inf]
    return likely or [None if how.prompts.by_label else ()]


def _options(
    known: Proof, picked: Selection, how: Selecting, spent: frozenset[str]
) -> dict[str, Statement | None]:
    """What can be picked, by the name it has for the model; None stands for an end."""
    pool: dict[str, Statement] = {}
    for statement in known.statements:
        if statement.label not in spent:
            pool.setdefault(plain(statement.text), statement)
    for statement in picked:
        pool.pop(plain(statement.text), None)
    statements = _shortlisted(list(pool.values()), picked, how)
    if not statements:
        return {}
    by_label = how.prompts.by_label
    named_: dict[str, Statement | None] = {(s.label if by_label else s.text): s for s in statements}
    end = how.prompts.enough if picked else how.prompts.nothing
    return named_ | {end: None} if end else named_


def _shortlisted(pool: list[Statement], picked: Selection, how: Selecting) -> list[Statement]:
    if len(pool) <= how.shown:
        return pool
    inferred = [s for s in pool if not s.is_given][-how.shown :]
    given = [s for s in pool if s.is_given]
    words = " ".join([about(how.question)[0], *(s.text for s in (*picked, *inferred))])
    places = shortlist([s.text for s in given], words, how.shown - len(inferred))
    return [given[place] for place in places] + inferred


def _prompt(picked: Selection, how: Selecting, options: dict[str, Statement | None]) -> Prompt:
    prompts = how.prompts
    shown = [*picked, *(s for s in options.values() if s is not None)]
    shown.sort(key=lambda s: int(s.label[1:]))
    return prompts.filled(
        prompts.select_next if picked else prompts.select_first,
        how.question,
        statements="\n".join(f"{s.label}: {s.text}" for s in shown),
        chosen=" ".join(s.text for s in picked),
    )


async def _choose(
    session: Session, prompt: Prompt, options: tuple[str, ...], how: Selecting, sample: int
) -> tuple[str | None, float]:
    """Ask for one of `options`: constrained where the backend can, checked everywhere.

    Returns:
        The option, None when no reply named one; and how likely the model found it before it was
        held to the options, 1 where that is not told.
    """
    prompts = how.prompts
    asking = prompts.asking(session, options)
    constraint = Constraint.choice(prompts.lead + option for option in options)
    if prompts.least > 0 and not prompts.by_label:
        asking["logprobs"] = 0
    first = sample * (ASKED_AGAIN + 1)
    for number in range(first, first + ASKED_AGAIN + 1):
        try:
            response = await session.ask(prompt, sample=number, constraint=constraint, **asking)
        except RefusedRequestError:
            if asking.pop("logprobs", None) is None:
                raise
            response = await session.ask(prompt, sample=number, constraint=constraint, **asking)
        found = named(response.text, options)
        if found is not None:
            begun = beginnings(options)[options.index(found)]
            likely = log_likelihood(response, begun)
            return found, 1.0 if likely is None else math.exp(likely)
    return None, 1.0


async def _scores(
    session: Session, picked: Selection, how: Selecting, options: dict[str, Statement | None]
) -> list[float]:
    """Score each option: by its own likelihood where it is a statement, else by its share."""
    prompts, names = how.prompts, tuple(options)
    prompt = _prompt(picked, how, options)
    if not prompts.by_label:
        scores = await _own_scores(session, prompt, picked, how, names)
        if scores is not None:
            return scores
    shares = await weigh(
        session, prompt, names, votes=how.votes, lead=prompts.lead, **prompts.asking(session, names)
    )
    return [math.log(share) if share > 0 else -math.inf for share in shares.shares]


async def _own_scores(
    session: Session, prompt: Prompt, picked: Selection, how: Selecting, texts: tuple[str, ...]
) -> list[float] | None:
    """Score statements by their beginnings, less what these are worth without the question."""
    prompts, begun = how.prompts, beginnings(texts)
    found = await text_likelihoods(session, prompt, begun, lead=prompts.lead)
    if found is None:
        return None
    if not picked and math.exp(max(found)) < prompts.least:
        return [-math.inf] * len(texts)
    prior = prompts.next_prior if picked else prompts.first_prior
    usual: Sequence[float] | None = (0.0,) * len(texts)
    if prior is not None:
        usual = await text_likelihoods(session, prior, begun, lead=prompts.lead)
    if usual is None:
        return None
    return [value - without for value, without in zip(found, usual, strict=True)]
