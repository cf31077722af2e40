from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import requests

from promptkit.adapters.batch_file import (
    Line,
    line_of,
    outcome_of,
    read_key,
    rejections,
    split,
)
from promptkit.adapters.dialect import Dialect
from promptkit.errors import (
    CallError,
    ContextLengthError,
    OptionError,
    ProtocolError,
    RateLimitError,
    RefusedRequestError,
    ServerError,
)
from promptkit.prompt import Message
from promptkit.request import Options, Request
from promptkit.response import Response
from promptkit.transports.screen import screen

ASKED = Request(messages=(Message("user", "What is this about?"),), model="m")

lines = st.lists(
    st.builds(
        Line,
        st.binary(min_size=4, max_size=4),
        st.sampled_from(["/v1/a", "/v1/b"]),
        st.sampled_from(["m", "n"]),
        st.binary(min_size=1, max_size=20),
        st.integers(1, 3),
    )
)


@given(lines, st.integers(1, 6), st.integers(20, 60))
def test_every_line_stands_in_exactly_one_file_and_no_file_is_too_large(
    given_lines: list[Line], max_lines: int, max_bytes: int
) -> None:
    files = list(split(given_lines, max_lines=max_lines, max_bytes=max_bytes))
    assert sorted(map(id, given_lines)) == sorted(id(line) for file in files for line in file)
    for file in files:
        assert len({(line.path, line.model) for line in file}) == 1
        assert sum(len(line.data) for line in file) <= max_bytes
        assert len(file) == 1 or sum(line.inputs for line in file) <= max_lines
        wanted = {id(line) for line in file}
        assert file == [line for line in given_lines if id(line) in wanted]


@given(requests)
def test_a_line_carries_the_screened_body_under_the_requests_key(request_: Request) -> None:
    sent = screen(request_)
    try:
        line = line_of(sent, Dialect())
    except OptionError:
        return  # an option that this API has no field for
    assert line.data.count(b"\n") == 1
    entry = json.loads(line.data)
    key, _ = read_key(line.data) or (b"", {})
    assert key == line.key == sent.key
    assert entry["method"] == "POST"
    assert entry["url"] == line.path
    assert entry["body"]["model"] == request_.model
    assert "stream" not in entry["body"]


def test_azure_names_chat_without_a_version_and_the_rest_with_one() -> None:
    assert line_of(ASKED, Dialect(), azure=True).path == "/chat/completions"
    responses = ASKED.replace(api="responses")
    assert line_of(responses, Dialect(), azure=True).path == "/v1/responses"


def test_embeddings_count_by_their_inputs() -> None:
    two = Request(
        messages=(Message("user", "a"), Message("user", "b")), model="m", api="embeddings"
    )
    assert line_of(two, Dialect()).inputs == 2


@pytest.mark.parametrize(
    ("line", "kind", "is_retryable"),
    [
        ({"response": {"status_code": 500, "body": {}}}, ServerError, True),
        ({"response": {"status_code": 429, "body": {}}}, RateLimitError, True),
        ({"response": {"status_code": 400, "body": {}}}, RefusedRequestError, False),
        ({"response": {"status_code": 200, "body": {"id": "x"}}}, ProtocolError, True),
        ({"response": {"status_code": 200, "body": "words"}}, ProtocolError, True),
        ({"response": None, "error": {"code": "batch_expired"}}, ServerError, True),
        ({"response": None, "error": {"code": "batch_cancelled"}}, CallError, False),
        ({"response": None, "error": {"code": "odd", "message": "no"}}, RefusedRequestError, False),
        ({}, ProtocolError, True),
    ],
)
def test_each_kind_of_failed_line_has_its_error(
    *, line: dict[str, object], kind: type[CallError], is_retryable: bool
) -> None:
    outcome = outcome_of(ASKED, line, Dialect())
    assert type(outcome) is kind
    assert outcome.retryable is is_retryable


def test_an_error_of_a_line_does_not_repeat_the_prompt() -> None:
    error = {"message": f"Bad: {ASKED.messages[0].text}", "code": "context_length_exceeded"}
    line = {"response": {"status_code": 400, "body": {"error": error}}}
    outcome = outcome_of(ASKED, line, Dialect())
    assert isinstance(outcome, ContextLengthError)
    assert "this about" not in str(outcome)


@given(st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.integers(), st.lists)))
def test_whatever_stands_in_a_line_becomes_an_answer_or_a_typed_error(data: dict) -> None:
    assert isinstance(outcome_of(ASKED, data, Dialect()), (Response, CallError))
    read_key(json.dumps(data).encode())


def test_lines_that_a_refused_batch_does_not_name_are_asked_again() -> None:
    others = ASKED.replace(options=Options(seed=1))
    keys, asked = [b"gone", ASKED.key, others.key], {ASKED.key: ASKED, others.key: others}
    named = {"errors": {"data": [{"code": "invalid_body", "message": "no", "line": 2}]}}
    found = rejections(named, keys, asked)
    assert type(found[ASKED.key]) is RefusedRequestError
    assert found[others.key].retryable
    full = {"errors": {"data": [{"code": "token_limit_exceeded", "message": "x", "line": None}]}}
    assert {type(e) for e in rejections(full, keys, asked).values()} == {RateLimitError}
    assert {type(e) for e in rejections({}, keys, asked).values()} == {RefusedRequestError}
