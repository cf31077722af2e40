"""An OpenAI-compatible server that is fast enough not to be what a benchmark measures.

    python -m tests.benchmarks.server [--latency-ms 200] [--pieces 12] [--limit requests:600:second]

It prints its address and answers every POST with the same chat completion, streamed when the
request asks for that. With `--limit` it keeps a bucket of requests or tokens and tells of it in
OpenAI's headers; what it granted and refused is at GET /stats. Over 20,000 answers a second on
one core, with uvloop; without, about a third of that.

A request's tokens are a quarter of its body's bytes and, for the answer, from 20 to 60 by the
body's digest: so their number is settled by the request and unknown to the client beforehand.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
import zlib
from dataclasses import dataclass, field

import httptools

from .buckets import Bucket

MARK = "42"
"""Stands in every answer, so that a client can tell an answer from anything else."""

CREATED = 1_700_000_000


@dataclass(slots=True)
class Book:
    """What the server did.

    Attributes:
        granted: (seconds after the first request, amount) of each request granted.
        refused: Seconds after the first request, of each one refused.
    """

    total: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    first_at: float | None = None
    granted: list[tuple[float, float]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def stats(self, window_s: float, bucket: Bucket | None) -> dict[str, float]:
        """Sum up the first `window_s` seconds after the first request."""
        told = {"total": self.total, "most_in_flight": self.most_in_flight}
        if bucket is not None:
            told |= {
                "granted": sum(amount for at, amount in self.granted if at < window_s),
                "granted_requests": sum(at < window_s for at, _ in self.granted),
                "refused": sum(at < window_s for at in self.refused),
                "grantable": bucket.grantable(window_s),
                "refilled": bucket.per_minute * window_s / 60,
            }
        return told


def completion(tokens: tuple[int, int]) -> bytes:
    """Return the body of a whole answer."""
    message = {"role": "assistant", "content": f"The answer is {MARK}. " * 3, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": CREATED, "model": "m"}
    return json.dumps({**head, "choices": [choice], "usage": usage(tokens)}).encode()


def usage(tokens: tuple[int, int]) -> dict[str, object]:
    """Return a usage field with its details, as OpenAI sends it."""
    return {
        "prompt_tokens": tokens[0],
        "completion_tokens": tokens[1],
        "total_tokens": sum(tokens),
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def events(pieces: int) -> bytes:
    """Return an answer as a stream of server-sent events, in one chunk."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": "m"}
    words = [f"The answer is {MARK}.".split()[i % 4] + " " for i in range(pieces)]
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in words), {}]
    text = ""
    for place, delta in enumerate(deltas):
        reason = "stop" if place == len(deltas) - 1 else None
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        text += f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"
    text += f"data: {json.dumps({**head, 'choices': [], 'usage': usage((25, pieces))})}\n\n"
    body = f"{text}data: [DONE]\n\n".encode()
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    )


def message(status: str, body: bytes, headers: str = "") -> bytes:
    """Return a whole HTTP message."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


class Server:
    """Settings, bucket and book of one server."""

    def __init__(self, latency_s: float = 0.0, pieces: int = 12, limit: str | None = None) -> None:
        self.latency_s = latency_s
        self.kind = ""
        self.bucket: Bucket | None = None
        if limit:
            self.kind, per_minute, bucket_kind = limit.split(":")
            self.bucket = Bucket(float(per_minute), bucket_kind)
        self.book = Book()
        self.whole = message("200 OK", completion((25, 15)), "x-request-id: req_1\r\n")
        self.streamed = events(pieces)

    def answer(self, body: bytes) -> tuple[bytes, float]:
        """Return the answer to a question, and how long to hold it back in seconds."""
        book = self.book
        book.total += 1
        if self.bucket is not None:
            return self._limited(self.bucket, body)
        streamed = b'"stream":true' in body or b'"stream": true' in body
        return (self.streamed if streamed else self.whole), self.latency_s

    def _limited(self, bucket: Bucket, body: bytes) -> tuple[bytes, float]:
        now = time.monotonic()
        if self.book.first_at is None:
            self.book.first_at = now
            bucket.level(now)
        at = now - self.book.first_at
        tokens = (len(body) // 4, 20 + zlib.crc32(body) % 41)
        amount = sum(tokens) if self.kind == "tokens" else 1
        wait_s = bucket.take(amount, now)
        headers = bucket.headers(self.kind, now)
        if not wait_s:
            self.book.granted.append((at, amount))
            return message("200 OK", completion(tokens), headers), self.latency_s
        self.book.refused.append(at)
        wait_ms = math.ceil(wait_s * 1000)
        headers += f"retry-after: {math.ceil(wait_s)}\r\nretry-after-ms: {wait_ms}\r\n"
        text = f"Rate limit reached on {self.kind} per min. Please try again in {wait_ms}ms."
        error = {"message": text, "type": self.kind, "param": None, "code": "rate_limit_exceeded"}
        body = json.dumps({"error": error}).encode()
        return message("429 Too Many Requests", body, headers), min(self.latency_s, 0.02)

    def stats(self, query: bytes) -> bytes:
        """Return the book; `?window=60` says how many seconds count."""
        window_s = float(query.partition(b"window=")[2] or 60)
        return message("200 OK", json.dumps(self.book.stats(window_s, self.bucket)).encode())


class Connection(asyncio.Protocol):
    """One client's connection."""

    __slots__ = ("_body", "_loop", "_parser", "_server", "_transport", "_url")

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = b""
        self._body = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        server = self._server
        if self._url.startswith(b"/stats"):
            self._write(server.stats(self._url))
            return
        answer, wait_s = server.answer(self._body)
        if not wait_s:
            self._write(answer)
            return
        book = server.book
        book.in_flight += 1
        book.most_in_flight = max(book.most_in_flight, book.in_flight)
        self._loop.call_later(wait_s, self._write_late, answer)

    def _write_late(self, answer: bytes) -> None:
        self._server.book.in_flight -= 1
        self._write(answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)  # type: ignore[attr-defined]


async def serve(server: Server) -> None:
    """Print the address and serve until cancelled."""
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: Connection(server, loop), "127.0.0.1", 0, backlog=4096
    )
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1", flush=True)
    await listening.serve_forever()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--pieces", type=int, default=12, help="pieces of a streamed answer")
    parser.add_argument("--limit", help="requests or tokens:per minute:second or minute")
    given = parser.parse_args()
    try:
        from uvloop import run
    except ImportError:
        from asyncio import run
    run(serve(Server(given.latency_ms / 1000, given.pieces, given.limit)))


if __name__ == "__main__":
    main()
