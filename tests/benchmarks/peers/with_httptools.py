"""The limit of Python: a bare asyncio Protocol on httptools, uvloop and orjson.

It knows one server, keeps every connection and gives up at the first surprise: nothing to use,
only something to compare with.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from child import KEY, MODEL, Setting, windowed


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop

    return uvloop.new_event_loop


class Connection(asyncio.Protocol):
    """One connection that has at most one request under way."""

    __slots__ = ("_chunks", "answer", "parser", "transport")

    def __init__(self, make_parser: Callable[[Any], Any]) -> None:
        self.parser = make_parser(self)
        self.answer: asyncio.Future[bytes] | None = None
        self._chunks: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._chunks = []

    def on_body(self, chunk: bytes) -> None:
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        answer, self.answer = self.answer, None
        assert answer is not None
        answer.set_result(b"".join(self._chunks))


@asynccontextmanager
async def opened(setting: Setting, failed: dict[str, int] | None = None) -> AsyncIterator[Any]:
    del failed
    import httptools
    import orjson

    loop = asyncio.get_running_loop()
    place = urlsplit(setting.url)
    head = (
        f"POST {place.path}/chat/completions HTTP/1.1\r\nhost: {place.netloc}\r\n"
        f"authorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: "
    ).encode()
    idle: list[Connection] = []

    async def ask(prompt: str) -> str:
        if idle:
            connection = idle.pop()
        else:
            _, connection = await loop.create_connection(
                lambda: Connection(httptools.HttpResponseParser), place.hostname, place.port
            )
        messages = [{"role": "user", "content": prompt}]
        body = orjson.dumps({"model": MODEL, "messages": messages, "temperature": 0})
        connection.answer = answer = loop.create_future()
        connection.transport.write(b"%b%d\r\n\r\n%b" % (head, len(body), body))
        whole = await answer
        idle.append(connection)
        text: str = orjson.loads(whole)["choices"][0]["message"]["content"]
        return text

    async def run(prompts: Iterable[str]) -> int:
        return await windowed(ask, prompts, setting.window)

    yield run
    for connection in idle:
        connection.transport.close()
