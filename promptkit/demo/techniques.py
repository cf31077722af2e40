"""The demo's puzzles and the three ways to answer them.

Each puzzle is a handful of sentences and a question that takes two of them: «Marcus is a frog.»,
«Frogs are afraid of foxes.», «What is Marcus afraid of?». All techniques see the same worked
examples, which share no name and no relation with the puzzles, and are held to the same choices.
The model is so small that it goes on with a pattern better than it follows an instruction: so it
is asked through the Completions API.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from promptkit.constraint import Constraint
from promptkit.primitives import answers, selection_inference, vote
from promptkit.primitives.proofs.prompts import COMPLETED
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session

SAMPLES: Final = 3
"""Chains of thought per vote: few, so that the demo takes minutes."""


@dataclass(frozen=True, slots=True)
class Puzzle:
    """Sentences, a question, four choices and the right one."""

    id: str
    context: tuple[str, ...]
    question: str
    choices: tuple[str, ...]
    answer: str


def load_puzzles(count: int | None = None) -> list[Puzzle]:
    """Read the puzzles, or the first `count` of them."""
    lines = files("promptkit.demo").joinpath("items.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines[:count]]
    return [
        Puzzle(
            row["id"], tuple(row["context"]), row["question"], tuple(row["choices"]), row["answer"]
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class _Example:
    context: str
    question: str
    chain: str
    answer: str

    def turn(self, *, with_chain: bool) -> tuple[str, str]:
        asked = f"{self.context}\nQuestion: {self.question}\nAnswer:"
        if not with_chain:
            return asked, self.answer
        return f"{asked} {_THINK}", f"{self.chain} So the answer is {self.answer}."


_THINK: Final = "Let's think step by step."

_EXAMPLES: Final = (
    _Example(
        "Swimmers practise at noon.\nIvo is a runner.\nRunners practise at dawn.\n"
        "Nell is a swimmer.",
        "When does Ivo practise?",
        "Ivo is a runner. Runners practise at dawn. Therefore, Ivo practises at dawn.",
        "at dawn",
    ),
    _Example(
        "Students in the east hall study music.\nKay is a student in the north hall.\n"
        "Students in the north hall study history.\nDora is a student in the east hall.",
        "What does Dora study?",
        "Dora is a student in the east hall. Students in the east hall study music. "
        "Therefore, Dora studies music.",
        "music",
    ),
    _Example(
        "Bruno is a puppy.\nKittens sleep in the barn.\nLulu is a kitten.\n"
        "Puppies sleep in the kitchen.",
        "Where does Lulu sleep?",
        "Lulu is a kitten. Kittens sleep in the barn. Therefore, Lulu sleeps in the barn.",
        "in the barn",
    ),
)

_PUZZLE: Final = "{context:trusted}\nQuestion: {question:trusted}\nAnswer:"
_DIRECT: Final = Prompt(_PUZZLE, examples=tuple(e.turn(with_chain=False) for e in _EXAMPLES))
_CHAIN: Final = Prompt(
    f"{_PUZZLE} {_THINK}", examples=tuple(e.turn(with_chain=True) for e in _EXAMPLES)
)


def chain_prompt(puzzle: Puzzle) -> Prompt:
    """Return the question with worked examples that reason step by step."""
    return _ask(_CHAIN, puzzle)


def _ask(prompt: Prompt, puzzle: Puzzle) -> Prompt:
    return prompt.fill(context="\n".join(puzzle.context), question=puzzle.question)


async def ask_directly(session: Session, puzzle: Puzzle) -> Result[Any]:
    """Ask once, constrained to the choices."""
    response = await session.ask(
        _ask(_DIRECT, puzzle),
        temperature=0,
        max_tokens=16,
        stop="\n",
        constraint=Constraint.choice(f" {choice}" for choice in puzzle.choices),
    )
    return Result(answers.choice(puzzle.choices)(response.text), evidence=response.text)


async def ask_by_vote(session: Session, puzzle: Puzzle) -> Result[Any]:
    """Let several chains of thought vote."""
    return await vote(
        session,
        chain_prompt(puzzle),
        n=SAMPLES,
        extract=answers.choice(puzzle.choices),
        instruction="",
        max_tokens=60,
        stop="\n",
    )


async def ask_by_selection_inference(
    session: Session, puzzle: Puzzle, *, max_steps: int = 2
) -> Result[Any]:
    """Pick two sentences, infer from them, and see whether that is the answer."""
    return await selection_inference(
        session,
        puzzle.context,
        puzzle.question,
        choices=puzzle.choices,
        max_steps=max_steps,
        prompts=COMPLETED,
    )


TECHNIQUES: Final[dict[str, Callable[[Session, Puzzle], Awaitable[Result[Any]]]]] = {
    "direct": ask_directly,
    f"vote of {SAMPLES}": ask_by_vote,
    "selection-inference": ask_by_selection_inference,
}
