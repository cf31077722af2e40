"""A trace of reasoning, and one step of it: selection, inference, halter.

The inference sees what was selected and nothing else, neither the question nor the context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

from promptkit.errors import OptionError
from promptkit.primitives.asking.arguments import counted, one_of, sampled, share
from promptkit.primitives.asking.primitive import Asked, gather
from promptkit.primitives.proofs.halter import Halt, Halting, first_line, halt
from promptkit.primitives.proofs.prompts import SelectionPrompts
from promptkit.primitives.proofs.proof import Proof, Statement, plain
from promptkit.primitives.proofs.selection import SHOWN, Pick, Selecting, Selection, rank, select
from promptkit.result import Result
from promptkit.session import Session

PATIENCE: Final = 3
"""Steps in a row that bring nothing new, after which the reasoning ends."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a chain of reasoning stands.

    Attributes:
        proof: What is known; its `ending` is set when the reasoning has ended.
        halt: The answer, when it was found.
        spent: Labels of facts that were reasoned from; where facts come first, each is used once.
        seen: Labels of statements that the halter found no answer in.
        idle: Steps in a row that brought nothing new.
        value: How good the trace was found to be, where it was valued.
    """

    proof: Proof
    halt: Halt | None = None
    spent: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    idle: int = 0
    value: float = 0.0

    def end(self, ending: str) -> Trace:
        """Return the trace with the reason why it ended."""
        return replace(self, proof=replace(self.proof, ending=ending))

    def result(self) -> Result[str]:
        """Return what the reasoning led to."""
        if self.halt is None:
            return Result.unknown(self.proof.ending, evidence=self.proof)
        return Result(self.halt.value, self.halt.share, self.proof, basis=self.halt.basis)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How each step is made."""

    selecting: Selecting
    halting: Halting

    @property
    def prompts(self) -> SelectionPrompts:
        """The texts that the model sees."""
        return self.selecting.prompts

    @classmethod
    def checked(
        cls,
        question: Asked,
        choices: Sequence[str] | None,
        prompts: SelectionPrompts,
        *,
        premises: int | None,
        pick: Pick,
        votes: int,
        halt_at: float | None,
        shown: int = SHOWN,
        **counts: int,
    ) -> Reasoning:
        """Return the settings of a run, checked before anything is asked.

        Raises:
            OptionError: For choices that cannot be told apart, and for numbers out of bounds.
        """
        most = prompts.premises if premises is None else premises
        for name, count in {"premises": most, "shown": shown, **counts}.items():
            (sampled if name == "samples" else counted)(name, count)
        sampled("votes", votes)
        one_of("pick", pick, get_args(Pick))
        surely = share("halt_at", prompts.halt_at if halt_at is None else halt_at)
        return cls(
            Selecting(
                question=question,
                prompts=prompts,
                premises=most,
                pick=pick,
                votes=votes,
                shown=shown,
            ),
            Halting(
                question=question,
                choices=_checked_choices(choices),
                prompts=prompts,
                votes=votes,
                halt_at=surely,
            ),
        )


def _checked_choices(choices: Sequence[str] | None) -> tuple[str, ...] | None:
    if choices is None:
        return None
    if isinstance(choices, str):
        raise OptionError("choices of type str", hint="give a list of texts")
    hint = "give texts that differ, also in lower case, and are not empty"
    if not all(isinstance(choice, str) for choice in choices):
        raise OptionError("choices of which some are no text", hint=hint)
    names = {choice.casefold().strip() for choice in choices}
    if not names or "" in names or len(names) < len(choices):
        raise OptionError(f"{len(choices)} choices, some empty or the same", hint=hint)
    return tuple(choices)


async def propose(
    session: Session, trace: Trace, how: Reasoning, count: int
) -> list[tuple[Session, Selection | None]]:
    """Return up to `count` selections for the next step, each with the session to follow it in.

    Where the model chooses, each is a draw of its own; by likelihood they are the likeliest ones.
    """
    spent = frozenset() if how.prompts.rule_first else trace.spent
    if how.selecting.pick == "likelihood":
        ranked = await rank(session, trace.proof, how.selecting, spent=spent, count=count)
        return [(session, picked) for picked in ranked]
    draws = [session if count == 1 else session.draw(number) for number in range(count)]
    picks = await gather(
        select(draw, trace.proof, how.selecting, spent=spent, sample=trace.idle) for draw in draws
    )
    return list(zip(draws, picks, strict=True))


async def follow(
    session: Session, trace: Trace, picked: Selection | None, how: Reasoning, number: int
) -> Trace:
    """Make a step from what was picked: infer, and see whether that is the answer.

    A single pick is taken as it stands, and nothing is inferred. It takes at most one call for
    the inference and what the halter takes, twice where the prompts have no word for «enough».

    Args:
        session: Who answers.
        trace: Where the reasoning stands.
        picked: What was selected.
        how: The question and the rest.
        number: Which step it is, for the ending.
    """
    if picked is None:
        return trace.end(f"step {number}: no valid pick")
    if not picked:
        return trace.end(f"step {number}: no statement helps")
    trace = replace(trace, spent=trace.spent | {picked[0].label})
    if len(picked) > 1 and not how.prompts.enough and picked[0].label not in trace.seen:
        # A model that has no word for «enough» may have answered with its first pick.
        trace = await _halted(session, trace, picked[0], how)
        if trace.halt:
            return trace
    proof, statement = trace.proof, picked[0]
    if len(picked) > 1:
        text = await infer(session, picked, how.prompts, sample=trace.idle)
        found = proof.find(text)
        if not text or found in picked or _repeats(text, picked):
            return _idle(trace, number)
        proof = proof if found else proof.infer(text, picked)
        statement = found or proof.statements[-1]
    if statement.label in trace.seen:
        return _idle(trace, number)
    return await _halted(session, replace(trace, proof=proof, idle=0), statement, how)


async def _halted(session: Session, trace: Trace, last: Statement, how: Reasoning) -> Trace:
    """Ask whether a statement is the answer."""
    inferred = [step.text for step in trace.proof.steps if step is not last]
    halted = await halt(session, last, inferred, how.halting)
    trace = replace(trace, seen=trace.seen | {last.label})
    if halted is None or halted.value is None:
        return trace
    answered = replace(trace.proof, ending="answered", conclusion=last.label)
    return replace(trace, proof=answered, halt=halted)


async def infer(
    session: Session, picked: Selection, prompts: SelectionPrompts, *, sample: int = 0
) -> str:
    """Draw one conclusion from the picked statements, seeing nothing else."""
    rule, facts = (picked[0], picked[1:]) if prompts.rule_first else (picked[-1], picked[:-1])
    asked = prompts.filled(prompts.infer, "", selection=_selection(rule, facts))
    response = await session.ask(asked, sample=sample, **prompts.asking(session))
    return first_line(response.text) or ""


def _selection(rule: Statement, facts: Selection) -> str:
    """Say a selection as Creswell et al. do: the rule, then what we know."""
    *before, last = [fact.text for fact in facts] or [""]
    if not last:
        return rule.text
    return f"{rule.text} We know that {' and that '.join([*(t.rstrip('.') for t in before), last])}"


def _repeats(text: str, picked: Selection) -> bool:
    """Whether a text only says again what was picked: that cannot be what was asked for."""
    return all(plain(statement.text) in plain(text) for statement in picked)


def _idle(trace: Trace, number: int) -> Trace:
    trace = replace(trace, idle=trace.idle + 1)
    if trace.idle < PATIENCE:
        return trace
    return trace.end(f"step {number}: nothing new in {PATIENCE} steps")
