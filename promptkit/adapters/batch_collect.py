"""Collects what a batch brought: answers are kept and billed once, whoever collects them.

The order matters when a process dies in between: an answer is put into the cache, then it is
billed, then its line is closed; one call at a time bills a batch. Where the cache does not outlive
the process, lines are closed only when the whole call returns.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from promptkit.adapters.batch_account import Account
from promptkit.adapters.batch_api import BatchApi
from promptkit.adapters.batch_file import missing, outcome_of, read_key, rejections
from promptkit.adapters.batch_journal import Journal
from promptkit.adapters.batch_stop import Open
from promptkit.clock import Clock
from promptkit.errors import CallError, PromptkitError
from promptkit.pricing import PriceOf
from promptkit.request import Request
from promptkit.response import CallLog, Response
from promptkit.safety.spotlighting import Mode
from promptkit.transports.budget import Meter
from promptkit.transports.cache import CacheWarning, MemoryStore, Store
from promptkit.transports.store import Keeps

_AT_ONCE: Final = 256
"""Answers put into the cache together."""


@dataclass(frozen=True, slots=True)
class Means:
    """What calls of `Session.batch` on one session share.

    Attributes:
        api: The endpoint's batch API.
        journal: What is under way.
        store: The cache, if there is one.
        meters: The budgets that count.
        price_of: From (model, endpoint) to a list price.
        clock: Time.
        spotlight: How untrusted text is told from instructions.
        keeps: Whether the cache may hold an answer; None for all of them.
        committed: See `Account`.
        open_lines: What stopped calls left at the endpoint, for the trace.
    """

    api: BatchApi
    journal: Journal
    store: Store | None
    meters: tuple[Meter, ...]
    price_of: PriceOf
    clock: Clock
    spotlight: Mode | None = "delimit"
    keeps: Keeps | None = None
    committed: dict[bytes, float] = field(default_factory=dict)
    open_lines: Open = field(default_factory=dict)


class Collector:
    """Takes the answers out of ended batches."""

    def __init__(self, means: Means, account: Account) -> None:
        """Collect for one call of `Session.batch`."""
        self._api = means.api
        self._journal = means.journal
        self._store = store = means.store
        self._account = account
        self._keeps = means.keeps
        self._is_lasting = store is not None and not isinstance(store, MemoryStore)
        self._unclosed: dict[str, set[bytes]] = {}

    async def read(
        self, token: str, batch: Mapping[str, Any], requests: Mapping[bytes, Request]
    ) -> dict[bytes, Response | CallError]:
        """Return the answer or error of each request that a batch holds.

        Args:
            token: The batch's, in the journal.
            batch: The batch, which has ended.
            requests: Which of its lines are wanted, by their keys.

        Raises:
            CallError: When its files cannot be read.
        """
        if batch["status"] == "failed":
            return dict(rejections(batch, self._journal.keys(token), requests))
        found: dict[bytes, Response | CallError] = {}
        async for key, data in self._entries(batch):
            request = requests.get(key)
            if request is None or isinstance(found.get(key), Response):
                continue
            outcome = outcome_of(request, data, self._api.dialect)
            if isinstance(outcome, Response):
                outcome = self._account.priced(request, outcome)
                outcome = replace(outcome, log=CallLog())
            found[key] = outcome
            if len(found) % _AT_ONCE == 0:
                await asyncio.sleep(0)
        for key in requests:
            if key not in found:
                found[key] = missing()
        return found

    async def _entries(
        self, batch: Mapping[str, Any]
    ) -> AsyncIterator[tuple[bytes, Mapping[str, Any]]]:
        for name in ("output_file_id", "error_file_id"):
            if not batch.get(name):
                continue
            async for line in self._api.lines(str(batch[name])):
                entry = read_key(line)
                if entry is not None:
                    yield entry

    async def keep(
        self, token: str, answers: dict[bytes, Response], requests: Mapping[bytes, Request]
    ) -> None:
        """Put answers into the cache, so that nothing can be lost from here on."""
        pairs = [(requests[key], answers[key]) for key in answers]
        kept = [pair for pair in pairs if self._keeps is None or self._keeps(*pair)]
        is_kept = await self._put(kept) and len(kept) == len(pairs)
        if not (self._is_lasting and is_kept):
            self._unclosed[token] = set(answers)

    def shared(self, token: str, answers: Mapping[bytes, Response]) -> dict[bytes, Response]:
        """Return the answers, those marked as joined that another call has on its bill."""
        fresh = self._journal.unbilled(token)
        return {
            key: response if key in fresh else response.with_log(source="joined", attempts=0)
            for key, response in answers.items()
        }

    def billed(self, token: str, answers: Mapping[bytes, Response]) -> None:
        """Write down that the answers of a batch are on the bill, and kept where they are."""
        self._journal.bill(token, answers, close=token not in self._unclosed)

    async def _put(self, answers: list[tuple[Request, Response]]) -> bool:
        """Put answers into the cache; False when it cannot be written."""
        store = self._store
        if store is None:
            return False
        left = iter(answers)
        try:
            while some := list(islice(left, _AT_ONCE)):
                await asyncio.gather(*(store.put(request, response) for request, response in some))
        except (OSError, PromptkitError) as error:
            text = f"promptkit: answers are not being cached ({error})"
            warnings.warn(text, CacheWarning, stacklevel=2)
            return False
        return True

    def close_all(self) -> None:
        """Close the lines of answers that are being returned and stand in no lasting cache."""
        for token, keys in self._unclosed.items():
            self._journal.close_lines(token, keys)
        self._unclosed.clear()
