"""`Session.batch`: many questions at half price, through files and the endpoint's batch API.

Each round takes the open questions, joins the batches in which some are already under way, sends
the rest in new ones, follows them all to their end, and takes what failed and may be asked again
into the next round. What is under way stands in a journal on disk, so a run that was stopped or
killed is picked up by the next one that asks the same.
"""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from promptkit.adapters.batch_api import BatchApi
from promptkit.adapters.batch_checked import Checked
from promptkit.adapters.batch_collect import Means
from promptkit.adapters.batch_journal import Journal
from promptkit.adapters.batch_policy import DEFAULT_POLICY, BatchPolicy
from promptkit.adapters.batch_run import BatchRun
from promptkit.clock import SYSTEM_CLOCK, Clock
from promptkit.errors import OptionError
from promptkit.heartbeat import Heartbeat
from promptkit.pricing import PriceOf, price_of
from promptkit.prompt import Message, Prompt
from promptkit.request import Api, Options, Request
from promptkit.response import Response
from promptkit.safety.spotlighting import Mode
from promptkit.transports.budget import Meter
from promptkit.transports.cache import Store
from promptkit.transports.store import Keeps

__all__ = ["DEFAULT_POLICY", "BatchPolicy", "Batches", "OpenBatch"]


_SETTINGS: Final = ("model", "api", "sample", "on_error", "policy")

OnError = Literal["raise", "keep"]
Question = str | Prompt | Sequence[Message] | Request


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch whose answers have not all been collected.

    Attributes:
        batch_id: The endpoint's number for it.
        model: The model it asks.
        status: As the API names it: «validating», «in_progress», «completed», …
        lines: How many requests it has.
        answered: How many of them are answered so far.
        failed: How many have failed so far.
        created_at: When it was made, in Unix seconds.
    """

    batch_id: str
    model: str
    status: str
    lines: int
    answered: int
    failed: int
    created_at: float

    def __repr__(self) -> str:
        """Show which one it is and how far."""
        failed = f", {self.failed:,} failed" if self.failed else ""
        far = f"{self.answered:,} of {self.lines:,} answered{failed}"
        return f"OpenBatch({self.batch_id!r}, {self.model}, {self.status}, {far})"


class Batches:
    """What a session knows of the batch API: the batches under way, and how to make more."""

    def __init__(
        self,
        api: BatchApi | None = None,
        *,
        path: Path | None = None,
        store: Store | None = None,
        meters: tuple[Meter, ...] = (),
        price_of: PriceOf = price_of,
        clock: Clock = SYSTEM_CLOCK,
        spotlight: Mode | None = "delimit",
        keeps: Keeps | None = None,
    ) -> None:
        """Prepare; no file is opened before it is needed.

        Args:
            api: The endpoint's batch API; None where nobody has one.
            path: The journal's file.
            store: The session's cache.
            meters: The budgets that count.
            price_of: From (model, endpoint) to a list price; a batch costs half of it.
            clock: Time between two looks at a batch.
            spotlight: How untrusted text is told from instructions.
            keeps: Whether the cache may hold an answer; None for all of them.
        """
        self._means = (
            None
            if api is None or path is None
            else Means(api, Journal(path), store, meters, price_of, clock, spotlight, keeps)
        )

    def __repr__(self) -> str:
        """Show whose batches they are; never a key."""
        return f"Batches({self._means.api.endpoint if self._means else 'no batch API'})"

    def _given(self) -> Means:
        if self._means is None:
            hint = "connect with a key, a base_url or an AsyncOpenAI client; or use session.map"
            raise OptionError("this session's transport has no batch API", hint=hint)
        return self._means

    async def run(  # noqa: PLR0917 -- one call site, which names them all
        self,
        session: Any,
        questions: Iterable[Question] | AsyncIterable[Question],
        model: str | None,
        api: Api | None,
        sample: int,
        on_error: OnError,
        policy: BatchPolicy | None,
        options: dict[str, Any],
    ) -> list[Response]:
        """Answer all questions; what `Session.batch` does.

        Args:
            session: Whose defaults and trace are used.
            questions: What `Session.ask` takes, any number of them.
            model: Which model, if not the session's.
            api: Which API, if not the session's.
            sample: Which of several answers to each question.
            on_error: "raise" raises the first error once all batches have ended; "keep" puts
                errors in place of responses.
            policy: How large, how often, how long.
            options: Any of `promptkit.Options`.

        Raises:
            OptionError: When nobody here has a batch API, or an option is wrong.
            BudgetError: When the batch could overrun a hard limit; nothing was sent.
            CallError: When a question has no answer.
        """
        if on_error not in ("raise", "keep"):
            raise OptionError(f"on_error={on_error!r}", hint='it is "raise" or "keep"')
        if policy is not None and not isinstance(policy, BatchPolicy):
            raise OptionError(f"policy={policy!r}", hint="it is a promptkit.batch.BatchPolicy")
        _check_names(options)
        session.defaults.options.replace(**options)  # wrong ones are told even of no question
        means = self._given()
        requests: list[Request] = [
            session.request(question, model, api, sample, options)
            async for question in _each(questions)
        ]
        step = session.step("batch").trace
        checked = Checked(session.transport)
        with Heartbeat(), means.journal:
            passing = await checked.let_in(requests)
            run = BatchRun(means, step, passing, policy or DEFAULT_POLICY)
            outcomes: list[Any] = await checked.let_out(await run.finish())
        if on_error == "raise":
            failed = [outcome for outcome in outcomes if not isinstance(outcome, Response)]
            for index, outcome in enumerate(outcomes):
                if not isinstance(outcome, Response):
                    outcome.add_note(f"in item {index} of the batch; {len(failed)} failed in all")
                    raise outcome
        return outcomes

    async def under_way(self) -> list[OpenBatch]:
        """Return the batches whose answers have not all been collected, the oldest first.

        Raises:
            CallError: When the endpoint does not say how they are.
        """
        means, found = self._given(), []
        api = means.api
        for entry in means.journal.open_entries():
            if entry.owner != api.owner or entry.batch_id is None:
                continue
            batch = await api.batch(entry.batch_id) or {"status": "gone"}
            counts = batch.get("request_counts") or {}
            found.append(
                OpenBatch(
                    batch_id=entry.batch_id,
                    model=entry.model,
                    status=str(batch.get("status")).lower(),
                    lines=entry.size,
                    answered=int(counts.get("completed") or 0),
                    failed=int(counts.get("failed") or 0),
                    created_at=entry.created_at,
                )
            )
        return found

    async def cancel(self, batch_id: str) -> None:
        """Cancel a batch. What it has answered is charged for and can still be collected.

        Raises:
            CallError: When the endpoint did not do it.
        """
        await self._given().api.cancel(batch_id)


def _check_names(options: Iterable[str]) -> None:
    """Refuse a misspelt setting of `Session.batch`, which would pass for an unknown option.

    >>> _check_names(["on_eror"])
    Traceback (most recent call last):
    promptkit.errors.OptionError: there is no option 'on_eror': did you mean 'on_error'?
    """
    for name in options:
        close = difflib.get_close_matches(name, _SETTINGS, n=1)
        if close and name not in Options.__dataclass_fields__:
            raise OptionError(f"there is no option {name!r}", hint=f"did you mean {close[0]!r}?")


async def _each(
    questions: Iterable[Question] | AsyncIterable[Question],
) -> AsyncIterator[Question]:
    if isinstance(questions, AsyncIterable):
        async for question in questions:
            yield question
    else:
        for question in questions:
            yield question


NO_BATCHES = Batches()
"""What a session has whose transport knows no batches."""
