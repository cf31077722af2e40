"""Judges for tests: models that say yes with a probability, or by a habit."""

from __future__ import annotations

import math
from collections.abc import Callable

import promptkit as pk
from promptkit.response import Alternative, Choice, TokenLogprob
from promptkit.testing import Scripted


def says(word: str, p: float, other: str) -> pk.Response:
    """An answer of one token, with log-probabilities: `word` has p, `other` the rest."""
    tops = ((word, p), (other, 1 - p))
    top = tuple(Alternative(text, math.log(share)) for text, share in tops if share > 0)
    token = TokenLogprob(word, math.log(p), top)
    return pk.Response((Choice(word, "stop", (token,)),))


def sure_of(p_yes: Callable[[pk.Request], float]) -> Callable[[pk.Request], pk.Response | str]:
    """A judge that says how likely yes is by log-probabilities, where they are asked for."""

    def answer(request: pk.Request) -> pk.Response | str:
        p = p_yes(request)
        word, share, other = ("yes", p, "no") if p >= 0.5 else ("no", 1 - p, "yes")
        return word if request.options.logprobs is None else says(word, share, other)

    return answer


def asked(answer: Callable[[pk.Request], pk.Response | str] | str) -> tuple[pk.Session, Scripted]:
    """A session with a scripted model, and the model."""
    model = Scripted(answer)
    return pk.connect(transport=model, model="scripted"), model


HABITS: dict[str, Callable[[pk.Request], str]] = {
    "always yes": lambda _: "yes",
    "always no": lambda _: "no",
    "silent": lambda _: "",
    "chatty": lambda _: "Well, it is hard to say, is it not?",
    "both": lambda _: "yes and no",
    "not English": lambda _: "Да, конечно. はい。",
    "very long": lambda _: "on the one hand, " * 3000,
    "echo": lambda request: request.messages[-1].text,
}
"""What a judge may do instead of judging."""
