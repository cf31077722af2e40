"""One pretended endpoint: admits, fails or answers requests, and keeps books of all of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .fault_answers import Answer, longest, tokens_in
from .fault_book import Attempt, Book, elements
from .fault_buckets import Bucket, Quota, Style
from .fault_draw import Distribution, chooser, uniform
from .fault_kinds import FAULTS, Fault, asked_by_name, error_answer, error_json

_LONGEST_PROMPTS = 2048
_FAULT_WAIT_S = 0.05
"""What a 429 that is a fault asks a client to wait, where the headers can say so little."""

_GROUP = 4
"""Events of a stream that are written together."""


@dataclass(slots=True)
class _Exchange:
    """A request that was read, and what was drawn for it."""

    request: web.Request
    body: dict[str, Any]
    attempts: list[Attempt]
    told: dict[str, str]
    drawn: tuple[int, str, int]
    fault: Fault | None
    latency_s: float

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))


class Endpoint:
    """Answers, or not.

    Attributes:
        book: What was asked and answered.
        quotas: The rate limits, by (key, model).
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        faults: Mapping[str, float] | None = None,
        latency: str = "constant:0",
        size: str = "uniform:3,9",
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        burst_s: float = 60.0,
        headers: Style = "openai",
        settles: bool = False,
    ) -> None:
        """Set it up.

        Args:
            seed: Of all that is drawn.
            faults: The share of requests, by fault; the rest is answered well.
            latency: A distribution of seconds, see `fault_draw`.
            size: A distribution of words in an answer.
            requests_per_minute: None for no limit; per key and model.
            tokens_per_minute: Counted at admission, prompt and longest answer.
            burst_s: The buckets' capacity in seconds of refill: 1, or 60 for a whole minute's.
            headers: How limits are told: "openai", "azure", "together" or "none".
            settles: Whether tokens that an answer did not use are given back.
        """
        unknown = set(faults or ()) - FAULTS.keys()
        if unknown:
            raise ValueError(f"no such faults: {sorted(unknown)}; there are {', '.join(FAULTS)}")
        self.seed = seed
        self.pick = chooser(faults or {})
        self.latency = Distribution.parse(latency, most=120.0)
        self.size = Distribution.parse(size, most=100_000)
        self.limits = (requests_per_minute, tokens_per_minute, burst_s, headers)
        self.settles = settles
        self.quotas: dict[tuple[str, str], Quota] = {}
        self.book = Book()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Read a request and answer it in one way or another."""
        raw = await request.read()
        key = request.headers.get("Authorization", request.headers.get("api-key", ""))
        key = key.removeprefix("Bearer ")
        self.book.enter(key)
        attempts: list[Attempt] = []
        try:
            try:
                body = json.loads(raw)
                attempts += self.book.begin(request.path, body, key)
            except (ValueError, AttributeError, TypeError):
                return self._refuse(error_json(400, "This is no JSON object.", None, "invalid", {}))
            return await self._admit(request, body, key, attempts)
        finally:
            self.book.end(attempts, "gone")  # unless it ended in another way before
            self.book.leave()

    async def _admit(
        self, request: web.Request, body: dict[str, Any], key: str, attempts: list[Attempt]
    ) -> web.StreamResponse:
        prompts = elements(request.path, body)
        if not 0 < len(prompts) <= _LONGEST_PROMPTS:
            self.book.end(attempts, "refused")
            words = f"{len(prompts)} prompts; 1 to {_LONGEST_PROMPTS} are allowed."
            return self._refuse(error_json(400, words, None, "invalid_request_error", {}))
        quota = self._quota(key, str(body.get("model", "")))
        wanted = sum(tokens_in(prompt) for prompt in prompts)
        wanted += longest(body) * (body.get("n") or 1) * len(prompts)
        lacking, wait_s = quota.refusal_s(wanted)
        told = quota.headers()
        if lacking:
            self.book.end(attempts, "refused")
            self.book.faults["limit"] += 1
            words = f"Rate limit reached for {lacking}. Please try again in {wait_s:.3f}s."
            told |= quota.refusal_headers(wait_s)
            return self._refuse(error_json(429, words, "rate_limit_exceeded", lacking, told))
        name, exchange = self._draw(request, body, attempts, told)
        if exchange.fault is not None and exchange.fault.status is not None:
            self.book.end(attempts, "refused")
            await asyncio.sleep(exchange.latency_s)
            refusal = quota.refusal_headers(_FAULT_WAIT_S)
            return self._refuse(error_answer(name, exchange.fault, told, refusal))
        answer = self._work(request.path, exchange)
        if self.settles:
            quota.give_back(wanted - sum(a.input_tokens + a.output_tokens for a in attempts))
        self.book.statuses[200] += 1
        return await self._send(exchange, answer)

    def _refuse(self, response: web.Response) -> web.Response:
        self.book.statuses[response.status] += 1
        return response

    def _draw(
        self,
        request: web.Request,
        body: dict[str, Any],
        attempts: list[Attempt],
        told: dict[str, str],
    ) -> tuple[str, _Exchange]:
        """Choose the fault and the latency."""
        first = attempts[0]
        drawn = (self.seed, first.digest, first.number)
        name = asked_by_name(str(body.get("model", "")), first.number)
        name = name or self.pick(uniform("fault", *drawn))
        fault = FAULTS.get(name)
        if fault is not None and fault.streams_only and not body.get("stream"):
            name, fault = "", None
        if name:
            self.book.faults[name] += 1
            for attempt in attempts:
                attempt.fault = name
        latency_s = self.latency.draw(uniform("latency", *drawn))
        return name, _Exchange(request, body, attempts, told, drawn, fault, latency_s)

    def _work(self, path: str, exchange: _Exchange) -> Answer:
        """Work out the answer, and with it what is billed."""
        seed, digest, _ = exchange.drawn
        u = uniform("size", seed, digest)
        answer = Answer.to(path, exchange.body, int(self.size.draw(u)), int(u * 10))
        answer.usage = exchange.fault.usage if exchange.fault else ""
        for place, attempt in enumerate(exchange.attempts):
            attempt.input_tokens = answer.input_tokens[place]
            attempt.output_tokens = answer.output_tokens(place)
        return answer

    async def _send(self, exchange: _Exchange, answer: Answer) -> web.StreamResponse:
        fault = exchange.fault
        if fault is not None and fault.act is not None:
            await asyncio.sleep(exchange.latency_s)
            self.book.end(exchange.attempts, "broken")
            await fault.act(exchange.request, answer, exchange.told)
            return _Sent()
        if exchange.streams and answer.texts:
            events = answer.events()
            if fault is not None and fault.change is not None:
                events = fault.change(answer, events)
            return await self._stream(exchange, events)
        await asyncio.sleep(exchange.latency_s)
        text = json.dumps(answer.whole(), ensure_ascii=False)
        response = web.Response(text=text, content_type="application/json", headers=exchange.told)
        await response.prepare(exchange.request)
        await response.write_eof()
        self.book.end(exchange.attempts, "whole")
        return response

    async def _stream(self, exchange: _Exchange, events: list[str]) -> web.StreamResponse:
        head = exchange.told | {"Content-Type": "text/event-stream"}
        stream = web.StreamResponse(headers=head)
        await asyncio.sleep(exchange.latency_s / 2)
        await stream.prepare(exchange.request)
        groups = [events[place : place + _GROUP] for place in range(0, len(events), _GROUP)]
        for group in groups:
            await stream.write("".join(group).encode())
            await asyncio.sleep(exchange.latency_s / 2 / len(groups))
        await stream.write_eof()
        self.book.end(exchange.attempts, "whole")
        return stream

    def answer_line(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer one line of a batch file: (status, JSON). Error statuses come by model name."""
        attempts = self.book.begin(path, body, "batch")
        first = attempts[0]
        name = asked_by_name(str(body.get("model", "")), first.number)
        fault = FAULTS.get(name)
        if fault is not None and fault.status is not None:
            self.book.end(attempts, "refused")
            status, code, kind = fault.status
            told = {"message": f"This is the fault {name}.", "type": kind, "code": code}
            return status, {"error": told}
        u = uniform("size", self.seed, first.digest)
        answer = Answer.to(path, body, int(self.size.draw(u)), int(u * 10))
        for place, attempt in enumerate(attempts):
            attempt.input_tokens = answer.input_tokens[place]
            attempt.output_tokens = answer.output_tokens(place)
        self.book.end(attempts, "whole")
        return 200, answer.whole()

    def _quota(self, key: str, model: str) -> Quota:
        quota = self.quotas.get((key, model))
        if quota is None:
            requests, tokens, burst_s, style = self.limits
            quota = self.quotas[key, model] = Quota(
                Bucket(requests, burst_s) if requests else None,
                Bucket(tokens, burst_s) if tokens else None,
                style,
            )
        return quota

    def reset(self) -> None:
        """Forget all counts and fill all buckets."""
        self.book.reset()
        self.quotas.clear()


class _Sent(web.StreamResponse):
    """Stands for an answer that was written to the wire by hand."""

    def __init__(self) -> None:
        super().__init__()
        self._keep_alive = True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Write nothing."""
