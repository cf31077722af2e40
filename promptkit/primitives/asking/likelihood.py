"""How likely each of a few answers is: by log-probabilities where they come, else by votes.

Reasoning models and many endpoints report no log-probabilities, some refuse to be asked for them,
and some leave them out in the middle of a run. So each judgement looks at what it got, and says
what it stands on.

An endpoint that refuses to be asked costs one refused request for each transport and model, until
the process ends: judgements that run at once wait for what the first one finds out.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, get_args
from weakref import WeakKeyDictionary

from promptkit.constraint import Constraint
from promptkit.errors import ContextLengthError, OptionError, RefusedRequestError
from promptkit.explanation import Bar, Bars, Section
from promptkit.primitives.answers import Extractor
from promptkit.primitives.answers.choices import edges
from promptkit.primitives.asking.arguments import one_of, sampled
from promptkit.primitives.asking.primitive import gather
from promptkit.question import Question
from promptkit.response import Response, TokenLogprob
from promptkit.result import Basis
from promptkit.session import Session

WeighBy = Literal["auto", "logprobs", "votes"]
"""«auto» takes log-probabilities where they come and votes where they do not."""

TOP: Final = 20
"""How many alternatives are asked for at each place: the most that OpenAI's chat API reports."""

COMPLETIONS_TOP: Final = 5
"""The same for the Completions API."""

_WRAPPER: Final = re.compile(r'\s*(?:\{\s*"answer"\s*:\s*")?')
"""What may stand before the option: space, and the object that a JSON schema puts around it."""

_NEARLY_ALL: Final = 0.95
"""A probability that leaves so little to the others that nobody need be told theirs."""


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


@dataclass(frozen=True, slots=True)
class Distribution:
    """How likely each option is.

    Attributes:
        options: The answers that were possible.
        shares: The probability of each, in the same order. They sum to 1, or are all 0 when the
            model named none of them.
        basis: What they stand on.
        samples: How many answers were drawn for it.
        mass: The share of the model's answers that named any of the options.
    """

    options: tuple[str, ...]
    shares: tuple[float, ...]
    basis: Basis
    samples: int
    mass: float

    def __getitem__(self, option: str) -> float:
        """Return the probability of an option."""
        return self.shares[self.options.index(option)]

    @property
    def best(self) -> str | None:
        """The likeliest option, ties to the earliest; None when none was named."""
        most = max(self.shares)
        return self.options[self.shares.index(most)] if most > 0 else None

    def sections(self) -> Iterator[Section]:
        """Yield the probabilities as bars."""
        pairs = zip(self.options, self.shares, strict=True)
        bars = tuple(
            Bar(option, share, f"{share:.0%}", "chosen" if option == self.best else "plain")
            for option, share in pairs
        )
        yield Bars(f"How likely each is, by {self.basis}", bars, full=1.0)


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
        return _shares(names, await _replies(session, question, range(votes), asking), extract)
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


def count(options: tuple[str, ...], texts: Sequence[str]) -> Distribution:
    """Return the shares of the options among sampled answers.

    >>> count(("yes", "no"), ["Yes.", "yes", "no", "maybe"]).mass
    0.75
    """
    return _shares(options, texts, partial(named, options=options))


def _shares(
    options: tuple[str, ...], texts: Sequence[str], read: Callable[[str], Hashable | None]
) -> Distribution:
    found = [read(text) for text in texts]
    told = sum(found.count(option) for option in options)
    shares = tuple(found.count(option) / told if told else 0.0 for option in options)
    return Distribution(options, shares, "votes", len(texts), told / len(texts) if texts else 0.0)


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


def named(reply: str, options: Sequence[str]) -> str | None:
    """Return the one option that a reply names; None when it names none or several.

    >>> named("S2.", ("S1", "S2")), named("None of S1 and S2 helps.", ("S1", "S2"))
    ('S2', None)
    """
    if reply.strip() in options:
        return reply.strip()
    longest_first = sorted(options, key=len, reverse=True)
    pattern = "|".join(f"{edges(o)[0]}({re.escape(o.strip())}){edges(o)[1]}" for o in longest_first)
    found = {match.lastindex for match in re.finditer(pattern, reply, re.IGNORECASE)}
    fitting = [longest_first[place - 1] for place in found if place]
    return fitting[0] if len(fitting) == 1 else None
