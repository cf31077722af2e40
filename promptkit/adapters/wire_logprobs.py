"""Log-probabilities, in the three shapes that the APIs give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from promptkit.response import Alternative, Choice, TokenLogprob

_UNLIKELY: Final = -9999.0
"""What OpenAI sends for a token outside the reported ones; used where a server sends null."""

_HUGE: Final = 10**300
"""From here on an integer may be no float."""


def choice_of(text: str, reason: str | None, logprobs: object) -> Choice:
    """Return a Choice whose log-probabilities are read when somebody first looks at them.

    >>> raw = {"content": [{"token": "Hi", "logprob": -0.5}]}
    >>> choice_of("Hi", "stop", raw).logprobs
    (TokenLogprob(token='Hi', logprob=-0.5, top=()),)
    """
    if not isinstance(logprobs, dict):
        return Choice(text, reason)
    choice = object.__new__(Choice)
    fill = object.__setattr__
    fill(choice, "text", text)
    fill(choice, "finish_reason", reason)
    fill(choice, "_deferred", (_decode_into, logprobs))
    return choice


def _decode_into(choice: Choice, _: str, logprobs: object) -> None:
    """Fill the one field that was left empty, and let go of what it was read from."""
    object.__setattr__(choice, "logprobs", parse_logprobs(logprobs))
    object.__setattr__(choice, "_deferred", (_decode_into, None))


def parse_logprobs(data: object) -> tuple[TokenLogprob, ...] | None:
    """Read log-probabilities in the form of chat (`content`) or completions (`tokens`)."""
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("content"), list):
        return parse_token_list(data["content"])
    if isinstance(data.get("tokens"), list):
        return _parallel_lists(data)
    return None


def parse_token_list(tokens: Iterable[Any]) -> tuple[TokenLogprob, ...]:
    """Read a list of {token, logprob, top_logprobs}."""
    parsed = []
    for token in tokens:
        if isinstance(token, dict):
            tops = token.get("top_logprobs")
            top = [
                Alternative(_token(item), number(item.get("logprob")))
                for item in (tops if isinstance(tops, list) else ())
                if isinstance(item, dict)
            ]
            parsed.append(TokenLogprob(_token(token), number(token.get("logprob")), tuple(top)))
    return tuple(parsed)


def _token(data: Mapping[str, Any]) -> str:
    token = data.get("token")
    return token if isinstance(token, str) else ""


def _parallel_lists(data: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    tokens, numbers, tops = (
        value if isinstance(value := data.get(name), list) else []
        for name in ("tokens", "token_logprobs", "top_logprobs")
    )
    parsed = []
    for place, token in enumerate(tokens):
        top = tops[place] if place < len(tops) and isinstance(tops[place], Mapping) else {}
        alternatives = tuple(Alternative(name, number(value)) for name, value in top.items())
        chosen = number(numbers[place] if place < len(numbers) else None)
        parsed.append(TokenLogprob(str(token), chosen, alternatives))
    return tuple(parsed)


def number(value: object) -> float:
    """Return a log-probability; null (the first token of an echo) counts as very unlikely."""
    if type(value) is float:
        return value
    if type(value) is int and abs(value) < _HUGE:
        return float(value)
    return _UNLIKELY
