"""What selection-inference says to a model: two sets of texts, each replaceable.

`LABELLED` is for models that follow instructions: it shows labelled statements and asks for a
label. `COMPLETED` is for small and base models behind the Completions API, with a backend that
can be constrained: it goes on with worked examples, and the statements themselves are the choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from promptkit.prompt import Prompt


@dataclass(frozen=True, slots=True)
class SelectionPrompts:
    """The five questions of a step. Each may use some of the slots named here.

    Attributes:
        select_first: Slots `question`, `statements`.
        select_next: Slots `question`, `statements`, `chosen`.
        infer: Slot `selection`, and nothing of the question or the context.
        halt: Slots `question`, `inference`; answered by yes or no.
        answer: Slots `question`, `inference`, `choices`.
        by_label: Whether a pick is a label; otherwise it is the statement itself.
        lead: What stands before each allowed answer; a completion begins with a space.
    """

    select_first: Prompt
    select_next: Prompt
    infer: Prompt
    halt: Prompt
    answer: Prompt
    by_label: bool = True
    lead: str = ""


LABELLED: Final = SelectionPrompts(
    select_first=Prompt(
        "{statements}\n\nQuestion: {question:trusted}\nWhich statement is about what the question "
        "asks, so that reasoning can begin with it? Reply with its label only, such as S1."
    ),
    select_next=Prompt(
        "{statements}\n\nQuestion: {question:trusted}\nStatements chosen so far: {chosen}\nWhich "
        "statement must be combined with them to learn something new that helps to answer? Reply "
        "with its label only, such as S1."
    ),
    infer=Prompt(
        "{selection}\n\nWrite the one new statement that follows from this. Reply with that "
        "sentence only."
    ),
    halt=Prompt(
        "Question: {question:trusted}\nStatement: {inference}\nDoes the statement answer the "
        "question? Reply yes or no."
    ),
    answer=Prompt(
        "Statement: {inference}\nQuestion: {question:trusted}\n{choices:trusted}\nReply with the "
        "answer only."
    ),
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
        "Fact: {chosen:trusted}\nRule:",
        examples=(
            ("Fact: Ivo is a runner.\nRule:", "Runners practise at dawn."),
            (
                "Fact: Dora is a student in the east hall.\nRule:",
                "Students in the east hall study music.",
            ),
            ("Fact: Lulu is a kitten.\nRule:", "Kittens sleep in the barn."),
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
    by_label=False,
    lead=" ",
)
"""For `api="completions"` on a backend that obeys grammars, such as the embedded model."""
