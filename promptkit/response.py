"""A Response is what came back, what it cost, and what each layer did to get it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from promptkit.constraint import Constraint

Source = Literal["endpoint", "cache", "replay", "joined", "vetted", "reviewed"]
"""Where an answer came from.

«joined» waited for an equal request that was already under way; «vetted» is a person's own answer,
«reviewed» a model's that a person has let through.
"""

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Deferred:
    """A value some of whose fields are decoded when somebody first reads them.

    Log-probabilities of a cached answer are a thousand small objects that few readers want. A
    store makes such a value with `object.__new__`, leaves those fields' slots empty, and keeps
    what they are decoded from. From outside it is the same frozen value: equality, `repr`,
    `replace`, copies and pickles read the fields, and so decode them.
    """

    __slots__ = ("_deferred",)

    _deferred: tuple[Callable[[Any, str, Any], None], Any]
    """A function that fills at least the field of the given name, and what it decodes."""

    if not TYPE_CHECKING:  # a type checker must still see which attributes there are

        def __getattr__(self, name: str) -> Any:
            """Fill an empty slot: Python calls this only where a slot holds nothing."""
            if name not in type(self).__slots__:
                msg = f"{type(self).__name__!r} object has no attribute {name!r}"
                raise AttributeError(msg, name=name, obj=self)
            decode, kept = self._deferred
            decode(self, name, kept)
            return object.__getattribute__(self, name)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as the server counted them.

    Attributes:
        input_tokens: Tokens of the prompt, those read from the provider's cache included.
        output_tokens: Tokens of the answer, reasoning included.
        cached_tokens: Input tokens the provider read from its own cache, at a lower price.
        reasoning_tokens: Output tokens spent on reasoning.
        estimated: True when the server did not count and promptkit had to.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False


NO_USAGE: Final = Usage()


@dataclass(frozen=True, slots=True)
class Alternative:
    """A token and its log-probability (natural logarithm)."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """The token that was chosen at one place, and the likeliest ones there."""

    token: str
    logprob: float
    top: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice(Deferred):
    """One answer. `finish_reason` is "stop", "length", "content_filter" or as the server says."""

    text: str
    finish_reason: str | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True)
class CallLog:
    """What the layers did.

    Attributes:
        source: Where the answer came from.
        attempts: How many times the request was sent for it; 0 for a cached answer.
        latency_s: Seconds from sending the last attempt to its answer.
        waited_s: Seconds spent waiting for a rate limit, a budget or a retry.
        unsettled_usd: The most that failed attempts before it may have cost.
        route: The route that gave the answer, where there are several.
        hedged: Whether a second copy was sent because the first was late.
        packed: How many requests shared one call; the usage is then this one's share of it.
    """

    source: Source = "endpoint"
    attempts: int = 1
    latency_s: float = 0.0
    waited_s: float = 0.0
    unsettled_usd: float = 0.0
    route: str = ""
    hedged: bool = False
    packed: int = 1


@dataclass(frozen=True, slots=True)
class Response(Deferred):
    """An answer.

    Attributes:
        choices: One per `n`; empty for embeddings and moderations.
        usage: Tokens.
        model: The model that answered, by its own name for itself.
        cost_usd: What the answer costs at list price; None where the price is unknown. A cached
            answer keeps the price it once had: `log.source` tells that it was not paid again.
        log: What each layer did.
        vectors: Embeddings, one list of floats per input.
        moderations: Moderation results as the endpoint gave them, one mapping per input.
        headers: The rate-limit and request-id headers.
        constraint: What the answer was to look like, where the question said so.
    """

    choices: tuple[Choice, ...] = ()
    usage: Usage = NO_USAGE
    model: str = ""
    cost_usd: float | None = None
    log: CallLog = CallLog()
    vectors: tuple[tuple[float, ...], ...] | None = None
    moderations: tuple[Mapping[str, Any], ...] | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)
    constraint: Constraint | None = field(default=None, repr=False, compare=False)

    @property
    def obeys(self) -> bool:
        """Whether the text is what the constraint allows; True where there is none."""
        return self.constraint is None or self.constraint.allows(self.text)

    @property
    def captures(self) -> dict[str, Any]:
        """What the constraint names in the text; empty where it names nothing or is not obeyed."""
        return (self.constraint.captures(self.text) if self.constraint else None) or {}

    @property
    def text(self) -> str:
        """The text of the first choice; empty when there is none."""
        return self.choices[0].text if self.choices else ""

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended."""
        return self.choices[0].finish_reason if self.choices else None

    @property
    def paid_usd(self) -> float | None:
        """What this answer added to the bill: 0 when it was cached, replayed or joined."""
        return self.cost_usd if self.log.source == "endpoint" else 0.0

    def __getstate__(self) -> list[Any]:
        """Return the fields for a pickle or deep copy, which no read-only mapping goes into."""
        values = [getattr(self, each.name) for each in fields(self)]
        return [dict(v) if isinstance(v, MappingProxyType) else v for v in values]

    def with_log(self, **changes: Any) -> Response:
        """Return this response with some fields of its log changed."""
        return replace(self, log=replace(self.log, **changes))


def as_response(answer: str | Response) -> Response:
    """Wrap a text as a Response: what a transport may return for short.

    >>> as_response("4").text
    '4'
    """
    return answer if isinstance(answer, Response) else Response(choices=(Choice(answer, "stop"),))
