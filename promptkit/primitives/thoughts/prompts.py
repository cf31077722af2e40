"""What a tree of thoughts says to a model: four texts, each put after the question.

Each may use some of the slots named here. What the model wrote before is data to it: the slots for
it are untrusted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from promptkit.prompt import Prompt


@dataclass(frozen=True, slots=True)
class ThoughtPrompts:
    """The questions of a tree of thoughts.

    Attributes:
        propose: Slots `state`, `count`; asks for several next thoughts, one a line.
        sample: Slot `state`; asks for one next thought.
        value: Slots `state`, `words`; answered by one of these words, at the end of the reply.
        vote: Slots `states`, `count`; answered by the number of one of the states, at the end.
    """

    propose: Prompt
    sample: Prompt
    value: Prompt
    vote: Prompt


THOUGHTS: Final = ThoughtPrompts(
    propose=Prompt(
        "Steps so far:\n{state}\n\nWrite up to {count:trusted} different next steps, one a line. "
        "Each is one short step, not the whole solution. Write nothing else."
    ),
    sample=Prompt("Steps so far:\n{state}\n\nWrite the next step. Write nothing else."),
    value=Prompt(
        "Steps so far:\n{state}\n\nCan the question be answered by going on from here? Try in a "
        "few lines. Then write one word alone on the last line: {words:trusted}."
    ),
    vote=Prompt(
        "There are {count:trusted} ways to go on:\n{states}\n\nCompare them in a few lines. Then "
        "write the number of the most promising one alone on the last line."
    ),
)
"""For a judge that thinks before its word."""

BRIEF: Final = replace(
    THOUGHTS,
    value=Prompt(
        "Steps so far:\n{state}\n\nCan the question be answered by going on from here? Reply with "
        "one word: {words:trusted}."
    ),
    vote=Prompt(
        "There are {count:trusted} ways to go on:\n{states}\n\nReply with the number of the most "
        "promising one."
    ),
)
"""For a judge whose word is weighed by its probability."""
