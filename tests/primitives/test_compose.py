from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import promptkit as pk
from promptkit import Request
from promptkit.errors import (
    BudgetError,
    OptionError,
    RefusedRequestError,
    UnfitAnswerError,
    UnknownModelError,
)
from promptkit.primitives import (
    answers,
    chain_of_thought,
    fallback,
    partial,
    selection_inference,
    verify,
    vote,
    with_retries_on,
)
from promptkit.primitives.asking.sampling import Candidate, Solver
from promptkit.result import Result, Verdict
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio

NUMBER = partial(chain_of_thought, extract=answers.number)


def scripted(answer: Any = "yes") -> tuple[pk.Session, Scripted]:
    model = Scripted(answer)
    return pk.connect(transport=model, model="m"), model


async def knows_nothing(session: pk.Session, question: object) -> Result[str]:
    return Result.unknown("never heard of it", samples=2)


async def raises_refused(session: pk.Session, question: object) -> Result[str]:
    msg = "no"
    raise RefusedRequestError(msg)


async def raises_unknown_model(session: pk.Session, question: object) -> Result[str]:
    msg = "gone"
    raise UnknownModelError(msg)


async def raises_unfit(session: pk.Session, question: object) -> Result[str]:
    msg = "no JSON"
    raise UnfitAnswerError(msg, text="so")


async def raises_budget(session: pk.Session, question: object) -> Result[str]:
    msg = "spent"
    raise BudgetError(msg)


async def is_odd(session: pk.Session, question: object, answer: Candidate) -> bool:
    return isinstance(answer.value, int) and answer.value % 2 == 1


# -- partial ----------------------------------------------------------------------------------


async def test_partial_leaves_the_session_first() -> None:
    async def asked(session: pk.Session, *args: object, **more: object) -> tuple[Any, ...]:
        return (type(session).__name__, args, more)

    solve = partial(asked, "context", choices=("a",), n=1)
    session, _ = scripted()
    assert await solve(session, "question", n=2) == (
        "Session",
        ("context", "question"),
        {"choices": ("a",), "n": 2},
    )


async def test_selection_inference_with_its_context_set_answers_questions() -> None:
    session, _ = scripted("none")
    solve = partial(selection_inference, ["Mice fear cats."], choices=("True", "False"))
    results = await session.map(solve, ["Do mice fear cats?", "Do cats fear mice?"])
    assert [result.value for result in results] == [None, None]
    assert session.trace.children[0].name == "map selection_inference"


async def test_a_partial_of_a_partial_is_one() -> None:
    outer = partial(partial(chain_of_thought, instruction="a", sample=1), instruction="b")
    assert outer.func is chain_of_thought
    assert outer.keywords == {"instruction": "b", "sample": 1}
    assert outer.__name__ == "chain_of_thought"


def test_partial_of_no_function_is_refused() -> None:
    with pytest.raises(OptionError, match="partial of str"):
        partial("chain_of_thought")  # type: ignore[arg-type]


# -- fallback ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first", [knows_nothing, raises_refused, raises_unknown_model, raises_unfit]
)
async def test_who_abstains_or_fails_leaves_it_to_the_next(first: Solver) -> None:
    session, _ = scripted("Answer: 7")
    result = await fallback(first, NUMBER)(session, "3 + 4?")
    assert (result.value, result.evidence.answered) == (7, "chain_of_thought")
    assert [each.solver for each in result.evidence.attempts] == [
        getattr(first, "__name__", ""),
        "chain_of_thought",
    ]
    assert result.evidence.evidence == "Answer: 7"
    assert result.extractor == "number v1"


async def test_nobody_is_asked_after_an_answer() -> None:
    session, model = scripted("7")
    result = await fallback(NUMBER, raises_budget)(session, "3 + 4?")
    assert (result.value, len(model.requests)) == (7, 1)
    assert [step.name for step in result.steps] == ["fallback", "solver 0", "chain_of_thought"]


async def test_when_nobody_answers_it_is_unknown_and_says_why() -> None:
    session, _ = scripted("")
    result = await fallback(knows_nothing, raises_refused, knows_nothing)(session, "?")
    assert result.is_unknown
    assert result.samples == 2
    assert "knows_nothing abstained (never heard of it); raises_refused failed" in result.reason
    assert result.evidence.answered is None


@pytest.mark.parametrize(
    "solvers",
    [
        (knows_nothing, raises_refused),
        (raises_refused, knows_nothing),
        (raises_refused, knows_nothing, raises_refused),
    ],
)
async def test_where_one_abstained_and_another_failed_it_is_unknown(
    solvers: tuple[Solver, ...],
) -> None:
    session, _ = scripted()
    result = await fallback(*solvers)(session, "?")
    assert (result.is_unknown, result.samples) == (True, 1)
    assert "knows_nothing abstained (never heard of it)" in result.reason
    assert "raises_refused failed" in result.reason


async def test_when_every_call_failed_the_last_error_is_raised() -> None:
    session, _ = scripted()
    with pytest.raises(UnknownModelError, match="gone"):
        await fallback(raises_refused, raises_unknown_model)(session, "?")
    assert (await fallback(raises_refused, knows_nothing)(session, "?")).is_unknown


async def test_a_spent_budget_ends_a_fallback() -> None:
    session, _ = scripted("7")
    with pytest.raises(BudgetError):
        await fallback(raises_budget, NUMBER)(session, "?")


async def test_the_explanation_says_who_answered() -> None:
    session, _ = scripted("7")
    result = await fallback(knows_nothing, partial(vote, n=2, extract=answers.number))(session, "?")
    text = result.explain().text
    assert "Votes, read by number v1" in text
    assert "knows_nothing  abstained  never heard of it" in text


