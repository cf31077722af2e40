"""One call of `Session.batch`, from its requests to their outcomes, in rounds.

A round joins the batches in which some of the requests are under way, sends the rest in new ones,
and follows all of them to their end. What failed and may be asked again goes into the next round.
The rounds share one state, so they stay in one class, and its file is a little long.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from promptkit.adapters.batch_account import Account
from promptkit.adapters.batch_collect import Collector, Means
from promptkit.adapters.batch_file import Line, split, write_lines
from promptkit.adapters.batch_policy import BatchPolicy
from promptkit.adapters.batch_stop import say_what_goes_on, settled, show_unsettled
from promptkit.adapters.batch_submit import Submitter
from promptkit.errors import BudgetError, CallError, PromptkitError, RateLimitError, ServerError
from promptkit.request import Request
from promptkit.response import CallLog, Response
from promptkit.totals import Call
from promptkit.trace import Progress, Step
from promptkit.transports.screen import screen
from promptkit.transports.spotlight import spotlit

Outcome = Response | PromptkitError

_TURN: Final = 256
"""Lines worked on between two turns of the event loop."""

_FROM_CACHE: Final = CallLog(source="cache", attempts=0)
_JOINED: Final = CallLog(source="joined", attempts=0)


class BatchRun:
    """One call of `Session.batch`, from its requests to their outcomes."""

    def __init__(
        self, means: Means, step: Step, requests: list[Request], policy: BatchPolicy
    ) -> None:
        """Prepare to answer `requests`, whose calls are traced in `step`."""
        self._api = means.api
        self._journal = means.journal
        self._store = means.store
        self._clock = means.clock
        self._spotlight = means.spotlight
        self._policy = policy
        self._step = step
        self._asked = requests
        book = means.journal.path.with_name("spending.sqlite")
        self._account = account = Account(means.meters, means.price_of, means.committed, book)
        self._submitter = Submitter(means.api, means.journal, account, policy, means.clock)
        self._collector = Collector(means, self._account)
        self._screened: dict[bytes, Request] = {}
        self._first: dict[bytes, int] = {}
        self._keys: list[bytes] = []
        self._outcomes: dict[bytes, Outcome] = {}
        self._attempts: Counter[bytes] = Counter()
        self._running: dict[str, set[bytes]] = {}
        self._made: set[str] = set()
        self._open_lines = means.open_lines
        self._live: dict[str, int] = {}
        self._answered = 0
        self._progress = Progress(step, len(requests))
        self._started = time.monotonic()

    # -- rounds ---------------------------------------------------------------------------

    async def finish(self) -> list[Outcome]:
        """Run rounds until every request has an outcome."""
        self._progress.begin()
        try:
            for index, request in enumerate(self._asked):
                clean = screen(request, self._spotlight)
                self._keys.append(clean.key)
                self._screened.setdefault(clean.key, clean)
                self._first.setdefault(clean.key, index)
                if index % _TURN == 0:
                    await asyncio.sleep(0)
            await self._rounds()
            self._collector.close_all()
            return self._results()
        except BaseException as error:
            if self._running:
                self._stop(error)
            raise
        finally:
            self._account.close()
            self._progress.end()

    async def _rounds(self) -> None:
        waiting = set(self._screened)
        rounds = 0
        while waiting:
            answered = len(self._outcomes)
            await self._assign(waiting, look_up=rounds == 0)
            again = await self._see_all_through()
            # A queue that is full is not the line's fault while others get through.
            moved = len(self._outcomes) > answered
            for key, error in again.items():
                self._attempts[key] += not (moved and isinstance(error, RateLimitError))
                if not error.retryable or self._attempts[key] >= self._policy.max_attempts:
                    self._put(key, error)
            waiting = {key for key in again if key not in self._outcomes}
            if waiting:
                grown = self._policy.first_poll_s * 1.5 ** min(rounds, 50)
                await self._clock.sleep(min(grown, self._policy.longest_poll_s))
            rounds += 1

    async def _see_all_through(self) -> dict[bytes, CallError]:
        """Follow all batches to their end; return the errors of requests without an answer."""
        tasks = [asyncio.create_task(self._see_through(token)) for token in self._running]
        try:
            ended = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return {key: error for errors in ended for key, error in errors.items()}

    async def _assign(self, waiting: Collection[bytes], *, look_up: bool) -> None:
        """Find or make a batch for each request, or answer it from the cache."""
        keys = set(waiting)
        while keys:
            keys -= await self._join(keys)
            if look_up:
                keys -= self._from_store(keys)
            wanted = sorted(keys, key=self._first.__getitem__)
            keys = set()
            try:
                await self._account.reserve([self._sent(key) for key in wanted])
            except BudgetError as error:
                self._fail(wanted, error)
                return
            limits = {"max_lines": self._policy.max_lines, "max_bytes": self._policy.max_bytes}
            for start in range(0, len(wanted), self._policy.max_lines):
                # No more lines are in memory at once than a file may have.
                lines = await self._lines(wanted[start : start + self._policy.max_lines])
                for chunk in split(lines, **limits):
                    keys |= await self._submit(chunk)

    async def _submit(self, lines: list[Line]) -> set[bytes]:
        """Send one file; return its requests when another call was quicker with some of them."""
        keys = {line.key for line in lines}
        try:
            token = await self._submitter.submit(lines)
        except CallError as error:
            self._fail(keys, error)
            return set()
        if token is None:
            self._account.give_back(keys)
            return keys
        self._made.add(token)
        self._running.setdefault(token, set()).update(keys)
        return set()

    async def _join(self, keys: set[bytes]) -> set[bytes]:
        joined: set[bytes] = set()
        for token, theirs in self._journal.under_way(keys).items():
            entry = self._journal.entry(token)
            if entry is not None and await self._submitter.is_ours(entry):
                self._running.setdefault(token, set()).update(theirs)
                joined |= theirs
        return joined

    def _from_store(self, keys: set[bytes]) -> set[bytes]:
        found: set[bytes] = set()
        for key in keys:
            response = self._store.get(self._screened[key]) if self._store is not None else None
            if response is not None:
                found.add(key)
                self._put(key, replace(response, log=_FROM_CACHE))
        return found

    def _sent(self, key: bytes) -> Request:
        """Return a request as a line says it: its data spotlighted anew, its key the same."""
        return spotlit(self._screened[key], self._spotlight)

    async def _lines(self, keys: list[bytes]) -> list[Line]:
        """Write the lines of these requests; those that cannot be written have failed."""
        wanted = [self._sent(key) for key in keys]
        is_azure, limit = self._api.azure, self._policy.max_bytes
        lines, errors = await write_lines(wanted, self._api.dialect, limit, azure=is_azure)
        for key, error in errors.items():
            self._fail([key], error)
        return lines

    def _fail(self, keys: Collection[bytes], error: PromptkitError) -> None:
        """Take an error as the outcome of requests of which nothing was sent."""
        self._account.give_back(keys)
        for key in keys:
            self._put(key, error)

    # -- the end of a batch ---------------------------------------------------------------

    async def _see_through(self, token: str) -> dict[bytes, CallError]:
        """Follow a batch, take its answers, and return the errors of the others."""
        keys = self._running[token]
        try:
            batch = await self._submitter.follow(token, lambda state: self._show(token, state))
            if batch is None or batch["status"] == "gone":
                self._attempts.subtract(keys if batch is None else ())  # it does not count
                gone = ServerError("the endpoint no longer knows the batch of this request")
                return await self._end(token, {}, dict.fromkeys(keys, gone))
            requests = {key: self._screened[key] for key in keys}
            found = await self._submitter.persist(
                lambda: self._collector.read(token, batch, requests)
            )
        except CallError as error:
            # The lines stay open in the journal: the next call looks again.
            error.add_note("the batch goes on: run again to collect it")
            self._account.leave(keys)
            for key in keys:
                self._put(key, error)
            return await self._end(token, {}, {})
        answers: dict[bytes, Response] = {}
        for key, outcome in found.items():
            if isinstance(outcome, Response):
                log = replace(outcome.log, attempts=self._attempts[key] + 1)
                answers[key] = replace(outcome, log=log)
        await self._collector.keep(token, answers, requests)
        failed = {key: error for key, error in found.items() if isinstance(error, CallError)}
        async with self._submitter.billing(token):
            await self._submitter.unbroken(self._bill(token, answers, failed))
        return failed

    async def _bill(
        self, token: str, answers: Mapping[bytes, Response], failed: dict[bytes, CallError]
    ) -> None:
        """Put answers on the bill: the budgets, the trace, and the ledger down to its file."""
        answers = self._collector.shared(token, answers)
        await self._end(token, answers, failed)
        self._journal.close_lines(token, failed)
        for observer in self._step.observers:
            if hasattr(observer, "flush"):
                await asyncio.to_thread(observer.flush)
        self._collector.billed(token, answers)
        self._account.billed(token, [*answers, *failed])

    async def _end(
        self, token: str, answers: Mapping[bytes, Response], failed: dict[bytes, CallError]
    ) -> dict[bytes, CallError]:
        """Settle the account of a batch and write its calls into the trace."""
        self._live.pop(token, None)
        costs = {key: response.paid_usd or 0.0 for key, response in answers.items()}
        self._account.settle(token, dict.fromkeys(failed, 0.0) | costs)
        del self._running[token]
        for number, (key, response) in enumerate(answers.items(), 1):
            self._put(key, response)
            if number % _TURN == 0:
                await asyncio.sleep(0)
        return failed

    def _put(self, key: bytes, outcome: Outcome) -> None:
        """Take the outcome of a request and write its call into the trace."""
        self._outcomes[key] = outcome
        settled(self._open_lines, key)
        if isinstance(outcome, PromptkitError):
            outcome.attempts = self._attempts[key]
        self._record(self._first[key], outcome)

    def _record(self, index: int, outcome: Outcome) -> None:
        request, elapsed = self._asked[index], time.monotonic() - self._started
        if isinstance(outcome, Response):
            self._answered += 1
            call = Call(request, outcome, None, time.time(), elapsed, outcome.log.attempts)
        else:
            self._progress.failed += 1
            call = Call(request, None, outcome, time.time(), elapsed, outcome.attempts)
        self._step.record(call)
        self._show("", {})

    def _show(self, token: str, state: Mapping[str, Any]) -> None:
        """Bring the progress up to date, which counts what the endpoint says it has done."""
        counts = state.get("request_counts") or {}
        if token:
            self._live[token] = min(int(counts.get("completed") or 0), len(self._running[token]))
        self._progress.done = self._answered + sum(self._live.values())
        self._progress.in_flight = sum(map(len, self._running.values()))

    def _results(self) -> list[Outcome]:
        """Return the outcomes in the order asked; equal requests share one that was paid."""
        results: list[Outcome] = []
        for index, key in enumerate(self._keys):
            outcome = self._outcomes[key]
            if self._first[key] != index:
                if isinstance(outcome, Response):
                    outcome = replace(outcome, log=_JOINED)
                self._record(index, outcome)
            results.append(outcome)
        return results

    def _stop(self, error: BaseException) -> None:
        """Tell what goes on at the endpoint, and what it may cost."""
        say_what_goes_on(error, sum(map(len, self._running.values())))
        mine = [key for token in self._made & set(self._running) for key in self._running[token]]
        lines = [
            (self._asked[self._first[key]], key, self._account.worst(self._sent(key)))
            for key in sorted(mine, key=self._first.__getitem__)
        ]
        elapsed = time.monotonic() - self._started
        show_unsettled(self._step, error, lines, self._open_lines, elapsed)
