"""What a pretended endpoint did, per item asked, so that a client's own books can be checked.

An attempt ends in one of five ways, and the first four are worked on, hence billed:

* whole: a good answer was written to the socket to its last byte. Whether the client read it, a
  server cannot know: the operating system took the bytes.
* gone: the answer was worked on, but the connection was lost before its last byte was written.
* broken: an answer was sent that no client can read (or none at all), as the fault wanted.
* open: still being worked on.
* refused: an error status. Not billed.

An item is one prompt; a request with a list of prompts holds several. Each is known by a digest of
all in the body that can change its answer.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

BILLED = ("whole", "gone", "broken", "open")
ENDS = (*BILLED, "refused")
_NO_ANSWER_CHANGES = ("stream", "stream_options", "messages", "prompt", "input")


def elements(path: str, body: dict[str, Any]) -> list[Any]:
    """The prompts of a body: one, or those of its list.

    >>> elements("/v1/completions", {"prompt": ["a", "b"]})
    ['a', 'b']
    >>> elements("/v1/embeddings", {"input": "a"})
    ['a']
    """
    if path.endswith("/chat/completions"):
        return [body.get("messages")]
    name = "prompt" if path.endswith("/completions") else "input"
    value = body.get(name)
    is_list = isinstance(value, list) and not path.endswith("/responses")
    return list(value) if is_list else [value]


def digest_of(path: str, body: dict[str, Any], element: Any) -> str:
    """Tell an item: equal for whatever must be answered alike, streamed or not, alone or packed."""
    rest = {name: body[name] for name in sorted(body) if name not in _NO_ANSWER_CHANGES}
    text = json.dumps([path.rsplit("/v1", 1)[-1], rest, element], sort_keys=True)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def label_of(element: Any) -> str:
    """The beginning of an item's last text: by it a test finds its own items in the books."""
    while isinstance(element, list | dict) and element:
        element = element[-1] if isinstance(element, list) else element.get("content")
    return str(element or "")[:40]


@dataclass(slots=True, eq=False)
class Attempt:
    """One item of one request, from its admission to its end."""

    digest: str
    key: str
    began_at: float
    number: int
    fault: str = ""
    end: str = "open"
    ended_at: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0

    def row(self) -> list[Any]:
        """For a report in JSON."""
        tokens = [self.input_tokens, self.output_tokens]
        return [self.key, self.end, self.fault, self.began_at, self.ended_at, *tokens]


ROW = ("key", "end", "fault", "began_at", "ended_at", "input_tokens", "output_tokens")


@dataclass
class Book:
    """Counts, kept in memory until `reset`."""

    wall: Callable[[], float] = time.time
    attempts: dict[str, list[Attempt]] = field(default_factory=lambda: defaultdict(list))
    labels: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    per_second: Counter[int] = field(default_factory=Counter)
    requests_by_key: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    max_in_flight: int = 0

    def enter(self, key: str) -> None:
        """Count a request that has just been read."""
        self.requests += 1
        self.requests_by_key[key] += 1
        self.per_second[int(self.wall())] += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def leave(self) -> None:
        """Count a request as over."""
        self.in_flight -= 1

    def begin(self, path: str, body: dict[str, Any], key: str) -> list[Attempt]:
        """Open one attempt for each item of a body."""
        begun = []
        now = self.wall()
        for element in elements(path, body):
            digest = digest_of(path, body, element)
            known = self.attempts[digest]
            attempt = Attempt(digest, key, now, len(known))
            if not known:
                self.labels[digest] = label_of(element)
            known.append(attempt)
            begun.append(attempt)
        return begun

    def end(self, attempts: list[Attempt], end: str) -> None:
        """Close attempts; the first end given is the one that counts."""
        now = self.wall()
        for attempt in attempts:
            if attempt.end == "open":
                attempt.end = end
                attempt.ended_at = now

    def reset(self) -> None:
        """Forget all but the requests under way."""
        in_flight = self.in_flight
        fresh = Book(self.wall)
        for name in fresh.__dataclass_fields__:
            setattr(self, name, getattr(fresh, name))
        self.in_flight = self.max_in_flight = in_flight

    def totals(self) -> dict[str, Any]:
        """The sums."""
        every = [attempt for known in self.attempts.values() for attempt in known]
        billed = [attempt for attempt in every if attempt.end in BILLED]
        ends = Counter(attempt.end for attempt in every)
        tokens: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for attempt in billed:
            tokens[attempt.key][0] += attempt.input_tokens
            tokens[attempt.key][1] += attempt.output_tokens
        return {
            "requests": self.requests,
            "requests_by_key": dict(self.requests_by_key),
            "items": len(self.attempts),
            "ends": {end: ends[end] for end in ENDS},
            "billed": len(billed),
            "input_tokens": sum(attempt.input_tokens for attempt in billed),
            "output_tokens": sum(attempt.output_tokens for attempt in billed),
            "tokens_by_key": dict(tokens),
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "faults": dict(self.faults),
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "per_second": {str(second): count for second, count in self.per_second.items()},
        }

    def items(self) -> dict[str, dict[str, Any]]:
        """Every item by digest: how often it was billed, its label, its attempts as `ROW`s."""
        return {
            digest: {
                "label": self.labels[digest],
                "billed": sum(attempt.end in BILLED for attempt in known),
                "attempts": [attempt.row() for attempt in known],
            }
            for digest, known in self.attempts.items()
        }
