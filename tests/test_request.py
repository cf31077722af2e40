from __future__ import annotations

import pickle
from types import MappingProxyType

import pytest
from hypothesis import given
from strategies import requests

from promptkit import Constraint, Message, Options
from promptkit.codec import request_from_json, request_to_json
from promptkit.errors import OptionError
from promptkit.request import Request


@given(requests, requests)
def test_keys_are_equal_exactly_when_requests_are(one: Request, other: Request) -> None:
    assert (one.key == other.key) == (one == other)


@given(requests)
def test_a_request_survives_json_and_pickle(request_: Request) -> None:
    data = request_to_json(request_)
    again = request_from_json(data, request_.endpoint)
    assert again == request_
    assert again.key == request_.key
    assert pickle.loads(pickle.dumps(request_)) == request_


def test_equal_options_written_differently_have_one_key() -> None:
    one = Options().replace(temperature=0, stop="x")
    other = Options().replace(stop=["x"], temperature=0.0)
    assert one == other
    assert one.digest == other.digest


def test_a_key_is_the_same_in_every_process_and_release() -> None:
    question = Request(messages=(Message("user", "Hi"),), model="m", endpoint="e")
    assert question.key.hex() == "f512a3b6a5c9826b213325b43f48b7eb"


BAD_OPTIONS: list[tuple[str, object]] = [
    ("max_tokens", 0),
    ("max_tokens", "many"),
    ("n", True),
    ("temperature", "hot"),
    ("temperature", float("nan")),
    ("temperature", -1),
    ("constraint", "yes|no"),
    ("stop", 5),
    ("seed", "x"),
    ("seed", 2**63),
    ("seed", 10**5_000),
    ("max_tokens", 10**400),
    ("temperature", float("inf")),
    ("temperature", 10**400),
    ("temperature", 10**5_000),
    ("temperature", [1]),
    ("top_p", float("inf")),
    ("presence_penalty", float("inf")),
    ("frequency_penalty", float("-inf")),
    ("frequency_penalty", float("nan")),
    ("logprobs", 1.0),
    ("logprobs", -1),
    ("logprobs", [1]),
    ("logprobs", "x"),
    ("reasoning_effort", ["x"]),
    ("reasoning_effort", {}),
    ("reasoning_effort", 5),
    ("reasoning_effort", ""),
    ("stop", ("a", ["b"])),
    ("extra", "not json"),
    ("extra", "[1]"),
    ("extra", '{"a": NaN}'),
    ("extra", "[" * 100_000),
    ("extra", [1]),
    ("extra", 5),
    ("extra", {"a": float("nan")}),
    ("extra", {"a": {"b": [float("inf")]}}),
    ("extra", {"a": {1}}),
    ("extra", {1: 2}),
    ("extra", {1: 2, "a": 1}),
]


@pytest.mark.parametrize(
    ("name", "value"),
    BAD_OPTIONS,
    ids=[f"{name} {place}" for place, (name, _) in enumerate(BAD_OPTIONS)],
)
def test_a_bad_option_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=name):
        Options().replace(**{name: value})
    with pytest.raises(OptionError, match=name):
        Options(**{name: value})  # type: ignore[arg-type]


def test_an_unknown_option_names_the_near_one() -> None:
    with pytest.raises(OptionError, match="no option 'temprature': did you mean 'temperature'"):
        Options().replace(temprature=0)


def test_constraints_check_what_they_can() -> None:
    assert Constraint.choice(["yes", "no"]).allows(" yes ")
    assert not Constraint.choice(["yes", "no"]).allows("yes, surely")
    assert Constraint.regex(r"\d+").allows("12")
    assert not Constraint.json_schema({"type": "object"}).allows("{")
    with pytest.raises(OptionError):
        Constraint.choice([])
    with pytest.raises(OptionError):
        Constraint.regex("(")


def test_every_option_is_in_the_key() -> None:
    values = {
        "temperature": 0.5,
        "top_p": 0.5,
        "max_tokens": 5,
        "stop": "x",
        "n": 2,
        "seed": 1,
        "logprobs": 2,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.5,
        "reasoning_effort": "low",
        "constraint": Constraint.choice(["a"]),
        "extra": {"a": 1},
    }
    message = (Message("user", "Hi"),)
    keys = {Request(messages=message, model="m").key}
    for name, value in values.items():
        options = Options().replace(**{name: value})
        keys.add(Request(messages=message, model="m", options=options).key)
    assert len(keys) == 1 + len(values)
    assert set(values) == {name for name in Options.__slots__ if not name.startswith("_")}


def test_an_option_that_equals_another_is_not_taken_for_it() -> None:
    assert Options().replace(logprobs=1).logprobs == 1
    assert Options().replace(logprobs=True).logprobs == 0


def test_an_extra_that_holds_itself_is_refused() -> None:
    extra: dict[str, object] = {}
    extra["a"] = extra
    with pytest.raises(OptionError, match="extra"):
        Options().replace(extra=extra)


def test_extra_is_a_mapping_of_any_kind_or_json_text() -> None:
    one = Options().replace(extra=MappingProxyType({"b": 1, "a": {50256: -100}}))
    assert one.extra == '{"a": {"50256": -100}, "b": 1}'
    assert Options().replace(extra=one.extra) == one


def test_zero_below_zero_is_zero() -> None:
    one, other = Options(temperature=-0.0), Options(temperature=0.0)
    assert (one, one.digest, hash(one)) == (other, other.digest, hash(other))
