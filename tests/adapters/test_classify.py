from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.adapters.classify import error_in_answer, error_of, unreadable
from promptkit.adapters.retry_after import retry_after
from promptkit.errors import (
    AuthenticationError,
    CallError,
    ContextLengthError,
    ProtocolError,
    QuotaError,
    RateLimitError,
    RefusedRequestError,
    ServerError,
    UnknownModelError,
)
from promptkit.prompt import Message
from promptkit.request import Request

PROMPT = "Jane Miller owes 30 euros to the baker."
ASKED = Request(messages=(Message("user", PROMPT),), model="gpt-x")


def body(message: str = "no", code: object = None, kind: str = "") -> bytes:
    return json.dumps({"error": {"message": message, "code": code, "type": kind}}).encode()


LLAMA = body("request (9031 tokens) exceeds the available context size (2048 tokens)", 400)


@pytest.mark.parametrize(
    ("status", "raw", "kind"),
    [
        (400, body(), RefusedRequestError),
        (400, body(code="context_length_exceeded"), ContextLengthError),
        (400, body(kind="exceed_context_size_error"), ContextLengthError),
        (400, LLAMA, ContextLengthError),
        (422, body("The prompt is too long: 9000 tokens"), ContextLengthError),
        (400, body(code="model_not_found"), UnknownModelError),
        (401, body(), AuthenticationError),
        (403, body(), AuthenticationError),
        (402, body("Insufficient Balance"), QuotaError),
        (404, body(), UnknownModelError),
        (404, body(code="DeploymentNotFound"), UnknownModelError),
        (408, body(), ServerError),
        (409, body(), ServerError),
        (413, b"too large", RefusedRequestError),
        (429, body(code="rate_limit_exceeded"), RateLimitError),
        (429, body(code="insufficient_quota"), QuotaError),
        (429, body("You exceeded your current quota, please check"), QuotaError),
        (429, b"", RateLimitError),
        (500, body(), ServerError),
        (501, body("not supported"), RefusedRequestError),
        (503, b"<html><title>busy</title>", ServerError),
        (529, b"", ServerError),
        (302, b"", RefusedRequestError),
        (307, b"", RefusedRequestError),
        (418, b"", RefusedRequestError),
    ],
)
def test_each_status_means_its_error(status, raw, kind):
    error = error_of(ASKED, status, raw)
    assert type(error) is kind
    assert error.status == status
    assert str(status) in str(error)


def test_the_unknown_model_is_named():
    assert "'gpt-x'" in str(error_of(ASKED, 404, body("no such model")))


def test_a_page_is_one_short_line():
    page = b"<html><head><title>502 Bad\nGateway</title><style>b{}</style></head>" + b"x" * 10**6
    assert str(error_of(ASKED, 502, page)).endswith("502 Bad Gateway")
    plain = b"<h1>Sorry</h1><script>var a=1;</script><p>We are   down</p>"
    assert str(error_of(ASKED, 502, plain)).endswith("Sorry We are down")


def test_a_servers_words_are_short_and_hold_no_control_characters():
    said = str(error_of(ASKED, 500, body("\x1b[31mred\x07\n" + "long " * 1000)))
    assert len(said) < 400
    assert said.isprintable()


def test_a_key_that_is_echoed_is_masked():
    said = str(error_of(ASKED, 401, body("Incorrect API key provided: sk-abcdefghijkl1234")))
    assert "abcdefghijkl" not in said
    assert "sk-…1234" in said


@pytest.mark.parametrize("form", [PROMPT, repr(PROMPT), json.dumps({"content": PROMPT})])
def test_a_prompt_that_is_echoed_is_cut_out(form):
    for raw in (body(f"invalid input {form}"), f"invalid input {form}".encode()):
        assert "Jane" not in str(error_of(ASKED, 400, raw))
        assert "Jane" not in str(unreadable(ASKED, raw))


@given(st.integers(300, 599), st.binary(max_size=200))
def test_any_body_gives_an_error(status, raw):
    error = error_of(ASKED, status, raw, {"retry-after": "x", "x-ratelimit-reset-tokens": "?"})
    assert isinstance(error, CallError)
    assert str(error).isprintable()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["error", "message", "code", "type"]), inner)
        ),
    )
)
def test_any_json_body_gives_an_error(data):
    assert isinstance(error_of(ASKED, 400, json.dumps(data).encode()), CallError)
    if isinstance(data, dict):
        error_in_answer(ASKED, data)


# -- how long to wait -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-requests": "0"}, 1.0),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-tokens": "20ms", "x-ratelimit-reset-requests": "7m"}, 0.02),
        (
            {
                "x-ratelimit-reset-tokens": "3s",
                "x-ratelimit-remaining-tokens": "40",
                "x-ratelimit-reset-requests": "8s",
                "x-ratelimit-remaining-requests": "0",
            },
            8.0,
        ),
    ],
)
def test_the_wait_is_read_from_whatever_says_it(headers, seconds):
    assert retry_after(headers) == seconds