@pytest.mark.parametrize("bad", [(), ("chain_of_thought",)])
def test_a_fallback_needs_solvers(bad: tuple[Any, ...]) -> None:
    with pytest.raises(OptionError):
        fallback(*bad)


# -- with_retries_on --------------------------------------------------------------------------


async def test_answers_are_drawn_until_one_passes() -> None:
    session, model = scripted(lambda r: str(4 + r.sample))
    result = await with_retries_on(is_odd, of=NUMBER)(session, "?")
    assert (result.value, result.samples) == (5, 2)
    assert [request.sample for request in model.requests] == [0, 1]
    assert [str(draw.verdict) for draw in result.evidence.draws] == [
        "fail: is_odd refused it",
        "pass: is_odd passed it",
    ]
    assert [request.options.temperature for request in model.requests] == [0.7, 0.7]


async def test_the_draws_are_bounded() -> None:
    session, model = scripted(lambda r: str(2 * r.sample))
    result = await with_retries_on(is_odd, of=NUMBER, n=5)(session, "?")
    assert (result.value, result.samples, len(model.requests)) == (None, 5, 5)
    assert result.reason == "none of 5 draws passed; the last verdict: fail: is_odd refused it"


async def test_what_is_unsure_has_not_passed() -> None:
    async def judge(*_: object) -> Verdict:
        return Verdict("unsure", "cannot say")

    session, _ = scripted("7")
    assert (await with_retries_on(judge, of=NUMBER, n=2)(session, "?")).is_unknown


async def test_an_answer_that_comes_again_is_not_judged_again() -> None:
    judged: list[str] = []

    def judge(_: object, __: object, answer: Candidate) -> Verdict:
        judged.append(answer)
        return Verdict("fail")

    session, _ = scripted("4")
    await with_retries_on(judge, of=NUMBER, n=4)(session, "?")
    assert judged == ["4"]


async def test_an_abstention_is_drawn_anew_without_a_judgement() -> None:
    session, _ = scripted(lambda r: "7" if r.sample == 2 else "")
    result = await with_retries_on(is_odd, of=NUMBER)(session, "?")
    assert (result.value, [draw.verdict is None for draw in result.evidence.draws]) == (
        7,
        [True, True, False],
    )
    never, _ = scripted("")
    result = await with_retries_on(is_odd, of=NUMBER)(never, "?")
    assert result.reason == "no answer found in 3 draws"


async def test_a_model_can_judge() -> None:
    def answer(request: Request) -> str:
        if "yes or no" in request.text:
            return "yes" if "It is 5" in request.text else "no"
        return f"It is {4 + request.sample}"

    session, _ = scripted(answer)
    result = await with_retries_on(partial(verify, votes=1), of=NUMBER)(session, "3 + 2?")
    assert (result.value, result.samples) == (5, 2)


@pytest.mark.parametrize("said", ["pass", 0.9])
async def test_a_judge_says_a_verdict_or_a_bool(said: Any) -> None:
    session, _ = scripted("7")
    with pytest.raises(OptionError, match="a bool, a Verdict or None"):
        await with_retries_on(lambda *_: said, of=NUMBER)(session, "?")


@pytest.mark.parametrize("bad", [{"n": 0}, {"of": None}, {"verdict": "yes"}])
def test_retries_need_a_judge_a_solver_and_a_bound(bad: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        with_retries_on(**{"verdict": is_odd, **bad})


# -- all of them ------------------------------------------------------------------------------

COMPOSED: list[Callable[[], Any]] = [
    lambda: NUMBER,
    lambda: fallback(knows_nothing, NUMBER),
    lambda: with_retries_on(is_odd, of=NUMBER),
    lambda: fallback(raises_refused, with_retries_on(is_odd, of=fallback(knows_nothing, NUMBER))),
    lambda: partial(vote, n=3, extract=answers.number, of=with_retries_on(is_odd, of=NUMBER)),
]


@pytest.mark.parametrize("made", COMPOSED, ids=range(len(COMPOSED)))
async def test_what_is_composed_is_pickled_and_mapped(made: Callable[[], Any]) -> None:
    again = pickle.loads(pickle.dumps(made()))
    assert again == made()
    session, _ = scripted(lambda r: str(6 + r.sample if "even" in r.text else 7))
    results = await session.map(again, ["even or odd?", "odd?"])
    assert [result.value for result in results][1] == 7
    assert pickle.loads(pickle.dumps(results)) == results


async def test_draws_within_draws_share_no_request() -> None:
    session, model = scripted(lambda r: str(2 * r.sample))
    inner = with_retries_on(is_odd, of=NUMBER, n=3)
    result = await vote(session, "?", n=4, extract=answers.number, of=inner, stop_when_sure=None)
    assert result.is_unknown
    assert len({request.sample for request in model.requests}) == 12


async def test_a_judge_that_answers_with_numpys_bool_is_heard() -> None:
    model = pk.testing.Scripted(lambda request: str(request.sample))

    def is_positive(session: Any, question: Any, answer: Any) -> Any:
        return np.bool_(int(answer) > 0)

    session = pk.connect(transport=model, model="scripted")
    result = await with_retries_on(is_positive)(session, "A number?")
    assert (str(result.value), result.samples) == ("1", 2)


def test_a_solver_of_other_arguments_is_refused_before_it_is_asked() -> None:
    with pytest.raises(OptionError, match="of cannot be called"):
        with_retries_on(lambda session, question, answer: True, of=lambda session: None)
