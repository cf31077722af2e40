"""The model in this process: llama.cpp through xllamacpp, on a loopback address.

Rules: nothing starts before the first request; one server per process and model file, whoever
asks, and forked children ask their parent's; it computes on the cores that are free when it
starts, because llama.cpp's threads wait for each other at every step; it wants a key made up at
its start, so that nobody else on the machine can use it.
"""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import os
import secrets
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from promptkit.adapters.http import HttpAdapter
from promptkit.adapters.model_file import (
    MODEL_NAME,
    MODEL_SHA256,
    checked_model,
    fingerprint,
    model_path,
)
from promptkit.errors import MissingExtraError, ModelFileError
from promptkit.request import Request
from promptkit.response import Response
from promptkit.secret import Secret
from promptkit.transport import OnText

SLOTS: Final = 4
"""Requests that the server works on at once."""

CONTEXT_TOKENS: Final = 2048
"""Prompt and answer of one slot together."""

_CACHE_MIB: Final = 256
"""llama.cpp's prompt cache grows without bound by default."""

_HTTP_THREADS: Final = 32
"""A kept-alive connection holds a thread, so there are more of them than slots."""

_SILENT: Final = -1


class LocalAdapter:
    """A Transport to a model in this process.

    Attributes:
        endpoint: "local:", the model's name and a digest of its file.
        concurrency: How many requests it works on at once.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        """Prepare; the model is loaded by the first request.

        Args:
            path: A GGUF file; None for the embedded model.

        Raises:
            ModelFileError: When `path` is no GGUF file. That the embedded model is missing is
                told by the first request, so that cached and recorded answers do without it.
        """
        self._path = None if path is None else Path(path).expanduser().resolve()
        if self._path is None:
            self.model, digest = MODEL_NAME, MODEL_SHA256[:12]
        else:
            checked_model(self._path)
            self.model, digest = self._path.stem, fingerprint(self._path)
        self.endpoint = f"local:{self.model}@{digest}"
        self.concurrency = SLOTS
        self._http: HttpAdapter | None = None

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Ask the model; whatever model the request names, this one answers.

        Raises:
            MissingExtraError: When xllamacpp is not installed.
            ModelFileError: When there are no weights, or they are damaged.
            CallError: As for any endpoint.
        """
        if self._http is None:
            running = await asyncio.to_thread(_running, self._path, self.model)
            self._http = running.adapter()
        response = await self._http(request, on_text)
        return replace(response, model=self.model)

    async def aclose(self) -> None:
        """Close the connections; the server stays for others until the process ends."""
        if self._http is not None:
            await self._http.aclose()

    def __repr__(self) -> str:
        """Show the model."""
        return f"LocalAdapter({self.endpoint})"


@dataclass(frozen=True, slots=True)
class _Running:
    """A started server: its object (which stops it when dropped), address and key."""

    server: Any
    address: str
    key: Secret

    def adapter(self) -> HttpAdapter:
        return HttpAdapter(
            base_url=f"{self.address}/v1",
            api_key=self.key,
            constraints="grammar",
            concurrency=SLOTS,
        )


_servers: Final[dict[Path, _Running]] = {}
_lock = threading.Lock()


def _running(path: Path | None, name: str) -> _Running:
    """Return the running server for a model file, starting it if need be."""
    with _lock:
        file = path or model_path()
        running = _servers.get(file)
        if running is None:
            running = _servers[file] = _started(checked_model(path), name)
        return running


def _started(file: Path, name: str) -> _Running:
    try:
        import xllamacpp
    except ImportError:
        msg = "the embedded model needs xllamacpp, which is not installed"
        raise MissingExtraError(msg, hint="pip install promptkit[local]") from None
    key = secrets.token_urlsafe(24)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.model_alias = {name}
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * CONTEXT_TOKENS
    for cpu in (parameters.cpuparams, parameters.cpuparams_batch):
        cpu.n_threads = threads()
        cpu.poll = 0  # waiting threads sleep: the one they wait for may need their core
    parameters.n_threads_http = _HTTP_THREADS
    parameters.cache_ram_mib = _CACHE_MIB
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.verbosity = _SILENT
    try:
        server = xllamacpp.Server(parameters)
    except Exception as error:  # noqa: BLE001 -- llama.cpp raises what it likes
        reason = str(error).replace(str(file), file.name)[:200]
    else:
        return _Running(server, server.listening_address, Secret(key))
    msg = f"llama.cpp cannot load {file.name} ({reason})"
    raise ModelFileError(msg, hint="is it a whole GGUF file of a model that llama.cpp knows?")


def threads() -> int:
    """Return how many threads to compute with: the cores that are not busy with something else.

    A thread that has to share its core holds all others up. Measured on two cores, answers of 24
    tokens, four at a time: quiet, one thread wrote 90 tokens a second and two 173; with other
    work on both cores one thread wrote 33 to 45 and two 4 to 10. Their number does not change
    the answers.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    cores = cores or 1
    return max(1, min(cores, round(cores - busy)))


@atexit.register
def _stop_all() -> None:
    """Stop the servers while the interpreter is whole."""
    _servers.clear()


def _after_fork() -> None:
    """Let a child after a fork ask its parent's servers.

    llama.cpp's threads are not copied, and it cannot start again in the child: it would wait for
    them for ever. So would the end of its objects, in Python and in C++: the former get a
    reference that is never given back, and before the latter the process has ended.
    """
    global _lock  # noqa: PLW0603 -- the parent may have held it
    _lock = threading.Lock()
    if not _servers:
        return
    for running in _servers.values():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(running.server))
    libc = ctypes.CDLL(None)
    if hasattr(libc, "on_exit"):
        # Run by exit() with the exit code, before the handlers that C++ registered earlier.
        libc.on_exit(libc._exit, None)  # noqa: SLF001 -- the name that POSIX gave it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
