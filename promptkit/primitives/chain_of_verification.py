"""Chain-of-verification: draft, ask about the draft's facts one by one, and write it anew.

Dhuliawala et al. 2023 (arXiv:2309.11495), in its factored form: each verification question is
answered by itself, without the draft, because a model that sees its draft repeats its errors. Then
each answer is checked against the draft. Reported for Llama-65B: a FActScore from 55.9 to 71.4, and
precision on lists from .17 to .36. It is for facts that the model knows when asked plainly; on
reasoning it is a model correcting itself, which see `refine`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from promptkit.constraint import Constraint
from promptkit.explanation import Paragraph, Section, Table
from promptkit.primitives.answers import Extractor
from promptkit.primitives.asking.arguments import counted
from promptkit.primitives.asking.distribution import named
from promptkit.primitives.asking.primitive import (
    Asked,
    as_prompt,
    fill,
    followed_by,
    gather,
    indented,
    primitive,
    steady,
)
from promptkit.primitives.list_items import list_items
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session

AGREES: Final = "consistent"
DISAGREES: Final = "inconsistent"
_CHECKED: Final = (AGREES, DISAGREES)


@dataclass(frozen=True, slots=True)
class VerificationPrompts:
    """The texts of the four steps after the draft.

    Attributes:
        plan: Slots `draft` and `most`; after the question. Asks for questions, one a line.
        answer: Slot `check`: one of these questions, and nothing of the draft.
        cross_check: Slots `draft`, `check` and `found`; answered by one of two words.
        revise: Slots `draft` and `found`; after the question.
    """

    plan: Prompt
    answer: Prompt
    cross_check: Prompt
    revise: Prompt


PROMPTS: Final = VerificationPrompts(
    plan=Prompt(
        "A draft of the answer:\n{draft}\n\nWrite up to {most:trusted} short questions that check "
        "the facts in the draft, one a line. Each must be understood without the draft, and must "
        "ask for a fact rather than for yes or no."
    ),
    answer=Prompt("Answer this question in a sentence. If you do not know, say so.\n{check}"),
    cross_check=Prompt(
        "A draft says:\n{draft}\n\nA question about one of its facts:\n{check}\nWhat was found "
        "out:\n{found}\n\nIs the draft consistent with what was found out? Reply consistent or "
        "inconsistent."
    ),
    revise=Prompt(
        "A draft of the answer:\n{draft}\n\nIts facts were checked:\n{found}\n\nWrite the answer "
        "again. Leave out or correct what was found to be wrong. Reply with the answer only."
    ),
)
"""The default ones."""


@dataclass(frozen=True, slots=True)
class CheckedFact:
    """A verification question.

    Attributes:
        question: What was asked.
        answer: What the model said without seeing the draft.
        is_consistent: Whether the draft agrees; None when nobody checked or could say.
    """

    question: str
    answer: str
    is_consistent: bool | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """A draft, what was asked about it, and what became of it."""

    draft: str
    facts: tuple[CheckedFact, ...]
    final: str

    def sections(self) -> Iterator[Section]:
        """Yield the draft, the facts and the final answer."""
        yield Paragraph(self.draft, "Draft")
        words = {True: AGREES, False: DISAGREES, None: "not checked"}
        rows = tuple((f.question, f.answer, words[f.is_consistent]) for f in self.facts)
        yield Table("Facts", ("question", "answer", "the draft is"), rows)
        if self.final != self.draft:
            yield Paragraph(self.final, "Written anew")


@primitive
async def chain_of_verification(
    session: Session,
    /,
    question: Asked,
    *,
    draft: str | None = None,
    max_questions: int = 5,
    cross_check: bool = True,
    extract: Extractor | None = None,
    prompts: VerificationPrompts = PROMPTS,
    **options: Any,
) -> Result[Any]:
    r"""Answer, check the facts of the answer one by one, and correct it.

    With N questions 2N + 3 calls: draft, plan, N answers, N cross-checks, and the new answer, which
    is left out where the draft agrees with all that was found. Without cross-checks N + 3, and one
    fewer where the draft is given. N is at most `max_questions`. The draft is shown N + 2 times;
    no prompt holds a question or an answer twice.

    >>> import promptkit as pk
    >>> def model(request):
    ...     asked = request.messages[-1].text
    ...     if "Write up to" in asked:
    ...         return "1. Where was Ada born?\n2. Where was Bob born?"
    ...     if "in a sentence" in asked:
    ...         return "In Rome." if "Ada" in asked else "In Oslo."
    ...     if "Reply consistent" in asked:
    ...         return (
    ...             "consistent"
    ...             if "about one of its facts:\n<check>Where was Ada" in asked
    ...             else ("inconsistent")
    ...         )
    ...     return "Ada" if "Write the answer again" in asked else "Ada and Bob"
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> result = pk.run(chain_of_verification(session, "Who was born in Rome?"))
    >>> result.value, result.evidence.draft, session.usage.requests
    ('Ada', 'Ada and Bob', 7)

    Args:
        session: Who answers.
        question: The question.
        draft: An answer to verify; None to ask for one.
        max_questions: The most verification questions; more are left out.
        cross_check: Whether each answer is compared with the draft by a call of its own.
        extract: How the answer is read from the final text; None for the whole text.
        prompts: All texts the model sees.
        options: As for `Session.ask`; the temperature is 0 if neither they nor the session set it.

    Returns:
        The final answer. The confidence is the share of facts that the draft agrees with, None
        where nothing was cross-checked: it tells of the draft, not of what was written after. The
        evidence is the `Verification`.

    Raises:
        OptionError: For a number of questions that is none or below 1.
    """
    max_questions = counted("max_questions", max_questions)
    asker = steady(session, **options)
    drawn = 0
    if draft is None:
        drawn = 1
        draft = (await asker.step("draft").ask(as_prompt(question))).text
    if not draft.strip():
        evidence = Verification(draft, (), draft)
        return Result.unknown("there is no draft to verify", evidence=evidence, samples=drawn)
    planned = followed_by(question, prompts.plan, draft=draft, most=str(max_questions))
    plan = await asker.step("plan").ask(planned)
    questions = planned_questions(plan.text)[:max_questions]
    runs = [
        _found(asker.step(f"fact {number}"), draft, check, prompts, cross_check=cross_check)
        for number, check in enumerate(questions, 1)
    ]
    facts = tuple(await gather(runs))
    written = draft
    if any(fact.is_consistent is not True for fact in facts):
        found = "\n".join(map(_told, facts))
        asked = followed_by(question, prompts.revise, draft=draft, found=found)
        drawn += 1
        written = (await asker.step("revise").ask(asked)).text.strip() or draft
    return _result(Verification(draft, facts, written), extract, drawn)


async def _found(
    session: Session,
    draft: str,
    check: str,
    prompts: VerificationPrompts,
    *,
    cross_check: bool,
) -> CheckedFact:
    """Answer one question without the draft, then compare the two."""
    answer = (await session.ask(fill(prompts.answer, check=check))).text.strip()
    if not cross_check or not answer:
        return CheckedFact(check, answer)
    asked = fill(prompts.cross_check, draft=draft, check=check, found=answer)
    reply = await session.ask(asked, constraint=Constraint.choice(_CHECKED))
    said = named(reply.text, _CHECKED)
    return CheckedFact(check, answer, None if said is None else said == AGREES)


def _told(fact: CheckedFact) -> str:
    against = " (the draft says otherwise)" if fact.is_consistent is False else ""
    return indented(f"{fact.question} {fact.answer or 'No answer was found.'}{against}")


def _result(evidence: Verification, extract: Extractor | None, drawn: int) -> Result[Any]:
    checked = [fact.is_consistent for fact in evidence.facts if fact.is_consistent is not None]
    known: dict[str, Any] = {
        "evidence": evidence,
        "samples": drawn,
        "extractor": "" if extract is None else str(extract),
    }
    value: Any = evidence.final if extract is None else extract(evidence.final)
    if value is None:
        return Result.unknown("no answer found in the text", **known)
    return Result(value, sum(checked) / len(checked) if checked else None, **known)


_ASKING: Final = ("?", "\uff1f", "\u061f")
"""Question marks, also the full-width one and that of Arabic."""


def planned_questions(text: str) -> list[str]:
    r"""Return the questions of a plan, one a line, without numbers and repetitions.

    Where any line asks, those that do not are left out: they are what a model says around it.

    >>> planned_questions("Here they are:\n1. Who was Ada?\n2) Where is Rome?\n- Who was Ada?")
    ['Who was Ada?', 'Where is Rome?']
    """
    lines = [line.strip(" \t*\"'«»") for line in list_items(text)]
    lines = [line for line in dict.fromkeys(lines) if any(sign.isalnum() for sign in line)]
    asking = [line for line in lines if line.endswith(_ASKING)]
    return asking or lines
