from __future__ import annotations

import pytest

import promptkit as pk
from promptkit.errors import OptionError
from promptkit.primitives import best_of, vote

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
