"""What maieutic prompting says to a model: two sets of texts, each replaceable.

`INSTRUCTED` is for models that follow instructions. `COMPLETED` is for small and base models
behind the Completions API: it goes on with worked examples. The reference code of the paper (Jung
et al. 2022, arXiv:2205.11822) has few-shot prompts of that second kind. From outside this module is
`promptkit.primitives.maieutic_prompts`.

>>> INSTRUCTED.believe.slots, COMPLETED.api
(('statement',), 'completions')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from promptkit.primitives.entailment import ENTAILMENT, ENTAILMENT_COMPLETED
from promptkit.prompt import Prompt
from promptkit.request import Api


@dataclass(frozen=True, slots=True)
class MaieuticPrompts:
    """The questions about a statement, which stands in the slot `statement`, and about two.

    Attributes:
        restate: Turns a question into the statement that it asks about.
        negate: Asks for the statement's negation.
        explain_true: Asks why it is true, whether it is or not.
        explain_false: Asks why it is false, whether it is or not.
        believe: Asks whether it is true; answered by one of `answers`.
        relate: Asks what a `premise` has to do with a `hypothesis`; see `entailment`.
        answers: The words for true and false, in this order.
        stop: Ends a text that the model writes; empty for none.
        lead: What stands before each allowed answer; a completion begins with a space.
        api: The API that the texts are written for; None for the session's.
    """

    restate: Prompt
    negate: Prompt
    explain_true: Prompt
    explain_false: Prompt
    believe: Prompt
    relate: Prompt = ENTAILMENT
    answers: tuple[str, str] = ("true", "false")
    stop: str = ""
    lead: str = ""
    api: Api | None = None


INSTRUCTED: Final = MaieuticPrompts(
    restate=Prompt(
        "Question: {statement}\nWrite the statement that the question asks about, as if the answer "
        "were yes. Reply with that sentence only."
    ),
    negate=Prompt(
        "Statement: {statement}\nWrite the negation of this statement: a sentence that is true "
        "exactly when the statement is false. Reply with that sentence only."
    ),
    explain_true=Prompt(
        "Statement: {statement}\nSuppose that this statement is true. Because of what? Write one "
        "sentence, a statement of its own, that explains why it is true. Reply with that sentence "
        "only."
    ),
    explain_false=Prompt(
        "Statement: {statement}\nSuppose that this statement is false. Because of what? Write one "
        "sentence, a statement of its own, that explains why it is false. Reply with that sentence "
        "only."
    ),
    believe=Prompt(
        "Statement: {statement}\nIs this statement true or false? Reply with one word, true or "
        "false."
    ),
)
"""For chat models that follow instructions."""

_TRUE: Final = "\nThis statement is true, because"
_FALSE: Final = "\nThis statement is false, because"
_NEGATED: Final = "\nNegation:"
_BELIEVED: Final = "\nTrue or false?"

_EXPLAINED: Final = (
    (f"Statement: A pebble dropped into a pond floats.{_FALSE}", "stone is heavier than water."),
    (f"Statement: Bread left in the open goes hard.{_TRUE}", "the air dries it."),
    (
        f"Statement: A torch is of use when a fuse has blown.{_TRUE}",
        "the lamps of a house give no light without current.",
    ),
    (
        f"Statement: A snail overtakes a hare.{_FALSE}",
        "a snail crawls a few metres in an hour.",
    ),
)

# The slot is marked trusted because tags would break the pattern that the examples set. What
# guards it instead: a statement is one line, and what is read off is a line, true, or false.
COMPLETED: Final = MaieuticPrompts(
    restate=Prompt(
        "Question: {statement:trusted}\nStatement:",
        examples=(
            ("Question: Does a pebble float on a pond?\nStatement:", "A pebble floats on a pond."),
            ("Question: Is bread baked in an oven?\nStatement:", "Bread is baked in an oven."),
            ("Question: Can a snail overtake a hare?\nStatement:", "A snail can overtake a hare."),
        ),
    ),
    negate=Prompt(
        "Statement: {statement:trusted}" + _NEGATED,
        examples=(
            (
                f"Statement: A pebble floats on a pond.{_NEGATED}",
                "A pebble does not float on a pond.",
            ),
            (f"Statement: Every swan is white.{_NEGATED}", "Not every swan is white."),
            (
                f"Statement: It is better to walk than to drive.{_NEGATED}",
                "It is not better to walk than to drive.",
            ),
            (f"Statement: Nobody was at home.{_NEGATED}", "Somebody was at home."),
            (f"Statement: Ivo is not a runner.{_NEGATED}", "Ivo is a runner."),
        ),
    ),
    explain_true=Prompt("Statement: {statement:trusted}" + _TRUE, examples=_EXPLAINED),
    explain_false=Prompt("Statement: {statement:trusted}" + _FALSE, examples=_EXPLAINED),
    believe=Prompt(
        "Statement: {statement:trusted}" + _BELIEVED,
        examples=(
            (f"Statement: A pebble floats on a pond.{_BELIEVED}", "false"),
            (f"Statement: Bread is baked in an oven.{_BELIEVED}", "true"),
            (f"Statement: A snail cannot overtake a hare.{_BELIEVED}", "true"),
            (f"Statement: Fish breathe with lungs.{_BELIEVED}", "false"),
            (f"Statement: Ice is not warm.{_BELIEVED}", "true"),
            (f"Statement: The sun does not shine by day.{_BELIEVED}", "false"),
        ),
    ),
    relate=ENTAILMENT_COMPLETED,
    stop="\n",
    lead=" ",
    api="completions",
)
"""For the Completions API, such as the embedded model's."""
