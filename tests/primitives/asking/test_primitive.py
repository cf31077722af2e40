from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

import promptkit as pk
from promptkit.errors import OptionError
from promptkit.primitives import best_of, vote
from promptkit.primitives.asking.primitive import numbered, primitive

pytestmark = pytest.mark.anyio


def session_of(*texts: str) -> pk.Session:
    model = pk.testing.Scripted(lambda request: texts[request.sample])
    return pk.connect(transport=model, model="scripted")


async def test_a_plain_function_reads_answers_and_is_named_in_the_result() -> None:
    def last_letter(text: str) -> str | None:
        return text[-1:] or None

    result = await vote(
        session_of("a b", "c", "x b"), "?", n=3, extract=last_letter, stop_when_sure=None
    )
    assert (result.value, result.extractor) == ("b", "last_letter v1")


async def test_what_cannot_read_a_text_is_refused_before_anything_is_asked() -> None:
    session = session_of()
    with pytest.raises(OptionError, match="extract of type int"):
        await best_of(session, "?", extract=5)
    assert session.usage.requests == 0


async def test_a_result_tells_what_each_step_took_and_so_does_its_copy_after_a_pickle() -> None:
    import pickle

    result = await vote(session_of("a", "b"), "?", n=2, stop_when_sure=None)
    assert [(step.name, step.requests) for step in result.steps] == [("vote", 2)]
    assert pickle.loads(pickle.dumps(result)).steps == result.steps


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"extractor": str.strip}, "did you mean 'extract'?"),
        ({"instructions": "Think."}, "did you mean 'instruction'?"),
        ({"temprature": 0.5}, "did you mean 'temperature'?"),
        ({"breadth": 2}, "it takes question, n, extract"),
    ],
)
async def test_an_argument_that_nobody_takes_is_named_with_what_was_meant(
    wrong: dict[str, object], hint: str
) -> None:
    session = session_of()
    with pytest.raises(OptionError) as told:
        await vote(session, "?", **wrong)  # type: ignore[arg-type]
    assert f"vote has no argument {next(iter(wrong))!r}" in str(told.value)
    assert hint in str(told.value)
    assert session.usage.requests == 0


async def test_a_forgotten_session_is_told_as_that() -> None:
    with pytest.raises(OptionError, match="the session comes first"):
        await vote("How many?", n=3)  # type: ignore[arg-type]


async def test_what_makes_an_extractor_is_not_taken_for_one() -> None:
    with pytest.raises(OptionError, match=r"such as answers\.choice\("):
        await vote(session_of(), "?", extract=pk.primitives.answers.choice)


async def test_what_was_answered_before_another_failed_is_not_asked_again() -> None:
    """What was under way is given up, and asked again."""
    is_down = True

    async def answer(request: pk.Request) -> str:
        if request.sample == 0:
            return "7"
        if request.sample == 1 and is_down:
            await asyncio.sleep(0.01)
            raise pk.errors.RefusedRequestError("400")
        if is_down:
            await asyncio.sleep(60)
        return "7"

    model = pk.testing.Scripted(answer)
    session = pk.connect(transport=model, model="scripted")
    with pytest.raises(pk.errors.RefusedRequestError):
        await vote(session, "?", n=3, stop_when_sure=None)
    is_down = False
    assert (await vote(session, "?", n=3, stop_when_sure=None)).value == "7"
    assert [request.sample for request in model.requests] == [0, 1, 2, 1, 2]


@given(st.lists(st.text("a \n\r\u2028[1]"), max_size=5))
def test_numbered_texts_have_one_heading_each_at_the_very_left(texts: list[str]) -> None:
    told = numbered(texts, "Text {}:\n")
    lefts = [line for line in told.splitlines() if line and not line.startswith("  ")]
    assert lefts == [f"Text {number}:" for number in range(1, len(texts) + 1)]
    inline = [line for line in numbered(texts).splitlines() if line and line[0] != " "]
    assert [line.partition("]")[0] for line in inline] == [
        f"[{number}" for number in range(1, len(texts) + 1)
    ]


async def test_a_step_in_which_nothing_was_asked_is_not_told() -> None:
    @primitive
    async def thinking(session: pk.Session, /, question: str) -> pk.Result[str]:
        session.step("idle").step("idle too")
        response = await session.step("busy").ask(question)
        return pk.Result(response.text)

    result = await thinking(session_of("a"), "?")
    assert [(step.name, step.depth) for step in result.steps] == [("thinking", 0), ("busy", 1)]


@pytest.mark.anyio
async def test_a_judge_under_a_step_of_its_name_is_told_once() -> None:
    model = pk.testing.Scripted(lambda r: "yes" if "proposed" in r.text else str(r.sample))
    session = pk.connect(transport=model, model="m")
    result = await pk.primitives.best_of(session, "?", n=2)
    names = [step.name for step in result.steps]
    assert names == ["best_of", "verify 0", "verify 1"]
