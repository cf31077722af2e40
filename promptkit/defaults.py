"""What a Session adds to each question that does not say it itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from promptkit.request import NO_OPTIONS, Api, CacheUse, Options

DEFAULT_CONCURRENCY: Final = 64

DRAWS: Final = 4096
"""The most draws of one thing; five levels of them fit the 64 bits of a stored sample number."""


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
        sample: Which of several draws this session makes, see `Session.draw`.
        stride: By how much the samples of one draw lie apart.
        end_user: Who asks, hashed; see `promptkit.Request`.
    """

    model: str | None = None
    endpoint: str = ""
    options: Options = NO_OPTIONS
    api: Api = "chat"
    concurrency: int = DEFAULT_CONCURRENCY
    cache: CacheUse = "use"
    sample: int = 0
    stride: int = 1
    end_user: str = ""

    def of_draw(self, number: int) -> Defaults:
        """Return these defaults for draw `number` of something that may itself draw samples.

        Sample j of draw i becomes sample i + j * DRAWS: so two draws never share a request, and
        what asks once, in draw i, asks for sample i.

        >>> Defaults().of_draw(3).sample, Defaults().of_draw(3).of_draw(2).sample
        (3, 8195)
        """
        return replace(self, sample=self.sample + number * self.stride, stride=self.stride * DRAWS)


NO_DEFAULTS: Final = Defaults()