def test_dates_count_from_now():
    in_a_minute = formatdate(time.time() + 60, usegmt=True)
    assert 55 < (retry_after({"retry-after": in_a_minute}) or 0) <= 61
    assert retry_after({"retry-after": formatdate(0, usegmt=True)}) == 0
    milliseconds = str(int((time.time() + 60) * 1000))
    assert 55 < (retry_after({"x-ratelimit-reset": milliseconds}) or 0) <= 61


def test_the_message_says_it_where_no_header_does():
    words = "Rate limit reached. Please try again in 1m2.5s. Visit the page"
    assert error_of(ASKED, 429, body(words)).retry_after_s == 62.5


# -- errors in answers with status 200 --------------------------------------------------------


def test_an_error_in_an_answer_is_a_protocol_error():
    assert type(error_in_answer(ASKED, {"error": {"message": "died"}})) is ProtocolError
    assert type(error_in_answer(ASKED, {"error": "died"})) is ProtocolError
    assert error_in_answer(ASKED, {"error": None, "choices": []}) is None


def test_a_status_that_a_gateway_hands_on_counts():
    handed_on = {"error": {"message": "slow down", "code": 429}}
    assert type(error_in_answer(ASKED, handed_on)) is RateLimitError


def test_a_failed_response_event_is_an_error():
    event = {"type": "response.failed", "response": {"error": {"code": "server_error"}}}
    assert type(error_in_answer(ASKED, event)) is ServerError
    assert type(error_in_answer(ASKED, {"type": "error", "message": "x"})) is ProtocolError


FAULTS = {RateLimitError: "limit", QuotaError: "limit", ServerError: "server"}


@pytest.mark.parametrize("status", range(300, 600))
def test_every_status_is_an_error_that_says_whether_to_ask_again_and_whose_fault_it_is(status):
    error = error_of(ASKED, status, b"")
    again = status in (408, 409, 425, 429) or (status >= 500 and status not in (501, 505, 511))
    assert error.retryable is again
    assert error.fault == FAULTS.get(type(error), "client")
    # A gateway that gave up waiting does not know whether the model worked.
    assert error.billed is (status in (408, 502, 504, 520, 522, 524, 598, 599))


@pytest.mark.parametrize(("wish", "again"), [("true", True), ("false", False)])
@pytest.mark.parametrize("status", [400, 409, 429, 500])
def test_a_server_that_says_whether_to_ask_again_is_obeyed(status, wish, again):
    assert error_of(ASKED, status, b"", {"x-should-retry": wish}).retryable is again


def test_azures_content_filter_says_what_to_do():
    raw = body("The response was filtered", "content_filter")
    error = error_of(ASKED, 400, raw)
    assert type(error) is RefusedRequestError
    assert "rephrase" in error.hint


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1m2s"}, 62),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),  # Azure
        ({"x-ratelimit-reset-requests": "12", "x-ratelimit-remaining-requests": "0"}, 12),
        # Groq: the requests of the day are left, the tokens of the minute are not.
        (
            {
                "x-ratelimit-reset-requests": "2h",
                "x-ratelimit-remaining-requests": "900",
                "x-ratelimit-reset-tokens": "7.66s",
                "x-ratelimit-remaining-tokens": "0",
            },
            7.66,
        ),
        ({"x-ratelimit-reset": "1", "x-ratelimit-remaining": "0"}, 1),  # Together
        ({"ratelimit-reset": "9", "ratelimit-remaining": "0"}, 9),  # the IETF's draft
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"x-ratelimit-reset-tokens": "soon"}, None),
    ],
)
def test_the_wait_is_read_in_the_forms_of_every_provider(headers, seconds):
    assert retry_after(headers) == seconds
    assert error_of(ASKED, 429, b"", headers).retry_after_s == seconds


def test_a_reset_that_is_a_date_is_a_wait_from_now():
    later = datetime.now(UTC) + timedelta(seconds=30)
    for value in (later.isoformat(), later.isoformat().replace("+00:00", "Z")):
        headers = {
            "anthropic-ratelimit-tokens-reset": value,
            "anthropic-ratelimit-tokens-remaining": "0",
        }
        assert 25 < (retry_after(headers) or 0) <= 30
    assert 25 < (retry_after({"retry-after": str(int(later.timestamp()))}) or 0) <= 30


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Please try again in 6m0s.", 360),
        ("Please retry after 20 seconds.", 20),
        ("Please retry in 34.07s.", 34.07),
        ("Try again in 1 minute", 60),
        ("Please try again later", None),
    ],
)
def test_the_wait_is_read_from_the_words_where_no_header_tells(words, seconds):
    assert error_of(ASKED, 429, body(words)).retry_after_s == seconds


@pytest.mark.parametrize(
    ("reported", "kind"),
    [
        ({"type": "overloaded_error", "message": "busy"}, ServerError),
        ({"type": "rate_limit_error", "message": "slow"}, RateLimitError),
        ({"code": "503", "message": "busy"}, ServerError),
        ({"code": "content_filter", "message": "no"}, RefusedRequestError),
        ({"code": "context_length_exceeded", "message": "long"}, ContextLengthError),
        ({"code": "who_knows", "message": "odd"}, ProtocolError),
        ("plain words", ProtocolError),
    ],
)
def test_an_error_in_place_of_an_answer_is_what_its_code_or_type_says(reported, kind):
    assert type(error_in_answer(ASKED, {"error": reported})) is kind
