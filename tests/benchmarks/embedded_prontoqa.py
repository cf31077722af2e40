"""ProntoQA for the embedded model: invented words, true or false, read in place.

The worked examples use words of our own that the set does not have.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from promptkit.constraint import Constraint
from promptkit.demo.techniques import Puzzle
from promptkit.primitives import answers, chain_of_thought, selection_inference, vote
from promptkit.primitives.proofs.prompts import COMPLETED
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session

from .embedded_maieutic import ask_claim_by_maieutic

CHOICES: Final = ("True", "False")
ASKED: Final = "Is the following statement true or false? "

_WORKED: Final = (  # context, claim, reasoning, answer
    (
        "Each glorp is a frim. Frims are not tired. Every frim is a snell. Tim is a glorp.",
        "Tim is tired.",
        "Tim is a glorp. Each glorp is a frim. Tim is a frim. Frims are not tired. So he is not.",
        "False",
    ),
    (
        "Snells are drabs. Every drab is noisy. Brells are not noisy. Ada is a snell.",
        "Ada is noisy.",
        "Ada is a snell. Snells are drabs. Ada is a drab. Every drab is noisy. Ada is noisy.",
        "True",
    ),
    (
        "Every brell is a plim. Plims are hungry. Drabs are not hungry. Kim is a brell.",
        "Kim is not hungry.",
        "Kim is a brell. Every brell is a plim. Kim is a plim. Plims are hungry. Kim is hungry.",
        "False",
    ),
)
_PUZZLE: Final = "{context:trusted}\nQuestion: {question:trusted}\nAnswer:"
_DIRECT: Final = Prompt(
    _PUZZLE,
    examples=tuple(
        (f"{context}\nQuestion: {ASKED}{claim}\nAnswer:", answer)
        for context, claim, _, answer in _WORKED
    ),
)
_CHAIN: Final = Prompt(
    _PUZZLE,
    examples=tuple(
        (f"{context}\nQuestion: {ASKED}{claim}\nAnswer:", f"{chain} So the answer is {answer}.")
        for context, claim, chain, answer in _WORKED
    ),
)

TRUE_FALSE: Final = replace(
    COMPLETED,
    select_first=Prompt(
        "Question: {question:trusted}\nFact:",
        examples=(
            (f"Question: {ASKED}Tim is tired.\nFact:", "Tim is a glorp."),
            (f"Question: {ASKED}Ada is noisy.\nFact:", "Ada is a snell."),
            (f"Question: {ASKED}Kim is not hungry.\nFact:", "Kim is a brell."),
        ),
    ),
    select_next=Prompt(
        "Fact: {chosen:trusted}\nRule:",
        examples=(
            ("Fact: Tim is a glorp.\nRule:", "Each glorp is a frim."),
            ("Fact: Tim is a frim.\nRule:", "Frims are not tired."),
            ("Fact: Ada is a snell.\nRule:", "Snells are drabs."),
            ("Fact: Ada is a drab.\nRule:", "Every drab is noisy."),
        ),
    ),
    infer=Prompt(
        "{selection:trusted} Therefore,",
        examples=(
            ("Each glorp is a frim. We know that Tim is a glorp. Therefore,", "Tim is a frim."),
            ("Frims are not tired. We know that Tim is a frim. Therefore,", "Tim is not tired."),
            ("Snells are drabs. We know that Ada is a snell. Therefore,", "Ada is a drab."),
            ("Every drab is noisy. We know that Ada is a drab. Therefore,", "Ada is noisy."),
        ),
    ),
    answer=Prompt(
        "{inference:trusted}\nQuestion: {question:trusted}\nAnswer:",
        examples=(
            (f"Tim is not tired.\nQuestion: {ASKED}Tim is tired.\nAnswer:", "False"),
            (f"Ada is noisy.\nQuestion: {ASKED}Ada is noisy.\nAnswer:", "True"),
            (f"Kim is hungry.\nQuestion: {ASKED}Kim is not hungry.\nAnswer:", "False"),
            (f"Tim is not tired.\nQuestion: {ASKED}Tim is not tired.\nAnswer:", "True"),
        ),
    ),
    question_of=Prompt(
        "Statement: {inference:trusted}\nQuestion:",
        examples=(
            ("Statement: Tim is not tired.\nQuestion:", f"{ASKED}Tim is tired."),
            ("Statement: Ada is noisy.\nQuestion:", f"{ASKED}Ada is noisy."),
            ("Statement: Kim is hungry.\nQuestion:", f"{ASKED}Kim is not hungry."),
            ("Statement: Tim is not tired.\nQuestion:", f"{ASKED}Tim is not tired."),
        ),
    ),
    question_at=0.5,  # most words of the question are the same in all
    by_answer=False,
    first_prior=None,
    next_prior=None,
)


def load_prontoqa(rows: list[dict[str, Any]], items: int) -> list[Puzzle]:
    """Return the first items as puzzles."""
    return [
        Puzzle(
            row["id"],
            tuple(re.split(r"(?<=\.)\s+", row["context"])),
            row["question"],
            CHOICES,
            CHOICES["AB".index(row["answer"])],
        )
        for row in rows[:items]
    ]


def _ask(prompt: Prompt, puzzle: Puzzle) -> Prompt:
    return prompt.fill(context=" ".join(puzzle.context), question=puzzle.question)


async def ask_directly(session: Session, puzzle: Puzzle) -> Result[Any]:
    """Ask once, held to True and False."""
    response = await session.ask(
        _ask(_DIRECT, puzzle),
        temperature=0,
        max_tokens=4,
        stop="\n",
        constraint=Constraint.choice(f" {choice}" for choice in CHOICES),
    )
    return Result(answers.choice(CHOICES)(response.text), evidence=response.text)


async def ask_by_chain(session: Session, puzzle: Puzzle) -> Result[Any]:
    """One chain of thought, greedy."""
    return await chain_of_thought(
        session,
        _ask(_CHAIN, puzzle),
        extract=answers.choice(CHOICES),
        instruction="",
        temperature=0,
        max_tokens=160,
        stop="\n",
    )


async def ask_by_vote(session: Session, puzzle: Puzzle) -> Result[Any]:
    """Three chains of thought."""
    return await vote(
        session,
        _ask(_CHAIN, puzzle),
        n=3,
        extract=answers.choice(CHOICES),
        instruction="",
        max_tokens=160,
        stop="\n",
    )


async def ask_by_selection_inference(session: Session, puzzle: Puzzle) -> Result[Any]:
    """Constrained choice; the likelihood of the question halts."""
    return await selection_inference(
        session,
        puzzle.context,
        puzzle.question,
        choices=CHOICES,
        max_steps=8,
        prompts=TRUE_FALSE,
    )


PRONTO_WAYS: Final[dict[str, Callable[[Session, Puzzle], Awaitable[Result[Any]]]]] = {
    "direct": ask_directly,
    "chain of thought": ask_by_chain,
    "vote of 3 chains": ask_by_vote,
    "selection-inference": ask_by_selection_inference,
    "maieutic": ask_claim_by_maieutic,
}
