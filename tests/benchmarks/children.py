"""Starts servers and clients in processes of their own, and talks to the clients."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self
from urllib.request import urlopen

from .environments import HIDDEN, PEERS, ROOT, interpreter

CLIENT_CORE: Final = 0
SERVER_CORE: Final = 1

PATIENCE_S: Final = 900.0
"""A client that has not answered by then is killed, so that one peer cannot stop the others."""

SILENT: Final = {
    "OPENAI_API_KEY": "sk-benchmark-0123456789",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LANGSMITH_TRACING": "false",
    "DO_NOT_TRACK": "1",
    "TELEMETRY_ENABLED": "false",
    "INSPECT_LOG_LEVEL": "error",
    "PROMPTKIT_READOUT": "0",
    "PYTHONWARNINGS": "ignore",
}
"""Peers must measure themselves and not their telemetry, and fetch nothing."""


class PeerError(Exception):
    """A client could not do what it was asked for."""


def pin(core: int, process: int) -> None:
    """Keep a process on one core, where the system can do that and has more than one."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    with contextlib.suppress(OSError):
        os.sched_setaffinity(process, {cores[core % len(cores)]})


@contextlib.contextmanager
def server(*arguments: str) -> Iterator[str]:
    """Run a server on its own core; yields its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.server", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        pin(SERVER_CORE, process.pid)
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def stats(url: str, window_s: float = 60.0) -> dict[str, float]:
    """Return what a server counted in its first `window_s` seconds."""
    address = f"{url.removesuffix('/v1')}/stats?window={window_s}"
    with urlopen(address) as answer:  # noqa: S310 -- our own server
        told: dict[str, float] = json.load(answer)
    return told


class Client:
    """One peer's process, which stays alive from round to round."""

    def __init__(self, name: str, *, home: str | None = None, core: int = CLIENT_CORE) -> None:
        """Start it.

        Args:
            name: One of `PEERS`.
            home: The folder that it sees as the user's; by default one of its own.
            core: Where it runs.
        """
        self.name = name
        self.peer = PEERS[name]
        python = interpreter(self.peer)
        if python is None:
            raise PeerError(f"{name} has no environment; run with --make-environments")
        self._temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._home = home or self._temporary.name
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 -- closed with the client
        child = Path(__file__).with_name("peers") / "child.py"
        self._process = subprocess.Popen(
            [python, child, self.peer.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=self._environment(),
            cwd=self._home,
        )
        pin(core, self._process.pid)

    def _environment(self) -> dict[str, str]:
        passed = ["PATH", "LANG", "TMPDIR"]
        if not self.peer.environment:
            passed.append("PYTHONPATH")  # so that another checkout of promptkit can be measured
        kept = {name: os.environ[name] for name in passed if name in os.environ}
        homes = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "INSPECT_CACHE_DIR", "PROMPTKIT_HOME")
        blocked = HIDDEN.get(self.name, ())
        return {
            **kept,
            **SILENT,
            **dict.fromkeys(homes, self._home),
            "BENCHMARK_WITHOUT": ",".join(blocked),
        }

    def begin(self, do: str, **order: Any) -> None:
        """Give an order; `end` waits for its answer."""
        assert self._process.stdin
        setting = order.get("setting")
        if setting is not None:
            setting.setdefault("variant", self.peer.variant)
            setting.setdefault("folder", tempfile.mkdtemp(dir=self._temporary.name))
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Return the answer to the last order.

        Raises:
            PeerError: With the end of what the client wrote, when it failed.
        """
        assert self._process.stdout
        watchdog = threading.Timer(PATIENCE_S, self._process.send_signal, [signal.SIGABRT])
        watchdog.start()
        line = self._process.stdout.readline()
        watchdog.cancel()
        ended = {"error": f"it ended, or gave no answer within {PATIENCE_S:g} s"}
        answer: dict[str, Any] = json.loads(line) if line else ended
        if "error" in answer:
            self._log.seek(0)
            raise PeerError(f"{self.name}: {answer['error']}\n{self._log.read()[-2000:]}")
        return answer

    def order(self, do: str, **order: Any) -> dict[str, Any]:
        """Give an order and return its answer."""
        self.begin(do, **order)
        return self.end()

    def versions(self) -> dict[str, str]:
        """Return the versions of what is measured; empty for what is not installed."""
        told: dict[str, str] = self.order("hello", distributions=list(self.peer.shown))["versions"]
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
        self._log.close()
        self._temporary.cleanup()
