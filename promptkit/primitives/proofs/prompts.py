"""What selection-inference says to a model: two sets of texts, each replaceable.

`LABELLED` is for models that follow instructions: it shows labelled statements and asks for a
label. `COMPLETED` is for small and base models behind the Completions API, with a backend that
can be constrained: it goes on with worked examples, and the statements themselves are the choice.
From outside this module is `promptkit.primitives.selection_prompts`.

>>> LABELLED.select_first.slots, COMPLETED.api
(('statements', 'question'), 'completions')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from promptkit.primitives.asking.primitive import Asked, as_prompt, fill
from promptkit.prompt import Prompt
from promptkit.request import Api
from promptkit.session import Session


@dataclass(frozen=True, slots=True)
class SelectionPrompts:
    """The questions of a step. Each may use some of the slots named here.

    Attributes:
        select_first: Slots `question`, `statements`.
        select_next: Slots `question`, `statements`, `chosen`.
        infer: Slot `selection`, and nothing of the question or the context.
        halt: Slots `question`, `inference` (the last), `inferences` (all so far, the last
            included); answered by yes or no.
        answer: Slots `question`, `inference`, `choices`.
        value: Slots `question`, `statements` (the context's), `trace` (each step with the labels it
            stands on), `argument` (the same in plain sentences); answered by correct or incorrect.
        by_label: Whether a pick is a label; otherwise it is the statement itself.
        rule_first: Whether the first pick is the rule and what it needs comes after; otherwise
            the facts come first and the rule last.
        premises: The most statements of one step, where the caller names no number.
        nothing: The first pick that says that no statement helps; empty where there is none.
        enough: The further pick that says that no other is needed; empty where all are picked.
        first_prior: `select_first` without the question: how likely a pick is anyway; None to
            take nothing off.
        next_prior: `select_next` without the question and what was chosen; None as well.
        least: How likely a first pick must be before the model is held to the statements; below
            it, what the model would say is not there, and no statement helps. It is compared
            where picks are statements and log-probabilities come; 0 for never.
        question_of: Slot `inference`; goes on with the question that this answers. Where the
            question's likelihood can be had, the halter goes by that and not by `halt`.
        question_at: The geometric mean a word from which the question is likely enough.
        by_answer: Whether an inference also halts when what the model would answer is among the
            choices, before it is held to them, with a probability of `halt_at`.
        halt_at: How likely it must be that the answer is known, where the caller does not say.
        lead: What stands before each allowed answer; a completion begins with a space.
        stop: What ends an answer; a completion ends with its line.
        api: The API that the texts are written for; None for the session's.
    """

    select_first: Prompt
    select_next: Prompt
    infer: Prompt
    halt: Prompt
    answer: Prompt
    value: Prompt
    by_label: bool = True
    rule_first: bool = True
    premises: int = 4
    nothing: str = ""
    enough: str = ""
    first_prior: Prompt | None = None
    next_prior: Prompt | None = None
    least: float = 0.0
    by_answer: bool = False
    question_of: Prompt | None = None
    question_at: float = 0.33
    halt_at: float = 0.5
    lead: str = ""
    stop: tuple[str, ...] = ()
    api: Api | None = None

    def filled(self, prompt: Prompt, question: Asked, **values: str) -> Prompt:
        """Return one of these prompts with a question and what else it has slots for.

        A question that holds data is put in as data.
        """
        text, is_trusted = about(question)
        if not is_trusted:
            prompt = replace(prompt, user=prompt.user.replace("{question:trusted}", "{question}"))
        return fill(prompt, question=text, **values)

    def asking(self, session: Session, options: Sequence[str] = ()) -> dict[str, Any]:
        """Return the options for an answer that is one of these, or one sentence."""
        longest = max((len(option.encode()) for option in options), default=_SENTENCE)
        allowed = session.defaults.options.max_tokens or 0
        asking: dict[str, Any] = {"max_tokens": max(longest + 16, allowed)}
        return asking | {"stop": self.stop} if self.stop else asking


def about(question: Asked) -> tuple[str, bool]:
    """Return a question's text, and whether all of it can be trusted."""
    messages = as_prompt(question).render()
    return "\n".join(m.text for m in messages), not any(m.is_untrusted for m in messages)


_SENTENCE: Final = 48
"""Tokens that a sentence has at most."""

LABELLED: Final = SelectionPrompts(
    select_first=Prompt(
        "{statements}\n\nQuestion: {question:trusted}\nWhich statement does the next step of the "
        "reasoning begin with: the rule to apply, or the one statement that answers the question "
        "by itself? Reply with its label only, such as S1, or with none if no statement helps."
    ),
    select_next=Prompt(
        "{statements}\n\nQuestion: {question:trusted}\nStatements chosen so far: {chosen}\nWhich "
        "further statement must be combined with them to learn something new that helps to "
        "answer? Reply with its label only, such as S1, or with enough if no other is needed."
    ),
    infer=Prompt(
        "{selection}\n\nWrite the one new statement that follows from this. Reply with that "
        "sentence only."
    ),
    halt=Prompt(
        "Question: {question:trusted}\nWhat is known by now:\n{inferences}\nDo you know the answer "
        "to the question? Reply yes or no."
    ),
    answer=Prompt(
        "Statement: {inference}\nQuestion: {question:trusted}\n{choices:trusted}\nReply with the "
        "answer only."
    ),
    value=Prompt(
        "{statements}\n\nQuestion: {question:trusted}\nReasoning so far:\n{trace}\nDoes each line "
        "of the reasoning follow from the statements it names, and does it lead to the answer? "
        "Reply correct or incorrect."
    ),
    nothing="none",
    enough="enough",
)
"""For chat models that follow instructions."""

