"""A hostile OpenAI-compatible endpoint: latencies, rate limits, every fault, exact books.

    with FaultServer(faults={"502": 0.05}, requests_per_minute=600, burst_s=1) as server:
        promptkit.connect(base_url=server.url, api_key="any", model="m")
        server.book.totals()

As a process, controlled over HTTP (`GET /stats`, `/stats?items=1`, `/stats?short=1`, `/reset`):

    python -m tests.servers.fault_server --port 8080 --faults 408=0.01,reset-in-body=0.02 \
        --latency lognormal:0.05,0.5 --requests-per-minute 60000 --headers azure --seed 7

What goes wrong is drawn by seed, item and attempt, so a run can be repeated; or an item asks for it
by its model's name, see `fault_kinds`. What an attempt counts as, see `fault_book`.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import threading
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from .fault_book import Book
from .fault_buckets import STYLES
from .fault_draw import parse_weights
from .fault_endpoint import Endpoint
from .fault_ports import HangingProxy, tls_context

PATHS = ("/chat/completions", "/completions", "/responses", "/embeddings", "/moderations")


class FaultServer:
    """The server, in a thread with a loop of its own; a context manager.

    Attributes:
        endpoint: Who answers; takes the settings.
        url: Where.
        tls_url: Where with TLS, if `tls` is "expired" or "valid".
        proxy_url: A proxy that takes connections and never answers.
        folder: Holds `ca.pem`, the authority of the certificate.
    """

    def __init__(self, *, port: int = 0, tls: str | None = None, **settings: Any) -> None:
        """Set it up with an `Endpoint`'s settings; `with` starts it. Port 0 is any free one."""
        self.endpoint = Endpoint(**settings)
        self.port = port
        self.tls = tls
        self.url = self.tls_url = self.proxy_url = ""
        self.folder: Path | None = None
        self.runner: web.AppRunner | None = None
        self.proxy = HangingProxy()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def book(self) -> Book:
        """What was asked and answered."""
        return self.endpoint.book

    # -- running ------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop
        assert self._stop
        assert self._thread
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self.serve())

    async def serve(self) -> None:
        """Serve until told to stop."""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        with tempfile.TemporaryDirectory() as folder:
            self.folder = Path(folder)
            await self._start()
            self._ready.set()
            try:
                await self._stop.wait()
            finally:
                assert self.runner
                await self.runner.cleanup()
                await self.proxy.stop()

    async def _start(self) -> None:
        assert self.folder
        self.runner = web.AppRunner(
            self.application(), handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port, backlog=1024).start()
        self.port = self.runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        if self.tls is not None:
            context = tls_context(self.folder, expired=self.tls == "expired")
            await web.TCPSite(self.runner, "127.0.0.1", 0, ssl_context=context).start()
            self.tls_url = f"https://localhost:{self.runner.addresses[1][1]}/v1"
        await self.proxy.start()
        self.proxy_url = f"http://127.0.0.1:{self.proxy.port}"

    def application(self) -> web.Application:
        """All routes."""
        app = web.Application(client_max_size=1 << 30)
        for path in PATHS:
            app.router.add_post("/v1" + path, self.endpoint.answer)
        app.router.add_get("/stats", self._stats)
        app.router.add_get("/reset", self._reset)
        try:
            from .batches import Batches
        except ImportError:
            return app
        Batches(self.endpoint.answer_line).add_to(app, prefix="/v1")
        return app

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        assert self.runner
        assert self.runner.server
        return len(self.runner.server.connections)

    # -- control ------------------------------------------------------------------------------

    async def _stats(self, request: web.Request) -> web.Response:
        if "short" in request.query:  # for who asks often: nothing is summed up
            counts = {"requests_by_key": self.book.requests_by_key}
            return web.json_response(counts, headers={"Connection": "close"})
        own = 1  # the connection that asks
        told = self.book.totals() | {"connections": self.connections - own}
        if "items" in request.query:
            told["by_digest"] = self.book.items()
        return web.json_response(told, headers={"Connection": "close"})

    async def _reset(self, request: web.Request) -> web.Response:
        self.endpoint.reset()
        return web.json_response({}, headers={"Connection": "close"})


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a hostile OpenAI-compatible API.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", type=parse_weights, default={}, help="408=0.01,reset=0.02")
    parser.add_argument("--latency", default="constant:0", help="seconds, lognormal:0.05,0.5")
    parser.add_argument("--size", default="uniform:3,9", help="words in an answer")
    parser.add_argument("--requests-per-minute", type=float)
    parser.add_argument("--tokens-per-minute", type=float)
    parser.add_argument("--burst-s", type=float, default=60.0, help="1, or 60: a minute's worth")
    parser.add_argument("--headers", choices=STYLES, default="openai")
    parser.add_argument("--settles", action="store_true", help="give unused tokens back")
    parser.add_argument("--tls", choices=("expired", "valid"))
    with FaultServer(**vars(parser.parse_args())) as server:
        print(server.url, server.tls_url or "-", server.proxy_url, flush=True)  # noqa: T201 -- for whoever started it
        threading.Event().wait()


if __name__ == "__main__":
    main()
