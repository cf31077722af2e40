"""Ports beside the server's own: TLS with a certificate, and a proxy that never answers."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from contextlib import suppress
from pathlib import Path

import trustme

_DAY = dt.timedelta(days=1)


def tls_context(folder: Path, *, expired: bool) -> ssl.SSLContext:
    """Make a certificate for the loopback addresses; its authority is written to `ca.pem`.

    A client has to be told to trust that authority (`SSL_CERT_FILE`), or it complains about that
    first and never comes to the date.
    """
    now = dt.datetime.now(dt.UTC)
    authority = trustme.CA()
    dates = {"not_before": now - 30 * _DAY, "not_after": now - _DAY} if expired else {}
    certificate = authority.issue_cert("127.0.0.1", "localhost", **dates)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return context


class HangingProxy:
    """Takes every connection, reads what comes, and never says a word.

    Attributes:
        port: Where.
        taken: How many connections came.
        open: How many are open now.
    """

    def __init__(self) -> None:
        self.port = 0
        self.taken = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> int:
        return len(self._tasks)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._listen, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.taken += 1
        try:
            while await reader.read(65_536):
                pass
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
