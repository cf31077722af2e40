"""A Pack is many requests that go out as one, and what makes many responses of its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from promptkit.errors import ProtocolError
from promptkit.request import Request
from promptkit.response import Response, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack(Request):
    """Requests with equal model and options, as one.

    Its messages are all of theirs, and its options count all answers (`n` of one times their
    number), so that whatever estimates its size sees the sum.

    Attributes:
        parts: The requests.
        departed: Called when it is about to be sent, after all waiting for limits.
    """

    parts: tuple[Request, ...] = ()
    departed: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)

    @classmethod
    def of(cls, parts: Sequence[Request], departed: Callable[[], None]) -> Pack:
        """Put requests together."""
        first = parts[0]
        options = first.options
        if first.api == "completions" and len(parts) > 1:
            options = options.replace(n=(options.n or 1) * len(parts))
        return cls(
            messages=tuple([message for part in parts for message in part.messages]),
            model=first.model,
            options=options,
            api=first.api,
            endpoint=first.endpoint,
            sample=first.sample,
            lane=first.lane,
            parts=tuple(parts),
            departed=departed,
        )


def unpack(pack: Pack, response: Response) -> list[Response]:
    """Return one Response for each part; their usage and cost add up to that of the whole.

    Input tokens are shared by the length of the texts, output tokens by that of the answers: the
    server counts the whole alone.

    Raises:
        ProtocolError: When the answer does not hold as many results as were asked for.
    """
    if len(pack.parts) == 1:
        return [response]
    places = _places(pack)
    asked = places[-1][1]
    came = _number_of_results(pack, response)
    if came != asked:
        hint = "this endpoint does not take lists: connect(pack=False)"
        raise ProtocolError(f"{came} results came for {asked} asked in one request", hint=hint)
    answers = [response.choices[start:end] for start, end in places] if response.choices else []
    usages = _usages(pack, response)
    costs = _costs(response.cost_usd, usages)
    log = replace(response.log, packed=len(pack.parts))
    vectors, moderations = response.vectors, response.moderations
    return [
        replace(
            response,
            choices=answers[place] if answers else (),
            usage=usages[place],
            cost_usd=costs[place],
            log=log,
            vectors=None if vectors is None else vectors[start:end],
            moderations=None if moderations is None else moderations[start:end],
        )
        for place, (start, end) in enumerate(places)
    ]


def _places(pack: Pack) -> list[tuple[int, int]]:
    """Where each part's results stand among all."""
    places: list[tuple[int, int]] = []
    end = 0
    for part in pack.parts:
        start = end
        end += (part.options.n or 1) if pack.api == "completions" else len(part.messages)
        places.append((start, end))
    return places


def _number_of_results(pack: Pack, response: Response) -> int:
    if pack.api == "completions":
        return len(response.choices)
    results = response.vectors if pack.api == "embeddings" else response.moderations
    return len(results or ())


def _usages(pack: Pack, response: Response) -> list[Usage]:
    usage = response.usage
    texts = [sum(len(message.text) for message in part.messages) for part in pack.parts]
    tokens_in = shares(usage.input_tokens, [1 + length for length in texts])
    cached = shares(usage.cached_tokens, tokens_in)
    lengths = [0] * len(texts)
    if response.choices:
        lengths = [
            sum(
                len(choice.text) if choice.logprobs is None else len(choice.logprobs)
                for choice in response.choices[start:end]
            )
            for start, end in _places(pack)
        ]
    tokens_out = shares(usage.output_tokens, lengths)
    reasoning = shares(usage.reasoning_tokens, tokens_out)
    numbers = zip(tokens_in, tokens_out, cached, reasoning, strict=True)
    return [Usage(*four, estimated=usage.estimated) for four in numbers]


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Divide `total` in proportion to `weights`, in whole numbers whose sum is `total`.

    The largest remainders get what rounding down leaves (Hamilton's method). A part of weight 0
    gets nothing unless all weights are 0: then all are equal.

    >>> shares(10, [1, 1, 1]), shares(7, [1, 2, 4]), shares(3, [0, 0])
    ([4, 3, 3], [1, 2, 4], [2, 1])
    """
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(weights)
    products = [total * weight for weight in weights]
    parts = [product // whole for product in products]
    left = total - sum(parts)
    if left:
        by_remainder = sorted(range(len(parts)), key=lambda place: -(products[place] % whole))
        for place in by_remainder[:left]:
            parts[place] += 1
    return parts


def _costs(total: float | None, usages: Sequence[Usage]) -> list[float | None]:
    """Share a cost that the server named; the last part gets what is left, so that it adds up."""
    if total is None:
        return [None] * len(usages)
    weights = [usage.input_tokens + usage.output_tokens for usage in usages]
    whole = sum(weights) or len(weights)
    costs: list[float | None] = [total * weight / whole for weight in weights[:-1]]
    costs.append(total - sum(cost for cost in costs if cost is not None))
    return costs


PACKABLE: Final = ("embeddings", "moderations", "completions")
"""The APIs that take a list of texts."""
