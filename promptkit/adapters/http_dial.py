"""Opening a connection: names, several addresses, TLS.

Several addresses are tried one after the other, a quarter of a second apart, and the first that
answers is taken (RFC 8305, «Happy Eyeballs»); uvloop does not bring this along.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
import ssl
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Final

_NEXT_ADDRESS_S: Final = 0.25
"""RFC 8305, section 8: how long to wait before the next address is tried."""

_NAMES_LAST_S: Final = 10.0
"""How long a name's addresses are remembered, so that a burst of connections asks once."""

_PROBE_IDLE_S: Final = 60
"""A reasoning model thinks for minutes without a word; routers forget such a connection."""

Address = tuple[Any, ...]
"""Family, kind, protocol, canonical name and socket address, as getaddrinfo gives them."""


class Names:
    """The addresses of one host, looked up once for all connections of a burst."""

    __slots__ = ("_addresses", "_host", "_lock", "_port", "_until")

    def __init__(self, host: str, port: int) -> None:
        """Prepare; nothing is looked up yet."""
        self._host = host
        self._port = port
        self._lock = asyncio.Lock()
        self._addresses: list[Address] = []
        self._until = 0.0

    async def addresses(self) -> list[Address]:
        """Return the addresses, the two families in turns.

        Raises:
            OSError: When the name is not known.
        """
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() >= self._until:
                self._addresses = in_turns(await self._look_up(loop))
                self._until = loop.time() + _NAMES_LAST_S
        return self._addresses

    async def _look_up(self, loop: asyncio.AbstractEventLoop) -> list[Any]:
        place = (self._host, self._port)
        if _is_literal(self._host):  # nobody is asked, so that no thread is needed
            flags = socket.AI_NUMERICHOST
            return socket.getaddrinfo(*place, type=socket.SOCK_STREAM, flags=flags)
        return await loop.getaddrinfo(*place, type=socket.SOCK_STREAM)

    def forget(self) -> None:
        """Look the name up again next time: its addresses did not answer."""
        self._until = 0.0


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def in_turns(addresses: list[Any]) -> list[Any]:
    """Order addresses so that the families take turns, the first one first (RFC 8305, section 4).

    >>> in_turns([("6", 1), ("6", 2), ("4", 3)])
    [('6', 1), ('4', 3), ('6', 2)]
    """
    families: dict[Any, list[Any]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    rounds = zip_longest(*families.values())
    return [address for turn in rounds for address in turn if address is not None]


async def connect(addresses: list[Address]) -> socket.socket:
    """Return a socket that is connected to the first address that answers.

    Raises:
        OSError: When none does.
    """
    if len(addresses) == 1:
        return await _connect_to(addresses[0])
    pending: set[asyncio.Task[socket.socket]] = set()
    failures: list[BaseException] = []
    rest = list(addresses)
    try:
        while rest or pending:
            if rest:
                pending.add(asyncio.ensure_future(_connect_to(rest.pop(0))))
            patience = _NEXT_ADDRESS_S if rest else None
            done, pending = await asyncio.wait(
                pending, timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                failure = task.exception()
                if failure is None:
                    pending |= done - {task}  # whoever else has just made it is not needed
                    return task.result()
                failures.append(failure)
    finally:
        for task in pending:
            task.cancel()
            task.add_done_callback(_close_unused)
    raise failures[0] if failures else OSError(errno.EADDRNOTAVAIL, "the name has no address")


def _close_unused(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _connect_to(address: Address) -> socket.socket:
    family, kind, protocol, _, place = address
    plug = socket.socket(family, kind, protocol)
    try:
        plug.setblocking(False)
        _keep_alive(plug)
        await asyncio.get_running_loop().sock_connect(plug, place)
    except BaseException:
        plug.close()
        raise
    return plug


def _keep_alive(plug: socket.socket) -> None:
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        if hasattr(socket, name):  # not every system has them
            plug.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), _PROBE_IDLE_S)


def tls_context() -> ssl.SSLContext:
    """Return how servers are checked: this machine's authorities, or those of SSL_CERT_FILE."""
    return _tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _tls_context(*_: str | None) -> ssl.SSLContext:
    """Loading the authorities takes tens of milliseconds, so that one context serves all."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
