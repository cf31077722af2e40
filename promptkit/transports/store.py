"""Where answers are kept between calls: the Store protocol, one in memory, and its settings."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from promptkit.errors import OptionError
from promptkit.request import Request, is_encodable
from promptkit.response import CallLog, Response
from promptkit.secret import Secret

FROM_CACHE: Final = CallLog(source="cache", attempts=0)
"""The log of every answer that a store gives."""

_OVERHEAD_BYTES: Final = 1_000
"""About what a Response with one short answer takes in memory, besides its text."""


Keeps = Callable[[Request, Response], bool]
"""Whether an answer may be kept on disk, with its question."""


class CacheWarning(UserWarning):
    """Answers cannot be kept, for example because the disk is full, or one could not be read.

    They are returned all the same, or asked for again.
    """


class Store(Protocol):
    """Keeps responses by request."""

    def get(self, request: Request, /) -> Response | None:
        """Return what is kept for `request`."""
        ...

    def holds(self, request: Request, /) -> bool:
        """Whether there is an answer for `request`; asking is not using it."""
        ...

    def put(self, request: Request, response: Response, /) -> Awaitable[None]:
        """Keep `response`; when the awaitable is done, it survives the process."""
        ...

    async def aclose(self) -> None:
        """Close files."""
        ...


class SecretSource(Protocol):
    """Can fetch a secret, as a profile's KeySource does."""

    def resolve(self) -> Secret:
        """Fetch it."""
        ...


@dataclass(frozen=True, slots=True)
class Cache:
    """How answers are kept: `connect(cache=Cache(…))`, or a profile's table `cache`.

    Attributes:
        path: The file; True for the profile's own, "memory" for this process alone, None for
            what `connect` takes when it is left alone.
        ttl_s: For how many seconds an answer may be served; None for ever. Older answers that
            the file holds are not served either, and what was kept under a `ttl_s` is deleted
            once it is over.
        max_bytes: The file's size, or about the memory taken, from which on the answers that
            were not used for longest are dropped. None for no bound.
        tag: Written to each answer that is kept, so that they can be deleted together.
        secret: Encrypts the answers in the file; a Secret, a KeySource, or text.

    Raises:
        OptionError: For a number that is not above 0, or a secret for answers in memory.

    >>> Cache(ttl_s=3600, max_bytes=2_000_000_000, tag="run-7").ttl_s
    3600
    """

    path: str | os.PathLike[str] | bool | None = None
    ttl_s: float | None = None
    max_bytes: int | None = None
    tag: str | None = None
    secret: Secret | SecretSource | str | None = None

    def __post_init__(self) -> None:
        """Check the numbers; hide a secret that was given as text."""
        for name in ("ttl_s", "max_bytes"):
            value: Any = getattr(self, name)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (is_number and value > 0):
                raise OptionError(f"cache: {name}={value!r}", hint="it is a number above 0")
        if self.path is False or not isinstance(self.path, (bool, str, os.PathLike, type(None))):
            raise OptionError(f"cache: path={self.path!r}", hint='a path, True or "memory"')
        if self.tag is not None and not isinstance(self.tag, str):
            raise OptionError(f"cache: tag={self.tag!r}", hint="it is a text")
        if self.tag is not None and not is_encodable(self.tag):
            hint = "it holds half of a surrogate pair; remove it"
            raise OptionError(f"cache: tag={self.tag!r}", hint=hint)
        if isinstance(self.secret, str):
            object.__setattr__(self, "secret", Secret(self.secret))
        if self.secret is not None and self.path == "memory":
            raise OptionError("cache: a secret for answers in memory", hint="it needs a file")

    def fetch_secret(self) -> Secret | None:
        """Return the secret, from where it is kept.

        Raises:
            ProfileError: When it is not there.
        """
        if self.secret is None or isinstance(self.secret, Secret):
            return self.secret
        return Secret(self.secret) if isinstance(self.secret, str) else self.secret.resolve()


class MemoryStore:
    """Keeps the latest used responses in this process."""

    def __init__(
        self,
        max_entries: int = 100_000,
        *,
        max_bytes: int | None = None,
        ttl_s: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep at most `max_entries`, of about `max_bytes`, each for `ttl_s` seconds."""
        self._entries: OrderedDict[bytes, tuple[Response, float, int]] = OrderedDict()
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._bytes = 0
        self._ttl_s = float("inf") if ttl_s is None else ttl_s
        self._now = now

    def get(self, request: Request, /) -> Response | None:
        """Return what is kept for `request`."""
        entry = self._entries.get(request.key)
        if entry is None:
            return None
        if entry[1] != _NEVER and entry[1] <= self._now():
            self._drop(request.key)
            return None
        self._entries.move_to_end(request.key)
        return entry[0]

    def holds(self, request: Request, /) -> bool:
        """Whether there is an answer for `request`; asking is not using it."""
        entry = self._entries.get(request.key)
        return entry is not None and (entry[1] == _NEVER or entry[1] > self._now())

    async def put(self, request: Request, response: Response, /) -> None:
        """Keep `response`, dropping what was not used for longest beyond the bounds."""
        key = request.key
        if key in self._entries:
            self._drop(key)
        ends_at = _NEVER if self._ttl_s == _NEVER else self._now() + self._ttl_s
        size = 0 if self._max_bytes is None else _size_of(response)
        self._entries[key] = (_as_kept(response), ends_at, size)
        self._bytes += size
        while len(self._entries) > self._max_entries or (
            self._max_bytes is not None and self._bytes > self._max_bytes
        ):
            self._drop(next(iter(self._entries)))

    def _drop(self, key: bytes) -> None:
        self._bytes -= self._entries.pop(key)[2]

    async def aclose(self) -> None:
        """Do nothing: there is no file."""


_NEVER: Final = float("inf")


def _as_kept(response: Response) -> Response:
    """Return the response as a later asker gets it: without what the first call went through."""
    return Response(
        response.choices,
        response.usage,
        response.model,
        response.cost_usd,
        FROM_CACHE,
        response.vectors,
        response.moderations,
    )


def _size_of(response: Response) -> int:
    """Estimate the bytes that a response takes in memory."""
    size = _OVERHEAD_BYTES
    for choice in response.choices:
        size += len(choice.text) + sum(200 + 150 * len(t.top) for t in choice.logprobs or ())
    return size + sum(32 * len(vector) for vector in response.vectors or ())
