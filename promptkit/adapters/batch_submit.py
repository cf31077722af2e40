"""Makes batches and follows them to their end, so that a line is never sent twice.

The order of events is what holds: claim, upload, create, write the number down. Whatever dies in
between leaves a claim whose token the endpoint either knows or does not; `follow` finds out, once
the lease is over, and goes on from there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b
from typing import Any, Final, TypeVar
from uuid import uuid4

from promptkit.adapters.batch_account import Account
from promptkit.adapters.batch_api import ENDED, BatchApi, is_uncertain
from promptkit.adapters.batch_file import Line
from promptkit.adapters.batch_journal import Entry, Journal
from promptkit.adapters.batch_policy import BatchPolicy
from promptkit.clock import Clock
from promptkit.errors import CallError

T = TypeVar("T")

_TRIES: Final = 8
"""How often an operation is tried that fails for a reason that may pass."""

_PATIENT_TRIES: Final = 60
"""The same for a look at a batch under way: about an hour without a network is bearable."""

_LOOKS: Final = 3
"""How often an endpoint has to say that it knows no such batch before its lines are sent anew."""

_BILLING_S: Final = 0.1
"""Seconds between two looks whether another call has billed a batch."""

_CLEAN_UP_S: Final = 5.0
"""How long a cancelled call may go on to write down the batch that it is just making."""


class Submitter:
    """Makes and follows the batches of one call."""

    def __init__(
        self,
        api: BatchApi,
        journal: Journal,
        account: Account,
        policy: BatchPolicy,
        clock: Clock,
    ) -> None:
        """Work for one call of `Session.batch`."""
        self._account = account
        self._api = api
        self._journal = journal
        self._policy = policy
        self._clock = clock
        self._holder = uuid4().hex

    # -- making ---------------------------------------------------------------------------

    async def submit(self, lines: list[Line]) -> str | None:
        """Make a batch of lines; return its token, or None when some are under way elsewhere.

        Raises:
            CallError: When the endpoint took no batch; nothing is under way then.
        """
        keys = [line.key for line in lines]
        digest = blake2b(b"".join(keys), digest_size=8).hexdigest()
        token = f"{digest}-{uuid4().hex}"
        now = time.time()
        entry = Entry(
            token=token,
            owner=self._api.owner,
            endpoint=self._api.endpoint,
            model=lines[0].model,
            size=len(lines),
            created_at=now,
            holder=self._holder,
            lease_until=now + self._policy.lease_s,
        )
        if self._journal.claim(entry, keys):
            return None
        try:
            self._account.send(token, keys)
            async with self._lease(token):
                file_id = await self._upload(f"promptkit-{token}.jsonl", lines)
                self._journal.note_file(token, file_id)
        except BaseException:
            self._drop(token)  # nothing was made of it
            raise
        await self.unbroken(self._create(entry, file_id, lines[0].path))
        return token

    async def _upload(self, name: str, lines: list[Line]) -> str:
        data = b"".join([line.data for line in lines])
        return await self.persist(lambda: self._api.upload(name, data))

    async def unbroken(self, coroutine: Any) -> None:
        """Await what should not be cut off: a cancellation waits for it, but not for ever."""
        task = asyncio.ensure_future(coroutine)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task], timeout=_CLEAN_UP_S)
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # the cancellation is what is raised
            raise

    async def _create(self, entry: Entry, file_id: str, path: str) -> None:
        """Make the batch and write its number down.

        An attempt whose end is unknown is not repeated before the endpoint has shown, for as long
        as a lease, that it has no batch with this token.
        """
        for attempt in range(1, _TRIES + 1):
            if not self._journal.renew(entry.token, self._holder, self._policy.lease_s):
                return  # this process slept, and another one has taken the claim over
            try:
                async with self._lease(entry.token):
                    window = self._policy.window
                    batch = await self._api.create(file_id, path, window, entry.token)
            except CallError as error:
                found = await self._search(entry) if is_uncertain(error) else None
                if found is None:
                    if not error.retryable or attempt == _TRIES:
                        await self._give_up(entry, file_id)
                        raise
                    await self._clock.sleep(self._wait(attempt, error))
                    continue
                batch = found
            if not self._journal.note_batch(entry.token, self._holder, str(batch["id"])):
                await self._api.cancel(str(batch["id"]))
            return

    async def _search(self, entry: Entry) -> dict[str, Any] | None:
        """Look for a claim's batch until it can no longer appear; cancel a second one."""
        until = self._clock.now() + self._policy.lease_s
        while True:
            found: list[dict[str, Any]] = []
            async with self._lease(entry.token):
                with suppress(CallError):
                    found = await self._api.find(entry.token, entry.created_at)
                if found:
                    for extra in found[1:]:
                        await self._api.cancel(str(extra["id"]))
                    return found[0]
                if self._clock.now() >= until:
                    # One look that succeeds is needed: without it nobody knows.
                    found = await self.persist(
                        lambda: self._api.find(entry.token, entry.created_at)
                    )
                    return found[0] if found else None
                await self._clock.sleep(min(self._policy.lease_s / 4, self._policy.first_poll_s))

    async def _give_up(self, entry: Entry, file_id: str | None) -> None:
        if self._drop(entry.token) and file_id is not None:
            with suppress(CallError):  # an uploaded file costs nothing and expires by itself
                await self._api.delete(file_id)

    def _drop(self, token: str) -> bool:
        """Forget a claim of which no batch was made; False when it is another's by now."""
        # The money first: with the claim gone, nobody would know that it has to be freed.
        if not self._journal.renew(token, self._holder, self._policy.lease_s):
            return False
        self._account.withdraw(token, self._journal.keys(token))
        return self._journal.drop(token, self._holder)

    @asynccontextmanager
    async def _lease(self, token: str) -> AsyncIterator[None]:
        """Keep a claim alive meanwhile."""

        async def renew() -> None:
            is_held = True
            while is_held:
                is_held = self._journal.renew(token, self._holder, self._policy.lease_s)
                await asyncio.sleep(self._policy.lease_s / 3)

        task = asyncio.create_task(renew())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    @asynccontextmanager
    async def billing(self, token: str) -> AsyncIterator[None]:
        """Be the one call that puts a batch's answers on its bill; wait while another one is."""
        while not self._journal.hold(token, self._holder, self._policy.lease_s):
            if self._journal.entry(token) is None:
                break  # another call found it gone; there is nothing to bill twice
            await self._clock.sleep(_BILLING_S)
        async with self._lease(token):
            yield
        self._journal.let_go(token, self._holder)

    async def persist(self, operation: Callable[[], Awaitable[T]], tries: int = _TRIES) -> T:
        """Try an operation again while its failures may pass, and raise the one that does not."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await operation()
            except CallError as error:
                if not error.retryable or attempt >= tries:
                    raise
                wait = self._wait(attempt, error)
            await self._clock.sleep(wait)

    def _wait(self, attempt: int, error: CallError | None = None) -> float:
        """Seconds to wait after some attempts; a server's Retry-After is obeyed."""
        grown = self._policy.first_poll_s * 1.5 ** min(attempt - 1, 50)
        asked = (error.retry_after_s if error else None) or 0.0
        return max(min(grown, self._policy.longest_poll_s), asked)

    # -- following ------------------------------------------------------------------------

    async def follow(
        self, token: str, on_state: Callable[[Mapping[str, Any]], None]
    ) -> dict[str, Any] | None:
        """Wait until a batch has ended and return it; None when it was never made.

        A batch that the endpoint no longer knows comes back with the status «gone».

        Args:
            token: The batch's, from the journal; this process need not have made it.
            on_state: Told of each state in between.

        Raises:
            CallError: When the endpoint cannot be asked for so long that it looks lost.
        """
        looks = 0
        while True:
            entry = self._journal.entry(token)
            if entry is None:
                return None
            if entry.batch_id is None:
                await self._await_number(entry)
                continue
            batch = await self._look(entry.batch_id)
            if batch is None:
                self._account.withdraw(token, self._journal.keys(token))
                self._journal.drop(token)
                return {"status": "gone"}
            batch["status"] = str(batch.get("status")).lower()
            on_state(batch)
            if batch["status"] in ENDED:
                return batch
            looks += 1
            await self._clock.sleep(self._wait(looks))

    async def _look(self, batch_id: str) -> dict[str, Any] | None:
        """Return a batch; None when the endpoint has said more than once that it is gone."""
        for attempt in range(1, _LOOKS + 1):
            batch = await self.persist(lambda: self._api.batch(batch_id), _PATIENT_TRIES)
            if batch is not None:
                return batch
            await self._clock.sleep(self._wait(attempt))
        return None

    async def _await_number(self, entry: Entry) -> None:
        """Wait for whoever makes this batch; take over when nobody does any more."""
        if not self._journal.take_over(entry.token, self._holder, self._policy.lease_s):
            left = entry.lease_until - time.time()
            await self._clock.sleep(min(max(left, 0.05), 1.0))
            return
        async with self._lease(entry.token):
            found = await self.persist(lambda: self._api.find(entry.token, entry.created_at))
            for extra in found[1:]:
                await self._api.cancel(str(extra["id"]))
            if not found:
                await self._give_up(entry, entry.file_id)
            elif not self._journal.note_batch(entry.token, self._holder, str(found[0]["id"])):
                return

    async def is_ours(self, entry: Entry) -> bool:
        """Whether this key may see a batch that another key made.

        Raises:
            CallError: When the endpoint does not say.
        """
        if entry.owner == self._api.owner:
            return True
        batch_id = entry.batch_id
        if batch_id is None:
            return False
        return await self.persist(lambda: self._api.batch(batch_id)) is not None
