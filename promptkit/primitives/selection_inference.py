"""Selection-inference: pick premises from the context, then infer from what was picked alone.

Creswell et al. 2022 (arXiv:2205.09712); the halter, «Unknown», the value function and the beam are
from Creswell and Shanahan 2022 (arXiv:2208.14271). The model never states a premise: it picks
statements of the context, and each pick is checked. So every step of the proof can be followed
back to a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promptkit.errors import OptionError
from promptkit.primitives.asking.arguments import given
from promptkit.primitives.asking.primitive import Asked, primitive, steady
from promptkit.primitives.asking.sampling import TEMPERATURE
from promptkit.primitives.proofs.prompts import LABELLED, SelectionPrompts
from promptkit.primitives.proofs.proof import Proof
from promptkit.primitives.proofs.search import search_traces
from promptkit.primitives.proofs.selection import SHOWN, Pick
from promptkit.primitives.proofs.step import Reasoning, Trace, follow, propose
from promptkit.primitives.proofs.value import JudgedValue, Value
from promptkit.result import Result
from promptkit.session import Session


@primitive
async def selection_inference(
    session: Session,
    /,
    context: str | Sequence[str],
    question: Asked,
    *,
    choices: Sequence[str] | None = None,
    max_steps: int = 8,
    beam: int = 1,
    premises: int | None = None,
    pick: Pick = "choice",
    votes: int = 1,
    halt_at: float | None = None,
    shown: int = SHOWN,
    samples: int = 2,
    value: Value | None = None,
    prompts: SelectionPrompts = LABELLED,
    **options: Any,
) -> Result[str]:
    """Answer by alternating selection and inference, until the question is answered.

    >>> import promptkit as pk
    >>> def model(request):
    ...     asked = request.messages[-1].text
    ...     if "chosen so far" in asked:
    ...         return "enough" if "Gert" in asked.partition("chosen so far")[2] else "S2"
    ...     if "with none" in asked:
    ...         return "S1"
    ...     if "follows" in asked:
    ...         return "Gert fears cats."
    ...     return "yes" if "yes or no" in asked else "cats"
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> context = "Mice fear cats. Gert is a mouse. Sheep fear wolves."
    >>> result = pk.run(selection_inference(session, context, "What does Gert fear?", premises=2))
    >>> result.value
    'cats'
    >>> print(result.evidence.tree())
    S4: Gert fears cats.
    ├─ S1: Mice fear cats.
    └─ S2: Gert is a mouse.

    The number of calls is at most `max_steps` (3 `premises` + 1 + 2 `votes`): for each step 3 a
    pick, of which two only while the reply is none of the options, one inference, and the two
    questions of the halter, which take 2 whatever `votes` is where log-probabilities come.
    With `pick="likelihood"` a pick takes `votes` calls instead of 3; where the statements
    themselves are the options it takes as many as there are statements, at most `shown` (twice
    that where the prompts have a prior), or 1 and `votes` if their likelihood cannot be had. With
    `COMPLETED` prompts the halter may be asked twice a step, once of the first pick itself, and
    takes one call more, as does the value. With `beam` above 1 all of it is done at most `beam`
    times `samples` times, and each time `votes` more for the value.

    Args:
        session: Who answers.
        context: Sentences, one a line or one an element; a single line is split at its full stops.
        question: The question.
        choices: The answers allowed; None for a free answer.
        max_steps: Steps after which the answer is unknown.
        beam: How many traces of reasoning are kept; 1 follows one, and then no value is asked for.
        premises: The most statements picked for one step; None for the number of `prompts`: 4
            with `LABELLED`, where the model stops when it has enough.
        pick: "choice" lets the model choose: a label, or with `COMPLETED` prompts the statement
            itself. "likelihood" takes the likeliest.
        votes: How many answers are drawn for a probability where no log-probabilities come.
        halt_at: How likely it must be that the answer is known; None for the number of `prompts`.
        shown: Among how many statements a pick is made. Of more, those whose words lead to the
            question are taken: see `shortlist`.
        samples: With a beam: how many ways each trace is continued.
        value: With a beam: what values a trace, an async function of a session, the question and
            a `Proof`; None for a judgement by the model, see `JudgedValue`.
        prompts: All texts the model sees; see `selection_prompts`. Small models behind a backend
            that obeys grammars do better with its `COMPLETED`, which go on with a text and so
            are asked through the Completions API.
        options: As for `Session.ask`. The temperature is 0 if neither they nor the session set it;
            0.7 with a beam whose samples are drawn.

    Returns:
        The answer; None when no step answers the question, the model says that no statement
        helps, or a pick stays invalid. The confidence is the answer's probability among the
        choices, None where that is not known. The evidence is the `Proof`.

    Raises:
        OptionError: For numbers below 1, and choices that cannot be told apart.
    """
    how = Reasoning.checked(
        question,
        choices,
        prompts,
        premises=premises,
        pick=pick,
        votes=votes,
        halt_at=halt_at,
        shown=shown,
        max_steps=max_steps,
        beam=beam,
        samples=samples,
    )
    sentences = (context,) if isinstance(context, str) else context
    if not isinstance(sentences, Sequence) or not all(isinstance(s, str) for s in sentences):
        raise OptionError(given("context", context), hint="give a text, or a list of sentences")
    trace = Trace(Proof.label(context))
    session = session.using(api=prompts.api)
    if beam > 1:
        trace = await search_traces(
            drawing(session, pick, options),
            trace,
            how,
            max_steps=max_steps,
            beam=beam,
            samples=samples,
            value=value or JudgedValue(prompts=prompts, votes=votes),
        )
        return trace.result()
    asker = steady(session, **options)
    for number in range(1, max_steps + 1):
        step = asker.step(f"step {number}")
        ((drawn, picked),) = await propose(step, trace, how, 1)
        trace = await follow(drawn, trace, picked, how, number)
        if trace.proof.ending:
            return trace.result()
    return trace.end(f"no answer within {max_steps} steps").result()


def drawing(session: Session, pick: Pick, options: dict[str, Any]) -> Session:
    """Return the session for a beam: what is drawn several times must differ."""
    if pick == "choice" and session.defaults.options.temperature is None:
        options = {"temperature": TEMPERATURE} | options
    return steady(session, **options)
