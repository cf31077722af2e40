"""Faithful reasoning: selection-inference with a beam of traces, each valued at every step.

Creswell and Shanahan 2022 (arXiv:2208.14271). It is `selection_inference` with its beam open: the
same steps, the same proof, and a judge who is shown context, question and trace. What the beam
buys depends on the judge: one that finds every trace correct leaves the order of drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptkit.primitives.asking.primitive import Asked, primitive
from promptkit.primitives.proofs.prompts import LABELLED, SelectionPrompts
from promptkit.primitives.proofs.value import Value
from promptkit.primitives.selection_inference import selection_inference
from promptkit.result import Result
from promptkit.session import Session


@primitive
async def faithful_reasoning(
    session: Session,
    /,
    context: str | Sequence[str],
    question: Asked,
    *,
    choices: Sequence[str] | None = None,
    max_steps: int = 8,
    beam: int = 3,
    samples: int = 2,
    value: Value | None = None,
    votes: int = 1,
    prompts: SelectionPrompts = LABELLED,
    **options: Any,
) -> Result[str]:
    """Answer by the best of several traces of selection and inference.

    >>> import promptkit as pk
    >>> def model(request):
    ...     asked = request.messages[-1].text
    ...     if "correct or incorrect" in asked:
    ...         return "incorrect" if "Mice are small" in asked else "correct"
    ...     if "chosen so far" in asked:
    ...         return "enough" if "Gert" in asked.partition("chosen so far")[2] else "S2"
    ...     if "with none" in asked:
    ...         return "S1"
    ...     if "follows" in asked:
    ...         return "Gert fears cats." if request.sample else "Mice are small."
    ...     return "yes" if "yes or no" in asked else "cats"
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> context = "Mice fear cats. Gert is a mouse."
    >>> result = pk.run(faithful_reasoning(session, context, "What does Gert fear?"))
    >>> result.value, result.evidence.steps[0].text
    ('cats', 'Gert fears cats.')

    The number of calls is at most `max_steps` times `beam` times `samples` times
    (3 `premises` + 1 + 3 `votes`).

    Args:
        session: Who answers.
        context: As for `selection_inference`.
        question: The question.
        choices: The answers allowed; None for a free answer.
        max_steps: Steps after which the answer is unknown.
        beam: How many traces are kept. The number is ours, as is that of the samples.
        samples: How many ways each is continued.
        value: What values a trace; None for log P(correct) of the model as the judge.
        votes: How many answers are drawn for a probability where no log-probabilities come.
        prompts: All texts the model sees.
        options: As for `selection_inference`, which takes them: `premises`, `pick`, `halt_at`,
            `shown`, and those of `Session.ask`.

    Returns:
        As from `selection_inference`: the halted trace with the best value answers.
    """
    return await selection_inference(
        session,
        context,
        question,
        choices=choices,
        max_steps=max_steps,
        beam=beam,
        samples=samples,
        value=value,
        votes=votes,
        prompts=prompts,
        **options,
    )
