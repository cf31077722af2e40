"""How likely each of a few answers is: by log-probabilities where they come, else by votes.

Reasoning models and many endpoints report no log-probabilities, some refuse to be asked for them,
and some leave them out in the middle of a run. So each judgement looks at what it got, and says
what it stands on.

An endpoint that refuses to be asked costs one refused request for each transport and model, until
the process ends: judgements that run at once wait for what the first one finds out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, get_args
from weakref import WeakKeyDictionary

from promptkit.constraint import Constraint
from promptkit.errors import ContextLengthError, OptionError, RefusedRequestError
from promptkit.primitives.answers import Extractor
from promptkit.primitives.asking.arguments import one_of, sampled
from promptkit.primitives.asking.distribution import Distribution, count, shares_of
from promptkit.primitives.asking.logprobs import read_logprobs
from promptkit.primitives.asking.primitive import gather
from promptkit.question import Question
from promptkit.session import Session

WeighBy = Literal["auto", "logprobs", "votes"]
"""«auto» takes log-probabilities where they come and votes where they do not."""

TOP: Final = 20
"""How many alternatives are asked for at each place: the most that OpenAI's chat API reports."""

COMPLETIONS_TOP: Final = 5
"""The same for the Completions API."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Of the models behind one transport: which refuse to be asked for log-probabilities.

    Attributes:
        refuses: Whether each model that was asked refused; one that did is not asked again.
        finding: Held, in an event loop, while the first judgement finds out about a model.
    """

    refuses: dict[str, bool] = field(default_factory=dict)
    finding: dict[tuple[Any, str], asyncio.Lock] = field(default_factory=dict)


_known: Final[WeakKeyDictionary[Any, _Known]] = WeakKeyDictionary()
"""By transport."""


async def weigh(
    session: Session,
    question: Question,
    options: Sequence[str],
    *,
    by: WeighBy = "auto",
    votes: int = 5,
    extract: Extractor | None = None,
    temperature: float | None = None,
    lead: str = "",
    **more: Any,
) -> Distribution:
    """Return how likely each option is as the answer to a question.

    >>> import promptkit as pk
    >>> model = pk.testing.Scripted(lambda r: "yes" if r.sample < 4 else "no")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> likely = pk.run(weigh(session, "Is ice cold? Reply yes or no.", ("yes", "no")))
    >>> likely["yes"], likely.basis, likely.samples
    (0.8, 'votes', 5)

    Args:
        session: Who answers.
        question: What is asked; it must ask for one of the options.
        options: The possible answers, different also in lower case.
        by: Whether to use log-probabilities, votes, or what there is.
        votes: How many answers are drawn where votes decide.
        extract: What reads an option from an answer that reasons first; then votes decide, and an
            answer that it cannot read counts for none. None where the answer is the option.
        temperature: Of the votes; log-probabilities do not depend on it. None is 1 for several
            votes, which must differ; for one it is the session's, or 0.
        lead: What stands before an option where the backend is held to the options: a space, for
            the Completions API.
        more: As for `Session.ask`.

    Raises:
        OptionError: For options that cannot be told apart, fewer than one vote, or
            log-probabilities with an extractor.
    """
    names = () if isinstance(options, str) else tuple(options)
    if isinstance(options, str) or not all(isinstance(name, str) for name in names):
        raise OptionError(f"options of type {type(options).__name__}", hint="give a list of texts")
    if not names or len({name.casefold().strip() for name in names}) < len(names):
        raise OptionError(f"options={list(names)!r}", hint="give texts that differ")
    votes = checked_votes(votes, by, extract)
    if temperature is None:
        own = session.defaults.options.temperature or 0.0
        temperature = own if votes == 1 else 1.0
    asking: dict[str, Any] = {"temperature": temperature, **more}
    if extract is not None:
        return shares_of(names, await _replies(session, question, range(votes), asking), extract)
    held = {
        "constraint": Constraint.choice(lead + name for name in names),
        "max_tokens": max(len(name.encode()) for name in names) + 16,
    }
    asking = held | asking
    if by == "votes":
        return count(names, await _replies(session, question, range(votes), asking))
    model = session.request(question).model
    known = _known.setdefault(session.transport, _Known())
    ask = partial(
        _weighed, session, question, names, by=by, votes=votes, asking=asking, known=known
    )
    if model in known.refuses:
        return await ask()
    here = (asyncio.get_running_loop(), model)
    async with known.finding.setdefault(here, asyncio.Lock()):
        if model not in known.refuses:
            try:
                return await ask()
            finally:
                if model in known.refuses:
                    known.finding.pop(here, None)
    return await ask()


def checked_votes(votes: int, by: WeighBy, extract: Extractor | None = None) -> int:
    """Return how many answers are drawn, checked together with how they are read.

    Raises:
        OptionError: For a number that is not from 1 to 4096, or a way to read that there is not.
    """
    one_of("by", by, get_args(WeighBy))
    if extract is not None and by == "logprobs":
        hint = "votes alone can be read from reasoning: leave out one of them"
        raise OptionError("by='logprobs' with an extractor", hint=hint)
    return sampled("votes", votes)


async def _weighed(
    session: Session,
    question: Question,
    names: tuple[str, ...],
    *,
    by: WeighBy,
    votes: int,
    asking: dict[str, Any],
    known: _Known,
) -> Distribution:
    """Ask with log-probabilities, unless the model refuses to; then by votes if it reports none."""
    request = session.request(question)
    has_refused = False
    first: list[str] = []
    if not known.refuses.get(request.model):
        top = COMPLETIONS_TOP if request.api == "completions" else TOP
        try:
            response = await session.ask(question, logprobs=top, **asking)
        except RefusedRequestError as error:
            if by == "logprobs" or isinstance(error, ContextLengthError):
                raise
            has_refused = True
        else:
            known.refuses[request.model] = False
            read = read_logprobs(response, names)
            if read is not None:
                return read
            first = [response.text]
    if by == "logprobs":
        return Distribution(names, (0.0,) * len(names), "logprobs", 1, 0.0)
    texts = [*first, *await _replies(session, question, range(len(first), votes), asking)]
    if has_refused:  # what it answers without them, it refused for them
        known.refuses[request.model] = True
    return count(names, texts)


async def _replies(
    session: Session, question: Question, numbers: range, asking: dict[str, Any]
) -> list[str]:
    asks = [session.ask(question, sample=number, **asking) for number in numbers]
    return [response.text for response in await gather(asks)]
