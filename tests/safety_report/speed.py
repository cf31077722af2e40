"""How long each check takes on a kilobyte, and the first one in a fresh process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from promptkit import safety
from tests.safety_report.row import Row

ROUNDS = 7
PROSE = (
    "Hello, my parcel 4711-8 has not arrived. I ordered on 3 May, paid by card, and was told to "
    "wait until Friday. Please write to anna.berg@example.com or call +49 30 1234567. "
    "You can see it at https://shop.example.com/orders?id=9. It's the “blue” one — 12.50 €. "
)
KILOBYTE = (PROSE * 5)[:1000]

CHECKS: dict[str, Callable[[str], object]] = {
    "sanitize": safety.sanitize,
    "neutralize_markdown": safety.neutralize_markdown,
    "redact": safety.redact,
    "find_secrets": safety.find_secrets,
    "injection_score": safety.injection_score,
    "scan_untrusted": safety.scan_untrusted,
    "abuse_scores": safety.abuse_scores,
    "verify_quotes": lambda text: safety.verify_quotes(text, text),
}

FIRST = """
import socket, sys, time
def refuse(*_): raise SystemExit("a check went to the network")
socket.socket.connect = refuse
socket.create_connection = refuse
socket.getaddrinfo = refuse
started = time.perf_counter()
from promptkit import safety
check = getattr(safety, sys.argv[1])
text = sys.argv[2]
check(text, text) if sys.argv[1] == "verify_quotes" else check(text)
print(time.perf_counter() - started)
"""


def rows() -> list[Row]:
    """Measure all checks in turn, round by round, so that other work touches all alike."""
    times: dict[str, list[float]] = {name: [] for name in CHECKS}
    for _ in range(ROUNDS):
        for name, check in CHECKS.items():
            check(KILOBYTE)
            started = time.process_time()
            for _ in range(30):
                check(KILOBYTE)
            times[name].append((time.process_time() - started) / 30 * 1000)
    found = []
    for name in CHECKS:
        median = statistics.median(times[name])
        found.append(
            Row(
                check=name,
                what="CPU milliseconds for 1 KB",
                data="prose with an address, a link and quotes; the median of seven rounds",
                value=median,
                low=min(times[name]),
                high=max(times[name]),
                goal="≤ 2 ms",
                is_reached=median <= 2,
            )
        )
        first = [_first(name) for _ in range(3)]
        found.append(
            Row(
                check=name,
                what="seconds to the first answer",
                data="a fresh process, imports included, the network refused",
                value=statistics.median(first),
                low=min(first),
                high=max(first),
                goal="≤ 1 s",
                is_reached=statistics.median(first) <= 1,
            )
        )
    return found


def _first(name: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", FIRST, name, KILOBYTE], capture_output=True, text=True, check=True
    )
    return float(done.stdout)
