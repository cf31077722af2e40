"""Recognises which prompt of which primitive a request was made from, and what fills its slots.

It compares with the literal text of the Prompt objects themselves, so that a changed wording is
known at once, and yours are known when you hand them in.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from promptkit.primitives.beliefs.prompts import INSTRUCTED
from promptkit.primitives.chain_of_thought import LETS_THINK, STEP_BY_STEP
from promptkit.primitives.compare import PAIR
from promptkit.primitives.debate import REVISE
from promptkit.primitives.entailment import ENTAILMENT
from promptkit.primitives.maieutic_decomposition import SPLIT
from promptkit.primitives.program_of_thought import LOGIC_PROGRAM
from promptkit.primitives.proofs.prompts import LABELLED
from promptkit.primitives.same_meaning import SAME
from promptkit.primitives.step_verifier import STEP
from promptkit.primitives.universal_vote import SELECT
from promptkit.primitives.verify import JUDGE, REASONED
from promptkit.prompt import Prompt
from promptkit.request import Request

PROMPTS: Final[tuple[tuple[str, Prompt], ...]] = (
    ("select_first", LABELLED.select_first),
    ("select_next", LABELLED.select_next),
    ("infer", LABELLED.infer),
    ("halt", LABELLED.halt),
    ("answer", LABELLED.answer),
    ("value", LABELLED.value),
    ("restate", INSTRUCTED.restate),
    ("negate", INSTRUCTED.negate),
    ("explain_true", INSTRUCTED.explain_true),
    ("explain_false", INSTRUCTED.explain_false),
    ("believe", INSTRUCTED.believe),
    ("entail", ENTAILMENT),
    ("split", SPLIT),
    ("judge", JUDGE),
    ("judge", REASONED),
    ("judge_step", STEP),
    ("compare", PAIR),
    ("same", SAME),
    ("choose_response", SELECT),
    ("chain", Prompt(STEP_BY_STEP)),
    ("chain", REVISE),
    ("program", Prompt(LOGIC_PROGRAM.replace("{", "{{").replace("}", "}}"))),
)
"""Kinds and the prompts they are known by. What stands before a prompt's first literal text is its
question."""

_LEAD: Final = f"\nA: {LETS_THINK}"
_TAGGED: Final = re.compile(r"\A\s*<(\w+(?:-\w+)?)>\n?(.*?)\n?</\1>\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a request asks.

    Attributes:
        kind: One of `PROMPTS`; "direct" for a question without a known prompt, and "conclude" for
            the second stage of a chain of thought.
        slots: What fills the prompt, without tags; `before` is what stands before it.
    """

    kind: str
    slots: Mapping[str, str]


def recognise(request: Request, more: Iterable[tuple[str, Prompt]] = ()) -> Recognised:
    """Tell what a request asks.

    Args:
        request: As the transport gets it.
        more: Further kinds and prompts, tried first.
    """
    messages = request.messages
    text = messages[-1].text if messages else ""
    for kind, prompt in (*more, *PROMPTS):
        slots = _matched(prompt.user, text)
        if slots is not None:
            return Recognised(kind, slots)
    if text.endswith(_LEAD):
        return Recognised("chain", {"before": text.removesuffix(_LEAD)})
    if len(messages) > 1 and messages[-2].role == "assistant" and text.startswith("Therefore,"):
        return Recognised("conclude", {"before": messages[-2].text})
    return Recognised("direct", {"before": text})


@lru_cache(maxsize=256)
def _pieces(template: str) -> tuple[tuple[str, str], ...]:
    """Return (literal, name of the slot after it) pairs; the last name may be empty."""
    parsed = string.Formatter().parse(template)
    return tuple((literal, name or "") for literal, name, _, _ in parsed)


def _matched(template: str, text: str) -> dict[str, str] | None:
    """Match from the end: what comes last is ours, what comes first may be anybody's question."""
    slots: dict[str, str] = {}
    rest = text
    for literal, name in reversed(_pieces(template)):
        if name:
            if not literal:
                slots[name] = _bare(rest)
                return slots
            place = rest.rfind(literal)
            if place < 0:
                return None
            slots[name] = _bare(rest[place + len(literal) :])
            rest = rest[:place]
        elif rest.endswith(literal):
            rest = rest.removesuffix(literal)
        else:
            return None
    slots["before"] = rest.strip()
    return slots


def _bare(text: str) -> str:
    """Return what fills a slot without the tags that set it apart."""
    tagged = _TAGGED.match(text)
    return tagged[2] if tagged else text.strip()
