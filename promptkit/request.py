"""A Request is one question to one model; its key tells whether two are the same question."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, Literal, get_args

from promptkit.constraint import Constraint
from promptkit.errors import OptionError
from promptkit.prompt import Message, Part

Api = Literal["chat", "responses", "completions", "embeddings", "moderations"]
"""The five families of OpenAI-compatible addresses a Request can go to."""

CacheUse = Literal["use", "refresh", "off"]
"""What a cache may do with a Request: answer it, only keep a new answer to it, or neither."""

APIS: Final = get_args(Api)
KEY_VERSION: Final = b"promptkit-1"
"""Changes whenever the meaning of a key does, so that old cache entries are never mistaken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to answer. `None` means unset: the field is not sent and the server decides.

    Attributes:
        temperature: 0 for the likeliest words, higher for more varied ones.
        top_p: Sample from the likeliest words that make up this share.
        max_tokens: The longest answer, in tokens; sent under the name the API has for it.
        stop: Texts that end the answer.
        n: Answers per request. For samples that are cached one by one use `sample`.
        seed: Passed on; hosted models treat it as best effort.
        logprobs: How many alternatives to report per token; 0 for the chosen one only.
        presence_penalty: As the API defines it, -2 to 2.
        frequency_penalty: As the API defines it, -2 to 2.
        reasoning_effort: For reasoning models: "minimal", "low", "medium", "high".
        constraint: What the answer must look like: a Constraint, or what `Constraint.of` makes one
            of, such as a list of choices, a pydantic type or a guidance grammar.
        extra: Further body fields, as JSON text; pass a mapping to `ask(extra=…)`.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    n: int | None = None
    seed: int | None = None
    logprobs: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: str | None = None
    constraint: Constraint | None = None
    extra: str | None = None
    _digest: bytes = field(default=b"", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check each option and bring it to its one form: equal options have equal keys."""
        for name in _NAMES:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _clean(name, value))

    def replace(self, **changes: Any) -> Options:
        """Return these options with some changed.

        Raises:
            OptionError: For a name or value that is not allowed.

        >>> Options(temperature=0).replace(max_tokens=5).max_tokens
        5
        """
        if not changes:
            return self
        try:
            return _replaced(self, **changes)
        except TypeError:  # a value that cannot be looked up, such as a list
            return _changed(self, changes)

    def __hash__(self) -> int:
        """Hash by the digest, which is worked out once."""
        return hash(self.digest)

    def items(self) -> Iterable[tuple[str, Any]]:
        """Yield the names and values of the options that are set."""
        return ((name, value) for name in _NAMES if (value := getattr(self, name)) is not None)

    @property
    def digest(self) -> bytes:
        """A digest of all set options, computed once per object."""
        if not self._digest:
            text = repr([(name, value) for name, value in self.items()])
            object.__setattr__(self, "_digest", blake2b(text.encode(), digest_size=16).digest())
        return self._digest


def _changed(options: Options, changes: Mapping[str, Any]) -> Options:
    for name in changes:
        if name not in _NAMES:
            close = difflib.get_close_matches(name, _NAMES, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"options: {', '.join(_NAMES)}"
            raise OptionError(f"there is no option {name!r}", hint=hint)
    return dataclasses.replace(options, **changes)


@lru_cache(maxsize=1024, typed=True)
def _replaced(options: Options, /, **changes: Any) -> Options:
    """Change options, remembering the outcome: a map asks for the same change at every item."""
    return _changed(options, changes)


_NAMES = tuple(f.name for f in dataclasses.fields(Options) if f.init)
_FLOATS = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_WHOLE: Final = {"max_tokens": 1, "n": 1, "logprobs": 0, "seed": -(2**63)}
"""The whole numbers, and from where on they are allowed; servers read them in 64 bits."""

_TOO_LARGE: Final = 2**63
_LONGEST_SHOWN: Final = 80


def _clean(name: str, value: Any) -> Any:
    """Check one option that is set and bring it to its one form."""
    if name in _FLOATS:
        return _number(name, value)
    if name == "logprobs" and isinstance(value, bool):
        return 0 if value else None
    if name in _WHOLE:
        least = _WHOLE[name]
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not least <= value < _TOO_LARGE:
            bound = "of 64 bits" if least < 0 else f"from {least} on"
            raise _refusal(name, value, f"it is a whole number {bound}")
    elif name == "stop":
        texts = (value,) if isinstance(value, str) else value
        if not isinstance(texts, (list, tuple)) or not all(isinstance(t, str) for t in texts):
            raise _refusal(name, value, "it is a text or a list of texts")
        return tuple(texts)
    elif name == "extra":
        return _extra(value)
    elif name == "reasoning_effort" and (not isinstance(value, str) or not value):
        raise _refusal(name, value, 'it is a text such as "low"')
    elif name == "constraint":
        return Constraint.of(value)
    return value


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _refusal(name, value, "it is a number") from None
    if not math.isfinite(number) or (name in ("temperature", "top_p") and number < 0):
        bound = " from 0 on" if name in ("temperature", "top_p") else ""
        raise _refusal(name, value, f"it is a finite number{bound}")
    return number + 0.0  # -0.0 equals 0.0 and must have its digest


def _extra(value: Any) -> str:
    """Return the further fields as JSON text; refuse what no JSON object can say."""
    try:
        fields = json.loads(value) if isinstance(value, str) else value
        if isinstance(fields, Mapping) and all(isinstance(name, str) for name in fields):
            text = json.dumps(dict(fields), sort_keys=True, allow_nan=False)
            return value if isinstance(value, str) else text
    except (TypeError, ValueError, RecursionError):
        pass
    hint = "pass a mapping of body fields, finite numbers, texts, lists and tables only"
    raise OptionError("`extra` is no JSON object", hint=hint)


def _refusal(name: str, value: object, hint: str) -> OptionError:
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        shown = f"a value of type {type(value).__name__}"
    if len(shown) > _LONGEST_SHOWN:
        shown = f"{shown[:_LONGEST_SHOWN]}…"
    return OptionError(f"{name}={shown}", hint=hint)


NO_OPTIONS: Final = Options()


def check_cache_use(use: CacheUse) -> CacheUse:
    """Return `use`, or refuse it.

    Raises:
        OptionError: When it is none of the three.
    """
    if use not in _CACHE_USES:
        raise OptionError(f"cache={use!r}", hint=f"one of {', '.join(_CACHE_USES)}")
    return use


_CACHE_USES: Final = get_args(CacheUse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question to one model.

    Attributes:
        messages: What is asked.
        model: The model's name, as the endpoint knows it.
        options: How to answer.
        api: The family of addresses.
        sample: Which of several answers to the same question this asks for. Sample 3 of a
            question is another request than sample 4: each is sent, cached and replayed
            by itself.
        endpoint: Who answers: address, organisation and project. Never a key.
        cache: "use" answers from the cache where it can; "refresh" asks anew and keeps that
            answer in the old one's place; "off" neither looks it up nor keeps it. Not part of
            the key.
        lane: Which queue it waits in at a rate limit, see `Step.lane`. Not part of the key.
        end_user: Who asks, hashed: OpenAI's `safety_identifier`, sent to OpenAI alone. Not part of
            the key.
    """

    messages: tuple[Message, ...]
    model: str
    options: Options = NO_OPTIONS
    api: Api = "chat"
    sample: int = 0
    endpoint: str = ""
    cache: CacheUse = field(default="use", repr=False, compare=False)
    lane: int = field(default=0, repr=False, compare=False)
    end_user: str = field(default="", repr=False, compare=False)
    _key: bytes = field(default=b"", init=False, repr=False, compare=False)
    _asked: Request | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def key(self) -> bytes:
        """Sixteen bytes that are equal exactly when two requests ask the same of the same."""
        if not self._key:
            object.__setattr__(self, "_key", self._compute_key())
        return self._key

    def _compute_key(self) -> bytes:
        if self._asked is not None:
            return self._asked.key
        parts: list[str] = [_head(self.endpoint, self.api, self.model, self.sample)]
        for message in self.messages:
            content = message.content
            if isinstance(content, str):
                parts += (message.role, str(len(content)), content)
            else:
                parts += (message.role, repr([_origin(part) for part in content]))
        text = "\0".join(parts).encode("utf-8", "surrogatepass")
        return blake2b(text, digest_size=16, key=KEY_VERSION, salt=self.options.digest).digest()

    def replace(self, **changes: Any) -> Request:
        """Return this request with some fields changed."""
        changed = dataclasses.replace(self, **changes)
        if self._asked is not None and "messages" not in changes:
            asked = self._asked.replace(**changes)
            object.__setattr__(changed, "_asked", asked)
        return changed

    @property
    def asked(self) -> Request:
        """What was asked, before its data was rendered: what keys and recordings go by."""
        return self._asked or self

    def rendered(self, messages: tuple[Message, ...]) -> Request:
        """Return this request as it is sent: with other messages, and the key of this one.

        What is random in the messages then reaches no cache and no recording.
        """
        sent = dataclasses.replace(self, messages=messages)
        object.__setattr__(sent, "_asked", self.asked)
        return sent

    @property
    def said(self) -> str:
        """What the user's messages say; what all of them say where none is the user's."""
        texts = [message.text for message in self.messages if message.role == "user"]
        return "\n\n".join(texts or [message.text for message in self.messages])

    @property
    def text(self) -> str:
        """All messages as one readable text."""
        return "\n\n".join(f"{message.role}: {message.text}" for message in self.messages)


def _origin(part: Part) -> tuple[str | bool, ...]:
    """What a key holds of a part; a key from before there was `spotlight` is still the same."""
    plain = (part.text, part.slot, part.trusted)
    return (*plain, part.spotlight) if part.spotlight else plain


@lru_cache(maxsize=1024, typed=True)
def _head(*names: str | int) -> str:
    return repr(names)


def is_encodable(text: str) -> bool:
    r"""Whether files and addresses can hold a text: half of a surrogate pair has no UTF-8.

    >>> is_encodable("naïve"), is_encodable("\ud800")
    (True, False)
    """
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_model(name: object) -> str:
    """Return a model's name, or refuse it.

    Raises:
        OptionError: When it is no text, or one that cannot be written down.
    """
    if not isinstance(name, str):
        raise OptionError(f"model={name!r}", hint="it is a text")
    if not is_encodable(name):
        raise OptionError(f"model={name!r}", hint="it holds half of a surrogate pair; remove it")
    return name
