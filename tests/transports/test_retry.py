from __future__ import annotations

import asyncio
import random

import pytest

from promptkit import Message, Request, Response, RetryPolicy
from promptkit.errors import (
    AuthenticationError,
    CallError,
    ConnectionFailedError,
    DeadlineError,
    InterruptedStreamError,
    RateLimitError,
    ServerError,
)
from promptkit.response import as_response
from promptkit.testing import FakeClock
from promptkit.transport import OnText
from promptkit.transports.retry import RetryLayer

pytestmark = pytest.mark.anyio
REQUEST = Request(messages=(Message("user", "Hi"),), model="m")


class Failing:
    """Raises the given errors one after the other, then answers."""

    def __init__(self, *errors: CallError) -> None:
        self.errors = list(errors)
        self.times: list[float] = []
        self.clock = FakeClock()

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        self.times.append(self.clock.now())
        if self.errors:
            raise self.errors.pop(0)
        return as_response("answer")

    def layer(self, **policy: float) -> RetryLayer:
        return RetryLayer(self, RetryPolicy(**policy), self.clock, random.Random(1))  # type: ignore[arg-type]


async def test_errors_that_may_pass_are_tried_again_and_counted() -> None:
    model = Failing(ServerError("502"), ConnectionFailedError("reset"), RateLimitError("429"))
    response = await model.layer()(REQUEST)
    assert response.text == "answer"
    assert response.log.attempts == 4
    assert response.log.waited_s > 0


async def test_an_error_that_stays_is_raised_at_once() -> None:
    model = Failing(AuthenticationError("401"))
    with pytest.raises(AuthenticationError) as caught:
        await model.layer()(REQUEST)
    assert caught.value.attempts == 1
    assert len(model.times) == 1


async def test_attempts_end() -> None:
    model = Failing(*(ServerError("502") for _ in range(10)))
    with pytest.raises(ServerError) as caught:
        await model.layer(max_attempts=3)(REQUEST)
    assert caught.value.attempts == 3


async def test_a_rate_limit_is_waited_out_however_often_until_the_deadline() -> None:
    model = Failing(*(RateLimitError("429", retry_after_s=5.0) for _ in range(50)))
    response = await model.layer(max_attempts=2, deadline_s=10_000.0)(REQUEST)
    assert response.log.attempts == 51


async def test_retry_after_is_obeyed_with_jitter_on_top() -> None:
    model = Failing(
        RateLimitError("429", retry_after_s=7.0), RateLimitError("429", retry_after_s=7.0)
    )
    await model.layer()(REQUEST)
    gaps = [b - a for a, b in zip(model.times, model.times[1:], strict=False)]
    assert all(gap > 7.0 for gap in gaps)
    assert len(set(gaps)) == 2, "equal waits would bring everybody back at once"


async def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    model = Failing(RateLimitError("429", retry_after_s=90.0))
    with pytest.raises(RateLimitError) as caught:
        await model.layer(deadline_s=60.0)(REQUEST)
    assert "deadline" in caught.value.__notes__[0]
    assert model.clock.now() == 0.0


async def test_waits_grow_but_not_beyond_their_bound() -> None:
    model = Failing(*(ServerError("502") for _ in range(30)))
    await model.layer(max_attempts=40, deadline_s=1e6, longest_wait_s=8.0)(REQUEST)
    gaps = [b - a for a, b in zip(model.times, model.times[1:], strict=False)]
    assert max(gaps[:2]) <= 1.0
    assert 4.0 < max(gaps) <= 8.0


async def test_a_call_that_hangs_ends_at_its_deadline() -> None:
    async def hang(request: Request, on_text: OnText | None = None, /) -> Response:
        await asyncio.sleep(60)
        return as_response("late")

    with pytest.raises(DeadlineError, match=r"no answer within 0\.05 s"):
        await RetryLayer(hang, RetryPolicy(deadline_s=0.05))(REQUEST)


async def test_a_stream_that_breaks_after_its_first_piece_keeps_the_text_and_is_not_repeated() -> (
    None
):
    asked = 0

    async def breaking(request: Request, on_text: OnText | None = None, /) -> Response:
        nonlocal asked
        asked += 1
        assert on_text
        on_text("Once upon")
        raise ConnectionFailedError("connection lost")

    heard: list[str] = []
    with pytest.raises(InterruptedStreamError) as caught:
        await RetryLayer(breaking)(REQUEST, heard.append)
    assert caught.value.text == "Once upon"
    assert heard == ["Once upon"]
    assert asked == 1


async def test_cancelling_during_a_wait_ends_it() -> None:
    model = Failing(RateLimitError("429", retry_after_s=50.0))
    task = asyncio.create_task(RetryLayer(model)(REQUEST))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(model.times) == 1


async def test_a_jittered_wait_beyond_the_deadline_is_not_begun() -> None:
    model = Failing(*(ServerError("503") for _ in range(9)))
    with pytest.raises(ServerError):
        await model.layer(deadline_s=10.0, first_wait_s=8.0)(REQUEST)
    assert max(model.times) <= 10.0


async def test_what_failed_attempts_may_have_cost_is_on_the_answer_and_on_the_error() -> None:
    def lost() -> ConnectionFailedError:
        error = ConnectionFailedError("reset")
        error.unsettled_usd = 0.25
        return error

    assert (await Failing(lost(), lost()).layer()(REQUEST)).log.unsettled_usd == 0.5
    with pytest.raises(ConnectionFailedError) as caught:
        await Failing(lost(), lost(), lost()).layer(max_attempts=3)(REQUEST)
    assert caught.value.unsettled_usd == 0.75


async def test_cancelling_during_a_wait_tells_what_was_sent_and_may_have_cost() -> None:
    error = ConnectionFailedError("reset")
    error.unsettled_usd = 0.25
    model = Failing(error)
    layer = RetryLayer(model, RetryPolicy(first_wait_s=60.0), jitter=random.Random(1))
    task = asyncio.create_task(layer(REQUEST))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.unsettled_usd == 0.25  # type: ignore[attr-defined]
    assert caught.value.attempts == 1  # type: ignore[attr-defined]


async def test_a_call_that_was_late_before_it_was_sent_is_neither_sent_nor_billed() -> None:
    async def waiting(request: Request, on_text: object = None, /) -> Response:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            error.unsent = True  # type: ignore[attr-defined]  # as the layers that wait do
            raise
        raise AssertionError("nobody waits a minute")

    layer = RetryLayer(waiting, RetryPolicy(deadline_s=0.02))  # type: ignore[arg-type]
    with pytest.raises(DeadlineError, match=r"not sent within 0\.02 s") as caught:
        await layer(Request(messages=(Message("user", "Hi"),), model="m"))
    assert caught.value.attempts == 0
    assert not caught.value.billed
    assert caught.value.unsettled_usd == 0.0


@pytest.mark.parametrize("asked_s", [61.0, 1e9, 1e300, float("inf")])
async def test_without_a_deadline_no_server_can_ask_for_a_wait_without_end(asked_s: float) -> None:
    model = Failing(RateLimitError("429", retry_after_s=asked_s))
    response = await model.layer(deadline_s=None)(REQUEST)  # type: ignore[arg-type]
    assert 60.0 <= response.log.waited_s <= 60.5


async def test_with_a_deadline_a_longer_wait_still_ends_at_once() -> None:
    model = Failing(RateLimitError("429", retry_after_s=1e9))
    with pytest.raises(RateLimitError):
        await model.layer(deadline_s=600.0)(REQUEST)
    assert model.clock.now() == 0.0
