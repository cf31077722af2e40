"""How likely a model finds each of a few texts as the continuation of a question.

Each text is asked for by itself, as the only one allowed: a backend that obeys grammars then has
to write it, and what it reports at each token is how likely it found that token. llama.cpp reports
the model's own log-probabilities, from before the grammar left one token. Where a backend reports
those from after (all are 0 then), or none, there is no likelihood to be had this way.

Texts are compared by their `beginnings`: as many words as tell them apart. A model that is held
to a text cuts an unlikely word into other tokens than it was trained on, and what it reports for
these is noise. So the fewer words are forced the better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from promptkit.constraint import Constraint
from promptkit.errors import RefusedRequestError
from promptkit.primitives.asking.primitive import gather
from promptkit.question import Question
from promptkit.response import Response
from promptkit.session import Session

_FORCED: Final = -1e-4
"""A log-probability above it says that there was no other token to choose."""


def beginnings(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the fewest words of each text that no other of them begins with.

    >>> beginnings(["Cats fear dogs.", "Cats are quick.", "Dogs bark.", "Dogs bark. Often."])
    ('Cats fear', 'Cats are', 'Dogs bark.', 'Dogs bark. Often.')
    """
    words = [text.split() for text in texts]
    count = Counter(tuple(each[:length]) for each in words for length in range(1, len(each) + 1))
    found = []
    for each in words:
        lengths = range(1, len(each) + 1)
        unique = next((n for n in lengths if count[tuple(each[:n])] == 1), len(each))
        found.append(" ".join(each[:unique]))
    return tuple(found)


async def text_likelihoods(
    session: Session, question: Question, texts: Sequence[str], *, lead: str = "", **options: Any
) -> tuple[float, ...] | None:
    """Return the log-likelihood of each text as the answer; None where it cannot be had.

    It takes one call a text; one call in all where the first shows that there are none to be had.

    >>> import promptkit as pk
    >>> session = pk.connect(transport=pk.testing.Scripted("A wren."), model="scripted")
    >>> pk.run(text_likelihoods(session, "Which bird?", ["A wren.", "An owl."])) is None
    True

    Args:
        session: Who answers.
        question: What the texts continue.
        texts: One or more, each on one line.
        lead: What stands before each text: a space, for the Completions API.
        options: As for `Session.ask`.
    """
    try:
        first = await _forced(session, question, texts[0], lead, options)
    except RefusedRequestError:
        return None
    if first is None:
        return None
    others = await gather(_forced(session, question, text, lead, options) for text in texts[1:])
    found = [first, *others]
    if None in found or all(value is not None and value > _FORCED for value in found):
        return None
    return tuple(value for value in found if value is not None)


async def _forced(
    session: Session, question: Question, text: str, lead: str, options: dict[str, Any]
) -> float | None:
    asking: dict[str, Any] = {
        "temperature": 0,
        "max_tokens": len(text.encode()) + len(lead) + 8,
        **options,
        "constraint": Constraint.choice([lead + text]),
        "logprobs": 0,
    }
    response = await session.ask(question, **asking)
    return log_likelihood(response, text) if response.text.strip() == text.strip() else None


def log_likelihood(response: Response, text: str) -> float | None:
    """Return how likely an answer's beginning `text` was; None where it is not told.

    >>> from promptkit.response import Choice, TokenLogprob
    >>> tokens = (TokenLogprob(" Cats", -1.0), TokenLogprob(" purr", -0.5), TokenLogprob(".", 0.0))
    >>> log_likelihood(Response((Choice(" Cats purr.", "stop", tokens),)), "Cats purr")
    -1.5
    """
    tokens = response.choices[0].logprobs if response.choices else None
    total, written = 0.0, ""
    for token in tokens or ():
        if len(written.strip()) >= len(text.strip()):
            break  # what comes now is the rest, or the end
        total += token.logprob
        written += token.token
    return total if tokens and written.strip().startswith(text.strip()) else None
