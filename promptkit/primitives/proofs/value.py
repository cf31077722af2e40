"""The value of a trace: how likely a judge finds it that the reasoning so far is correct.

Creswell and Shanahan 2022 (arXiv:2208.14271) train a model that is shown context, question and
trace to write « correct» or « incorrect», and take the log-probability of the former. Here the
judge is the session's own model, asked; or any async function.

A small model cannot judge (see `halter`). Where prompts tell how a statement is followed by the
question that it answers, a trace is worth how likely that makes the question after its last
inference.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from promptkit.primitives.asking.arguments import sampled
from promptkit.primitives.asking.likelihood import weigh
from promptkit.primitives.asking.primitive import Asked
from promptkit.primitives.proofs.halter import question_likelihood
from promptkit.primitives.proofs.prompts import LABELLED, SelectionPrompts
from promptkit.primitives.proofs.proof import Proof
from promptkit.session import Session

Value = Callable[[Session, Asked, Proof], Awaitable[float]]
"""What values a trace: the higher, the better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedValue:
    """Values a trace by log P(correct) of a judge; from votes where no log-probabilities come.

    It takes one call, or `votes`; one more where the question's likelihood was asked for in vain.

    >>> import promptkit as pk
    >>> session = pk.connect(transport=pk.testing.Scripted("correct"), model="scripted")
    >>> proof = Proof.label("Mice fear cats. Gert is a mouse.")
    >>> proof = proof.infer("Gert fears cats.", proof.statements)
    >>> value = pk.run(JudgedValue(votes=3)(session, "What does Gert fear?", proof))
    >>> round(math.exp(value), 2)
    0.88

    Attributes:
        prompts: Whose `value` is the question to the judge.
        votes: How many verdicts are drawn where no log-probabilities come. Half a vote is added
            on either side, so that one verdict does not put a trace out of the race.
    """

    prompts: SelectionPrompts = LABELLED
    votes: int = 1

    def __post_init__(self) -> None:
        """Refuse a number of votes that is none."""
        sampled("votes", self.votes)

    async def __call__(self, session: Session, question: Asked, proof: Proof) -> float:
        """Return the value of a trace."""
        names = ("correct", "incorrect")
        prompts = self.prompts
        likely = await question_likelihood(session, question, proof.statements[-1], prompts)
        if likely is not None:
            return likely
        asked = prompts.filled(
            prompts.value,
            question,
            statements="\n".join(f"{s.label}: {s.text}" for s in proof.statements if s.is_given),
            trace=trace_text(proof),
            argument=argument_text(proof),
        )
        found = await weigh(
            session,
            asked,
            names,
            votes=self.votes,
            lead=prompts.lead,
            **prompts.asking(session, names),
        )
        correct = found["correct"] * found.mass
        if found.basis == "votes":
            correct = (correct * found.samples + 0.5) / (found.samples + 1)
        return math.log(correct) if correct > 0 else -math.inf


def trace_text(proof: Proof) -> str:
    """Return the steps of a trace, each with the labels it stands on.

    >>> proof = Proof.label("Mice fear cats. Gert is a mouse.")
    >>> trace_text(proof.infer("Gert fears cats.", proof.statements))
    'From S1, S2 follows S3: Gert fears cats.'
    """
    return "\n".join(
        f"From {', '.join(step.premises)} follows {step.label}: {step.text}" for step in proof.steps
    )


def argument_text(proof: Proof) -> str:
    """Return the steps of a trace in plain sentences.

    >>> proof = Proof.label("Gert is a mouse. Mice fear cats.")
    >>> argument_text(proof.infer("Gert fears cats.", proof.statements))
    'Gert is a mouse. Mice fear cats. Therefore, Gert fears cats.'
    """
    texts = {statement.label: statement.text for statement in proof.statements}
    return " ".join(
        " ".join([*(texts[label] for label in step.premises), f"Therefore, {step.text}"])
        for step in proof.steps
    )
