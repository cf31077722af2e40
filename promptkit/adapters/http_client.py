"""What `HttpAdapter` asks of an HTTP client, and the errors that every client raises alike.

Rules for a client: one per event loop; no retries and no overall deadline (the retry layer has
both); no redirects, because the key would go along; nobody's exception is ever chained to ours,
because it may hold the request's headers; a call that is cancelled closes its connection at
once, so that the server stops working; a connection goes back to the pool only after a whole
answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from promptkit.errors import ConnectionFailedError, ProtocolError

CONNECT_TIMEOUT_S: Final = 10.0
"""For TCP and TLS together."""

KEEP_ALIVE_S: Final = 4.0
"""Below the five seconds after which common servers close an idle connection: a request sent on a
connection that is just being closed is lost, and nobody knows whether it was worked on."""

DRAIN_TIMEOUT_S: Final = 0.25
"""How long to wait for the last bytes after the end of an answer, to keep the connection."""

LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes. Far above any honest answer; below what would hurt the process."""

_OK: Final = 200

Answer = tuple[int, dict[str, str], bytes | None]
"""Status, kept headers by lower-case names, and the body; no body when a sink took it."""


class Sink(Protocol):
    """Takes the bytes of a stream as they come.

    Attributes:
        headers: The answer's kept headers; set before the first bytes.
        done: Whether nothing more is needed.
    """

    headers: dict[str, str]
    done: bool

    def feed(self, chunk: bytes, /) -> None:
        """Take the next bytes; what it raises ends the exchange and reaches the caller."""
        ...


class HttpClient(Protocol):
    """Posts JSON to one server."""

    async def post(self, url: str, payload: bytes, sink: Sink | None = None) -> Answer:
        """Send one request.

        Args:
            url: The whole address.
            payload: The body, as JSON.
            sink: Takes the answer's body when it comes as a stream of events.

        Raises:
            CallError: When no whole answer came; a ConnectionFailedError with `billed` False
                where it is sure that nothing was sent.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections; for a later request a new client is made."""
        ...

    def abandon(self) -> None:
        """Drop all connections without a word: their loop is gone, or runs in another process."""
        ...


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How a client reaches its server.

    Attributes:
        base_url: Names the server; addresses of requests begin with it.
        headers: Sent with each request.
        closes_streams: Whether a stream's connection is not used again: llama.cpp closes it
            after the stream, and does not say so.
        proxy: The proxy's address; None for a direct way.
    """

    base_url: str
    headers: dict[str, str]
    closes_streams: bool = False
    proxy: str | None = None


def is_event_stream(status: int, content_type: str) -> bool:
    """Whether an answer is a stream; a server that cannot stream sends plain JSON.

    >>> is_event_stream(200, "text/event-stream"), is_event_stream(200, "application/json; a=b")
    (True, False)
    """
    return status == _OK and not content_type.lower().startswith("application/json")


# -- errors ---------------------------------------------------------------------------------


def no_connection(host: str, why: str) -> ConnectionFailedError:
    """Return the error for a server that cannot be reached."""
    hint = "is the address right, and is the server running?"
    return unsent(ConnectionFailedError(f"no connection to {host} ({why})", hint=hint))


def connect_timed_out(host: str) -> ConnectionFailedError:
    """Return the error for a server that does not take the connection."""
    return no_connection(host, f"no answer within {CONNECT_TIMEOUT_S:.0f} s")


def bad_certificate(host: str, why: str) -> ConnectionFailedError:
    """Return the error for a server that cannot prove who it is; asking again would not help."""
    hint = "check the address and this machine's clock; SSL_CERT_FILE names an own authority"
    msg = f"the certificate of {host} is not trusted ({why})"
    error = unsent(ConnectionFailedError(msg, hint=hint))
    error.retryable = False
    return error


def no_answer(host: str) -> ConnectionFailedError:
    """Return the error for a connection that ends before the answer begins.

    It counts as billed even on a connection that was used before: bytes that left this machine
    may have been worked on.
    """
    return ConnectionFailedError(f"{host} closed the connection without an answer")


def lost_within(host: str) -> ConnectionFailedError:
    """Return the error for a connection that ends within the answer."""
    return ConnectionFailedError(f"the connection to {host} was lost within the answer")


def not_http(host: str) -> ProtocolError:
    """Return the error for an answer that is no HTTP."""
    return ProtocolError(f"{host} does not answer in HTTP")


def bad_coding(host: str) -> ProtocolError:
    """Return the error for a body that does not unpack."""
    return ProtocolError(f"{host} sent a body whose compression cannot be read")


def too_large() -> ProtocolError:
    """Return the error for an answer past the bound."""
    return ProtocolError(f"the answer is larger than {LARGEST_ANSWER // 1024**2} MiB")


def unsent(error: ConnectionFailedError) -> ConnectionFailedError:
    """Mark an error as one where nothing reached the server, so that nothing is billed."""
    error.billed = False  # this one instance differs from its class
    return error
