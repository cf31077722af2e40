"""How much of a rate limit that nobody told it a client uses, alone and beside another process."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable

from .children import Client, PeerError, server, stats
from .measure import WINDOW, Column, Plan, Row, Section, say

_LIMITS = {
    "requests, 1-second bucket": "requests:600:second",
    "requests, full-minute bucket": "requests:600:minute",
    "tokens, 1-second bucket": "tokens:60000:second",
    "tokens, full-minute bucket": "tokens:60000:minute",
}
_LATENCY_MS = 50
_EXTRA_S = 1.0
"""The client starts before the server's window and ends after it."""


def _quota(plan: Plan) -> Iterable[Row]:
    for name in plan.who("limits"):
        with contextlib.ExitStack() as stack:
            running = {case: _start(plan, [name], limit, stack) for case, limit in _LIMITS.items()}
            say(f"  {name}: four limits at once, {plan.window_s:g} s")
            for case, (url, clients) in running.items():
                yield _finish(plan, url, clients, case)


def _shared(plan: Plan) -> Iterable[Row]:
    kinds = list(_LIMITS.items())[:2]
    for name in plan.who("limits"):
        with contextlib.ExitStack() as stack:
            running = {case: _start(plan, [name] * 2, limit, stack) for case, limit in kinds}
            say(f"  {name}: two processes on one limit, {plan.window_s:g} s")
            for case, (url, clients) in running.items():
                yield _finish(plan, url, clients, case)


def _start(
    plan: Plan, names: list[str], limit: str, stack: contextlib.ExitStack
) -> tuple[str, list[Client]]:
    """Start a server and its clients, which share one home as processes of one user do."""
    url = stack.enter_context(server("--latency-ms", str(_LATENCY_MS), "--limit", limit))
    home = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    clients = [stack.enter_context(Client(name, home=home)) for name in names]
    for client in clients:
        client.versions()  # all are up before the first one asks
    for number, client in enumerate(clients):
        setting = {"url": url, "window": WINDOW}
        seconds = plan.window_s + _EXTRA_S
        client.begin("for_seconds", setting=setting, tag=f"{number}", seconds=seconds)
    return url, clients


def _finish(plan: Plan, url: str, clients: list[Client], case: str) -> Row:
    row = Row(clients[0].name, case)
    try:
        answers = [client.end() for client in clients]
        row.versions = clients[0].versions()
    except PeerError as error:
        row.failed = str(error).partition("\n")[0]
        return row
    told = stats(url, plan.window_s)
    asked = told["granted_requests"] + told["refused"]
    row.add(
        used=100 * told["granted"] / told["grantable"],
        of_limit=100 * told["granted"] / told["refilled"],
        refused=told["refused"],
        refused_share=100 * told["refused"] / max(1, asked),
        failed=sum(sum(answer["failed"].values()) for answer in answers),
    )
    say(f"  {case}: used {row.median('used'):.1f} %, {told['refused']:.0f} refused")
    return row


_DEFINED = (
    "Quota used is what the server granted in the window, over the most that it could have "
    "granted: the bucket's capacity, because it is full at the first request, plus the limit "
    "times the window's length. A 1-second bucket holds limit/60, a full-minute bucket the "
    "whole limit, so that the first minute of the latter grants twice the limit. The window "
    "begins with the first request that reaches the server. «Of the refill» is what was granted "
    "over the limit times the window alone, without the first content: nobody can keep up more "
    "than 100 % of it. The limits are 600 requests or 60,000 tokens a minute; answers take "
    f"{_LATENCY_MS} ms. "
)

QUOTA = Section(
    title="Quota used, limits unknown",
    target="≥ 99 % and no 429",
    text=(
        f"{_DEFINED}The client is told nothing: {WINDOW} are in flight as far as it lets them. A "
        "request's tokens are a quarter of its bytes and 20 to 60 for the answer, settled by the "
        "server."
    ),
    columns=(
        Column("used", "quota used, %", "{:.1f}"),
        Column("of_limit", "of the refill, %", "{:.1f}"),
        Column("refused", "429s", "{:,.0f}"),
        Column("failed", "items failed", "{:,.0f}"),
    ),
    run=_quota,
    best="most",
)

SHARED = Section(
    title="Two processes on one limit",
    target="≥ 97 % and at most 1 % 429s",
    text=f"{_DEFINED}Two processes of one user start together and know nothing of each other.",
    columns=(
        Column("used", "quota used, %", "{:.1f}"),
        Column("of_limit", "of the refill, %", "{:.1f}"),
        Column("refused", "429s", "{:,.0f}"),
        Column("refused_share", "429s, % of requests", "{:.1f}"),
        Column("failed", "items failed", "{:,.0f}"),
    ),
    run=_shared,
    best="most",
)
