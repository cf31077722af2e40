"""The tree of maieutic prompting: a statement, and explanations of why it is true and why false.

Jung et al. 2022 (arXiv:2205.11822). Every statement E is paired with its negation, and each is
believed or not by itself. Where p(E) and p(not E) lie far apart, E is logically integral: the
model does not agree with a statement and its opposite at once. Where they do not, the model is
asked to explain why E is true, and why it is false, and what it says are the next statements.
Branches that end in no integral statement are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from promptkit.errors import OptionError
from promptkit.primitives.asking.likelihood import WeighBy, weigh
from promptkit.primitives.asking.primitive import Asked, as_prompt, fill, gather, steady
from promptkit.primitives.beliefs.prompts import MaieuticPrompts
from promptkit.prompt import Prompt
from promptkit.response import Response
from promptkit.result import Basis, basis_of
from promptkit.session import Session

INTEGRAL_ABOVE: Final = 0.45
"""By how much p(E) and p(not E) must differ; the reference code's threshold."""

SENTENCE_TOKENS: Final = 64
"""The longest sentence the model may write; as in the reference code. Models that reason before
they answer need more: pass `max_tokens`."""

_LABEL: Final = re.compile(r"^(?:statement|negation|answer|explanation)\s*:\s*", re.IGNORECASE)
_BECAUSE: Final = re.compile(
    r"^(?:(?:this|the)\s+statement\s+is\s+(?:true|false)\s*[,.:]?\s*)?because\b[\s,:]*",
    re.IGNORECASE,
)
_MARKS: Final = " \t\"'«»“”„*_`"
_QUESTION_MARKS: Final = ("?", "\uff1f", "\u061f")  # also the full-width and the Arabic one
_ENDS: Final = (".", "!", "?", "…", "\u3002", "\uff01", "\uff1f", "\u061f", "\u06d4", "\u0964")
"""What sentences end with, also in Chinese, Japanese, Arabic, Urdu and Hindi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the statements of a tree are asked about.

    Attributes:
        prompts: All texts the model sees.
        integral_above: By how much p(E) and p(not E) must differ.
        by: Whether beliefs use log-probabilities, votes, or what there is.
        votes: How many answers are drawn for a belief where votes decide.
        options: Of every call.
    """

    prompts: MaieuticPrompts
    integral_above: float = INTEGRAL_ABOVE
    by: WeighBy = "auto"
    votes: int = 5
    options: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A node of the tree.

    Attributes:
        id: "Q" for the root; a child adds T or F, for what it explains, and its number: "QT0F0".
        text: The statement E.
        negation: Its opposite; empty where the model gave none.
        p: The probability that E is true; None where the model did not say.
        q: The probability that its negation is true.
        is_integral: Whether the two fit together.
        basis: What the probabilities stand on.
    """

    id: str
    text: str
    negation: str = ""
    p: float | None = None
    q: float | None = None
    is_integral: bool = False
    basis: Basis = ""

    @property
    def parent(self) -> str:
        """The id of what it explains; empty for the root."""
        return re.sub(r"[TF]\d+$", "", self.id) if self.id != "Q" else ""

    @property
    def explains_truth(self) -> bool:
        """Whether it says why its parent is true, and not why it is false."""
        return self.id[len(self.parent) :].startswith("T")

    @property
    def belief(self) -> tuple[float | None, float | None, bool]:
        """As `solve_beliefs` takes it."""
        return (self.p, self.q, self.is_integral)

    def believed(self) -> Statement:
        """Return it in the polarity that is believed: turned round where the negation is."""
        if self.p is None or self.q is None or self.p >= self.q:
            return self
        return replace(self, text=self.negation, negation=self.text, p=self.q, q=self.p)


async def grow(
    session: Session,
    root: Statement,
    how: Asking,
    *,
    width: int,
    depth: int,
    temperatures: tuple[float, float],
) -> list[Statement]:
    """Explain, and explain the explanations; return all statements, level by level.

    The first level has up to `width` explanations of either kind, each deeper one a single one of
    either kind for each statement that is not integral.
    """
    found, leaves = [root], [root]
    for level in range(1, depth + 1):
        here = session.step(f"depth {level}")
        number = width if level == 1 else min(width, 1)
        temperature = temperatures[0] if level == 1 else temperatures[1]
        texts = await gather(
            _explained(here, leaf, how, truth=truth, number=number, temperature=temperature)
            for leaf in leaves
            if not leaf.is_integral
            for truth in (True, False)
        )
        leaves = await gather(observe(here, *each, how) for several in texts for each in several)
        found += leaves
    return found


def pruned(tree: Sequence[Statement]) -> list[Statement]:
    """Keep the root, and what lies on a path from it to an integral leaf."""
    by_id = {node.id: node for node in tree}
    parents = {node.parent for node in tree}
    kept = {"Q"}
    for node in tree:
        if node.is_integral and node.id not in parents:
            above = node
            while above.id not in kept:
                kept.add(above.id)
                above = by_id[above.parent]
    return [node for node in tree if node.id in kept]


async def observe(
    session: Session, name: str, text: str, how: Asking, negation: str = ""
) -> Statement:
    """Negate a statement and ask how far the model believes it, and its negation."""
    opposite = negation or await _negated(session, text, how)
    if not opposite:
        (p, basis), q = await _believed(session, text, how), None
    else:
        (p, basis), (q, other) = await gather(
            _believed(session, each, how) for each in (text, opposite)
        )
        basis = basis_of((basis, other))
    is_integral = p is not None and q is not None and abs(p - q) > how.integral_above
    return Statement(
        id=name, text=text, negation=opposite, p=p, q=q, is_integral=is_integral, basis=basis
    )


async def _believed(session: Session, text: str, how: Asking) -> tuple[float | None, Basis]:
    likely = await weigh(
        session,
        fill(how.prompts.believe, statement=text),
        how.prompts.answers,
        by=how.by,
        votes=how.votes,
        lead=how.prompts.lead,
        **how.options,
    )
    return (likely.shares[0] if likely.mass > 0 else None), likely.basis


async def _negated(session: Session, text: str, how: Asking) -> str:
    """Return the negation; empty where the model gave none, or the statement itself."""
    response = await _written(session, fill(how.prompts.negate, statement=text), how)
    negation = sentence(response)
    return "" if same(negation, text) else negation


async def stated(session: Session, asked: Asked, how: Asking) -> str:
    """Return what is asked as one line, and a question as the statement that it asks about."""
    text = " ".join(as_prompt(asked).render()[-1].text.split())
    if not text:
        raise OptionError("an empty statement", hint="give a sentence")
    return await _restated(session, text, how) if text.endswith(_QUESTION_MARKS) else text


async def _restated(session: Session, question: str, how: Asking) -> str:
    """Return the statement that a question asks about; the question where the model gives none."""
    prompt = fill(how.prompts.restate, statement=question)
    return sentence(await _written(session, prompt, how)) or question


async def _explained(
    session: Session,
    leaf: Statement,
    how: Asking,
    *,
    truth: bool,
    number: int,
    temperature: float,
) -> list[tuple[str, str]]:
    """Return the ids and texts of the different explanations among so many samples."""
    prompt = how.prompts.explain_true if truth else how.prompts.explain_false
    filled = fill(prompt, statement=leaf.text)
    responses = await gather(
        _written(session, filled, how, temperature=temperature, sample=sample)
        for sample in range(number)
    )
    texts = [explanation(response) for response in responses]
    new = [text for text in dict.fromkeys(texts) if text and not same(text, leaf.text)]
    return [(f"{leaf.id}{'T' if truth else 'F'}{i}", text) for i, text in enumerate(new)]


async def _written(
    session: Session,
    prompt: Prompt,
    how: Asking,
    *,
    temperature: float | None = None,
    sample: int = 0,
) -> Response:
    """Ask for a sentence; without a temperature, as what is asked once."""
    own: dict[str, Any] = {}
    if session.defaults.options.max_tokens is None:
        own["max_tokens"] = SENTENCE_TOKENS
    if temperature is not None:
        own["temperature"] = temperature
    if how.prompts.stop:
        own["stop"] = how.prompts.stop
    asker = session if temperature is not None else steady(session)
    return await asker.ask(prompt, sample=sample, **(own | how.options))


def sentence(response: Response) -> str:
    """Read a sentence: the first line with something in it, without label and quotation marks.

    What was cut off before its end says nothing.
    """
    lines = (line.strip() for line in response.text.splitlines())
    first = next((line for line in lines if line.strip(_MARKS)), "")
    text = " ".join(_LABEL.sub("", first).split()).strip(_MARKS)
    is_cut_off = response.finish_reason == "length" and not ends(text)
    return "" if is_cut_off else text


def explanation(response: Response) -> str:
    """Read an explanation: a sentence of its own, without the «because» that it goes on from."""
    text = _BECAUSE.sub("", sentence(response))
    return text[:1].upper() + text[1:]


def ends(text: str) -> bool:
    """Whether a text ends as sentences do, in whatever script."""
    return text.rstrip(f"{_MARKS})").endswith(_ENDS)


def same(one: str, other: str) -> bool:
    """Whether two sentences have the same words."""
    return words_of(one) == words_of(other)


def words_of(text: str) -> list[str]:
    """Return the words of a sentence, in lower case."""
    return re.findall(r"\w+", text.casefold())