_INFERRED: Final = (
    (
        "Runners practise at dawn. We know that Ivo is a runner. Therefore,",
        "Ivo practises at dawn.",
    ),
    (
        "The brass band rehearses at ten. We know that Ugo plays in the brass band. Therefore,",
        "Ugo rehearses at ten.",
    ),
    (
        "Lawyers are good at arguing. We know that Jo is a lawyer. Therefore,",
        "Jo is good at arguing.",
    ),
    (
        "The old ship sails to Malta. We know that Arno serves on the old ship. Therefore,",
        "Arno sails to Malta.",
    ),
    (
        "Kittens sleep in the barn. We know that Lulu is a kitten. Therefore,",
        "Lulu sleeps in the barn.",
    ),
    (
        "If someone is tired, they will rest. We know that Bea is tired. Therefore,",
        "Bea will rest.",
    ),
    (
        (
            "Students in the east hall study music. We know that Dora is a student in the east "
            "hall. Therefore,"
        ),
        "Dora studies music.",
    ),
)

_JUDGED: Final = (
    (
        (
            "Question: When does Ivo practise?\nIvo is a runner. Runners practise at dawn. "
            "Therefore, Ivo practises at dawn.\nCorrect or incorrect?"
        ),
        "correct",
    ),
    (
        (
            "Question: What does Dora study?\nDora is a student in the east hall. Students in the "
            "north hall study history. Therefore, Dora studies history.\nCorrect or incorrect?"
        ),
        "incorrect",
    ),
    (
        (
            "Question: Where does Lulu sleep?\nLulu is a kitten. Puppies sleep in the kitchen. "
            "Therefore, Lulu sleeps in the kitchen.\nCorrect or incorrect?"
        ),
        "incorrect",
    ),
    (
        (
            "Question: What is Jo good at?\nJo is a lawyer. Lawyers are good at arguing. "
            "Therefore, Jo is good at arguing.\nCorrect or incorrect?"
        ),
        "correct",
    ),
)

_ENDS: Final = "\nIs the question answered by the statement?"

# The slots are marked trusted because tags would break the pattern that the examples set. What
# guards them instead: a statement is one line, a pick is one of the statements to the letter, and
# the answer is one of the choices.
COMPLETED: Final = SelectionPrompts(
    select_first=Prompt(
        "Question: {question:trusted}\nFact:",
        examples=(
            ("Question: When does Ivo practise?\nFact:", "Ivo is a runner."),
            ("Question: What does Dora study?\nFact:", "Dora is a student in the east hall."),
            ("Question: Where does Lulu sleep?\nFact:", "Lulu is a kitten."),
        ),
    ),
    select_next=Prompt(
        "Question: {question:trusted}\nFact: {chosen:trusted}\nRule:",
        examples=(
            (
                "Question: When does Ivo practise?\nFact: Ivo is a runner.\nRule:",
                "Runners practise at dawn.",
            ),
            (
                (
                    "Question: What does Dora study?\nFact: Dora is a student in the east hall.\n"
                    "Rule:"
                ),
                "Students in the east hall study music.",
            ),
            (
                "Question: Where does Lulu sleep?\nFact: Lulu is a kitten.\nRule:",
                "Kittens sleep in the barn.",
            ),
        ),
    ),
    infer=Prompt("{selection:trusted} Therefore,", examples=_INFERRED),
    halt=Prompt(
        "Question: {question:trusted}\nStatement: {inference:trusted}" + _ENDS,
        examples=(
            (f"Question: When does Ivo practise?\nStatement: Ivo practises at dawn.{_ENDS}", "yes"),
            (f"Question: What does Dora study?\nStatement: Kay studies music.{_ENDS}", "no"),
            (f"Question: Where does Lulu sleep?\nStatement: Lulu is a kitten.{_ENDS}", "no"),
            (f"Question: What is Jo good at?\nStatement: Jo is good at arguing.{_ENDS}", "yes"),
            (f"Question: When does Ugo start?\nStatement: Bea starts at ten.{_ENDS}", "no"),
            (f"Question: What does Dora study?\nStatement: Dora studies music.{_ENDS}", "yes"),
        ),
    ),
    answer=Prompt(
        "{inference:trusted}\nQuestion: {question:trusted}\nAnswer:",
        examples=(
            ("Ivo practises at dawn.\nQuestion: When does Ivo practise?\nAnswer:", "at dawn"),
            ("Dora studies music.\nQuestion: What does Dora study?\nAnswer:", "music"),
            ("Lulu sleeps in the barn.\nQuestion: Where does Lulu sleep?\nAnswer:", "in the barn"),
        ),
    ),
    value=Prompt(
        "Question: {question:trusted}\n{argument:trusted}\nCorrect or incorrect?",
        examples=_JUDGED,
    ),
    question_of=Prompt(
        "Statement: {inference:trusted}\nQuestion:",
        examples=(
            ("Statement: Ivo practises at dawn.\nQuestion:", "When does Ivo practise?"),
            ("Statement: Dora studies music.\nQuestion:", "What does Dora study?"),
            ("Statement: Lulu sleeps in the barn.\nQuestion:", "Where does Lulu sleep?"),
            ("Statement: Jo is good at arguing.\nQuestion:", "What is Jo good at?"),
            ("Statement: Ada paints iron bridges.\nQuestion:", "Which bridges does Ada paint?"),
            (
                "Statement: Ugo rehearses at ten.\nQuestion:",
                "When does Ugo rehearse with the band?",
            ),
        ),
    ),
    least=0.01,
    by_answer=True,
    halt_at=0.12,
    by_label=False,
    rule_first=False,
    premises=2,
    lead=" ",
    stop=("\n",),
    api="completions",
)
"""For the Completions API on a backend that obeys grammars, such as the embedded model."""
