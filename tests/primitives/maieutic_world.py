"""A model that answers the questions of maieutic prompting from a small world given as tables."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tags import plain

import promptkit as pk
from promptkit.response import Alternative, Choice, Response, TokenLogprob
from promptkit.testing import Scripted

Believed = float | None


def told(probability: Believed) -> str | Response:
    """Return «true» or «false» with log-probabilities; without a probability, neither."""
    if probability is None:
        return "hard to say"
    shares = (("true", probability), ("false", 1 - probability))
    top = [Alternative(word, math.log(max(share, 1e-12))) for word, share in shares]
    best = max(top, key=lambda each: each.logprob)
    token = TokenLogprob(best.token, best.logprob, tuple(top))
    return Response(choices=(Choice(best.token, "stop", (token,)),))


def negated(text: str) -> str:
    """Return the negation in this world."""
    return text.removeprefix("Not: ") if text.startswith("Not: ") else f"Not: {text}"


@dataclass
class World:
    """What the model says.

    Attributes:
        beliefs: The probability of a statement, or a pair for it and its negation.
        why: The explanations of why a statement is true, and of why it is false.
        relations: Of a premise to a hypothesis; neutral where it is not there.
        otherwise: The pair for a statement that is not in `beliefs`.
    """

    beliefs: Mapping[str, tuple[Believed, Believed]] = field(default_factory=dict)
    why: Mapping[tuple[str, bool], Sequence[str]] = field(default_factory=dict)
    relations: Mapping[tuple[str, str], str] = field(default_factory=dict)
    otherwise: tuple[Believed, Believed] = (0.5, 0.5)
    tell: Callable[[Believed], str | Response] = told

    def answer(self, request: pk.Request) -> str | Response:
        """Answer one question."""
        asked = plain(request.messages[-1].text)
        slots = dict(re.findall(r"<(\w+)>(.*?)</\1>", asked, re.DOTALL))
        if "premise" in slots:
            return self.relations.get((slots["premise"], slots["hypothesis"]), "neutral")
        text = slots["statement"]
        if "as if the answer were yes" in asked:
            return text.replace("Is ", "").replace("?", ".")
        if "Write the negation" in asked:
            return negated(text)
        if "explains why it is" in asked:
            texts = self.why.get((text, "it is true" in asked), ())
            return texts[request.sample] if request.sample < len(texts) else ""
        assert "true or false?" in asked
        return self.tell(self.belief(text))

    def belief(self, text: str) -> Believed:
        """Return the probability of a statement or of a negation."""
        if text in self.beliefs:
            return self.beliefs[text][0]
        if negated(text) in self.beliefs:
            return self.beliefs[negated(text)][1]
        return self.otherwise[text.startswith("Not: ")]

    def session(self) -> tuple[pk.Session, Scripted]:
        """Return a session with this model, and the model."""
        model = Scripted(self.answer)
        return pk.connect(transport=model, model="scripted", cache=None), model
