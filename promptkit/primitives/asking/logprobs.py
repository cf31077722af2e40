"""Reading how likely each option is off the log-probabilities of one answer, token by token."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from promptkit.primitives.answers.choices import edges
from promptkit.primitives.asking.distribution import Distribution
from promptkit.response import Response, TokenLogprob

_WRAPPER: Final = re.compile(r'\s*(?:\{\s*"answer"\s*:\s*")?')
"""What may stand before the option: space, and the object that a JSON schema puts around it."""


_NEARLY_ALL: Final = 0.95
"""A probability that leaves so little to the others that nobody need be told theirs."""


def read_logprobs(response: Response, options: tuple[str, ...]) -> Distribution | None:
    """Read the options' probabilities off one answer; None when it reports none of them.

    At each place of the answer, the alternatives that lead to one option alone give it their
    probability, times that of what stands before. Those that still lead to several are followed
    where the answer itself goes, and shared out evenly where it does not.
    """
    tokens = response.choices[0].logprobs if response.choices else None
    if not tokens:
        return None
    names = [option.casefold().strip() for option in options]
    weights = [0.0] * len(names)
    wrapper = _WRAPPER.match("".join(token.token for token in tokens))
    start = wrapper.end() if wrapper else 0
    prefix, before, passed = "", 1.0, 0
    for token in tokens:
        passed += len(token.token)
        if passed <= start:
            continue
        chosen = prefix + token.token
        for text, probability in _alternatives(token, prefix):
            fitting = _leading_to(text, names)
            goes_on = text == chosen and len(fitting) > 1
            for place in () if goes_on else fitting:
                weights[place] += before * probability / len(fitting)
        if _plain(chosen) and len(_leading_to(chosen, names)) <= 1:
            break
        prefix, before = chosen, before * _probability(token.logprob)
    else:  # the answer ended where it could have gone on to several
        ended = _leading_to(prefix, names)
        exact = [place for place in ended if names[place] == _plain(prefix)]
        for place in exact or ended:
            weights[place] += before / len(exact or ended)
    mass = sum(weights)
    is_told = any(token.top for token in tokens) or mass > _NEARLY_ALL
    if mass <= 0 or not is_told:
        return None
    return Distribution(options, tuple(w / mass for w in weights), "logprobs", 1, min(mass, 1.0))


def _alternatives(token: TokenLogprob, prefix: str) -> list[tuple[str, float]]:
    """What could stand here, the chosen token included, with its probability."""
    by_text = {each.token: each.logprob for each in token.top}
    by_text[token.token] = token.logprob
    return [(prefix + text, _probability(logprob)) for text, logprob in by_text.items()]


def _probability(logprob: float) -> float:
    """A server may report what is none: above 0, or no number."""
    return math.exp(min(logprob, 0.0)) if not math.isnan(logprob) else 0.0


def _leading_to(text: str, names: Sequence[str]) -> list[int]:
    """The places of the options that `text` may still become, else of the one it says in full."""
    plain = _plain(text)
    if not plain:
        return []
    growing = [place for place, name in enumerate(names) if name.startswith(plain)]
    said = [
        place
        for place, name in enumerate(names)
        if re.match(re.escape(name) + edges(name)[1], plain)
    ]
    return growing or sorted(said, key=lambda place: -len(names[place]))[:1]


def _plain(text: str) -> str:
    return text.casefold().lstrip(" \t\n\"'*«“")
