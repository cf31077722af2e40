from __future__ import annotations

import pickle

import pytest
from guidance import gen, select
from pydantic import BaseModel, field_validator

import promptkit as pk
from promptkit import Constraint
from promptkit.errors import OptionError
from promptkit.primitives import constrained

pytestmark = pytest.mark.anyio


class Even(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def _is_even(cls, number):
        if number % 2:
            raise ValueError
        return number


def session_of(*answers):
    model = pk.testing.Scripted(lambda request: answers[min(request.sample, len(answers) - 1)])
    return pk.connect(transport=model, model="scripted", cache=None), model


@pytest.mark.parametrize(
    ("form", "answer", "value"),
    [
        (["yes", "no"], " no\n", "no"),
        ([" yes", " no"], "no", " no"),
        (["a", " a"], " a", " a"),
        (Constraint.regex("[0-9]+"), "12", "12"),
        (Constraint.regex("(?P<n>[0-9]+)( .*)?"), "12 or so", {"n": "12"}),
        (select(["a", "b"], name="x"), "b", {"x": "b"}),
        (select(["a", "b"]), "b", "b"),
        ({"type": "array"}, "[1, 2]", [1, 2]),
        (list[int], "[1, 2]", [1, 2]),
        (Even, '{"number": 4}', Even(number=4)),
    ],
)
async def test_an_answer_that_obeys_is_read(form, answer, value):
    session, model = session_of(answer)
    result = await constrained(session, "Well?", form)
    assert result.value == value
    assert (result.samples, result.evidence) == (1, answer)
    assert model.requests[0].options.constraint == Constraint.of(form)
    assert model.requests[0].options.temperature == 0
    assert pickle.loads(pickle.dumps(result)) == result


async def test_one_that_does_not_is_asked_for_again_as_another_sample():
    session, model = session_of("maybe", "", "yes")
    result = await constrained(session, "Well?", ["yes", "no"], max_tokens=3)
    assert (result.value, result.samples) == ("yes", 3)
    assert [(r.sample, r.options.temperature) for r in model.requests] == [
        (0, 0),
        (1, 0.7),
        (2, 0.7),
    ]
    assert {r.options.max_tokens for r in model.requests} == {3}


async def test_a_type_has_the_last_word():
    session, model = session_of('{"number": 3}', '{"number": 4}')
    assert (await constrained(session, "Even?", Even)).value == Even(number=4)
    assert len(model.requests) == 2


@pytest.mark.parametrize("answer", ["", "maybe", "yes yes", "да", "\ud800"])
@pytest.mark.parametrize("tries", [1, 4])
async def test_no_answer_that_obeys_is_an_answer_too_and_costs_no_more_than_its_bound(
    answer, tries
):
    session, model = session_of(answer)
    for form in (["yes", "no"], Even, gen("x", regex="[0-9]+")):
        before = len(model.requests)
        result = await constrained(session, "Well?", form, tries=tries)
        assert result.is_unknown
        assert "not obey" in result.reason
        assert result.evidence == answer
        assert len(model.requests) - before == tries


async def test_an_answer_that_could_not_be_checked_is_none_and_the_reason_says_so():
    session, _ = session_of("a" * 40)
    result = await constrained(session, "Well?", Constraint.regex("(?=(a+)+b).*"), tries=2)
    assert result.is_unknown
    assert "not found out" in result.reason


async def test_a_number_beyond_all_bounds_is_no_answer():
    session, _ = session_of("9" * 400, "1e999", "0.5")
    result = await constrained(session, "Well?", {"multipleOf": 0.25, "type": "number"})
    assert (result.value, result.samples) == (0.5, 3)


@pytest.mark.parametrize(
    "more",
    [
        {"constraint": {"type": "objekt"}},
        {"constraint": Constraint.grammar("root := a")},
        {"retry_temperature": "hot"},
        {"retry_temperature": -1},
    ],
)
async def test_what_would_fail_later_is_told_before_anything_is_asked(more):
    session, model = session_of("yes")
    with pytest.raises(OptionError):
        await constrained(session, "Well?", **{"constraint": ["yes"], **more})
    assert model.requests == []


@pytest.mark.parametrize("tries", [0, -1, True, 2.5, "3", None])
async def test_bad_arguments_are_told_before_anything_is_asked(tries):
    session, model = session_of("yes")
    with pytest.raises(OptionError, match="tries"):
        await constrained(session, "Well?", ["yes"], tries=tries)
    with pytest.raises(OptionError):
        await constrained(session, "Well?", "yes|no")
    assert model.requests == []
