from __future__ import annotations

import json

import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

from promptkit.adapters.address import address
from promptkit.adapters.dialect import Dialect, dialect_of
from promptkit.adapters.wire import encode
from promptkit.adapters.wire_bytes import BodyWriter, loads
from promptkit.errors import OptionError
from promptkit.prompt import Message
from promptkit.request import Options, Request

DIALECTS = [Dialect(), Dialect("grammar"), Dialect("json_schema", is_openai=True)]
BASE = "https://example.org/v1"
writers = {dialect: BodyWriter(BASE, None, dialect) for dialect in DIALECTS}


def as_sent(body: object) -> object:
    """What a server reads: half a surrogate pair cannot be sent and is a question mark."""
    text = json.dumps(body, ensure_ascii=False)
    return json.loads(text.encode("utf-8", "replace"))


@given(strategies.requests, st.sampled_from(DIALECTS), st.booleans())
def test_the_bytes_that_are_sent_are_the_body_that_encode_makes(request, dialect, stream):
    try:
        path, body = encode(request, dialect, stream=stream)
    except OptionError:
        with pytest.raises(OptionError):
            writers[dialect](request, stream=stream)
        return
    for _ in range(2):  # the second time from what was kept
        url, payload = writers[dialect](request, stream=stream)
        assert url == address(BASE, path, request.model)
        assert json.loads(payload) == as_sent(body)


def test_messages_in_extra_win_as_they_do_in_encode():
    extra = {"messages": [{"role": "user", "content": "instead"}]}
    asked = Request(
        messages=(Message("user", "Hi"),), model="m", options=Options().replace(extra=extra)
    )
    _, payload = BodyWriter(BASE, None, Dialect())(asked, stream=False)
    assert json.loads(payload)["messages"] == extra["messages"]


def test_many_sets_of_options_do_not_fill_the_memory():
    writer = BodyWriter(BASE, None, Dialect())
    for seed in range(1000):
        asked = Request(messages=(Message("user", "Hi"),), model="m", options=Options(seed=seed))
        assert json.loads(writer(asked, stream=False)[1])["seed"] == seed
    assert len(writer._frames) <= 256


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_whatever_the_standard_library_reads_is_read_alike(value):
    raw = json.dumps(value).encode()
    assert repr(loads(raw)) == repr(json.loads(raw)) or loads(raw) == json.loads(raw)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[1,]", b"<html>"])
def test_what_is_no_json_is_a_value_error(raw):
    with pytest.raises(ValueError):
        loads(raw)


def test_a_body_that_names_its_asker_is_written_for_that_asker() -> None:
    write = BodyWriter("https://api.openai.com/v1", None, dialect_of("https://api.openai.com/v1"))
    asked = Request(messages=(Message("user", "Hi"),), model="m")
    bodies = [
        json.loads(write(request, stream=False)[1])
        for request in (asked, asked.replace(end_user="a"), asked.replace(end_user="b"), asked)
    ]
    assert [body.get("safety_identifier") for body in bodies] == [None, "a", "b", None]
