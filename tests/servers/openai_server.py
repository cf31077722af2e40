"""A small OpenAI-compatible server for tests, in a thread of its own.

It answers every question with the same sentence, word by word, and keeps to the options that
change an answer: max_tokens, stop, n, logprobs, response_format. What goes wrong is chosen by
the model's name, see `FAULTS`; a name that is neither in `MODELS` nor there is unknown (404).

    with OpenAIServer() as server:
        HttpAdapter(base_url=server.url, api_key=Secret(server.key))

As a program: `python openai_server.py --port 8080` serves until it is interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import re
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

KEY = "sk-test-0123456789abcdefWXYZ"
ANSWER = "Mice are afraid of wolves, and so are sheep, naïve ones too 🐑."
MODELS = (
    "test-model",
    "slow",
    "slow-stream",
    "no-usage",
    "absurd-usage",
    "no-stream",
    "unfinished",
    "no-done",
)
LIMITS = {
    "x-request-id": "req_1",
    "x-ratelimit-limit-requests": "600",
    "x-ratelimit-remaining-requests": "599",
    "x-ratelimit-reset-requests": "100ms",
    "openai-processing-ms": "12",
    "openai-organization": "somebody",
    "set-cookie": "session=1",
}


def error(status: int, message: str, code: str | None, kind: str, **headers: str) -> web.Response:
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=LIMITS | headers)


HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>"
TOO_LONG = "This model's maximum context length is 8192 tokens. You requested 9000 tokens."
FAULTS: dict[str, Callable[[str], web.Response]] = {
    "fail-400": lambda text: error(400, f"Invalid value: {text}", "bad", "invalid_request_error"),
    "fail-context": lambda _: error(400, TOO_LONG, "context_length_exceeded", "invalid"),
    "fail-403": lambda _: error(403, "Not allowed", None, "forbidden"),
    "fail-429": lambda _: error(429, "Slow down", "rate_limit_exceeded", "x", retry_after_ms="70"),
    "fail-quota": lambda _: error(429, "You have no credit", "insufficient_quota", "quota"),
    "fail-500": lambda _: error(500, "The server had an error", None, "server_error"),
    "fail-502": lambda _: web.Response(status=502, text=HTML, content_type="text/html"),
    "garbage": lambda _: web.Response(text="{ this is no json", content_type="application/json"),
    "empty": lambda _: web.Response(text="", content_type="application/json"),
    "no-choices": lambda _: web.json_response({"id": "x"}),
    "error-200": lambda _: web.json_response({"error": {"message": "upstream died", "code": "x"}}),
    "redirect": lambda _: web.Response(status=307, headers={"Location": "http://127.0.0.1:1/v1"}),
}


def tokens(text: str) -> list[str]:
    """Cut a text into «tokens»: words with the space before them."""
    return re.findall(r"\s*\S+|\s+$", text)


@dataclass
class Seen:
    """A request as the server got it."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class OpenAIServer:
    """The server; a context manager.

    Attributes:
        requests: All requests so far.
        cancelled: How many clients went away before their answer was complete.
        connections: How many connections are open now.
    """

    port: int = 0
    key: str = KEY
    delay_s: float = 30.0
    url: str = ""
    requests: list[Seen] = field(default_factory=list)
    cancelled: int = 0
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _runner: web.AppRunner | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop
        assert self._runner
        assert self._thread
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def connections(self) -> int:
        assert self._runner
        assert self._runner.server
        return len(self._runner.server.connections)

    async def _start(self) -> None:
        app = web.Application(client_max_size=1 << 30)
        for path, handler in (
            ("/chat/completions", self._generate),
            ("/completions", self._generate),
            ("/responses", self._generate),
            ("/embeddings", self._embeddings),
            ("/moderations", self._moderations),
        ):
            app.router.add_post("/v1" + path, handler)
            # Azure's two forms.
            app.router.add_post("/openai/deployments/{model}" + path, handler)
            app.router.add_post("/openai" + path, handler)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    async def _admit(self, request: web.Request) -> tuple[dict[str, Any], web.Response | None]:
        """Read a request; return its body and, where there is one, what is wrong with it."""
        body = await request.json()
        self.requests.append(Seen(request.path_qs, body, dict(request.headers)))
        sent = request.headers.get("api-key") or request.headers.get("Authorization", "")
        if sent.removeprefix("Bearer ") != self.key:
            message = f"Incorrect API key provided: {sent.removeprefix('Bearer ')}."
            return body, error(401, message, "invalid_api_key", "invalid_request_error")
        model = request.match_info.get("model") or body.get("model", "")
        if model in FAULTS:
            return body, FAULTS[model](json.dumps(body.get("messages") or body))
        if model.startswith("hang-up"):
            if model == "hang-up" or not body.get("stream"):
                assert request.transport
                request.transport.abort()
        elif model not in MODELS:
            message = f"The model `{model}` does not exist"
            return body, error(404, message, "model_not_found", "invalid_request_error")
        if model == "slow":
            await self._wait()
        return body, None

    async def _wait(self) -> None:
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    # -- text -------------------------------------------------------------------------------

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        body, fault = await self._admit(request)
        if fault is not None:
            return fault
        api = request.path.rsplit("/", 1)[-1]
        answer = _Answer.to(body, is_chat=request.path.endswith("/chat/completions"))
        whole = answer.responses() if api == "responses" else answer.choices()
        if not body.get("stream") or body["model"] == "no-stream":
            return web.json_response(whole, headers=LIMITS)
        stream = web.StreamResponse(headers=LIMITS | {"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        events = answer.response_events() if api == "responses" else answer.chunks()
        for place, event in enumerate(events):
            if place == 3 and body["model"] == "hang-up-mid-stream":
                assert request.transport
                request.transport.close()
                return stream
            if place == 3 and body["model"] == "slow-stream":
                await self._wait()
            try:
                await stream.write(event.encode())
            except ConnectionResetError:
                self.cancelled += 1
                raise asyncio.CancelledError from None
        return stream

    # -- numbers ----------------------------------------------------------------------------

    async def _embeddings(self, request: web.Request) -> web.Response:
        body, fault = await self._admit(request)
        if fault is not None:
            return fault
        data = []
        for index, text in enumerate(body["input"]):
            floats = [float(len(text)), 0.5, -0.25]
            packed = base64.b64encode(struct.pack("<3f", *floats)).decode()
            wanted = packed if body.get("encoding_format") == "base64" else floats
            data.append({"object": "embedding", "index": index, "embedding": wanted})
        count = sum(len(tokens(text)) for text in body["input"])
        usage = {"prompt_tokens": count, "total_tokens": count}
        # In reverse: a client that trusts the order and not the index is wrong.
        answer = {"object": "list", "model": body["model"], "data": data[::-1], "usage": usage}
        return web.json_response(answer, headers=LIMITS)

    async def _moderations(self, request: web.Request) -> web.Response:
        body, fault = await self._admit(request)
        if fault is not None:
            return fault
        texts = body["input"]
        if texts and isinstance(texts[0], dict):  # the parts of one input, images among them
            texts = [" ".join(part.get("text", "") for part in texts)]
        results = [
            {"flagged": "kill" in text, "categories": {"violence": "kill" in text}}
            for text in texts
        ]
        return web.json_response({"id": "m", "model": body["model"], "results": results})


@dataclass
class _Answer:
    """One answer, to be written in the form of any of the three text APIs."""

    body: dict[str, Any]
    texts: list[list[str]]
    reason: str
    is_chat: bool
    prompt_tokens: int

    @classmethod
    def to(cls, body: dict[str, Any], *, is_chat: bool) -> _Answer:
        wanted = body.get("response_format") or (body.get("text") or {}).get("format") or {}
        schema = (wanted.get("json_schema") or wanted).get("schema")
        pieces = tokens(json.dumps(_instance(schema)) if schema else ANSWER)
        reason = "stop"
        for stop in body.get("stop") or []:
            before, found, _ = "".join(pieces).partition(stop)
            pieces = tokens(before) if found else pieces
        names = ("max_tokens", "max_completion_tokens", "max_output_tokens")
        longest = next((body[name] for name in names if name in body), None)
        if longest is not None and longest < len(pieces):
            pieces, reason = pieces[:longest], "length"
        prompt = body.get("messages") or body.get("input") or body.get("prompt")
        return cls(body, [pieces] * body.get("n", 1), reason, is_chat, len(tokens(str(prompt))))

    def usage(self) -> Any:
        if self.body["model"] == "no-usage":
            return None
        if self.body["model"] == "absurd-usage":
            return {"prompt_tokens": -1, "completion_tokens": "many", "total_tokens": True}
        count = sum(len(pieces) for pieces in self.texts)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": count,
            "total_tokens": self.prompt_tokens + count,
            "prompt_tokens_details": {"cached_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }

    def logprobs(self, pieces: list[str]) -> Any:
        if self.body.get("logprobs") is None:
            return None
        if not self.is_chat:
            return {
                "tokens": pieces,
                "token_logprobs": [-0.5] * len(pieces),
                "top_logprobs": [{piece: -0.5, " cat": -2.0} for piece in pieces],
            }
        tops = [{"token": " cat", "logprob": -2.0}] * (self.body.get("top_logprobs") or 0)
        return {
            "content": [{"token": p, "logprob": -0.5, "top_logprobs": tops} for p in pieces],
            "refusal": None,
        }

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": "answer-1", "object": kind, "created": 1, "model": self.body["model"]}

    def choices(self) -> dict[str, Any]:
        choices = []
        for index, pieces in enumerate(self.texts):
            choice = {"index": index, "finish_reason": self.reason}
            choice["logprobs"] = self.logprobs(pieces)
            text = "".join(pieces)
            if self.is_chat:
                choice["message"] = {"role": "assistant", "content": text, "refusal": None}
            else:
                choice["text"] = text
            choices.append(choice)
        kind = "chat.completion" if self.is_chat else "text_completion"
        return self._head(kind) | {"choices": choices[::-1], "usage": self.usage()}

    def chunks(self) -> list[str]:
        """Write a stream: comments, CRLF line ends and a chunk without choices are in it."""
        kind = "chat.completion.chunk" if self.is_chat else "text_completion"
        head = self._head(kind)
        chunks: list[Any] = [": a comment"]
        for index, pieces in enumerate(self.texts):
            if self.is_chat:
                delta = {"role": "assistant", "content": ""}
                chunks.append(head | {"choices": [{"index": index, "delta": delta}]})
            for piece in pieces:
                said = {"delta": {"content": piece}} if self.is_chat else {"text": piece}
                choice = {"index": index, **said, "finish_reason": None}
                choice["logprobs"] = self.logprobs([piece])
                chunks.append(head | {"choices": [choice]})
        if self.body["model"] != "unfinished":
            for index in range(len(self.texts)):
                said = {"delta": {}} if self.is_chat else {"text": ""}
                choice = {"index": index, **said, "finish_reason": self.reason}
                chunks.append(head | {"choices": [choice]})
            if (self.body.get("stream_options") or {}).get("include_usage"):
                chunks.append(head | {"choices": [], "usage": self.usage()})
            if self.body["model"] != "no-done":
                chunks.append("data: [DONE]")
        lines = (c if isinstance(c, str) else f"data: {json.dumps(c)}" for c in chunks)
        return [f"{line}\r\n\r\n" for line in lines]

    def responses(self) -> dict[str, Any]:
        usage = self.usage()
        if usage and self.body["model"] != "absurd-usage":
            usage = {
                "input_tokens": usage["prompt_tokens"],
                "output_tokens": usage["completion_tokens"],
                "input_tokens_details": {"cached_tokens": 1},
                "output_tokens_details": {"reasoning_tokens": 0},
            }
        part: dict[str, Any] = {"type": "output_text", "text": "".join(self.texts[0])}
        if "message.output_text.logprobs" in self.body.get("include", []):
            tops = [{"token": " cat", "logprob": -2.0}] * (self.body.get("top_logprobs") or 0)
            part["logprobs"] = [
                {"token": p, "logprob": -0.5, "top_logprobs": tops} for p in self.texts[0]
            ]
        message = {"type": "message", "role": "assistant", "content": [part]}
        cut = self.reason == "length"
        return self._head("response") | {
            "status": "incomplete" if cut else "completed",
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "output": [{"type": "reasoning", "summary": []}, message],
            "usage": usage,
        }

    def response_events(self) -> list[str]:
        whole = self.responses()
        kind = "response.incomplete" if self.reason == "length" else "response.completed"
        started = self._head("response") | {"status": "in_progress", "output": []}
        events: list[dict[str, Any]] = [{"type": "response.created", "response": started}]
        events += [
            {"type": "response.output_text.delta", "delta": piece} for piece in self.texts[0]
        ]
        if self.body["model"] != "unfinished":
            events.append({"type": kind, "response": whole})
        return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]


def _instance(schema: dict[str, Any]) -> Any:
    """Return something that fits a simple schema; the last of an enum."""
    if "enum" in schema:
        return schema["enum"][-1]
    kind = schema.get("type")
    if kind == "object":
        return {name: _instance(inner) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_instance(schema["items"])]
    return {"integer": 7, "number": 0.5, "boolean": True}.get(kind or "", "Paris")


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve an OpenAI-compatible API for tests.")
    parser.add_argument("--port", type=int, default=0)
    with OpenAIServer(port=parser.parse_args().port) as server:
        print(server.url, server.key, flush=True)  # noqa: T201 -- for whoever started it
        threading.Event().wait()


if __name__ == "__main__":
    main()
