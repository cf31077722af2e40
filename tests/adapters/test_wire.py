from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.adapters.dialect import Dialect, checked_base_url, dialect_of, endpoint_name
from promptkit.adapters.wire import decode, encode
from promptkit.adapters.wire_vectors import parse_vector
from promptkit.constraint import Constraint
from promptkit.errors import OptionError, ProtocolError
from promptkit.prompt import Message
from promptkit.request import APIS, NO_OPTIONS, Request
from promptkit.transports.packed import Pack

OPENAI = Dialect("json_schema", is_openai=True)
LLAMA = Dialect("grammar")
OTHER = Dialect()
HI = (Message("user", "Hi"),)
CHOICE = Constraint.choice(["yes", "no"])


def request(api: Any = "chat", messages: Any = HI, **options: Any) -> Request:
    return Request(messages=messages, model="m", api=api, options=NO_OPTIONS.replace(**options))


def body(dialect: Dialect = OTHER, api: str = "chat", **options: Any) -> dict[str, Any]:
    return encode(request(api, **options), dialect)[1]


@pytest.mark.parametrize("api", APIS)
def test_an_option_that_is_not_set_is_not_sent(api):
    sent = encode(request(api), OTHER)[1]
    content = {"messages", "input", "prompt"}
    assert sent.keys() - content == {"model"}
    assert None not in sent.values()


@pytest.mark.parametrize(
    ("dialect", "api", "field"),
    [
        (OPENAI, "chat", "max_completion_tokens"),
        (OTHER, "chat", "max_tokens"),
        (LLAMA, "chat", "max_tokens"),
        (OPENAI, "completions", "max_tokens"),
        (OPENAI, "responses", "max_output_tokens"),
        (OTHER, "responses", "max_output_tokens"),
    ],
)
def test_max_tokens_goes_under_the_name_the_api_has_for_it(dialect, api, field):
    sent = body(dialect, api, max_tokens=5)
    assert {name for name in sent if "max" in name} == {field}
    assert sent[field] == 5


def test_sampling_options_go_as_they_are():
    sent = body(temperature=0, top_p=0.5, n=3, seed=7, stop="x", reasoning_effort="low")
    assert sent["temperature"] == 0
    assert (sent["top_p"], sent["n"], sent["seed"]) == (0.5, 3, 7)
    assert sent["stop"] == ["x"]
    assert sent["reasoning_effort"] == "low"
    assert body(api="responses", reasoning_effort="low")["reasoning"] == {"effort": "low"}


def test_logprobs_ask_for_the_chosen_token_and_the_alternatives():
    assert body(logprobs=0) == {"model": "m", "logprobs": True} | {"messages": body()["messages"]}
    assert body(logprobs=5)["top_logprobs"] == 5
    assert body(OPENAI, "completions", logprobs=0)["logprobs"] == 0
    assert body(LLAMA, "completions", logprobs=0)["logprobs"] == 1


def test_openai_is_told_not_to_store_responses_unless_asked_to():
    assert body(OPENAI, "responses")["store"] is False
    assert body(OPENAI, "responses", extra={"store": True})["store"] is True
    assert "store" not in body(OTHER, "responses")


def test_the_developer_role_is_sent_to_openai_only():
    messages = (Message("developer", "Be brief."), *HI)
    assert encode(request("chat", messages), OPENAI)[1]["messages"][0]["role"] == "developer"
    assert encode(request("chat", messages), LLAMA)[1]["messages"][0]["role"] == "system"


def test_extra_fields_win_and_streaming_is_not_theirs_to_choose():
    sent = encode(request(temperature=1, extra={"temperature": 0, "stream": True}), OTHER)[1]
    assert sent["temperature"] == 0
    assert "stream" not in sent
    streamed = encode(request(), OTHER, stream=True)[1]
    assert streamed["stream"] is True
    assert streamed["stream_options"] == {"include_usage": True}


def test_extra_that_is_no_object_is_refused():
    with pytest.raises(OptionError, match="extra"):
        body(extra="[1]")


@pytest.mark.parametrize("option", [{"stop": "x"}, {"n": 2}, {"seed": 1}])
def test_what_an_api_cannot_say_is_refused_and_not_dropped(option):
    with pytest.raises(OptionError, match="responses API has no"):
        body(api="responses", **option)
    with pytest.raises(OptionError, match="reasoning_effort"):
        body(api="completions", reasoning_effort="low")


# -- constraints ----------------------------------------------------------------------------


