"""What a readout looks like, as HTML and as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.format import Part, Share, money, plain, progress_parts, seconds, totals_parts
from promptkit.notebook.view import box, line_html, progress_html, progress_text
from promptkit.response import Usage
from promptkit.totals import Totals
from promptkit.trace import Progress, Step


class Texts(HTMLParser):
    """Collects an HTML fragment's tags and its text nodes."""

    def __init__(self, html):
        super().__init__()
        self.tags = set()
        self.texts = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data):
        self.texts.append(data)


def spent(**changes):
    fields = {"requests": 3, "input_tokens": 40, "output_tokens": 5, "spent_usd": 0.01}
    return Totals(**(fields | changes))


def test_all_that_happened_is_said_and_nothing_else():
    assert plain(totals_parts(spent(), 2.5)) == "3 calls · 40 tokens in, 5 out · $0.01 · 2.5 s"
    everything = spent(
        requests=12,
        cached=4,
        failed=6,
        retries=2,
        unpriced=1,
        unsettled_usd=0.02,
        saved_usd=0.03,
        estimated=1,
        latencies=[0.2, 0.4],
    )
    shares = [Share(0.01, 0.05, "cell")]
    said = plain(totals_parts(everything, 70, refused=1, stopped=2, shares=shares))
    assert said == (
        "12 calls · 4 cached · 3 failed · 2 stopped · 1 refused by the budget · 2 retries · "
        "40 tokens in, 5 out (partly estimated) · $0.01 + up to $0.02 for unanswered calls · "
        "1 of unknown price · cache saved $0.03 · 20 % of the cell's $0.05 · 1 min 10 s · "
        "median 300 ms"
    )


@pytest.mark.parametrize(
    ("share", "said", "tone"),
    [
        (Share(0.01, 0.05, "session"), "20 % of the session's $0.05", "plain"),
        (Share(0.06, 0.05, "cell"), "120 % of the cell's $0.05", "bad"),
        (Share(0.01, 0.05, "profile lab"), "20 % of the $0.05 of profile lab", "plain"),
        (
            Share(0.01, 0.05, "day of profile lab"),
            "20 % of the $0.05 a day of profile lab",
            "plain",
        ),
        (
            Share(0.0125, 0.0008, "profile lab", is_soft=True),
            "past the soft limit of $0.0008 of profile lab",
            "warn",
        ),
        (
            Share(0.0004, 0.0008, "session", is_soft=True),
            "50 % of the session's soft limit of $0.0008",
            "plain",
        ),
    ],
)
def test_a_share_says_whose_it_is_and_a_soft_limit_is_never_an_overrun(share, said, tone):
    assert totals_parts(spent(), shares=[share])[-1] == Part(said, tone)


def test_replayed_answers_are_told_with_the_tokens_they_once_had():
    totals = Totals(requests=2, cached=2)
    said = plain(totals_parts(totals, 0.002, replays=2, replayed=Usage(90, 8)))
    assert said == "2 calls · all replayed · 90 tokens in, 8 out when recorded · $0 · 2 ms"


def test_an_unknown_price_is_never_shown_as_nothing():
    assert "unknown cost" in plain(totals_parts(spent(spent_usd=0.0, unpriced=3)))
    assert "$" not in plain(totals_parts(spent(spent_usd=0.0, unpriced=3)))


def test_no_text_node_holds_two_dollar_signs_because_front_ends_would_read_a_formula():
    totals = spent(unsettled_usd=0.5, saved_usd=0.1)
    html = box([line_html(totals_parts(totals, 1, shares=[Share(0.01, 0.05, "cell")]))])
    assert all(text.count("$") <= 1 for text in Texts(html).texts)
    assert any("$" in text for text in Texts(html).texts)


@given(name=st.text(max_size=30), total=st.none() | st.integers(0, 50), done=st.integers(0, 50))
def test_whatever_a_map_is_called_its_row_is_plain_inert_html(name, total, done):
    progress = Progress(Step(name), total, done=done, failed=1)
    html = box([progress_html(progress)])
    assert Texts(html).tags <= {"div", "span", "b"}
    assert Texts(html).texts[0].startswith(name[:1]) or not name
    assert progress_text(progress).startswith(name)


def test_a_row_tells_how_far_a_map_is_and_how_it_ended():
    step = Step("map classify")
    step._totals = spent(spent_usd=0.02)
    progress = Progress(step, 200, started_at=0.0, in_flight=8, done=49, failed=1)
    said = plain(progress_parts(progress))
    assert re.fullmatch(
        r"50 of 200 · 1 failed · 8 in flight · \S+/s · \$0.02 so far · "
        r"about \$0.08 in all · .+ left",
        said,
    )
    progress.ended_at = 4.0
    assert plain(progress_parts(progress)) == "stopped at 50 of 200 · 1 failed · $0.02 · 4.0 s"
    assert progress_text(progress).startswith("map classify [█████░░░░░░░░░░░░░░░] stopped")
    progress.done = 199
    assert plain(progress_parts(progress)) == "200 of 200 · 1 failed · $0.02 · 4.0 s"


def test_a_map_of_unknown_length_and_an_empty_one_have_a_row_too():
    endless = Progress(Step("map f"), None, started_at=0.0, done=3)
    assert plain(progress_parts(endless)).startswith("3 done · 0 in flight")
    assert "width" in progress_html(endless)
    empty = Progress(Step("map f"), 0, started_at=1.0, ended_at=2.0)
    assert plain(progress_parts(empty)) == "0 of 0 · 1.0 s"
    assert progress_text(empty) == "map f: 0 of 0 · 1.0 s"


@given(st.floats(0, 1e9))
def test_money_never_shows_something_as_nothing(usd):
    shown = money(usd)
    assert (shown == "$0") == (usd == 0)
    if usd >= 1e-6:
        assert float(shown.lstrip("$").replace(",", "")) == pytest.approx(usd, rel=0.06)


@given(st.floats(0, 1e7))
def test_every_duration_has_a_unit(duration_s):
    assert re.fullmatch(r"(\d+ h )?(\d+ min ?)?(\d+(\.\d)? (ms|s))?", seconds(duration_s))


def test_parts_are_joined_as_text_in_the_order_given():
    assert plain([Part("a"), Part("b", "bad")]) == "a · b"
