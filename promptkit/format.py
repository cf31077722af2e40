"""How money, tokens and time are written, wherever promptkit shows them to a person.

Pure functions from numbers to text. The readout under a notebook cell, the bar in a terminal,
the command line and the demo all use these, so that one amount always looks the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from promptkit.amounts import money as money  # noqa: PLC0414 -- readouts take it from here
from promptkit.amounts import of_limit

if TYPE_CHECKING:
    from promptkit.response import Usage
    from promptkit.totals import Totals
    from promptkit.trace import Progress

Tone = Literal["plain", "strong", "muted", "good", "warn", "bad"]

_SEPARATOR: Final = " · "
_EXACT_TOKENS: Final = 100_000
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """A few words of a readout, and how they should strike the eye."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Share:
    """How much of one budget is spent: `spent_usd` of `limit_usd`, and whose budget it is.

    Attributes:
        is_soft: Passing the limit stops nothing.
    """

    spent_usd: float
    limit_usd: float
    name: str
    is_soft: bool = False

    @property
    def fraction(self) -> float:
        """The share, 1.0 for all of it.

        >>> Share(0.01, 0.04, "cell").fraction
        0.25
        """
        return self.spent_usd / self.limit_usd if self.limit_usd else 1.0


def tokens(number: int) -> str:
    """Write a number of tokens: exactly below 100,000, else in thousands or millions.

    >>> tokens(1234), tokens(123_456), tokens(2_345_678)
    ('1,234', '123 k', '2.35 M')
    """
    if number < _EXACT_TOKENS:
        return f"{number:,}"
    if number < _MILLION:
        return f"{number // 1000} k"
    return f"{number / _MILLION:.2f} M"