def test_a_choice_goes_to_openai_as_an_enum_in_an_object():
    schema = body(OPENAI, constraint=CHOICE)["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"] == {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    form = body(OPENAI, "responses", constraint=CHOICE)["text"]["format"]
    assert (form["type"], form["name"]) == ("json_schema", "answer")


def test_a_schema_outside_of_strict_mode_is_sent_without_it():
    loose = Constraint.json_schema({"type": "object", "properties": {"a": {"type": "string"}}})
    assert body(OPENAI, constraint=loose)["response_format"]["json_schema"]["strict"] is False


def test_a_grammar_goes_to_llama_as_it_is():
    assert body(LLAMA, constraint=Constraint.grammar("root ::= [a]"))["grammar"] == "root ::= [a]"
    assert body(LLAMA, constraint=CHOICE)["grammar"] == 'root ::= "yes" | "no"'
    schema = {"type": "object"}
    assert body(LLAMA, constraint=Constraint.json_schema(schema))["json_schema"] == schema
    assert body(LLAMA, constraint=Constraint.regex("a+"))["grammar"] == 'root ::= "a"+'


@pytest.mark.parametrize(
    "constraint",
    [CHOICE, Constraint.json_schema({}), Constraint.regex("a"), Constraint.grammar("root ::= [a]")],
)
def test_nothing_is_sent_to_who_understands_no_constraint(constraint):
    assert body(OTHER, constraint=constraint) == body(OTHER)


def test_a_wrapped_choice_is_unwrapped_and_other_text_left_alone():
    asked = request(constraint=CHOICE)
    assert decode(asked, chat('{"answer":"no"}'), OPENAI).text == "no"
    assert decode(asked, chat('{"answer":'), OPENAI).text == '{"answer":'
    assert decode(asked, chat('{"answer":"no"}'), OTHER).text == '{"answer":"no"}'


# -- answers --------------------------------------------------------------------------------


def chat(content: Any, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content} | message
    return {"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}


def test_choices_come_in_the_order_of_their_index():
    choices = [
        {"index": 1, "message": {"content": "b"}},
        {"index": 0, "message": {"content": "a"}},
    ]
    answer = decode(request(), {"choices": choices}, OTHER)
    assert [choice.text for choice in answer.choices] == ["a", "b"]


def test_a_refusal_is_the_text_and_the_reason():
    answer = decode(request(), chat(None, refusal="I cannot."), OPENAI)
    assert (answer.text, answer.finish_reason) == ("I cannot.", "refusal")


def test_content_may_be_parts_or_nothing():
    assert decode(request(), chat([{"type": "text", "text": "a"}]), OTHER).text == "a"
    assert decode(request(), chat(None), OTHER).text == ""


def test_usage_is_read_with_its_details():
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 12},
    }
    got = decode(request(), chat("a") | {"usage": usage}, OPENAI).usage
    assert (got.input_tokens, got.output_tokens) == (100, 20)
    assert (got.cached_tokens, got.reasoning_tokens, got.estimated) == (64, 12, False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
counts = json_values | st.integers(-5, 10**12)


@given(
    st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens", "input_tokens"]), counts)
    | json_values
)
def test_no_usage_is_absurd_enough_to_break_the_count(usage):
    got = decode(request(), chat("some text") | {"usage": usage}, OTHER).usage
    assert 0 <= got.cached_tokens <= got.input_tokens <= 10**9
    assert 0 <= got.reasoning_tokens <= got.output_tokens <= 10**9
    assert got.input_tokens > 0 or not got.estimated


@given(st.sampled_from(APIS), json_values)
def test_any_json_is_read_or_is_a_protocol_error(api, data):
    for answer in (data, {"choices": data}, {"output": data}, {"data": data}, {"results": data}):
        with suppress(ProtocolError):
            decode(request(api), answer, OTHER)


@given(json_values)
def test_any_choice_is_read_or_is_a_protocol_error(data):
    for choice in ({"message": data}, {"message": {"content": data}}, {"text": data}):
        answer = {"choices": [choice | {"logprobs": data, "index": data, "finish_reason": data}]}
        for api in ("chat", "completions"):
            with suppress(ProtocolError):
                decode(request(api), answer, OTHER)


def test_logprobs_of_the_parallel_kind_are_read():
    logprobs = {
        "tokens": ["a", "b"],
        "token_logprobs": [None, -0.5],
        "top_logprobs": [None, {"b": -0.5, "c": -2}],
    }
    data = {"choices": [{"text": "ab", "logprobs": logprobs}]}
    first, second = decode(request("completions"), data, OTHER).choices[0].logprobs
    assert (first.logprob, first.top) == (-9999.0, ())
    assert [(top.token, top.logprob) for top in second.top] == [("b", -0.5), ("c", -2.0)]


def test_responses_join_the_texts_and_tell_why_they_are_incomplete():
    parts = [{"type": "output_text", "text": "a"}, {"type": "output_text", "text": "b"}]
    data = {
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [{"type": "reasoning"}, {"type": "message", "content": parts}],
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
    answer = decode(request("responses"), data, OPENAI)
    assert (answer.text, answer.finish_reason) == ("ab", "length")
    assert answer.usage.input_tokens == 3


def test_vectors_are_read_from_numbers_and_from_base64():
    assert parse_vector([1, -2.5]) == (1.0, -2.5)
    assert parse_vector("AACAPwAAIMA=") == (1.0, -2.5)
    for bad in ("AAAA", "not base64!", None, [None], 7):
        with pytest.raises(ProtocolError):
            parse_vector(bad)


def test_a_missing_vector_is_noticed():
    with pytest.raises(ProtocolError, match="1 embeddings came for 2 texts"):
        decode(request("embeddings", HI * 2), {"data": [{"embedding": [1.0]}]}, OTHER)


# -- addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    ["", "api.openai.com/v1", "ftp://x/v1", "http://", "http://x:99999/v1", "http://x/v1?a=b"],
)
def test_what_is_no_http_address_is_refused(bad):
    with pytest.raises(OptionError, match="base_url"):
        checked_base_url(bad)


def test_a_password_in_the_address_is_refused_and_not_shown():
    with pytest.raises(OptionError) as caught:
        checked_base_url("https://me:hunter22@example.com/v1")
    assert "hunter22" not in str(caught.value)


def test_openai_and_azure_are_known_by_their_hosts():
    assert dialect_of("https://api.openai.com/v1").is_openai
    assert dialect_of("https://eu.api.openai.com/v1").is_openai
    assert dialect_of("https://x.openai.azure.com/openai").constraints == "json_schema"
    assert not dialect_of("https://api.openai.com.example.org/v1").is_openai
    with pytest.raises(OptionError, match="json_schema, grammar, none"):
        dialect_of("http://x", "gbnf")  # type: ignore[arg-type]


def test_the_endpoint_names_all_that_answers():
    assert endpoint_name("http://x/v1") == "http://x/v1"
    assert endpoint_name("http://x/v1", "o", "p", "v").split() == [
        "http://x/v1",
        "organization=o",
        "project=p",
        "api-version=v",
    ]


def test_bodies_are_json():
    for api in APIS:
        json.dumps(encode(request(api), OPENAI, stream=api == "chat")[1])


# -- order ----------------------------------------------------------------------------------


def vectors(*places: object) -> dict[str, Any]:
    items = [{"index": place, "embedding": [float(i)]} for i, place in enumerate(places)]
    return {"data": [{k: v for k, v in item.items() if v is not None} for item in items]}


def in_order(*places: object) -> list[float]:
    answer = decode(request("embeddings", HI * len(places)), vectors(*places), OTHER)
    assert answer.vectors is not None
    return [vector[0] for vector in answer.vectors]


def test_vectors_come_in_the_order_of_their_index():
    assert in_order(2, 0, 1) == [1.0, 2.0, 0.0]
    assert in_order(None, None, None) == [0.0, 1.0, 2.0]
    assert in_order(7) == [0.0], "one has one place only"


NO_ORDERS = [(0, 0), (0, 1, 0), (-1, -2), (10**9, 10**9 + 1), (1, 2), (0, None), ("0", "1")]


@pytest.mark.parametrize("places", NO_ORDERS, ids=repr)
def test_an_index_that_names_no_place_is_not_guessed_at(places):
    with pytest.raises(ProtocolError, match="index"):
        in_order(*places)


@given(st.permutations(range(8)))
def test_whatever_order_vectors_come_in_each_goes_to_its_text(places):
    assert [places[int(value)] for value in in_order(*places)] == list(range(8))


def completions(parts: int, places: tuple[object, ...], n: int | None = None) -> list[str]:
    asked = [request("completions", (Message("user", str(i)),), n=n) for i in range(parts)]
    whole = asked[0] if parts == 1 else Pack.of(asked, lambda: None)
    choices = [{"index": place, "text": str(i)} for i, place in enumerate(places)]
    return [choice.text for choice in decode(whole, {"choices": choices}, OTHER).choices]


@pytest.mark.parametrize("places", NO_ORDERS, ids=repr)
def test_a_choice_of_a_pack_without_a_place_is_not_given_to_another_prompt(places):
    assert completions(3, (2, 0, 1)) == ["1", "2", "0"]
    assert completions(3, (None, None, None)) == ["0", "1", "2"]
    with pytest.raises(ProtocolError, match="index"):
        completions(len(places), places)


@pytest.mark.parametrize("places", NO_ORDERS, ids=repr)
def test_answers_to_one_prompt_are_equally_good_in_any_order(places):
    assert completions(1, (1, 0), n=2) == ["1", "0"]
    assert completions(1, places, n=len(places)) == [str(i) for i in range(len(places))]
    assert completions(1, (5,)) == ["0"]


@pytest.mark.parametrize(
    ("address", "is_sent"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://x.openai.azure.com/openai", False),
        ("https://api.openai.com.example.org/v1", False),
        ("http://127.0.0.1:8000/v1", False),
    ],
)
def test_who_asks_is_told_to_openai_alone(address: str, *, is_sent: bool) -> None:
    request = Request(messages=(Message("user", "Hi"),), model="m", end_user="a" * 64)
    for api in APIS:
        _, body = encode(request.replace(api=api), dialect_of(address))
        takes_it = is_sent and api in ("chat", "responses")
        assert ("safety_identifier" in body) is takes_it
        assert "user" not in body


def test_who_asks_is_no_part_of_the_key() -> None:
    request = Request(messages=(Message("user", "Hi"),), model="m")
    assert request.key == request.replace(end_user="a" * 64).key
    assert request == request.replace(end_user="a" * 64)
