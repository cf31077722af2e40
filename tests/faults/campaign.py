"""Every fault at once, the process killed and resumed: is each item answered once, and paid once?

    python -m tests.faults.campaign --items 20000 --kills 3

A server in a process of its own commits all its faults at random and counts what it bills. A
client in another maps the items through promptkit and is killed with SIGKILL at random moments;
each new one resumes from the cache. Each process has a key of its own, so that the server's books
tell them apart. `campaign_books` then compares the books of both sides.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

TESTS = Path(__file__).absolute().parents[1]
if str(TESTS) not in sys.path:  # as `python -m tests.faults.campaign` begins at the root
    sys.path.insert(0, str(TESTS))

from faults.campaign_books import Report, Sides, reconcile  # noqa: E402 -- found by the path above
from faults.http_clients import CLIENTS  # noqa: E402 -- likewise
from servers.fault_buckets import STYLES  # noqa: E402 -- likewise

FAULTS = {
    **dict.fromkeys(("408", "409", "500", "502", "503", "reset", "reset-in-body"), 0.008),
    **dict.fromkeys(("429", "429-bare"), 0.003),
    **dict.fromkeys(("hang", "endless-body"), 0.001),
    **dict.fromkeys(("length-too-long", "length-too-short"), 0.005),
    **dict.fromkeys(("truncated-json", "invalid-json", "empty-body"), 0.006),
    **dict.fromkeys(("no-choices", "error-in-200"), 0.004),
    **dict.fromkeys(("usage-missing", "usage-absurd"), 0.01),
    **dict.fromkeys(("sse-cut-event", "sse-cut-utf8", "sse-error"), 0.01),
    **dict.fromkeys(("sse-duplicates", "sse-unknown"), 0.02),
}
"""What one attempt in so many meets; a sixth of all go wrong."""

PRICE = {"input": 1.0, "output": 4.0, "longest_answer": 16}
"""US dollars per million tokens."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One campaign.

    Attributes:
        budget: US dollars that each process may spend.
        total_budget: US dollars that all of them may spend together (the profile's).
        client: The HTTP client, "" for promptkit's own choice.
    """

    items: int = 20_000
    kills: int = 3
    seed: int = 1
    concurrency: int = 128
    budget: float = 5.0
    total_budget: float = 8.0
    deadline_s: float = 6.0
    latency: str = "lognormal:0.03,0.8"
    requests_per_minute: float = 120_000.0
    headers: str = "openai"
    client: str = ""
    faults: dict[str, float] = field(default_factory=lambda: FAULTS)


def fetch(url: str, path: str) -> Any:
    root = url.removesuffix("/v1")
    with urllib.request.urlopen(root + path, timeout=30) as answer:  # noqa: S310 -- our own server
        return json.load(answer)


def environment(home: Path) -> dict[str, str]:
    """What the processes run under: our tests on the path, a data folder of their own, no keys."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    roots = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    return kept | {"PYTHONPATH": roots, "PROMPTKIT_HOME": str(home)}


@contextmanager
def server(settings: Settings, home: Path) -> Iterator[str]:
    """Start the hostile server; yield its address."""
    weights = ",".join(f"{name}={weight}" for name, weight in settings.faults.items())
    command = [sys.executable, "-m", "servers.fault_server", "--seed", str(settings.seed)]
    command += ["--faults", weights, "--latency", settings.latency, "--headers", settings.headers]
    command += ["--requests-per-minute", str(settings.requests_per_minute), "--burst-s", "1"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(home), cwd=TESTS
    ) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().split()[0]
        finally:
            process.terminate()


@dataclass
class Process:
    """One client process and how it ended."""

    key: str
    outcomes: Path
    began_at: float = 0.0
    killed_at: float | None = None
    stderr: str = ""


def run_client(
    settings: Settings, url: str, folder: Path, key: str, stop_at: int | None
) -> Process:
    """Run a client to its end, or kill it once it has made `stop_at` requests."""
    own = Process(key, folder / f"{key}.jsonl", time.time())
    told = {
        "url": url,
        "key": key,
        "cache": str(folder / "cache.sqlite"),
        "outcomes": str(own.outcomes),
        "price": PRICE,
        **{
            name: getattr(settings, name)
            for name in ("items", "concurrency", "budget", "total_budget", "deadline_s", "client")
        },
    }
    command = [sys.executable, str(TESTS / "faults" / "campaign_client.py"), json.dumps(told)]
    with (folder / f"{key}.log").open("w+") as log:
        process = subprocess.Popen(command, stderr=log, env=environment(folder / "home"))
        try:
            while process.poll() is None and own.killed_at is None:
                time.sleep(0.05)
                if stop_at is None:
                    continue
                if fetch(url, "/stats?short=1")["requests_by_key"].get(key, 0) >= stop_at:
                    own.killed_at = time.time()
                    process.kill()
            process.wait()
        finally:
            process.kill()
        log.seek(0)
        own.stderr = log.read()
    if own.killed_at is None and process.returncode:
        raise RuntimeError(f"the client ended with {process.returncode}:\n{own.stderr[-3000:]}")
    return own


def campaign(settings: Settings) -> Report:
    """Run it all and compare the books."""
    moments = random.Random(settings.seed)
    with tempfile.TemporaryDirectory(prefix="campaign-") as name:
        folder = Path(name)
        with server(settings, folder / "home") as url:
            processes = []
            for number in range(settings.kills + 1):
                is_last = number == settings.kills
                share = moments.uniform(0.1, 1.2) / (settings.kills + 1)
                stop_at = None if is_last else max(1, int(settings.items * share))
                key = f"sk-campaign-{number:04d}"
                processes.append(run_client(settings, url, folder, key, stop_at))
            deadline = time.monotonic() + 10
            while (books := fetch(url, "/stats"))["connections"] and time.monotonic() < deadline:
                time.sleep(0.05)
            books = fetch(url, "/stats?items=1")
            checked = run_client(
                replace(settings, deadline_s=2.0), url, folder, "sk-verify", stop_at=None
            )
            again = fetch(url, "/stats?items=1")
        ledger = folder / "home" / "profiles" / "campaign" / "ledger.sqlite"
        sides = Sides(settings, processes, books, checked, again, ledger, PRICE)
        return reconcile(sides)


def main() -> None:
    parser = argparse.ArgumentParser(description="Every fault at once, killed and resumed.")
    plain = Settings()
    for name in ("items", "kills", "seed", "concurrency"):
        parser.add_argument(f"--{name}", type=int, default=getattr(plain, name))
    for name in ("budget", "total_budget", "deadline_s", "requests_per_minute"):
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=float, default=getattr(plain, name))
    parser.add_argument("--headers", choices=STYLES, default=plain.headers)
    parser.add_argument("--latency", default=plain.latency)
    parser.add_argument("--client", choices=("", *CLIENTS), default=plain.client)
    began = time.monotonic()
    report = campaign(Settings(**vars(parser.parse_args())))
    print(report)  # noqa: T201 -- it is what the command is for
    print(f"{time.monotonic() - began:.0f} s")  # noqa: T201 -- the same
    sys.exit(bool(report.wrong))


if __name__ == "__main__":
    main()