def seconds(duration_s: float) -> str:
    """Write a duration in the units a person would use.

    >>> seconds(0.0421), seconds(3.21), seconds(42.4), seconds(125), seconds(7260)
    ('42 ms', '3.2 s', '42 s', '2 min 5 s', '2 h 1 min')
    """
    if round(duration_s, 3) < 1:
        return f"{max(0.0, duration_s) * 1000:.0f} ms"
    if round(duration_s, 1) < 10:  # noqa: PLR2004 -- below ten the tenths still tell something
        return f"{duration_s:.1f} s"
    whole = round(duration_s)
    if whole < 60:  # noqa: PLR2004 -- seconds of a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 -- minutes of an hour
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def count(number: int, noun: str) -> str:
    """Write a number of things.

    >>> count(1, "call"), count(1200, "call"), count(2, "retry")
    ('1 call', '1,200 calls', '2 retries')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"


def totals_parts(
    totals: Totals,
    elapsed_s: float | None = None,
    *,
    refused: int = 0,
    stopped: int = 0,
    replayed: Usage | None = None,
    replays: int = 0,
    shares: Sequence[Share] = (),
) -> list[Part]:
    """Say what some calls came to.

    Args:
        totals: Their sums.
        elapsed_s: How long it all took; left out when None.
        refused: How many of the failed calls a budget refused.
        stopped: How many of the failed calls were cancelled.
        replayed: The tokens that recorded answers had when they were recorded.
        replays: How many of the cached calls were answered from a recording.
        shares: The budgets these calls counted against.
    """
    parts = [Part(count(totals.requests, "call"), "strong")]
    parts += _fates(totals, refused, stopped, replays)
    if paid := totals.requests - totals.cached - totals.failed:
        parts.append(Part(_token_text(totals, paid)))
    if replays and replayed is not None:
        sizes = f"{tokens(replayed.input_tokens)} tokens in, {tokens(replayed.output_tokens)} out"
        parts.append(Part(f"{sizes} when recorded"))
    parts += _cost_parts(totals, replays)
    parts += [_share_part(share) for share in shares]
    if elapsed_s is not None:
        parts.append(Part(seconds(elapsed_s), "muted"))
    if median := totals.median_latency_s:
        parts.append(Part(f"median {seconds(median)}", "muted"))
    return parts


def _fates(totals: Totals, refused: int, stopped: int, replays: int) -> Iterator[Part]:
    """What became of the calls that were not simply answered by the endpoint."""
    for number, word in ((totals.cached - replays, "cached"), (replays, "replayed")):
        if number:
            whole = number == totals.requests
            yield Part(f"all {word}" if whole else f"{number:,} {word}", "good")
    if failed := totals.failed - refused - stopped:
        yield Part(f"{failed:,} failed", "bad")
    if stopped:
        yield Part(f"{stopped:,} stopped", "warn")
    if refused:
        yield Part(f"{refused:,} refused by the budget", "bad")
    if totals.retries:
        yield Part(count(totals.retries, "retry"), "warn")
    if totals.hedged:
        yield Part(f"{totals.hedged:,} hedged", "muted")


def _token_text(totals: Totals, paid: int) -> str:
    text = f"{tokens(totals.input_tokens)} tokens in, {tokens(totals.output_tokens)} out"
    if not totals.estimated:
        return text
    return text + (" (estimated)" if totals.estimated >= paid else " (partly estimated)")


def _cost_parts(totals: Totals, replays: int) -> Iterator[Part]:
    cost = money(totals.cost_usd)
    if totals.unsettled_usd:
        most = money(totals.unsettled_usd)
        # Every call has an answer and some had two copies: what is open is that of the losers.
        is_hedging = totals.hedged > 0 and not totals.failed
        whose = "calls that were given up" if is_hedging else "unanswered calls"
        yield Part(f"{cost} + up to {most} for {whose}", "warn")
    else:
        yield Part(cost, "warn" if totals.cost_usd is None else "strong")
    if totals.unpriced and totals.cost_usd is not None:
        yield Part(f"{totals.unpriced:,} of unknown price", "warn")
    if totals.saved_usd:
        saver = "replay" if replays == totals.cached else "cache"
        yield Part(f"{saver} saved {money(totals.saved_usd)}", "good")


def _share_part(share: Share) -> Part:
    if share.is_soft:
        limit = of_limit(money(share.limit_usd), share.name, is_soft=True)
        is_passed = share.spent_usd > share.limit_usd
        return Part(f"past {limit}", "warn") if is_passed else Part(_part_of(share, limit))
    tone: Tone = "bad" if share.fraction >= 1 else "warn" if share.fraction > 0.8 else "plain"  # noqa: PLR2004 -- the last fifth
    return Part(_part_of(share, of_limit(money(share.limit_usd), share.name)), tone)


def _part_of(share: Share, limit: str) -> str:
    return f"{_percent(share.fraction)} of {limit}"


def _percent(fraction: float) -> str:
    if 0 < fraction < 0.01:  # noqa: PLR2004 -- something, but not one in a hundred
        return "<1 %"
    return f"{fraction:.0%}".replace("%", " %")


def progress_parts(progress: Progress) -> list[Part]:
    """Say how far a map is, or how it ended."""
    finished = progress.done + progress.failed
    ended = progress.ended_at is not None
    whole = progress.total is not None
    text = f"{finished:,} of {progress.total:,}" if whole else f"{finished:,} done"
    short = progress.total is not None and finished < progress.total
    parts = [Part(f"stopped at {text}", "warn") if ended and short else Part(text, "strong")]
    if progress.failed:
        parts.append(Part(f"{progress.failed:,} failed", "bad"))
    cost = _progress_cost(progress)
    if ended:
        return [*parts, *cost, Part(seconds(progress.elapsed_s), "muted")]
    parts.append(Part(f"{progress.in_flight:,} in flight", "muted"))
    if finished:
        parts.append(Part(f"{progress.rate:.3g}/s", "muted"))
    parts += cost
    if finished and progress.remaining_s is not None:
        parts.append(Part(f"{seconds(progress.remaining_s)} left", "muted"))
    return parts


def _progress_cost(progress: Progress) -> list[Part]:
    totals = progress.step.totals
    if not totals.requests:
        return []
    spent = money(totals.cost_usd)
    if progress.ended_at is not None:
        return [Part(spent)]
    parts = [Part(f"{spent} so far")]
    if progress.expected_usd:
        parts.append(Part(f"about {money(progress.expected_usd)} in all", "muted"))
    return parts


def plain(parts: Sequence[Part]) -> str:
    """Join parts into one line of text.

    >>> plain([Part("2 calls", "strong"), Part("$0.05")])
    '2 calls · $0.05'
    """
    return _SEPARATOR.join(part.text for part in parts)


def summary(totals: Totals, elapsed_s: float | None = None) -> str:
    """Say in one line what some calls came to.

    >>> from promptkit.totals import Totals
    >>> summary(Totals(requests=2, cached=2, saved_usd=0.0004), 0.012)
    '2 calls · all cached · $0 · cache saved $0.0004 · 12 ms'
    """
    return plain(totals_parts(totals, elapsed_s))
