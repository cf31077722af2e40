"""Selection-inference: pick premises from the context, then infer from what was picked alone.

Creswell et al. 2022 (arXiv:2205.09712); the halter and «Unknown» are from Creswell and Shanahan
2022 (arXiv:2208.14271). The model never states a premise: it picks statements of the context, and
each pick is checked. So every step of the proof can be followed back to a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from promptkit.constraint import Constraint
from promptkit.errors import OptionError
from promptkit.primitives.likelihood import named
from promptkit.primitives.primitive import fill, primitive, steady
from promptkit.primitives.selection_prompts import LABELLED, SelectionPrompts
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session

_INVALID_PICKS = 2
"""How often an invalid pick is asked again before the step fails."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that is known: of the context, or inferred (then `premises` are its labels)."""

    label: str
    text: str
    premises: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known, and why the reasoning ended.

    Attributes:
        statements: The context's, then those inferred, in their order.
        ending: "answered", or why there is no answer.
    """

    statements: tuple[Statement, ...]
    ending: str = ""

    @classmethod
    def label(cls, context: str | Sequence[str]) -> Proof:
        """Label the sentences of a context S1, S2 and so on.

        >>> [
        ...     s.label + " " + s.text
        ...     for s in Proof.label("Mice fear cats. Gert is a mouse.").statements
        ... ]
        ['S1 Mice fear cats.', 'S2 Gert is a mouse.']
        """
        lines = context.splitlines() if isinstance(context, str) else context
        sentences = [" ".join(line.split()) for line in lines if line.strip()]
        if isinstance(context, str) and len(sentences) == 1:
            sentences = re.split(r"(?<=[.!?])\s+", sentences[0])
        return cls(tuple(Statement(f"S{i}", text) for i, text in enumerate(sentences, 1)))

    def infer(self, text: str, premises: Sequence[Statement]) -> Proof:
        """Add a statement inferred from `premises`."""
        label = f"S{len(self.statements) + 1}"
        inferred = Statement(label, text, tuple(premise.label for premise in premises))
        return replace(self, statements=(*self.statements, inferred))

    def holds(self, text: str) -> bool:
        """Whether `text` says nothing new: it is empty, or stands there already."""
        return not text or text in (statement.text for statement in self.statements)

    @property
    def steps(self) -> tuple[Statement, ...]:
        """The inferred statements."""
        return tuple(statement for statement in self.statements if statement.premises)

    def __str__(self) -> str:
        """Show each step with the sentences it stands on."""
        texts = {statement.label: statement.text for statement in self.statements}
        lines = []
        for step in self.steps:
            lines += [f"   {label}: {texts[label]}" for label in step.premises]
            lines.append(f"⟹ {step.label}: {step.text}")
        return "\n".join([*lines, f"({self.ending})"])


@primitive
async def selection_inference(
    session: Session,
    /,
    context: str | Sequence[str],
    question: str,
    *,
    choices: Sequence[str] | None = None,
    max_steps: int = 5,
    premises: int = 2,
    prompts: SelectionPrompts = LABELLED,
    **options: Any,
) -> Result[str]:
    """Answer by alternating selection and inference, until the question is answered.

    >>> import promptkit as pk
    >>> def model(request):
    ...     asked = request.messages[-1].text
    ...     if "label" in asked:
    ...         return "S2" if "chosen so far" not in asked else "S1"
    ...     return (
    ...         "Gert fears cats."
    ...         if "follows" in asked
    ...         else "yes"
    ...         if "yes or no" in asked
    ...         else "cats"
    ...     )
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> context = "Mice fear cats. Gert is a mouse."
    >>> result = pk.run(selection_inference(session, context, "What does Gert fear?"))
    >>> result.value
    'cats'
    >>> print(result.evidence)
       S2: Gert is a mouse.
       S1: Mice fear cats.
    ⟹ S3: Gert fears cats.
    (answered)

    Args:
        session: Who answers.
        context: Sentences, one a line or one an element; a single line is split at its full stops.
        question: The question.
        choices: The answers allowed; None for a free answer.
        max_steps: Steps after which the answer is unknown.
        premises: Statements picked for one step.
        prompts: All texts the model sees; see `selection_prompts`. Small models behind a backend
            that obeys grammars do better with its `COMPLETED`, through
            `session.using(api="completions")`.
        options: As for `Session.ask`; the temperature is 0 if neither they nor the session set it.

    Returns:
        The answer; None when no step answers the question or a pick stays invalid. The evidence
        is the `Proof`.
    """
    if isinstance(choices, str):
        raise OptionError(f"choices={choices!r}", hint="give a list of texts")
    if max_steps < 1 or premises < 1:
        raise OptionError(f"max_steps={max_steps}, premises={premises}", hint="both are above 0")
    asker = steady(session, **options)
    known = Proof.label(context)
    used: set[str] = set()
    for number in range(1, max_steps + 1):
        step = asker.step(f"step {number}")
        picked = await select(step, known, question, prompts, premises=premises, used=used)
        if picked is None:
            return _unknown(known, f"step {number}: no valid pick")
        used.add(picked[0].label)
        inference = await infer(step, picked, prompts)
        if known.holds(inference) or all(s.text.rstrip(".") in inference for s in picked):
            continue  # what was known already cannot be what was asked for
        known = known.infer(inference, picked)
        if await halted(step, known, question, prompts):
            value = await conclude(step, known, question, choices, prompts)
            if value is None:
                return _unknown(known, "the answer is none of the choices")
            return Result(value, evidence=replace(known, ending="answered"))
    return _unknown(known, f"no answer within {max_steps} steps")


def _unknown(known: Proof, ending: str) -> Result[str]:
    return Result.unknown(ending, evidence=replace(known, ending=ending))


async def select(
    session: Session,
    known: Proof,
    question: str,
    prompts: SelectionPrompts,
    *,
    premises: int,
    used: set[str],
) -> tuple[Statement, ...] | None:
    """Pick the premises of one step, one after the other; None when a pick stays invalid."""
    picked: list[Statement] = []
    for _ in range(premises):
        pool = [s for s in known.statements if s not in picked and (picked or s.label not in used)]
        if not pool:
            break
        prompt = prompts.select_next if picked else prompts.select_first
        filled = fill(
            prompt,
            question=question,
            statements="\n".join(f"{s.label}: {s.text}" for s in pool),
            chosen=" ".join(s.text for s in picked),
        )
        names = {(s.label if prompts.by_label else s.text): s for s in reversed(pool)}
        name = await _choose(session, filled, tuple(names), prompts)
        if name is None:
            return None
        picked.append(names[name])
    return tuple(picked) or None


async def infer(session: Session, picked: Sequence[Statement], prompts: SelectionPrompts) -> str:
    """Draw one conclusion from the picked statements, seeing nothing else."""
    *facts, rule = [statement.text for statement in picked]
    selection = f"{rule} We know that {' and that '.join(facts)}" if facts else rule
    filled = fill(prompts.infer, selection=selection)
    response = await session.ask(filled, max_tokens=48, stop="\n")
    return response.text.strip()


async def halted(session: Session, known: Proof, question: str, prompts: SelectionPrompts) -> bool:
    """Tell whether the last inference answers the question."""
    filled = fill(prompts.halt, question=question, inference=known.statements[-1].text)
    return await _choose(session, filled, ("yes", "no"), prompts) == "yes"


async def conclude(
    session: Session,
    known: Proof,
    question: str,
    choices: Sequence[str] | None,
    prompts: SelectionPrompts,
) -> str | None:
    """Read the answer off the last inference, seeing only it and the question."""
    listed = f"Choose from: {', '.join(choices)}." if choices else ""
    inference = known.statements[-1].text
    filled = fill(prompts.answer, question=question, inference=inference, choices=listed)
    if choices:
        return await _choose(session, filled, choices, prompts)
    response = await session.ask(filled, max_tokens=48, stop="\n")
    return response.text.strip() or None


async def _choose(
    session: Session, prompt: Prompt, options: Sequence[str], prompts: SelectionPrompts
) -> str | None:
    """Ask for one of `options`: constrained where the backend can, checked everywhere."""
    constraint = Constraint.choice(prompts.lead + option for option in options)
    longest = max(len(option.encode()) for option in options) + 8
    for sample in range(_INVALID_PICKS + 1):
        response = await session.ask(
            prompt, sample=sample, constraint=constraint, max_tokens=longest, stop="\n"
        )
        found = named(response.text, options)
        if found is not None:
            return found
    return None
