"""What a Session adds to each question that does not say it itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from promptkit.request import NO_OPTIONS, Api, CacheUse, Options

DEFAULT_CONCURRENCY: Final = 64


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a Session adds to each question.

    Attributes:
        model: Asked when the call names none.
        endpoint: Who answers; part of each request's key.
        options: Overridden one by one by the options of a call.
        api: The family of addresses.
        concurrency: The window of a `map` that names none.
        cache: What the cache may do with the questions, see `promptkit.Request`.
    """

    model: str | None = None
    endpoint: str = ""
    options: Options = NO_OPTIONS
    api: Api = "chat"
    concurrency: int = DEFAULT_CONCURRENCY
    cache: CacheUse = "use"


NO_DEFAULTS: Final = Defaults()
