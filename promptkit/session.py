"""A Session is what every primitive is handed: it asks, streams and maps, and keeps the trace.

The file is long by its docstrings: these are the methods that are looked up most. What they do
stands in the modules that they call.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Sized
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from promptkit.defaults import DRAWS, NO_DEFAULTS, Defaults
from promptkit.errors import OptionError
from promptkit.executor import OnError, check_window, run_window
from promptkit.prompt import Prompt
from promptkit.question import Question, function_of, name_of, request_of
from promptkit.request import Api, CacheUse, Request, check_cache_use
from promptkit.response import Response
from promptkit.safety.identity import hashed
from promptkit.stream import TextStream, traced_call
from promptkit.totals import Totals
from promptkit.trace import Progress, Step
from promptkit.transport import Transport

if TYPE_CHECKING:
    import pandas as pd

    from promptkit.batch import Batches, BatchPolicy
    from promptkit.forecast import Forecast

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """Asks a model through a transport and writes each call into the trace.

    Make one with `promptkit.connect()`. It can be used from any number of tasks at once, and as
    `async with` it closes its connections and files at the end.
    """

    transport: Transport
    defaults: Defaults = NO_DEFAULTS
    trace: Step = field(default_factory=Step)
    resources: tuple[Callable[[], Awaitable[None]], ...] = field(default=(), repr=False)
    batching: Callable[[], Batches] | None = field(default=None, repr=False)

    # -- asking ---------------------------------------------------------------------------

    async def ask(
        self,
        question: Question,
        *,
        model: str | None = None,
        api: Api | None = None,
        sample: int = 0,
        cache: CacheUse | None = None,
        **options: Any,
    ) -> Response:
        """Ask one question.

        Args:
            question: A text, a filled Prompt, messages, or a whole Request.
            model: Which model, if not the session's.
            api: Which API: "chat", "responses", "completions", "embeddings", "moderations".
            sample: Which of several answers to this question; each number is its own request.
            cache: "refresh" asks anew and keeps the answer, "off" does not touch the cache.
            options: Any of `promptkit.Options`, such as `temperature` or `max_tokens`.

        Raises:
            PromptkitError: One of its kinds, see `promptkit.errors`.
        """
        request = self.request(question, model, api, sample, options, cache=cache)
        return await traced_call(self.transport, self.trace, request)

    def stream(
        self,
        question: Question,
        *,
        model: str | None = None,
        api: Api | None = None,
        sample: int = 0,
        cache: CacheUse | None = None,
        **options: Any,
    ) -> TextStream:
        """Ask one question and yield its text piece by piece, as it comes.

        After the last one, `.response` of the stream holds the whole answer with its usage.
        """
        request = self.request(question, model, api, sample, options, cache=cache)
        return TextStream(lambda on_text: traced_call(self.transport, self.trace, request, on_text))

    def request(
        self,
        question: Question,
        model: str | None = None,
        api: Api | None = None,
        sample: int = 0,
        options: dict[str, Any] | None = None,
        *,
        cache: CacheUse | None = None,
    ) -> Request:
        """Return the Request that `ask` would send."""
        return request_of(
            question, model, api, sample, cache, options, self.defaults, self.trace.lane
        )

    # -- mapping --------------------------------------------------------------------------

    async def map(
        self,
        fn: Callable[..., Awaitable[T]] | Prompt | str,
        items: Iterable[Any] | AsyncIterable[Any],
        *,
        concurrency: int | None = None,
        on_error: OnError = "raise",
        deadline_s: float | None = None,
    ) -> list[T]:
        """Run `fn(session, item)` over all items and return the results in their order.

        Args:
            fn: A primitive, or any async function of a session and an item; or a template (a
                Prompt or its text) whose slots the items fill, which gives Responses.
            items: Any iterable or async iterable.
            concurrency: How many items are under way at once.
            on_error: "raise" ends at the first error; "keep" puts errors in place of results.
            deadline_s: Seconds for the whole map; an item that is late ends in a DeadlineError.
        """
        stream = self.imap(
            fn, items, concurrency=concurrency, on_error=on_error, deadline_s=deadline_s
        )
        async with contextlib.aclosing(stream):
            results = {index: result async for index, result in stream}
        return [results[index] for index in range(len(results))]

    def imap(
        self,
        fn: Callable[..., Awaitable[T]] | Prompt | str,
        items: Iterable[Any] | AsyncIterable[Any],
        *,
        concurrency: int | None = None,
        on_error: OnError = "raise",
        deadline_s: float | None = None,
    ) -> AsyncGenerator[tuple[int, T]]:
        """Run `fn` over any number of items in constant memory; yield (index, result).

        The pairs come as the items finish, not in the items' order. See `map`.
        """
        fn = Prompt(fn) if isinstance(fn, str) else fn
        window = self.defaults.concurrency if concurrency is None else concurrency
        check_window(window, on_error, deadline_s)
        function = function_of(fn)
        here = self.step(f"map {'prompt' if isinstance(fn, Prompt) else name_of(fn)}")
        here.trace.open_lane()
        return run_window(
            lambda index, item: function(here.step(f"item {index}"), item),
            items,
            concurrency=window,
            on_error=on_error,
            progress=Progress(here.trace, len(items) if isinstance(items, Sized) else None),
            deadline_s=deadline_s,
        )

    async def map_frame(
        self,
        fn: Callable[..., Awaitable[Any]] | Prompt | str,
        frame: pd.DataFrame,
        *,
        into: str = "answer",
        concurrency: int | None = None,
        on_error: OnError = "keep",
        deadline_s: float | None = None,
    ) -> pd.DataFrame:
        """Run over a DataFrame's rows and return it with the answers in new columns.

        Args:
            fn: A template whose slots are columns, or a function of a session and a row (a dict).
            frame: Left as it is; its index is kept.
            into: The new column; `{into}_error` holds what went wrong, if anything did.
            concurrency: How many rows are under way at once.
            on_error: "keep" puts errors into the error column, "raise" ends at the first one.
            deadline_s: Seconds for all rows; a row that is late ends in a DeadlineError.
        """
        from promptkit.adapters import frame as frames

        how: Any = {"concurrency": concurrency, "on_error": on_error, "deadline_s": deadline_s}
        return frames.with_answers(frame, await self.map(fn, frames.rows(frame), **how), into)

    async def batch(
        self,
        questions: Iterable[Question] | AsyncIterable[Question],
        *,
        model: str | None = None,
        api: Api | None = None,
        sample: int = 0,
        on_error: OnError = "raise",
        policy: BatchPolicy | None = None,
        **options: Any,
    ) -> list[Response]:
        """Ask all questions at half price through the endpoint's batch API, within a day.

        Args:
            questions: Any number of what `ask` takes.
            model: As for `ask`.
            api: As for `ask`.
            sample: As for `ask`.
            on_error: "raise" raises the first error when all have ended, "keep" returns errors.
            policy: How large, how often, how long; see `promptkit.batch.BatchPolicy`.
            options: As for `ask`.
        """
        return await self.batches.run(
            self, questions, model, api, sample, on_error, policy, options
        )

    @property
    def batches(self) -> Batches:
        """The batches under way: `under_way()` lists them, `cancel()` ends one."""
        from promptkit.batch import NO_BATCHES

        return self.batching() if self.batching else NO_BATCHES

    async def estimate(
        self,
        fn: Callable[..., Awaitable[Any]] | Prompt | str,
        items: Iterable[Any] | AsyncIterable[Any],
        *,
        pilot: int | None = None,
        within: float = 0.1,
        total: int | None = None,
        concurrency: int | None = None,
        seed: int = 0,
    ) -> Forecast:
        """Say beforehand what `map(fn, items)` will take: calls, tokens, cost and time.

        It runs some of the items, which costs money.

        Args:
            fn: As for `map`.
            items: As for `map`; an iterator is used up.
            pilot: The most items to try; 0 tries none; left alone a tenth, from 32 to 400.
            within: Stop trying when the cost's interval is this narrow, as a share of the cost.
            total: How many items there are, where `items` cannot tell or holds only some.
            concurrency: As for `map`.
            seed: Of the draw.
        """
        from promptkit.forecast import estimate

        how: Any = {"pilot": pilot, "within": within, "total": total, "seed": seed}
        return await estimate(self, fn, items, concurrency=concurrency, **how)

    # -- the trace ------------------------------------------------------------------------

    def step(self, name: str) -> Session:
        """Return a session whose calls are traced under a step of their own."""
        here = self.trace.child(name)
        return Session(self.transport, self.defaults, here, self.resources, self.batching)

    def draw(self, number: int) -> Session:
        """Return the session for draw `number` of something that is drawn several times.

        Whatever is asked through it is another request than in any other draw, so that each is
        answered, cached and replayed by itself; the first question of draw i is its sample i.
        Draws nest.

        Raises:
            OptionError: For a number that is not from 0 to 4095.
        """
        if type(number) is not int or not 0 <= number < DRAWS:
            raise OptionError(f"draw {number!r}", hint=f"it is a whole number below {DRAWS}")
        return replace(self, defaults=self.defaults.of_draw(number))

    def using(
        self,
        *,
        model: str | None = None,
        api: Api | None = None,
        cache: CacheUse | None = None,
        end_user: str | None = None,
        **options: Any,
    ) -> Session:
        """Return a session on the same trace with other defaults.

        `end_user` tells OpenAI's abuse monitoring one person from another, by the hash of an
        account's name or address; it is sent to OpenAI alone, and never as it is given.
        """
        defaults = replace(
            self.defaults,
            end_user=self.defaults.end_user if end_user is None else hashed(end_user),
            model=model or self.defaults.model,
            api=api or self.defaults.api,
            cache=check_cache_use(cache or self.defaults.cache),
            options=self.defaults.options.replace(**options),
        )
        return replace(self, defaults=defaults)

    @property
    def usage(self) -> Totals:
        """Running totals of this session and every step below it; they go on counting.

        With `before = session.usage.copy()`, `session.usage - before` is what came after.
        """
        return self.trace.totals

    # -- closing --------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Close connections and files."""
        async with contextlib.AsyncExitStack() as stack:  # one that fails leaves none open
            for close in self.resources:
                stack.push_async_callback(close)

    async def __aenter__(self) -> Self:
        """Return the session."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close connections and files."""
        await self.aclose()

    def __repr__(self) -> str:
        """Show what it talks to; never a key."""
        return f"Session({self.defaults.endpoint or 'no endpoint'}, model={self.defaults.model!r})"
