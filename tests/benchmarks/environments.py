"""The clients that are compared, and an environment for each of them.

Peers do not live together: each has its own virtual environment with pinned versions, made when
first asked for. promptkit runs in the interpreter that runs the benchmark.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / ".venv" / "bench"
VARIABLE: Final = "PROMPTKIT_BENCH_ENVIRONMENTS"
"""Where the environments are, if not in FOLDER."""

FAST: Final = ("uvloop", "orjson")
"""What the `fast` extra adds: the plain promptkit must not see these."""

HIDDEN: Final = {
    "promptkit": FAST,
    "promptkit-no-cache": FAST,
    "promptkit-aiohttp": (*FAST, "httptools"),
}
"""What a client must not see; promptkit without httptools is what goes through a proxy."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One client.

    Attributes:
        label: What the table calls it.
        module: Its file in `peers`.
        environment: The name of its environment; empty for the benchmark's own interpreter.
        shown: Distributions whose versions are told, the client itself first.
        does: What it is asked for: "ask", "stream", "file", "memory", "limits", "noop".
        package: What `import` is measured on.
        variant: Which of its own kinds of client.
        share: The part of the prompts it gets, because it is slow; CPU per 1,000 is the same.
    """

    label: str
    module: str
    environment: str
    shown: tuple[str, ...]
    does: frozenset[str]
    package: str = ""
    variant: str = ""
    share: float = 1.0


def _peer(label: str, module: str, environment: str, shown: str, does: str, **more: str) -> Peer:
    share = float(more.pop("share", "1"))
    words = (tuple(shown.split()), frozenset(does.split()))
    return Peer(label, module, environment, *words, share=share, **more)


PEERS: Final = {
    "promptkit": _peer(
        "promptkit",
        "with_promptkit",
        "",
        "promptkit httptools",
        "ask stream file memory map limits noop",
        package="promptkit",
    ),
    "promptkit-aiohttp": _peer(
        "promptkit on aiohttp, as behind a proxy",
        "with_promptkit",
        "",
        "promptkit aiohttp",
        "ask stream",
    ),
    "promptkit-fast": _peer(
        "promptkit[fast]",
        "with_promptkit",
        "",
        "promptkit uvloop httptools orjson",
        "ask stream file memory map",
        variant="fast",
    ),
    "promptkit-no-cache": _peer(
        "promptkit without a cache",
        "with_promptkit",
        "",
        "promptkit httptools",
        "ask",
        variant="no cache",
    ),
    "aiohttp": _peer("bare aiohttp", "with_aiohttp", "bare", "aiohttp", "ask stream"),
    "httptools": _peer(
        "a bare protocol on httptools", "with_httptools", "bare", "httptools uvloop orjson", "ask"
    ),
    "lm-deluge": _peer(
        "lm-deluge", "with_lm_deluge", "lm-deluge", "lm-deluge", "ask file", package="lm_deluge"
    ),
    "async-batch-llm-aiohttp": _peer(
        "async-batch-llm on aiohttp",
        "with_async_batch_llm",
        "async-batch-llm",
        "async-batch-llm aiohttp",
        "ask",
        variant="aiohttp",
    ),
    "async-batch-llm": _peer(
        "async-batch-llm",
        "with_async_batch_llm",
        "async-batch-llm",
        "async-batch-llm openai",
        "ask noop",
        package="async_batch_llm",
        share="0.2",
    ),
    "openai-aiohttp": _peer(
        "AsyncOpenAI on aiohttp",
        "with_openai",
        "openai",
        "openai aiohttp",
        "ask stream",
        variant="aiohttp",
    ),
    "openai": _peer(
        "AsyncOpenAI", "with_openai", "openai", "openai", "ask stream limits", package="openai"
    ),
    "litellm": _peer(
        "litellm",
        "with_litellm",
        "litellm",
        "litellm openai",
        "ask stream file memory",
        package="litellm",
        share="0.2",
    ),
    "langchain": _peer(
        "langchain",
        "with_langchain",
        "langchain",
        "langchain-openai langchain-core",
        "ask stream file memory",
        package="langchain_openai",
        share="0.2",
    ),
    "inspect_ai": _peer(
        "inspect_ai",
        "with_inspect_ai",
        "inspect_ai",
        "inspect-ai openai",
        "ask file",
        package="inspect_ai",
        share="0.2",
    ),
}

PINS: Final = {
    path.stem: tuple(path.read_text("utf-8").split())
    for path in sorted((Path(__file__).parent / "peers").glob("*.txt"))
}
"""What each environment holds, from the text files beside the peers' modules."""


def folder() -> Path:
    """Return where the environments are."""
    return Path(os.environ.get(VARIABLE) or FOLDER)


def interpreter(peer: Peer) -> Path | None:
    """Return the interpreter that runs a peer; None where its environment is not made."""
    if not peer.environment:
        return Path(sys.executable)
    binaries = "Scripts" if sys.platform == "win32" else "bin"
    path = folder() / peer.environment / binaries / "python"
    return path if path.exists() else None


def make(names: list[str]) -> None:
    """Make the environments that the named peers need and that are not there."""
    wanted = {PEERS[name].environment for name in names} - {""}
    for name in sorted(wanted):
        place = folder() / name
        stamp = place / "pins"
        pins = "\n".join(PINS[name])
        if stamp.exists() and stamp.read_text("utf-8") == pins:
            continue
        print(f"making {name}: {', '.join(PINS[name])}", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        python = place / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*command, *PINS[name]], check=True)
        stamp.write_text(pins, "utf-8")
