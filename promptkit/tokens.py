"""How many tokens a text has: a sound upper bound and a running estimate, without a tokenizer.

The hot path never tokenises. Where a person asks for an exact count, `count` does (tiktoken).
"""

from __future__ import annotations

from typing import Final

from promptkit.request import Request

_PER_MESSAGE: Final = 16
"""More than any chat template adds to a message (ChatML adds four, Llama's headers six)."""

_PER_REQUEST: Final = 32

_FIRST_GUESS: Final = 0.27
"""Tokens per byte of English text in byte-pair encodings of 100,000 entries and more."""

_WEIGHT: Final = 0.1
"""How much the newest answer moves the learned ratio, once there have been ten."""


def bytes_of(request: Request) -> int:
    """Count the UTF-8 bytes of all that a request says, constraint and `extra` included."""
    size = 0
    for message in request.messages:
        content = message.content
        text = content if type(content) is str else message.text
        size += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    options = request.options
    if options.constraint is not None:
        size += len(repr(options.constraint.value).encode("utf-8", "replace"))
    if options.extra is not None:
        size += len(options.extra.encode("utf-8", "replace"))
    return size


def upper_bound(request: Request) -> int:
    """Return a number of input tokens that the request cannot exceed.

    In a byte-level encoding each token stands for at least one byte.
    """
    return bytes_of(request) + _PER_MESSAGE * len(request.messages) + _PER_REQUEST


def tokens_of(text: str) -> int:
    """Return about how many tokens an answer has: four bytes of English are one.

    >>> tokens_of("By the sea."), tokens_of("")
    (2, 0)
    """
    return max(1, len(text.encode("utf-8", "replace")) // 4) if text else 0


class Ratio:
    """Tokens per byte, learned from the usage that answers report."""

    __slots__ = ("_seen", "value")

    def __init__(self) -> None:
        """Begin with a guess that fits English."""
        self.value = _FIRST_GUESS
        self._seen = 0

    def estimate(self, request: Request) -> int:
        """Return the likely number of input tokens."""
        return round(bytes_of(request) * self.value) + 4 * len(request.messages) + 3

    def learn(self, request: Request, input_tokens: int) -> None:
        """Move towards what the server counted."""
        size = bytes_of(request)
        if size and input_tokens:
            seen = min(max(1, input_tokens - 4 * len(request.messages) - 3) / size, 2.0)
            self._seen += 1
            self.value += max(_WEIGHT, 1 / self._seen) * (seen - self.value)


def count(text: str, model: str) -> int:
    """Count tokens exactly, with the model's own encoding.

    Raises:
        OptionError: When tiktoken does not know the model or cannot load its table.
    """
    from promptkit.adapters.tiktoken import count_tokens

    return count_tokens(text, model)
